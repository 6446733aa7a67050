"""Webhooks over twins: what is told to whom, when it is tried again, and what a crash at any call does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Signer

from schemas.topics import Topic
from services.adapters import wire
from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.kafka import MemoryLog, MemoryPublisher
from services.adapters.memory.stores import MemoryStores
from services.adapters.memory.webhook_caller import MemoryWebhookCaller
from services.core.creation import created_event
from services.core.errors import DependencyUnavailable
from services.core.events import Event
from services.core.webhooks import (
    LONGEST_PAUSE,
    PAUSE,
    SCHEDULE,
    Answer,
    DeliveryState,
    HookEvent,
    Webhook,
    WebhookDelivery,
    wait,
)
from services.webhooks.app import WebhookPorts, Webhooks, build
from services.webhooks.sender import SenderLimits
from tests.builders import START, make_partner, make_referral
from tests.contract.webhook_suite import make_delivery, make_webhook
from tests.journeys import travel

SECRET = "whsec_" + "c2VjcmV0LW9mLXRlc3Rz" * 2
OK = Answer(status=204)


class HookWorld:
    """A webhooks process and the world around it, in memory."""

    def __init__(self) -> None:
        self.stores, self.clock, self.out = MemoryStores(), TurnableClock(START), MemoryWebhookCaller()
        self.log = MemoryLog({str(Topic.REFERRAL_EVENTS): 1})
        self.made = self.restart()

    def restart(self) -> Webhooks:
        ports = WebhookPorts(store=self.stores.webhooks, caller=self.out, clock=self.clock, decode=wire.event_of)
        self.made = build(ports, owner="test", base_url="https://exchange.example/")
        return self.made

    async def hook(self, n: int = 1, partner: int = 1, **more: Any) -> Webhook:
        hook = make_webhook(n, partner_id=make_partner(partner).id, secret=SECRET, **more)
        assert await self.stores.webhooks.put_webhook(hook)
        return hook

    async def told(self, *events: Event) -> None:
        await MemoryPublisher(self.log).publish([wire.outgoing(event) for event in events])
        assert await self.made.handler(self.log.records(Topic.REFERRAL_EVENTS)[-len(events) :]) == []

    def delivery(self) -> WebhookDelivery:
        (found,) = self.stores.webhooks.stored.values()
        return found

    async def until_parked(self) -> list[timedelta]:
        """The waits between the attempts."""
        waits = []
        while self.delivery().state is DeliveryState.PENDING:
            left = self.delivery().due_at - self.clock.real_now()
            waits.append(left)
            self.clock.advance(left)
            await self.made.sender.step()
        return waits


@pytest.fixture
def world() -> HookWorld:
    return HookWorld()


def created(n: int = 1, partner: int = 1) -> Event:
    return created_event(make_referral(n, partner=partner))


async def test_each_address_of_the_partner_gets_what_it_asked_for(world: HookWorld) -> None:
    first, only_new = await world.hook(1), await world.hook(2, events=(HookEvent.CREATED,))
    await world.hook(3, partner=2)
    await world.hook(4, active=False)
    accepted = travel(make_referral(1), "accept")
    await world.told(created(), accepted.outbox[-1])
    await world.made.sender.step()
    got = sorted((each.url, json.loads(each.body)["type"]) for each in world.out.posts)
    assert got == [(first.url, "referral.created"), (first.url, "referral.updated"), (only_new.url, "referral.created")]


async def test_a_body_has_ids_alone_and_is_signed(world: HookWorld) -> None:
    await world.hook()
    referral = make_referral(1)
    await world.told(created())
    await world.made.sender.step()
    (post,) = world.out.posts
    headers, body = post.headers, post.body
    assert json.loads(body)["data"] == {
        "referralId": referral.id,
        "engagementId": referral.rfi_id,
        "version": 1,
        "uri": f"https://exchange.example/v1.0/engagements/referrals/{referral.id}",
    }
    assert referral.company not in body.decode()
    signed = Signer(SECRET).sign(headers["webhook-id"], world.clock.real_now(), body.decode())
    assert headers["webhook-signature"] == signed
    assert headers["webhook-timestamp"] == str(int(world.clock.real_now().timestamp()))
    assert headers["webhook-id"] == world.delivery().id


async def test_while_a_secret_is_changed_both_sign(world: HookWorld) -> None:
    await world.hook(old_secret="whsec_" + "b2xk" * 8, old_secret_until=START + timedelta(hours=1))
    await world.told(created())
    await world.made.sender.step()
    await world.told(created(2))
    world.clock.advance(timedelta(hours=1))
    await world.made.sender.step()
    assert [len(each.headers["webhook-signature"].split(" ")) for each in world.out.posts] == [2, 1]


async def test_nobody_s_events_and_events_of_a_redelivery_make_nothing_new(world: HookWorld) -> None:
    await world.told(created())
    assert world.stores.webhooks.stored == {}
    await world.hook()
    await world.told(created())
    await world.made.sender.step()
    await world.told(created())
    assert await world.made.sender.step() == 0
    assert len(world.out.posts) == 1


async def test_what_can_not_be_read_is_a_dead_letter_and_stops_no_other(world: HookWorld) -> None:
    await world.hook()
    await world.told(created())
    (good,) = world.log.records(Topic.REFERRAL_EVENTS)
    failures = await world.made.handler([replace(good, value=b"?"), good])
    assert [each.record.value for each in failures] == [b"?"]


@pytest.mark.parametrize("answer", [Answer(status=500), Answer(status=302), Answer(error="no connection")])
async def test_a_failing_receiver_is_tried_ten_times_and_then_parked(world: HookWorld, answer: Answer) -> None:
    hook = await world.hook()
    world.out.answers[hook.url] = answer
    await world.told(created())
    waits = await world.until_parked()
    assert len(world.out.posts) == 10
    assert len({each.headers["webhook-id"] for each in world.out.posts}) == 1
    assert waits[0] == timedelta()
    for waited, step in zip(waits[1:], SCHEDULE, strict=True):
        assert step <= waited <= step * 1.2
    assert world.delivery().state is DeliveryState.PARKED
    assert world.delivery().last_error


async def test_a_parked_delivery_is_replayed_under_its_id(world: HookWorld) -> None:
    hook = await world.hook()
    world.out.answers[hook.url] = Answer(status=500)
    await world.told(created())
    await world.until_parked()
    del world.out.answers[hook.url]
    id_ = world.delivery().id
    assert await world.stores.webhooks.replay_deliveries([id_], hook.partner_id, world.clock.real_now()) == 1
    await world.made.sender.step()
    assert world.out.posts[-1].headers["webhook-id"] == id_
    assert (world.delivery().state, world.delivery().attempts) == (DeliveryState.DELIVERED, 1)


async def test_gone_switches_the_webhook_off_and_parks_what_waits(world: HookWorld) -> None:
    hook = await world.hook()
    world.out.answers[hook.url] = Answer(status=410)
    await world.told(created())
    await world.made.sender.step()
    (now,) = (await world.stores.webhooks.webhooks([hook.id])).values()
    assert (now.active, now.disabled_because) == (False, "the receiver answered 410 Gone")
    assert world.delivery().state is DeliveryState.PARKED
    await world.told(created(2))
    await world.made.sender.step()
    assert len(world.out.posts) == 1


async def test_a_removed_webhook_gets_nothing_more(world: HookWorld) -> None:
    hook = await world.hook()
    await world.told(created())
    await world.stores.webhooks.remove_webhook(hook.id, hook.partner_id)
    await world.made.sender.step()
    assert world.out.posts == []
    assert (world.delivery().state, world.delivery().last_error) == (DeliveryState.PARKED, "the webhook was removed")


@pytest.mark.parametrize(
    ("asked", "left_alone"),
    [(None, PAUSE), (timedelta(minutes=20), timedelta(minutes=20)), (timedelta(days=9), LONGEST_PAUSE)],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_who_asks_for_less_is_left_alone_and_no_attempt_is_lost_meanwhile(
    world: HookWorld, status: int, asked: timedelta | None, left_alone: timedelta
) -> None:
    hook = await world.hook()
    world.out.answers[hook.url] = Answer(status=status, retry_after=asked)
    await world.told(created())
    await world.made.sender.step()
    del world.out.answers[hook.url]
    await world.told(created(2))
    await world.made.sender.step()
    assert len(world.out.posts) == 1
    second = next(each for each in world.stores.webhooks.stored.values() if each.attempts == 0)
    assert second.due_at == START + left_alone
    world.clock.advance(left_alone)
    await world.made.sender.step()
    assert len(world.out.posts) == 3


async def test_a_dead_receiver_does_not_hold_up_the_others(world: HookWorld) -> None:
    dead, alive = await world.hook(1), await world.hook(2)
    world.out.answers[dead.url] = Answer(error="no answer within 15 seconds")
    await world.told(*(created(n) for n in range(1, 31)))
    await world.made.sender.step()
    urls = [each.url for each in world.out.posts]
    assert urls.count(alive.url) == 30
    assert urls.count(dead.url) < 30


async def test_a_dead_receiver_is_left_alone_longer_each_time_and_loses_nothing(
    world: HookWorld,
) -> None:
    dead, alive = await world.hook(1), await world.hook(2)
    world.out.answers[dead.url] = Answer(error="no answer within 15 seconds")
    rests, last = [], START
    for n in range(1, 81):
        before = len(world.out.posts)
        await world.told(created(n))
        while await world.made.sender.step():
            pass
        urls = [each.url for each in world.out.posts[before:]]
        assert urls.count(alive.url) == 1
        if dead.url in urls:
            rests.append((world.clock.real_now() - last).total_seconds())
            last = world.clock.real_now()
        world.clock.advance(timedelta(seconds=5))
    assert rests[:5] == [0, 5, 10, 20, 40]
    assert min(rests[5:]) >= PAUSE.total_seconds()
    del world.out.answers[dead.url]
    for _ in SCHEDULE:
        world.clock.advance(SCHEDULE[-1])
        while await world.made.sender.step():
            pass
    assert {each.state for each in world.stores.webhooks.stored.values()} == {DeliveryState.DELIVERED}


class SlowReceiver(MemoryWebhookCaller):
    """One address answers when the test says so."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._slow, self.go_on = url, asyncio.Event()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        answer = await super().post(url, headers, body)
        if url == self._slow:
            await self.go_on.wait()
        return answer

    def asked(self, url: str) -> int:
        return sum(each.url == url for each in self.posts)


