"""What does a publisher hear of an RFI that was refused? Every problem by field, and where to find the original."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.base import Id, Instant, Told


class RfiProblemV1(Told):
    """One fault of an RFI: where (a JSON pointer, or `header:<name>`), which rule, and what to do about it."""

    field: str
    code: Annotated[str, Field(min_length=1, examples=["missing", "no_consent", "id_reused"])]
    message: Annotated[str, Field(min_length=1)]


class RfiRefusedV1(Told):
    """An RFI was refused. Its id stays free: mend it and send it again. `source` and `publisherId` where known."""

    refusal_id: Id
    source: str | None = None
    publisher_id: str | None = None
    problems: Annotated[list[RfiProblemV1], Field(min_length=1)]
    at: Instant
