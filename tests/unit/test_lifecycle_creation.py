"""Do referrals and first events come out the same whoever derives them, and whenever?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.core import ids
from services.core.codes import Flame, PolicyName, RfiState
from services.core.creation import accepted_event, created_event, new_referral, routed_event
from services.core.engagement import WithdrawRfi, decide_rfi
from services.core.events import EventType
from services.core.policy import CLASSIC, STANDARD
from services.core.rfi import Rfi, Routing
from tests.builders import START, make_chosen, make_referral, make_rfi
from tests.journeys import JOURNEYS, LATER, at


def routed(*partners: int, because: str | None = None) -> Rfi:
    routing = Routing(at=START, chosen=tuple(make_chosen(n) for n in partners), no_match_because=because)
    state = RfiState.ROUTED if partners else RfiState.NO_MATCH
    return make_rfi(routing=routing, state=state, version=2)


def test_a_new_referral_takes_its_facts_from_the_request_and_the_choice() -> None:
    rfi, chosen = make_rfi(contact_requested=True), make_chosen(2, picked=True)
    referral = new_referral(rfi, replace(chosen, round=3), CLASSIC, START)
    assert referral.id == ids.referral_id(rfi.id, chosen.partner_id)
    assert referral.shard == ids.shard_of(referral.id)
    assert (referral.status, referral.substatus, referral.version) == ("New", "Pending", 1)
    assert (referral.policy, referral.picked, referral.round) == (PolicyName.CLASSIC, True, 3)
    assert (referral.flame, referral.expires_at) == (Flame.RAISED, START + timedelta(hours=72))
    assert (referral.title, referral.company, referral.place) == (
        rfi.need.title,
        rfi.customer.company,
        rfi.need.place,
    )
    assert referral.why == {"score": 0.75, "reasons": list(chosen.reasons)}
    assert referral.outbox == ()


def test_the_same_choice_at_the_same_instant_makes_the_same_referral() -> None:
    assert new_referral(make_rfi(), make_chosen(), STANDARD, START) == new_referral(
        make_rfi(), make_chosen(), STANDARD, START
    )


@pytest.mark.parametrize("policy", PolicyName)
def test_created_is_the_same_derived_from_any_later_state(policy: PolicyName) -> None:
    first = created_event(make_referral(policy=policy, contact_requested=True))
    assert (first.type, first.at, first.sequence) == (EventType.CREATED, START, 1)
    assert (first.facts["substatus"], first.facts["version"], first.facts["flame"]) == ("Pending", 1, "raised")
    for place in JOURNEYS[policy]:
        assert created_event(at(policy, place, contact_requested=True)) == first


def test_accepted_names_the_request_and_its_publisher() -> None:
    rfi = make_rfi()
    event = accepted_event(rfi)
    assert event.facts == {
        "rfiId": rfi.id,
        "source": rfi.source,
        "publisherId": rfi.publisher_id,
        "channel": "marketing",
    }
    assert (event.type, event.sequence, event.at) == (EventType.RFI_ACCEPTED, 1, rfi.accepted_at)
    assert accepted_event(replace(routed(1), state=RfiState.WITHDRAWN)) == event


def test_routed_names_each_referral() -> None:
    rfi = routed(1, 2)
    event = routed_event(rfi)
    assert (event.type, event.sequence, event.id) == (
        EventType.ROUTED,
        2,
        ids.event_id(rfi.id, 2, EventType.ROUTED),
    )
    assert event.facts["round"] == 1
    assert event.facts["referrals"] == [
        {"referralId": make_referral(partner=n).id, "partnerId": make_chosen(n).partner_id, "picked": False}
        for n in (1, 2)
    ]


def test_a_request_without_a_match_says_why() -> None:
    event = routed_event(routed(because="no_partner_in_region"))
    assert event.type is EventType.NO_MATCH
    assert event.facts == {"rfiId": make_rfi().id, "because": "no_partner_in_region"}


def test_routed_is_the_same_derived_from_any_later_state() -> None:
    rfi = routed(1, 2)
    withdrawn = decide_rfi(rfi, WithdrawRfi(by="customer"), LATER)
    assert routed_event(withdrawn) == routed_event(rfi)


def test_a_request_that_was_not_routed_has_no_such_event() -> None:
    with pytest.raises(ValueError, match="has not been routed"):
        routed_event(make_rfi())
