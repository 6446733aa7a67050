"""Do sealed secrets open with our keys alone, and is nothing lost when keys come, change and go?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.sealing import Seal
from services.core.errors import Misconfigured

SECRET = "whsec_a secret"


@given(text=st.text(max_size=80).filter(lambda text: not text.startswith("sealed:")))
def test_what_was_closed_is_opened_again(text: str) -> None:
    for seal in (Seal(), Seal("a key")):
        assert seal.open(seal.close(text)) == text


def test_a_sealed_text_tells_nothing_and_is_another_each_time() -> None:
    closed = [Seal("a key").close(SECRET) for _ in range(2)]
    assert len(set(closed)) == 2
    assert all(SECRET not in each for each in closed)


def test_without_keys_texts_stay_as_they_are_and_open_ones_can_be_read_with_keys() -> None:
    assert Seal().close(SECRET) == Seal(" , ").close(SECRET) == SECRET
    assert Seal("a key").open(SECRET) == SECRET


def test_a_key_is_replaced_by_one_in_front_and_what_it_closed_is_stale() -> None:
    old, both = Seal("old"), Seal("new, old")
    assert both.open(old.close(SECRET)) == SECRET
    assert both.stale(old.close(SECRET))
    assert both.stale(SECRET)
    assert not both.stale(both.close(SECRET))
    assert not Seal().stale(SECRET)
    assert Seal("new").open(both.close(SECRET)) == SECRET


@pytest.mark.parametrize("keys", ["", "another"])
def test_a_key_that_is_missing_is_named_and_nothing_is_guessed(keys: str) -> None:
    closed = Seal("a key").close(SECRET)
    with pytest.raises(Misconfigured, match="REFERRALS_STORE_KEYS"):
        Seal(keys).open(closed)
    with pytest.raises(Misconfigured):
        Seal("a key").open(closed[:-2])
