"""Where does the canary still stand in a running exchange: in its database, in Kafka, in its logs, in its mails?"""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import default
from struct import pack
from typing import Any

import bson
import pymongo

from schemas.topics import TOPICS
from services.bootstrap import World
from services.engines.bundled.spool import MailSpool
from tests.canary import CANARY, LATITUDE
from tests.e2e.exchange import Exchange


def _named(told: bytes) -> bool:
    """Whether the canary stands there, or where it lives: as text, or as a number of BSON."""
    marks = CANARY.encode(), LATITUDE.encode(), pack("<d", float(LATITUDE))
    return any(mark in each for mark, each in zip(marks, (told.lower(), told, told), strict=True))


def in_mongo(exchange: Exchange) -> set[str]:
    """Collections in which the canary stands, in any field of any document."""
    settings = exchange.settings()
    with pymongo.MongoClient[dict[str, Any]](settings.mongo.get_secret_value()) as client:
        database = client[settings.mongo_database]
        return {
            name
            for name in database.list_collection_names()
            if any(map(_named, map(bson.encode, database[name].find())))
        }


def in_kafka(exchange: Exchange) -> set[str]:
    """Topics in which the canary stands, in a key, a value or a header of any record that can be read."""

    async def look(world: World) -> set[str]:
        topics = [str(spec.topic) for spec in TOPICS]
        ends = await world.admin.end_offsets(topics)
        found = set()
        async for records in world.follower.read_all(topics, ends):
            for each in records:
                told = (each.key or b"") + (each.value or b"") + b"".join(value for _, value in each.headers)
                if _named(told):
                    found.add(each.topic)
        return found

    return exchange.run(look)


def in_logs(exchange: Exchange) -> set[str]:
    """Log files in which the canary stands."""
    logs = exchange.home.logs.rglob("*")
    return {path.name for path in logs if path.is_file() and _named(path.read_bytes())}


def in_mails(exchange: Exchange, after: int = 0) -> set[str]:
    """Kinds of mails in whose bytes, or decoded parts, the canary stands; `after` that many mails that were caught."""
    spool, found = MailSpool(exchange.home.mail), set()
    for entry in exchange.mails()[after:]:
        content = spool.read(entry)
        mail = BytesParser(policy=default).parsebytes(content)
        parts = [part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()]
        headers = " ".join(str(value) for value in mail.values()).encode()
        if CANARY.encode() in b" ".join([content, headers, *(p for p in parts if isinstance(p, bytes))]).lower():
            found.add(entry.kind)
    return found
