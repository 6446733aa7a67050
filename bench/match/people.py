"""Partners that offer the same, and requests that any of them could have."""

from __future__ import annotations

from datetime import UTC, datetime

from services.core import ids
from services.core.codes import Channel
from services.core.partner import Office, RoutableProfile
from services.core.rfi import Consent, Customer, Need, Person, Place, Rfi

_AT = datetime(2026, 3, 2, tzinfo=UTC)
_TOWN = Place(country="ES", subdivision="ES-SE", city="Sevilla")
_WHO = Person(first_name="Ana", last_name="Molina", email="ana@customer.example")


def a_profile(n: int, *, capacity: int | None = None) -> RoutableProfile:
    """A partner of the town."""
    partner = ids.partner_id("bench", f"P-{n}")
    return RoutableProfile(
        id=ids.profile_id(partner, "ES"),
        partner_id=partner,
        country="ES",
        serves=(Place(country="ES"),),
        locations=(Office(id=f"L-{n}", place=_TOWN),),
        keywords=("cloud migration", "backup"),
        capacity=capacity,
    )


def a_request(n: int) -> Rfi:
    """A request of the town."""
    publisher = f"R-{n}"
    return Rfi(
        id=ids.rfi_id("urn:bench", publisher),
        source="urn:bench",
        publisher_id=publisher,
        channel=Channel.MARKETING,
        language="en",
        customer=Customer(company="Aceites del Sur", place=_TOWN, contact=_WHO),
        need=Need(title="Servers", description="", place=_TOWN, keywords=("cloud migration",)),
        consent=Consent(contact=True, share=True),
        submitted_at=_AT,
        accepted_at=_AT,
        content_hash=publisher,
    )
