"""One fault tried on a site: what is sent meanwhile, and whether all of it came through."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import count

import pytest

from tests.faults.ledger import Books, Ledger
from tests.faults.site import Site

_numbers = count(1)

#: Runs in `make faults` alone, because it takes long; what `make test` has for it stands beside each use.
long_only = pytest.mark.slow(long_only=True)


@dataclass(slots=True, kw_only=True)
class Result:
    """A row of the report."""

    fault: int
    what: str
    times: int = 1
    lost: int = 0
    doubled: int = 0
    #: Mails that came again in attempts cut at the final dot: foreseen, and counted.
    again: int = 0
    recovery_s: float = 0.0
    #: Name of the test that it comes from: the next run of the test replaces it.
    test: str = ""

    def as_json(self) -> dict[str, object]:
        """For the report's file."""
        return asdict(self)


@dataclass(slots=True)
class Trial:
    """A fault with its ledger. `whole` heals, waits, compares and notes the result."""

    site: Site
    long: bool
    seed: int
    results: list[Result]
    ledger: Ledger = field(init=False)
    _again: int = 0
    #: Mails that had come again before the block at hand.
    _sent: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.ledger = Ledger(f"urn:faults:{next(_numbers)}")

    def send(self, number: int, **need: object) -> list[str]:
        """Send so many RFIs; returns their names."""
        names = self.names(number)
        self.site.send(self.ledger, *names, **need)
        return names

    def names(self, number: int) -> list[str]:
        """So many names that no other RFI has."""
        return [f"{self.ledger.source.rpartition(':')[2]}-{next(self._sent)}" for _ in range(number)]

    def lasts(self, seconds: float) -> None:
        """How long a fault lasts: nothing is waited for, because nothing tells when a fault has lasted long enough."""
        time.sleep(seconds)

    def number(self, short: int, long: int) -> int:
        """How much of something, by form."""
        return long if self.long else short

    @contextmanager
    def whole(self, fault: int, what: str, *, times: int = 1, most_again: int = 0) -> Iterator[Result]:
        """Break things in this block; after it everything heals, and nothing may be lost or doubled.

        Args:
            fault: its number in the list of faults.
            what: the fault in words, for the report.
            times: how often it strikes.
            most_again: mails that may come again, in attempts cut at the final dot.
        """
        result = Result(fault=fault, what=what, times=times)
        yield result
        began = time.monotonic()
        self.site.heal()
        self.site.settle()
        result.recovery_s = time.monotonic() - began
        books = self.site.balance(self.ledger)
        result.lost, result.doubled, result.again = len(books.lost), len(books.doubled), books.again - self._again
        self._again = books.again
        self.results.append(result)
        assert_whole(books)
        assert result.again <= most_again, f"{result.again} mails came again"

    def note(self, fault: int, what: str, *, times: int = 1, recovery_s: float = 0.0) -> None:
        """A fault whose proof is the test's own."""
        self.results.append(Result(fault=fault, what=what, times=times, recovery_s=recovery_s))


def assert_whole(books: Books) -> None:
    """Nothing lost, nothing doubled."""
    assert not books.lost, books.lost[:5]
    assert not books.doubled, books.doubled[:5]
