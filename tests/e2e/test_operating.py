# ruff: noqa: E402 - rewriting comes before importing
"""What does an operator see of a running exchange, and what can be done with what was put aside?

What newcomers and people do comes first, then a customer's erasure and the audit, collected here from their modules:
they leave the exchange whole, and bringing one up takes longer than most of these tests. What is broken on purpose
comes last.
"""

from __future__ import annotations

import re
import shlex
import urllib.request
from collections.abc import Iterator

import pytest
import yaml

from schemas.topics import Group, Topic
from services.bootstrap import World
from services.core.aside import Letters
from services.core.ports import Outgoing
from services.engines.bundled.faults import Fault, FaultRule, set_faults
from services.engines.supervisor import status

pytest.register_assert_rewrite(
    *(f"tests.e2e.{name}" for name in ("readme", "whole_exchange", "limited", "erased", "audited"))
)

from tests.e2e import audited, erased, limited, readme, whole_exchange
from tests.e2e.exchange import ROOT, Exchange, as_file, eventually, good_rfi, running_exchange

#: As if their tests stood here, in their order.
globals().update(
    {
        name: each
        for module in (readme, whole_exchange, limited, erased, audited)
        for name, each in vars(module).items()
        if name.startswith("test_")
    }
)
folder, hands = readme.folder, audited.hands

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    folder = tmp_path_factory.mktemp("operating")
    with erased.settings(folder) as settings, running_exchange(folder, settings=settings) as running:
        yield running


def letters(exchange: Exchange, group: str = Group.ROUTER) -> list[str]:
    """Ids of the open dead letters of a group, oldest first."""
    return exchange.run(lambda world: world.stores.aside.letter_ids(Letters(group=group), 100))


def send(exchange: Exchange, topic: Topic, *values: bytes) -> None:
    async def work(world: World) -> None:
        await world.publisher.publish([Outgoing(topic=topic, key="k", value=value) for value in values])

    exchange.run(work)


def test_a_dead_letter_is_listed_shown_replayed_to_its_group_and_dropped(exchange: Exchange) -> None:
    send(exchange, Topic.RFI_ACCEPTED, b"no event at all")
    eventually(lambda: len(letters(exchange)) == 1, "the record is a dead letter")
    first = letters(exchange)[0]
    assert first in exchange.cli("dlq", "list", "--group", Group.ROUTER)
    assert "rfi.accepted/" in exchange.cli("dlq", "show", first)
    assert "no event at all" in exchange.cli("dlq", "show", first, "--original")

    # Nothing was mended, so the group puts it aside again, as another record.
    exchange.cli("dlq", "replay", first)
    eventually(lambda: len(letters(exchange)) == 1 and letters(exchange) != [first], "the group had it again")
    second = letters(exchange)[0]
    assert ", replayed" in exchange.cli("dlq", "show", first)
    exchange.cli("dlq", "drop", second, "--why", "a test record")
    assert letters(exchange) == []
    assert "there is no dead letter" in exchange.cli("dlq", "replay", "nonsense", code=1)


def test_many_letters_are_chosen_by_filters_rehearsed_and_dealt_with_at_once(exchange: Exchange) -> None:
    send(exchange, Topic.ENGAGEMENT_EVENTS, *(b"no event %d" % n for n in range(5)))
    groups = (Group.ROUTER_ENGAGEMENTS, Group.NOTIFIER)
    eventually(lambda: [len(letters(exchange, g)) for g in groups] == [5, 5], "both groups put them aside")
    counted = exchange.cli("dlq", "list", "--topic", "engagement.events", "--since", "1h", "--counts")
    assert counted.count("UnreadableRecord") == 2
    chosen = ["--group", Group.NOTIFIER, "--reason", "UnreadableRecord", "--text", "NO EVENT", "--since", "1h"]
    assert "nothing was done: 0 would be replayed" in exchange.cli("dlq", "replay", *chosen, "--dry-run")
    chosen = chosen[:4]
    assert "nothing was done: 5 would be replayed" in exchange.cli("dlq", "replay", *chosen, "--dry-run")
    before = letters(exchange, Group.NOTIFIER)
    assert "5 given again" in exchange.cli("dlq", "replay", *chosen)
    eventually(lambda: len(set(letters(exchange, Group.NOTIFIER)) - set(before)) == 5, "the group had them again")
    assert len(letters(exchange, Group.ROUTER_ENGAGEMENTS)) == 5
    assert "name letters by id" in exchange.cli("dlq", "drop", "--why", "a slip", code=1)
    assert "10 dropped" in exchange.cli("dlq", "drop", "--all", "--why", "test records")
    assert [letters(exchange, g) for g in groups] == [[], []]


