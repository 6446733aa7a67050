"""Commands on a customer's data: what there is of it, and erasing it."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from services.bootstrap import World
from services.cli.console import console, plain_errors, table
from services.cli.session import with_world
from services.core.erasures import Erasure, Found
from services.core.errors import CommandInvalid, Problem
from services.customer_data import customer_data

app = typer.Typer(help="A customer's data: what there is of it, and erasing it.", no_args_is_help=True)

#: Given in the place of an address, so that it stands in no list of processes and in no history of a shell.
ASK = "-"


@app.command("erase")
def erase_command(
    email: Annotated[str | None, typer.Option(help="Everything of this mail address; - asks for it.")] = None,
    rfi: Annotated[str | None, typer.Option(help="One request alone, by its id.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what there is.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether it is meant.")] = False,
) -> None:
    """Erase a customer's data everywhere, and send it nothing any more. It can't be undone."""

    async def look(world: World) -> Found:
        return await customer_data(world).find(email=address, rfi_id=rfi)

    async def erase(world: World) -> Erasure | None:
        # What was found is looked for again: somebody has thought about it meanwhile.
        data = customer_data(world)
        return await data.erase(await data.find(email=address, rfi_id=rfi), f"operator:{getpass.getuser()}")

    with plain_errors():
        if (email is None) == (rfi is None):
            raise CommandInvalid([Problem("--email", "which", "name the customer by --email, or one request by --rfi")])
        address = typer.prompt("Mail address").strip() if email == ASK else email
        found = with_world(look)
        _show(found)
        if found.nothing or dry_run:
            return
        if not yes:
            typer.confirm("Erase all of it, for good?", abort=True)
        _say(with_world(erase))


def _show(found: Found) -> None:
    if found.nothing:
        console.print("There is nothing of this customer.")
        return
    rows: list[tuple[object, ...]] = [
        ("requests", len(found.rfi_ids)),
        ("referrals", found.referrals),
        ("kept originals of refused and dead-lettered records", len(found.original_ids)),
        ("mails to the customer that are not sent any more", found.mails_waiting),
        ("mails to the customer that were sent and can't be called back", found.mails_sent),
        ("partners to whom the contact was shown", len(found.partners_shown)),
    ]
    console.print(table("What there is", ["what", "number#"], rows))
    if found.partners_shown:
        console.print("Ask these partners to erase what they have copied: " + ", ".join(found.partners_shown))


def _say(erasure: Erasure | None) -> None:
    if erasure is None:
        console.print("There is nothing left of this customer.")
        return
    console.print(f"Erased, by the order {erasure.id}.")
    if erasure.done_at is None:
        console.print(
            f"The expirer deletes what is left in Kafka and looks once more after {erasure.look_again_at:%H:%M} UTC;"
            " `referrals customer erasures` shows when it is done."
        )


@app.command("erasures")
def erasures_command(limit: Annotated[int, typer.Option("-n", min=1, max=1000, help="The newest.")] = 20) -> None:
    """What was erased, for whom it was asked, and whether it is done. Nobody is named."""

    async def work(world: World) -> None:
        rows = [
            (
                each.id,
                f"{each.at:%Y-%m-%d %H:%M}",
                each.by,
                each.because,
                len(each.rfi_ids),
                len(each.original_ids),
                f"{each.done_at:%Y-%m-%d %H:%M}" if each.done_at else "under way",
            )
            for each in await customer_data(world).listed(limit)
        ]
        columns = ["id", "at (UTC)", "by", "because", "requests#", "originals#", "done (UTC)"]
        console.print(table("Erasures", columns, rows))

    with plain_errors():
        with_world(work)
