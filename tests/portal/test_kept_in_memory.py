"""What pages keep in memory so that it need not be made again: is it right, and does it go in time?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any

from services.adapters.mongo import cards, listing, sign_ins
from services.adapters.mongo.documents import REFERRALS, SESSIONS, USERS, encoded
from services.core.accounts import Session, User
from services.core.cards import card_of
from services.core.listing import Cards, Cursor, Sort
from services.portal.pages import rows
from services.portal.pages.frame import PAGES
from services.portal.pages.rows import Reader, rows_of
from services.processes.portal import forget
from services.wording.words import words_of
from tests.builders import START, make_referral

READER = Reader(words=words_of("en", PAGES), zone="UTC", may_write=True)
HOUR = timedelta(hours=1)


def kept(*modules: ModuleType) -> dict[str, int]:
    """How much each function of some modules keeps."""
    found: dict[str, Any] = {f"{each.__name__}.{name}": it for each in modules for name, it in vars(each).items()}
    return {
        name: it.cache_info().currsize
        for name, it in found.items()
        if hasattr(it, "cache_info") and it.__module__ == name.rpartition(".")[0]
    }


def look() -> None:
    """What a page leaves behind."""
    card = card_of(make_referral(1))
    rows_of(Cards((card,), None), frozenset(), READER, START)
    doc = encoded(REFERRALS.to_doc(make_referral(1)))
    assert [each.id for each in cards.cards_of([doc])] == [card.id]
    batch = encoded({"firstBatch": [REFERRALS.to_doc(make_referral(1))], "id": 0, "ns": "x.referrals"})
    assert [each.id for each in listing._cards(batch, Sort.CREATED, 1).cards] == [card.id]
    session = Session(id="s", user_id="u", csrf="c", created_at=START, expires_at=START + HOUR)
    user = USERS.to_doc(User(id="u", email="u@x.example", name="U"))
    held = encoded({**SESSIONS.to_doc(session), "user": [user]})
    assert sign_ins.Held(held).until(START) is not None
    assert sign_ins._id(held) == "s"


async def test_everything_that_is_kept_of_referrals_and_people_is_forgotten() -> None:
    look()
    holders = (rows, cards, listing, sign_ins)
    found = kept(*holders)
    assert len(found) >= len(holders)
    assert all(found.values()), found
    await forget()
    assert not any(kept(*holders).values())


def test_a_list_says_what_its_cards_and_its_stars_say_whatever_was_shown_before() -> None:
    first, other = (card_of(make_referral(n)) for n in (1, 2))
    renamed = replace(first, title="Renamed by hand")
    more = Cursor(START, "x")

    def shown(*these: Any, stars: frozenset[str] = frozenset(), later: timedelta = timedelta(), end: Any = None) -> str:
        return str(rows_of(Cards(these, end), stars, READER, START + later))

    before = shown(first, other)
    assert shown(first, other) == before == shown(first, other, end=more)
    # The pages are looked up by the first card: what differs behind it, or beside, is seen all the same.
    assert "Renamed by hand" in shown(renamed, other)
    assert "Renamed by hand" in shown(other, renamed)
    assert shown(first) != before
    assert 'aria-pressed="true"' in shown(first, other, stars=frozenset({other.id}))
    assert shown(first, other, later=HOUR * 24 * 10) != before
