"""The look at query plans sees a scan where there is one; otherwise its silence would mean nothing."""

from __future__ import annotations

from services.adapters.mongo.driver import BY_ID, Mongo
from services.adapters.mongo.indexes import INDEXES, ensure_indexes
from tests.contract.mongo_queries import QueryRecorder, scans


async def test_a_query_without_an_index_is_found_out(mongo_server: str, mongo_database: str) -> None:
    recorder = QueryRecorder()
    with Mongo(mongo_server, mongo_database, listeners=[recorder]) as mongo:
        await ensure_indexes(mongo)
        await mongo.collection("rfis").insert_new([{"_id": str(n), "colour": n} for n in range(3)])
        await mongo.collection("rfis").find({"colour": 2})
        await mongo.collection("rfis").update_all({"colour": 2}, {"$set": {"colour": 3}})
        await mongo.collection("rfis").by_ids(["1"])
        assert len(await scans(mongo, recorder.queries)) == 2


async def test_a_find_of_everything_is_found_out_whatever_its_plan_is_called(
    mongo_server: str, mongo_database: str
) -> None:
    recorder = QueryRecorder()
    with Mongo(mongo_server, mongo_database, listeners=[recorder]) as mongo:
        await mongo.collection("rfis").find({}, hint=BY_ID)
        await mongo.collection("rfis").find({}, hint=BY_ID, limit=5)
        await mongo.collection("partners").find({}, hint=BY_ID)
        (found,) = await scans(mongo, recorder.queries)
        assert found.startswith("rfis: {find")
        assert "limit" not in found


async def test_a_walk_through_a_collection_is_found_out_where_it_may_not_be_read_whole(
    mongo_server: str, mongo_database: str
) -> None:
    recorder = QueryRecorder()
    with Mongo(mongo_server, mongo_database, listeners=[recorder]) as mongo:
        for name in ("rfis", "profiles"):
            await mongo.collection(name).insert_new([{"_id": str(n)} for n in range(3)])
            assert len([batch async for batch in mongo.walk(name, ["line"], 2)]) == 2
        (found,) = await scans(mongo, recorder.queries)
        assert found.startswith("rfis: {find")


async def test_indexes_are_made_once_and_again_without_harm(mongo_server: str, mongo_database: str) -> None:
    with Mongo(mongo_server, mongo_database) as mongo:
        await ensure_indexes(mongo)
        await ensure_indexes(mongo)


def test_names_of_indexes_are_unique_in_their_collection() -> None:
    for collection, indexes in INDEXES.items():
        names = [index.document["name"] for index in indexes]
        assert len(names) == len(set(names)), collection
