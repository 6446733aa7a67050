"""What is told of a business profile over the API, its locations and their contacts among it?

Bounds are those of what may be sent (`profile_given`); what was imported long ago is told as it is.
"""

from __future__ import annotations

from datetime import datetime

from services.core.codes import CompanySize
from services.core.partner import Location, Profile
from services.core.rfi import Person, Place
from services.portal.v1.wire import Told


class PlaceV1(Told):
    """A region, from wide to narrow: ISO 3166-1 alpha-2, ISO 3166-2, and names."""

    country: str
    subdivision: str | None = None
    city: str | None = None
    postal_code: str | None = None


class ContactV1(Told):
    """A person of the partner: the phone number is E.164, the language that of mails, the time zone IANA's name."""

    first_name: str
    last_name: str
    email: str
    phone: str | None = None
    language: str
    time_zone: str


class LocationV1(Told):
    """An office, and who gets its alerts."""

    id: str
    place: PlaceV1
    latitude: float | None = None
    longitude: float | None = None
    contact: ContactV1


class ProfileV1(Told):
    """A business profile as it is; it can be sent back with changes."""

    id: str
    country: str
    active: bool
    paused_until: datetime | None = None
    capacity: int | None = None
    serves: list[PlaceV1]
    locations: list[LocationV1]
    keywords: list[str]
    industries: list[str]
    products: list[str]
    services: list[str]
    sizes: list[CompanySize]
    languages: list[str]


class ProfileListV1(Told):
    """Every business profile of the partner, by country."""

    value: list[ProfileV1]


def told(profile: Profile) -> ProfileV1:
    """A profile for an answer."""
    return ProfileV1(
        id=profile.id,
        country=profile.country,
        active=profile.active,
        paused_until=profile.paused_until,
        capacity=profile.capacity,
        serves=[place_told(place) for place in profile.serves],
        locations=[_location(each) for each in profile.locations],
        keywords=list(profile.keywords),
        industries=list(profile.industries),
        products=list(profile.products),
        services=list(profile.services),
        sizes=list(profile.sizes),
        languages=list(profile.languages),
    )


def place_told(place: Place) -> PlaceV1:
    """A place for an answer."""
    return PlaceV1(country=place.country, subdivision=place.subdivision, city=place.city, postal_code=place.postal_code)


def contact_told(person: Person) -> ContactV1:
    """A person of a partner for an answer."""
    return ContactV1(
        first_name=person.first_name,
        last_name=person.last_name,
        email=person.email,
        phone=person.phone,
        language=person.language,
        time_zone=person.time_zone,
    )


def _location(location: Location) -> LocationV1:
    spot = location.coordinate
    return LocationV1(
        id=location.id,
        place=place_told(location.place),
        latitude=spot.latitude if spot is not None else None,
        longitude=spot.longitude if spot is not None else None,
        contact=contact_told(location.contact),
    )
