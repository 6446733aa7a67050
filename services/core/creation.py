"""How do referrals and the first events of documents come into being, the same whoever derives them and whenever?

The first event of a document is not stored with it: it follows from fields that never change, so a redelivery
publishes it again under the same id with the same words. The first change of the document puts it in front of its own
events (see `change` and `engagement`), so that it is the first to appear on Kafka whatever crashed.
"""

from __future__ import annotations

from datetime import datetime

from services.core import ids
from services.core.codes import Flame, Stage, Status, Substatus
from services.core.deadlines import timers_for_new
from services.core.events import Event, EventType
from services.core.facts import facts_of
from services.core.policy import Policy
from services.core.referral import HistoryEntry, Referral
from services.core.rfi import Chosen, Rfi, Routing

#: Version of an RFI once the router has written its routing; intake wrote version 1.
ROUTED_VERSION = 2
SYSTEM = "system"

_NEWBORN: dict[str, object] = {
    "status": Status.NEW.value,
    "substatus": Substatus.PENDING.value,
    "stage": Stage.NEW.value,
    "version": 1,
}


def new_referral(rfi: Rfi, chosen: Chosen, policy: Policy, now: datetime) -> Referral:
    """The referral of an RFI to one chosen partner: New/Pending, version 1, its deadlines counted from `now`.

    `now` should be the instant of the stored decision (`asked_at`), so that a redelivery makes the same referral.
    """
    id_ = ids.referral_id(rfi.id, chosen.partner_id)
    timers = timers_for_new(policy, now, contact_requested=rfi.contact_requested)
    return Referral(
        id=id_,
        rfi_id=rfi.id,
        partner_id=chosen.partner_id,
        profile_id=chosen.profile_id,
        location_id=chosen.location_id,
        policy=policy.name,
        created_at=now,
        updated_at=now,
        expires_at=timers.expire_at,
        timers=timers,
        shard=ids.shard_of(id_),
        flame=Flame.RAISED if rfi.contact_requested else Flame.NONE,
        picked=chosen.picked,
        round=chosen.round,
        next_best=rfi.consent.next_best and not chosen.picked,
        title=rfi.need.title,
        company=rfi.customer.company,
        place=rfi.need.place,
        size=rfi.customer.size,
        channel=rfi.channel,
        keywords=rfi.need.asked_keywords,
        budget=rfi.need.budget,
        customer_key=ids.customer_key(chosen.partner_id, rfi.customer.contact.email),
        history=(HistoryEntry(at=now, version=1, what=EventType.CREATED.value, by=SYSTEM),),
        why={"score": chosen.score, "reasons": list(chosen.reasons)},
    )


def asked_at(routing: Routing, chosen: Chosen) -> datetime:
    """The instant of the decision to ask a chosen partner: the routing's, or that of its later round."""
    rounds = {each.partner_id: each.at for each in routing.rounds}
    return rounds.get(chosen.partner_id, routing.at)


def created_event(referral: Referral) -> Event:
    """The `created` event of a referral in any later state; derived from what never changes.

    It does not name the deadline, which a classic partner's interest moves; readers find it on the referral.
    """
    facts = facts_of(referral, SYSTEM) | _NEWBORN
    facts.pop("expiresAt", None)
    facts.pop("reason", None)
    if referral.flame is not Flame.NONE:
        facts["flame"] = Flame.RAISED.value
    return Event(
        id=ids.event_id(referral.id, 1, EventType.CREATED),
        type=EventType.CREATED,
        subject=referral.id,
        rfi_id=referral.rfi_id,
        at=referral.created_at,
        sequence=1,
        facts=facts,
    )


def accepted_event(rfi: Rfi) -> Event:
    """The `rfi.accepted` event of an RFI in any later state."""
    facts: dict[str, object] = {
        "rfiId": rfi.id,
        "source": rfi.source,
        "publisherId": rfi.publisher_id,
        "channel": rfi.channel.value,
    }
    return _rfi_event(rfi, EventType.RFI_ACCEPTED, rfi.accepted_at, 1, facts)


def routed_event(rfi: Rfi) -> Event:
    """The `routed` or `no_match` event of a routed RFI in any later state.

    Raises:
        ValueError: the RFI has not been routed.
    """
    if rfi.routing is None:
        raise ValueError(f"RFI {rfi.id} has not been routed: it has no such event yet")
    facts: dict[str, object] = {"rfiId": rfi.id}
    first = [chosen for chosen in rfi.routing.chosen if chosen.round == 1]
    if not first:
        facts["because"] = rfi.routing.no_match_because
        return _rfi_event(rfi, EventType.NO_MATCH, rfi.routing.at, ROUTED_VERSION, facts)
    facts["round"] = 1
    facts["referrals"] = [
        {
            "referralId": ids.referral_id(rfi.id, chosen.partner_id),
            "partnerId": chosen.partner_id,
            "picked": chosen.picked,
        }
        for chosen in first
    ]
    return _rfi_event(rfi, EventType.ROUTED, rfi.routing.at, ROUTED_VERSION, facts)


def untold(rfi: Rfi) -> tuple[Event, ...]:
    """What the first change of a routed RFI puts in front of its own event: routing is told without being stored."""
    return (routed_event(rfi),) if rfi.version == ROUTED_VERSION and rfi.routing is not None else ()


def _rfi_event(rfi: Rfi, kind: EventType, at: datetime, version: int, facts: dict[str, object]) -> Event:
    return Event(
        id=ids.event_id(rfi.id, version, kind),
        type=kind,
        subject=rfi.id,
        rfi_id=rfi.id,
        at=at,
        sequence=version,
        facts=facts,
    )
