"""Commands that load data of others: partners from CSV, partners and requests from Open Contracting releases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer
from rich.progress import Progress

from services.adapters.importers.ocds import rfi_from_release
from services.adapters.importers.ocds_files import read_releases
from services.adapters.importers.ocds_partners import partners_from_releases
from services.adapters.importers.partners_csv import read_partners
from services.adapters.importers.rfi_files import FileRfi
from services.bootstrap import World
from services.cli.console import console, plain_errors
from services.cli.rfi import submit_all
from services.cli.session import with_world
from services.core.accounts import people_of
from services.core.partner import Partner, Profile

app = typer.Typer(help="Load partners and requests of others.", no_args_is_help=True)

T = TypeVar("T")

#: Documents written together.
BATCH = 1000


def batches(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


async def store_partners(
    world: World,
    partners: Sequence[Partner],
    profiles: Sequence[Profile],
    progress: Progress | None = None,
    *,
    users: bool = True,
) -> None:
    """Store partners and profiles and tell the routers. What is stored already is replaced by a next version.

    With `users` the admin and the contacts of each partner may sign in; who may already is left as is.
    """
    if users:
        of_partner: dict[str, list[Profile]] = {}
        for profile in profiles:
            of_partner.setdefault(profile.partner_id, []).append(profile)
        for people in batches(user for each in partners for user in people_of(each, of_partner.get(each.id, []))):
            await world.stores.users.add(people)
    task = progress.add_task("Partners", total=len(partners) + len(profiles)) if progress else None
    for some in batches(partners):
        await world.put_partners(some)
        if progress and task is not None:
            progress.advance(task, len(some))
    for few in batches(profiles):
        await world.put_profiles(few)
        if progress and task is not None:
            progress.advance(task, len(few))


@app.command("partners")
def partners_command(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="CSV, see samples/README.md")],
    users: Annotated[bool, typer.Option(help="Let admins and contacts sign in.")] = True,
) -> None:
    """Load partners and their business profiles from CSV. A file with faults loads nothing and lists every fault."""

    async def work(world: World) -> None:
        with Progress(console=console, transient=True) as progress:
            for file in files:
                partners, profiles = read_partners(file, world.place)
                await store_partners(world, partners, profiles, progress, users=users)
                console.print(f"{file.name}: {len(partners)} partners with {len(profiles)} business profiles.")

    with plain_errors():
        with_world(work)


@app.command("ocds")
def ocds_command(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help=".json, .jsonl, either with .xz")],
    partners: Annotated[bool, typer.Option(help="Make partners of the suppliers of awards.")] = True,
    rfis: Annotated[bool, typer.Option(help="Submit the tenders as RFIs.")] = True,
    placeholder_contacts: Annotated[
        bool, typer.Option(help="Give buyers without a mail address an undeliverable one (.invalid).")
    ] = False,
    source: Annotated[str, typer.Option(help="Source of the RFIs.")] = "urn:ocds",
) -> None:
    """Load Open Contracting releases: tenders become RFIs, suppliers become partners with profiles of what they won."""

    async def work(world: World) -> None:
        with Progress(console=console, transient=True) as progress:
            releases = [r for file in files for r in _read(file, progress)]
            if partners:
                await _import_partners(world, releases, progress)
            if rfis:
                found = ocds_rfis(world, releases, placeholder_contacts=placeholder_contacts)
                done = await submit_all(world, found, source, progress)
                console.print(f"{done} tenders submitted as RFIs.")

    with plain_errors():
        with_world(work)


def _read(file: Path, progress: Progress) -> Iterator[Any]:
    task = progress.add_task(f"Reading {file.name}", total=None)
    for release in read_releases(file):
        progress.advance(task)
        yield release


async def _import_partners(world: World, releases: Sequence[Any], progress: Progress) -> None:
    task = progress.add_task("Learning from awards", total=len(releases))
    partners, profiles = partners_from_releases(
        releases, world.regions.country, lambda done: progress.update(task, completed=done)
    )
    await store_partners(world, partners, profiles, progress, users=False)
    console.print(f"{len(partners)} suppliers became partners with {len(profiles)} business profiles.")


def ocds_rfis(world: World, releases: Iterable[Any], *, placeholder_contacts: bool) -> Iterator[FileRfi]:
    """The releases' tenders as RFIs ready to submit."""
    now = world.clock.now()
    for number, release in enumerate(releases, start=1):
        rfi = rfi_from_release(release, now, placeholder_contacts=placeholder_contacts)
        if rfi is not None:
            yield FileRfi(number, str(rfi["id"]), orjson.dumps(rfi))
