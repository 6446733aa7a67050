"""Which commands did a test send to MongoDB, and did the server have to scan a collection for any of them?"""

from __future__ import annotations

import json
from typing import Any

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.walking import AS_IT_LIES

#: Fields of a command that belong to the conversation, not to the query.
_AROUND = {"lsid", "$db", "$clusterTime", "txnNumber", "$readPreference", "maxTimeMS", "writeConcern", "readConcern"}
_QUERIES = {"find", "aggregate", "count", "distinct", "findAndModify"}

#: Read whole by a port's own word (`all_partners`, `all_profiles`): by commands that name every partner, and by who
#: holds all profiles to match with (an explanation, a trial of rules). No list and no consumer may.
READ_WHOLE = frozenset({"partners", "profiles"})


class QueryRecorder(CommandListener):
    """Keeps the queries of a connection, updates one by one."""

    def __init__(self) -> None:
        self.queries: list[dict[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        command = {key: value for key, value in event.command.items() if key not in _AROUND}
        if event.command_name in _QUERIES:
            self.queries.append(command)
        elif event.command_name == "update":
            self.queries += [{"update": command["update"], "updates": [each]} for each in command["updates"]]

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Nothing to keep."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Nothing to keep."""


async def scans(mongo: Mongo, queries: list[dict[str, Any]]) -> list[str]:
    """The queries for which the server would read a whole collection; one of each shape is looked at.

    Through an index, too: with a hint on the ids a plan names no scan, and reads everything all the same.
    """
    # The first value of a command is its collection: what has an index in one may have none in another.
    shapes = {f"{next(iter(query.values()))}: {_shape(query)}": query for query in queries}
    return [
        shape
        for shape, query in shapes.items()
        if _reads_all(query)
        or (not _says_so(query) and "COLLSCAN" in json.dumps(await mongo.explain(query), default=str))
    ]


def _says_so(query: dict[str, Any]) -> bool:
    """Whether it asks for a whole collection as it lies there, which is the quickest, where that may be read whole."""
    return query.get("hint") == AS_IT_LIES and query.get("find") in READ_WHOLE and not query.get("filter")


def _reads_all(query: dict[str, Any]) -> bool:
    """Whether it is a find of everything, where nobody has said why."""
    unbounded = "find" in query and not query.get("filter") and not query.get("limit")
    return unbounded and query["find"] not in READ_WHOLE


def _shape(value: Any) -> str:
    """A query with its values left out, so that a batch of a thousand is looked at once."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shape(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(sorted({_shape(each) for each in value})) + "]"
    return value if isinstance(value, str) and "_" in value else "?"
