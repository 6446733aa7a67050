"""What happens to a batch of accepted RFIs: who gets each, stored once, and told in full?

The steps, and what a crash after each leaves. Every redelivery runs them all again.

1. load the RFIs                  nothing
2. match those without a routing  nothing: memory only
3. store the routings             routed without referrals: the redelivery takes the stored routing, not a new match
4. store the referrals            untold: the redelivery finds them there and tells the same events with the same ids
5. publish                        told, perhaps in part or twice: readers know an event by its id
6. close what was overtaken       a withdrawal that came between 1 and 4 may have found no referrals to close

A change by a person between 4 and 5 puts the `created` event in front of its own, so first appearances are in order.

A batch goes through in portions: while one is stored and told, the next is matched, and the notifier need not wait for
the last. The offset is committed after all of them, so nothing of the above depends on where a portion ends.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import structlog

from services.core.codes import RfiState
from services.core.creation import created_event, routed_event
from services.core.errors import Invalid, ReferenceMissing, UnknownMessage
from services.core.events import Event, EventType
from services.core.ports import Clock, Failure, Outgoing, Publisher, Record
from services.core.referral import Referral
from services.core.rfi import Rfi, Routing
from services.core.stores import RfiStore
from services.matching.capacity import Capacity
from services.matching.matcher import Matcher
from services.router.asking import Asking

log = structlog.get_logger("router")

#: RFIs matched before others may run, and RFIs that are stored and told together.
AT_A_TIME, PORTION = 50, 250


class RouterHandler:
    """Consumes `rfi.accepted`.

    Args:
        rfis: the requests.
        publisher: puts events on Kafka.
        clock: business time of new routings.
        matcher: decides who gets what.
        capacity: told of what was given out.
        asking: stores referrals, and closes those that a customer's decision has overtaken.
        decode: makes an event of a record.
        encode: makes a record of an event.
        portion: RFIs that are stored and told together.
    """

    def __init__(
        self,
        *,
        rfis: RfiStore,
        publisher: Publisher,
        clock: Clock,
        matcher: Matcher,
        capacity: Capacity,
        asking: Asking,
        decode: Callable[[Record], Event],
        encode: Callable[[Event], Outgoing],
        portion: int = PORTION,
    ) -> None:
        self._rfis, self._publisher, self._clock = rfis, publisher, clock
        self._matcher, self._capacity, self._asking = matcher, capacity, asking
        self._decode, self._encode, self._portion = decode, encode, portion

    async def __call__(self, records: Sequence[Record]) -> Sequence[Failure]:
        """Route a batch.

        Raises:
            DependencyUnavailable: the batch must come again.
            VersionConflict: as before.
        """
        failures, accepted = self._read(records)
        ids, given = list(accepted), Counter[str]()
        before: asyncio.Task[None] | None = None
        try:
            for start in range(0, len(ids), self._portion):
                part = ids[start : start + self._portion]
                rfis = await self._rfis.load(part)
                failures += [_missing(record, id_) for id_ in part if id_ not in rfis for record in accepted[id_]]
                there = [rfis[id_] for id_ in part if id_ in rfis]
                made = await self._match(there, given)
                if before is not None:
                    await before
                before = asyncio.create_task(self._store(there, made, given))
            if before is not None:
                await before
        finally:
            if before is not None:
                # Nothing of a batch is under way any more when it is put back.
                await asyncio.gather(before, return_exceptions=True)
        return failures

    def _read(self, records: Sequence[Record]) -> tuple[list[Failure], dict[str, list[Record]]]:
        """Records that can't be used, and the records of each accepted RFI in the order of their first."""
        failures: list[Failure] = []
        accepted: dict[str, list[Record]] = {}
        for record in records:
            try:
                event = self._decode(record)
            except Invalid as error:
                failures.append(Failure(record, error))
                continue
            if event.type is EventType.RFI_ACCEPTED:
                accepted.setdefault(event.subject, []).append(record)
            else:
                failures.append(Failure(record, UnknownMessage(f"{event.type.value} does not belong on this topic")))
        return failures, accepted

    async def _match(self, rfis: Sequence[Rfi], given: Counter[str]) -> dict[str, Routing]:
        """Routings for those that have none yet.

        Args:
            rfis: as they are stored.
            given: what this batch has given to each profile and the capacity has not been told; what is made is added.
        """
        new = [rfi for rfi in rfis if rfi.routing is None and rfi.state is RfiState.ACCEPTED]
        now, made = self._clock.now(), dict[str, Routing]()
        for start in range(0, len(new), AT_A_TIME):
            part = new[start : start + AT_A_TIME]
            routings = self._matcher.match(part, now, given)
            given.update(_profiles(routings))
            made.update(zip([rfi.id for rfi in part], routings, strict=True))
            # Long texts in a large market take a while: heartbeats and profile changes come in between.
            await asyncio.sleep(0)
        return made

    async def _store(self, rfis: Sequence[Rfi], made: Mapping[str, Routing], given: Counter[str]) -> None:
        """Steps 3 to 6 for a portion."""
        routed = await self._route(rfis, made, given)
        if routed:
            wanted = [(rfi, chosen) for rfi in routed if rfi.routing for chosen in rfi.routing.chosen]
            await self._tell(routed, await self._asking.store(wanted))
            await self._asking.close_overtaken([rfi.id for rfi in routed])

    async def _route(self, rfis: Sequence[Rfi], made: Mapping[str, Routing], given: Counter[str]) -> list[Rfi]:
        """The RFIs with their stored routings; those withdrawn before anybody routed them are left out."""
        others = await self._rfis.route(made) if made else {}
        mine: dict[str, Routing] = {id_: routing for id_, routing in made.items() if id_ not in others}
        given.subtract(_profiles(made.values()))
        self._capacity.took(_profiles(mine.values()))
        if made:
            log.info("routed", rfis=len(mine), nobody=sum(not r.chosen for r in mine.values()), others=len(others))
        stored = [replace(rfi, routing=mine[rfi.id]) if rfi.id in mine else others.get(rfi.id, rfi) for rfi in rfis]
        return [rfi for rfi in stored if rfi.routing is not None]

    async def _tell(self, rfis: Sequence[Rfi], referrals: Sequence[Referral]) -> None:
        events = [routed_event(rfi) for rfi in rfis] + [created_event(referral) for referral in referrals]
        await self._publisher.publish([self._encode(event) for event in events])


def _missing(record: Record, rfi_id: str) -> Failure:
    return Failure(record, ReferenceMissing(f"there is no RFI {rfi_id}: it was never stored, or was erased"))


def _profiles(routings: Iterable[Routing]) -> Iterator[str]:
    """Ids of the profiles that were chosen, once for each referral."""
    return (chosen.profile_id for routing in routings for chosen in routing.chosen)
