"""What does port `RefusalStore` promise?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from services.core import ids
from services.core.errors import Problem
from services.core.listing import Cursor
from services.core.ports import Record
from services.core.stores import Refusal
from tests.builders import START
from tests.contract.stores import Stores


def make_record(offset: int = 0, topic: str = "rfi.submitted", **overrides: object) -> Record:
    base = Record(
        topic=topic,
        partition=3,
        offset=offset,
        timestamp=START,
        key=b"RFI-1",
        value=b'{"id": "\xff\x00"}',
        headers=(("content-type", b"application/json"), ("content-type", b"\xfe")),
    )
    return replace(base, **overrides)  # type: ignore[arg-type]


def make_refusal(n: int = 1, *codes: str, **overrides: object) -> Refusal:
    base = Refusal(
        id=ids.refusal_id("rfi.submitted", 3, n),
        source="urn:test",
        publisher_id=f"RFI-{n}",
        problems=tuple(Problem(f"/{at}", code, "say it better") for at, code in enumerate(codes or ("bad_email",))),
        at=START + timedelta(minutes=n),
        record=make_record(n),
    )
    return replace(base, **overrides)  # type: ignore[arg-type]


def bare(refusal: Refusal) -> Refusal:
    return replace(refusal, record=replace(refusal.record, key=None, value=None, headers=()))


class RefusalStoreSuite:
    async def test_a_refusal_is_loaded_with_its_original_bytes(self, stores: Stores) -> None:
        refusal = make_refusal(1, "bad_email", "bad_phone")
        unknown = make_refusal(2, source=None, publisher_id=None, record=make_record(2, key=None, value=None))
        await stores.refusals.put([refusal, unknown])
        assert await stores.refusals.load([refusal.id, unknown.id, "missing"]) == {
            refusal.id: refusal,
            unknown.id: unknown,
        }
        assert await stores.refusals.load([]) == {}

    async def test_a_refusal_put_again_is_left_as_it_is(self, stores: Stores) -> None:
        await stores.refusals.put([make_refusal(1, "first")])
        await stores.refusals.put([make_refusal(1, "second"), make_refusal(2)])
        await stores.refusals.put([])
        assert (await stores.refusals.load([make_refusal(1).id]))[make_refusal(1).id].problems[0].code == "first"
        assert await stores.refusals.count() == 2

    async def test_of_an_original_too_large_to_keep_everything_but_its_bytes_is_kept(self, stores: Stores) -> None:
        # A record compresses: Kafka takes one of a megabyte that is larger than any document here.
        small = make_refusal(2)
        await stores.refusals.put([make_refusal(1, record=make_record(1, value=b"0" * 17_000_000)), small])
        loaded = await stores.refusals.load([make_refusal(1).id, small.id])
        assert loaded == {make_refusal(1).id: bare(make_refusal(1)), small.id: small}

    async def test_lists_are_newest_first_without_originals(self, stores: Stores) -> None:
        refusals = [make_refusal(1, "a"), make_refusal(2, "b", "a", "a"), make_refusal(3, "b")]
        await stores.refusals.put(refusals)
        assert await stores.refusals.listed(2) == [bare(refusals[2]), bare(refusals[1])]
        assert await stores.refusals.listed(9, "a") == [bare(refusals[1]), bare(refusals[0])]
        assert await stores.refusals.listed(9, "c") == []

    async def test_a_list_goes_on_behind_the_last_of_a_page_also_within_one_instant(self, stores: Stores) -> None:
        refusals = [make_refusal(n, "a" if n % 2 else "b", at=START + timedelta(minutes=n // 4)) for n in range(10)]
        await stores.refusals.put(refusals)
        for code in (None, "a", "none"):
            walked: list[Refusal] = []
            after: Cursor | None = None
            while page := await stores.refusals.listed(3, code, after):
                walked += page
                after = Cursor(page[-1].at, page[-1].id)
            assert walked == await stores.refusals.listed(99, code)
        assert len(await stores.refusals.listed(99)) == 10

    async def test_the_newest_refusal_of_a_publisher_s_rfi_is_found(self, stores: Stores) -> None:
        refusals = [make_refusal(n, publisher_id="RFI-1") for n in (2, 3, 1)]
        await stores.refusals.put([*refusals, make_refusal(4, publisher_id="RFI-1", source="urn:other")])
        assert await stores.refusals.of_rfi("urn:test", "RFI-1") == bare(refusals[1])
        assert await stores.refusals.of_rfi("urn:test", "RFI-2") is None

    async def test_refusals_are_counted_by_each_of_their_codes(self, stores: Stores) -> None:
        assert (await stores.refusals.by_code(), await stores.refusals.count()) == ({}, 0)
        await stores.refusals.put([make_refusal(1, "a"), make_refusal(2, "b", "a", "a"), make_refusal(3, "b")])
        assert await stores.refusals.by_code() == {"a": 2, "b": 2}
        assert await stores.refusals.count() == 3

    async def test_a_replay_is_noted(self, stores: Stores) -> None:
        await stores.refusals.put([make_refusal()])
        await stores.refusals.mark_replayed(make_refusal().id, START)
        await stores.refusals.mark_replayed("missing", START)
        assert (await stores.refusals.load([make_refusal().id]))[make_refusal().id].replayed_at == START
