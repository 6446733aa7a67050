"""Which RFI does the filled-in form of the search mean, and to which field does each problem of it belong?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from services.core.errors import Problem
from services.core.rfi import Place
from services.portal.pages.search_query import SearchQuery, data_place

#: A field that people do not see, and programs that fill in everything do.
HONEYPOT = "nickname"

_PARTS = re.compile(r"[,;]")
_CONTACT = ("firstName", "lastName", "email", "phone")
_KEYWORDS, _KEYWORD_LENGTH = 10, 100
#: As people meet them.
_ORDER = (
    *("/partner", "/need", "/country", "/customer/company"),
    *(f"/customer/contact/{part}" for part in ("firstName", "lastName", "email", "phone")),
    *(f"/{HONEYPOT}", "/consent"),
)
#: Fields of the RFI that the form asks for under another name.
_FIELDS = {"/selectedPartners": "/partner", "/need/place": "/country", "/customer/place": "/country"}


def data_of(
    values: Mapping[str, str], query: SearchQuery, place: Place | None, partners: Sequence[str], language: str
) -> dict[str, Any]:
    """The data of `rfi.submitted`, without id and instant; what was left empty is left out."""

    def text(name: str) -> str:
        return values.get(name, "").strip()

    contact = {name: value for name in _CONTACT if (value := text(f"customer.contact.{name}"))}
    customer = {"company": text("customer.company"), "size": query.size, "website": text("customer.website")}
    need = {"title": text("need.title"), "description": text("need.description"), "timeframe": text("need.timeframe")}
    where = data_place(place) if place else {}
    keywords = [part for each in _PARTS.split(query.words) if (part := each.strip()[:_KEYWORD_LENGTH])][:_KEYWORDS]
    return {
        "channel": "search",
        "language": language,
        "customer": {**_filled(customer), "place": where, "contact": {**contact, "language": language}},
        "need": {**_filled(need), "place": where, "keywords": keywords},
        "consent": {name: f"consent.{name}" in values for name in ("contact", "share")},
        "selectedPartners": list(partners),
    }


def _filled(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}


def at_their_fields(problems: Sequence[Problem]) -> list[Problem]:
    """The problems at the fields of the form that they are about, one for each field, in the order of the form."""
    found: dict[str, Problem] = {}
    for problem in problems:
        each = _at_its_field(problem)
        found.setdefault(each.field, each)
    return sorted(found.values(), key=_place_in_form)


def _place_in_form(problem: Problem) -> int:
    return next((number for number, part in enumerate(_ORDER) if problem.field.startswith(part)), len(_ORDER))


def _at_its_field(problem: Problem) -> Problem:
    for beginning, field in _FIELDS.items():
        if problem.field.startswith(beginning):
            code = "place" if field == "/country" else problem.code
            return Problem(field, code, problem.message)
    return problem
