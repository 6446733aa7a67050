"""The command `audit`: proves that nothing is lost and nothing doubled, or names what is."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress, TaskID

from schemas.topics import Group, Topic
from services.adapters.wire import event_of
from services.audit.report import Report
from services.audit.run import Backlog, Sources, audit
from services.bootstrap import World
from services.cli.audit_watch import watch_audit
from services.cli.console import console, plain_errors
from services.cli.session import home, with_world
from services.core.errors import Invalid
from services.core.events import Event
from services.core.ids import rfi_id
from services.core.mail import MailKind, Role
from services.core.ports import Record
from services.engines.bundled.spool import MailSpool
from services.engines.processes import read_status
from services.intake.handler import DEFAULT_SOURCE
from services.intake.submission import read_submission
from services.notifier.plan import wanted


def _tell_nobody(_what: str, _number: int) -> None:
    """Progress that nobody looks at."""


async def run_audit(
    world: World, mail_dir: Path | None, on_progress: Callable[[str, int], None] = _tell_nobody
) -> Report:
    """Audit the exchange; mails are counted where a catcher keeps them.

    Raises:
        DependencyUnavailable: an engine does not answer.
    """
    lag = await world.quiet.lag()
    router = lag[Group.ROUTER] + lag[Group.ROUTER_NEXT_BEST]
    backlog = Backlog(intake=lag[Group.INTAKE], router=router, notifier=lag[Group.NOTIFIER])
    deliveries = (lambda: caught(mail_dir)) if mail_dir else None
    return await audit(_sources(world, deliveries), backlog, on_progress)


def caught(mail_dir: Path) -> Mapping[str, int]:
    """How many mails of each send job the catcher has."""
    return Counter(entry.job for entry in MailSpool(mail_dir).entries())


def _sources(world: World, deliveries: Callable[[], Mapping[str, int]] | None) -> Sources:
    async def submitted() -> AsyncIterator[Sequence[Record]]:
        done = await world.admin.committed(Group.INTAKE)
        async for records in world.follower.read_all([Topic.RFI_SUBMITTED], done):
            yield records

    async def events() -> AsyncIterator[Sequence[Event]]:
        topics = [Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS]
        ends = await world.admin.end_offsets(topics)
        async for records in world.follower.read_all(topics, ends):
            yield [event for record in records if (event := _event(record)) is not None]

    stores = world.stores
    return Sources(
        submitted=submitted,
        identify=rfi_id_of,
        events=events,
        deliveries=deliveries,
        rfis=stores.rfis,
        referrals=stores.referrals,
        jobs=stores.jobs,
        refusals=stores.refusals,
        dead_letters=stores.dead_letters,
        expected_mails=expected_mails,
        intake_group=Group.INTAKE,
    )


def expected_mails(event: Event) -> Sequence[tuple[MailKind, Role]]:
    """The notifier's own rule."""
    return [(mail.kind, mail.role) for mail in wanted(event)]


def rfi_id_of(record: Record) -> str | None:
    """The RFI that a submitted record stands for, by intake's own reading."""
    sent = read_submission(record.value, record.headers, DEFAULT_SOURCE)
    if sent.source is None or sent.publisher_id is None:
        return None
    return rfi_id(sent.source, sent.publisher_id)


def _event(record: Record) -> Event | None:
    try:
        return event_of(record)
    except Invalid:
        return None


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
