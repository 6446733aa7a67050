"""Is a customer's data gone from a running exchange: from database, Kafka, logs and mails that wait to be sent?

test_operating.py collects these tests and has their exchange.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.topics import Group, Topic
from services.adapters.importers.rfi_files import FileRfi
from services.adapters.kafka.submitted import KafkaSubmittedLog
from services.bootstrap import World
from services.core.aside import Letters
from services.core.commands import Accept
from services.core.ids import rfi_id
from services.core.ports import Outgoing
from services.core.referral import Referral
from services.engines.bundled.faults import Fault, FaultRule, set_faults
from tests.canary import CANARY, EMAIL, canary_rfi
from tests.e2e.exchange import SOURCE, Exchange, eventually
from tests.e2e.remains import in_kafka, in_logs, in_mails, in_mongo
from tests.journeys import accept

RFI_ID = rfi_id(SOURCE, "RFI-1")


@contextmanager
def settings(folder: Path) -> Iterator[dict[str, str]]:
    """What the exchange is told: erasures are quick, and intake meets a bug at every record with the key `poison`."""
    (folder / "orders").mkdir()
    (folder / "orders" / f"intake.{Group.INTAKE}.reject").write_bytes(b"poison")
    with pytest.MonkeyPatch.context() as environment:
        # Of the command, which gives the order.
        environment.setenv("REFERRALS_ERASURE_LOOK_AGAIN_S", "1")
        yield {"REFERRALS_FAULT_POINTS": str(folder / "orders"), "REFERRALS_ERASURE_SWEEP_EVERY_S": "0.5"}


def submit(exchange: Exchange, data: dict[str, Any], key: str | None = None) -> None:
    line = FileRfi(line=1, key=key or str(data["id"]), value=orjson.dumps(data))
    exchange.submit([line])


def fill(exchange: Exchange) -> None:
    """The canary everywhere it can get to: accepted, worked on, refused, put aside, in mails that wait."""
    submit(exchange, canary_rfi())
    submit(exchange, canary_rfi(id="RFI-2", channel="pigeon"))
    submit(exchange, canary_rfi(id="RFI-3"), "poison")
    exchange.quiet()

    async def work(world: World) -> None:
        referrals = (await world.stores.referrals.of_rfis([RFI_ID]))[RFI_ID]
        assert referrals
        said: Accept = accept(engagement_name=f"Deal with {CANARY}", notes=f"{CANARY} called")
        await world.commands.execute(next(each for each in referrals if each.policy == "standard").id, said)
        assert len(await world.stores.aside.letters(Letters(group=Group.INTAKE), 9)) == 1
        # No mail to the customer gets through from now on: those wait.
        await world.stores.sandbox_clock.advance(world.policies[referrals[0].policy].undo_window)

    set_faults(exchange.home.mail, FaultRule(fault=Fault.REFUSE_RECIPIENT, pattern=CANARY, code=450))
    exchange.run(work)
    eventually(lambda: bool(waiting(exchange)), "a mail to the customer waits")


def waiting(exchange: Exchange) -> list[str]:
    """Addresses of mails to the customer that may still go out."""

    async def look(world: World) -> list[str]:
        jobs = await world.stores.jobs.of_rfis([RFI_ID])
        return [job.address for job in jobs if job.role == "customer" and job.state in {"pending", "leased", "failed"}]

    return exchange.run(look)


def referrals_of(exchange: Exchange) -> list[Referral]:
    async def look(world: World) -> list[Referral]:
        return (await world.stores.referrals.of_rfis([RFI_ID]))[RFI_ID]

    return exchange.run(look)


def test_nothing_of_a_customer_is_left_anywhere(exchange: Exchange) -> None:
    fill(exchange)
    assert {"rfis", "referrals", "send_jobs", "originals"} <= in_mongo(exchange)
    assert in_kafka(exchange) == {Topic.RFI_SUBMITTED}
    rehearsed = exchange.cli("customer", "erase", "--email", EMAIL.upper(), "--dry-run")
    assert "requests" in rehearsed
    assert {"rfis", "originals"} <= in_mongo(exchange)

    assert "new_referral" in in_mails(exchange)
    sent = len(exchange.mails())
    erased = exchange.cli("customer", "erase", "--email", EMAIL.upper(), "--yes")
    assert CANARY not in (rehearsed + erased).casefold()
    eventually(lambda: "under way" not in exchange.cli("customer", "erasures"), "the erasure is done")
    exchange.quiet()
    assert in_mongo(exchange) == set()
    assert in_kafka(exchange) == set()
    assert in_logs(exchange) == set()
    assert waiting(exchange) == []
    assert "withdrawn" in {mail.kind for mail in exchange.mails()[sent:]}
    assert in_mails(exchange, after=sent) == set()
    assert {each.status.value for each in referrals_of(exchange)} == {"Closed"}
    assert "There is nothing of this customer" in exchange.cli("customer", "erase", "--email", EMAIL, "--yes")


def test_a_redelivery_of_the_erased_brings_nothing_back(exchange: Exchange) -> None:
    submit(exchange, canary_rfi())
    submit(exchange, canary_rfi(channel="pigeon"))
    exchange.quiet()
    assert in_mongo(exchange) == set()
    assert in_logs(exchange) == set()
    report = exchange.audit()
    assert report.clean, report.findings


def test_a_record_that_was_put_aside_can_no_longer_be_replayed(exchange: Exchange) -> None:
    [letter] = exchange.run(lambda world: world.stores.aside.letter_ids(Letters(group=Group.INTAKE), 9))
    exchange.cli("dlq", "replay", letter, code=1)
    exchange.cli("dlq", "drop", letter, "--why", "its record is erased")


def test_what_is_no_longer_in_the_topic_was_read_by_intake_before(exchange: Exchange) -> None:
    async def work(world: World) -> bool:
        ends = await world.admin.end_offsets([Topic.RFI_SUBMITTED])
        await world.publisher.publish([Outgoing(topic=Topic.RFI_SUBMITTED, key="x", value=b"{}")])
        log = KafkaSubmittedLog(world.admin)
        beyond = {partition: end + 1_000_000 for (_, partition), end in ends.items()}
        return await log.delete_before(beyond)

    assert exchange.run(work) is False
