"""Can somebody be reached this way: is this a mail address, a phone number, a web address?

Each check answers with the form to store, or None. Nothing is looked up on the network.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

import phonenumbers
from email_validator import EmailNotValidError, validate_email

_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LOCAL_LIMIT, _ADDRESS_LIMIT = 64, 254
#: Domains that no mail ever reaches and that stand for people without an address (RFC 2606); the library refuses them.
_RESERVED = frozenset({"invalid", "test"})
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_WEB_SCHEMES = frozenset({"http", "https"})
_PLAIN_WEBSITE = re.compile(r"https?://(?:[a-z0-9-]+\.)+[a-z]{2,}(?:/[A-Za-z0-9/_.~-]*)?")
_FORBIDDEN_IN_URL = re.compile(r"[\s<>\"\\^`{|}]")


def email(text: str) -> str | None:
    """One plain mail address with a dotted domain, the domain lower-case in ASCII; None when it is none.

    Reserved domains (`.example`, `.invalid`) are addresses too: whether mail arrives shows when it is sent. Address
    literals, quoted local parts, display names and local parts beyond ASCII are refused: each has carried an attack
    or fails at some server.
    """
    local, at, domain = text.strip().rpartition("@")
    if not at or len(local) > _LOCAL_LIMIT or not _DOT_ATOM.fullmatch(local):
        return None
    host = _mail_domain(domain)
    address = f"{local}@{host}"
    return address if host and len(address) <= _ADDRESS_LIMIT else None


@lru_cache(maxsize=16_384)
def _mail_domain(domain: str) -> str | None:
    # email-validator takes 30 us, and domains repeat: the local part is a plain dot-atom and checked without it.
    stem, _, last = domain.rpartition(".")
    reserved = last.lower() in _RESERVED
    try:
        checked = validate_email(
            f"a@{stem}.example" if reserved else f"a@{domain}",
            check_deliverability=False,
            globally_deliverable=False,
        )
    except EmailNotValidError:
        return None
    ascii_domain = checked.ascii_domain.lower()
    if reserved:
        return f"{ascii_domain.removesuffix('example')}{last.lower()}"
    return ascii_domain if "." in ascii_domain else None


def phone(text: str, country: str | None) -> str | None:
    """The number as E.164; one without a leading + is read as dialled inside `country` (ISO alpha-2).

    An extension is left out: E.164 has no place for it, and the number alone reaches the switchboard.
    """
    number = _international(text)
    if number is not None and phonenumbers.is_valid_number(number):
        return text
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return f"+{number.country_code}{phonenumbers.national_significant_number(number)}"


def _international(text: str) -> phonenumbers.PhoneNumber | None:
    """A number in E.164 already, which needs none of the guessing of `parse` and so half the time."""
    if _E164.fullmatch(text) is None:
        return None
    for digits in (2, 3, 4):
        calling_code = int(text[1:digits])
        if calling_code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            # A zero behind the calling code belongs to the number in some countries: left to `parse`.
            if text[digits] == "0":
                return None
            return phonenumbers.PhoneNumber(country_code=calling_code, national_number=int(text[digits:]))
    return None


def website(text: str) -> str | None:
    """An absolute http(s) address with a dotted host and without user name; None when it is none."""
    address = text.strip()
    # The plain form of nearly all addresses is told without taking it apart.
    if _PLAIN_WEBSITE.fullmatch(address):
        return address
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in _WEB_SCHEMES or not host or "@" in parts.netloc:
        return None
    plain = "." in host.strip(".") and not _FORBIDDEN_IN_URL.search(address)
    return address if plain else None
