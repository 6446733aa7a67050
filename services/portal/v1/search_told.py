"""What is told of a partner that was found, and of how many were?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

from pydantic import Field

from services.core.partner import Partner, RoutableProfile
from services.core.rfi import Chosen
from services.matching.searching import Count, Hit, SearchResult
from services.portal.v1.profile_told import PlaceV1, place_told
from services.portal.v1.wire import Told


class FoundV1(Told):
    """A partner that fits, through its best profile: the nearest office, what it offers, how fast it answers."""

    partner_id: str
    name: str
    country: str
    office: PlaceV1 | None = None
    products: list[str]
    services: list[str]
    industries: list[str]
    languages: list[str]
    response_seconds: int | None = Field(None, description="Median time to its first answer")


class CountV1(Told):
    """How many partners have a value."""

    value: str
    partners: int


class CountsV1(Told):
    """Values to filter by, the most frequent first."""

    industries: list[CountV1]
    products: list[CountV1]
    services: list[CountV1]
    languages: list[CountV1]
    sizes: list[CountV1]


class SearchV1(Told):
    """A page of partners, the best first; `next` is the address of the next one."""

    value: list[FoundV1]
    found: int = Field(description="Partners that pass the filters, as far as they were counted")
    more: bool = Field(description="True if there are more than were counted")
    counts: CountsV1
    next: str | None = None


def told(result: SearchResult, hits: Iterable[Hit], partners: Mapping[str, Partner]) -> SearchV1:
    """A page of what was found; `partners` are the active ones of it."""
    return SearchV1(
        value=[
            found(each.chosen, each.profile, partners[each.chosen.partner_id], each.response)
            for each in hits
            # An account that was closed lately.
            if each.chosen.partner_id in partners
        ],
        found=result.counted,
        more=result.more,
        counts=CountsV1(
            industries=_counts(result.industries),
            products=_counts(result.products),
            services=_counts(result.services),
            languages=_counts(result.languages),
            sizes=_counts(result.sizes),
        ),
    )


def found(chosen: Chosen, profile: RoutableProfile, partner: Partner, response: timedelta | None) -> FoundV1:
    """One partner."""
    office = next((each for each in profile.locations if each.id == chosen.location_id), None)
    return FoundV1(
        partner_id=chosen.partner_id,
        name=partner.name,
        country=profile.country,
        office=place_told(office.place) if office else None,
        products=list(profile.products),
        services=list(profile.services),
        industries=list(profile.industries),
        languages=list(profile.languages),
        response_seconds=None if response is None else int(response.total_seconds()),
    )


def _counts(counts: Iterable[Count]) -> list[CountV1]:
    return [CountV1(value=each.value, partners=each.partners) for each in counts]
