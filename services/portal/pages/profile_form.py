"""What stands in the form of a business profile, and which profile does a filled-in form mean? Every problem at once.

Regions are lines: the country, a region of it, region / city, region / city / postcode. Lists are lines too. Offices
are numbered fieldsets; one without any text is none, and one marked for removal goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from textwrap import shorten

from services.core.codes import CompanySize
from services.core.errors import Problem
from services.core.partner import Location, Profile
from services.core.profile_rules import DEGREE_DIGITS, fresh_location_id, paired, problems_of_profile
from services.core.rfi import Coordinate, Person, Place
from services.portal.pages.fields import name_of
from services.portal.pages.pauses import pause_day, pause_entered
from services.portal.pages.problem_words import Naming
from services.portal.ports import ProfileDesk
from services.portal.profile_work import Owner
from services.wording.words import Words

#: Languages to choose from, beside those that a profile names already.
LANGUAGES = ("en", "es", "ca", "de", "eu", "fr", "gl", "it", "nl", "pl", "pt", "zh")
LISTS = ("keywords", "industries", "products", "services")
_CONTACT = {"firstName": "first_name", "lastName": "last_name", "email": "email", "phone": "phone"}
_OF_OFFICE = re.compile(r"/locations/(\d+)(/.*)")
#: Lines that nobody knows, as they are named to who wrote them: how many, and how much of each.
_NAMED, _NAMED_LENGTH = 5, 60
#: Nobody works in more digits.
_DIGITS = 9
#: Fields by which an office is one; language and zone alone make none.
_TELLS = re.compile(
    r"locations\.(\d{1,3})\."
    r"(?:city|region|postalCode|latitude|longitude|contact\.(?:firstName|lastName|email|phone))"
)
#: Degrees, in either way of writing decimals.
_DEGREES = re.compile(r"[+-]?\d{1,3}(?:[.,]\d{1,15})?", re.ASCII)


def values_of(profile: Profile, owner: Owner, words: Words, desk: ProfileDesk) -> dict[str, str]:
    """What the form begins with."""
    values = {name: "\n".join(getattr(profile, name)) for name in LISTS}
    values["serves"] = "\n".join(_region_said(place, profile.country, words, desk) for place in profile.serves)
    values |= {f"sizes.{size.value}": "on" for size in profile.sizes}
    values |= {f"languages.{tag}": "on" for tag in profile.languages}
    values["capacity"] = "" if profile.capacity is None else str(profile.capacity)
    values["pausedUntil"] = pause_day(profile.paused_until, owner.now, owner.zone)
    for number, location in enumerate(profile.locations):
        at, place, contact = f"locations.{number}", location.place, location.contact
        region = _subdivision_said(place, words, desk) if place.subdivision else ""
        values |= {f"{at}.id": location.id, f"{at}.region": region, f"{at}.city": place.city or ""}
        values |= {f"{at}.postalCode": place.postal_code or ""}
        if (spot := location.coordinate) is not None:
            values |= {f"{at}.latitude": _degrees(spot.latitude), f"{at}.longitude": _degrees(spot.longitude)}
        values |= {f"{at}.contact.{name}": getattr(contact, known) or "" for name, known in _CONTACT.items()}
        values |= {f"{at}.contact.language": contact.language, f"{at}.contact.timeZone": contact.time_zone}
    return values


def _degrees(number: float) -> str:
    """Never with an exponent, which nobody enters."""
    return f"{number:.{DEGREE_DIGITS}f}".rstrip("0").rstrip(".")


def _subdivision_said(place: Place, words: Words, desk: ProfileDesk) -> str:
    """The name of a subdivision where the name leads back to it, else its code."""
    name = words.place(Place(country=place.country, subdivision=place.subdivision)).partition(", ")[0]
    back = desk.place(place.country, name, None)
    return name if back is not None and back.subdivision == place.subdivision else place.subdivision or ""


def _region_said(place: Place, country: str, words: Words, desk: ProfileDesk) -> str:
    region = words.country(place.country)
    if place.subdivision is not None:
        region = _subdivision_said(place, words, desk) if place.country == country else place.subdivision
    return " / ".join(part for part in (region, place.city, place.postal_code) if part)


def offices_in(values: Mapping[str, str]) -> list[int]:
    """Numbers of the form's offices in which something was entered, in order."""
    found = (_TELLS.fullmatch(name) for name, value in values.items() if value.strip())
    return sorted({int(each[1]) for each in found if each is not None})


