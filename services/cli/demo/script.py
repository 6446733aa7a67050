"""The story that the demo plays: partners and RFIs come in, some partners answer, fourteen days pass."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from services.adapters.importers.partners_csv import parse_partners
from services.adapters.importers.rfi_files import read_rfis
from services.bootstrap import World
from services.cli.clock import advance
from services.cli.importing import store_partners
from services.cli.rfi import submit_all
from services.core.codes import CloseReason, PolicyName, RfiState, Status, Timeframe
from services.core.commands import Accept, Command, Decline, Open, ShowInterest, Undo
from services.core.engagement import ChoosePartner, WithdrawRfi
from services.core.errors import Refused
from services.core.referral import Referral
from services.core.rfi import Money

#: Source of the sample RFIs.
SOURCE = "urn:samples"

#: How long the numbers of what is left may stand still before we say that it does not end, seconds.
PATIENCE_S = 60.0

#: Pause between two looks, seconds; it grows while much is left, because looking takes the engines' time too.
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 0.4

#: Partners who answer at the same time.
AT_A_TIME = 16

Tell = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Chapter:
    """One step of the story: what it is called and what it does; its answer is told when it is done."""

    title: str
    play: Callable[[World], Awaitable[str]]


class WorkLeftError(Exception):
    """Work is left that does not get done; the message says which."""


def chapters(samples: Path) -> list[Chapter]:
    """The whole story, in order."""
    return [
        Chapter("Partners join with their business profiles", lambda w: _partners(w, samples / "partners.csv")),
        Chapter("Publishers send RFIs over Kafka", lambda w: _rfis(w, samples / "rfis.jsonl")),
        Chapter("Intake checks, the router asks partners, mails go out", quiet),
        Chapter("Some partners open, accept, decline, undo", _answers),
        Chapter("Some customers withdraw, or choose a partner", _decisions),
        Chapter("The undo window passes: customers hear of answers", _later(timedelta(minutes=6))),
        Chapter("24 hours later: reminders", _later(timedelta(hours=24))),
        Chapter("72 hours: flames change, classic offers lapse", _later(timedelta(hours=48, minutes=1))),
        Chapter("12 days: the last warning", _later(timedelta(days=9, minutes=1))),
        Chapter("14 days: what nobody answered expires", _later(timedelta(days=2, minutes=1))),
    ]


async def _partners(world: World, file: Path) -> str:
    partners, profiles = parse_partners(await asyncio.to_thread(file.read_text, "utf-8"), world.place)
    await store_partners(world, partners, profiles)
    countries = {profile.country for profile in profiles}
    return f"{len(partners)} partners, {len(profiles)} business profiles in {len(countries)} countries"


async def _rfis(world: World, file: Path) -> str:
    number = await submit_all(world, read_rfis(file, world.clock.now()), SOURCE)
    return f"{number} records submitted"


async def quiet(world: World) -> str:
    """Wait until nothing is left to do now, however long that takes while it gets done.

    Raises:
        WorkLeftError: nothing has moved for PATIENCE_S; says what is left.
    """
    await until_nothing_is_left(world.quiet.pending, PATIENCE_S)
    return await _mails(world)


async def until_nothing_is_left(pending: Callable[[], Awaitable[dict[str, int]]], patience_s: float) -> None:
    """Ask what is left, by name, until it is nothing.

    Raises:
        WorkLeftError: the same is left for `patience_s` seconds.
    """
    loop = asyncio.get_running_loop()
    before: dict[str, int] | None = None
    moved, pause_s, calm = loop.time(), SHORTEST_PAUSE_S, 0
    while True:
        left = await pending()
        # Twice in a row: what was between two places at the first look is met at the second.
        calm = 0 if left else calm + 1
        if calm == 2:  # noqa: PLR2004 - see above
            return
        if left != before:
            before, moved = left, loop.time()
        elif loop.time() - moved > patience_s:
            words = ", ".join(f"{number} {name}" for name, number in left.items())
            raise WorkLeftError(f"still to do, and nothing moved for {patience_s:.0f} s: {words}; see `referrals logs`")
        await asyncio.sleep(pause_s if left else SHORTEST_PAUSE_S)
        pause_s = min(LONGEST_PAUSE_S, pause_s * 1.2)


async def _mails(world: World) -> str:
    counts = await world.stores.jobs.counts()
    sent = sum(number for (_, _, state), number in counts.items() if state == "sent")
    return f"{sent} mails so far"


def _later(by: timedelta) -> Callable[[World], Awaitable[str]]:
    async def play(world: World) -> str:
        await advance(world, by)
        await quiet(world)
        return f"it is {world.clock.now():%d %B, %H:%M} UTC; {await _mails(world)}"

    return play


async def _answers(world: World) -> str:
    """Every eighth referral is accepted, every ninth declined (some in error), every third of the rest opened."""
    found = await world.stores.referrals.listed(status=Status.NEW, limit=1000)
    done = {"accepted": 0, "declined": 0, "undone": 0, "opened": 0}
    others = asyncio.Semaphore(AT_A_TIME)

    async def answer(number: int, referral: Referral) -> None:
        async with others:
            for command in _answer(number, referral):
                try:
                    await world.commands.execute(referral.id, command)
                except Refused:
                    break
                done[_VERBS.get(type(command), "opened")] += 1

    await asyncio.gather(*(answer(*each) for each in enumerate(sorted(found, key=lambda r: r.id))))
    await quiet(world)
    return ", ".join(f"{number} {verb}" for verb, number in done.items())


_VERBS: dict[type[Command], str] = {Accept: "accepted", Decline: "declined", Undo: "undone"}


async def _decisions(world: World) -> str:
    """Every fortieth customer withdraws the request, every fiftieth tells which partner it chose."""
    rfis = await world.stores.rfis.recent(1000, RfiState.ROUTED)
    done = {"withdrew": 0, "chose": 0}
    for number, rfi in enumerate(sorted(rfis, key=lambda r: r.id)):
        if number % 40 == 0:
            await world.commands.execute_rfi(rfi.id, WithdrawRfi(by="customer"))
            done["withdrew"] += 1
        elif number % 50 == 1 and rfi.routing:
            partner = rfi.routing.chosen[0].partner_id
            await world.commands.execute_rfi(rfi.id, ChoosePartner(by="customer", partner_id=partner))
            done["chose"] += 1
    await quiet(world)
    return ", ".join(f"{number} {verb}" for verb, number in done.items())


def _answer(number: int, referral: Referral) -> list[Command]:
    by = "partner:demo"
    if number % 8 == 0:
        interest: list[Command] = [ShowInterest(by=by)] if referral.policy is PolicyName.CLASSIC else []
        value = Money(amount=Decimal(5000 + 250 * (number % 40)), currency="EUR")
        accept = Accept(
            by=by, engagement_name=referral.title[:80], deal_value=value, timeframe=Timeframe.WITHIN_60_DAYS
        )
        return [*interest, accept]
    if number % 9 == 0:
        reasons = (CloseReason.NO_CAPACITY, CloseReason.OUTSIDE_SKILLS, CloseReason.BUDGET)
        undo: list[Command] = [Undo(by=by)] if number % 36 == 0 else []
        return [Decline(by=by, reason=reasons[number // 9 % len(reasons)]), *undo]
    return [Open(by=by)] if number % 3 == 0 else []