def test_what_was_given_up_is_listed_and_released(exchange: Exchange) -> None:
    set_faults(exchange.home.mail, FaultRule(fault=Fault.REFUSE_RECIPIENT, pattern="elena", code=550))
    exchange.submit(as_file(exchange, good_rfi("parked")))
    exchange.quiet()

    async def given_up(world: World) -> tuple[str, str]:
        [referral, *_] = await world.stores.referrals.listed(limit=1)
        now = world.clock.now()
        await world.stores.referrals.defer(referral.id, referral.version, now, 5, parked=True, why="KeyError")
        [failed] = await world.stores.aside.failed(9)
        return referral.id, failed.id

    referral, mail = exchange.run(given_up)
    listed = exchange.cli("parked", "list")
    assert all(words in listed for words in (referral, "KeyError", mail, "refused: 550"))
    assert "elena" not in listed
    set_faults(exchange.home.mail)
    assert "1 referrals and 1 mails" in exchange.cli("parked", "release", referral, mail, "--dry-run")
    assert "1 referrals and 0 mails" in exchange.cli("parked", "release", referral)
    assert "0 referrals and 1 mails" in exchange.cli("parked", "release", "--mails")
    eventually(lambda: [m.job for m in exchange.mails()].count(mail) == 1, "the mail was sent")
    assert "nothing with the id" in exchange.cli("parked", "release", mail, code=1)
    exchange.run(lambda world: referral_is_due_again(world, referral))


async def referral_is_due_again(world: World, id_: str) -> None:
    [referral] = (await world.stores.referrals.load([id_])).values()
    due = referral.timers.next_due()
    assert due is not None
    assert id_ in {each.id for each in await world.stores.referrals.due([referral.shard], due, 100)}


#: Served by Prometheus itself.
PROMETHEUS_OWN = {"up"}


def metrics(exchange: Exchange) -> set[str]:
    """Names of everything that any process serves on /metrics."""
    ports = [process.health_port for process in status(exchange.home).processes if process.health_port]
    names: set[str] = set()
    for port in ports:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            names |= set(re.findall(r"^# TYPE (\S+)", answer.read().decode(), re.MULTILINE))
    return names


def asked_for(expression: str) -> set[str]:
    """Names of metrics in a PromQL expression: words that are no function, keyword, label or text."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)", "", expression)
    words = re.findall(r"\b([a-z_][a-z_0-9]*)\b(?!\s*\()", bare)
    return {word for word in words if word not in {"and", "or", "unless", "by", "offset", "sum", "max", "min"}}


def test_every_metric_of_the_alarms_is_served_by_some_process(exchange: Exchange) -> None:
    groups = yaml.safe_load((ROOT / "deploy/alerts.yaml").read_text("utf-8"))["groups"]
    wanted = {name for group in groups for rule in group["rules"] for name in asked_for(rule["expr"])}
    assert len(wanted) > 15
    assert wanted - PROMETHEUS_OWN - metrics(exchange) == set()


#: Commands of the runbook that change nothing and name nothing that only an incident has.
LOOKS = ("status", "lag", "logs", "dlq list", "parked list", "rfi refused", "audit", "clock show", "--dry-run")


def looks() -> list[str]:
    text = (ROOT / "docs/runbook.md").read_text("utf-8")
    lines = re.findall(r"^(referrals .*?)(?:\s+#.*)?$", text, re.MULTILINE) + re.findall(r"`(referrals [^`]+)`", text)
    chosen = {line for line in lines if any(look in line for look in LOOKS) and "--watch" not in line}
    return sorted(chosen)


def test_every_command_of_the_runbook_that_only_looks_runs(exchange: Exchange) -> None:
    assert len(looks()) > 10
    for line in looks():
        # `-` asks for a mail address; here it stands in the command.
        assert exchange.cli(*shlex.split(line.replace("--email=-", "--email=nobody@customer.example"))[1:]), line


def test_a_watched_audit_looks_again_and_ends_with_what_it_finds(exchange: Exchange, hands: audited.Hands) -> None:
    exchange.quiet()
    shown = exchange.cli("audit", "--watch", "--every-s", "0.1", "--looks", "2")
    assert "nothing missing" in shown
    assert "look 2 at" in shown
    audited.tell_under_two_ids(hands)
    assert "FAULTS" in exchange.cli("audit", "--watch", "--every-s", "0.1", code=1)