async def test_a_slow_receiver_with_a_backlog_holds_up_nobody_longer_than_one_answer_takes(world: HookWorld) -> None:
    slow, quick = await world.hook(1), await world.hook(2, partner=2)
    world.out = receivers = SlowReceiver(slow.url)
    world.restart()
    await world.told(*(created(n) for n in range(1, 61)), created(61, partner=2))
    step = asyncio.create_task(world.made.sender.step())
    for _ in range(100):
        await asyncio.sleep(0)
    assert receivers.asked(quick.url) == 1, "its turn comes first, though the slow one's events are older"
    under_way = receivers.asked(slow.url)
    world.clock.advance(timedelta(seconds=14))
    receivers.go_on.set()
    assert await step == 61
    assert receivers.asked(slow.url) == under_way == SenderLimits().at_a_time
    await world.told(created(62, partner=2))
    while await world.made.sender.step():
        pass
    assert (receivers.asked(quick.url), receivers.asked(slow.url)) == (2, under_way), "one answers, the other rests"
    world.clock.advance(timedelta(seconds=14))
    await world.made.sender.step()
    assert receivers.asked(slow.url) == 60, "quick again, it gets all that waited"
    assert {each.attempts for each in world.stores.webhooks.stored.values()} == {1}


async def _through(world: HookWorld) -> None:
    """All that is to be done, once more from the start of the log, by a process that was just started."""
    world.restart()
    assert await world.made.handler(world.log.records(Topic.REFERRAL_EVENTS)) == []
    world.clock.advance(timedelta(minutes=3))
    while await world.made.sender.step():
        pass


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_crash_at_any_call_loses_nothing_and_a_repeat_has_the_same_id(after: bool) -> None:
    calls = 0
    for number in range(200):
        world = HookWorld()
        hook = await world.hook()
        world.out.answers[hook.url] = Answer(status=429) if number % 2 else OK
        await MemoryPublisher(world.log).publish([wire.outgoing(created(n)) for n in (1, 2)])
        calls = len(world.stores.faults.calls)
        world.stores.faults.fail_call(calls + number, after=after)
        crashed = False
        try:
            await _through(world)
        except DependencyUnavailable:
            crashed = True
        world.stores.faults.clear()
        world.out.answers.clear()
        await _through(world)
        world.clock.advance(PAUSE)
        await _through(world)
        assert {each.state for each in world.stores.webhooks.stored.values()} == {DeliveryState.DELIVERED}
        assert len({each.headers["webhook-id"] for each in world.out.posts}) == 2
        if not crashed:
            break
    else:
        raise AssertionError("there are calls without end")
    assert number > 5


@given(st.uuids(), st.integers(1, len(SCHEDULE)))
def test_a_wait_is_derived_and_stays_within_its_step(id_: object, attempts: int) -> None:
    step = SCHEDULE[attempts - 1]
    assert wait(str(id_), attempts) == wait(str(id_), attempts)
    assert step <= wait(str(id_), attempts) <= step * 1.2


def test_two_deliveries_that_failed_together_do_not_come_back_together() -> None:
    assert len({wait(make_delivery(n).id, 2) for n in range(50)}) > 20
