"""What a publisher sends: an RFI, version 1, as JSON in camelCase.

This is the shape alone (types, lengths, closed lists). What needs knowledge of the world (phone numbers, countries,
currencies, consent) is checked by intake, which reports every problem of both kinds at once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from schemas.base import Wire

Term = Annotated[str, Field(min_length=1, max_length=100)]
Terms = Annotated[list[Term], Field(max_length=50)]
Demands = Annotated[list[Term], Field(max_length=10)]
LARGEST_CIRCLE_KM = 20_000
PartnerRef = Annotated[str, Field(min_length=1, max_length=64)]


class PlaceV1(Wire):
    """A region: country, and as much of subdivision, city and postal code as is known. Names (en, es) or ISO codes.

    Where distance matters, also the point: decimal degrees (WGS 84), both or none, kept to four digits (some 10 m).
    """

    country: Annotated[str, Field(min_length=2, max_length=80, examples=["ES", "España", "Spain"])]
    subdivision: Annotated[str, Field(min_length=1, max_length=80, examples=["ES-AN", "Andalucía"])] | None = None
    city: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    postal_code: Annotated[str, Field(min_length=1, max_length=20)] | None = None
    latitude: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, examples=[37.3891])] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, examples=[-5.9845])] | None = None


class ContactV1(Wire):
    """The person who asks."""

    first_name: Annotated[str, Field(min_length=1, max_length=100)]
    last_name: Annotated[str, Field(min_length=1, max_length=100)]
    email: Annotated[str, Field(min_length=3, max_length=254)]
    phone: Annotated[str, Field(min_length=3, max_length=40)] | None = None
    language: Annotated[str, Field(min_length=2, max_length=35, examples=["en", "es", "es-MX"])] | None = None
    time_zone: Annotated[str, Field(min_length=1, max_length=64, examples=["Europe/Madrid"])] | None = None


class CustomerV1(Wire):
    """The company that asks."""

    company: Annotated[str, Field(min_length=1, max_length=200)]
    size: Annotated[str, Field(max_length=30, examples=["51to250employees"])] | None = None
    place: PlaceV1
    contact: ContactV1
    website: Annotated[str, Field(max_length=300)] | None = None


class BudgetV1(Wire):
    """Money; the amount as a decimal string, so that nothing is rounded."""

    amount: Annotated[str, Field(pattern=r"^\d{1,15}(\.\d{1,4})?$", examples=["25000.00"])]
    currency: Annotated[str, Field(min_length=3, max_length=3, examples=["EUR"])]


class NeedV1(Wire):
    """What is asked for. `place` is where the work is; without it the customer's own place.

    Only partners who offer each of `mustOffer`, and one of `mustOfferOneOf` at least, are asked; both count as
    keywords too. Who offers one of `mustNotOffer` is not asked. With `withinKm` only those are asked who have a
    location so near to the place, whose coordinates must be given; who tells no coordinates is judged by region.
    """

    title: Annotated[str, Field(min_length=3, max_length=300)]
    description: Annotated[str, Field(max_length=20_000)] = ""
    place: PlaceV1 | None = None
    industries: Terms = Field(default_factory=list)
    products: Terms = Field(default_factory=list)
    services: Terms = Field(default_factory=list)
    keywords: Terms = Field(default_factory=list)
    must_offer: Demands = Field(default_factory=list)
    must_offer_one_of: Demands = Field(default_factory=list)
    must_not_offer: Demands = Field(default_factory=list)
    within_km: Annotated[int, Field(ge=1, le=LARGEST_CIRCLE_KM)] | None = None
    budget: BudgetV1 | None = None
    timeframe: Annotated[str, Field(max_length=20, examples=["within30days"])] | None = None


class ConsentV1(Wire):
    """What the customer agreed to; `contact` and `share` must be true for an RFI to be passed on."""

    contact: bool
    share: bool
    next_best: bool = False


class RfiSubmittedV1(Wire):
    """An RFI. `id` is the publisher's own and makes it idempotent: the same id again is the same RFI.

    `excludedPartners` are not asked, unless the customer itself picks one later; no partner is told of them.
    """

    id: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
    channel: Annotated[str, Field(max_length=20, examples=["marketing", "sales", "search"])]
    language: Annotated[str, Field(min_length=2, max_length=35, examples=["en", "es"])]
    submitted_at: Annotated[datetime, Field(strict=False)]
    customer: CustomerV1
    need: NeedV1
    consent: ConsentV1
    selected_partners: Annotated[list[PartnerRef], Field(max_length=20)] = Field(default_factory=list)
    excluded_partners: Annotated[list[PartnerRef], Field(max_length=10)] = Field(default_factory=list)
    max_partners: Annotated[int, Field(ge=1, le=20)] = 5
    contact_requested: bool = False
