"""How does a card come out of a part of a referral's document, and why is it made only once?

A list is looked at more often than what stands in it changes. The bytes that the database answers are all that a card
is made of, so the same bytes are the same card: what is kept by them can't be out of date.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from functools import lru_cache

from services.adapters.mongo.documents import CARDS
from services.adapters.mongo.encoding import Doc, decoded
from services.core.cards import Card

#: What cards are made of.
SHOWN = (
    "title",
    "company",
    "place",
    "status",
    "substatus",
    "flame",
    "size",
    "channel",
    "budget",
    "details.engagement_name",
    "details.deal_value",
    "timers.expire_at",
    "expires_at",
    "updated_at",
)
#: Cards that are kept, those not asked for longest forgotten first: some 12 MB.
_KEPT = 8192


def cards_of(docs: Iterable[bytes]) -> tuple[Card, ...]:
    """The cards of documents with the fields SHOWN; those that can't be read are left out."""
    return tuple(card for doc in docs for card in _cards(doc))


def forget() -> None:
    """Let go of what is kept in memory."""
    _cards.cache_clear()


@lru_cache(maxsize=_KEPT)
def _cards(doc: bytes) -> tuple[Card, ...]:
    """The one card of a document, or none."""
    return tuple(CARDS.readable([_card(decoded(doc))]))


def _card(doc: Doc) -> Doc:
    """The document of a card (`core.cards.card_of`) from a part of a referral's; instants get their zone."""
    details, expires_at = doc.get("details", {}), doc.get("expires_at")
    card = {**doc, "title": details.get("engagement_name") or doc["title"]}
    card["worth"] = details.get("deal_value") or doc.get("budget")
    card["updated_at"] = doc["updated_at"].replace(tzinfo=UTC)
    if expires_at is not None and doc.get("timers", {}).get("expire_at") is not None:
        card["due_at"] = expires_at.replace(tzinfo=UTC)
    return card
