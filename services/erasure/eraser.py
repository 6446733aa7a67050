"""How is a customer's data erased everywhere, whatever crashes in between, and how does it stay erased?

The steps, and what a crash after each leaves. Whoever sweeps next does all of them again.

1. write the order down, by ids      nothing is erased: the sweep begins
2. the requests, each conditionally  a request that says nothing of its customer, whose id stays taken: a redelivery
                                     finds it there and brings nothing back
3. their referrals, closed           open ones left: the next sweep closes them; partners hear of it from the outbox
4. the mails to the customer         none goes out: a sender that looks finds the request withdrawn or erased
5. the topic that publishers write   records that intake has read are deleted, once it has read all that was there
6. kept originals                    dead letters and refusals stay, without their bytes; intake adds none after 5
7. look once more, later             what another process had in its hands at 2 may have been written since

The order is done when a look after `look_again_at` has found nothing left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import structlog

from services.core.codes import PolicyName
from services.core.erasing import erased_referral, erased_rfi
from services.core.erasures import Because, Erasure, ErasureStore, Found, SubmittedLog
from services.core.errors import Transient, VersionConflict
from services.core.ids import erasure_id
from services.core.policy import POLICIES, Policy
from services.core.ports import Change, Clock
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.core.stores import ReferralStore, RfiStore

log = structlog.get_logger("erasure")

#: After this time nobody still writes what it read before: batches, senders and pages are done by then.
LOOK_AGAIN_AFTER = timedelta(minutes=10)
#: Orders carried out by one sweep.
PAGE = 50
#: Rounds of loading, deciding and writing: each lost race needs one more.
ATTEMPTS = 5
#: Said of a mail that is not sent any more.
WHY = "the customer's data was erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class EraserPorts:
    """What erasing needs of the world."""

    erasures: ErasureStore
    rfis: RfiStore
    referrals: ReferralStore
    submitted: SubmittedLog
    publish: Callable[[Sequence[Rfi | Referral]], Awaitable[None]]
    #: Publishes the whole outbox of what was changed, then clears it.
    clock: Clock
    policies: Mapping[PolicyName, Policy] = field(default_factory=lambda: POLICIES)


class Eraser:
    """Erases what was found. Everything may be done again, by anybody and at any time."""

    def __init__(self, ports: EraserPorts, look_again_after: timedelta = LOOK_AGAIN_AFTER) -> None:
        self._ports, self._look_again_after = ports, look_again_after

    async def erase(self, found: Found, by: str, because: Because = Because.REQUEST) -> Erasure | None:
        """Write the order down and carry it out as far as that goes now; None when there is nothing to erase.

        Raises:
            DependencyUnavailable: if the order is written down the sweep goes on with it; asking again does no harm.
            VersionConflict: as before.
        """
        if found.nothing:
            return None
        now = self._ports.clock.now()
        wanted = because is Because.REQUEST
        ends = await self._ports.submitted.ends() if wanted else {}
        erasure = Erasure(
            id=erasure_id(now, *found.rfi_ids, *found.original_ids),
            at=now,
            by=by,
            because=because,
            rfi_ids=found.rfi_ids,
            original_ids=found.original_ids,
            submitted_upto={str(partition): end for partition, end in sorted(ends.items())},
            look_again_at=self._ports.clock.real_now() + self._look_again_after,
        )
        await self._ports.erasures.put(erasure)
        log.info("erasure_ordered", erasure=erasure.id, by=by, because=because, rfis=len(erasure.rfi_ids))
        return await self.carry_out(erasure)

    async def sweep(self) -> int:
        """Go on with every order that is not done; returns how many were ended. To be repeated.

        Raises:
            DependencyUnavailable: to be done again.
            VersionConflict: as before.
        """
        ended = 0
        for erasure in await self._ports.erasures.unfinished(PAGE):
            try:
                ended += (await self.carry_out(erasure)).done_at is not None
            except Transient:
                raise
            except Exception as error:  # noqa: BLE001 - one document that can't be read must not keep the others back
                log.error("erasure_failed", erasure=erasure.id, error=type(error).__name__)  # noqa: TRY400
        return ended

    async def carry_out(self, erasure: Erasure) -> Erasure:
        """All steps once; the order as it stands then.

        Raises:
            DependencyUnavailable: to be done again.
            VersionConflict: as before.
        """
        began = self._ports.clock.real_now()
        rfis = await self._rfis(erasure)
        changed = await self._referrals(erasure)
        changed += await self._ports.erasures.forget_recipients(erasure.rfi_ids, WHY)
        upto = {int(partition): end for partition, end in erasure.submitted_upto.items()}
        trimmed = not any(upto.values()) or await self._ports.submitted.delete_before(upto)
        changed += await self._originals(erasure, rfis)
        if changed or not trimmed or began < erasure.look_again_at:
            return erasure
        done = replace(erasure, done_at=self._ports.clock.now())
        await self._ports.erasures.put(done)
        log.info("erasure_done", erasure=erasure.id, rfis=len(erasure.rfi_ids))
        return done

    async def _rfis(self, erasure: Erasure) -> list[Rfi]:
        """The requests, erased."""
        done: list[Rfi] = []
        left: Sequence[str] = erasure.rfi_ids
        withdraw = erasure.because is Because.REQUEST
        for _ in range(ATTEMPTS):
            stored = list((await self._ports.rfis.load(left)).values()) if left else []
            later = [erased_rfi(rfi, erasure.by, erasure.at, withdraw=withdraw) for rfi in stored]
            changes = [Change(new, old.version) for new, old in zip(later, stored, strict=True) if new is not old]
            conflicts = set((await self._ports.rfis.save(changes)).conflicts) if changes else set[str]()
            written = [rfi for rfi in later if rfi.id not in conflicts]
            done += written
            await self._ports.publish([rfi for rfi in written if rfi.outbox])
            if not conflicts:
                return done
            left = sorted(conflicts)
        raise VersionConflict(f"{len(left)} requests were changed by others {ATTEMPTS} times in a row")

    async def _referrals(self, erasure: Erasure) -> int:
        """How many referrals were erased now."""
        erased, left = 0, list(erasure.rfi_ids)
        for _ in range(ATTEMPTS):
            found = [each for some in (await self._ports.referrals.of_rfis(left)).values() for each in some]
            later = [
                (erased_referral(each, erasure.by, erasure.at, self._ports.policies[each.policy]), each.version)
                for each in found
                if each.erased_at is None
            ]
            if not later:
                return erased
            conflicts = set((await self._ports.referrals.save([Change(*each) for each in later])).conflicts)
            written = [each for each, _ in later if each.id not in conflicts]
            await self._ports.publish([each for each in written if each.outbox])
            erased += len(written)
            left = sorted({each.rfi_id for each, _ in later if each.id in conflicts})
            if not left:
                return erased
        raise VersionConflict(f"referrals of {len(left)} requests were changed by others {ATTEMPTS} times in a row")

    async def _originals(self, erasure: Erasure, rfis: Sequence[Rfi]) -> int:
        """How many originals went now; refusals that came in the meantime are looked for, too."""
        refused = {i for rfi in rfis for i in await self._ports.erasures.refusals_of(rfi.source, rfi.publisher_id)}
        return await self._ports.erasures.forget_originals(sorted(refused | set(erasure.original_ids)))
