"""Which errors exist, and what each one means for the message in hand.

    ExchangeError
    ├── Invalid                 dead letter: this input can never work as it is
    │   ├── UnreadableRecord        the record cannot be decoded at all
    │   ├── UnknownMessage          type or version is not one we know
    │   └── ReferenceMissing        it names a document that does not exist
    ├── Refused                 answer to the caller: the state of the referral forbids the command
    │   ├── TransitionRefused       says the state that won and since when
    │   ├── UndoRefused             the undo window is over, or there is nothing to undo
    │   ├── CommandInvalid          says every field that is missing or wrong
    │   ├── Outdated                it changed since the caller read it
    │   └── NotFound                no such thing, or not yours
    ├── Transient               retry: the same input may work later
    │   ├── DependencyUnavailable   Kafka, MongoDB or SMTP does not answer
    │   └── VersionConflict         somebody else wrote the document first
    └── Fatal                   crash loudly: going on could lose or double something
        ├── Misconfigured           a setting or an engine is not as it must be
        └── TooManyInternalErrors   a run of bugs, not of bad input

A class carries its `verdict`; an exception outside this tree is a bug of ours and is treated as `Verdict.INTERNAL`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime


class Verdict(StrEnum):
    """What the delivery wrapper does with the message that caused the error."""

    DEAD_LETTER = "dead_letter"
    RETRY = "retry"
    CRASH = "crash"
    INTERNAL = "internal"


class ExchangeError(Exception):
    """Something the exchange foresaw went wrong."""

    verdict: ClassVar[Verdict] = Verdict.DEAD_LETTER

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])


class Invalid(ExchangeError):
    """The input can never work as it is."""


class UnreadableRecord(Invalid):
    """The record cannot be decoded."""


class UnknownMessage(Invalid):
    """The type or version of the message is not known here."""


class ReferenceMissing(Invalid):
    """The message names a document that does not exist."""


class Refused(ExchangeError):
    """The command cannot be done; the answer says why."""


class TransitionRefused(Refused):
    """The referral (or other `subject`) is in a state that forbids this command; `hint` says what helps."""

    def __init__(
        self,
        command: str,
        status: str,
        substatus: str,
        since: datetime | None = None,
        *,
        subject: str = "referral",
        hint: str = "",
    ) -> None:
        self.command, self.status, self.substatus, self.since = command, status, substatus, since
        self.subject, self.hint = subject, hint
        when = f" since {since.isoformat()}" if since else ""
        advice = f"; {hint}" if hint else ""
        super().__init__(f"cannot {command}: the {subject} is {status}/{substatus}{when}{advice}")


class UndoRefused(Refused):
    """There is nothing to undo, or the undo window is over."""


class CommandInvalid(Refused):
    """The command lacks something or says something impossible; `problems` lists all of it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.field}: {p.message}" for p in self.problems))


class Outdated(Refused):
    """It has changed since the caller read it; read it again. `version` is the one it has now."""

    def __init__(self, id_: str, version: int) -> None:
        self.version = version
        super().__init__(f"{id_} has changed since you read it: read it again, then repeat your change")


class NotFound(Refused):
    """There is no such thing, or it is not yours."""


class Transient(ExchangeError):
    """The same input may work later."""

    verdict = Verdict.RETRY


class DependencyUnavailable(Transient):
    """A thing we depend on does not answer; `dependency` names it (kafka, mongo, smtp)."""

    def __init__(self, dependency: str, reason: str = "does not answer") -> None:
        self.dependency = dependency
        super().__init__(f"{dependency}: {reason}")


class VersionConflict(Transient):
    """Somebody else wrote the document first; load it again and decide anew."""


class Fatal(ExchangeError):
    """Going on could lose or double something."""

    verdict = Verdict.CRASH


class Misconfigured(Fatal):
    """A setting or an engine is not as it must be."""


class TooManyInternalErrors(Fatal):
    """A run of internal errors: a bug of ours, so the consumer stops before it dead-letters everything."""


class Problem:
    """One fault of an input: where (`field`, a JSON pointer), which rule (`code`), what to do about it (`message`)."""

    __slots__ = ("code", "field", "message")

    def __init__(self, field: str, code: str, message: str) -> None:
        self.field, self.code, self.message = field, code, message

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Problem) and self.as_tuple() == other.as_tuple()

    def __hash__(self) -> int:
        return hash(self.as_tuple())

    def __repr__(self) -> str:
        return f"Problem({self.field!r}, {self.code!r}, {self.message!r})"

    def as_tuple(self) -> tuple[str, str, str]:
        """The three parts, for comparing and storing."""
        return self.field, self.code, self.message


def verdict_of(error: BaseException) -> Verdict:
    """The verdict of an error: its class's own, or INTERNAL for anything outside the tree."""
    return error.verdict if isinstance(error, ExchangeError) else Verdict.INTERNAL
