"""Business profiles: seen by everybody of the partner, changed by admins, tried on recent requests, told to routers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from pydantic import TypeAdapter

from schemas.topics import Topic
from services.adapters.outbox import OutboxRelay
from services.core import commands as c
from services.core.accounts import Role
from services.core.codes import CloseReason, CompanySize, PolicyName, RfiState
from services.core.errors import DependencyUnavailable
from services.core.partner import Profile
from services.core.ports import Outgoing
from services.core.rfi import Chosen, Coordinate, Place, Routing
from services.core.rules import DEFAULT_RULES, PublishedRules
from services.portal.v1.wire import Instant
from services.profile_keeping import ProfileKeeping
from tests.builders import START, make_location, make_need, make_partner, make_profile, make_rfi
from tests.portal.world import REGIONS, Browser, PortalWorld

_INPUT = re.compile(r"<input\b[^>]*>")
_AREA = re.compile(r'<textarea\b[^>]*name="([^"]+)"[^>]*>([^<]*)</textarea>')
_SELECT = re.compile(r'<select\b[^>]*name="([^"]+)"[^>]*>(.*?)</select>', re.DOTALL)
_ATTRIBUTE = re.compile(r'([a-z-]+)="([^"]*)"')


def entered(page: str) -> dict[str, str]:
    """What a browser would send of the profile's form as it stands."""
    form = page[page.index('<form id="profile"') :]
    form = form[: form.index("</form>")]
    values: dict[str, str] = {}
    for tag in _INPUT.findall(form):
        attributes = {name: unescape(value) for name, value in _ATTRIBUTE.findall(tag)}
        if attributes["type"] != "checkbox" or " checked" in tag:
            values[attributes["name"]] = attributes["value"]
    values |= {name: unescape(text) for name, text in _AREA.findall(form)}
    for name, options in _SELECT.findall(form):
        chosen = re.search(r'value="([^"]*)" selected', options)
        values[name] = chosen[1] if chosen else ""
    return values


@pytest.fixture
async def ana(world: PortalWorld) -> Browser:
    await world.stores.partners.put_partners([make_partner(1)])
    await world.stores.partners.put_profiles([make_profile(1)])
    return await world.signed_in(1)


async def stored(world: PortalWorld, country: str = "ES") -> Profile:
    profile = make_profile(1, country=country)
    return (await world.stores.partners.load_profiles([profile.id]))[profile.id]  # type: ignore[no-any-return]


async def sent(browser: Browser, changes: Mapping[str, str | None], path: str = "/profiles/ES", to: str = "") -> Any:
    """Load the form, change what is named (None: leave it out), send it."""
    values: dict[str, str | None] = {**entered((await browser.get(path)).text), **changes}
    return await browser.submit(path + to, {name: value for name, value in values.items() if value is not None})


async def test_the_list_says_where_each_profile_stands(world: PortalWorld, ana: Browser) -> None:
    pause = START + timedelta(days=9)
    await world.stores.partners.put_profiles([make_profile(1, country="FR", active=False)])
    await world.stores.partners.put_profiles([make_profile(1, version=2, paused_until=pause, capacity=7)])
    await world.stores.partners.put_profiles([make_profile(2, country="PT", keywords=("secret words",))])
    page = (await ana.get("/profiles")).text
    assert "Paused until March 11" in page
    assert "7 open referrals at a time" in page
    assert "Not active" in page
    assert "secret words" not in page
    assert page.index("Spain") < page.index("France")


async def test_a_form_sent_as_it_stands_changes_nothing_but_the_version(world: PortalWorld, ana: Browser) -> None:
    profile = make_profile(
        1,
        version=2,
        serves=(
            Place(country="ES"),
            Place(country="ES", subdivision="ES-SE"),
            Place(country="ES", subdivision="ES-AN", city="Sevilla", postal_code="41001"),
            Place(country="ES", city="Jaén"),
            Place(country="PT", subdivision="PT-11"),
            Place(country="CA"),
        ),
        sizes=(CompanySize.S1_9, CompanySize.S20001),
        languages=("en", "sv"),
        capacity=7,
        paused_until=START + timedelta(days=3, minutes=12),
        locations=(make_location(1, coordinate=Coordinate(37.3891, -0.00005)),),
        keywords=("C++ & <tags>", "migración"),
    )
    await world.stores.partners.put_profiles([profile])
    answer = await sent(ana, {})
    assert (answer.status_code, answer.headers["location"]) == (303, "/profiles")
    assert await stored(world) == replace(profile, version=3)


