"""What do the ports of idempotency keys, publishers and the sandbox's clock promise?"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from services.core.stores import Publisher
from tests.builders import START
from tests.contract.stores import Stores


class IdempotencyStoreSuite:
    async def test_the_first_answer_under_a_key_stands(self, stores: Stores) -> None:
        assert await stores.idempotency.claim("k", "hash", "answer", START) == ("hash", "answer")
        assert await stores.idempotency.claim("k", "other", "other answer", START) == ("hash", "answer")
        assert await stores.idempotency.claim("l", "other", "other answer", START) == ("other", "other answer")

    async def test_an_answer_is_found_by_its_key(self, stores: Stores) -> None:
        assert await stores.idempotency.find("k") is None
        await stores.idempotency.claim("k", "hash", "answer", START)
        assert await stores.idempotency.find("k") == ("hash", "answer")

    async def test_requests_at_once_get_one_answer(self, stores: Stores) -> None:
        answers = await asyncio.gather(*(stores.idempotency.claim("k", "h", f"answer {n}", START) for n in range(12)))
        assert len(set(answers)) == 1


class PublisherStoreSuite:
    async def test_a_publisher_is_found_by_the_hash_of_its_token(self, stores: Stores) -> None:
        publisher = Publisher(id="shop", source="urn:shop", token_hash="abc")
        await stores.publishers.put(publisher)
        await stores.publishers.put(Publisher(id="other", source="urn:other", token_hash="def"))
        assert await stores.publishers.by_token_hash("abc") == publisher
        assert await stores.publishers.by_token_hash("ghi") is None

    async def test_a_new_token_ends_the_old_one_and_an_inactive_publisher_has_none(self, stores: Stores) -> None:
        publisher = Publisher(id="shop", source="urn:shop", token_hash="abc")
        await stores.publishers.put(publisher)
        await stores.publishers.put(replace(publisher, token_hash="new"))
        assert await stores.publishers.by_token_hash("abc") is None
        await stores.publishers.put(replace(publisher, token_hash="new", active=False))
        assert await stores.publishers.by_token_hash("new") is None


class SandboxClockStoreSuite:
    async def test_the_offset_is_zero_and_grows(self, stores: Stores) -> None:
        assert await stores.sandbox_clock.offset() == timedelta()
        assert await stores.sandbox_clock.advance(timedelta(days=14, milliseconds=1)) == timedelta(
            days=14, milliseconds=1
        )
        assert await stores.sandbox_clock.advance(timedelta(hours=1)) == timedelta(days=14, hours=1, milliseconds=1)
        assert await stores.sandbox_clock.offset() == timedelta(days=14, hours=1, milliseconds=1)

    async def test_advances_at_once_add_up(self, stores: Stores) -> None:
        await asyncio.gather(*(stores.sandbox_clock.advance(timedelta(seconds=1)) for _ in range(8)))
        assert await stores.sandbox_clock.offset() == timedelta(seconds=8)

    async def test_time_never_goes_back(self, stores: Stores) -> None:
        with pytest.raises(ValueError, match="forward only"):
            await stores.sandbox_clock.advance(timedelta(seconds=-1))
        assert await stores.sandbox_clock.offset() == timedelta()
