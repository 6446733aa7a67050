"""/v1/engagements: a partner sees the request with its own referral and reasons; operators see what came of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from services.core.codes import RfiState
from services.core.referral import Details, Referral
from services.core.rfi import Chosen, Coordinate, Money, Rfi, Routing, Skipped
from tests.builders import START, make_chosen, make_partner, make_profile, make_referral, make_rfi
from tests.portal.world import PortalWorld

PATH = "/v1/engagements"
REASONS = ("region_served|ES-AN", "keyword|cloud migration|2.10", "more|3", "some older text")


def picked(n: int) -> Chosen:
    return replace(make_chosen(n), picked=n == 2, reasons=REASONS)


async def asked(world: PortalWorld) -> tuple[Rfi, list[Referral]]:
    """RFI 1, asked of partners 1 and 2; partner 3 came near."""
    await world.stores.partners.put_partners([make_partner(n) for n in (1, 2, 3)])
    await world.stores.partners.put_profiles([make_profile(n) for n in (1, 2, 3)])
    near = Skipped(partner_id=make_partner(3).id, profile_id=make_profile(3).id, score=0.5, because="below_cut")
    routing = Routing(at=START, chosen=(picked(1), picked(2)), near_misses=(near,))
    rfi = replace(make_rfi(1), state=RfiState.ROUTED, version=2, routing=routing)
    details = Details(
        engagement_name="Zebrafinch", deal_value=Money(amount=Decimal("1E+3"), currency="EUR"), notes="ours", crm_id="7"
    )
    why = {"score": 0.75, "reasons": list(REASONS)}
    referrals = [make_referral(1, partner=n, details=details, why=why) for n in (1, 2)]
    await world.stores.rfis.add([rfi])
    await world.stores.referrals.add(referrals)
    return rfi, referrals


async def test_a_partner_sees_the_request_and_its_own_referral_without_any_person(world: PortalWorld) -> None:
    rfi, (mine, theirs) = await asked(world)
    crm = await world.program(1, ("referrals.read",))
    answer = await crm.get(f"{PATH}/{rfi.id}")
    told = answer.json()
    assert (told["id"], told["state"], told["company"]) == (rfi.id, "routed", rfi.customer.company)
    assert told["need"]["place"] == {"country": "ES", "subdivision": "ES-AN", "city": "Sevilla", "postalCode": "41001"}
    assert [each["id"] for each in told["referrals"]] == [mine.id]
    deal = told["referrals"][0]["deal"]
    assert deal == {"name": "Zebrafinch", "value": {"amount": "1000", "currency": "EUR"}, "notes": "ours", "crmId": "7"}
    contact = rfi.customer.contact
    hidden = (contact.email, contact.last_name, contact.phone, theirs.id, make_partner(2).id, make_partner(3).id)
    assert not [each for each in hidden if str(each) in answer.text]
    assert {"nearMisses", "rules"}.isdisjoint(told)
    assert world.stores.reveals.stored == {}


async def test_what_must_be_offered_is_told_and_stands_on_the_partners_page(world: PortalWorld) -> None:
    rfi, (mine, _) = await asked(world)
    demanding = replace(rfi.need, must_offer=("ISO 27001",), must_offer_one_of=("gold", "silver"))
    world.stores.rfis.stored[rfi.id] = replace(rfi, need=demanding)
    told = (await (await world.program(1, ("referrals.read",))).get(f"{PATH}/{rfi.id}")).json()["need"]
    assert (told["mustOffer"], told["mustOfferOneOf"]) == (["ISO 27001"], ["gold", "silver"])
    page = (await (await world.signed_in(1)).get(f"/referrals/{mine.id}")).text
    assert all(words in page for words in ("Required", "ISO 27001", "Required, one of these at least", "gold, silver"))


async def test_a_partner_is_told_how_near_and_what_not_but_never_who_was_left_out_or_where_exactly(
    world: PortalWorld,
) -> None:
    rfi, (mine, _) = await asked(world)
    need = replace(rfi.need, must_not_offer=("resale",), within_km=25, coordinate=Coordinate(37.1357, -5.2468))
    left_out = make_partner(9, name="Zebrafinch Ltd")
    await world.stores.partners.put_partners([left_out])
    world.stores.rfis.stored[rfi.id] = replace(rfi, need=need, excluded_partners=(left_out.id,))
    crm, ana = await world.program(1, ("referrals.read", "referrals.write")), await world.signed_in(1)
    answer = await crm.get(f"{PATH}/{rfi.id}")
    assert (answer.json()["need"]["mustNotOffer"], answer.json()["need"]["withinKm"]) == (["resale"], 25)
    page = await ana.get(f"/referrals/{mine.id}")
    assert all(words in page.text for words in ("Not wanted", "resale", "At most so far away", "25 km"))
    others = [
        await crm.get(f"{PATH}/{rfi.id}/explanation"),
        await crm.get(f"/v1.0/engagements/referrals/{mine.id}"),
        await ana.get("/inbox"),
        await world.client().get(world.customer_path(rfi)),
    ]
    for told in (answer, page, *others):
        assert told.status_code == 200
        assert not [secret for secret in (left_out.id, left_out.name, "37.1357", "5.2468") if secret in told.text]
    operator, boss = await world.program(None, ("operator",)), await world.signed_in(partner=None)
    whole = (await operator.get(f"{PATH}/{rfi.id}")).json()
    assert whole["excludedPartners"] == [left_out.id]
    shown = (await boss.get(f"/operator/requests/{rfi.id}")).text
    assert all(words in shown for words in ("Not to be asked", left_out.name, "25 km", "resale"))
    assert "37.1357" not in shown


async def test_the_one_that_was_chosen_learns_it_and_the_others_do_not(world: PortalWorld) -> None:
    rfi, _ = await asked(world)
    chosen = replace(rfi, state=RfiState.CHOSEN, chosen_partner_id=make_partner(1).id, version=3)
    world.stores.rfis.stored[rfi.id] = chosen
    told = [(await (await world.program(n)).get(f"{PATH}/{rfi.id}")).json() for n in (1, 2)]
    assert [each.get("chosenPartnerId") for each in told] == [make_partner(1).id, None]


async def test_an_operator_sees_everybody_with_outcomes_but_not_their_notes(world: PortalWorld) -> None:
    rfi, referrals = await asked(world)
    operator = await world.program(None, ("operator",))
    answer = await operator.get(f"{PATH}/{rfi.id}")
    told = answer.json()
    assert {each["id"] for each in told["referrals"]} == {each.id for each in referrals}
    assert [(each["partnerName"], each["because"]) for each in told["nearMisses"]] == [("Partner 3", "below_cut")]
    assert told["referrals"][0]["deal"].keys() == {"name", "value"}
    assert rfi.customer.contact.email not in answer.text
    assert (await operator.get(f"{PATH}/nothing")).status_code == 404


async def test_a_partner_reads_its_own_reasons_as_stored_in_words_and_as_data(world: PortalWorld) -> None:
    rfi, _ = await asked(world)
    crm = await world.program(1)
    told = (await crm.get(f"{PATH}/{rfi.id}/explanation")).json()
    assert (told["engagementId"], told["at"], told["rules"]) == (rfi.id, "2026-03-02T09:00:00Z", "reference-1")
    (decision,) = told["decisions"]
    assert (decision["partnerId"], decision["outcome"], decision["picked"]) == (make_partner(1).id, "chosen", False)
    region, keyword, more, older = decision["reasons"]
    assert (region["code"], region["value"]) == ("region_served", "ES-AN")
    assert keyword == {"code": "keyword", "value": "cloud migration", "text": "Keyword: cloud migration"}
    assert (more.get("text"), older) == (None, {"text": "some older text"})
    assert "score" not in decision
    assert "now" not in told
    own = await crm.get(f"{PATH}/{rfi.id}/explanation", params={"partnerId": make_partner(1).id})
    assert own.json() == told
    others = await crm.get(f"{PATH}/{rfi.id}/explanation", params={"partnerId": make_partner(2).id})
    assert others.status_code == 404


async def test_an_operator_is_told_of_anybody_then_and_now(world: PortalWorld) -> None:
    rfi, _ = await asked(world)
    await world.stores.partners.put_profiles([make_profile(3, version=2, active=False)])
    operator = await world.program(None, ("operator",))
    whole = (await operator.get(f"{PATH}/{rfi.id}/explanation")).json()
    assert [(each["partnerName"], each["outcome"]) for each in whole["decisions"]] == [
        ("Partner 1", "chosen"),
        ("Partner 2", "chosen"),
        ("Partner 3", "below_cut"),
    ]
    assert whole["decisions"][0]["reasons"][1]["weight"] == 2.1
    assert {each["partnerName"] for each in whole["now"]["profiles"]} >= {"Partner 1", "Partner 2"}
    third = {"partnerId": make_partner(3).id}
    one = (await operator.get(f"{PATH}/{rfi.id}/explanation", params=third)).json()
    assert [each["outcome"] for each in one["decisions"]] == ["below_cut"]
    (now,) = one["now"]["profiles"]
    assert (now["outcome"], now["wouldHelp"][0]) == ("inactive", "activate the profile")
    assert any(term["matched"] for term in now["terms"])
    unknown = await operator.get(f"{PATH}/{rfi.id}/explanation", params={"partnerId": "nobody"})
    assert unknown.status_code == 404


async def test_who_was_not_asked_does_not_find_it_not_even_who_came_near(world: PortalWorld) -> None:
    rfi, _ = await asked(world)
    for n in (3, 4):
        other = await world.program(n)
        for path in (f"{PATH}/{rfi.id}", f"{PATH}/{rfi.id}/explanation"):
            answer = await other.get(path)
            assert answer.status_code == 404
            assert rfi.customer.company not in answer.text
    hooks = await world.program(1, ("webhooks.write",))
    assert (await hooks.get(f"{PATH}/{rfi.id}")).status_code == 403
