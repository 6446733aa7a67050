"""Commands on RFIs: submit a file, list, show, withdraw, and what intake refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from schemas.topics import Topic
from services.adapters.importers.rfi_files import FileRfi, read_rfis
from services.bootstrap import World
from services.cli.console import console, plain_errors, table
from services.cli.reasons import all_said
from services.cli.session import with_world
from services.core.codes import RfiState
from services.core.engagement import ChoosePartner, WithdrawRfi
from services.core.errors import NotFound
from services.core.ports import Outgoing
from services.core.stores import Refusal
from services.intake.replay import replay

app = typer.Typer(help="RFIs: submit, list, show, withdraw; and refused ones.", no_args_is_help=True)

#: RFIs published together.
BATCH = 1000


def outgoing(rfi: FileRfi, source: str) -> Outgoing:
    """A line of a file as a plain JSON record whose header names the source."""
    headers = (("content-type", b"application/json"), ("x-referrals-source", source.encode()))
    return Outgoing(topic=Topic.RFI_SUBMITTED, key=rfi.key, value=rfi.value, headers=headers)


async def submit_all(world: World, rfis: Iterable[FileRfi], source: str, progress: Progress | None = None) -> int:
    """Publish the RFIs in batches; returns how many Kafka acknowledged."""
    task = progress.add_task("Publishing RFIs", total=None) if progress else None
    done = 0
    lines = iter(rfis)
    while batch := list(islice(lines, BATCH)):
        await world.publisher.publish([outgoing(rfi, source) for rfi in batch])
        done += len(batch)
        if progress and task is not None:
            progress.update(task, completed=done)
    return done


@app.command("submit")
def submit_command(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help=".json, .jsonl or .csv")],
    source: Annotated[str, typer.Option(help="Who submits; (source, id) makes an RFI idempotent.")] = "urn:cli",
    now: Annotated[bool, typer.Option(help="Replace @now and @now-PT3H in the file, as the samples need.")] = False,
) -> None:
    """Publish the RFIs of files on Kafka. Intake says what becomes of each: `referrals rfi list`, `rfi refused`."""

    async def work(world: World) -> None:
        with Progress(console=console, transient=True) as progress:
            for file in files:
                done = await submit_all(world, read_rfis(file, world.clock.now() if now else None), source, progress)
                console.print(f"{file.name}: {done} RFIs submitted.")

    with plain_errors():
        with_world(work)


@app.command("list")
def list_command(
    state: Annotated[RfiState | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option("-n", min=1, max=1000)] = 20,
) -> None:
    """The newest RFIs."""

    async def work(world: World) -> None:
        rows = [
            (r.id, r.state, len(r.routing.chosen) if r.routing else "", r.need.title, r.customer.place.country)
            for r in await world.stores.rfis.recent(limit, state)
        ]
        console.print(table("RFIs", ["id", "state", "partners#", "title", "country"], rows))

    with plain_errors():
        with_world(work)


@app.command("show")
def show_command(rfi_id: str) -> None:
    """One RFI: its need, its routing with reasons, its referrals. Without the customer's contact."""

    async def work(world: World) -> None:
        rfi = (await world.stores.rfis.load([rfi_id])).get(rfi_id)
        if rfi is None:
            raise NotFound(f"there is no RFI {rfi_id}; `referrals rfi list` shows the newest")
        console.print(table(f"RFI {rfi.id}", ["what", ""], _facts(rfi)))
        if rfi.routing:
            rows = [
                (c.partner_id, c.round, f"{c.score:.3f}", "picked" if c.picked else "matched", all_said(c.reasons))
                for c in rfi.routing.chosen
            ]
            console.print(table("Sent to", ["partner", "round#", "score#", "how", "why"], rows))
            missed = [(s.partner_id, f"{s.score:.3f}", s.because) for s in rfi.routing.near_misses]
            console.print(table("Near misses", ["partner", "score#", "because"], missed))
        found = (await world.stores.referrals.of_rfis([rfi_id])).get(rfi_id, [])
        told = [(r.id, r.partner_id, r.status.value, r.substatus.value, str(r.expires_at or "")) for r in found]
        console.print(table("Referrals", ["id", "partner", "status", "substatus", "expires"], told))

    with plain_errors():
        with_world(work)


