"""What is sent through every system: a synthetic partner network, and RFIs that fit five of its partners each.

The same number gives the same partner and the same RFI, so every round and every system does the same work.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import orjson
import phonenumbers

from services.core import ids
from services.core.partner import Location, Partner, Profile
from services.core.rfi import Person, Place

#: Partners; each has one profile.
PARTNERS = 5000
#: Partners that each RFI goes to, and mails that it makes: one for each partner and one for the customer.
REFERRALS_PER_RFI, MAILS_PER_RFI = 5, 6

_CITIES = {
    "ES": ("Sevilla", "41001", "es", "Europe/Madrid"),
    "MX": ("Monterrey", "64000", "es", "America/Monterrey"),
    "DE": ("Hamburg", "20095", "en", "Europe/Berlin"),
    "FR": ("Lyon", "69001", "en", "Europe/Paris"),
    "GB": ("Leeds", "LS1 4DY", "en", "Europe/London"),
    "US": ("Austin", "73301", "en", "America/Chicago"),
    "CO": ("Bogotá", "110111", "es", "America/Bogota"),
    "PL": ("Kraków", "30-001", "en", "Europe/Warsaw"),
}
_COUNTRIES = tuple(_CITIES)
_SUBJECTS = ("cloud", "payroll", "backup", "network", "warehouse", "identity", "invoice", "quality", "fleet", "archive")
_DEEDS = ("migration", "monitoring", "integration", "automation", "audit", "training")
_KEYWORDS = tuple(f"{subject} {deed}" for subject in _SUBJECTS for deed in _DEEDS)
_INDUSTRIES = ("manufacturing", "retail", "healthcare", "logistics", "education", "energy")
_PRODUCTS = ("azure", "dynamics", "power bi", "sharepoint", "intune")
_SERVICES = ("consulting", "deployment", "managed services", "support")
_FIRST = ("Ana", "Luis", "Marta", "Jonas", "Claire", "Emma", "Pablo", "Irene")
_LAST = ("Molina", "Serrano", "Weber", "Martin", "Hughes", "Nowak", "Ortega", "Keller")
_BANDS = ("10to50employees", "51to250employees", "251to1000employees")
_PHONES = {
    country: phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    for country in _COUNTRIES
    if (example := phonenumbers.example_number(country)) is not None
}


def network(count: int = PARTNERS) -> Iterator[tuple[Partner, Profile]]:
    """Partners with their profiles, about 1.2 KB together."""
    for number in range(count):
        dice = random.Random(f"partner {number}")
        country = _COUNTRIES[number % len(_COUNTRIES)]
        contact = _person(dice, country, f"sales@partner{number}.example")
        partner = ids.partner_id("bench", str(number))
        admin = _person(dice, country, f"admin@partner{number}.example")
        yield (
            Partner(id=partner, name=f"{_LAST[number % 8]} & {_LAST[(number // 8) % 8]} {number}", admin=admin),
            Profile(
                id=ids.profile_id(partner, country),
                partner_id=partner,
                country=country,
                serves=(Place(country=country),),
                locations=(Location(id="main", place=_place(country), contact=contact),),
                keywords=tuple(dice.sample(_KEYWORDS, 6)),
                industries=tuple(dice.sample(_INDUSTRIES, 2)),
                products=tuple(dice.sample(_PRODUCTS, 2)),
                services=tuple(dice.sample(_SERVICES, 2)),
                languages=("en", "es"),
            ),
        )


def rfi(number: int) -> tuple[bytes, bytes]:
    """Key and value of a record of `rfi.submitted`: plain JSON of about 600 bytes, without the spaces."""
    dice = random.Random(number)
    country = _COUNTRIES[number % len(_COUNTRIES)]
    city, postal_code, language, _ = _CITIES[country]
    keywords = dice.sample(_KEYWORDS, 2)
    key = f"bench-{number}"
    body = {
        "id": key,
        "channel": "marketing",
        "language": language,
        "submittedAt": "2026-03-02T09:00:00Z",
        "customer": {
            "company": f"{dice.choice(_LAST)} {number}",
            "size": dice.choice(_BANDS),
            "place": {"country": country, "city": city, "postalCode": postal_code},
            "contact": {
                "firstName": dice.choice(_FIRST),
                "lastName": dice.choice(_LAST),
                "email": f"buyer{number}@customer.example",
                "phone": _PHONES[country],
            },
        },
        "need": {
            "title": f"Help with {keywords[0]}",
            "description": f"We look for a partner for {keywords[0]} and {keywords[1]} in {city}, on site, this year.",
            "keywords": keywords,
            "products": [dice.choice(_PRODUCTS)],
            "industries": [dice.choice(_INDUSTRIES)],
        },
        "consent": {"contact": True, "share": True},
        "maxPartners": REFERRALS_PER_RFI,
    }
    return key.encode(), orjson.dumps(body)


def number_of(key: bytes) -> int:
    """The number of an RFI by the key of its record."""
    return int(key.removeprefix(b"bench-"))


def _place(country: str) -> Place:
    city, postal_code, _, _ = _CITIES[country]
    return Place(country=country, city=city, postal_code=postal_code)


def _person(dice: random.Random, country: str, email: str) -> Person:
    _, _, language, zone = _CITIES[country]
    return Person(
        first_name=dice.choice(_FIRST),
        last_name=dice.choice(_LAST),
        email=email,
        phone=_PHONES[country],
        language=language,
        time_zone=zone,
    )
