"""What do the mails look like? `python -m services.notifier.preview DIR` writes every kind in every language.

For each there is the HTML part, the text part, and the whole mail as .eml, which a mail program opens.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from services.core import ids
from services.core.codes import Channel, CompanySize, Flame, PolicyName, Substatus, Timeframe
from services.core.digest import Digest
from services.core.erasing import erased_referral
from services.core.mail import NO_RFI, MailKind, Role, SendJob
from services.core.partner import Partner
from services.core.policy import POLICIES
from services.core.referral import Referral
from services.core.rfi import Chosen, Consent, Customer, Money, Need, Person, Place, Rfi, Round, Routing
from services.notifier.account_letters import OF_ACCOUNTS
from services.notifier.customer_letters import CUSTOMER_LETTERS
from services.notifier.digest_letter import digest_mail, digest_sheet
from services.notifier.letter import Links, Matter
from services.notifier.mime import Sender, envelope
from services.notifier.render import NO_LINES, lay_out, lines, personal, render
from services.notifier.words import languages

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SENDER = Sender(address="referrals@exchange.example", domain="exchange.example")
LINKS = Links("https://exchange.example", lambda _purpose, text: f"{text}.signature")
_PLACE = Place(country="ES", subdivision="ES-AN", city="Sevilla", postal_code="41001")
_NEED = Need(
    title="Move our order system to the cloud",
    description="We run an order system on twelve servers in our own basement.\n\nIt should move to the cloud before"
    " the olive harvest begins in October, with no more than one night of standstill. Who has done this before?",
    place=_PLACE,
    industries=("food",),
    products=("kubernetes", "postgresql"),
    services=("migration", "managed services"),
    budget=Money(amount=Decimal(48000), currency="EUR"),
    timeframe=Timeframe.WITHIN_90_DAYS,
)
_ANA = Person(first_name="Ana", last_name="Peña", email="ana.pena@aceites.example", phone="+34955000100", language="es")
_SARA = Person(first_name="Sara", last_name="Núñez", email="sara@nube-andaluza.example", phone="+34955000200")
_REASONS = ("region_served|ES-AN sevilla 41001||ES-AN", "service|migration|2.10", "title|cloud|1.03", "language|es")
_NAMES = ("Nube Andaluza S.L.", "Cloudwright Ltd", "Datos & Más")


def matter(kind: MailKind, language: str, variant: str = "") -> Matter:
    """An example of a mail; variants: `flame`, `classic`, `picked`, `declined`, `erased`, `no_match`."""
    partners = {id_: Partner(id=id_, name=name, admin=_SARA) for id_, name in zip(_partner_ids(), _NAMES, strict=True)}
    rfi, first = _rfi(no_match=variant == "no_match", rounds=kind is MailKind.ASKED_ANOTHER), next(iter(partners))
    customer = kind in CUSTOMER_LETTERS
    to = _ANA if customer else _SARA
    id_ = ids.referral_id(rfi.id, first)
    job = SendJob(
        id=ids.job_id("preview", kind.value, language),
        event_id="preview",
        kind=kind,
        role=Role.CUSTOMER if customer else Role.PARTNER,
        rfi_id=rfi.id,
        referral_id=id_,
        partner_id=first,
        address=to.email,
        name=f"{to.first_name} {to.last_name}",
        language=language,
        time_zone="Europe/Madrid",
        at=AT,
        due_at=AT,
    )
    referral = _referral(id_, rfi, first, variant, flame=kind is MailKind.FLAME_CHANGED)
    if variant == "erased":
        referral = erased_referral(referral, "customer", AT, POLICIES[referral.policy])
    return Matter(job=job, rfi=rfi, referral=referral, partners=partners, contact_visible=variant != "classic")


def examples() -> Iterator[tuple[str, Matter]]:
    """Every kind, and the variants that look different, in every language; with a name for each."""
    variants = [
        *((kind, "") for kind in MailKind if kind not in OF_ACCOUNTS),
        *((MailKind.NEW_REFERRAL, variant) for variant in ("flame", "classic", "picked")),
        (MailKind.SENT_TO_PARTNERS, "no_match"),
        (MailKind.WITHDRAWN, "erased"),
        *((kind, "declined") for kind in (MailKind.ASKED_ANOTHER, MailKind.NOBODY_LEFT)),
    ]
    for language in sorted(languages()):
        for kind, variant in variants:
            yield "-".join(part for part in (kind.value, variant, language) if part), matter(kind, language, variant)


def digest(language: str) -> tuple[SendJob, Digest]:
    """An example of a day's digest, more than it shows."""
    first, rfi = _partner_ids()[0], _rfi(no_match=False, rounds=False)
    base = _referral(ids.referral_id(rfi.id, first), rfi, first, "", flame=False)

    def some(number: int, **more: Any) -> tuple[Referral, ...]:
        return tuple(replace(base, id=ids.referral_id(str(n), first), **more) for n in range(number))

    deal = replace(base.details, engagement_name="Almazara 2026 <cloud>", closing_date=AT.date() - timedelta(days=3))
    job = replace(matter(MailKind.NEW_REFERRAL, language).job, kind=MailKind.DIGEST, rfi_id=NO_RFI, referral_id=None)
    return job, Digest(
        new=some(2, flame=Flame.RAISED),
        running_out=some(12, expires_at=AT + timedelta(hours=30)),
        outcome_due=some(1, details=deal, accepted_at=AT - timedelta(days=40)),
    )


