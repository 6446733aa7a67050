"""What is told of a record that a consumer could not use? A reference for alarms; the original stays in the store."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.base import Id, Instant, Told

Name = Annotated[str, Field(min_length=1)]
Number = Annotated[int, Field(ge=0)]


class DeadLetterV1(Told):
    """A record was put aside for one consumer group. `referrals dlq show <id>` shows it."""

    id: Id
    group: Name
    topic: Name
    partition: Number
    offset: Number
    reason: Annotated[str, Field(min_length=1, examples=["UnreadableRecord", "ReferenceMissing"])]
    attempts: Annotated[int, Field(ge=1)]
    at: Instant
