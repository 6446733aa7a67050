"""Why does an RFI go to a partner, as data that any language can be said from?

A reason is stored as one short text, `code|value|weight|detail` without empty ends: `keyword|Microsoft 365|1.17`,
`region_served|ES-SE||ES-AN`. A `|` within a part is written `%7C`, a `%` is written `%25`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ReasonCode(StrEnum):
    """What a reason is about; the value is given where there is one."""

    PICKED = "picked"
    REGION_SERVED = "region_served"
    #: The place asked for: its narrowest ISO code, then city and postal code; the detail is the wider place served.
    REGION_PART = "region_part"
    #: The place asked for; the detail is the part of it that is served.
    REGION_OUTSIDE = "region_outside"
    #: The place asked for; the detail names what is served instead.
    NEAR = "near"
    #: One of the offices is known to lie within so many kilometres, as was asked; how far away is stored nowhere.
    DISTANCE_UNKNOWN = "distance_unknown"
    #: Within so many kilometres was asked, and no office has coordinates: the region decided.
    KEYWORD = "keyword"
    #: This and the following: the partner's own words, with their weight.
    PRODUCT = "product"
    SERVICE = "service"
    INDUSTRY = "industry"
    TITLE = "title"
    ASKED = "asked"
    #: A phrase within an asked keyword, product or service.
    DESCRIPTION = "description"
    MORE = "more"
    #: How many matched terms are not named.
    NOTHING_NAMED = "nothing_named"
    #: The request names nothing that could be compared.
    LANGUAGE = "language"
    #: A primary language tag.
    SIZE = "size"
    #: A `CompanySize`.
    SIZE_UNKNOWN = "size_unknown"


_BY_NAME = {code.value: code for code in ReasonCode}
_WITHOUT_VALUE = frozenset({ReasonCode.PICKED, ReasonCode.NOTHING_NAMED, ReasonCode.SIZE_UNKNOWN})
_PARTS = 4


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a match."""

    code: ReasonCode
    value: str = ""
    weight: float | None = None
    #: What a matched term weighs, stored with two digits.
    detail: str = ""


def written(code: ReasonCode, value: str = "", weight: float | None = None, detail: str = "") -> str:
    """A reason as it is stored."""
    number = "" if weight is None else f"{weight:.2f}"
    # No part holds a bare `|`, so only those of empty parts stand at the end.
    return f"{code.value}|{escaped(value)}|{number}|{escaped(detail)}".rstrip("|")


def around(code: ReasonCode, weight: float) -> tuple[str, str]:
    """What stands in front of and behind the `escaped` value of a weighed reason, for who writes many of them."""
    return f"{code.value}|", f"|{weight:.2f}"


def parse(text: str) -> Reason | None:
    """A stored reason; None for any other text, as older routings hold, which is shown as it is."""
    name, *rest = text.split("|")
    code = _BY_NAME.get(name)
    if code is None or len(rest) >= _PARTS:
        return None
    value, number, detail = (*rest, "", "", "")[: _PARTS - 1]
    if not value and code not in _WITHOUT_VALUE:
        return None
    try:
        weight = float(number) if number else None
    except ValueError:
        return None
    return Reason(code, _plain(value), weight, _plain(detail))


def escaped(text: str) -> str:
    """A part of a reason as it is stored."""
    return text.replace("%", "%25").replace("|", "%7C")


def _plain(text: str) -> str:
    return text.replace("%7C", "|").replace("%25", "%")
