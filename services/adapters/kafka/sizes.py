"""How large is a message on Kafka, and is that more than it takes?"""

from __future__ import annotations

from services.core.errors import Invalid
from services.core.ports import Outgoing

#: The largest record, bytes; below `max.message.bytes` of the topics.
MAX_RECORD_BYTES = 1_000_000
#: Messages with more headers than this are always measured exactly.
_FEW_HEADERS = 32
#: Bytes of a record that are neither key, value nor headers; generous.
_RECORD_OVERHEAD = 100


class MessageTooLarge(Invalid):
    """A message is larger than Kafka takes."""

    def __init__(self, message: Outgoing, size: int, limit: int) -> None:
        self.message, self.size, self.limit = message, size, limit
        super().__init__(f"message {message.key!r} for {message.topic} has {size} bytes, the limit is {limit}")


def check_size(message: Outgoing, limit: int = MAX_RECORD_BYTES) -> None:
    """Return if a record of so many bytes can hold the message.

    Raises:
        MessageTooLarge: it can't.
    """
    size = _RECORD_OVERHEAD + len(message.key) * 4 + len(message.value)
    if size <= limit // 2 and len(message.headers) <= _FEW_HEADERS:
        return  # Far away from the limit: no need to count exactly.
    size = _RECORD_OVERHEAD + len(message.key.encode()) + len(message.value)
    size += sum(len(name.encode()) + len(value) + 10 for name, value in message.headers)
    if size > limit:
        raise MessageTooLarge(message, size, limit)
