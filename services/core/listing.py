"""Which referrals does a partner want to see, in which order, and from where on?

A query is a value, always of one partner. The rules of what matches stand here; adapters either use them (the twin) or
say the same to a database (and a suite holds them to it). Nothing of the customer's person can be learned by asking: a
question about its mail address only meets referrals whose contact the partner may see.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol, TypeAlias

from services.core.cards import Card
from services.core.codes import Channel, CompanySize, Flame, Stage
from services.core.referral import Referral
from services.core.rfi import Money

#: Most referrals on one page.
PAGE_LIMIT = 100
#: Sections are counted up to here; one that has more says "1,000 and more".
COUNT_LIMIT = 1000
#: Most words of a text search that are looked at, and most characters of a referral that it looks at.
WORD_LIMIT, SEARCH_LENGTH = 8, 500


class Field(StrEnum):
    """What a condition can be about."""

    RFI = "rfi"
    STATUS = "status"
    SUBSTATUS = "substatus"
    CREATED = "created"
    UPDATED = "updated"
    ACCEPTED = "accepted"
    #: Whether it ever was: "yes" or "no".
    CUSTOMER = "customer"
    #: `ids.customer_key` of a mail address; equality only.


class Op(StrEnum):
    """How a field is compared."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field against one value: an instant for CREATED and UPDATED, a text for the others (EQ and NE only)."""

    field: Field
    op: Op
    value: str | datetime


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple[Condition, ...]


Condition: TypeAlias = Comparison | AllOf | AnyOf


class Section(StrEnum):
    """The lists of the inbox; classic partners have Evaluating beside New."""

    NEW = "new"
    EVALUATING = "evaluating"
    ACTIVE = "active"
    ARCHIVED = "archived"


#: The stage of the referrals in each section, by which lists are indexed.
STAGES = {
    Section.NEW: Stage.NEW,
    Section.EVALUATING: Stage.EVALUATING,
    Section.ACTIVE: Stage.ACTIVE,
    Section.ARCHIVED: Stage.ARCHIVED,
}
#: Sections whose referrals have a deadline.
RUNNING_OUT = frozenset({Section.NEW, Section.EVALUATING})


class Sort(StrEnum):
    """By which instant a list is ordered."""

    TIME_LEFT = "time_left"
    CREATED = "created"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place after the last referral of a page: its instant of the sort, and its id among those of that instant."""

    at: datetime
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingQuery:
    """Referrals of one partner. Everything asked for must hold; what is None or empty is not asked.

    Raises:
        ValueError: the limit is no page, or the time left is to order referrals that have been answered.
    """

    partner_id: str
    section: Section | None = None
    condition: Condition | None = None
    region: str | None = None
    #: ISO 3166-1 alpha-2, or ISO 3166-2 with its country.
    parts: frozenset[str] = frozenset()
    #: Subdivisions within the region that count as it, if they are codes of their own: provinces of a community.
    size: CompanySize | None = None
    channel: Channel | None = None
    flame: bool = False
    worth_from: Decimal | None = None
    worth_to: Decimal | None = None
    currency: str | None = None
    #: Of `worth_from` and `worth_to`; amounts of other currencies are not converted, and left out.
    text: str = ""
    #: Words that all occur (as parts of words) in title, company, keywords, name of the deal or CRM id.
    ids: frozenset[str] | None = None
    #: Only these, for example the favourites.
    sort: Sort = Sort.CREATED
    descending: bool = True
    after: Cursor | None = None
    limit: int = PAGE_LIMIT

    def __post_init__(self) -> None:
        """Refuse what no list can be."""
        if not 1 <= self.limit <= PAGE_LIMIT:
            raise ValueError(f"a page has 1 to {PAGE_LIMIT} referrals")
        if self.sort is Sort.TIME_LEFT and self.section not in RUNNING_OUT:
            raise ValueError("only what has not been answered can be ordered by the time left")


@dataclass(frozen=True, slots=True)
class Page:
    """Some referrals of a list, without `history`, `why`, `undo` and `outbox`; `next` is None on the last page."""

    referrals: tuple[Referral, ...]
    next: Cursor | None


@dataclass(frozen=True, slots=True)
class Cards:
    """A page of a list as it is looked at; `next` as that of a `Page`."""

    cards: tuple[Card, ...]
    next: Cursor | None

    def __hash__(self) -> int:
        """Of what tells most pages apart: what follows from a page is looked up by it."""
        return hash((self.cards[:1], self.next))


class ReferralListing(Protocol):
    """Lists of referrals, each of one partner."""

    async def page(self, query: ListingQuery) -> Page:
        """One page of a list."""

    async def cards(self, query: ListingQuery) -> Cards:
        """The same page, with what a list shows of each referral and no more."""

    async def counts(self, partner_id: str) -> dict[Section, int]:
        """How many referrals each section has, at most COUNT_LIMIT each."""


def instant_of(referral: Referral, sort: Sort) -> datetime:
    """The instant by which a referral is ordered; one without a deadline counts as its creation."""
    match sort:
        case Sort.CREATED:
            return referral.created_at
        case Sort.UPDATED:
            return referral.updated_at
        case Sort.TIME_LEFT:
            return referral.expires_at or referral.created_at


def worth(referral: Referral) -> Money | None:
    """What a deal is worth in a list: the partner's estimate, else the customer's budget."""
    return referral.details.deal_value or referral.budget


def folded(text: str) -> str:
    """A text for searching: case and marks do not count."""
    if text.isascii():
        return " ".join(text.lower().split())
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def words_of(text: str) -> list[str]:
    """The words that a text search looks for; NUL stands in no text, and no database looks for it."""
    return folded(text.replace("\0", " ")).split()[:WORD_LIMIT]


def searchable(referral: Referral) -> str:
    """What a text search looks at, folded."""
    details = referral.details
    parts = (referral.title, referral.company, *referral.keywords, details.engagement_name, details.crm_id)
    return folded("\n".join(part for part in parts if part))[:SEARCH_LENGTH]


def regions_of(referral: Referral) -> frozenset[str]:
    """The codes under which a region filter finds a referral."""
    return frozenset(code for code in (referral.place.country, referral.place.subdivision) if code)


def burning(referral: Referral) -> bool:
    """Whether the customer asked to be contacted directly."""
    return referral.flame is not Flame.NONE
