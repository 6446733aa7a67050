"""Does the whole chain lose or double anything, wherever it breaks? Thousands of histories, each healed and audited."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter, defaultdict
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.topics import Group, Topic
from services.adapters import wire
from services.audit.engagement import Engagement, check_engagement
from services.core.codes import RfiState, Status
from services.core.errors import DependencyUnavailable
from services.core.events import Event
from services.core.mail import JobState, MailKind, Role
from services.notifier.plan import wanted
from services.statistics.outcomes import TYPES, result_in
from tests.crash_world import ROOMS, CrashWorld, Killed, quickly
from tests.journeys import COMMANDS

#: Seeded histories in each of eight tests.
SEEDS = 100

GROUPS = {
    "intake": Group.INTAKE,
    "router": Group.ROUTER,
    "siblings": Group.ROUTER_ENGAGEMENTS,
    "next_best": Group.ROUTER_NEXT_BEST,
    "statistics": Group.STATISTICS,
    "notifier": Group.NOTIFIER,
    "webhooks": Group.WEBHOOKS,
}
#: What a submission differs in from a faultless one.
SUBMITTED: Mapping[str, dict[str, object]] = {
    "good": {},
    "next": {"consent__nextBest": True, "maxPartners": 1},
    "other": {"need__title": "Another thing under the same id"},
    "bad": {"channel": "pigeon"},
}
WAITS = (timedelta(seconds=4), timedelta(seconds=31), timedelta(hours=25), timedelta(hours=73), timedelta(days=15))


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """Thousands of outages need no words."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@dataclass(frozen=True)
class Fault:
    """What happens at a call: an outage or a kill, before the call's effect or after it."""

    after: bool
    kill: bool

    def error(self) -> BaseException:
        return Killed() if self.kill else DependencyUnavailable("engine")


@dataclass(frozen=True)
class History:
    """Steps by name and number, and the faults at calls counted from the beginning of the steps."""

    steps: Sequence[tuple[str, int]]
    faults: Mapping[int, Fault] = field(default_factory=dict)
    seed: int = 0


async def do(world: CrashWorld, name: str, number: int) -> None:
    """One step; what it names is drawn from NAMES."""
    match name.split(":"):
        case ["submit", *how]:
            await world.submit(number % 4, **SUBMITTED[how[0] if how else "good"])
        case ["wait"]:
            world.clock.advance(WAITS[number % len(WAITS)])
        case ["withdraw" | "choose" as what]:
            await world.decide(number, choose=what == "choose")
        case ["ask"]:
            await world.ask(number)
        case ["restart", room]:
            await world.restart(room)
        case ["lose-commit", room]:
            getattr(world, room).crash_before_commit = True
            await world.step(room)
        case ["again", room]:
            world.log.rewind(GROUPS[room])
        case ["overlap", room]:
            await world.overlap(room)
        case ["meanwhile", room]:
            asked = world.command(number, COMMANDS["accept"]) if room == "tick" else world.decide(number, choose=False)
            await asyncio.gather(world.step(room), later(number, asked))
        case ["partner", command]:
            await world.command(number, COMMANDS[command])
        case _:
            await world.step(name)


async def later(turns: int, work: Awaitable[None]) -> None:
    """Let others run so many turns first: every call of a twin is one."""
    for _ in range(turns):
        await asyncio.sleep(0)
    await work


async def unhealed(history: History) -> CrashWorld:
    """The world as the steps of the history leave it."""
    world = await CrashWorld(history.seed).begin()
    first = len(world.faults.calls)
    for number, fault in history.faults.items():
        world.faults.fail_call(first + number, fault.error(), after=fault.after)
    for name, number in history.steps:
        await do(world, name, number)
    return world


async def lived(history: History) -> CrashWorld:
    """The world after the history, healed."""
    world = await unhealed(history)
    await world.heal()
    return world


def expected_mails(event: Event) -> Sequence[tuple[MailKind, Role]]:
    return [(mail.kind, mail.role) for mail in wanted(event)]


def told(world: CrashWorld) -> list[Event]:
    """Every event, once, in the order of its first appearance in its partition."""
    topics = (Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS)
    return list({e.id: e for topic in topics for e in map(wire.event_of, world.log.records(topic))}.values())


