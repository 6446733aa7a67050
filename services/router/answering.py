"""How is what asks for one more partner answered, once? A declined or lapsed referral goes on; a customer has a wish.

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
from services.core.errors import VersionConflict
from services.core.events import Event
from services.core.ports import Change, Clock, Outgoing, Publisher
from services.core.rfi import Chosen, Rfi, Routing
from services.core.rounds import (
    ALL_ROUNDS_USED,
    ASKED_ALREADY,
    NOBODY_ELSE,
    Answer,
    Cause,
    answer_to,
    may_ask,
    rounds_used,
    with_answer,
)
from services.core.stores import RfiStore
from services.core.wishes import left_out
from services.matching.capacity import Capacity
from services.matching.matcher import Matcher
from services.router.asking import Asking

log = structlog.get_logger("router")

#: Rounds of loading, deciding and writing before the batch is put back: each lost race needs one more.
ATTEMPTS = 5

#: RFIs matched before others may run.
AT_A_TIME = 50

#: The causes of a batch, by RFI.
Causes = Mapping[str, Sequence[Cause]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweringPorts:
    """What answers need of the world."""

    rfis: RfiStore
    publisher: Publisher
    publish_rfis: Callable[[Sequence[Rfi]], Awaitable[None]]
    #: Publishes the whole outbox of changed RFIs, then clears it.
    clock: Clock
    encode: Callable[[Event], Outgoing]


class Answering:
    """Answers causes, each once, and carries the answers out.

    Args:
        ports: the world.
        matcher: decides who is next, and whether a wanted partner can be asked.
        capacity: told of what was given out.
        asking: stores referrals.
        max_rounds: rounds of asking for one RFI at most, the first included; wishes do not count.
    """

    def __init__(
        self, *, ports: AnsweringPorts, matcher: Matcher, capacity: Capacity, asking: Asking, max_rounds: int
    ) -> None:
        self._ports, self._matcher, self._capacity = ports, matcher, capacity
        self._asking, self._max_rounds = asking, max_rounds

    async def answer(self, causes: Causes) -> set[str]:
        """Answer everything, and carry it out; returns the ids of RFIs that do not exist.

        Raises:
            DependencyUnavailable: to be done again; what is answered stays so.
            VersionConflict: as before.
        """
        if not causes:
            return set()
        rfis = await self._answered(causes)
        await self._carry_out(_wanted(rfis.values(), causes), list(rfis.values()))
        return causes.keys() - rfis.keys()

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
                if may_ask(later, cause) and answer_to(later, cause) is None:
                    answer = self._answer(later, cause, now, given)
                    later = with_answer(later, cause, answer, now)
                    if answer.chosen is not None:
                        given[answer.chosen.profile_id] += 1
            if later is not rfi:
                changes.append(Change(later, rfi.version))
            if number % AT_A_TIME == 0:
                # Heartbeats and profile changes come in between.
                await asyncio.sleep(0)
        return changes

    def _answer(self, rfi: Rfi, cause: Cause, now: datetime, given: Mapping[str, int]) -> Answer:
        if rfi.routing is None:
            return Answer(because=NOBODY_ELSE, rules="")
        if cause.wanted:
            return self._wish(rfi, rfi.routing, cause.partner_id, now)
        return self._next_best(rfi, rfi.routing, now, given)

    def _next_best(self, rfi: Rfi, routing: Routing, now: datetime, given: Mapping[str, int]) -> Answer:
        """The best partner that was not asked yet, and is not about to be."""
        if rounds_used(routing) >= self._max_rounds:
            return Answer(because=ALL_ROUNDS_USED, rules=routing.rules)
        asked = left_out(rfi)
        # One more than were asked: if anybody else can have it, the best of them is among so many.
        wider = replace(rfi, max_partners=len(asked) + 1, selected_partners=())
        (found,) = self._matcher.match([wider], now, given, bounded=False)
        chosen = next((each for each in found.chosen if each.partner_id not in asked), None)
        return Answer(chosen=chosen, because=None if chosen else NOBODY_ELSE, rules=found.rules)

    def _wish(self, rfi: Rfi, routing: Routing, partner_id: str, now: datetime) -> Answer:
        """The wanted partner, as a pick of the customer; or why it can't be asked."""
        if any(chosen.partner_id == partner_id for chosen in routing.chosen):
            return Answer(because=ASKED_ALREADY, rules=routing.rules)
        (found,) = self._matcher.match([replace(rfi, selected_partners=(partner_id,))], now)
        if found.chosen:
            return Answer(chosen=found.chosen[0], rules=found.rules)
        because = next((skipped.because for skipped in found.near_misses), NOBODY_ELSE)
        return Answer(because=because, rules=found.rules)

    def _took(self, before: Mapping[str, Rfi], written: Mapping[str, Rfi]) -> None:
        asked = [each for id_, rfi in written.items() for each in _chosen(rfi)[len(_chosen(before[id_])) :]]
        self._capacity.took(each.profile_id for each in asked)
        log.info("answered", rfis=len(written), asked=len(asked))

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