async def test_a_change_is_stored_and_published_to_the_routers(world: PortalWorld, ana: Browser) -> None:
    told = len(world.log.records(Topic.PARTNER_PROFILES))
    answer = await sent(
        ana,
        {
            "serves": "Andalucía\r\nComunidad de Madrid / Getafe\r\n\r\nportugal",
            "keywords": "backup\r\n backup \r\nmigración a la nube",
            "sizes.51to250employees": "on",
            "languages.en": None,
            "capacity": "12",
            "pausedUntil": "2026-03-20",
        },
    )
    assert answer.status_code == 303, answer.text
    found = await stored(world)
    assert [place.subdivision for place in found.serves] == ["ES-AN", "ES-MD", None]
    assert [(place.country, place.city) for place in found.serves[1:]] == [("ES", "Getafe"), ("PT", None)]
    assert found.keywords == ("backup", "migración a la nube")
    assert (found.sizes, found.languages, found.capacity) == ((CompanySize.S51_250,), ("es",), 12)
    assert (found.paused_until, found.version) == (datetime(2026, 3, 20, tzinfo=UTC), 2)
    assert len(world.log.records(Topic.PARTNER_PROFILES)) == told + 1
    assert not await world.stores.partners.unpublished(10)
    assert "The profile is saved" in (await ana.get("/profiles")).text


async def test_every_problem_is_told_at_once_at_its_field_and_entries_are_kept(
    world: PortalWorld, ana: Browser
) -> None:
    answer = await sent(
        ana,
        {
            "serves": "Atlantis",
            "keywords": "x" * 101,
            "capacity": "many",
            "pausedUntil": "2020-01-01",
            "locations.0.region": "Nowhere",
            "locations.0.contact.email": "no address",
            "locations.0.contact.timeZone": "Mars/Olympus",
            "locations.1.city": "Jaén",
            "locations.1.latitude": "37,8",
            "locations.2.longitude": "far west",
        },
    )
    assert answer.status_code == 422
    wrong = set(re.findall(r'name="([^"]+)"[^>]*aria-invalid', answer.text.replace("\n", " ")))
    assert wrong == {
        *("serves", "keywords", "capacity", "pausedUntil", "locations.0.region", "locations.0.contact.email"),
        *("locations.0.contact.timeZone", "locations.1.contact.firstName"),
        *("locations.1.contact.lastName", "locations.1.contact.email", "locations.1.longitude"),
        *("locations.2.contact.firstName", "locations.2.contact.lastName", "locations.2.contact.email"),
        "locations.2.longitude",
    }
    kept = entered(answer.text)
    assert (kept["serves"], kept["capacity"], kept["locations.1.city"]) == ("Atlantis", "many", "Jaén")
    assert await stored(world) == make_profile(1)


async def test_a_profile_needs_an_office(world: PortalWorld, ana: Browser) -> None:
    answer = await sent(ana, {"locations.0.remove": "on"})
    assert answer.status_code == 422
    assert "Give at least one location" in answer.text
    assert await stored(world) == make_profile(1)


async def test_offices_are_added_and_removed_and_keep_their_ids(world: PortalWorld, ana: Browser) -> None:
    new = {
        "city": "Jaén",
        "contact.firstName": "Eva",
        "contact.lastName": "Paz",
        "contact.email": "eva@partner1.example",
    }
    await sent(ana, {f"locations.1.{name}": value for name, value in new.items()})
    one, two = (await stored(world)).locations
    assert one == make_profile(1).locations[0]
    assert (two.place, two.contact.email) == (Place(country="ES", city="Jaén"), "eva@partner1.example")
    assert (two.contact.time_zone, two.contact.phone) == ("Europe/Madrid", None)
    await sent(
        ana,
        {"locations.0.remove": "on", "locations.2.city": "Jaén", "locations.2.id": one.id}
        | {f"locations.2.{name}": value for name, value in new.items() if name != "city"},
    )
    left, twin = (await stored(world)).locations
    assert left == two
    # What stands in a hidden field is no right to another office's id, and twins differ.
    assert twin.id != two.id


async def test_of_two_who_edit_at_once_the_second_is_told_and_loses_nothing(world: PortalWorld, ana: Browser) -> None:
    page = entered((await ana.get("/profiles/ES")).text)
    await sent(ana, {"capacity": "5"})
    late = await ana.submit("/profiles/ES", {**page, "keywords": "mine"})
    assert late.status_code == 409
    assert (await stored(world)).capacity == 5
    kept = entered(late.text)
    assert kept["keywords"] == "mine"
    again = await ana.submit("/profiles/ES", kept)
    assert again.status_code == 303
    assert (await stored(world)).keywords == ("mine",)