def _facts(rfi: object) -> list[tuple[str, object]]:
    from services.core.rfi import Rfi

    assert isinstance(rfi, Rfi)  # noqa: S101 - narrows the type
    return [
        ("state", rfi.state),
        ("source", rfi.source),
        ("publisher's id", rfi.publisher_id),
        ("channel", rfi.channel),
        ("company", rfi.customer.company),
        (
            "place",
            " / ".join(p for p in (rfi.need.place.country, rfi.need.place.subdivision, rfi.need.place.city) if p),
        ),
        ("title", rfi.need.title),
        ("keywords", ", ".join(rfi.need.keywords)),
        ("must offer", ", ".join(rfi.need.must_offer)),
        ("must offer one of", ", ".join(rfi.need.must_offer_one_of)),
        ("must not offer", ", ".join(rfi.need.must_not_offer)),
        ("within", f"{rfi.need.within_km} km" if rfi.need.within_km else None),
        ("not to be asked", ", ".join(rfi.excluded_partners)),
        ("accepted", rfi.accepted_at.isoformat()),
        ("no match because", rfi.routing.no_match_because if rfi.routing else None),
    ]


@app.command("withdraw")
def withdraw_command(rfi_id: str) -> None:
    """Withdraw an RFI on the customer's behalf: its open referrals close and the partners are told."""

    async def work(world: World) -> None:
        rfi = await world.commands.execute_rfi(rfi_id, WithdrawRfi(by="operator:cli"))
        console.print(f"RFI {rfi.id} is {rfi.state}.")

    with plain_errors():
        with_world(work)


@app.command("choose")
def choose_command(rfi_id: str, partner_id: str) -> None:
    """Note that the customer chose a partner: the other referrals close."""

    async def work(world: World) -> None:
        rfi = await world.commands.execute_rfi(rfi_id, ChoosePartner(by="operator:cli", partner_id=partner_id))
        console.print(f"RFI {rfi.id} is {rfi.state}.")

    with plain_errors():
        with_world(work)


@app.command("refused")
def refused_command(
    code: Annotated[str | None, typer.Option(help="Only those with this problem.")] = None,
    limit: Annotated[int, typer.Option("-n", min=1, max=1000)] = 20,
) -> None:
    """What intake refused, newest first, with every problem."""

    async def work(world: World) -> None:
        found = await world.stores.refusals.listed(limit, code)
        rows = [(r.id, r.publisher_id, _words(r), "yes" if r.replayed_at else "") for r in found]
        title = f"Refused RFIs ({await world.stores.refusals.count()} in all)"
        console.print(table(title, ["id", "publisher's id", "problems", "replayed"], rows))

    with plain_errors():
        with_world(work)


def _words(refusal: Refusal) -> str:
    return "\n".join(f"{p.field or '/'}: {p.message}" for p in refusal.problems)


async def _refusal(world: World, refusal_id: str) -> Refusal:
    found = (await world.stores.refusals.load([refusal_id])).get(refusal_id)
    if found is None:
        raise NotFound(f"there is no refusal {refusal_id}; `referrals rfi refused` lists them")
    return found


@app.command("refusal")
def refusal_command(
    refusal_id: str, original: Annotated[bool, typer.Option(help="Print the original bytes and nothing else.")] = False
) -> None:
    """One refused RFI: every problem; --original prints what was sent (it holds personal data)."""

    async def work(world: World) -> None:
        refusal = await _refusal(world, refusal_id)
        if original:
            typer.echo((refusal.record.value or b"").decode("utf-8", "replace"))
            return
        rows = [(p.field or "/", p.code, p.message) for p in refusal.problems]
        console.print(table(f"Refusal {refusal.id} of {refusal.record.where}", ["field", "code", "what to do"], rows))
        counts = Counter(p.code for p in refusal.problems)
        console.print(f"{counts.total()} problems. Mend it, then: referrals rfi replay {refusal.id} --with FILE")

    with plain_errors():
        with_world(work)


@app.command("replay")
def replay_command(
    refusal_id: str,
    mended: Annotated[
        Path | None, typer.Option("--with", exists=True, dir_okay=False, help="The mended RFI; else the original.")
    ] = None,
) -> None:
    """Submit a refused RFI again, mended or as it was (after a fix of ours). Doing it twice makes no second RFI."""

    async def work(world: World) -> None:
        refusal = await _refusal(world, refusal_id)
        await world.publisher.publish([replay(refusal, mended.read_bytes() if mended else None)])
        await world.stores.refusals.mark_replayed(refusal.id, world.clock.now())
        console.print("Submitted again. `referrals rfi list` or `referrals rfi refused` shows what became of it.")

    with plain_errors():
        with_world(work)
