"""How are the referrals of a request closed when the customer has decided, however often it is asked?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from services.core.codes import PolicyName
from services.core.commands import Withdraw
from services.core.errors import VersionConflict
from services.core.lifecycle import decide
from services.core.policy import Policy
from services.core.ports import Change, Clock
from services.core.referral import Referral
from services.core.stores import ReferralStore

#: Rounds of loading, deciding and writing before the batch is put back: each lost race needs one more.
ROUNDS = 5

#: Publishes the whole outbox of changed referrals, then clears it.
PublishReferrals = Callable[[Sequence[Referral]], Awaitable[None]]


class Closing:
    """Withdraws referrals conditionally.

    A crash before the write: asked again, it decides again. After it: the change stands with its event in the outbox;
    asked again, nothing is left to decide, and the relay publishes what was not.
    """

    def __init__(
        self,
        *,
        referrals: ReferralStore,
        publish: PublishReferrals,
        clock: Clock,
        policies: Mapping[PolicyName, Policy],
    ) -> None:
        self._referrals, self._publish, self._clock, self._policies = referrals, publish, clock, policies

    async def close(self, rfi_ids: Sequence[str], command_for: Callable[[Referral], Withdraw | None]) -> int:
        """Give each referral of the RFIs the command that `command_for` has for it; returns how many changed.

        Raises:
            DependencyUnavailable: the rest is to be done again.
            VersionConflict: somebody else won every race; the rest is to be done again.
        """
        closed, left = 0, list(rfi_ids)
        for _ in range(ROUNDS):
            changes = await self._changes(left, command_for)
            if not changes:
                return closed
            saved = await self._referrals.save(changes)
            written = set(saved.written)
            if written:
                await self._publish([change.document for change in changes if change.document.id in written])
            closed += len(written)
            if not saved.conflicts:
                return closed
            left = sorted({c.document.rfi_id for c in changes if c.document.id in set(saved.conflicts)})
        raise VersionConflict(f"referrals of {len(left)} requests were changed by others {ROUNDS} times in a row")

    async def _changes(
        self, rfi_ids: Sequence[str], command_for: Callable[[Referral], Withdraw | None]
    ) -> list[Change[Referral]]:
        loaded = await self._referrals.of_rfis(rfi_ids)
        now, changes = self._clock.now(), list[Change[Referral]]()
        for referrals in loaded.values():
            for referral in referrals:
                command = command_for(referral)
                if command is None:
                    continue
                later = decide(referral, command, now, self._policies[referral.policy])
                if later is not referral:
                    changes.append(Change(later, referral.version))
        return changes
