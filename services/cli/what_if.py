"""Commands on the rules of matching: try them on past requests, publish them, see which hold."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.progress import Progress

from services.adapters.regions import parent_of
from services.bootstrap import World
from services.cli.console import console, plain_errors, table
from services.cli.match import rules_in_force
from services.cli.session import with_world
from services.core.errors import CommandInvalid, Problem
from services.core.rules import PublishedRules, Rules, differences
from services.matching.reference import ReferenceMatcher
from services.matching.replay import Case, Quality, Replay, Replayed, Trial
from services.matching.rules_file import read_rules, write_rules

#: Its commands stand in the group `match`.
app = typer.Typer()

#: Partners named as gaining most, and as losing most.
SHIFTS_SHOWN = 10

RulesFile = Annotated[
    Path, typer.Option("--rules", exists=True, dir_okay=False, help="YAML; `match rules` writes one.")
]


class _NothingOpen:
    """A capacity view for trials: nobody has anything open."""

    def open_count(self, profile_id: str) -> int:  # noqa: ARG002 - the port's signature
        """None."""
        return 0


@app.command("replay")
def replay_command(
    rules: RulesFile,
    since: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Requests accepted from this day on, UTC.")],
    learn_since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Earlier requests that only teach begin here.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Requests at most, the newest.")] = 10_000,
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """What other rules would have made of past requests: who gains, who loses, where the winners would have stood."""

    async def work(world: World) -> None:
        before, after = await rules_in_force(world), read_rules(rules.read_text("utf-8"))
        begin, teach = since.replace(tzinfo=UTC), (learn_since or since).replace(tzinfo=UTC)
        cases = await _cases(world, min(begin, teach), limit)
        trials = await _trial(world, before), await _trial(world, after)
        replay = Replay(*trials, now=world.clock.now(), since=begin)
        with Progress(console=console, transient=True, disable=json) as progress:
            task = progress.add_task("Requests", total=len(cases))
            for done in replay.run(cases):
                progress.update(task, completed=done)
        names = {p.id: p.name for p in await world.stores.partners.all_partners()}
        if json:
            print(orjson.dumps(_as_json(before, after, replay.replayed, names)).decode())  # noqa: T201 - for programs
        else:
            _show(before, after, replay.replayed, names)

    with plain_errors():
        with_world(work)


async def _cases(world: World, since: datetime, limit: int) -> list[Case]:
    rfis = [rfi for rfi in await world.stores.rfis.recent(limit, since=since) if rfi.routing and not rfi.erased_at]
    referrals = await world.stores.referrals.of_rfis([rfi.id for rfi in rfis])
    return [Case(rfi, referrals.get(rfi.id, [])) for rfi in rfis]


async def _trial(world: World, rules: Rules) -> Trial:
    matcher = ReferenceMatcher(_NothingOpen(), parent_of, rules=rules)
    for profile in await world.stores.partners.all_profiles():
        matcher.put(profile)
    return Trial(rules, matcher)


def _as_json(before: Rules, after: Rules, found: Replayed, names: Mapping[str, str]) -> dict[str, object]:
    def quality(what: str) -> dict[str, object]:
        return {side: getattr(getattr(found, side), what).figures() for side in ("before", "after")}

    return {
        "rules": {"before": before.version, "after": after.version},
        "differences": {name: list(pair) for name, pair in differences(before, after).items()},
        "requests": found.rfis,
        "changed": found.changed,
        "nobody": {"before": found.before.nobody, "after": found.after.nobody},
        **{what: quality(what) for what in ("won", "accepted", "dropped_out")},
        "partners": [
            {"id": id_, "name": names.get(id_, id_), "before": old, "after": new} for id_, old, new in found.shifts()
        ],
    }


def _show(before: Rules, after: Rules, found: Replayed, names: Mapping[str, str]) -> None:
    changes = [(name, old, new) for name, (old, new) in differences(before, after).items()]
    console.print(table("Rules", ["rule", f"{before.version}", f"{after.version}"], changes))
    rows: list[tuple[object, ...]] = [
        ("requests replayed", found.rfis, found.rfis),
        ("for other partners than before", "", found.changed),
        ("for nobody", found.before.nobody, found.after.nobody),
    ]
    for what, words in (("won", "winners"), ("accepted", "who accepted"), ("dropped_out", "who dropped out")):
        rows += _quality_rows(words, getattr(found.before, what), getattr(found.after, what))
    console.print(table("What they would have made of them", ["what", "before#", "after#"], rows))
    console.print("A partner can only have won what it was asked for, which favours the rules that held then.")
    shifts = found.shifts()
    shown = [*shifts[:SHIFTS_SHOWN], *[row for row in shifts[-SHIFTS_SHOWN:] if row not in shifts[:SHIFTS_SHOWN]]]
    rows = [(names.get(id_, id_), old, new, f"{new - old:+d}") for id_, old, new in shown]
    console.print(table("Who gains and who loses most", ["partner", "before#", "after#", "change#"], rows))


def _quality_rows(words: str, before: Quality, after: Quality) -> list[tuple[object, ...]]:
    old, new = before.figures(), after.figures()
    return [
        (f"{words}: how many", old["tests"], new["tests"]),
        (f"{words}: share in the first place", f"{old['first']:.3f}", f"{new['first']:.3f}"),
        (f"{words}: share among the chosen", f"{old['chosen']:.3f}", f"{new['chosen']:.3f}"),
        (f"{words}: mean of 1/place", f"{old['mrr']:.3f}", f"{new['mrr']:.3f}"),
    ]


@app.command("publish")
def publish_command(rules: RulesFile) -> None:
    """Let rules hold from now on. Routers take them up by a restart of their own within seconds."""

    async def work(world: World) -> None:
        asked = read_rules(rules.read_text("utf-8"))
        published = PublishedRules(
            id=asked.version, rules=asked, by=f"operator:{getpass.getuser()}", at=world.clock.now()
        )
        stored = await world.stores.rules.publish(published)
        if stored.rules != asked:
            words = f"{asked.version} was published on {stored.at:%Y-%m-%d} with other numbers; name a new version"
            raise CommandInvalid([Problem("/version", "taken", words)])
        console.print(f"{asked.version} holds from now on.")

    with plain_errors():
        with_world(work)


@app.command("rules")
def rules_command(
    listed: Annotated[bool, typer.Option("--list", help="The published versions instead.")] = False,
) -> None:
    """The rules that hold, as a file to change: `referrals match rules > new.yaml`."""

    async def work(world: World) -> None:
        if not listed:
            print(write_rules(await rules_in_force(world)), end="")  # noqa: T201 - a file
            return
        holding = await world.stores.rules.current()
        rows = [
            (each.id, f"{each.at:%Y-%m-%d %H:%M}", each.by, "holds" if holding and holding.id == each.id else "")
            for each in await world.stores.rules.listed(50)
        ]
        console.print(table("Published rules", ["version", "at (UTC)", "by", ""], rows))

    with plain_errors():
        with_world(work)
