"""What happens when a matched referral is declined or lapses? The next-best partner is asked, or nobody is left.

The steps, and what a crash after each leaves. Every redelivery runs them all again.

1. load the RFIs                            nothing
2. decide each answer                       nothing: memory only
3. store the answers in the RFIs, each      asked, without a referral: the redelivery takes the stored answer, not a
   with its event, if nobody wrote first    new one; the event lies in the RFI's outbox, for us or for the relay
4. store the referrals                      untold: the redelivery finds them and tells the same events again
5. publish `created` and the outboxes       told, perhaps in part or twice: readers know an event by its id
6. close what was overtaken                 a withdrawal that came between 1 and 4 may have found no referral to close

Step 3 decides every race: with a customer who withdraws or chooses, and with another decline of the same RFI, which
then sees this answer and asks somebody else.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from services.core.creation import created_event
from services.core.errors import Invalid, ReferenceMissing, VersionConflict
from services.core.events import Event, EventType
from services.core.ports import Change, Clock, Failure, Outgoing, Publisher, Record
from services.core.rfi import Chosen, Rfi
from services.core.rounds import (
    ALL_ROUNDS_USED,
    NOBODY_ELSE,
    Answer,
    Cause,
    answer_to,
    cause_in,
    last_round,
    may_ask,
    with_answer,
)
from services.core.stores import RfiStore
from services.matching.capacity import Capacity
from services.matching.matcher import Matcher
from services.router.asking import Asking

log = structlog.get_logger("router")

#: Rounds of loading, deciding and writing before the batch is put back: each lost race needs one more.
ATTEMPTS = 5

#: RFIs matched before others may run.
AT_A_TIME = 50

#: Types of events that may ask for the next partner; others are not even read.
_TYPES = frozenset({EventType.SETTLED, EventType.EXPIRED})

#: The causes of a batch, by RFI.
Causes = Mapping[str, Sequence[Cause]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NextBestPorts:
    """What the handler needs of the world."""

    rfis: RfiStore
    publisher: Publisher
    publish_rfis: Callable[[Sequence[Rfi]], Awaitable[None]]
    #: Publishes the whole outbox of changed RFIs, then clears it.
    clock: Clock
    decode: Callable[[Record], Event]
    encode: Callable[[Event], Outgoing]
    type_of: Callable[[Record], EventType | None]
    #: The type of an event by its header alone; None when that does not say.


class NextBestHandler:
    """Consumes `referral.events`; only final declines and expiries of matched referrals concern it.

    Args:
        ports: the world.
        matcher: decides who is next.
        capacity: told of what was given out.
        asking: stores referrals.
        max_rounds: rounds of asking for one RFI at most, the first included.
    """

    def __init__(
        self, *, ports: NextBestPorts, matcher: Matcher, capacity: Capacity, asking: Asking, max_rounds: int
    ) -> None:
        self._ports, self._matcher, self._capacity = ports, matcher, capacity
        self._asking, self._max_rounds = asking, max_rounds

    async def __call__(self, records: Sequence[Record]) -> Sequence[Failure]:
        """Answer what a batch asks for.

        Raises:
            DependencyUnavailable: the batch must come again; what is answered stays so.
            VersionConflict: as before.
        """
        failures, causes, asked_by = self._read(records)
        if not causes:
            return failures
        rfis = await self._answered(causes)
        for id_ in causes.keys() - rfis.keys():
            missing = ReferenceMissing(f"there is no RFI {id_}: it was never stored, or was erased")
            failures += [Failure(record, missing) for record in asked_by[id_]]
        await self._carry_out(_wanted(rfis.values(), causes), list(rfis.values()))
        return failures

    def _read(self, records: Sequence[Record]) -> tuple[list[Failure], dict[str, list[Cause]], dict[str, list[Record]]]:
        """Records that can't be used, the causes of each RFI once each, and the records that they came in."""
        failures: list[Failure] = []
        causes: dict[str, dict[str, Cause]] = {}
        asked_by: dict[str, list[Record]] = {}
        for record in records:
            if (type_ := self._ports.type_of(record)) is not None and type_ not in _TYPES:
                continue
            try:
                event = self._ports.decode(record)
            except Invalid as error:
                failures.append(Failure(record, error))
                continue
            if (cause := cause_in(event)) is not None:
                causes.setdefault(event.rfi_id, {})[cause.event_id] = cause
                asked_by.setdefault(event.rfi_id, []).append(record)
        return failures, {id_: list(each.values()) for id_, each in causes.items()}, asked_by

    async def _answered(self, causes: Causes) -> dict[str, Rfi]:
        """The RFIs with an answer to each cause, stored; those whose customer decided first, as they are."""
        done: dict[str, Rfi] = {}
        left = sorted(causes)
        for _ in range(ATTEMPTS):
            loaded = await self._ports.rfis.load(left)
            changes = await self._changes(loaded.values(), causes)
            written = {change.document.id: change.document for change in changes}
            conflicts = set[str]()
            if changes:
                conflicts = set((await self._ports.rfis.save(changes)).conflicts)
                self._took(loaded, {id_: rfi for id_, rfi in written.items() if id_ not in conflicts})
            done |= {id_: written.get(id_, rfi) for id_, rfi in loaded.items() if id_ not in conflicts}
            if not conflicts:
                return done
            left = sorted(conflicts)
        raise VersionConflict(f"{len(left)} requests were changed by others {ATTEMPTS} times in a row")

    async def _changes(self, rfis: Iterable[Rfi], causes: Causes) -> list[Change[Rfi]]:
        now, given = self._ports.clock.now(), Counter[str]()
        changes: list[Change[Rfi]] = []
        for number, rfi in enumerate(rfis, 1):
            later = rfi
            for cause in causes[rfi.id]:
                if may_ask(later) and answer_to(later, cause) is None:
                    answer = self._answer(later, now, given)
                    later = with_answer(later, cause, answer, now)
                    if answer.chosen is not None:
                        given[answer.chosen.profile_id] += 1
            if later is not rfi:
                changes.append(Change(later, rfi.version))
            if number % AT_A_TIME == 0:
                # Heartbeats and profile changes come in between.
                await asyncio.sleep(0)
        return changes

    def _answer(self, rfi: Rfi, now: datetime, given: Mapping[str, int]) -> Answer:
        """The best partner that was not asked yet."""
        routing = rfi.routing
        if routing is None or last_round(routing) >= self._max_rounds:
            return Answer(because=ALL_ROUNDS_USED, rules=routing.rules if routing else "")
        asked = {chosen.partner_id for chosen in routing.chosen}
        # One more than were asked: if anybody else can have it, the best of them is among so many.
        wider = replace(rfi, max_partners=len(asked) + 1, selected_partners=())
        (found,) = self._matcher.match([wider], now, given)
        chosen = next((each for each in found.chosen if each.partner_id not in asked), None)
        return Answer(chosen=chosen, because=None if chosen else NOBODY_ELSE, rules=found.rules)

    def _took(self, before: Mapping[str, Rfi], written: Mapping[str, Rfi]) -> None:
        asked = [each for id_, rfi in written.items() for each in _chosen(rfi)[len(_chosen(before[id_])) :]]
        self._capacity.took(each.profile_id for each in asked)
        log.info("next_best", rfis=len(written), asked=len(asked))

    async def _carry_out(self, wanted: Sequence[tuple[Rfi, Chosen]], rfis: Sequence[Rfi]) -> None:
        """Give the partners their referrals, tell of everything, and close what a customer's decision overtook."""
        referrals = await self._asking.store(wanted)
        if referrals:
            await self._ports.publisher.publish([self._ports.encode(created_event(each)) for each in referrals])
        await self._ports.publish_rfis([rfi for rfi in rfis if rfi.outbox])
        if referrals:
            await self._asking.close_overtaken(sorted({rfi.id for rfi, _ in wanted}))


def _wanted(rfis: Iterable[Rfi], causes: Causes) -> list[tuple[Rfi, Chosen]]:
    """Whom the answers to these causes ask."""
    wanted: list[tuple[Rfi, Chosen]] = []
    for rfi in rfis:
        answers = [answer_to(rfi, cause) for cause in causes[rfi.id]]
        partners = {answer.partner_id for answer in answers if answer is not None}
        wanted += [(rfi, each) for each in _chosen(rfi) if each.partner_id in partners]
    return wanted


def _chosen(rfi: Rfi) -> tuple[Chosen, ...]:
    return rfi.routing.chosen if rfi.routing else ()
