"""May a partner see the customer's contact, at every place of both policies?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.core.codes import PolicyName
from services.core.erasing import erased_referral
from services.core.policy import POLICIES
from services.core.visibility import contact_visible, contact_was_visible
from tests.builders import START
from tests.journeys import JOURNEYS, at

OPEN_TO_STANDARD = {"pending", "received"}
OPEN_TO_CLASSIC = {"evaluating"}
ALWAYS = {"accepted+undo", "accepted", "won+undo", "won", "lost+undo", "lost"}
CASES = [(policy, place) for policy, places in JOURNEYS.items() for place in places]


@pytest.mark.parametrize(("policy", "place"), CASES)
def test_contact_is_visible_where_the_product_says(policy: PolicyName, place: str) -> None:
    new = OPEN_TO_STANDARD if policy is PolicyName.STANDARD else OPEN_TO_CLASSIC
    assert contact_visible(at(policy, place), POLICIES[policy]) is (place in new | ALWAYS)


@pytest.mark.parametrize(("policy", "place"), CASES)
def test_a_masking_deployment_shows_it_from_the_accept_on(policy: PolicyName, place: str) -> None:
    masked = replace(POLICIES[policy], mask_contact_until_accept=True)
    assert contact_visible(at(policy, place), masked) is (place in ALWAYS)


@pytest.mark.parametrize(("policy", "place"), CASES)
def test_what_is_visible_was_visible_and_erasing_does_not_undo_that(policy: PolicyName, place: str) -> None:
    for rules in (POLICIES[policy], replace(POLICIES[policy], mask_contact_until_accept=True)):
        referral = at(policy, place)
        if contact_visible(referral, rules):
            assert contact_was_visible(referral, rules)
            assert contact_was_visible(erased_referral(referral, "customer", START, rules), rules)


@pytest.mark.parametrize("place", ["pending", "received"])
def test_nobody_saw_it_before_the_first_word_where_the_policy_hides_it(place: str) -> None:
    assert not contact_was_visible(at(PolicyName.CLASSIC, place), POLICIES[PolicyName.CLASSIC])
    masked = replace(POLICIES[PolicyName.STANDARD], mask_contact_until_accept=True)
    assert not contact_was_visible(at(PolicyName.STANDARD, place), masked)
