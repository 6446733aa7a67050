"""How are publishers and the hashes of their tokens kept in MongoDB?"""

from __future__ import annotations

from services.adapters.mongo.documents import PUBLISHERS
from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import PUBLISHERS as COLLECTION
from services.core.stores import Publisher


class MongoPublishers:
    """Port `PublisherStore`."""

    def __init__(self, mongo: Mongo) -> None:
        self._publishers = mongo.collection(COLLECTION)

    async def put(self, publisher: Publisher) -> None:
        """Insert or replace."""
        await self._publishers.put(publisher.id, PUBLISHERS.to_doc(publisher))

    async def by_token_hash(self, token_hash: str) -> Publisher | None:
        """Through the unique index of hashes."""
        found = await self._publishers.find({"token_hash": {"$eq": token_hash}}, limit=1)
        publisher = PUBLISHERS.from_doc(found[0]) if found else None
        return publisher if publisher is not None and publisher.active else None
