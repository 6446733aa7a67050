"""What does intake's HTTP side answer a publisher: the receipt of an RFI, and later what became of it?"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import ConfigDict, Field

from schemas.base import Id, Told
from schemas.problem import FieldProblemV1


class SubmissionStatus(StrEnum):
    """How far an RFI has come."""

    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    ROUTED = "routed"
    NO_MATCH = "no_match"
    WITHDRAWN = "withdrawn"
    CHOSEN = "chosen"
    REFUSED = "refused"


class ReceiptV1(Told):
    """The RFI is on its way: stored durably, not yet looked at by the consumers behind."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    id: Id
    publisher_id: Annotated[str, Field(examples=["CRM-2026-0042"])]
    status: SubmissionStatus = SubmissionStatus.SUBMITTED


class RfiStatusV1(ReceiptV1):
    """What became of an RFI. `partners` counts those asked; `because` says why nobody was."""

    partners: int | None = None
    because: str | None = None
    problems: list[FieldProblemV1] = Field(default_factory=list)
