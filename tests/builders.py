"""How does a test get a valid value by naming only what matters to it?

`make_rfi(2)` and `make_rfi(3)` differ in their ids; every other field can be overridden by keyword.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.core import ids
from services.core.codes import Channel, CompanySize, PolicyName, Timeframe
from services.core.creation import new_referral
from services.core.mail import NO_RFI, MailKind, Role, SendJob
from services.core.partner import Location, Partner, Profile
from services.core.policy import POLICIES
from services.core.referral import Referral
from services.core.rfi import Chosen, Consent, Customer, Money, Need, Person, Place, Rfi

#: The instant at which everything of the builders begins: a Monday morning, UTC.
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SOURCE = "urn:test:publisher"


def make_person(**overrides: Any) -> Person:
    """A person of a customer or of a partner."""
    base = Person(
        first_name="Ana",
        last_name="Molina",
        email="ana.molina@customer.example",
        phone="+34955000001",
        language="es",
        time_zone="Europe/Madrid",
    )
    return replace(base, **overrides)


def make_place(**overrides: Any) -> Place:
    """Seville, down to the postal code."""
    return replace(Place(country="ES", subdivision="ES-AN", city="Sevilla", postal_code="41001"), **overrides)


def make_need(**overrides: Any) -> Need:
    """A migration to the cloud, wanted in Seville."""
    base = Need(
        title="Migrate our servers to the cloud",
        description="Twelve servers and a file share move to the cloud before summer.",
        place=make_place(),
        industries=("manufacturing",),
        products=("azure",),
        services=("migration",),
        keywords=("cloud migration",),
        budget=Money(amount=Decimal(40000), currency="EUR"),
        timeframe=Timeframe.WITHIN_60_DAYS,
    )
    return replace(base, **overrides)


def make_customer(**overrides: Any) -> Customer:
    """A company of 51 to 250 people in Seville."""
    base = Customer(
        company="Aceites del Sur",
        place=make_place(),
        contact=make_person(),
        size=CompanySize.S51_250,
        website="https://customer.example",
    )
    return replace(base, **overrides)


def make_rfi(n: int = 1, **overrides: Any) -> Rfi:
    """An RFI as intake has just accepted it; `n` gives another id."""
    publisher_id = f"RFI-{n}"
    base = Rfi(
        id=ids.rfi_id(SOURCE, publisher_id),
        source=SOURCE,
        publisher_id=publisher_id,
        channel=Channel.MARKETING,
        language="en",
        customer=make_customer(),
        need=make_need(),
        consent=Consent(contact=True, share=True),
        submitted_at=START - timedelta(seconds=5),
        accepted_at=START,
        content_hash=f"hash-{n}",
    )
    return replace(base, **overrides)


def make_partner(n: int = 1, **overrides: Any) -> Partner:
    """An active partner under the standard policy; `n` gives another id, name and address."""
    base = Partner(
        id=ids.partner_id("test", f"P-{n}"),
        name=f"Partner {n}",
        admin=make_person(first_name="Adam", last_name="Admin", email=f"admin@partner{n}.example", language="en"),
    )
    return replace(base, **overrides)


def make_location(n: int = 1, **overrides: Any) -> Location:
    """An office in Seville with somebody who gets the alerts of partner `n`."""
    base = Location(
        id=f"L-{n}",
        place=make_place(),
        contact=make_person(first_name="Sara", last_name="Sales", email=f"sales@partner{n}.example"),
    )
    return replace(base, **overrides)


def make_profile(n: int = 1, **overrides: Any) -> Profile:
    """The active Spanish profile of partner `n`, a fit for `make_need()`."""
    country = overrides.get("country", "ES")
    partner = overrides.get("partner_id", make_partner(n).id)
    base = Profile(
        id=ids.profile_id(partner, country),
        partner_id=partner,
        country=country,
        serves=(Place(country=country),),
        locations=(make_location(n),),
        keywords=("cloud migration", "backup"),
        industries=("manufacturing",),
        products=("azure",),
        services=("migration",),
        languages=("en", "es"),
    )
    return replace(base, **overrides)


def make_chosen(n: int = 1, **overrides: Any) -> Chosen:
    """The matcher's choice of partner `n` through its Spanish profile."""
    profile = make_profile(n)
    base = Chosen(
        partner_id=profile.partner_id,
        profile_id=profile.id,
        location_id=profile.locations[0].id,
        score=0.75,
        reasons=("region_served|ES-AN", "keyword|cloud migration|2.10"),
    )
    return replace(base, **overrides)


def make_referral(
    n: int = 1,
    *,
    partner: int = 1,
    policy: PolicyName = PolicyName.STANDARD,
    contact_requested: bool = False,
    **overrides: Any,
) -> Referral:
    """RFI `n` offered to partner `partner` at START: New/Pending, version 1, its timers set by the policy."""
    rfi = make_rfi(n, contact_requested=contact_requested)
    base = new_referral(rfi, make_chosen(partner), POLICIES[policy], START)
    if "id" not in overrides and overrides.keys() & {"rfi_id", "partner_id"}:
        id_ = ids.referral_id(overrides.get("rfi_id", base.rfi_id), overrides.get("partner_id", base.partner_id))
        overrides |= {"id": id_, "shard": ids.shard_of(id_)}
    return replace(base, **overrides)


def make_sign_in_mail(n: int = 1, **overrides: Any) -> SendJob:
    """A mail with a sign-in link, as the portal makes it; `n` gives another id and another link."""
    base = SendJob(
        id=f"6f1a5b1e-0000-5000-8000-{n:012}",
        event_id=f"link-{n}",
        kind=MailKind.SIGN_IN_LINK,
        role=Role.PARTNER,
        rfi_id=NO_RFI,
        address="ana@partner1.example",
        name="Ana Ruiz",
        language="es",
        at=START,
        due_at=START,
    )
    return replace(base, **overrides)
