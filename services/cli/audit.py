"""The command `audit`: proves that nothing is lost and nothing doubled, or names what is."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from services.audit.report import Report
from services.auditing import run_audit
from services.bootstrap import World
from services.cli.audit_watch import watch_audit
from services.cli.console import console, plain_errors
from services.cli.session import home, with_world
from services.engines.processes import read_status


def audit_command(
    mails: Annotated[
        Path | None, typer.Option(help="Folder of caught mails; else that of the bundled catcher.")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Again and again, until something is found.")] = False,
    every_s: Annotated[float, typer.Option(min=0.1, help="With --watch: pause between two looks, seconds.")] = 30.0,
    looks: Annotated[int | None, typer.Option(min=1, help="With --watch: end after so many looks.")] = None,
) -> None:
    """Walk from the first submitted record to the last mail. Exit code 1 when anything is missing or doubled."""
    from services.cli.demo.tables import audit_table, finding_table

    endpoints = read_status(home()).endpoints
    folder = mails or (endpoints.mail_dir if endpoints else None)

    async def work(world: World) -> Report:
        if watch:
            look = partial(run_audit, world, folder)
            return await watch_audit(look, audit_table, world.clock.real_now, every_s=every_s, looks=looks)
        with Progress(console=console, transient=True) as progress:
            tasks: dict[str, TaskID] = {}

            def tell(what: str, number: int) -> None:
                if what not in tasks:
                    tasks[what] = progress.add_task(what, total=None)
                progress.update(tasks[what], completed=number)

            return await run_audit(world, folder, tell)

    with plain_errors():
        try:
            report = with_world(work)
        except KeyboardInterrupt:
            console.print("Ended.")
            return
    if not watch:
        console.print(audit_table(report))
    if not report.clean:
        console.print(finding_table(report))
        raise typer.Exit(1)
