"""No list is sorted by the server or read beyond its partner: every page comes out of an index in its order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import LIST_UPDATED, ensure_indexes
from services.adapters.mongo.stores import stores_of
from services.core.codes import CompanySize
from services.core.listing import Comparison, Cursor, Field, ListingQuery, Op, Section, Sort
from tests.builders import START, make_partner, make_referral
from tests.contract.mongo_queries import QueryRecorder

MINE = make_partner(1).id
LATER = Cursor(START + timedelta(minutes=5), "m")

SHAPES: dict[str, ListingQuery] = {
    "inbox by time left": ListingQuery(
        partner_id=MINE, section=Section.NEW, sort=Sort.TIME_LEFT, descending=False, after=LATER
    ),
    "archive": ListingQuery(partner_id=MINE, section=Section.ARCHIVED),
    "next page": ListingQuery(partner_id=MINE, section=Section.ACTIVE, after=LATER),
    "everything": ListingQuery(partner_id=MINE),
    "everything, next page": ListingQuery(partner_id=MINE, after=LATER),
    "oldest first": ListingQuery(partner_id=MINE, descending=False, after=LATER),
    "changed since": ListingQuery(
        partner_id=MINE, sort=Sort.UPDATED, descending=False, condition=Comparison(Field.UPDATED, Op.GE, START)
    ),
    "filtered": ListingQuery(partner_id=MINE, section=Section.ARCHIVED, region="ES", size=CompanySize.S1_9, text="a b"),
}


def stages_of(plan: Any) -> Iterator[dict[str, Any]]:
    """Every stage of a plan, whatever it is nested in."""
    if isinstance(plan, dict):
        if isinstance(plan.get("stage"), str):
            yield plan
        for each in plan.values():
            yield from stages_of(each)
    elif isinstance(plan, list):
        for each in plan:
            yield from stages_of(each)


async def test_a_page_comes_out_of_an_index_in_its_order(mongo_server: str, mongo_database: str) -> None:
    recorder = QueryRecorder()
    with Mongo(mongo_server, mongo_database, listeners=[recorder]) as mongo:
        await ensure_indexes(mongo)
        stores = stores_of(mongo)
        await stores.referrals.add([make_referral(n, created_at=START + timedelta(minutes=n)) for n in range(9)])
        for name, shape in SHAPES.items():
            recorder.queries.clear()
            await stores.listing.page(shape)
            (query,) = recorder.queries
            stages = list(stages_of((await mongo.explain(query))["queryPlanner"]["winningPlan"]))
            assert "SORT" not in {each["stage"] for each in stages}, name
            scans = [each for each in stages if each["stage"] == "IXSCAN"]
            assert scans, name
            assert all(each["indexBounds"]["partner_id"] == [f'["{MINE}", "{MINE}"]'] for each in scans), name


async def test_words_and_filters_are_looked_at_in_the_index_before_anything_is_fetched(
    mongo_server: str, mongo_database: str
) -> None:
    recorder = QueryRecorder()
    with Mongo(mongo_server, mongo_database, listeners=[recorder]) as mongo:
        await ensure_indexes(mongo)
        await stores_of(mongo).listing.page(SHAPES["filtered"])
        plan = (await mongo.explain(recorder.queries[-1]))["queryPlanner"]["winningPlan"]
    (scan,) = (each for each in stages_of(plan) if each["stage"] == "IXSCAN")
    assert json.dumps(scan["filter"]).count("$regex") == 4
    assert all("filter" not in each for each in stages_of(plan) if each["stage"] == "FETCH")


async def test_counting_reads_no_document(mongo_server: str, mongo_database: str) -> None:
    recorder = QueryRecorder()
    with Mongo(mongo_server, mongo_database, listeners=[recorder]) as mongo:
        await ensure_indexes(mongo)
        await stores_of(mongo).listing.counts(MINE)
        plans = [await mongo.explain(query) for query in recorder.queries]
    assert len(plans) == len(Section)
    for plan in plans:
        (scan,) = (each for each in stages_of(plan) if each["stage"] == "COUNT_SCAN")
        assert scan["indexName"] == LIST_UPDATED
        assert "FETCH" not in {each["stage"] for each in stages_of(plan)}


async def test_figures_read_no_document(mongo_server: str, mongo_database: str) -> None:
    recorder = QueryRecorder()
    with Mongo(mongo_server, mongo_database, listeners=[recorder]) as mongo:
        await ensure_indexes(mongo)
        await stores_of(mongo).insights.figures(MINE, START - timedelta(days=90), START)
        plans = [await mongo.explain(query) for query in recorder.queries]
    assert len(plans) == 3
    for plan in plans:
        (scan,) = (each for each in stages_of(plan) if each["stage"] == "IXSCAN")
        assert scan["indexBounds"]["partner_id"] == [f'["{MINE}", "{MINE}"]']
        assert "new Date" in scan["indexBounds"]["created_at"][0]
        assert "FETCH" not in {each["stage"] for each in stages_of(plan)}
