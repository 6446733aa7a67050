"""What does port `DeadLetterStore` promise?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from services.core import ids
from services.core.ports import DeadLetter
from tests.builders import START
from tests.contract.refusal_suite import make_record
from tests.contract.stores import Stores


def make_letter(n: int = 1, **overrides: object) -> DeadLetter:
    base = DeadLetter(
        group="referrals-router",
        record=make_record(n, topic="rfi.accepted"),
        reason="UnknownMessage",
        detail="type referrals.rfi.accepted.v9 is not known here",
        attempts=2,
        at=START + timedelta(minutes=n),
    )
    return replace(base, **overrides)  # type: ignore[arg-type]


def id_of(n: int, group: str = "referrals-router") -> str:
    return ids.dead_letter_id(group, "rfi.accepted", 3, n)


def bare(letter: DeadLetter) -> DeadLetter:
    return replace(letter, record=replace(letter.record, key=None, value=None, headers=()))


class DeadLetterStoreSuite:
    async def test_a_letter_is_loaded_with_its_original_bytes(self, stores: Stores) -> None:
        await stores.dead_letters.put([make_letter()])
        assert await stores.dead_letters.load([id_of(1), "missing"]) == {id_of(1): make_letter()}
        assert await stores.dead_letters.load([]) == {}

    async def test_a_letter_put_again_is_left_as_it_is_and_each_group_has_its_own(self, stores: Stores) -> None:
        await stores.dead_letters.put([make_letter()])
        other = make_letter(group="referrals-notifier")
        await stores.dead_letters.put([make_letter(attempts=9), other])
        await stores.dead_letters.put([])
        found = await stores.dead_letters.load([id_of(1), id_of(1, "referrals-notifier")])
        assert found == {id_of(1): make_letter(), id_of(1, "referrals-notifier"): other}

    async def test_of_an_original_too_large_to_keep_everything_but_its_bytes_is_kept(self, stores: Stores) -> None:
        headers = (("x", b"0" * 17_000_000),)
        await stores.dead_letters.put(
            [make_letter(1, record=make_record(1, topic="rfi.accepted", headers=headers)), make_letter(2)]
        )
        loaded = await stores.dead_letters.load([id_of(1), id_of(2)])
        assert loaded == {id_of(1): bare(make_letter(1)), id_of(2): make_letter(2)}

    async def test_lists_are_newest_first_without_originals(self, stores: Stores) -> None:
        letters = [make_letter(1), make_letter(2, reason="Crash"), make_letter(3, group="referrals-notifier")]
        await stores.dead_letters.put(letters)
        listed = stores.dead_letters.listed
        assert await listed(2) == [bare(letters[2]), bare(letters[1])]
        assert await listed(9, "referrals-router") == [bare(letters[1]), bare(letters[0])]
        assert await listed(9, reason="Crash") == [bare(letters[1])]
        assert await listed(9, "referrals-notifier", "Crash") == []

    async def test_a_dropped_letter_is_not_listed_or_counted_but_can_be_read(self, stores: Stores) -> None:
        await stores.dead_letters.put([make_letter(1), make_letter(2)])
        await stores.dead_letters.drop(id_of(1), "known duplicate", START)
        await stores.dead_letters.drop(id_of(1), "again", START)
        await stores.dead_letters.drop("missing", "no such letter", START)
        assert await stores.dead_letters.count() == 1
        assert await stores.dead_letters.listed(9) == [bare(make_letter(2))]
        await stores.dead_letters.put([make_letter(1)])
        assert await stores.dead_letters.count() == 1
        assert await stores.dead_letters.load([id_of(1)]) == {id_of(1): make_letter(1)}
