"""/v1/search: partners that fit a need, page by page, without anybody's name or address."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from services.core.rfi import Place
from tests.builders import make_location, make_partner, make_place, make_profile
from tests.portal.test_choosing_another import caught_up, network
from tests.portal.world import Browser, PortalWorld

PATH = "/v1/search"


@pytest.fixture
async def crm(world: PortalWorld) -> Browser:
    """Partners 1 to 5 offer the same, but 5 has more than the others and 4 has closed its account."""
    await network(world, make_profile(5, version=2, services=("migration", "training"), languages=("es",)))
    await world.stores.partners.put_partners([make_partner(4, version=2, active=False)])
    return await world.program(1, ("referrals.read",))


async def test_what_fits_best_stands_first_and_no_person_is_told(world: PortalWorld, crm: Browser) -> None:
    answer = await crm.get(PATH, params={"country": "Spain", "words": "training"})
    told = answer.json()
    assert told["value"][0] == {
        "partnerId": make_partner(5).id,
        "name": "Partner 5",
        "country": "ES",
        "office": {"country": "ES", "subdivision": "ES-AN", "city": "Sevilla", "postalCode": "41001"},
        "products": ["azure"],
        "services": ["migration", "training"],
        "industries": ["manufacturing"],
        "languages": ["es"],
    }
    assert "@" not in answer.text
    assert make_location(5).contact.last_name not in answer.text


async def test_pages_follow_each_other_and_repeat_what_was_asked(crm: Browser) -> None:
    seen: list[str] = []
    query = {"country": "ES", "industry": ["manufacturing", "retail"], "limit": 2, "language": "es"}
    page = (await crm.get(PATH, params=query)).json()
    assert (page["found"], page["more"]) == (5, False)
    while True:
        seen += [each["name"] for each in page["value"]]
        if "next" not in page:
            break
        asked = parse_qs(urlsplit(page["next"]).query)
        assert (asked["industry"], asked["language"], asked["limit"]) == (["manufacturing", "retail"], ["es"], ["2"])
        page = (await crm.get(page["next"])).json()
    # One account is closed, though its profile is still there.
    assert sorted(seen) == ["Partner 1", "Partner 2", "Partner 3", "Partner 5"]


async def test_filters_and_counts_are_those_of_all_that_was_found(world: PortalWorld, crm: Browser) -> None:
    told = (await crm.get(PATH, params={"country": "ES", "limit": 1})).json()
    assert {"value": "training", "partners": 1} in told["counts"]["services"]
    only = (await crm.get(PATH, params={"country": "ES", "offer": "training"})).json()
    assert [each["name"] for each in only["value"]] == ["Partner 5"]
    assert (await crm.get(PATH, params={"country": "ES", "speaks": "fr"})).json()["value"] == []
    await world.stores.partners.put_profiles([make_profile(2, version=2, serves=(make_place(), Place(country="PT")))])
    await caught_up(world)
    lisbon = (await crm.get(PATH, params={"country": "PT"})).json()
    assert [each["name"] for each in lisbon["value"]] == ["Partner 2"]


async def test_every_problem_of_the_question_is_told(crm: Browser) -> None:
    for query, pointer in (
        ({}, "/country"),
        ({"country": "Atlantis"}, "/country"),
        ({"country": "ES", "subdivision": "Nowhere"}, "/subdivision"),
        ({"country": "ES", "cursor": "x"}, "/cursor"),
        ({"country": "ES", "colour": "red"}, "/colour"),
    ):
        answer = await crm.get(PATH, params=query)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_until_the_partners_are_loaded_it_says_when_to_come_again(world: PortalWorld) -> None:
    crm = await world.program(1)
    answer = await crm.get(PATH, params={"country": "ES"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_who_may_not_read_referrals_finds_nobody(world: PortalWorld, crm: Browser) -> None:
    operator = await world.program(None, ("operator",))
    assert len((await operator.get(PATH, params={"country": "ES"})).json()["value"]) == 4
    hooks = await world.program(1, ("webhooks.write",))
    assert (await hooks.get(PATH, params={"country": "ES"})).status_code == 403
