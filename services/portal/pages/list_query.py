"""Which list does the address of a page ask for, and what is the address of the next one?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from functools import cache, lru_cache
from typing import TypeVar
from urllib.parse import urlencode

from services.core.codes import Channel, CompanySize
from services.core.listing import Cursor, ListingQuery, Section, Sort
from services.portal.pages.places import read_place, written
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

_AMOUNTS = ("worth_from", "worth_to")

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class ListRequest:
    """What an address asks for. Values that make no sense are left out, as if they had not been given."""

    section: Section
    values: Mapping[str, str] = field(default_factory=dict)
    #: As given, for the form.
    after: Cursor | None = None
    plain: bool = False
    #: Nothing is asked for but the section.

    @property
    def path(self) -> str:
        """The page of the section."""
        return path_of(self.section)

    @property
    def filtered(self) -> bool:
        """Whether anything is left out of the section."""
        return not self.plain and any(self.values.get(name) for name in _FIELDS if self._looked_for(name))

    def _looked_for(self, name: str) -> bool:
        return name != "sort" and (name not in {*_AMOUNTS, "currency"} or bool(self.currency))

    @property
    def left_out(self) -> str:
        """Why an amount that is given is not looked for: `currency`, `amount`; or nothing."""
        given = [] if self.plain else [text for name in _AMOUNTS if (text := self.values.get(name))]
        if given and not self.currency:
            return "currency"
        return "amount" if any(_amount(text) is None for text in given) else ""

    @property
    def currency(self) -> str:
        """The currency of the amounts, or nothing."""
        currency = self.values.get("currency", "").upper()
        return currency if _CURRENCY.fullmatch(currency) else ""

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
        values = {} if self.plain else {name: value for name in _FIELDS if (value := self.values.get(name))}
        asked = [urlencode(values)] if values else []
        asked += [_from(cursor)] if cursor is not None else []
        return f"{self.path}?{'&'.join(asked)}" if asked else self.path

    def query(self, partner_id: str, ids: frozenset[str] | None) -> ListingQuery:
        """The query of one partner."""
        values = self.values
        region = self.region
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
        if not self.currency:
            return asked
        lowest, highest = (_amount(values.get(name, "")) for name in _AMOUNTS)
        return replace(asked, worth_from=lowest, worth_to=highest, currency=self.currency)


def path_of(section: Section) -> str:
    """The page of a section."""
    return "/inbox" if section is Section.NEW else f"/{section.value}"


def read_request(section: Section, query: Mapping[str, str]) -> ListRequest:
    """What the query of an address says."""
    return _read(section, query) if query else _plain(section)


@lru_cache(maxsize=1024)
def _from(cursor: Cursor) -> str:
    return urlencode({"after": written(cursor)})


@cache
def _plain(section: Section) -> ListRequest:
    return _read(section, {})


def _read(section: Section, query: Mapping[str, str]) -> ListRequest:
    values = {name: query.get(name, "")[:_LONGEST].strip() for name in _FIELDS}
    return ListRequest(section, values, read_place(query.get("after", "")), not any(values.values()))


def _amount(text: str) -> Decimal | None:
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


def _one_of(kind: type[E], text: str) -> E | None:
    return kind(text) if text and text in set(kind) else None
