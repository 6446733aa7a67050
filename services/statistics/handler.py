"""What does a batch of referral events teach of the profiles in it? Folded in once, then told to every router.

The steps, and what a crash after each leaves. Every redelivery runs them all again.

1. load referrals, RFIs and pasts      nothing
2. fold the outcomes in                nothing: memory only
3. save the pasts, each if nobody      counted, untold: the redelivery finds its records counted, as they are noted with
   wrote first                         the state, in one write; `unpublished` is left for the loop that looks for it
4. publish the standings               told, perhaps twice: the highest version holds
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from services.core.errors import Invalid, VersionConflict
from services.core.events import Event, EventType
from services.core.pasts import KeptPast, PastStore, is_in, read_with
from services.core.ports import Change, Failure, Record
from services.core.referral import Referral
from services.core.stores import ReferralStore, RfiStore
from services.matching.learning import Result, fold
from services.matching.pasts import past_of, written
from services.statistics.outcomes import TYPES, outcome_of, result_in, terms_of
from services.statistics.publishing import StandingPublisher

log = structlog.get_logger("statistics")

#: RFIs whose words are read before others may run.
AT_A_TIME = 25

#: What RFIs asked for, by their ids.
Terms = Mapping[str, Mapping[str, float]]

#: Rounds of loading, folding and writing before the batch is put back: each lost race needs one more.
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class _Heard:
    record: Record
    event: Event
    result: Result

    def fact(self, name: str) -> str:
        return str(self.event.facts.get(name, ""))


class StatisticsHandler:
    """Consumes `referral.events`; only outcomes that can't be undone any more concern it.

    Args:
        rfis: for what was asked.
        referrals: for how fast it was answered.
        pasts: the states.
        standings: tells the routers.
        decode: makes an event of a record.
        type_of: its type by the header alone; None when that does not say.
    """

    def __init__(
        self,
        *,
        rfis: RfiStore,
        referrals: ReferralStore,
        pasts: PastStore,
        standings: StandingPublisher,
        decode: Callable[[Record], Event],
        type_of: Callable[[Record], EventType | None],
    ) -> None:
        self._rfis, self._referrals, self._pasts, self._standings = rfis, referrals, pasts, standings
        self._decode, self._type_of = decode, type_of

    async def __call__(self, records: Sequence[Record]) -> Sequence[Failure]:
        """Count what a batch tells of.

        Raises:
            DependencyUnavailable: the batch must come again; what is counted stays so.
            VersionConflict: as before.
        """
        failures, heard = self._read(records)
        if heard:
            terms = await self._terms(sorted({each.event.rfi_id for each in heard}))
            referrals = await self._referrals.load(sorted({each.event.subject for each in heard}))
            saved = await self._counted(_by_profile(heard), terms, referrals)
            await self._standings.publish(saved)
        return failures

    async def _terms(self, rfi_ids: Sequence[str]) -> Terms:
        found: dict[str, Mapping[str, float]] = {}
        for number, rfi in enumerate((await self._rfis.load(rfi_ids)).values(), 1):
            found[rfi.id] = terms_of(rfi)
            if number % AT_A_TIME == 0:
                # Long texts take a while: heartbeats come in between.
                await asyncio.sleep(0)
        return found

    def _read(self, records: Sequence[Record]) -> tuple[list[Failure], list[_Heard]]:
        failures: list[Failure] = []
        heard: list[_Heard] = []
        for record in records:
            if (type_ := self._type_of(record)) is not None and type_ not in TYPES:
                continue
            try:
                event = self._decode(record)
            except Invalid as error:
                failures.append(Failure(record, error))
                continue
            if (result := result_in(event)) is not None:
                heard.append(_Heard(record, event, result))
        return failures, heard

    async def _counted(
        self, heard: Mapping[str, Sequence[_Heard]], terms: Terms, referrals: Mapping[str, Referral]
    ) -> list[KeptPast]:
        """The pasts with the outcomes in them, as they are stored now."""
        saved: list[KeptPast] = []
        left = sorted(heard)
        for _ in range(ATTEMPTS):
            stored = await self._pasts.load(left)
            found = [_folded(id_, stored.get(id_), heard[id_], terms, referrals) for id_ in left]
            changes = [change for change in found if change is not None]
            if not changes:
                return saved
            conflicts = set((await self._pasts.save(changes)).conflicts)
            saved += [change.document for change in changes if change.document.id not in conflicts]
            if not conflicts:
                log.info("outcomes_counted", outcomes=sum(map(len, heard.values())), profiles=len(saved))
                return saved
            left = sorted(conflicts)
        raise VersionConflict(f"the pasts of {len(left)} profiles were changed by others {ATTEMPTS} times in a row")


def _by_profile(heard: Sequence[_Heard]) -> dict[str, list[_Heard]]:
    found: dict[str, list[_Heard]] = {}
    for each in heard:
        found.setdefault(each.fact("profileId"), []).append(each)
    return found


def _folded(
    profile_id: str,
    kept: KeptPast | None,
    heard: Sequence[_Heard],
    terms: Terms,
    referrals: Mapping[str, Referral],
) -> Change[KeptPast] | None:
    """The past of a profile with the outcomes that are not in it yet; None when all are."""
    before = past_of(kept)
    past, read = before, kept.read if kept else ()
    for each in heard:
        if is_in(each.record, read):
            continue
        asked, referral = terms.get(each.event.rfi_id, {}), referrals.get(each.event.subject)
        outcome = outcome_of(each.event, each.result, asked, referral)
        past = fold(past, replace(outcome, told=each.record.timestamp))
        read = read_with(read, each.record)
    if past is before:
        return None
    expected = kept.version if kept else 0
    later = KeptPast(
        id=profile_id,
        partner_id=heard[0].fact("partnerId"),
        version=expected + past.version - before.version,
        read=read,
        state=written(past),
    )
    return Change(later, expected)