async def test_a_profile_of_a_new_country_begins_inactive_and_is_activated(world: PortalWorld, ana: Browser) -> None:
    await world.stores.partners.put_partners([make_partner(1, policy=PolicyName.CLASSIC, version=2)])
    begun = await ana.submit("/profiles", {"country": "PT"})
    assert begun.headers["location"] == "/profiles/PT"
    office = {
        "city": "Porto",
        "contact.firstName": "Rui",
        "contact.lastName": "Sá",
        "contact.email": "rui@partner1.example",
    }
    answer = await sent(ana, {f"locations.0.{name}": value for name, value in office.items()}, "/profiles/PT")
    assert answer.status_code == 303, answer.text
    made = await stored(world, "PT")
    assert (made.active, made.version, made.policy) == (False, 1, PolicyName.CLASSIC)
    assert made.serves == (Place(country="PT"),)
    await ana.get("/profiles")
    await ana.submit("/profiles/PT/state", {"active": "yes", "version": "1"})
    assert (await stored(world, "PT")).active
    stale = await ana.submit("/profiles/PT/state", {"active": "no", "version": "1"})
    assert stale.headers["location"] == "/profiles"
    assert "Somebody else changed this profile" in (await ana.get("/profiles")).text
    await sent(ana, {"do": "save"}, "/profiles/PT")
    assert (await stored(world, "PT")).active


async def test_an_unfinished_profile_is_not_activated(world: PortalWorld, ana: Browser) -> None:
    await world.stores.partners.put_profiles([make_profile(1, version=2, active=False, locations=())])
    answer = await ana.submit("/profiles/ES/state", {"active": "yes", "version": "2"})
    assert answer.headers["location"] == "/profiles/ES"
    assert not (await stored(world)).active


@pytest.mark.parametrize("path", ["/profiles/XX", "/profiles/es", "/profiles/Spain", "/profiles/%24ne"])
async def test_there_is_no_profile_of_what_is_no_country(ana: Browser, path: str) -> None:
    assert (await ana.get(path)).status_code == 404


async def test_others_look_and_change_nothing(world: PortalWorld, ana: Browser) -> None:
    member = await world.signed_in(1, email="max@partner1.example", role=Role.MEMBER)
    page = (await member.get("/profiles")).text
    assert "Spain" in page
    assert "/profiles/ES" not in page
    assert (await member.get("/profiles/ES")).status_code == 403
    assert (await member.submit("/profiles/ES/state", {"active": "no", "version": "1"})).status_code == 403
    stranger = await world.signed_in(2)
    await world.stores.partners.put_partners([make_partner(2)])
    assert (await stranger.submit("/profiles/ES/state", {"active": "no", "version": "1"})).status_code == 404
    assert "cloud migration" not in (await stranger.get("/profiles/ES")).text
    assert await stored(world) == make_profile(1)


async def test_a_preview_counts_what_the_form_would_have_met_and_saves_nothing(
    world: PortalWorld, ana: Browser
) -> None:
    mine = await world.add_referral(1)
    private = make_need(title="Zebrafinch's own project", description="about Zebrafinch", keywords=("kubernetes",))
    await world.stores.rfis.add([make_rfi(2, need=private), make_rfi(3, need=private)])
    await world.stores.rfis.add([make_rfi(4, need=private, accepted_at=START - timedelta(days=31))])
    await world.stores.rfis.add([make_rfi(5, need=private, selected_partners=("somebody",))])
    answer = await sent(ana, {"keywords": "Kubernetes\ncloud migration", "pausedUntil": "2026-04-01"}, to="/preview")
    assert answer.status_code == 200
    page = re.sub(r"<[^>]+>", "", answer.text)
    assert "3 requests of the last 30 days were looked at, the newest. 3 fit this profile. 3 would have come" in page
    assert "than one who was asked. 1 came to you." in page
    assert "Kubernetes: 2 of them asked for it" in page
    assert f'href="/referrals/{mine.id}"' in answer.text
    # What others asked is told by its terms, never by its texts or by who asked.
    assert "Zebrafinch" not in page
    assert make_rfi(2).customer.company not in page
    assert entered(answer.text)["keywords"] == "Kubernetes\ncloud migration"
    assert await stored(world) == make_profile(1)


