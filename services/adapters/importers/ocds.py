"""How an OCDS release becomes an RFI: the tender is the need, the buyer is the customer.

Mapping after the Open Contracting Data Standard 1.1 (tender, buyer, parties, items.classification). Public notices
seldom name a person; with `placeholder_contacts` such a buyer gets a contact at an `.invalid` address, which can
never be delivered. Without it the RFI goes out without contact and intake refuses it, saying so.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

Json = Mapping[str, Any]

#: Lengths of schemas/rfi.py; longer texts of public notices are cut at a word, not refused.
_TITLE, _DESCRIPTION, _COMPANY, _TERM, _TERMS, _ID = 300, 20_000, 200, 100, 50, 128

#: Country codes that publishers use though ISO 3166-1 has another.
_COUNTRY_ALIASES = {"UK": "GB", "EL": "GR"}

_SUBDIVISION = re.compile(r"^[A-Z]{2}-[A-Z0-9]{1,3}$")
#: What intake refuses: controls without a meaning in Windows-1252 either, direction changes, no characters at all.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f\x81\x8d\x8f\x90\x9d\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]"
)


def rfi_from_release(release: Json, now: datetime, *, placeholder_contacts: bool = False) -> dict[str, Any] | None:
    """The RFI (wire form, version 1) of a release with a tender, or None when it has none."""
    tender = release.get("tender")
    if not isinstance(tender, Mapping):
        return None
    buyer = _party(release, "buyer")
    company = clean(str(buyer.get("name") or "unknown buyer"), _COMPANY)
    title = clean(str(tender.get("title") or tender.get("description") or ""), _TITLE)
    rfi: dict[str, Any] = {
        "id": _identifier(str(release.get("ocid") or tender.get("id") or "")),
        "channel": "sales",
        "language": str(release.get("language") or "en"),
        "submittedAt": now.isoformat(),
        "customer": {"company": company, "place": place_of(buyer), "contact": _contact(buyer, placeholder_contacts)},
        "need": {
            "title": title if len(title) >= 3 else f"{title} ({company})"[:_TITLE],  # noqa: PLR2004 - the wire's minimum
            "description": clean(str(tender.get("description") or ""), _DESCRIPTION, lines=True),
            "services": terms_of(tender),
        },
        # A published notice asks to be answered by any supplier.
        "consent": {"contact": True, "share": True},
    }
    if budget := _budget(tender.get("value")):
        rfi["need"]["budget"] = budget
    return rfi


def clean(text: str, limit: int, *, lines: bool = False) -> str:
    """Text without control characters, cut at a word boundary to at most `limit` characters."""
    text = _CONTROL.sub(" ", text)
    text = text.strip() if lines else " ".join(text.split())
    if len(text) <= limit:
        return text
    cut = text[:limit].rsplit(" ", 1)[0]
    return cut or text[:limit]


def terms_of(tender: Json) -> list[str]:
    """The classification labels of the tender and its items, each once, in order."""
    items = [i for i in tender.get("items") or [] if isinstance(i, Mapping)]
    sources = [tender.get("classification"), *(i.get("classification") for i in items)]
    sources += [a for i in items for a in i.get("additionalClassifications") or []]
    labels = (clean(str(c.get("description") or ""), _TERM) for c in sources if isinstance(c, Mapping))
    return list(dict.fromkeys(label for label in labels if label))[:_TERMS]


def place_of(party: Json) -> dict[str, str]:
    """Country, and subdivision (only as an ISO 3166-2 code of that country), city and postal code as far as known."""
    address = party.get("address") if isinstance(party.get("address"), Mapping) else {}
    assert isinstance(address, Mapping)  # noqa: S101 - narrows the type after the line above
    country = str(address.get("countryCode") or address.get("countryName") or "").strip()
    country = _COUNTRY_ALIASES.get(country.upper(), country)
    place = {"country": country}
    region = str(address.get("region") or "").strip()
    if _SUBDIVISION.match(region) and region[:2] == country:
        place["subdivision"] = region
    for key, source, limit in (("city", "locality", 120), ("postalCode", "postalCode", 20)):
        if value := clean(str(address.get(source) or ""), limit):
            place[key] = value
    return place


def parties(release: Json, role: str) -> list[Json]:
    """The parties of a release that have the role."""
    found = [p for p in release.get("parties") or [] if isinstance(p, Mapping)]
    return [p for p in found if role in (p.get("roles") or [])]


def _party(release: Json, role: str) -> Json:
    named = release.get(role) if isinstance(release.get(role), Mapping) else {}
    assert isinstance(named, Mapping)  # noqa: S101 - narrows the type after the line above
    full: Sequence[Json] = parties(release, role)
    same = [p for p in full if p.get("id") == named.get("id")] or list(full)
    return {**named, **same[0]} if same else named


def _contact(party: Json, placeholder: bool) -> dict[str, str]:
    point = party.get("contactPoint") if isinstance(party.get("contactPoint"), Mapping) else {}
    assert isinstance(point, Mapping)  # noqa: S101 - narrows the type after the line above
    first, _, last = clean(str(point.get("name") or ""), 100).partition(" ")
    contact = {"firstName": first or "Procurement", "lastName": last or "office"}
    if point.get("email"):
        contact["email"] = str(point["email"]).strip()
    elif placeholder:
        contact["email"] = placeholder_address("buyer", str(party.get("name") or party.get("id") or ""))
    if point.get("telephone"):
        contact["phone"] = str(point["telephone"]).strip()
    return contact


def placeholder_address(who: str, name: str) -> str:
    """An address that can never be delivered (RFC 2606 `.invalid`), the same for the same name."""
    return f"{who}-{hashlib.sha256(name.encode()).hexdigest()[:16]}@ocds.invalid"


def _budget(value: Any) -> dict[str, str] | None:
    """The tender's value; a published zero means that it is not known."""
    if not isinstance(value, Mapping) or not value.get("currency"):
        return None
    try:
        amount = Decimal(str(value.get("amount")))
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount <= 0:
        return None
    return {"amount": f"{amount:.2f}", "currency": str(value["currency"])}


def _identifier(text: str) -> str:
    """Ids are printable ASCII of at most 128 characters; others are replaced by their hash."""
    if 0 < len(text) <= _ID and re.fullmatch(r"[\x21-\x7e]+", text):
        return text
    return hashlib.sha256(text.encode()).hexdigest()
