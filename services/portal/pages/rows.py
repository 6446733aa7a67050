"""The rows of a list, in words and as HTML: how is each rendered once, and shown often?

Most rows of a page are as they were when the page was last looked at. A row follows from what is given to `_row` and
from nothing else, the time left among it as it is said. So what is kept can't be out of date: whatever changes in a row
asks for another row. Nothing of a session stands in one; the token is in the form of the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from markupsafe import Markup

from services.core.cards import Card
from services.core.listing import Cards
from services.portal.pages.code_words import CHANNELS, state_said
from services.portal.pages.templating import part_of
from services.wording.words import Words, _

#: Rows that are kept, those not shown for longest forgotten first: some 12 MB. And whole lists: some 8 MB.
_KEPT, _KEPT_LISTS = 8192, 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """For whom rows are rendered: language, time zone, and whether there are stars to press."""

    words: Words
    zone: str
    may_write: bool


def rows_of(page: Cards, starred: frozenset[str], reader: Reader, now: datetime) -> Markup:
    """The rows of a list, in its order; `starred` holds ids of referrals."""
    # No time is said more exactly, and colleagues of one team often look in the same second.
    return _rows(page, starred, reader, now.replace(microsecond=0))


@lru_cache(maxsize=_KEPT_LISTS)
def _rows(page: Cards, starred: frozenset[str], reader: Reader, now: datetime) -> Markup:
    rows = (_row(each, reader, _left(reader.words, each, now), each.id in starred) for each in page.cards)
    return Markup("".join(rows))  # noqa: S704 - of rows


def forget() -> None:
    """Let go of what is kept in memory."""
    _rows.cache_clear()
    _row.cache_clear()


def left_said(words: Words, due: datetime, now: datetime) -> str:
    """How long there is to answer."""
    if due <= now:
        return words.say(_("The time is over"))
    return words.say(_("{time} left")).format(time=words.left(due - now))


def _left(words: Words, card: Card, now: datetime) -> str | None:
    return left_said(words, card.due_at, now) if card.due_at else None


@lru_cache(maxsize=_KEPT)
def _row(card: Card, reader: Reader, due: str | None, starred: bool) -> Markup:
    words = reader.words
    facts = (
        words.size(card.size) if card.size else None,
        words.money(card.worth) if card.worth else None,
        words.say(CHANNELS[card.channel]) if card.channel else None,
    )
    values = {
        "card": card,
        "place": words.place(card.place),
        "state": state_said(words, card.status, card.substatus),
        "facts": " · ".join(fact for fact in facts if fact),
        "due": due,
        "at": (card.due_at or card.updated_at).isoformat(),
        "at_said": words.instant(card.due_at, reader.zone) if card.due_at else words.day(card.updated_at, reader.zone),
        "starred": starred,
        "may_write": reader.may_write,
    }
    return part_of(words, "inbox_row.html.j2", values)
