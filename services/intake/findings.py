"""What is wrong with one input, and which parts of it can still be read although others are wrong?

`Findings` collects problems; `Part` is a JSON object of the input with its place, read without trusting its shape:
a value of the wrong type, or one already found faulty, reads as absent, so that each fault is told once.
"""

from __future__ import annotations

from services.core.errors import Problem
from services.intake.normalise import has_forbidden

_NOTHING: dict[str, object] = {}

#: Most problems listed for one input; an input made of thousands of faults is told so instead.
MAX_PROBLEMS = 100


class Findings:
    """The problems of one input, in the order found, and the fields (`faulty`) they are about."""

    __slots__ = ("_problems", "faulty")

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self.faulty: set[str] = set()

    def add(self, field: str, code: str, message: str) -> None:
        """Note a problem; `field` is a JSON pointer, `message` says what to do and quotes nothing of the input."""
        self.faulty.add(field)
        self._problems.append(Problem(field, code, message))

    def __bool__(self) -> bool:
        return bool(self._problems)

    def listed(self) -> list[Problem]:
        """Every problem once, by field; beyond MAX_PROBLEMS their number alone."""
        unique = sorted(dict.fromkeys(self._problems), key=lambda p: p.field)
        if len(unique) <= MAX_PROBLEMS:
            return unique
        rest = len(unique) - MAX_PROBLEMS + 1
        return [
            *unique[: MAX_PROBLEMS - 1],
            Problem("", "too_many_problems", f"there are {rest} more problems; mend these first"),
        ]


class Part:
    """A JSON object inside the input."""

    __slots__ = ("_at", "_found", "_raw", "there")

    def __init__(self, raw: object, at: str, found: Findings) -> None:
        self.there = isinstance(raw, dict)
        self._raw: dict[str, object] = raw if isinstance(raw, dict) else _NOTHING
        self._at, self._found = at, found

    def part(self, name: str) -> Part:
        """The object in a field; one that is absent or no object reads as empty."""
        return Part(self._raw.get(name), f"{self._at}/{name}", self._found)

    def has(self, name: str) -> bool:
        """Whether the field holds anything at all."""
        return bool(self._raw.get(name))

    def text(self, name: str) -> str | None:
        """The text in a field, or None when there is none to check: absent, of another type, faulty already.

        Forbidden characters and blank texts are problems of every text, so they are found here.
        """
        value = self._raw.get(name)
        if not isinstance(value, str):
            return None
        # The first line is for speed: nearly every text of nearly every RFI ends here.
        if value.isprintable() and not self._found.faulty and not value.isspace():
            return value
        return value if self._readable(value, name) else None

    def texts(self, name: str) -> list[str]:
        """The readable texts of a list, each checked as in `text`."""
        value = self._raw.get(name)
        if not isinstance(value, list) or not value:
            return []
        return [t for n, t in enumerate(value) if isinstance(t, str) and self._readable(t, f"{name}/{n}")]

    def _readable(self, value: str, name: str) -> bool:
        if f"{self._at}/{name}" in self._found.faulty:
            return False
        if has_forbidden(value):
            self.wrong(name, "control_characters", "holds control or text-direction characters; remove them")
            return False
        if value.isspace():
            self.wrong(name, "blank", "holds nothing but white space; fill it in or leave the field out")
            return False
        return True

    def given(self, name: str) -> bool:
        """Whether the field is there and is not null, right or wrong."""
        return self._raw.get(name) is not None

    def number(self, name: str) -> float | None:
        """The number in a field, or None when there is none to check: absent, of another type, faulty already."""
        value = self._raw.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or f"{self._at}/{name}" in self._found.faulty:
            return None
        return value

    def mistyped(self, name: str) -> bool:
        """Whether the field is there and holds something that is no text."""
        return name in self._raw and not isinstance(self._raw[name], str)

    def flag(self, name: str) -> bool | None:
        """The truth value in a field, or None when there is none."""
        value = self._raw.get(name)
        return value if isinstance(value, bool) else None

    def wrong(self, name: str, code: str, message: str) -> None:
        """Note a problem with a field of this part."""
        self._found.add(f"{self._at}/{name}", code, message)
