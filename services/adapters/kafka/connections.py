"""What happens when a request is written to a connection that has just been reset?

aiokafka expects an OSError there and reconnects. uvloop raises RuntimeError for a closed transport, which nobody
expects: it ends aiokafka's fetching for good, while the consumer goes on polling and looks alive. Found by the fault
suite (connections reset under load). So the error is made the one that aiokafka knows.
"""

from __future__ import annotations

import functools
from typing import Any

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
