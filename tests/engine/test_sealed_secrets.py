"""What stands in a real database where secrets are sealed, and what becomes of those that were stored before."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import SETTINGS, WEBHOOKS
from services.adapters.mongo.stores import MongoStores, stores_of
from services.adapters.sealing import Seal
from services.core.errors import Misconfigured
from tests.builders import START
from tests.contract.webhook_suite import make_webhook


@pytest.fixture
async def mongo(mongo_server: str, mongo_database: str) -> AsyncIterator[Mongo]:
    with Mongo(mongo_server, mongo_database) as opened:
        yield opened


def sealed(mongo: Mongo, keys: str) -> MongoStores:
    return stores_of(mongo, seal=Seal(keys))


async def lies_there(mongo: Mongo) -> str:
    """All of the collections with secrets, as text."""
    docs: list[Any] = [*await mongo.collection(SETTINGS).find({}), *await mongo.collection(WEBHOOKS).find({})]
    return json.dumps(docs, default=str)


async def test_no_secret_can_be_read_in_the_database_and_all_can_be_used(mongo: Mongo) -> None:
    stores, hook = sealed(mongo, "a key"), make_webhook(secret="whsec_first")
    rotated = replace(
        hook, secret="whsec_second", old_secret=hook.secret, old_secret_until=START + timedelta(days=1), version=2
    )
    assert await stores.webhooks.put_webhook(hook)
    assert await stores.webhooks.put_webhook(rotated)
    assert await stores.secrets.keep("link-key", "candidate") == "candidate"
    there = await lies_there(mongo)
    assert "sealed:" in there
    assert not [word for word in ("whsec_first", "whsec_second", "candidate") if word in there]
    assert await stores.webhooks.webhooks_of([hook.partner_id]) == [rotated]
    assert await sealed(mongo, "new,a key").webhooks.webhooks([hook.id]) == {hook.id: rotated}


async def test_what_was_stored_without_keys_is_used_and_sealed_at_its_next_change(mongo: Mongo) -> None:
    before, after, hook = sealed(mongo, ""), sealed(mongo, "a key"), make_webhook(secret="whsec_open")
    await before.webhooks.put_webhook(hook)
    assert await before.secrets.keep("link-key", "link secret") == "link secret"
    assert await after.secrets.keep("link-key", "another") == "link secret"
    assert (await after.webhooks.webhooks([hook.id]))[hook.id] == hook
    assert "whsec_open" in await lies_there(mongo)
    assert await after.webhooks.put_webhook(replace(hook, version=2))
    there = await lies_there(mongo)
    assert "whsec_open" not in there
    assert "link secret" not in there
    with pytest.raises(Misconfigured):
        await before.secrets.keep("link-key", "another")
    with pytest.raises(Misconfigured):
        await before.webhooks.webhooks([hook.id])
