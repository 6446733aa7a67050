"""A handler as short as one can be: the inbox page's own query, answered as JSON; no sign-in, no page, no counts.

`python -m bench.portal.bare PORT`, on the same server as the portal.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import orjson
import uvloop
from fastapi import FastAPI, Response
from motor.motor_asyncio import AsyncIOMotorClient

from services.adapters.mongo.cards import SHOWN
from services.adapters.process import http_loop


def bare(port: int) -> None:
    """Serve until the end of the process."""
    client: Any = AsyncIOMotorClient(os.environ["REFERRALS_MONGO"])
    collection = client[os.environ["REFERRALS_MONGO_DATABASE"]].referrals
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/inbox/{partner_id}")
    async def inbox(partner_id: str) -> Response:
        scope = {"partner_id": {"$eq": partner_id}, "stage": {"$in": ["New"]}, "status": "New"}
        cursor = collection.find(
            {"$and": [scope]},
            list(SHOWN),
            sort=[("expires_at", 1), ("_id", 1)],
            limit=26,
            hint="list_time_left",
        )
        docs = await cursor.to_list(None)
        return Response(orjson.dumps(docs, default=str), media_type="application/json")

    async def serve() -> None:
        await http_loop(app, "127.0.0.1", port)(asyncio.Event())

    asyncio.run(serve())


if __name__ == "__main__":
    uvloop.install()
    bare(int(sys.argv[1]))