def main(folder: Path) -> None:
    """Write them all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, each in examples():
        mail = render(each, LINKS)
        (folder / f"{name}.html").write_text(mail.html, encoding="utf-8")
        (folder / f"{name}.txt").write_text(f"{mail.subject}\n\n{mail.text}", encoding="utf-8")
        own = personal(each, LINKS)
        whole = envelope(each.job, lay_out(each, own), lines(own), SENDER, AT)
        (folder / f"{name}.eml").write_bytes(whole.message)
    for language in sorted(languages()):
        job, told = digest(language)
        mail = digest_mail(job, told, LINKS)
        (folder / f"digest-{language}.html").write_text(mail.html, encoding="utf-8")
        (folder / f"digest-{language}.txt").write_text(f"{mail.subject}\n\n{mail.text}", encoding="utf-8")
        whole = envelope(job, digest_sheet(mail), NO_LINES, SENDER, AT, settings_url=LINKS.settings())
        (folder / f"digest-{language}.eml").write_bytes(whole.message)


def _partner_ids() -> list[str]:
    return [ids.partner_id("preview", name) for name in _NAMES]


def _rfi(*, no_match: bool, rounds: bool) -> Rfi:
    chosen = tuple(
        Chosen(partner_id=id_, profile_id="profile", location_id="office", score=1.0) for id_ in _partner_ids()
    )
    because = "no_partner_in_region" if no_match else None
    id_, (first, second, _third) = ids.rfi_id("preview", "1"), _partner_ids()
    asked = Round(
        cause="preview",
        after=ids.referral_id(id_, first),
        at=AT,
        version=3,
        number=2,
        partner_id=second,
        rules="preview",
    )
    return Rfi(
        id=id_,
        source="preview",
        publisher_id="1",
        channel=Channel.SEARCH,
        language="en",
        customer=Customer(company="Aceites del Sur S.A.", place=_PLACE, contact=_ANA, size=CompanySize.S51_250),
        need=_NEED,
        consent=Consent(contact=True, share=True),
        submitted_at=AT,
        accepted_at=AT,
        content_hash="preview",
        routing=Routing(at=AT, chosen=() if no_match else chosen, no_match_because=because, rounds=(asked,) * rounds),
    )


def _referral(id_: str, rfi: Rfi, partner_id: str, variant: str, *, flame: bool) -> Referral:
    return Referral(
        id=id_,
        rfi_id=rfi.id,
        partner_id=partner_id,
        profile_id="profile",
        location_id="office",
        substatus=Substatus.DECLINED if variant == "declined" else Substatus.PENDING,
        policy=PolicyName.CLASSIC if variant == "classic" else PolicyName.STANDARD,
        created_at=AT,
        updated_at=AT,
        expires_at=AT + timedelta(days=14),
        shard=ids.shard_of(id_),
        flame=Flame.OVERDUE if flame else Flame.RAISED if variant == "flame" else Flame.NONE,
        picked=variant == "picked",
        title=rfi.need.title,
        company=rfi.customer.company,
        place=rfi.need.place,
        team=(_SARA,),
        why={"score": 1.0, "reasons": list(_REASONS)},
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