def assert_whole(world: CrashWorld) -> None:
    """What the audit asks, and what only a world in memory lets one ask."""
    stores, copies = world.stores, Counter(e.job_id for e in world.mailer.kept.accepted)
    events: dict[str, list[Event]] = defaultdict(list)
    for event in told(world):
        events[event.rfi_id].append(event)
    for rfi in stores.rfis.stored.values():
        whole = Engagement(
            rfi=rfi,
            referrals=[r for r in stores.referrals.stored.values() if r.rfi_id == rfi.id],
            events=events[rfi.id],
            jobs=[job for job in stores.jobs.stored.values() if job.rfi_id == rfi.id],
            deliveries=copies,
        )
        assert list(check_engagement(whole, expected_mails)) == []
        if rfi.state is RfiState.WITHDRAWN:
            assert all(r.status is Status.CLOSED for r in whole.referrals)
    assert set(events) <= set(stores.rfis.stored)
    assert set(copies) <= set(stores.jobs.stored)
    assert not stores.dead_letters.stored
    assert_mails_once(world, copies)
    assert_in_order(world)
    assert_answers_kept(world)
    assert_outcomes_counted(world)
    assert_calls_once(world)


def assert_mails_once(world: CrashWorld, copies: Counter[str]) -> None:
    """One mail for each job that was sent, but where a sender never heard or noted the answer."""
    for job in world.stores.jobs.stored.values():
        if job.state is JobState.SENT and not job.cut_at_dot and not job.lost_leases:
            assert copies[job.id] == 1
        elif job.state is JobState.FAILED:
            assert job.cut_at_dot > 1
        else:
            assert job.state in {JobState.SENT, JobState.OBSOLETE}


def assert_in_order(world: CrashWorld) -> None:
    """First appearances of a document's events are in the order of its versions."""
    versions: dict[str, list[int]] = defaultdict(list)
    for event in told(world):
        versions[event.subject].append(event.sequence)
    assert all(found == sorted(found) for found in versions.values())


def assert_answers_kept(world: CrashWorld) -> None:
    """What a partner was told is done stays done."""
    for answered in world.answered:
        kept = world.stores.referrals.stored[answered.id].history
        assert kept[: len(answered.history)] == answered.history


def assert_outcomes_counted(world: CrashWorld) -> None:
    """Each profile's past has each outcome of its referrals once, and the routers were told the newest of it."""
    outcomes = Counter(
        str(event.facts["profileId"]) for event in told(world) if event.type in TYPES and result_in(event) is not None
    )
    pasts = world.stores.pasts.stored
    assert {id_: past.version for id_, past in pasts.items()} == outcomes
    newest: Counter[str] = Counter()
    for record in world.log.records(Topic.PARTNER_STATS):
        standing = wire.standing_of(record)
        newest[standing.profile_id] = max(newest[standing.profile_id], standing.version)
    assert newest == outcomes


def assert_calls_once(world: CrashWorld) -> None:
    """Each event of a referral is one call to each webhook of its partner; what came again came under the same id."""
    stored = world.stores.webhooks.stored
    hooks = world.stores.webhooks.hooks.values()
    events = [event for event in told(world) if event.subject == event.facts.get("referralId")]
    due = Counter((e.id, hook.id) for e in events for hook in hooks if hook.partner_id == e.facts["partnerId"])
    assert Counter((each.event_id, each.webhook_id) for each in stored.values()) == due
    posts = [(post.headers["webhook-id"], post.body) for post in world.caller.kept.arrived]
    arrived = Counter(id_ for id_, _ in posts)
    assert set(arrived) == set(stored)
    assert all(arrived[id_] <= each.attempts for id_, each in stored.items())
    assert len(set(posts)) == len(arrived), "one id says one thing"


#: One of everything: two RFIs, a duplicate, a bad one; answers, a withdrawal, a reminder, an expiry.
STORY: tuple[tuple[str, int], ...] = (
    *[("submit", 0), ("submit", 1), ("submit", 1), ("submit:bad", 2), ("submit:other", 1)],
    *[("intake", 0), ("router", 0), ("notifier", 0), ("send", 0), ("intake", 0), ("router", 0)],
    *[("partner:open", 0), ("partner:accept", 1), ("partner:decline", 4), ("withdraw", 0)],
    *[("siblings", 0), ("notifier", 0), ("send", 0), ("relay", 0), ("wait", 2)],
    *[("tick", 0), ("notifier", 0), ("send", 0), ("claim", 0), ("siblings", 0), ("wait", 4)],
    *[("tick", 0), ("notifier", 0), ("send", 0), ("statistics", 0), ("standings", 0), ("webhooks", 0), ("call", 0)],
)


def test_the_story_without_faults_is_whole() -> None:
    world = quickly(lived(History(STORY)))
    assert_whole(world)
    states = Counter(r.substatus.value for r in world.stores.referrals.stored.values())
    assert states.total() == 6
    assert {job.lost_leases for job in world.stores.jobs.stored.values()} == {0}
    assert Counter(job.state.value for job in world.stores.jobs.stored.values())["sent"] > 10
    assert {each.attempts for each in world.stores.webhooks.stored.values()} == {1}
    assert len(world.caller.kept.posts) > 5


