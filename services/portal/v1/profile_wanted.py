"""Which business profile does a program want? Read from the body of a PUT; every problem at once, by JSON pointer.

The rules are those of the page (`core.profile_rules`); countries and subdivisions may be named or given as codes.
"""

from __future__ import annotations

from dataclasses import replace

from services.core.codes import CompanySize
from services.core.errors import Problem
from services.core.partner import Location, Profile
from services.core.profile_rules import fresh_location_id, paired, problems_of_profile
from services.core.rfi import Person, Place
from services.portal.ports import ProfileDesk
from services.portal.profile_work import Owner
from services.portal.v1.profile_given import ContactGivenV1, PlaceGivenV1, ProfileGivenV1


class Wanted:
    """Reads one body. `problems` has what can't be read, and what the rules say of the rest."""

    def __init__(self, given: ProfileGivenV1, before: Profile, owner: Owner, desk: ProfileDesk) -> None:
        self._given, self._before, self._owner, self._desk = given, before, owner, desk
        self.problems: list[Problem] = []

    def read(self) -> Profile:
        """The profile, as far as it could be read."""
        given, before = self._given, self._before
        for name, sent, is_ in (("id", given.id, before.id), ("country", given.country, before.country)):
            if sent is not None and sent != is_:
                self.problems.append(Problem(f"/{name}", "another", f"this is the profile with the {name} {is_}"))
        profile = replace(
            before,
            policy=self._owner.policy,
            active=given.active,
            paused_until=given.paused_until,
            capacity=given.capacity,
            serves=self._serves(),
            locations=self._locations(),
            keywords=_each_once(given.keywords),
            industries=_each_once(given.industries),
            products=_each_once(given.products),
            services=_each_once(given.services),
            sizes=tuple(size for size in CompanySize if size in given.sizes),
            languages=_each_once(given.languages),
        )
        known = {problem.field for problem in self.problems}
        told = problems_of_profile(profile, self._owner.now, before)
        self.problems += [problem for problem in told if problem.field not in known]
        return profile

    def _serves(self) -> tuple[Place, ...]:
        found = [self._place(f"/serves/{number}", each) for number, each in enumerate(self._given.serves)]
        for number, place in enumerate(found):
            if place.postal_code and not place.city and place not in self._before.serves:
                self.problems.append(Problem(f"/serves/{number}/city", "required", "name the city of the postal code"))
        return tuple(dict.fromkeys(found))

    def _place(self, at: str, given: PlaceGivenV1) -> Place:
        """A place; one that is not known becomes a problem, and the profile's country stands in for it."""
        place = self._desk.place(given.country, given.subdivision or None, None)
        if place is None:
            country = self._desk.place(given.country, None, None)
            field = f"{at}/country" if country is None else f"{at}/subdivision"
            self.problems.append(Problem(field, "unknown_place", "give its ISO 3166 code, or its name"))
        place = place or Place(country=self._owner.country)
        return replace(place, city=given.city or None, postal_code=(given.postal_code or "").upper() or None)

    def _locations(self) -> tuple[Location, ...]:
        known = {each.id: each for each in self._before.locations}
        found: dict[str, Location] = {}
        for number, given in enumerate(self._given.locations):
            at = f"/locations/{number}"
            place = self._place(f"{at}/place", given.place)
            there = known.get(given.id or "")
            if place.country != self._owner.country and (there is None or place != there.place):
                message = f"a location lies in the profile's country, {self._owner.country}"
                self.problems.append(Problem(f"{at}/place/country", "another", message))
            if given.id is not None and (there is None or given.id in found):
                self.problems.append(Problem(f"{at}/id", "unknown_location", "leave the id of a new location out"))
            id_ = given.id if there is not None and there.id not in found else None
            made = id_ or fresh_location_id(self._owner.profile_id, place, known.keys() | found.keys())
            spot, missing = paired(at, given.latitude, given.longitude)
            self.problems += missing
            contact = self._contact(f"{at}/contact", given.contact)
            found[made] = Location(id=made, place=place, coordinate=spot, contact=contact)
        return tuple(found.values())

    def _contact(self, at: str, given: ContactGivenV1) -> Person:
        zone = given.time_zone or self._desk.zone_of(self._owner.country)
        if not self._desk.knows_zone(zone):
            self.problems.append(Problem(f"{at}/timeZone", "unknown_zone", "give a time zone as Europe/Madrid"))
            zone = "UTC"
        return Person(
            first_name=given.first_name.strip(),
            last_name=given.last_name.strip(),
            email=given.email.strip(),
            phone="".join((given.phone or "").split()) or None,
            language=given.language,
            time_zone=zone,
        )


def _each_once(texts: list[str]) -> tuple[str, ...]:
    """The texts, each once, without empty ones."""
    return tuple(dict.fromkeys(text for text in texts if text))