async def test_a_location_is_put_where_it_is_and_taken_from_there(world: PortalWorld, ana: Browser) -> None:
    await sent(ana, {"locations.0.latitude": "37,3891", "locations.0.longitude": " -5.9845 "})
    assert (await stored(world)).locations[0].coordinate == Coordinate(37.3891, -5.9845)
    refused = await sent(ana, {"locations.0.latitude": "90.01", "locations.0.longitude": "-180.5"})
    assert refused.status_code == 422
    assert "Give the latitude in degrees from -90 to 90" in refused.text
    assert "Give the longitude in degrees from -180 to 180" in refused.text
    await sent(ana, {"locations.0.latitude": "", "locations.0.longitude": ""})
    assert (await stored(world)).locations[0].coordinate is None


async def test_a_preview_tells_nobody_where_the_work_is(world: PortalWorld, ana: Browser) -> None:
    need = make_need(keywords=("kubernetes",), coordinate=Coordinate(37.3891, -5.9845), within_km=1)
    await world.stores.rfis.add([make_rfi(2, need=need)])
    pages = [
        (await sent(ana, {"locations.0.latitude": north, "locations.0.longitude": "-5.9845"}, to="/preview")).text
        for north in ("37.3891", "38.3891")
    ]
    near, far = (page[page.index('id="preview"') : page.index('id="who"')] for page in pages)
    assert "1 fits this profile" in re.sub(r"<[^>]+>", "", near)
    assert near == far


async def test_a_preview_tells_nobody_that_it_was_left_out_by_name(world: PortalWorld, ana: Browser) -> None:
    need, pages = make_need(keywords=("kubernetes",)), []
    for n, excluded in ((2, ()), (3, (make_partner(1).id,))):
        await world.stores.rfis.add([make_rfi(n, need=need, excluded_partners=excluded)])
        pages.append(re.sub(r"<[^>]+>", "", (await sent(ana, {"keywords": "kubernetes"}, to="/preview")).text))
        world.clock.advance(timedelta(minutes=2))
    assert "1 fits this profile. 1 would have come" in pages[0]
    assert "2 fit this profile. 2 would have come" in pages[1]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Pacific/Kiritimati", "America/Los_Angeles"])
@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("0001-01-01", "Give a date in the future, or leave it empty."),
        ("1999-12-31", "Give a date in the future, or leave it empty."),
        ("2200-01-01", "Give a day before the year 2200, or leave it empty."),
        ("9999-12-31", "Give a day before the year 2200, or leave it empty."),
    ],
)
async def test_a_pause_without_bounds_is_told_beside_its_field(
    world: PortalWorld, ana: Browser, zone: str, day: str, words: str
) -> None:
    reader = await world.signed_in(1, email="eve@partner1.example", time_zone=zone)
    answer = await sent(reader, {"pausedUntil": day})
    assert answer.status_code == 422
    assert f'id="profile-pausedUntil-problem">{words}' in answer.text
    assert entered(answer.text)["pausedUntil"] == day
    assert await stored(world) == make_profile(1)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
async def test_the_last_day_of_a_pause_is_one_that_programs_can_send_too(
    world: PortalWorld, ana: Browser, zone: str
) -> None:
    reader = await world.signed_in(1, email="eve@partner1.example", time_zone=zone)
    assert (await sent(reader, {"pausedUntil": "2199-12-31"})).status_code == 303
    until = (await stored(world)).paused_until
    assert until is not None
    assert TypeAdapter(Instant).validate_python(until.isoformat()) == until
    assert entered((await reader.get("/profiles/ES")).text)["pausedUntil"] == "2199-12-31"


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles"])
async def test_a_pause_that_was_stored_without_bounds_is_shown_and_kept_in_every_zone(
    world: PortalWorld, ana: Browser, zone: str
) -> None:
    endless = datetime(9999, 12, 31, 23, tzinfo=UTC)
    await world.stores.partners.put_profiles([make_profile(1, version=2, paused_until=endless)])
    reader = await world.signed_in(1, email="eve@partner1.example", time_zone=zone)
    boss = await world.signed_in(None, time_zone=zone)
    for browser, path in ((reader, "/profiles"), (boss, "/operator/partners")):
        page = await browser.get(path)
        assert page.status_code == 200
        assert re.search(r"aused until (January 1|December 31)", page.text)
    assert (await sent(reader, {"keywords": "cloud"})).status_code == 303
    assert (await stored(world)).paused_until == endless


