"""What does intake answer over HTTP when something is wrong? RFC 9457 problem details, with every fault at once."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from schemas.base import Told

#: Content type of the answer.
PROBLEM_JSON = "application/problem+json"


class FieldProblemV1(Told):
    """One fault: a JSON pointer into the body ("" = the whole of it), the rule, and what to do about it."""

    pointer: str
    code: Annotated[str, Field(min_length=1)]
    detail: str


class ProblemV1(Told):
    """Problem details. `type` is `about:blank` when the status says all; `errors` lists the faults of the body."""

    type: str = "about:blank"
    title: Annotated[str, Field(min_length=1)]
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str | None = None
    instance: str | None = None
    errors: list[FieldProblemV1] = Field(default_factory=list)
