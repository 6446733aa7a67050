"""Which page of which list do the parameters of a GET ask for, and what is the address of the next one?"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from services.core.errors import Problem
from services.core.listing import PAGE_LIMIT, Condition, Cursor, ListingQuery, Sort
from services.portal.engagements.errors import Faulty
from services.portal.engagements.filters import read_filter

_SORTS = {"createddatetime": Sort.CREATED, "updateddatetime": Sort.UPDATED}
_DIRECTIONS = {"": False, "asc": False, "desc": True}
_KNOWN = ("$filter", "$orderby", "$top", "$skiptoken")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_TOKEN = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """The query, and the parameters it came from, which the next page's address repeats."""

    query: ListingQuery
    parameters: dict[str, str]


def read_parameters(given: Iterable[tuple[str, str]], partner_id: str) -> Asked:
    """The query that the parameters say, newest first unless they say otherwise.

    Raises:
        Faulty: lists every parameter that can't be used.
    """
    problems: list[Problem] = []
    parameters: dict[str, str] = {}
    for name, value in given:
        if name in parameters:
            problems.append(Problem(name, "repeated", "give it once"))
        elif name in _KNOWN:
            parameters[name] = value
        elif name.startswith("$"):
            problems.append(Problem(name, "not_supported", f"only {', '.join(_KNOWN)} are supported"))
    condition = _condition(parameters.get("$filter"), partner_id, problems)
    sort, descending = _order(parameters.get("$orderby"), problems)
    limit = _limit(parameters.get("$top"), problems)
    after = _after(parameters.get("$skiptoken"), sort, problems)
    if problems:
        raise Faulty(problems)
    query = ListingQuery(
        partner_id=partner_id, condition=condition, sort=sort, descending=descending, limit=limit, after=after
    )
    return Asked(query, parameters)


def next_address(collection: str, asked: Asked, cursor: Cursor) -> str:
    """The address of the page behind the cursor."""
    token = f"{asked.query.sort.value}|{(cursor.at - _EPOCH) // timedelta(milliseconds=1)}|{cursor.id}"
    skip = base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")
    return f"{collection}?{urlencode({**asked.parameters, '$skiptoken': skip}, safe='$')}"


def _condition(text: str | None, partner_id: str, problems: list[Problem]) -> Condition | None:
    if text is None or not text.strip():
        return None
    try:
        return read_filter(text, partner_id)
    except Faulty as faulty:
        problems.extend(faulty.problems)
        return None


def _order(text: str | None, problems: list[Problem]) -> tuple[Sort, bool]:
    if text is None:
        return Sort.CREATED, True
    name, _, direction = text.strip().partition(" ")
    sort, descending = _SORTS.get(name.lower()), _DIRECTIONS.get(direction.strip().lower())
    if sort is None or descending is None:
        message = "order by createdDateTime or updatedDateTime, with desc behind it for the newest first"
        problems.append(Problem("$orderby", "invalid", message))
        return Sort.CREATED, True
    return sort, descending


def _limit(text: str | None, problems: list[Problem]) -> int:
    if text is None:
        return PAGE_LIMIT
    if not (text.isascii() and text.isdigit() and int(text[:9]) > 0):
        problems.append(Problem("$top", "invalid", f"give a number from 1 to {PAGE_LIMIT}"))
        return PAGE_LIMIT
    # Clients of the contract ask for more than a page; they follow the link to the next one.
    return min(int(text[:9]), PAGE_LIMIT)


def _after(token: str | None, sort: Sort, problems: list[Problem]) -> Cursor | None:
    if token is None:
        return None
    try:
        text = base64.b64decode(token[:_LONGEST_TOKEN] + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        by, at, id_ = text.decode("ascii").split("|")
        if Sort(by) is not sort:
            problems.append(Problem("$skiptoken", "other_order", "belongs to a list in another order; begin anew"))
            return None
        return Cursor(_EPOCH + timedelta(milliseconds=int(at)), id_)
    except (binascii.Error, ValueError, OverflowError):
        problems.append(Problem("$skiptoken", "invalid", "take it from @odata.nextLink as it is"))
        return None
