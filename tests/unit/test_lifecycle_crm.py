"""What a partner's CRM keeps with a deal, its whole team in one edit, and changes of what was read before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.core import commands as c
from services.core import ids
from services.core.codes import PolicyName, SalesStage
from services.core.errors import CommandInvalid, Outdated
from services.core.referral import CrmFields
from services.core.requirements import SOLUTIONS_LIMIT, TEAM_LIMIT
from tests.builders import make_person, make_referral
from tests.journeys import BY, accept, do
from tests.unit.test_commands import World

CRM = CrmFields(sales_stage=SalesStage.DEVELOP, campaign_id="spring", solutions=("S1",), share_with_sellers=True)
JANE, JOE = make_person(email="jane@partner1.example"), make_person(email="joe@partner1.example")


def test_an_accept_keeps_what_the_crm_says_and_an_undo_forgets_it() -> None:
    taken = do(make_referral(), accept(crm=CRM))
    assert taken.details.crm == CRM
    assert do(taken, c.Undo(by=BY)).details.crm is None


def test_an_edit_sets_what_it_names_and_leaves_the_rest() -> None:
    taken = do(make_referral(), accept(crm=CRM, team=(JANE,)))
    renamed = do(taken, c.Edit(by=BY, engagement_name="Other"))
    assert (renamed.details.crm, renamed.team) == (CRM, (JANE,))
    moved = do(renamed, c.Edit(by=BY, crm=replace(CRM, campaign_id=None)))
    assert moved.details.crm == replace(CRM, campaign_id=None)
    assert moved.details.engagement_name == "Other"


def test_an_edit_with_a_team_replaces_the_whole_of_it_and_the_same_again_is_no_change() -> None:
    taken = do(make_referral(), accept(team=(JANE,)))
    swapped = do(taken, c.Edit(by=BY, team=(JOE,)))
    assert swapped.team == (JOE,)
    assert do(swapped, c.Edit(by=BY, team=(JOE,))) is swapped
    assert do(swapped, c.Edit(by=BY, team=())).team == ()


def test_every_problem_of_the_crm_s_fields_and_of_a_team_is_told() -> None:
    taken = do(make_referral(), accept())
    crm = CrmFields(
        campaign_id="x" * 101,
        program="\x00",
        solutions=("y" * 101, *(f"S{n}" for n in range(SOLUTIONS_LIMIT))),
        customer_team=(make_person(email="no"),),
    )
    many = tuple(make_person(email=f"p{n}@partner1.example") for n in range(TEAM_LIMIT + 1))
    with pytest.raises(CommandInvalid) as caught:
        do(taken, c.Edit(by=BY, crm=crm, team=many))
    assert [(each.field, each.code) for each in caught.value.problems] == [
        ("/campaignId", "too_long"),
        ("/program", "control_character"),
        ("/solutions", "too_many"),
        ("/solutions/0", "too_long"),
        ("/customerTeam/0/email", "invalid"),
        ("/team", "too_many"),
    ]


def test_a_referral_has_of_its_request_what_lists_show() -> None:
    referral = make_referral(1, policy=PolicyName.CLASSIC)
    assert (referral.size, referral.channel) == ("51to250employees", "marketing")
    assert referral.keywords == ("cloud migration",)
    assert referral.budget is not None
    assert referral.customer_key == ids.customer_key(referral.partner_id, " ANA.molina@customer.example")


def test_two_partners_know_a_customer_by_different_keys_that_do_not_hold_the_address() -> None:
    one, two = (ids.customer_key(partner, "ana@x.example") for partner in ("p1", "p2"))
    assert one != two
    assert "ana" not in one


async def test_a_change_of_what_was_read_before_is_refused_without_an_effect() -> None:
    world, referral = World(), make_referral()
    await world.stores.referrals.add([referral])
    opened = await world.commands.execute(referral.id, c.Open(by=BY), expected=1)
    with pytest.raises(Outdated, match="read it again") as caught:
        await world.commands.execute(referral.id, accept(), expected=1)
    assert caught.value.version == opened.version == 2
    assert (await world.commands.execute(referral.id, accept(), expected=2)).status == "Active"
