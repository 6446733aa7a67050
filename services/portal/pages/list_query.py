"""Which list does the address of a page ask for, and what is the address of the next one?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from services.core.codes import Channel, CompanySize
from services.core.listing import Cursor, ListingQuery, Section, Sort
from services.wording.words import subdivisions_within

#: Referrals on one page.
PAGE_SIZE = 25
#: How lists are ordered unless told otherwise: what must be answered next, then what is fresh.
_FIRST_SORT = {Section.NEW: Sort.TIME_LEFT, Section.EVALUATING: Sort.TIME_LEFT}
_REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
#: As large and as fine as amounts of deals are; the database has no room for much more.
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,4})?")
_LONGEST = 200
_FIELDS = (
    "text",
    "region",
    "subdivision",
    "size",
    "channel",
    "worth_from",
    "worth_to",
    "currency",
    "flame",
    "starred",
    "sort",
)

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """What an address asks for. Values that make no sense are left out, as if they had not been given."""

    section: Section
    values: Mapping[str, str] = field(default_factory=dict)
    #: As given, for the form.
    after: Cursor | None = None

    @property
    def path(self) -> str:
        """The page of the section."""
        return path_of(self.section)

    @property
    def filtered(self) -> bool:
        """Whether anything is left out of the section."""
        return any(self.values.get(name) for name in _FIELDS if name != "sort")

    @property
    def starred(self) -> bool:
        """Whether only favourites are wanted."""
        return bool(self.values.get("starred"))

    @property
    def country(self) -> str:
        """The country asked for, or nothing."""
        return self.values.get("region", "").upper()[:2]

    @property
    def region(self) -> str | None:
        """The subdivision asked for if it lies in the country asked for, else that country."""
        region, within = self.values.get("region", "").upper(), self.values.get("subdivision", "").upper()
        asked = within if within.startswith(f"{region}-") else region
        return asked if _REGION.fullmatch(asked) else None

    @property
    def sort(self) -> Sort:
        """The order."""
        return _one_of(Sort, self.values.get("sort", "")) or _FIRST_SORT.get(self.section, Sort.UPDATED)

    def address(self, cursor: Cursor | None = None) -> str:
        """The address of this list, from a place on."""
        values = {name: value for name in _FIELDS if (value := self.values.get(name))}
        if cursor is not None:
            values["after"] = f"{cursor.at.isoformat()}~{cursor.id}"
        return f"{self.path}?{urlencode(values)}" if values else self.path

    def query(self, partner_id: str, ids: frozenset[str] | None) -> ListingQuery:
        """The query of one partner."""
        values = self.values
        region, currency = self.region, values.get("currency", "").upper()
        asked = ListingQuery(
            partner_id=partner_id,
            section=self.section,
            region=region,
            parts=subdivisions_within(region or ""),
            size=_one_of(CompanySize, values.get("size", "")),
            channel=_one_of(Channel, values.get("channel", "")),
            flame=bool(values.get("flame")),
            text=values.get("text", ""),
            ids=ids,
            sort=self.sort,
            descending=self.sort is not Sort.TIME_LEFT,
            after=self.after,
            limit=PAGE_SIZE,
        )
        if not _CURRENCY.fullmatch(currency):
            return asked
        lowest, highest = _amount(values.get("worth_from", "")), _amount(values.get("worth_to", ""))
        return replace(asked, worth_from=lowest, worth_to=highest, currency=currency)


def path_of(section: Section) -> str:
    """The page of a section."""
    return "/inbox" if section is Section.NEW else f"/{section.value}"


def read_request(section: Section, query: Mapping[str, str]) -> ListRequest:
    """What the query of an address says."""
    values = {name: query.get(name, "")[:_LONGEST].strip() for name in _FIELDS}
    return ListRequest(section, values, _cursor(query.get("after", "")))


def _cursor(text: str) -> Cursor | None:
    at, _, id_ = text[:_LONGEST].partition("~")
    try:
        instant = datetime.fromisoformat(at)
        return Cursor(instant.astimezone(UTC), id_) if id_ and instant.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _amount(text: str) -> Decimal | None:
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


def _one_of(kind: type[E], text: str) -> E | None:
    return kind(text) if text and text in set(kind) else None
