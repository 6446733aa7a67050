"""Who is asked next when a matched referral is declined or lapses, or when the customer wants one more partner?

Pure: what an event asks for, and the answer to it. Each such event is answered once, whatever comes of it, and the
answer is stored in the RFI's routing: one more partner is asked, or nobody is. So a redelivery finds the answer there,
and two declines at once are two answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.core.codes import RfiState
from services.core.creation import untold
from services.core.events import Event, EventType
from services.core.ids import event_id, referral_id
from services.core.rfi import Chosen, Rfi, Round, Routing

#: Rounds of asking for one RFI, the first included, unless the settings say otherwise.
MAX_ROUNDS = 3

#: Codes of why nobody is asked.
ALL_ROUNDS_USED, NOBODY_ELSE = "max_rounds", "nobody_else"
#: Code of why nobody is asked for a wish: the partner got the request meanwhile, as the next best.
ASKED_ALREADY = "asked_already"

_WISHABLE = frozenset({RfiState.ROUTED, RfiState.NO_MATCH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What asks for one more partner.

    A referral that was declined (and can't be taken back any more) or lapsed, and whose RFI goes on to the next; or a
    customer's wish.
    """

    event_id: str
    type: EventType
    #: DECLINED, EXPIRED or PARTNER_WANTED.
    referral_id: str
    #: Empty for a wish.
    partner_id: str
    #: Of the referral; of a wish, who is wanted.

    @property
    def wanted(self) -> bool:
        """True for a wish of the customer."""
        return self.type is EventType.PARTNER_WANTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Who is asked next, or the code of why nobody is; under which rules that was decided."""

    chosen: Chosen | None = None
    because: str | None = None
    rules: str


def cause_in(event: Event) -> Cause | None:
    """What an event asks for; None for all but declines and expiries that go on to the next partner, and wishes."""
    if event.type is EventType.PARTNER_WANTED:
        partner_id = str(event.facts.get("partnerId", ""))
        return Cause(event_id=event.id, type=event.type, referral_id="", partner_id=partner_id)
    if event.facts.get("nextBest") is not True:
        return None
    type_ = event.type
    if type_ is EventType.SETTLED:
        decision = event.facts.get("cause")
        if not isinstance(decision, Mapping) or decision.get("type") != EventType.DECLINED.value:
            return None
        type_ = EventType.DECLINED
    elif type_ is not EventType.EXPIRED:
        return None
    return Cause(
        event_id=event.id,
        type=type_,
        referral_id=event.subject,
        partner_id=str(event.facts.get("partnerId", "")),
    )


def answer_to(rfi: Rfi, cause: Cause) -> Round | None:
    """The stored answer to a cause, or None if there is none yet."""
    rounds = rfi.routing.rounds if rfi.routing else ()
    return next((each for each in rounds if each.cause == cause.event_id), None)


def may_ask(rfi: Rfi, cause: Cause) -> bool:
    """Whether anybody may be asked at all: not once the customer has withdrawn or chosen, or its data is erased."""
    if rfi.erased_at is not None:
        return False
    return rfi.routing is not None and (rfi.state in _WISHABLE if cause.wanted else rfi.state is RfiState.ROUTED)


def last_round(routing: Routing) -> int:
    """The number of the last round in which somebody was asked."""
    return max((chosen.round for chosen in routing.chosen), default=1)


def rounds_used(routing: Routing) -> int:
    """Rounds that count against the most allowed: the first, and each next-best offer. Wishes have their own bound."""
    return 1 + sum(each.partner_id is not None and not each.wanted for each in routing.rounds)


def with_answer(rfi: Rfi, cause: Cause, answer: Answer, now: datetime) -> Rfi:
    """The RFI with one more answer: version + 1 with its event.

    Raises:
        ValueError: the RFI has not been routed.
    """
    if rfi.routing is None:
        raise ValueError(f"RFI {rfi.id} has not been routed: nobody can have declined it")
    version, before = rfi.version + 1, rfi.routing
    number = last_round(before) + (answer.chosen is not None)
    round_ = Round(
        cause=cause.event_id,
        after=cause.referral_id,
        wanted=cause.wanted,
        at=now,
        version=version,
        number=number,
        partner_id=answer.chosen.partner_id if answer.chosen else None,
        because=answer.because,
        rules=answer.rules,
    )
    chosen = (replace(answer.chosen, round=number),) if answer.chosen else ()
    routing = replace(before, chosen=(*before.chosen, *chosen), rounds=(*before.rounds, round_))
    # Who is asked is asked, also for a request that fitted nobody at first.
    state = RfiState.ROUTED if chosen else rfi.state
    outbox = (*untold(rfi), *rfi.outbox, _event(rfi, cause, round_))
    return replace(rfi, routing=routing, state=state, version=version, outbox=outbox)


def told_by(round_: Round) -> EventType:
    """The type of the event that tells of a round; its sequence is the round's version."""
    if round_.partner_id is not None:
        return EventType.ROUTED
    return EventType.PARTNER_UNAVAILABLE if round_.wanted else EventType.NOBODY_LEFT


def _event(rfi: Rfi, cause: Cause, round_: Round) -> Event:
    kind = told_by(round_)
    return Event(
        id=event_id(rfi.id, round_.version, kind),
        type=kind,
        subject=rfi.id,
        rfi_id=rfi.id,
        at=round_.at,
        sequence=round_.version,
        facts={"rfiId": rfi.id, "round": round_.number, **_who(rfi, cause, round_), **_why(cause)},
    )


def _who(rfi: Rfi, cause: Cause, round_: Round) -> dict[str, object]:
    """Who was asked, or why nobody was."""
    if round_.partner_id is not None:
        id_ = referral_id(rfi.id, round_.partner_id)
        return {"referrals": [{"referralId": id_, "partnerId": round_.partner_id, "picked": cause.wanted}]}
    said: dict[str, object] = {"because": round_.because or NOBODY_ELSE}
    return {"partnerId": cause.partner_id, **said} if cause.wanted else said


def _why(cause: Cause) -> dict[str, object]:
    """What asked for it."""
    if cause.wanted:
        return {"answers": cause.event_id}
    return {
        "cause": {
            "eventId": cause.event_id,
            "type": cause.type.value,
            "referralId": cause.referral_id,
            "partnerId": cause.partner_id,
        }
    }
