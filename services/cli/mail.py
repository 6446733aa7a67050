"""Commands on mails that came back: read servers' reports, see who is mailed no more, and mail somebody again."""

from __future__ import annotations

import mailbox
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from services.adapters.mail.reports import LONGEST, read_report
from services.bootstrap import World
from services.cli.console import console, plain_errors, table
from services.cli.session import with_world
from services.core.errors import CommandInvalid, NotFound, Problem
from services.core.ids import suppression_id
from services.core.mail import SendJob
from services.notifier.return_paths import ReturnPaths
from services.notifier.returned import ReturnedMail, ReturnedPorts, Taken

app = typer.Typer(help="Mails that came back, and who is mailed no more.", no_args_is_help=True)

#: What a mail server that pipes a message to us takes for "try again later" (sysexits.h); anything else it gives up.
TRY_AGAIN = 75

#: After these a report has done all that it can.
_DONE = frozenset({Taken.KNOWN, Taken.GIVEN_UP, Taken.SUPPRESSED, Taken.NOT_FINAL})

#: What became of a message: None is no report at all; and the mail that came back.
Outcome = tuple[Taken | None, SendJob | None]


@app.command("bounces")
def bounces_command(
    source: Annotated[str, typer.Argument(help="A message, a Maildir, or - for a message on standard input.")],
) -> None:
    """Read what mail servers report of mails that they could not deliver. Reading a report twice changes nothing.

    In a Maildir what was read is marked as seen, and what is no report of ours is left for a person.
    """
    try:
        with plain_errors():
            try:
                taken = _of_maildir(Path(source)) if Path(source).is_dir() else _of_message(source)
            except (OSError, mailbox.Error) as error:
                words = "is neither a message nor a Maildir that we may read and change"
                raise CommandInvalid([Problem(source, "unreadable", words)]) from error
    except SystemExit as end:
        raise typer.Exit(TRY_AGAIN if source == "-" else 1) from end
    rows = [(name, what or "no report", job.id if job else "", job.kind if job else "") for name, (what, job) in taken]
    console.print(table("Mails that came back", ["message", "what was done", "mail", "kind"], rows))
    counts = Counter((what or "no report") for _, (what, _) in taken)
    console.print(", ".join(f"{number} {what}" for what, number in sorted(counts.items())) or "No new messages.")
    if any(what is Taken.TOO_EARLY for _, (what, _) in taken):
        raise typer.Exit(TRY_AGAIN)


def _of_message(source: str) -> list[tuple[str, Outcome]]:
    raw = sys.stdin.buffer.read(LONGEST + 1) if source == "-" else Path(source).read_bytes()
    return _taken({source: raw})


def _of_maildir(folder: Path) -> list[tuple[str, Outcome]]:
    box = mailbox.Maildir(folder, create=False)
    new = {key: message for key, message in box.iteritems() if "S" not in message.get_flags()}
    taken = _taken({key: message.as_bytes() for key, message in new.items()})
    for key, (what, _) in taken:
        if what in _DONE:
            message = new[key]
            message.set_subdir("cur")
            message.add_flag("S")
            box[key] = message
    return taken


def _taken(messages: Mapping[str, bytes]) -> list[tuple[str, Outcome]]:
    """What became of each message, by its name.

    Raises:
        CommandInvalid: nobody said where mails come back to, so none can be recognised.
    """

    async def work(world: World) -> list[tuple[str, Outcome]]:
        base = world.settings.mail_bounces
        if base is None:
            words = (
                "set REFERRALS_MAIL_BOUNCES as it is set for the notifier: it says which reports are about our mails"
            )
            raise CommandInvalid([Problem("mail_bounces", "missing", words)])
        await world.links.load()
        stores = world.stores
        ports = ReturnedPorts(
            jobs=stores.jobs,
            referrals=stores.referrals,
            partners=stores.partners,
            suppressions=stores.suppressions,
            clock=world.clock,
        )
        returned = ReturnedMail(ports, ReturnPaths(base, world.links))
        return [(name, await _one(returned, raw)) for name, raw in messages.items()]

    return with_world(work)


async def _one(returned: ReturnedMail, raw: bytes) -> Outcome:
    report = read_report(raw)
    if report is None:
        return None, None
    return await returned.take(report.returned_to, report.status, failed=report.failed)


@app.command("suppressed")
def suppressed_command(limit: Annotated[int, typer.Option("-n", min=1, max=1000, help="At most.")] = 20) -> None:
    """Who is mailed no more, newest first. Addresses are not kept: the mail that came back says whose it was."""

    async def work(world: World) -> None:
        found = await world.stores.suppressions.listed(limit)
        if not found:
            console.print("Everybody is mailed.")
            return
        jobs = await world.stores.jobs.load([each.job_id for each in found])
        rows = [(each.job_id, *_whose(jobs.get(each.job_id)), each.why, f"{each.at:%Y-%m-%d %H:%M}") for each in found]
        console.print(table("Mailed no more", ["id", "who", "of request", "partner", "status", "since"], rows))

    with plain_errors():
        with_world(work)


def _whose(job: SendJob | None) -> tuple[str, str, str]:
    return (job.role.value, job.rfi_id, job.partner_id or "") if job else ("", "", "")


@app.command("lift")
def lift_command(
    address: Annotated[str, typer.Argument(help="A mail address that takes mails again.")],
) -> None:
    """Mail somebody again. Mails that were given up meanwhile go out by `referrals parked release`."""

    async def work(world: World) -> None:
        if not await world.stores.suppressions.lift(suppression_id(address)):
            raise NotFound("this address is mailed already; `referrals mail suppressed` shows who is not")
        console.print("Mailed again from now on.")

    with plain_errors():
        with_world(work)
