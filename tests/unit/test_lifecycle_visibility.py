"""May a partner see the customer's contact, at every place of both policies?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.core.codes import PolicyName
from services.core.policy import POLICIES
from services.core.visibility import contact_visible
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
