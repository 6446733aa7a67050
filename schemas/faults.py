"""How does a reader say what is wrong with a message, all of it at once?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Fault(NamedTuple):
    """One fault of a message. `field` is `header:<name>`, or a JSON pointer into the value ("" = the whole of it)."""

    field: str
    code: str
    message: str


class EnvelopeError(ValueError):
    """The record is not a message; `problems` lists everything that is wrong with it, without quoting it."""

    def __init__(self, problems: Iterable[Fault]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.field or 'value'}: {p.message}" for p in self.problems))