def number_of_calls(steps: Sequence[tuple[str, int]]) -> int:
    """How many calls the steps make by themselves: what starts and heals the world makes more, and is not broken."""

    async def live() -> int:
        before = (await unhealed(History(()))).faults.calls
        return len((await unhealed(History(steps))).faults.calls) - len(before)

    return quickly(live())


def assert_whole_wherever_it_breaks(steps: Sequence[tuple[str, int]], fault: Fault) -> None:
    """Live the steps once for each call that they make, and break that one."""

    async def live(number: int) -> CrashWorld:
        world = await unhealed(History(steps, {number: fault}))
        assert not world.faults.to_come, f"nobody met the fault at call {number}"
        await world.heal()
        return world

    calls = number_of_calls(steps)
    assert calls > len(steps)
    for number in range(calls):
        assert_whole(quickly(live(number)))


@pytest.mark.slow
@pytest.mark.parametrize("kill", [False, True], ids=["outage", "kill"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_one_fault_at_any_call_of_the_story_loses_and_doubles_nothing(after: bool, kill: bool) -> None:
    assert_whole_wherever_it_breaks(STORY, Fault(after, kill))


#: More turns than any step takes.
TURNS = 24


#: An RFI that goes on from partner to partner: a decline, an expiry, and then nobody is left; one customer withdraws.
ONWARD: tuple[tuple[str, int], ...] = (
    *[
        ("submit:next", 0),
        ("submit:next", 1),
        *[("intake", 0), ("router", 0)] * 3,
        ("partner:decline", 0),
        ("partner:decline", 1),
    ],
    *[("wait", 2), ("tick", 0), ("next_best", 0), ("next_best", 0), ("notifier", 0), ("send", 0), ("wait", 4)],
    *[("wait", 2), ("tick", 0), ("next_best", 0), ("next_best", 0), ("notifier", 0), ("send", 0), ("wait", 4)],
    *[("withdraw", 0), ("tick", 0), ("next_best", 0), ("siblings", 0), ("notifier", 0), ("send", 0), ("wait", 4)],
    *[("tick", 0), ("next_best", 0), ("next_best", 0), ("notifier", 0), ("send", 0), ("relay", 0)],
)


def test_an_rfi_goes_on_from_partner_to_partner_until_nobody_is_left() -> None:
    world = quickly(lived(History(ONWARD)))
    assert_whole(world)
    rounds = [rfi.routing.rounds for rfi in world.stores.rfis.stored.values() if rfi.routing]
    assert sorted(len(each) for each in rounds) == [2, 3]
    assert {round_.because for each in rounds for round_ in each} == {None, "max_rounds"}
    kinds = Counter(job.kind for job in world.stores.jobs.stored.values() if job.state is JobState.SENT)
    assert kinds[MailKind.ASKED_ANOTHER] >= 2
    assert kinds[MailKind.NOBODY_LEFT] == 1
    assert not kinds[MailKind.EXPIRED_AT] + kinds[MailKind.DECLINED_BY]


@pytest.mark.slow
@pytest.mark.parametrize("kill", [False, True], ids=["outage", "kill"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_one_fault_at_any_call_on_the_way_from_partner_to_partner_changes_nothing(after: bool, kill: bool) -> None:
    assert_whole_wherever_it_breaks(ONWARD, Fault(after, kill))


#: The customer asks more partners: one that has it, others, one that is unknown; after a decline; then it withdraws.
WISHES: tuple[tuple[str, int], ...] = (
    *[("submit:next", 0), *[("intake", 0), ("router", 0)] * 2, ("ask", 0), ("ask", 1), ("siblings", 0), ("relay", 0)],
    *[("ask", 3), ("siblings", 0), ("notifier", 0), ("send", 0), ("partner:decline", 0), ("wait", 2), ("tick", 0)],
    *[("next_best", 0), ("ask", 2), ("siblings", 0), ("next_best", 0), ("notifier", 0), ("send", 0), ("wait", 4)],
    *[("tick", 0), ("ask", 6), ("withdraw", 0), ("siblings", 0), ("next_best", 0), ("notifier", 0), ("send", 0)],
)


def test_a_customer_asks_one_partner_after_the_other() -> None:
    world = quickly(lived(History(WISHES)))
    assert_whole(world)
    (rfi,) = world.stores.rfis.stored.values()
    assert rfi.routing is not None
    assert len(rfi.wishes) >= 2
    answers = {round_.cause: round_ for round_ in rfi.routing.rounds if round_.wanted}
    assert set(answers) == {wish.event_id for wish in rfi.wishes}
    assert {round_.because for round_ in answers.values()} == {None, "unknown_partner"}
    kinds = Counter(job.kind for job in world.stores.jobs.stored.values())
    assert kinds[MailKind.PARTNER_UNAVAILABLE] == 1


@pytest.mark.slow
@pytest.mark.parametrize("kill", [False, True], ids=["outage", "kill"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_one_fault_at_any_call_around_the_wishes_changes_nothing(after: bool, kill: bool) -> None:
    assert_whole_wherever_it_breaks(WISHES, Fault(after, kill))


@pytest.mark.parametrize("what", ["withdraw", "choose"])
def test_a_customer_decides_at_any_moment_of_the_next_offer(what: str) -> None:
    async def live(turns: int) -> CrashWorld:
        world = await CrashWorld(turns).begin()

        async def decision() -> None:
            await world.decide(0, choose=what == "choose")
            await world.step("siblings")

        await world.submit(0, **SUBMITTED["next"])
        for room in ("intake", "router"):
            await world.step(room)
        world.clock.advance(timedelta(days=15))
        await world.step("tick")
        await asyncio.gather(world.step("next_best"), later(turns, decision()))
        await world.heal()
        return world

    for turns in range(TURNS):
        assert_whole(quickly(live(turns)))


@pytest.mark.parametrize("what", ["withdraw", "choose"])
def test_a_customer_decides_at_any_moment_of_the_routing(what: str) -> None:
    async def live(turns: int) -> CrashWorld:
        world = await CrashWorld(turns).begin()

        async def decision() -> None:
            await world.decide(0, choose=what == "choose")
            # Before the referrals are stored it finds nothing to close, and nobody tells it again.
            await world.step("siblings")

        await world.submit(0)
        await world.step("intake")
        await asyncio.gather(world.step("router"), later(turns, decision()))
        await world.heal()
        return world

    for turns in range(TURNS):
        assert_whole(quickly(live(turns)))


def test_a_partner_accepts_at_any_moment_of_the_expiry() -> None:
    async def live(turns: int) -> CrashWorld:
        world = await CrashWorld(turns).begin()
        await world.submit(0)
        for room in ("intake", "router", "notifier", "send"):
            await world.step(room)
        world.clock.advance(timedelta(days=15))
        await asyncio.gather(world.step("tick"), later(turns, world.command(1, COMMANDS["accept"])))
        await world.heal()
        return world

    for turns in range(TURNS):
        assert_whole(quickly(live(turns)))


NAMES = (
    *ROOMS,
    *ROOMS,
    *(
        "submit",
        "submit:next",
        "submit:next",
        "submit:other",
        "submit:bad",
        "wait",
        "wait",
        "withdraw",
        "choose",
        "ask",
        "ask",
    ),
    *(f"partner:{command}" for command in COMMANDS),
    *(f"{what}:{room}" for what in ("lose-commit", "overlap", "again") for room in GROUPS),
    *(f"meanwhile:{room}" for room in ("router", "router", "siblings", "next_best", "notifier", "send", "tick")),
    *(f"restart:{room}" for room in ("notifier", "router", "tick")),
)

histories = st.builds(
    History,
    steps=st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 11)), max_size=40),
    faults=st.dictionaries(st.integers(0, 150), st.builds(Fault, st.booleans(), st.booleans()), max_size=6),
    seed=st.integers(0, 2**16),
)


@settings(max_examples=3 * settings().max_examples)
@given(history=histories)
def test_no_history_loses_or_doubles_anything(history: History) -> None:
    assert_whole(quickly(lived(history)))


def drawn(seed: int) -> History:
    """A long history that begins as the story does, so that there is something to break."""
    dice = random.Random(seed)
    steps = [(dice.choice(("submit", "submit:next")), n) for n in range(3)]
    for _ in range(dice.randint(1, 4)):
        steps += [(room, 0) for room in ("intake", "router", "notifier", "send")]
        steps += [(dice.choice(NAMES), dice.randrange(12)) for _ in range(dice.randint(1, 8))]
    faults = {dice.randrange(100): Fault(dice.random() < 0.5, dice.random() < 0.5) for _ in range(dice.randint(1, 5))}
    return History(steps, faults, seed)


@pytest.mark.slow
@pytest.mark.parametrize("block", range(8))
def test_no_seeded_history_loses_or_doubles_anything(block: int) -> None:
    for seed in range(block * SEEDS, (block + 1) * SEEDS):
        try:
            assert_whole(quickly(lived(drawn(seed))))
        except (AssertionError, ExceptionGroup) as error:
            raise AssertionError(f"history {seed}: {drawn(seed)}") from error
