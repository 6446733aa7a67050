"""/v1/profiles: made, read, sent back whole with locations and contacts; small steps; no change of others is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from schemas.topics import Topic
from services.core.accounts import Role
from services.core.codes import CompanySize, PolicyName
from services.core.ids import profile_id
from services.core.partner import Profile
from services.core.rfi import Coordinate, Place
from tests.builders import START, make_location, make_partner, make_person, make_profile
from tests.portal.world import Browser, PortalWorld

PATH = "/v1/profiles"
ES = f"{PATH}/ES"
CONTACT = {"firstName": "Sara", "lastName": "Sales", "email": "sara@partner1.example"}
GIVEN: dict[str, Any] = {
    "serves": [{"country": "PT"}],
    "locations": [{"place": {"country": "PT", "city": "Lisboa"}, "contact": CONTACT}],
}
ALL_OF_IT = make_profile(
    1,
    serves=(Place(country="ES", subdivision="ES-AN", city="Sevilla", postal_code="41001"), Place(country="PT")),
    locations=(
        make_location(1),
        make_location(
            2, contact=make_person(phone=None, time_zone="Europe/Madrid"), coordinate=Coordinate(37.3891, -5.0)
        ),
    ),
    sizes=(CompanySize.S1_9, CompanySize.S20001),
    capacity=7,
    paused_until=START + timedelta(days=3),
)


@pytest.fixture
async def crm(world: PortalWorld) -> Browser:
    await world.stores.partners.put_partners([make_partner(1), make_partner(2)])
    await world.stores.partners.put_profiles([ALL_OF_IT])
    return await world.program(1, ("profiles.write",))


async def stored(world: PortalWorld, country: str = "ES") -> Profile:
    id_ = profile_id(make_partner(1).id, country)
    return (await world.stores.partners.load_profiles([id_]))[id_]  # type: ignore[no-any-return]


async def test_what_is_read_can_be_sent_back_and_changes_nothing(world: PortalWorld, crm: Browser) -> None:
    read = await crm.get(ES)
    assert (read.status_code, read.headers["etag"]) == (200, '"1"')
    assert (await crm.get(PATH)).json() == {"value": [read.json()]}
    sent = await crm.put(ES, json=read.json(), headers={"If-Match": read.headers["etag"]})
    assert (sent.status_code, sent.headers["etag"], sent.json()) == (200, '"2"', read.json())
    assert await stored(world) == replace(ALL_OF_IT, version=2)


async def test_a_change_is_told_to_the_routers(world: PortalWorld, crm: Browser) -> None:
    told = len(world.log.records(Topic.PARTNER_PROFILES))
    body = {**(await crm.get(ES)).json(), "keywords": [" backup ", "backup", ""], "capacity": None}
    assert (await crm.put(ES, json=body, headers={"If-Match": '"1"'})).status_code == 200
    assert (await stored(world)).keywords == ("backup",)
    assert (await stored(world)).capacity is None
    assert len(world.log.records(Topic.PARTNER_PROFILES)) == told + 1
    assert not await world.stores.partners.unpublished(10)


async def test_a_put_where_nothing_is_makes_one_once(world: PortalWorld, crm: Browser) -> None:
    await world.stores.partners.put_partners([make_partner(1, version=2, policy=PolicyName.CLASSIC)])
    made = await crm.put(f"{PATH}/PT", json=GIVEN)
    assert (made.status_code, made.headers["etag"]) == (201, '"1"')
    assert made.headers["location"] == f"http://portal.test{PATH}/PT"
    profile = await stored(world, "PT")
    assert (profile.active, profile.policy, profile.country) == (True, PolicyName.CLASSIC, "PT")
    assert profile.locations[0].contact.time_zone == "Europe/Lisbon"
    # Somebody else's first write must not be replaced unread.
    assert (await crm.put(f"{PATH}/PT", json=GIVEN)).status_code == 428
    assert (await crm.put(f"{PATH}/PT", json=GIVEN, headers={"If-Match": '"9"'})).status_code == 412
    assert await stored(world, "PT") == profile


async def test_countries_and_regions_may_be_named_and_codes_are_told(crm: Browser) -> None:
    given = {**GIVEN, "serves": [{"country": "Spain", "subdivision": "Andalucía"}, {"country": "portugal"}]}
    made = await crm.put(f"{PATH}/PT", json=given)
    assert made.json()["serves"] == [{"country": "ES", "subdivision": "ES-AN"}, {"country": "PT"}]


async def test_every_problem_is_told_at_once_at_its_place(world: PortalWorld, crm: Browser) -> None:
    wrong = {
        "country": "FR",
        "serves": [{"country": "Atlantis"}, {"country": "ES", "subdivision": "Nowhere"}],
        "keywords": ["\u0007"],
        "pausedUntil": "2020-01-01T00:00:00Z",
        "locations": [
            {"id": "L-9", "place": {"country": "FR"}, "contact": {**CONTACT, "email": "no address"}},
            {"place": {"country": "PT"}, "contact": {**CONTACT, "firstName": " ", "timeZone": "Mars/Olympus"}},
        ],
    }
    answer = await crm.put(f"{PATH}/PT", json=wrong)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert {each["pointer"] for each in answer.json()["errors"]} == {
        *("/country", "/serves/0/country", "/serves/1/subdivision", "/keywords", "/pausedUntil"),
        *("/locations/0/id", "/locations/0/place/country", "/locations/0/contact/email"),
        *("/locations/1/contact/firstName", "/locations/1/contact/timeZone"),
    }
    assert len(world.stores.partners.profiles) == 1
    half = {**GIVEN["locations"][0], "latitude": 1}
    told = (await crm.put(f"{PATH}/PT", json={**GIVEN, "locations": [half]})).json()["errors"]
    assert [(each["pointer"], each["detail"]) for each in told] == [
        ("/locations/0/longitude", "give both latitude and longitude, or neither")
    ]
    far = {**half, "latitude": -90.5, "longitude": 181}
    told = (await crm.put(f"{PATH}/PT", json={**GIVEN, "locations": [far]})).json()["errors"]
    assert {each["pointer"] for each in told} == {"/locations/0/latitude", "/locations/0/longitude"}
    shapes = {**GIVEN, "capacity": "7", "active": "yes", "pausedUntil": 1_800_000_000, "more": 1}
    told = (await crm.put(f"{PATH}/PT", json=shapes)).json()["errors"]
    assert {each["pointer"].split("/")[1] for each in told} == {"capacity", "active", "pausedUntil", "more"}


async def test_a_location_keeps_its_id_and_a_new_one_gets_the_same_each_time(world: PortalWorld, crm: Browser) -> None:
    body = (await crm.get(ES)).json()
    new = {"place": {"country": "ES", "city": "Jaén"}, "contact": CONTACT}
    body["locations"] = [new, new, body["locations"][1]]
    answers = [await crm.put(ES, json=body, headers={"If-Match": "*"}) for _ in range(2)]
    ids = [[each["id"] for each in answer.json()["locations"]] for answer in answers]
    assert ids[0][2] == "L-2"
    assert len(set(ids[0])) == 3
    twice = {**body, "locations": [body["locations"][2]] * 2}
    told = (await crm.put(ES, json=twice, headers={"If-Match": "*"})).json()["errors"]
    assert [each["pointer"] for each in told] == ["/locations/1/id"]


async def test_steps_can_be_repeated_and_write_once(world: PortalWorld, crm: Browser) -> None:
    until = "2026-04-01T00:00:00Z"
    for step, body, version in (
        ("deactivate", None, 2),
        ("deactivate", None, 2),
        ("activate", None, 3),
        ("pause", {"until": until}, 4),
        ("pause", {"until": until}, 4),
        ("resume", None, 5),
    ):
        answer = await crm.post(f"{ES}/{step}", json=body)
        assert (answer.status_code, answer.headers["etag"]) == (200, f'"{version}"'), step
    assert await stored(world) == replace(ALL_OF_IT, paused_until=None, version=5)
    assert (await crm.post(f"{ES}/deactivate", headers={"If-Match": '"4"'})).status_code == 412
    assert (await crm.post(f"{ES}/pause", json={"until": "2026-03-01T00:00:00Z"})).status_code == 422
    assert (await stored(world)).version == 5


async def test_one_that_is_not_whole_is_not_activated_but_can_rest(world: PortalWorld, crm: Browser) -> None:
    await world.stores.partners.put_profiles([make_profile(1, version=2, locations=())])
    assert (await crm.post(f"{ES}/deactivate")).status_code == 200
    refused = await crm.post(f"{ES}/activate")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/locations"


async def test_of_two_who_change_the_same_version_one_is_told(world: PortalWorld, crm: Browser) -> None:
    body = (await crm.get(ES)).json()
    first = await crm.put(ES, json={**body, "capacity": 1}, headers={"If-Match": '"1"'})
    second = await crm.put(ES, json={**body, "capacity": 2}, headers={"If-Match": '"1"'})
    assert (first.status_code, second.status_code) == (200, 412)
    assert (await stored(world)).capacity == 1


async def test_each_sees_and_changes_what_is_its_own(world: PortalWorld, crm: Browser) -> None:
    other = await world.program(2, ("profiles.write",))
    assert (await other.get(PATH)).json() == {"value": []}
    assert (await other.get(ES)).status_code == 404
    assert (await other.post(f"{ES}/deactivate")).status_code == 404
    made = await other.put(ES, json={**GIVEN, "locations": [{**GIVEN["locations"][0], "place": {"country": "ES"}}]})
    assert made.status_code == 201
    assert await stored(world) == ALL_OF_IT
    for country in ("XX", "es", "ESP"):
        assert (await crm.get(f"{PATH}/{country}")).status_code in {404, 422}


async def test_viewers_and_programs_without_the_scope_only_look(world: PortalWorld, crm: Browser) -> None:
    viewer, member = [
        await world.signed_in(1, email=f"{role}@x.example", role=role) for role in (Role.VIEWER, Role.MEMBER)
    ]
    reader = await world.program(1, ("profiles.read",))
    for each in (viewer, member, reader):
        headers = {"x-csrf-token": each.token, "If-Match": "*"}
        assert (await each.get(ES)).status_code == 200
        assert (await each.put(ES, json=(await each.get(ES)).json(), headers=headers)).status_code == 403
        assert (await each.post(f"{ES}/deactivate", headers=headers)).status_code == 403
    assert (await (await world.program(1)).get(ES)).status_code == 403
    assert await stored(world) == ALL_OF_IT
