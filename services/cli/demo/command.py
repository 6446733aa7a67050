"""The command `demo`: brings everything up, plays the story, shows the proof, and leaves nothing running."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.spinner import Spinner
from rich.text import Text

from services.audit.report import Report
from services.auditing import run_audit
from services.bootstrap import World
from services.cli.console import console, errors, plain_errors
from services.cli.demo import tables
from services.cli.demo.script import WorkLeftError, chapters
from services.cli.session import home, session
from services.cli.system import start
from services.engines.bundled.spool import MailEntry, MailSpool
from services.engines.locations import Home
from services.engines.supervisor import down

DEFAULT_SAMPLES = Path("samples")


@dataclass(slots=True)
class Story:
    """What was told so far, and what is being done: rendered live."""

    lines: list[Text] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def told(self, title: str, answer: str, seconds: float) -> None:
        """Note a finished step."""
        self.seconds[title] = seconds
        self.lines.append(Text.assemble(("✔ ", "green"), f"{title} ", (f"({seconds:.1f} s)  {answer}", "dim")))

    def show(self, doing: str | None = None) -> Group:
        """The story so far."""
        return Group(*self.lines, *([Spinner("dots", Text(doing))] if doing else []))


def demo_command(
    stay: Annotated[bool, typer.Option(help="Leave everything running at the end.")] = False,
    samples: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="Folder of the samples.")
    ] = DEFAULT_SAMPLES,
) -> None:
    """The whole exchange on real engines: RFIs in, partners asked, 14 days, everyone told, nothing lost."""
    at = Home(home().root / "demo")
    with plain_errors():
        down(at)
        # Each demo tells the story from the beginning.
        shutil.rmtree(at.root, ignore_errors=True)
        story = Story()
        try:
            report = _play(at, samples, story)
        except WorkLeftError as error:
            errors.print(f"[red]{escape(str(error))}[/red]")
            raise typer.Exit(1) from error
        finally:
            if not stay:
                _stop(at)
    if stay:
        console.print(f"Still running. REFERRALS_HOME={at.root} referrals status; … down stops it.")
    raise typer.Exit(0 if report.clean else 1)


def _stop(at: Home) -> None:
    started = time.monotonic()
    with console.status("Stopping"):
        down(at)
    console.print(f"Everything is stopped ({time.monotonic() - started:.1f} s); the data and mails stay.")


def _play(at: Home, samples: Path, story: Story) -> Report:
    with Live(story.show("Starting Kafka, MongoDB, a mail catcher and the consumers"), console=console) as live:
        started = time.monotonic()

        def tell(name: str, state: str) -> None:
            live.update(story.show(f"Starting: {name}: {state}"))

        # The story has nobody at a browser, and no program to call.
        running = start(at, sandbox=True, on_progress=tell, without=("portal", "webhooks"))
        story.told("Engines and consumers are up", running.endpoints.kind, time.monotonic() - started)
        return asyncio.run(_story(at, samples, story, live))


async def _story(at: Home, samples: Path, story: Story, live: Live) -> Report:
    async with session(at) as world:
        for chapter in chapters(samples):
            live.update(story.show(chapter.title))
            started = time.monotonic()
            answer = await chapter.play(world)
            story.told(chapter.title, answer, time.monotonic() - started)
        live.update(story.show("Audit"))
        started = time.monotonic()
        report = await run_audit(world, at.mail)
        story.told("Audit", "clean" if report.clean else "FAULTS", time.monotonic() - started)
        live.update(story.show())
        live.stop()
        console.print()
        await _show(world, report, MailSpool(at.mail))
    return report


async def _show(world: World, report: Report, spool: MailSpool) -> None:
    rfis = await tables.all_rfis(world)
    console.print(tables.rfi_table(rfis, report))
    console.print(await tables.refusal_table(world))
    console.print(tables.no_match_table(rfis))
    console.print(await tables.partner_table(world, rfis))
    console.print(await tables.mail_table(world))
    console.print(tables.audit_table(report))
    if not report.clean:
        console.print(tables.finding_table(report))
    if entry := next((e for e in spool.entries() if e.kind == "new_referral"), None):
        _show_mail(spool, entry)


def _show_mail(spool: MailSpool, entry: MailEntry) -> None:
    """One mail as its reader sees it, and where all of them are."""
    mail = message_from_bytes(spool.read(entry), policy=policy.default)
    body = mail.get_body(("plain",))
    text = str(body.get_content()) if body else ""
    heading = f"To: {mail['To']}\nSubject: {mail['Subject']}\n\n"
    console.print(Panel(Text(heading + text.strip()), title="One of the mails", title_align="left"))
    console.print(f"All {spool.count()} mails: {spool.path / 'mails.mbox'} (any mail program opens it)")
