"""The command `run`: one process of the exchange, in the foreground.

It stands alone, because a process is started far more often than a command is typed: to import the other commands takes
longer than to import what most processes consist of.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from services.adapters.settings import Settings
from services.adapters.telemetry import configure_logging
from services.cli.console import errors


def run_command(
    process: Annotated[str, typer.Argument(help="intake, router, notifier, expirer, statistics, webhooks, portal")],
) -> None:
    """Run one process in the foreground, until SIGTERM. Settings come from the environment (REFERRALS_…)."""
    from services.processes import PROCESSES, run_process

    if process not in PROCESSES:
        errors.print(f"There is no process {process!r}: {', '.join(PROCESSES)}")
        raise typer.Exit(2)
    settings = Settings()
    configure_logging(process, settings.instance, form=settings.log_format, level=settings.log_level)
    if sys.platform == "win32":
        raise typer.Exit(asyncio.run(run_process(process, settings)))
    import uvloop

    raise typer.Exit(uvloop.run(run_process(process, settings)))


def alone() -> None:
    """The command line with no other command than this one."""
    app = typer.Typer(name="referrals", pretty_exceptions_show_locals=False)
    app.command("run")(run_command)
    # With a callback a single command keeps its name.
    app.callback()(lambda: None)
    app()
