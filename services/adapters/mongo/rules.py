"""How are published rules of matching kept in MongoDB?

Each version is a document that never changes; one document of the settings names the version that holds.
"""

from __future__ import annotations

from services.adapters.mongo.documents import Codec
from services.adapters.mongo.driver import DESCENDING, Mongo
from services.adapters.mongo.indexes import RULES, RULES_BY_TIME, SETTINGS
from services.core.rules import PublishedRules

#: Id of the document that names the version that holds.
HOLDING = "matching_rules"

PUBLISHED = Codec(PublishedRules)


class MongoRules:
    """Port `RuleStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._rules, self._settings = mongo.collection(RULES), mongo.collection(SETTINGS)

    async def publish(self, published: PublishedRules) -> PublishedRules:
        """Insert if absent, then point there. A crash in between leaves a version that does not hold: publish again."""
        await self._rules.insert_new([PUBLISHED.to_doc(published)])
        stored = PUBLISHED.from_doc((await self._rules.by_ids([published.id]))[0])
        if stored.rules == published.rules:
            await self._settings.upsert_and_get(HOLDING, {"$set": {"version": published.id}})
        return stored

    async def current(self) -> PublishedRules | None:
        """Two reads by id."""
        holding = await self._settings.get(HOLDING)
        docs = await self._rules.by_ids([holding["version"]]) if holding else []
        return PUBLISHED.from_doc(docs[0]) if docs else None

    async def listed(self, limit: int) -> list[PublishedRules]:
        """Through the index of times."""
        docs = await self._rules.find({}, sort=[("at", DESCENDING)], limit=limit, hint=RULES_BY_TIME)
        return PUBLISHED.readable(docs)
