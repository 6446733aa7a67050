"""How the command line speaks: one console, errors with what to do next, tables."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.core.errors import CommandInvalid, DependencyUnavailable, ExchangeError
from services.engines.children import EngineFailed
from services.engines.choose import EnginesUnavailable

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table; columns whose heading ends in `#` hold numbers and are set right."""
    made = Table(title=title, title_justify="left", header_style="bold")
    for column in columns:
        numeric = column.endswith("#")
        # An id that is cut in two cannot be copied.
        made.add_column(
            column.rstrip("#"),
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=column in {"id", "subject"},
        )
    for row in rows:
        made.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
    return made


@contextmanager
def plain_errors() -> Iterator[None]:
    """Tell foreseen errors in words and end with exit code 1."""
    try:
        yield
    except CommandInvalid as error:
        for problem in error.problems:
            errors.print(f"[red]{escape(problem.field)}[/red]: {escape(problem.message)}")
        sys.exit(1)
    except DependencyUnavailable as error:
        errors.print(f"[red]{escape(str(error))}[/red]")
        errors.print("Is the exchange up? `referrals status` tells, `referrals up` starts it.")
        sys.exit(1)
    except (ExchangeError, EngineFailed, EnginesUnavailable) as error:
        errors.print(f"[red]{escape(str(error))}[/red]")
        sys.exit(1)
