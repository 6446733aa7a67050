"""Ids are what uuid5 says, and joints of parts are unambiguous."""

from __future__ import annotations

from uuid import uuid5

from hypothesis import given
from hypothesis import strategies as st

from services.core import ids

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(TEXT, TEXT)
def test_an_id_is_the_uuid5_of_its_parts(source: str, publisher_id: str) -> None:
    name = f"rfi|{len(source)}:{source}|{len(publisher_id)}:{publisher_id}"
    assert ids.rfi_id(source, publisher_id) == str(uuid5(ids.NAMESPACE, name))


@given(TEXT, TEXT, TEXT)
def test_moving_a_letter_from_one_part_to_the_next_gives_another_id(first: str, middle: str, last: str) -> None:
    one, other = (first + middle, last), (first, middle + last)
    assert (ids.rfi_id(*one) == ids.rfi_id(*other)) == (one == other)


@given(TEXT)
def test_a_referral_has_one_shard(text: str) -> None:
    referral = ids.referral_id(text, "partner")
    assert 0 <= ids.shard_of(referral) < ids.SHARDS
    assert ids.shard_of(referral) == ids.shard_of(referral)
