"""Does work get lost or done twice when consumers come, go, freeze, or meet the same records again?"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import timedelta
from functools import partial

from schemas.topics import Group, Topic
from services.adapters.kafka.subscription import REPLAY_GROUP_HEADER
from services.adapters.quiet import READS
from services.bootstrap import World
from services.core.errors import Misconfigured
from services.core.ids import dead_letter_id
from services.core.ports import DeadLetter, Outgoing, Record
from services.engines.supervisor import status
from tests.e2e.exchange import eventually
from tests.faults.site import CONSUMERS, Site
from tests.faults.trial import Trial, long_only

#: A stop takes its grace, and then 10 s for leaving groups and closing connections, at most.
STOPPED_WITHIN_S = 30


def joined(site: Site, process: str, number: int) -> bool:
    """Whether an extra instance has been given partitions, or knows that it has none."""
    log = site.home.log(f"{process}-extra-{number}")
    return log.exists() and "kafka.assigned" in log.read_text("utf-8")


def restarted(site: Site, name: str, before: int) -> bool:
    return site.restarts(name) > before


@long_only  # `make test` has tests/e2e/test_kill.py.
def test_instances_come_and_go_under_load(trial: Trial) -> None:
    site, extra = trial.site, trial.number(1, 2)
    processes = CONSUMERS if trial.long else ("router", "notifier")
    with trial.whole(5, f"1 -> {1 + extra} -> 1 instances under load", times=2 * extra * len(processes)):
        more = [(site.join(process, n), process, n) for process in processes for n in range(extra)]
        for _, process, n in more:
            trial.send(trial.number(3, 20))
            eventually(partial(joined, site, process, n), f"{process} {n} has joined", 240)
        trial.send(trial.number(10, 100))
        for instance, *_ in more:
            assert site.leave(instance) == 0
            trial.send(trial.number(3, 20))
    if trial.long:
        assert_order_kept(site)


def assert_order_kept(site: Site) -> None:
    """First appearances of a document's events are in the order of its versions."""
    versions: dict[str, list[int]] = defaultdict(list)
    seen: set[str] = set()
    for event in site.told():
        if event.id not in seen:
            seen.add(event.id)
            versions[event.subject].append(event.sequence)
    assert all(found == sorted(found) for found in versions.values())


def test_a_stop_ends_the_batch_in_hand_or_gives_it_up_in_time(trial: Trial) -> None:
    site = trial.site
    before = {name: site.restarts(name) for name in CONSUMERS}
    with trial.whole(3, "SIGTERM under load, short handlers", times=len(CONSUMERS)):
        trial.send(trial.number(20, 200))
        for name in CONSUMERS:
            site.signal(name, signal.SIGTERM)
        for name in CONSUMERS:
            site.back(name, before[name])
    if not trial.long:  # `make test` has tests/engine/test_kafka_delivery.py.
        return
    with trial.whole(3, "SIGTERM while a handler hangs", times=2):
        hanging = {"router": "publisher.publish.after", "notifier": "jobs.add_leased.after"}
        before = {name: site.restarts(name) for name in hanging}
        for name, point in hanging.items():
            site.order(name, point, "hang")
        trial.send(3)
        for name, point in hanging.items():
            eventually(partial(site.struck, name, point), f"{name} hangs", 30)
            site.signal(name, signal.SIGTERM)
        for name, restarts in before.items():
            eventually(partial(restarted, site, name, restarts), f"{name} has given up", STOPPED_WITHIN_S)


def test_a_frozen_process_comes_back_to_find_its_work_done_by_others(trial: Trial) -> None:
    site, pause_s = trial.site, trial.number(12, 60)
    names = ("router", "notifier") if not trial.long else CONSUMERS
    frozen = [site.join(name, 9) for name in names]
    for name in names:
        eventually(partial(joined, site, name, 9), f"{name} has joined", 240)
    with trial.whole(4, f"SIGSTOP for {pause_s} s and SIGCONT", times=len(names), most_again=200):
        trial.send(trial.number(20, 200))
        trial.lasts(random.Random(trial.seed).random())  # At any moment of the work.
        for process in frozen:
            process.send_signal(signal.SIGSTOP)
        trial.send(5)
        began = time.monotonic()
        site.quiet()
        trial.lasts(max(0.0, pause_s - (time.monotonic() - began)))
        for process in frozen:
            process.send_signal(signal.SIGCONT)
        trial.send(3)
    for process in frozen:
        site.leave(process)


def test_the_same_records_again_change_nothing(trial: Trial) -> None:
    site, times = trial.site, trial.number(2, 10)
    names = trial.send(trial.number(5, 30))
    site.settle()
    with trial.whole(6, "every record of the log again, 2 to 10 times, two instances at work", times=times):
        more = site.join("notifier", 6)
        for _ in range(times):
            site.send(trial.ledger, *names)
            site.run(everything_again)
        eventually(lambda: joined(site, "notifier", 6), "a second notifier has joined", 240)
        site.quiet()
        assert site.leave(more) == 0