class ProfileForm:
    """A filled-in form, being read."""

    def __init__(self, values: Mapping[str, str], before: Profile, owner: Owner, desk: ProfileDesk) -> None:
        self._values, self._before, self._owner, self._desk = values, before, owner, desk
        self.problems: list[Problem] = []
        #: Form numbers of the offices that the profile has, in its order.
        self._numbers: list[int] = []

    def read(self) -> Profile:
        """The profile, as far as it could be read; `problems` has the rest, and what the rules say."""
        profile = replace(
            self._before,
            policy=self._owner.policy,
            serves=self._serves(),
            locations=self._locations(),
            sizes=tuple(size for size in CompanySize if f"sizes.{size.value}" in self._values),
            languages=self._languages(),
            capacity=self._capacity(),
            paused_until=self._pause(),
            keywords=_lines(self._text("/keywords")),
            industries=_lines(self._text("/industries")),
            products=_lines(self._text("/products")),
            services=_lines(self._text("/services")),
        )
        seen = {problem.field for problem in self.problems}
        for problem in problems_of_profile(profile, self._owner.now, self._before):
            at_its_field = Problem(self._numbered(problem.field), problem.code, problem.message)
            if at_its_field.field not in seen:
                self.problems.append(at_its_field)
        return profile

    def _text(self, pointer: str) -> str:
        return self._values.get(name_of(pointer), "").strip()

    def _numbered(self, field: str) -> str:
        """A problem's field with the number that its office has in the form."""
        if field == "/locations":
            return "/locations/0/city"
        found = _OF_OFFICE.match(field)
        return f"/locations/{self._numbers[int(found[1])]}{found[2]}" if found else field

    def _serves(self) -> tuple[Place, ...]:
        written = _lines(self._text("/serves"))
        places = [(line, self._region(line)) for line in written]
        unknown = [line for line, place in places if place is None]
        if unknown:
            named = tuple(shorten(line, _NAMED_LENGTH, placeholder="…") for line in unknown[:_NAMED])
            message = f"not known as a region: {', '.join(named)}"
            self.problems.append(Naming("/serves", "unknown_lines", message, named))
        return tuple(dict.fromkeys(place for _, place in places if place is not None))

    def _region(self, line: str) -> Place | None:
        region, city, postal, *more = [*(part.strip() or None for part in line.split("/")), None, None]
        if region is None or any(more):
            return None
        place = self._widest(region)
        return replace(place, city=city, postal_code=postal) if place else None

    def _widest(self, name: str) -> Place | None:
        """A country or a subdivision; its own country's subdivisions come before other countries (GE, CA, AL)."""
        own = self._owner.country
        country = self._desk.place(name, None, None)
        if country is not None and country.country == own:
            return country
        elsewhere = self._desk.place(name.partition("-")[0], name, None) if "-" in name else None
        return self._desk.place(own, name, None) or country or elsewhere

    def _locations(self) -> tuple[Location, ...]:
        found: list[Location] = []
        for number in offices_in(self._values):
            at = f"/locations/{number}"
            if self._text(f"{at}/remove"):
                continue
            self._numbers.append(number)
            place = self._office(at)
            id_, spot = self._office_id(at, place, found), self._spot(at)
            found.append(Location(id=id_, place=place, coordinate=spot, contact=self._contact(at)))
        return tuple(found)

    def _office(self, at: str) -> Place:
        country, region = self._owner.country, self._text(f"{at}/region")
        place = self._desk.place(country, region or None, None)
        if place is None:
            self.problems.append(Problem(f"{at}/region", "unknown_place", f"not known as a region: {region}"))
        city, postal = self._text(f"{at}/city") or None, self._text(f"{at}/postalCode").upper() or None
        return replace(place or Place(country=country), city=city, postal_code=postal)

    def _spot(self, at: str) -> Coordinate | None:
        """The coordinates, as far as they can be read."""
        texts = {name: self._text(f"{at}/{name}") for name in ("latitude", "longitude")}
        unread = [name for name, text in texts.items() if text and not _DEGREES.fullmatch(text)]
        if unread:
            words = "give decimal degrees, for example 37.3891"
            self.problems += [Problem(f"{at}/{name}", "invalid", words) for name in unread]
            return None
        degrees = {name: float(text.replace(",", ".")) if text else None for name, text in texts.items()}
        spot, missing = paired(at, degrees["latitude"], degrees["longitude"])
        self.problems += missing
        return spot

    def _office_id(self, at: str, place: Place, others: Iterable[Location]) -> str:
        """An office keeps its id; a new one gets one that its place gives it, and no other has."""
        sent, taken = self._text(f"{at}/id"), {other.id for other in others}
        known = {each.id for each in self._before.locations}
        if sent in known - taken:
            return sent
        return fresh_location_id(self._owner.profile_id, place, taken | known)

    def _contact(self, at: str) -> Person:
        texts = {known: self._text(f"{at}/contact/{name}") for name, known in _CONTACT.items()}
        zone = self._text(f"{at}/contact/timeZone") or self._desk.zone_of(self._owner.country)
        if not self._desk.knows_zone(zone):
            self.problems.append(Problem(f"{at}/contact/timeZone", "unknown_zone", "not known as a time zone"))
            zone = "UTC"
        return Person(
            first_name=texts["first_name"],
            last_name=texts["last_name"],
            email=texts["email"],
            phone="".join(texts["phone"].split()) or None,
            language=self._text(f"{at}/contact/language")[:20] or "en",
            time_zone=zone,
        )

    def _languages(self) -> tuple[str, ...]:
        known = dict.fromkeys((*self._before.languages, *LANGUAGES))
        return tuple(tag for tag in known if f"languages.{tag}" in self._values)

    def _capacity(self) -> int | None:
        text = self._text("/capacity")
        if text and not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
            self.problems.append(Problem("/capacity", "not_a_count", "give a whole number, or nothing for no limit"))
            return None
        return int(text) if text else None

    def _pause(self) -> datetime | None:
        before, now, zone = self._before.paused_until, self._owner.now, self._owner.zone
        return pause_entered(self._values, before, now, zone, self.problems)


def _lines(text: str) -> tuple[str, ...]:
    """The lines of a text, each once, without blanks around them."""
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
