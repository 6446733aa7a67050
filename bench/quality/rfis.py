"""How does a published request become an RFI, and its award outcomes? Nothing here knows of scores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from bench.quality.data import Request
from services.core.codes import Channel
from services.core.partner import Office, RoutableProfile
from services.core.rfi import Consent, Customer, Money, Need, Person, Place, Rfi
from services.matching.learning import Outcome, Result
from services.matching.signals import signals

#: What every supplier offers and every request asks for, so that all of them are ranked. No text has this word.
REGISTERED = "registeredhere"

_NOBODY = Person(first_name="Procurement", last_name="office", email="office@buyer.invalid")


def instant(day: str) -> datetime:
    """Midnight (UTC) of a published day."""
    return datetime.fromisoformat(day[:10]).replace(tzinfo=UTC)


def rfi_of(request: Request) -> Rfi:
    """The request as the exchange would get it; classifications are services, as words and as codes."""
    at = instant(request.date)
    # Some sources have one code for all and tell districts apart by name.
    region = (f"{request.country}-{request.region}" if request.region else request.region_code) or None
    place = Place(country=request.country, subdivision=region, city=request.place or None)
    labels = tuple(dict.fromkeys(c.label for c in request.codes if c.label))
    codes = tuple(dict.fromkeys(f"{c.scheme}:{c.code}" for c in request.codes if c.code.strip("0")))
    web = request.unit if "." in request.unit and " " not in request.unit else None
    company = ", ".join(part for part in (request.buyer, "" if web else request.unit) if part)
    return Rfi(
        id=request.id,
        source=request.source,
        publisher_id=request.id,
        channel=Channel.SALES,
        language=request.language or "en",
        customer=Customer(company=company, place=place, contact=_NOBODY, website=web),
        need=Need(
            title=request.title,
            description=request.description,
            place=place,
            services=(*labels, *codes),
            budget=Money(amount=Decimal(str(request.value)), currency=request.currency) if request.value > 0 else None,
        ),
        consent=Consent(contact=True, share=True),
        submitted_at=at,
        accepted_at=at,
        content_hash="",
    )


def profile_of(supplier: str, country: str) -> RoutableProfile:
    """A supplier as a profile that declares only that it may be asked: all else is learned.

    Suppliers win outside the regions seen before, so it serves its country, and where it has won is a learned sign.
    """
    return RoutableProfile(
        id=supplier,
        partner_id=supplier,
        country=country,
        serves=(Place(country=country),),
        keywords=(REGISTERED,),
        locations=(Office(id=supplier, place=Place(country=country)),),
    )


@lru_cache(maxsize=10_000)
def _signs(request: Request) -> dict[str, float]:
    return {sign.key: sign.weight for sign in signals(rfi_of(request))}


def outcomes_of(request: Request) -> Iterator[tuple[str, Outcome]]:
    """What an award means for each who took part: a bid is an accept, then it is won or lost."""
    at, terms = instant(request.date), _signs(request)
    for supplier in (*request.winners, *request.losers):
        end = Result.WON if supplier in request.winners else Result.LOST
        for result in (Result.ACCEPTED, end):
            event = f"{request.id}|{supplier}|{result}"
            yield supplier, Outcome(event_id=event, result=result, at=at, terms=terms)