async def everything_again(world: World) -> None:
    """Publish once more what is on the topics of events, as producers that retry do."""
    records = await everything(world, Topic.RFI_ACCEPTED, Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS)
    await world.publisher.publish([again(record) for record in records[-500:]])


async def everything(world: World, *topics: Topic) -> list[Record]:
    """All records of the topics as they are now."""
    ends = await world.admin.end_offsets(topics)
    return [record async for batch in world.follower.read_all(topics, ends) for record in batch]


def again(record: Record) -> Outgoing:
    return Outgoing(
        topic=record.topic,
        key=(record.key or b"").decode("utf-8", "replace"),
        value=record.value or b"",
        headers=record.headers,
        partition=record.partition,
    )


def test_events_out_of_order_or_without_predecessor_are_put_aside_or_applied(trial: Trial) -> None:
    site = trial.site
    trial.send(3)
    site.settle()
    letters = site.run(lambda world: world.stores.dead_letters.count())
    with trial.whole(7, "events in reverse order, and of documents that do not exist", times=2):
        site.run(backwards)
        site.run(of_nobody)
        site.strangers.add(NOBODY)
    # Of an RFI that is not there nobody can be told: a person must look.
    assert site.run(lambda world: world.stores.dead_letters.count()) > letters


async def backwards(world: World) -> None:
    records = await everything(world, Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS)
    await world.publisher.publish([again(record) for record in reversed(records[-100:])])


#: An RFI that never was.
NOBODY = "00000000-0000-5000-8000-000000000000"


async def of_nobody(world: World) -> None:
    first = (await everything(world, Topic.RFI_ACCEPTED))[0]
    nobody = NOBODY.encode()
    headers = tuple((name, nobody if name in {"ce_subject", "ce_id"} else value) for name, value in first.headers)
    await world.publisher.publish(
        [Outgoing(topic=first.topic, key="nobody", value=first.value or b"", headers=headers)]
    )


@long_only  # `make test` has tests/unit/test_crash_chain.py, which goes back in every log.
def test_a_full_replay_changes_nothing(trial: Trial) -> None:
    site = trial.site
    trial.send(trial.number(3, 50))
    # Answers of other tests can no longer be undone after this, so that their mails are out before we count.
    site.time_passes(timedelta(minutes=10))
    site.settle()
    with trial.whole(17, "all groups set back to the first record", times=len(READS)):
        before, called = mails(site), Counter(site.receiver.calls)
        site.stop_services()
        try:
            # Ticks are left out: they are kept for an hour, and a late one is no news.
            for group in READS:
                eventually(partial(set_back, site, group), f"{group} is set back", 60)
        finally:
            site.start_services()
        site.quiet()
        assert mails(site) - before == Counter()
        assert Counter(site.receiver.calls) - called == Counter()


def set_back(site: Site, group: Group) -> bool:
    """Set a group back to the first record; false while Kafka still counts on its members, which have names to keep."""
    try:
        site.run(lambda world: world.admin.reset_to_earliest(group, READS[group]))
    except Misconfigured:
        return False
    return True


def mails(site: Site) -> Counter[str]:
    """How often each mail arrived, by its kind and Message-ID."""
    return Counter(f"{mail.kind} {mail.message_id}" for mail in site.mails())


def test_dead_letters_replayed_twice_take_effect_once(trial: Trial) -> None:
    site = trial.site
    restarts = site.restarts("router")
    [name] = trial.send(1)
    site.settle()
    with trial.whole(18, "dead letters replayed twice", times=2):
        letter = site.run(lambda world: put_aside(world, name))
        before = mails(site)
        for _ in range(2):
            site.run(lambda world: replayed(world, letter))
            site.quiet()
        assert mails(site) == before
    assert site.restarts("router") == restarts
    assert status(site.home).ready


async def replayed(world: World, letter_id: str) -> None:
    """What `referrals dlq replay` does: the original again, for the group that failed."""
    letter = (await world.stores.dead_letters.load([letter_id]))[letter_id]
    original = again(letter.record)
    address = (REPLAY_GROUP_HEADER, letter.group.encode())
    await world.publisher.publish([replace(original, headers=(*original.headers, address))])


async def put_aside(world: World, name: str) -> str:
    """Make a dead letter of an accepted RFI's record, as a bug that has since been mended would have."""
    record = (await everything(world, Topic.RFI_ACCEPTED))[-1]
    letter = DeadLetter(
        group=Group.ROUTER, record=record, reason="Bug", detail=name, attempts=1, at=world.clock.real_now()
    )
    await world.stores.dead_letters.put([letter])
    return dead_letter_id(letter.group, record.topic, record.partition, record.offset)
