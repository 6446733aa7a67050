"""Which commands did a test send to MongoDB, and did the server have to scan a collection for any of them?"""

from __future__ import annotations

import json
from typing import Any

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from services.adapters.mongo.driver import Mongo

#: Fields of a command that belong to the conversation, not to the query.
_AROUND = {"lsid", "$db", "$clusterTime", "txnNumber", "$readPreference", "maxTimeMS", "writeConcern", "readConcern"}
_QUERIES = {"find", "aggregate", "count", "distinct", "findAndModify"}


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
    """The queries for which the server would read a whole collection; one of each shape is looked at."""
    shapes = {_shape(query): query for query in queries}
    return [
        shape for shape, query in shapes.items() if "COLLSCAN" in json.dumps(await mongo.explain(query), default=str)
    ]


def _shape(value: Any) -> str:
    """A query with its values left out, so that a batch of a thousand is looked at once."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_shape(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(sorted({_shape(each) for each in value})) + "]"
    return value if isinstance(value, str) and "_" in value else "?"
