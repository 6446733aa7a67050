"""Who asks: is the customer complete, and can its contact be reached and written to in a language?"""

from __future__ import annotations

import re

from services.core.codes import OLD_SIZES, CompanySize
from services.core.rfi import Customer, Person
from services.intake import reach
from services.intake.findings import Part
from services.intake.normalise import one_line
from services.intake.places import check_coordinate, check_place
from services.intake.regions import Regions

#: Languages that RFIs may be written in and that mails have a catalogue for.
LANGUAGES = ("en", "es")
#: Mails to somebody whose language has no catalogue.
FALLBACK_LANGUAGE = "en"

_BCP47 = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{1,8})*")
_SUFFIX = "employees"
_SIZES = {
    spelling: size
    for name, size in ({s.value: s for s in CompanySize} | OLD_SIZES).items()
    for spelling in (name.lower(), name.lower().removesuffix(_SUFFIX))
}


def text_language(root: Part) -> str | None:
    """The language the RFI's texts are written in: the base of its tag (`es-MX` is `es`)."""
    base = _base_language(root)
    if base is not None and base not in LANGUAGES:
        root.wrong("language", "unsupported_language", f"must be one of {', '.join(LANGUAGES)}, or a variant of one")
        return None
    return base


def check_customer(part: Part, language: str, regions: Regions) -> Customer | None:
    """The customer, or None with its problems noted. `language` is that of the RFI, the default for mails."""
    company = part.text("company")
    size = _size(part)
    website = _website(part)
    place_part = part.part("place")
    place = check_place(place_part, regions)
    # It is kept where it is needed, with what is asked for; wrong it must not be.
    check_coordinate(place_part)
    contact = _contact(part.part("contact"), place.country if place else None, language, regions)
    if not (company and place and contact):
        return None
    return Customer(company=one_line(company), place=place, contact=contact, size=size, website=website)


def _size(part: Part) -> CompanySize | None:
    text = part.text("size")
    if text is None:
        return None
    size = _SIZES.get(text.strip().lower())
    if size is None:
        bands = ", ".join(s.value for s in CompanySize)
        part.wrong("size", "unknown_size", f"must be one of {bands}; or leave it out")
    return size


def _website(part: Part) -> str | None:
    text = part.text("website")
    if text is None:
        return None
    address = reach.website(text)
    if address is None:
        part.wrong("website", "website", "must be a web address that begins with https:// or http://")
    return address


def _contact(part: Part, country: str | None, language: str, regions: Regions) -> Person | None:
    first, last = part.text("firstName"), part.text("lastName")
    address = _email(part)
    number = _phone(part, country)
    mails = _mail_language(part, language)
    zone = _time_zone(part, country, regions)
    if not (first and last and address):
        return None
    return Person(
        first_name=one_line(first),
        last_name=one_line(last),
        email=address,
        phone=number,
        language=mails,
        time_zone=zone,
    )


def _email(part: Part) -> str | None:
    text = part.text("email")
    if text is None:
        return None
    address = reach.email(text)
    if address is None:
        part.wrong("email", "email", "is not a mail address; send one address such as name@company.example")
    return address


def _phone(part: Part, country: str | None) -> str | None:
    text = part.text("phone")
    # Without a country a number that isn't international can't be judged; the country's problem is told already.
    if text is None or (country is None and not text.lstrip().startswith("+")):
        return None
    number = reach.phone(text, country)
    if number is None:
        part.wrong("phone", "phone", "is not a phone number in use; send it with + and country code, or leave it out")
    return number


def _mail_language(part: Part, default: str) -> str:
    base = _base_language(part)
    if base is None:
        return default
    return base if base in LANGUAGES else FALLBACK_LANGUAGE


def _base_language(part: Part) -> str | None:
    text = part.text("language")
    if text is None:
        return None
    tag = _BCP47.fullmatch(text.strip())
    if tag is None:
        part.wrong("language", "language_tag", "must be a language tag, for example en, es or es-MX")
        return None
    return tag[1].lower()


def _time_zone(part: Part, country: str | None, regions: Regions) -> str:
    text = part.text("timeZone")
    if text is None:
        return regions.default_zone(country) if country else "UTC"
    if not regions.knows_zone(text):
        part.wrong("timeZone", "unknown_time_zone", "must be an IANA time zone, for example Europe/Madrid")
    return text
