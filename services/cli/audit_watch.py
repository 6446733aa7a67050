"""How is an audit repeated until it finds something? A table that is drawn anew after each look."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from services.audit.report import Report
from services.cli.console import console
from services.core.errors import DependencyUnavailable


async def watch_audit(
    look: Callable[[], Awaitable[Report]],
    show: Callable[[Report], RenderableType],
    now: Callable[[], datetime],
    *,
    every_s: float,
    looks: int | None = None,
) -> Report:
    """Look again and again; ends with the first report that is not clean, or after so many looks.

    Args:
        look: one audit. An engine that is away is waited for: nobody watches only while all is well.
        show: how a report looks.
        now: for the line that says when the last look was.
        every_s: pause between two looks, seconds.
        looks: ends after so many; without it only a violation or Ctrl-C ends it.

    Raises:
        DependencyUnavailable: an engine did not answer at the last of the looks.
    """
    done = 0
    seen: RenderableType = Text("The first look is under way ...")
    with Live(seen, console=console, auto_refresh=False) as live:
        while True:
            done += 1
            last = looks is not None and done >= looks
            try:
                report = await look()
            except DependencyUnavailable as error:
                if last:
                    raise
                live.update(Group(seen, Text(f"{now():%H:%M:%S} {error}; looks again", style="yellow")), refresh=True)
            else:
                seen = show(report)
                line = Text(f"look {done} at {now():%H:%M:%S} UTC; again every {every_s:g} s; Ctrl-C ends")
                live.update(Group(seen, line), refresh=True)
                if last or not report.clean:
                    return report
            await asyncio.sleep(every_s)
