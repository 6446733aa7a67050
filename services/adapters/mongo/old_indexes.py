"""Which indexes does no version that runs here ask for any more? An upgrade leaves them for the version before."""

from __future__ import annotations

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import INDEXES


async def old_indexes(mongo: Mongo) -> list[tuple[str, str]]:
    """Collection and name of each index of our collections that this version does not make.

    Raises:
        DependencyUnavailable: the database does not answer.
    """
    found: list[tuple[str, str]] = []
    for collection, wanted in INDEXES.items():
        ours = {index.document["name"] for index in wanted}
        there = await mongo.collection(collection).index_names()
        found += [(collection, name) for name in there if name not in ours]
    return found


async def drop_indexes(mongo: Mongo, old: list[tuple[str, str]]) -> None:
    """Drop these.

    Raises:
        DependencyUnavailable: the database does not answer; those before it are gone, the command can be repeated.
    """
    for collection, name in old:
        await mongo.collection(collection).drop_index(name)
