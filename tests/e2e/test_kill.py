# ruff: noqa: E402 - rewriting comes before importing
"""Does anything get lost or doubled when processes and engines are killed in the middle of their work?

One running exchange with several instances. All samples go through it first, while each consumer is killed in their
middle; then come what its instances do together, collected here from its module, and cases that send a part of the
samples each under a source of its own. Each kill strikes upon an effect that is seen in the store while half of what
the case sends is still to come. The audit then goes through everything there is.
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
from services.engines.supervisor import UP_S, status
from services.notifier.sender import SenderLimits

pytest.register_assert_rewrite("tests.e2e.scaled")

from tests.e2e import scaled
from tests.e2e.exchange import SAMPLES, Exchange, changes, eventually, running_exchange, seen_beyond

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CONSUMERS = ("intake", "router", "notifier", "expirer")
ENGINES = ("kafka", "mongo", "mail")

#: How many effects of some kind there are by now.
Effects = Callable[[Exchange, World], Awaitable[int]]


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    # Mails in the hands of a killed sender wait for the end of its leases: shorter ones than in production.
    settings = {"REFERRALS_MAIL_LEASE_S": "8"}
    folder = tmp_path_factory.mktemp("killed")
    with running_exchange(folder, instances=scaled.INSTANCES, settings=settings) as running:
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


#: Each with a part of the samples that no other has.
CASES = [
    Case("kafka", rfis, ("kafka",)),
    Case("mongod", referrals, ("mongo",)),
    Case("mail-catcher", caught, ("mail",)),
    Case("all-consumers-twice", jobs, CONSUMERS, times=2),
    Case("everything-twice", referrals, (*ENGINES, *CONSUMERS), times=2),
]

#: Who is killed upon which effect of a quarter of all samples; the last quarter comes when all are back.
EACH_CONSUMER: tuple[tuple[str, Effects], ...] = (("intake", rfis), ("router", referrals), ("notifier", caught))


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


def kill(exchange: Exchange, victims: Sequence[str]) -> dict[str, int]:
    """Kill all instances of the victims; returns how often each will have been restarted when they are back."""
    expected = {victim: exchange.restarts(victim) + len(exchange.pids(victim)) for victim in victims}
    for victim in victims:
        exchange.kill(victim)
    return expected


def back_again(exchange: Exchange, expected: dict[str, int]) -> None:
    """Wait until all victims were restarted and everything serves."""

    def back() -> bool:
        return all(exchange.restarts(v) >= n for v, n in expected.items()) and status(exchange.home).ready

    # As long as a start of them all may take.
    eventually(back, f"{', '.join(expected)} are back", within_s=UP_S)


def send_and_kill(
    exchange: Exchange, lines: Sequence[FileRfi], source: str, effects: Effects, victims: Sequence[str]
) -> None:
    """Publish, kill upon the first effect of that, and wait until all is back."""

    async def work(world: World) -> dict[str, int]:
        number = await effects(exchange, world)
        await submit_surely(world, lines, source)
        await seen_beyond(lambda: effects(exchange, world), number)
        return kill(exchange, victims)

    back_again(exchange, exchange.run(work))


def assert_whole(exchange: Exchange) -> int:
    """Nothing missing, nothing doubled; a mail that came again is one whose sender died with it in its hands.

    Returns how many came again.
    """
    eventually(lambda: exchange.run(retried), "no mail waits for a retry")
    report = exchange.audit()
    assert report.clean, report.findings[:10]
    again = report.counts["mails that arrived again (foreseen)"]
    assert report.counts["mails delivered"] == report.counts["mails sent"] + again
    # Two workers, each of which may have had so many under way or not noted, for each of the kills.
    assert again <= 2 * SenderLimits().noted * exchange.restarts("notifier")
    return again


def number_accepted_of(lines: Sequence[FileRfi]) -> int:
    """How many different RFIs of these samples are to be accepted."""
    expected = orjson.loads((SAMPLES / "expected.json").read_bytes())
    ids = [line.key for line in lines]
    again = {line.line for number, line in enumerate(lines) if line.key in ids[:number]}
    refused = {found["line"]: {problem["code"] for problem in found["problems"]} for found in expected["refused"]}
    # An id that is used again is so only where the first one is among these.
    bad = {line for line, codes in refused.items() if codes != {"id_reused"} or line in again}
    repeated = again & {found["line"] for found in expected["duplicates"]}
    return len({line.line for line in lines} - bad - repeated)


def number_of(exchange: Exchange, source: str) -> int:
    return exchange.run(lambda world: world.mongo.collection(RFIS).count({"source": source}, hint="_id_"))


@pytest.fixture(scope="module")
def again(exchange: Exchange) -> int:
    """All samples have gone through while each consumer was killed in their middle; how many mails came again."""
    lines, source = exchange.sample_rfis(), "urn:killed:each-consumer"
    quarter = len(lines) // (len(EACH_CONSUMER) + 1)
    for number, (victim, effects) in enumerate(EACH_CONSUMER):
        send_and_kill(exchange, lines[number * quarter :][:quarter], source, effects, [victim])
    exchange.submit(lines[len(EACH_CONSUMER) * quarter :], source)
    exchange.quiet()
    assert number_of(exchange, source) == number_accepted_of(lines)
    return assert_whole(exchange)


def test_a_kill_of_each_consumer_in_the_middle_of_the_samples_loses_and_doubles_nothing(
    exchange: Exchange, again: int
) -> None:
    assert all(exchange.restarts(consumer) for consumer, _ in EACH_CONSUMER)
    assert again == len(exchange.mails()) - len({mail.job for mail in exchange.mails()})


#: As if their tests stood here, in their order.
globals().update({name: each for name, each in vars(scaled).items() if name.startswith("test_")})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_kill_in_the_middle_of_samples_loses_and_doubles_nothing(exchange: Exchange, case: Case) -> None:
    share = len(exchange.sample_rfis()) // len(CASES)
    lines = exchange.sample_rfis()[CASES.index(case) * share :][:share]
    half, source = len(lines) // 2, f"urn:killed:{case.name}"
    send_and_kill(exchange, lines[:half], source, case.effects, case.victims)
    if case.times > 1:
        send_and_kill(exchange, lines[half:], source, case.effects, case.victims)
    else:
        exchange.run(lambda world: submit_surely(world, lines[half:], source))
    exchange.quiet()
    assert number_of(exchange, source) == number_accepted_of(lines)
    assert_whole(exchange)


def test_a_kill_in_the_middle_of_reminders_and_of_expiries_sends_each_once(exchange: Exchange) -> None:
    for by in (timedelta(hours=25), timedelta(days=14)):

        async def time_passes(world: World, by: timedelta = by) -> dict[str, int]:
            number = await changes(world)
            await advance(world, by)
            await seen_beyond(lambda: changes(world), number)
            return kill(exchange, ["expirer"])

        back_again(exchange, exchange.run(time_passes))
        exchange.quiet()
    assert_whole(exchange)
