"""How are published rules of matching kept in MongoDB?

Each version is a document that never changes; one document of the settings names the version that holds.
"""

from __future__ import annotations

from services.adapters.mongo.documents import Codec
from services.adapters.mongo.driver import DESCENDING, Mongo, UpdateOne
from services.adapters.mongo.indexes import RULES, RULES_BY_TIME, SETTINGS
from services.core.rules import DEFAULT_RULES, PublishedRules, overtaken

#: Id of the document that names the version that holds.
HOLDING = "matching_rules"

PUBLISHED = Codec(PublishedRules)


class MongoRules:
    """Port `RuleStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._rules, self._settings = mongo.collection(RULES), mongo.collection(SETTINGS)

    async def publish(self, published: PublishedRules, instead_of: str | None = None) -> PublishedRules:
        """Insert if absent, then point there. A crash in between leaves a version that does not hold: publish again."""
        await self._rules.insert_new([PUBLISHED.to_doc(published)])
        stored = PUBLISHED.from_doc((await self._rules.by_ids([published.id]))[0])
        if stored.rules == published.rules:
            await self._point_to(published.id, instead_of)
        return stored

    async def _point_to(self, version: str, instead_of: str | None) -> None:
        change = {"$set": {"version": version}}
        if instead_of is None:
            await self._settings.upsert_and_get(HOLDING, change)
            return
        # Where nobody has published yet this makes the document; where somebody has, its id is taken.
        first = instead_of == DEFAULT_RULES.version
        expected = {"_id": HOLDING, "version": {"$eq": instead_of}}
        done = await self._settings.write([UpdateOne(expected, change, upsert=first)])
        if not done.matched and not done.upserted:
            holding = await self.current()
            # Ours already, when an earlier attempt's answer was lost.
            if holding is None or holding.id != version:
                raise overtaken(holding.id if holding else DEFAULT_RULES.version)

    async def current(self) -> PublishedRules | None:
        """Two reads by id."""
        holding = await self._settings.get(HOLDING)
        docs = await self._rules.by_ids([holding["version"]]) if holding else []
        return PUBLISHED.from_doc(docs[0]) if docs else None

    async def listed(self, limit: int) -> list[PublishedRules]:
        """Through the index of times."""
        docs = await self._rules.find({}, sort=[("at", DESCENDING)], limit=limit, hint=RULES_BY_TIME)
        return PUBLISHED.readable(docs)
