"""Commands on the clock of a sandbox: show it, shift it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

import typer

from services.bootstrap import World
from services.cli.console import console, plain_errors
from services.cli.session import with_world
from services.core.errors import CommandInvalid, Misconfigured, Problem

app = typer.Typer(help="The clock of a sandbox.", no_args_is_help=True)

_PART = re.compile(r"(\d+)([dhms])")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def period(text: str) -> timedelta:
    """`14d`, `24h`, `1d12h`, `90m` as a period.

    Raises:
        CommandInvalid: it is something else.
    """
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text):
        raise CommandInvalid([Problem("by", "period", f"{text!r} is no period: write for example 14d, 24h or 1d12h")])
    return timedelta(**{_UNITS[unit]: int(number) for number, unit in parts})


async def advance(world: World, by: timedelta) -> None:
    """Shift the sandbox's clock; every process follows within a second.

    Raises:
        Misconfigured: this is no sandbox.
    """
    if not world.settings.sandbox:
        raise Misconfigured("this is no sandbox: `referrals up --sandbox` has a clock that can be shifted")
    await world.stores.sandbox_clock.advance(by)
    await world.clock.refresh()


@app.command("show")
def show_command() -> None:
    """What time it is for the exchange."""

    async def work(world: World) -> None:
        offset = await world.stores.sandbox_clock.offset()
        console.print(f"{world.clock.now().isoformat(timespec='seconds')} (shifted by {offset})")

    with plain_errors():
        with_world(work)


@app.command("advance")
def advance_command(by: Annotated[str, typer.Argument(help="For example 24h, 14d, 1d12h.")]) -> None:
    """Let time pass, in a sandbox: reminders, warnings and expiries fire as if it had."""

    async def work(world: World) -> None:
        await advance(world, period(by))
        console.print(f"It is now {world.clock.now().isoformat(timespec='seconds')}.")

    with plain_errors():
        with_world(work)
