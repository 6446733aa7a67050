"""A database with every index is made once for a file of tests: it takes longer than most of the tests in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pymongo
import pytest
from pymongo.database import Database

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import ensure_indexes


@pytest.fixture(scope="module")
def indexed(mongo_server: str) -> Iterator[Database[dict[str, Any]]]:
    """A database of this file's own."""
    name = f"test_{uuid4().hex}"
    with Mongo(mongo_server, name) as mongo:
        asyncio.run(ensure_indexes(mongo))
    with pymongo.MongoClient[dict[str, Any]](mongo_server) as client:
        yield client[name]
        client.drop_database(name)


@pytest.fixture
def indexed_database(indexed: Database[dict[str, Any]]) -> Iterator[str]:
    """Its name; it is empty at the start of each test."""
    yield indexed.name
    for name in indexed.list_collection_names():
        indexed[name].delete_many({})
