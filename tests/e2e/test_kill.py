"""Does anything get lost or doubled when processes and engines are killed in the middle of their work?

Every case sends the samples through one running exchange under a source of its own, and kills upon an effect that is
seen in the store while half of the samples is still to come. The audit then goes through everything there is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import orjson
import pytest

from services.adapters.importers.rfi_files import FileRfi
from services.adapters.mongo.indexes import REFERRALS, RFIS
from services.bootstrap import World
from services.cli.clock import advance
from services.cli.demo.script import quiet
from services.cli.rfi import submit_all
from services.core.errors import DependencyUnavailable
from services.engines.bundled.spool import MailSpool
from services.engines.supervisor import status
from services.notifier.sender import SenderLimits
from tests.e2e.exchange import SAMPLES, Exchange, changes, eventually, running_exchange, seen_beyond

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CONSUMERS = ("intake", "router", "notifier", "expirer")
ENGINES = ("kafka", "mongo", "mail")

#: How many effects of some kind there are by now.
Effects = Callable[[Exchange, World], Awaitable[int]]


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    # Mails in the hands of a killed sender wait for the end of its leases: shorter ones than in production.
    with running_exchange(tmp_path_factory.mktemp("killed"), settings={"REFERRALS_MAIL_LEASE_S": "8"}) as running:
        yield running


async def rfis(_: Exchange, world: World) -> int:
    return await world.mongo.collection(RFIS).count({}, hint="_id_")


async def referrals(_: Exchange, world: World) -> int:
    return await world.mongo.collection(REFERRALS).count({}, hint="_id_")


async def jobs(_: Exchange, world: World) -> int:
    return sum((await world.stores.jobs.counts()).values())


async def caught(exchange: Exchange, _: World) -> int:
    """Mails that have arrived, whether or not their senders have noted that."""
    return await asyncio.to_thread(MailSpool(exchange.home.mail).count)


@dataclass(frozen=True)
class Case:
    name: str
    effects: Effects
    victims: tuple[str, ...]
    times: int = 1
    lines: int = 400


CASES = [
    Case("intake", rfis, ("intake",)),
    Case("router", referrals, ("router",)),
    Case("notifier", caught, ("notifier",)),
    Case("kafka", rfis, ("kafka",), lines=200),
    Case("mongod", referrals, ("mongo",), lines=200),
    Case("mail-catcher", caught, ("mail",), lines=200),
    Case("all-consumers-twice", jobs, CONSUMERS, times=2, lines=200),
    Case("everything-twice", referrals, (*ENGINES, *CONSUMERS), times=2, lines=200),
]


async def submit_surely(world: World, lines: Sequence[FileRfi], source: str) -> None:
    """Publish, again and again while Kafka is away, as a publisher would."""
    async with asyncio.timeout(60):
        while True:
            try:
                await submit_all(world, lines, source)
            except DependencyUnavailable:
                continue
            return


async def retried(world: World) -> bool:
    """Let the time come for mails that wait for a retry; true when none does."""
    if await world.stores.jobs.next_due() is None:
        return True
    await advance(world, timedelta(minutes=5))
    await quiet(world)
    return False


def kill(exchange: Exchange, victims: Sequence[str]) -> None:
    for victim in victims:
        exchange.kill(victim)


def killed_and_back(exchange: Exchange, victims: Sequence[str], before: dict[str, int]) -> None:
    """Wait until all victims were restarted and everything serves."""

    def back() -> bool:
        return all(exchange.restarts(v) > before[v] for v in victims) and status(exchange.home).ready

    eventually(back, f"{', '.join(victims)} are back", within_s=90)


def assert_whole(exchange: Exchange) -> None:
    """Nothing missing, nothing doubled; a mail that came again is one whose sender died with it in its hands."""
    eventually(lambda: exchange.run(retried), "no mail waits for a retry")
    report = exchange.audit()
    assert report.clean, report.findings[:10]
    again = report.counts["mails that arrived again (foreseen)"]
    assert report.counts["mails delivered"] == report.counts["mails sent"] + again
    # Two workers, each of which may have had so many under way or not noted, for each of the kills.
    assert again <= 2 * SenderLimits().noted * exchange.restarts("notifier")


def source_of(case: Case) -> str:
    return f"urn:killed:{case.name}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_kill_in_the_middle_of_the_samples_loses_and_doubles_nothing(exchange: Exchange, case: Case) -> None:
    lines = exchange.sample_rfis()[: case.lines]
    half, source = len(lines) // 2, source_of(case)
    before = {victim: exchange.restarts(victim) for victim in case.victims}

    async def first_half(world: World) -> None:
        number = await case.effects(exchange, world)
        await submit_surely(world, lines[:half], source)
        await seen_beyond(lambda: case.effects(exchange, world), number)
        kill(exchange, case.victims)

    exchange.run(first_half)
    killed_and_back(exchange, case.victims, before)

    async def second_half(world: World) -> None:
        number = await case.effects(exchange, world)
        await submit_surely(world, lines[half:], source)
        if case.times > 1:
            await seen_beyond(lambda: case.effects(exchange, world), number)
            kill(exchange, case.victims)

    between = {victim: exchange.restarts(victim) for victim in case.victims}
    exchange.run(second_half)
    if case.times > 1:
        killed_and_back(exchange, case.victims, between)
    exchange.quiet()
    assert number_of(exchange, source) == number_accepted_of(lines)
    assert_whole(exchange)


def number_accepted_of(lines: Sequence[FileRfi]) -> int:
    """How many different RFIs of the samples are to be accepted."""
    expected = orjson.loads((SAMPLES / "expected.json").read_bytes())
    others = {found["line"] for kind in ("refused", "duplicates") for found in expected[kind]}
    return sum(line.line not in others for line in lines)


def number_of(exchange: Exchange, source: str) -> int:
    return exchange.run(lambda world: world.mongo.collection(RFIS).count({"source": source}, hint="_id_"))


def test_a_kill_in_the_middle_of_reminders_and_of_expiries_sends_each_once(exchange: Exchange) -> None:
    for by in (timedelta(hours=25), timedelta(days=14)):
        before = {"expirer": exchange.restarts("expirer")}

        async def time_passes(world: World, by: timedelta = by) -> None:
            number = await changes(world)
            await advance(world, by)
            await seen_beyond(lambda: changes(world), number)
            kill(exchange, ["expirer"])

        exchange.run(time_passes)
        killed_and_back(exchange, ["expirer"], before)
        exchange.quiet()
    assert_whole(exchange)
