"""The command `watch`: a live table of what happens, straight from Kafka."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import orjson
import typer
from rich.console import Group, RenderableType
from rich.live import Live

from schemas.envelope import CloudEvent, EnvelopeError, decode
from schemas.topics import Topic
from services.bootstrap import World
from services.cli.console import console, plain_errors, table
from services.cli.session import with_world
from services.core.ports import Record

TOPICS = (
    Topic.RFI_ACCEPTED,
    Topic.RFI_REFUSED,
    Topic.ENGAGEMENT_EVENTS,
    Topic.REFERRAL_EVENTS,
    Topic.PARTNER_PROFILES,
    Topic.DEAD_LETTERS,
)

#: Facts worth a column's place, in this order; events hold no personal data.
_TOLD = ("substatus", "reason", "flame", "because", "partnerId", "publisherId", "active", "country", "problems")

_TIME = "%Y-%m-%d %H:%M:%S"

Row = tuple[str, str, str, str]


def row_of(record: Record, names: Mapping[str, str]) -> Row:
    """A record as (time, type, subject, facts), partners by name; one that can't be read is shown as such."""
    try:
        read = decode(record.value, record.headers)
    except EnvelopeError:
        read = None
    at = record.timestamp
    if not isinstance(read, CloudEvent):
        return (f"{at:{_TIME}}", record.topic, record.where, "unreadable")
    facts = orjson.loads(read.data)
    kind = read.type.removeprefix("referrals.").removesuffix(".v1")
    return (f"{read.time or at:{_TIME}}", kind, read.subject or record.where, facts_of(facts, names))


def facts_of(facts: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """The telling facts of an event in one line."""
    told = [(k, facts[k]) for k in _TOLD if facts.get(k) not in (None, "", [])]
    return ", ".join(_fact(name, value, names) for name, value in told)


def _fact(name: str, value: Any, names: Mapping[str, str]) -> str:
    match name:
        case "problems":
            return f"{len(value)} problems: " + ", ".join(str(p.get("code")) for p in value[:4])
        case "partnerId":
            return names.get(value, str(value))
        case "substatus" | "reason" | "because":
            return str(value)
        case _:
            return f"{name} {value}"


class Board:
    """The newest events and how many of each type there were."""

    def __init__(self, lines: int, names: Mapping[str, str]) -> None:
        self.names = names
        self.rows: deque[Row] = deque(maxlen=lines)
        self.counts: Counter[str] = Counter()

    def take(self, records: Sequence[Record]) -> None:
        """Add records."""
        for record in records:
            row = row_of(record, self.names)
            self.rows.append(row)
            self.counts[row[1]] += 1

    def render(self) -> RenderableType:
        """Both tables."""
        events = table("Events (newest last; Ctrl-C ends)", ["at (UTC)", "what", "subject", "facts"], self.rows)
        return Group(events, table("Seen so far", ["what", "number#"], sorted(self.counts.items())))


def watch_command(
    all_: Annotated[bool, typer.Option("--all", help="From the beginning, not only what comes.")] = False,
    until: Annotated[int | None, typer.Option(help="End after this many events.")] = None,
    lines: Annotated[int, typer.Option("-n", min=1, max=200)] = 25,
) -> None:
    """Follow RFIs, referrals and profile changes as they happen."""

    async def work(world: World) -> None:
        board = Board(lines, {p.id: p.name for p in await world.stores.partners.all_partners()})
        with Live(board.render(), console=console, refresh_per_second=8) as live:
            async for records in world.follow(TOPICS, "beginning" if all_ else "end"):
                board.take(records)
                live.update(board.render())
                if until is not None and board.counts.total() >= until:
                    return

    with plain_errors():
        try:
            with_world(work)
        except KeyboardInterrupt:
            console.print("Ended.")
