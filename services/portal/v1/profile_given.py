"""What may a program send of a business profile? Shapes and bounds; `profile_wanted` reads what is meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, StrictBool, StrictInt, StringConstraints

from services.core.codes import CompanySize
from services.core.profile_rules import (
    CAPACITY_LIMIT,
    LOCATIONS_LIMIT,
    REGIONS_LIMIT,
    TERM_LENGTH,
    TERMS_LIMIT,
)
from services.core.requirements import NAME_LENGTH
from services.portal.v1.wire import Instant, Wire

#: Most languages and sizes, and the longest texts that no rule bounds.
_FEW, _EMAIL_LENGTH, _SHORT = 50, 254, 60

Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=TERM_LENGTH)]
Texts = Annotated[list[Text], Field(default_factory=list, max_length=TERMS_LIMIT)]
Tag = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=20)]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
Id = Annotated[str, Field(max_length=64)]


class PlaceGivenV1(Wire):
    """A region, from wide to narrow; each part needs the one before it, but a city needs only the country."""

    #: Of a country that is none nothing else is said.
    stand_ins: ClassVar[Mapping[str, Any]] = {"country": ""}
    country: Annotated[Text, Field(description="ISO 3166-1 alpha-2, or a name")]
    subdivision: Annotated[Text | None, Field(description="ISO 3166-2, or a name")] = None
    city: Text | None = None
    postal_code: Text | None = None


class ContactGivenV1(Wire):
    """Who gets the alerts of a location."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"first_name": "", "last_name": "", "email": ""}
    first_name: Annotated[str, Field(max_length=NAME_LENGTH)]
    last_name: Annotated[str, Field(max_length=NAME_LENGTH)]
    email: Annotated[str, Field(max_length=_EMAIL_LENGTH)]
    phone: Annotated[str | None, Field(max_length=_SHORT, description="E.164; blanks do not count")] = None
    language: Annotated[Tag, Field(description="Of mails")] = "en"
    time_zone: Annotated[
        str | None, Field(max_length=_SHORT, description="IANA; without it the one most of the country has")
    ] = None


class LocationGivenV1(Wire):
    """An office in the profile's country, and who gets its alerts."""

    id: Annotated[Id | None, Field(description="As it was told; none for a new one")] = None
    place: PlaceGivenV1
    latitude: Annotated[Latitude | None, Field(description="WGS 84, in degrees; given with the longitude")] = None
    longitude: Annotated[Longitude | None, Field(description="WGS 84, in degrees; given with the latitude")] = None
    contact: ContactGivenV1


class ProfileGivenV1(Wire):
    """A business profile as a caller wants it; what is left out is empty."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"serves": [], "locations": []}
    id: Annotated[Id | None, Field(description="As it was told; it need not be sent")] = None
    country: Annotated[Id | None, Field(description="That of the path; it need not be sent")] = None
    active: Annotated[StrictBool, Field(description="Only an active profile receives referrals")] = True
    paused_until: Annotated[Instant | None, Field(description="Nothing is received before")] = None
    capacity: Annotated[
        Annotated[StrictInt, Field(ge=1, le=CAPACITY_LIMIT)] | None,
        Field(description="Most open referrals at a time; none means no limit"),
    ] = None
    serves: Annotated[
        list[PlaceGivenV1], Field(max_length=REGIONS_LIMIT, description="Each the whole of what it names")
    ]
    locations: Annotated[list[LocationGivenV1], Field(max_length=LOCATIONS_LIMIT)]
    keywords: Texts
    industries: Texts
    products: Texts
    services: Texts
    sizes: list[CompanySize] = Field(default_factory=list, max_length=_FEW, description="Wanted; none means all")
    languages: list[Tag] = Field(default_factory=list, max_length=_FEW, description="Worked in; none means any")


class PauseV1(Wire):
    """Until when nothing is to be received."""

    stand_ins: ClassVar[Mapping[str, Any]] = {"until": "2200-01-01T00:00:00Z"}
    until: Instant
