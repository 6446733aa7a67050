"""Can a business profile be kept as it is? Every problem at once, by field; pure.

Fields are JSON pointers into the profile: `/serves`, `/locations/0/contact/email`, `/keywords`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime

from services.core.errors import Problem
from services.core.ids import location_id
from services.core.mail import is_mailbox
from services.core.partner import Profile
from services.core.requirements import person_problems, text_problems
from services.core.rfi import Coordinate, Person, Place

#: Most entries of each list, and the longest text of one, in characters.
REGIONS_LIMIT = 300
LOCATIONS_LIMIT = 50
TERMS_LIMIT = 200
TERM_LENGTH = 100
#: Largest capacity; who wants more wants no limit.
CAPACITY_LIMIT = 100_000
#: No pause ends later.
LATEST_PAUSE = datetime(2200, 1, 1, tzinfo=UTC)
#: Digits of a degree that are kept of an office: ten centimetres.
DEGREE_DIGITS = 6


def problems_of_profile(profile: Profile, now: datetime, before: Profile | None = None) -> list[Problem]:
    """Everything that is missing or wrong; empty when the profile can be kept.

    Args:
        profile: as it would be.
        now: business time: a new pause must end later.
        before: as it is; what it says already of a pause is no problem.
    """
    return list(_problems(profile, now, before))


def fresh_location_id(profile_id: str, place: Place, taken: Collection[str]) -> str:
    """The id of a new location: one that its place gives it, and that is not taken."""
    parts, twins = (place.subdivision, place.city, place.postal_code), 0
    while (made := location_id(profile_id, *parts, str(twins))) in taken:
        twins += 1
    return made


def coordinate_problems(at: str, coordinate: Coordinate | None) -> Iterator[Problem]:
    """What is wrong with the coordinates of an office; what is no number lies outside every range."""
    if coordinate is None:
        return
    for name, degrees, most in (("latitude", coordinate.latitude, 90), ("longitude", coordinate.longitude, 180)):
        if not -most <= degrees <= most:
            yield Problem(f"{at}/{name}", "invalid", f"give decimal degrees from -{most} to {most}")


def paired(at: str, latitude: float | None, longitude: float | None) -> tuple[Coordinate | None, list[Problem]]:
    """The coordinates of an office, and what is missing: both are given, or none."""
    if latitude is not None and longitude is not None:
        return Coordinate(round(latitude, DEGREE_DIGITS), round(longitude, DEGREE_DIGITS)), []
    if latitude is None and longitude is None:
        return None, []
    missing = "latitude" if latitude is None else "longitude"
    return None, [Problem(f"{at}/{missing}", "required", "give both latitude and longitude, or neither")]


def _problems(profile: Profile, now: datetime, before: Profile | None) -> Iterator[Problem]:
    if not profile.serves:
        yield Problem("/serves", "required", "name at least one region; the country means all of it")
    yield from _few("/serves", profile.serves, REGIONS_LIMIT)
    yield from _served(profile.serves)
    if not profile.locations:
        yield Problem("/locations", "no_location", "give at least one location and who gets its alerts")
    yield from _few("/locations", profile.locations, LOCATIONS_LIMIT)
    for number, location in enumerate(profile.locations):
        yield from _place(f"/locations/{number}", location.place)
        yield from coordinate_problems(f"/locations/{number}", location.coordinate)
        yield from _contact(f"/locations/{number}/contact", location.contact)
    for name in ("keywords", "industries", "products", "services"):
        yield from _terms(f"/{name}", getattr(profile, name))
    if profile.capacity is not None and not 1 <= profile.capacity <= CAPACITY_LIMIT:
        yield Problem("/capacity", "out_of_range", f"give a number from 1 to {CAPACITY_LIMIT}, or nothing for no limit")
    known = before.paused_until if before else None
    if profile.paused_until is not None and profile.paused_until != known:
        if profile.paused_until <= now:
            yield Problem("/pausedUntil", "in_the_past", "a pause must end in the future; leave it empty for none")
        elif profile.paused_until > LATEST_PAUSE:
            # It must be a date of the calendar in every zone of the earth.
            yield Problem("/pausedUntil", "invalid", f"give a date before the year {LATEST_PAUSE.year}")


def _served(places: Sequence[Place]) -> Iterator[Problem]:
    # One problem for the whole list, as of words: it is one field of a form.
    for problem in (each for place in places for each in _place("", place)):
        yield Problem("/serves", problem.code, problem.message)
        return


def _place(at: str, place: Place) -> Iterator[Problem]:
    yield from text_problems(f"{at}/subdivision", place.subdivision, TERM_LENGTH)
    yield from text_problems(f"{at}/city", place.city, TERM_LENGTH)
    yield from text_problems(f"{at}/postalCode", place.postal_code, TERM_LENGTH)


def _contact(field: str, contact: Person) -> Iterator[Problem]:
    found = list(person_problems(field, contact))
    yield from found
    # The very rule of the sender: what passes here must not be refused when a mail is due.
    if not is_mailbox(contact.email) and not any(each.field == f"{field}/email" for each in found):
        yield Problem(f"{field}/email", "invalid", "give a mail address, for example name@company.example")


def _few(field: str, values: Sequence[object], most: int) -> Iterator[Problem]:
    if len(values) > most:
        yield Problem(field, "too_many", f"name at most {most}")


def _terms(field: str, terms: Sequence[str]) -> Iterator[Problem]:
    yield from _few(field, terms, TERMS_LIMIT)
    # One problem for the whole list: it is one field of a form.
    for problem in (each for term in terms for each in text_problems(field, term, TERM_LENGTH)):
        yield problem
        return
