"""What happens when a request is written to a connection that has just been reset?

aiokafka expects an OSError there and reconnects. uvloop raises RuntimeError for a closed transport, which nobody
expects: it ends aiokafka's fetching for good, while the consumer goes on polling and looks alive. Found by the fault
suite (connections reset under load). So the error is made the one that aiokafka knows.

And when does a broker that is frozen, or cut off without a word, count as away? aiokafka waits 40 s for an answer and
says nothing meanwhile, so the oldest unanswered request of each connection is watched here.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

from aiokafka.client import ConnectionGroup
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

_plain_send = AIOKafkaConnection.send


@functools.wraps(_plain_send)
def _send(self: Any, *args: Any, **kwargs: Any) -> Any:
    try:
        return _plain_send(self, *args, **kwargs)
    except RuntimeError as error:
        self.close(reason=CloseReason.CONNECTION_BROKEN)
        raise KafkaConnectionError(f"the connection to {self.host}:{self.port} is closed") from error


def expect_closed_transports() -> None:
    """Make every connection of aiokafka in this process tell a closed transport as a broken connection.

    Its clients build their connections themselves and leave no other door. Safe to call again.
    """
    AIOKafkaConnection.send = _send  # type: ignore[method-assign]


class Answers:
    """Since when the connections of one client wait for an answer, as far as somebody looks now and then."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._oldest: dict[Any, tuple[object, float]] = {}
        #: By connection: the request that is to be answered next, and when it was first seen here.

    def late_s(self, client: Any) -> float:
        """How long the slowest broker has owed an answer, seconds; 0 when none is due.

        Only of connections for records and descriptions of topics: a group's coordinator may take its time to answer.
        """
        now, before, self._oldest = self._clock(), self._oldest, {}
        for place, connection in dict(getattr(client, "_conns", {})).items():
            waiting = getattr(connection, "_requests", ())
            if waiting and place[1] == ConnectionGroup.DEFAULT:
                request, since = waiting[0], before.get(place, (None, now))
                self._oldest[place] = since if since[0] is request else (request, now)
        return max((now - since for _, since in self._oldest.values()), default=0.0)
