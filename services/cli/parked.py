"""Commands on what was given up: referrals that the expirer parked, mails that the senders gave up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from services.bootstrap import World
from services.cli.console import console, plain_errors, table
from services.cli.session import with_world
from services.core.aside import Parked
from services.core.errors import CommandInvalid, NotFound, Problem
from services.core.mail import SendJob

app = typer.Typer(help="What was given up: parked referrals, failed mails.", no_args_is_help=True)

#: What `--all` releases at a time; what is left is for the next command.
MOST = 10_000


@app.command("list")
def list_command(limit: Annotated[int, typer.Option("-n", min=1, max=1000, help="Of each kind.")] = 20) -> None:
    """Referrals that the expirer could not advance, and mails that nobody could deliver; the oldest first."""

    async def work(world: World) -> None:
        waiting = await world.stores.aside.waiting()
        mails = sum(n for (_, _, state), n in (await world.stores.jobs.counts()).items() if state == "failed")
        _show_referrals(await world.stores.aside.parked(limit), waiting.parked_referrals)
        _show_mails(await world.stores.aside.failed(limit), mails)

    with plain_errors():
        with_world(work)


def _show_referrals(found: Sequence[Parked], number: int) -> None:
    if not found:
        console.print("No parked referrals.")
        return
    rows = [
        (each.referral.id, f"{each.referral.status}/{each.referral.substatus}", each.attempts, each.why)
        for each in found
    ]
    console.print(table(f"Parked referrals ({number})", ["id", "state", "attempts#", "last error"], rows))


def _show_mails(found: Sequence[SendJob], number: int) -> None:
    if not found:
        console.print("No failed mails.")
        return
    # Its address is a person's, and who may see it is not decided here: the RFI says whom it was for.
    rows = [(f"{job.id}\nof {job.rfi_id}", job.kind, job.last_error) for job in found]
    console.print(table(f"Failed mails ({number}), each with its RFI", ["id", "mail", "last error"], rows))


@app.command("release")
def release_command(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids of parked referrals and of failed mails.")] = None,
    referrals: Annotated[bool, typer.Option("--referrals", help="All parked referrals.")] = False,
    mails: Annotated[bool, typer.Option("--mails", help="All failed mails.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
) -> None:
    """Try them again after a fix, with all attempts anew. What is no longer true is not sent: each mail is checked."""

    async def work(world: World) -> None:
        parked, failed = await _meant(world, ids or [], referrals=referrals, mails=mails)
        if dry_run:
            console.print(f"Would be released: {len(parked)} referrals and {len(failed)} mails.")
            return
        released = await world.stores.aside.release(parked)
        retried = await world.stores.aside.retry(failed, world.clock.now())
        console.print(f"Released: {released} referrals and {retried} mails.")

    with plain_errors():
        with_world(work)


async def _meant(world: World, ids: Sequence[str], *, referrals: bool, mails: bool) -> tuple[list[str], list[str]]:
    """Ids of referrals and of mails.

    Raises:
        CommandInvalid: neither ids nor a kind are named, or both.
        NotFound: an id is of neither kind.
    """
    if bool(ids) == (referrals or mails):
        words = "name ids, or release all of a kind by --referrals or --mails"
        raise CommandInvalid([Problem("ids", "which", words)])
    parked = [each.referral.id for each in await world.stores.aside.parked(MOST)]
    failed = [job.id for job in await world.stores.aside.failed(MOST)]
    if not ids:
        return parked if referrals else [], failed if mails else []
    for id_ in ids:
        if id_ not in parked and id_ not in failed:
            raise NotFound(f"nothing with the id {id_} was given up; `referrals parked list` shows what was")
    return [id_ for id_ in ids if id_ in parked], [id_ for id_ in ids if id_ in failed]
