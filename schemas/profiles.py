"""What does the exchange tell of partners? Business profiles without the people in them, and statistics."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.base import Instant, Told, Version
from schemas.events import PartnerId, Policy

Code = Annotated[str, Field(min_length=1)]
Size = Literal[
    "1to9employees",
    "10to50employees",
    "51to250employees",
    "251to1000employees",
    "1001to5000employees",
    "5001to10000employees",
    "10001to20000employees",
    "Morethan20000employees",
]
Count = Annotated[int, Field(ge=0)]


class RegionV1(Told):
    """A region by codes: country (ISO 3166-1 alpha-2), subdivision (ISO 3166-2), city as written, postal code."""

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    subdivision: Code | None = None
    city: Code | None = None
    postal_code: Code | None = None


class OfficeV1(Told):
    """A location of a partner, without its contact; where it is known with its coordinates (WGS 84), both or none."""

    id: Code
    place: RegionV1
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)] | None = None


class PartnerProfileV1(Told):
    """The newest version of a business profile. The highest `version` of an id holds; equal ones are the same."""

    id: Code
    partner_id: PartnerId
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    serves: list[RegionV1]
    locations: list[OfficeV1]
    keywords: list[str]
    industries: list[str]
    products: list[str]
    services: list[str]
    sizes: list[Size]
    languages: list[str]
    capacity: Annotated[int, Field(ge=0)] | None = None
    paused_until: Instant | None = None
    active: bool
    version: Version
    policy: Policy


class PartnerStatsV1(Told):
    """The newest statistics of a partner, recomputed from the outcomes of its referrals; the highest revision holds."""

    partner_id: PartnerId
    revision: Version
    offered: Count
    answered: Count
    accepted: Count
    declined: Count
    expired: Count
    won: Count
    lost: Count
    open: Count
    median_answer_s: Annotated[float, Field(ge=0)] | None = None


LearnedTerms = dict[str, Annotated[float, Field(ge=-1, le=1)]]


class ProfileStandingV1(Told):
    """What was learned of a profile from the outcomes of its referrals; the highest `version` of a profile holds.

    `terms` are signs of requests (`kind:what`, all but subdivisions and budgets hashed), each from -1 (it can't) to 1.
    They are empty where `sealed_terms` has them: the same as JSON, encrypted for the exchange itself.
    """

    profile_id: Code
    partner_id: PartnerId
    version: Version
    at: Instant
    prior: Annotated[float, Field(ge=0, le=1)]
    terms: LearnedTerms
    sealed_terms: str | None = None
    received: Count
    accepted: Count
    declined: Count
    expired: Count
    won: Count
    lost: Count
    median_answer_s: Annotated[float, Field(ge=0)] | None = None
