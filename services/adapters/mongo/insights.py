"""How does MongoDB count what came of a partner's referrals?

Two groupings and a count, each of one partner and one period, and each out of an index alone: a referral is in the
index of figures once it is answered or lapses, so that nothing is paid for new ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import DECIDED, FIGURES, LIST_CREATED, MEDIANS
from services.adapters.mongo.indexes import REFERRALS as COLLECTION
from services.core.codes import Stage, Substatus
from services.core.insight_figures import figures_of
from services.core.insights import Figures, Medians, Tally, Wait

_MINUTE_MS = 60_000
_ALIKE: Mapping[str, Any] = {
    "substatus": "$substatus",
    "accepted": {"$gt": ["$accepted_at", None]},
    "reason": "$details.reason",
    "currency": "$details.deal_value.currency",
}
_AMOUNT = {"$convert": {"input": "$details.deal_value.amount", "to": "decimal", "onError": None, "onNull": None}}
_DECLINED_AT = {"$cond": [{"$eq": ["$substatus", Substatus.DECLINED.value]}, "$closed_at", None]}
_WAITED_MS = {"$subtract": [{"$ifNull": ["$accepted_at", _DECLINED_AT]}, "$created_at"]}
#: Null without an answer, as every operator on the way gives null for null.
_MINUTES = {"$floor": {"$divide": [_WAITED_MS, _MINUTE_MS]}}

_MEDIANS = TypeAdapter(Medians)


class MongoInsights:
    """Port `InsightStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._referrals, self._medians = mongo.collection(COLLECTION), mongo.collection(MEDIANS)

    async def figures(self, partner_id: str, since: datetime, until: datetime) -> Figures:
        """Three questions at once; what changes in between is counted before or after, as with any question."""
        scope = {"partner_id": {"$eq": partner_id}, "created_at": {"$gte": since, "$lt": until}}
        tallies, waits, unanswered = await asyncio.gather(
            self._tallies(scope),
            self._waits(scope),
            self._referrals.count(
                {**scope, "stage": {"$in": [Stage.NEW.value, Stage.EVALUATING.value]}}, hint=LIST_CREATED
            ),
        )
        return figures_of(tallies, waits, unanswered)

    async def _tallies(self, scope: Mapping[str, Any]) -> list[Tally]:
        rows = await self._referrals.aggregate(
            [
                {"$match": {**scope, **DECIDED}},
                {"$group": {"_id": _ALIKE, "count": {"$sum": 1}, "amount": {"$sum": _AMOUNT}}},
            ],
            hint=FIGURES,
        )
        return [
            Tally(
                substatus=Substatus(row["_id"]["substatus"]),
                accepted=row["_id"]["accepted"],
                reason=row["_id"].get("reason"),
                currency=row["_id"].get("currency"),
                count=row["count"],
                amount=Decimal(str(row["amount"])),
            )
            for row in rows
        ]

    async def _waits(self, scope: Mapping[str, Any]) -> list[Wait]:
        """By the minute: no more rows than the longest wait has minutes, however many referrals there are."""
        rows = await self._referrals.aggregate(
            [
                {"$match": {**scope, **DECIDED}},
                {"$group": {"_id": _MINUTES, "count": {"$sum": 1}}},
            ],
            hint=FIGURES,
        )
        return [Wait(max(0, int(row["_id"])), row["count"]) for row in rows if row["_id"] is not None]

    async def put_medians(self, medians: Medians) -> None:
        """One small document for each number of days."""
        await self._medians.put(str(medians.days), _MEDIANS.dump_python(medians, mode="json"))

    async def medians(self, days: int) -> Medians | None:
        """By its id."""
        doc = await self._medians.get(str(days))
        return _MEDIANS.validate_python(doc) if doc else None