async def test_both_degrees_that_nobody_can_read_are_told(world: PortalWorld, ana: Browser) -> None:
    answer = await sent(ana, {"locations.0.latitude": "north", "locations.0.longitude": "west"})
    assert answer.status_code == 422
    assert "Give the latitude in degrees" in answer.text
    assert "Give the longitude in degrees" in answer.text


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Not known as a region: Atlantis, {x} / Lima."), ("es", "No se conoce como región: Atlantis, {x} / Lima.")],
)
async def test_the_lines_that_are_no_regions_are_named(
    world: PortalWorld, ana: Browser, language: str, words: str
) -> None:
    reader = await world.signed_in(1, email="eve@partner1.example", language=language)
    answer = await sent(reader, {"serves": "ES\nAtlantis\n{x} / Lima"})
    assert answer.status_code == 422
    assert f'id="profile-serves-problem">{words}' in answer.text


async def test_a_preview_says_what_others_would_have_been_asked_for_instead(world: PortalWorld, ana: Browser) -> None:
    def others(*scores: float, later: float | None = None) -> Routing:
        all_of = [*((score, 1) for score in scores), *([(later, 2)] if later else [])]
        return Routing(
            at=START,
            chosen=tuple(
                Chosen(partner_id=f"other{n}", profile_id="p", location_id="l", score=score, round=round_)
                for n, (score, round_) in enumerate(all_of)
            ),
        )

    need = make_need(keywords=("kubernetes",))
    full = [
        make_rfi(n, need=need, max_partners=2, state=RfiState.ROUTED, version=2, routing=routing)
        for n, routing in enumerate([others(1.0), others(1.0, 0.999), others(1.0, 0.001, later=0.999)], start=11)
    ]
    await world.stores.rfis.add([*full, make_rfi(20, need=need)])
    answer = await sent(ana, {"keywords": "Kubernetes"}, to="/preview")
    page = re.sub(r"<[^>]+>", "", answer.text)
    assert "4 fit this profile. 3 would have come to you: there was room" in page
    assert (page.count("· would have come to you"), page.count("· others fit better")) == (3, 1)


async def test_a_preview_goes_by_the_rules_that_are_published(world: PortalWorld, ana: Browser) -> None:
    rival = Chosen(partner_id="rival", profile_id="p", location_id="l", score=0.5)
    need, routing = make_need(keywords=("kubernetes",)), Routing(at=START, chosen=(rival,))
    await world.stores.rfis.add([make_rfi(11, need=need, max_partners=1, routing=routing)])
    before = (await sent(ana, {"keywords": "Kubernetes"}, to="/preview")).text
    low = replace(DEFAULT_RULES, version="low", fit=0.2)
    await world.stores.rules.publish(PublishedRules(id="low", rules=low, by="operator:eve", at=START))
    world.clock.advance(timedelta(minutes=2))
    after = (await sent(ana, {"keywords": "Kubernetes"}, to="/preview")).text
    assert "· would have come to you" in before
    assert "· others fit better" in after


async def test_a_suggestion_is_made_with_one_click_once(world: PortalWorld, ana: Browser) -> None:
    for n in (1, 2):
        referral = await world.add_referral(n)
        reason = c.Decline(by="partner:ana", reason=CloseReason.SIZE)
        await world.ports.commands.execute(referral.id, reason, partner_id=referral.partner_id)
        settled = replace(await world.referral(referral.id), undo=None)
        world.stores.referrals.stored[referral.id] = settled
    page = (await ana.get("/profiles")).text
    assert "Leave out companies of this size" in page
    click = {"code": "exclude_size", "value": "51to250employees", "version": "1"}
    made = await ana.submit("/profiles/ES/suggestion", click)
    assert made.headers["location"] == "/profiles"
    assert CompanySize.S51_250 not in (await stored(world)).sizes
    await ana.submit("/profiles/ES/suggestion", {**click, "version": "2"})
    assert "This suggestion no longer holds" in (await ana.get("/profiles")).text
    invented = {"code": "set_capacity", "value": "1", "version": "2"}
    await ana.submit("/profiles/ES/suggestion", invented)
    assert (await stored(world)).version == 2


class NoKafka:
    """A publisher whose Kafka is away."""

    async def publish(self, _messages: Sequence[Outgoing]) -> None:
        raise DependencyUnavailable("kafka")


async def test_a_profile_is_stored_though_the_routers_hear_of_it_later(world: PortalWorld) -> None:
    stores = world.stores
    relay = OutboxRelay(
        rfis=stores.rfis, referrals=stores.referrals, partners=stores.partners, publisher=NoKafka(), clock=world.clock
    )
    keeping = ProfileKeeping(stores.partners, relay, lambda: REGIONS)
    assert await keeping.save(make_profile(1), 0) == make_profile(1)
    assert await stores.partners.unpublished(10) == [make_profile(1)]
