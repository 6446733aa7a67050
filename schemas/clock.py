"""How is time told? As a message for each shard."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.base import Instant, Told


class TickV1(Told):
    """Business time has come to `at` for this shard. Ticks may be lost or repeated: the newest says all."""

    shard: Annotated[int, Field(ge=0, le=63)]
    at: Instant
