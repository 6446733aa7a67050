"""What is asked for: are its texts, terms, place, budget and time frame usable?"""

from __future__ import annotations

from decimal import Decimal

from services.core.codes import Timeframe
from services.core.rfi import Money, Need, Place
from services.intake.findings import Part
from services.intake.normalise import fold, one_line, paragraphs, terms
from services.intake.places import check_coordinate, check_place
from services.intake.regions import Regions

#: A larger budget, in any currency, is a slip of the keyboard.
MAX_AMOUNT = Decimal(10) ** 14
_SHORTEST_TITLE = 3
_TIMEFRAMES = {t.value.lower(): t for t in Timeframe}


def check_need(part: Part, customer: Part, customer_place: Place | None, regions: Regions) -> Need | None:
    """The need, or None with its problems noted. Without a place of its own it is where the customer is."""
    title = _title(part)
    description = part.text("description")
    place_part = part.part("place")
    place = check_place(place_part, regions) if place_part.there else customer_place
    # Of the customer's place it is checked there.
    spot_part = place_part if place_part.there else customer.part("place")
    spot = check_coordinate(spot_part)
    industries, products = terms(part.texts("industries")), terms(part.texts("products"))
    services, keywords = terms(part.texts("services")), terms(part.texts("keywords"))
    must_offer, one_of = terms(part.texts("mustOffer")), terms(part.texts("mustOfferOneOf"))
    unwanted = _unwanted(part, must_offer)
    budget = _budget(part.part("budget"), regions)
    timeframe, within_km = _timeframe(part), _within_km(part, spot_part)
    if not (title and place):
        return None
    return Need(
        title=title,
        description=paragraphs(description) if description else "",
        place=place,
        industries=industries,
        products=products,
        services=services,
        keywords=keywords,
        must_offer=must_offer,
        must_offer_one_of=one_of,
        must_not_offer=unwanted,
        coordinate=spot,
        within_km=within_km,
        budget=budget,
        timeframe=timeframe,
    )


def _title(part: Part) -> str | None:
    text = part.text("title")
    if text is None:
        return None
    title = one_line(text)
    if len(title) < _SHORTEST_TITLE:
        part.wrong("title", "too_short", f"must have at least {_SHORTEST_TITLE} characters besides white space")
        return None
    return title


def _unwanted(part: Part, must_offer: tuple[str, ...]) -> tuple[str, ...]:
    unwanted = terms(part.texts("mustNotOffer"))
    if not set(map(fold, must_offer)).isdisjoint(map(fold, unwanted)):
        part.wrong("mustNotOffer", "contradicts", "names what mustOffer names too; leave it in one of the two")
    return unwanted


def _within_km(part: Part, spot: Part) -> int | None:
    """The radius; it needs a middle. Half a point, or a faulty one, is told where it is."""
    radius = part.number("withinKm")
    if radius is None:
        return None
    if not (spot.given("latitude") or spot.given("longitude")):
        words = "needs latitude and longitude of the place where the work is; add them, or leave withinKm out"
        part.wrong("withinKm", "no_coordinates", words)
    return int(radius)


def _budget(part: Part, regions: Regions) -> Money | None:
    text, code = part.text("amount"), part.text("currency")
    currency = regions.currency(code) if code is not None else None
    if code is not None and currency is None:
        part.wrong("currency", "unknown_currency", "must be an ISO 4217 currency code, for example EUR")
    if text is None:
        return None
    amount = Decimal(text)
    if amount == 0:
        part.wrong("amount", "not_positive", "must be more than zero; leave the budget out when it is not known")
    elif amount > MAX_AMOUNT:
        part.wrong("amount", "too_large", f"must be at most {MAX_AMOUNT:f}")
    return Money(amount=amount, currency=currency) if currency else None


def _timeframe(part: Part) -> Timeframe:
    text = part.text("timeframe")
    if text is None:
        return Timeframe.UNKNOWN
    timeframe = _TIMEFRAMES.get(text.strip().lower())
    if timeframe is None:
        part.wrong("timeframe", "unknown_timeframe", f"must be one of {', '.join(t.value for t in Timeframe)}")
    return timeframe or Timeframe.UNKNOWN
