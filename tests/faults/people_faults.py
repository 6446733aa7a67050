"""What can scanners, strangers and old versions do? Nothing is changed by looking, and nobody sees another's."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import httpx
import orjson

from schemas.topics import Topic
from services.bootstrap import World
from services.cli.system import intake_address
from services.core.codes import Status
from services.core.commands import Command
from services.core.errors import NotFound
from services.core.ids import rfi_id
from services.core.ports import Outgoing
from services.core.referral import Referral
from tests.e2e.exchange import good_rfi
from tests.faults.mongo_faults import an_hour_ago, token_of
from tests.faults.site import Site
from tests.faults.trial import Trial
from tests.journeys import COMMANDS

GOLDEN = Path(__file__).parent.parent / "golden" / "messages"


def state_of(site: Site) -> dict[str, object]:
    """Versions of all documents: what a scanner must leave as it is."""
    with site.database() as database:
        referrals = {doc["_id"]: doc["version"] for doc in database["referrals"].find({}, {"version": 1})}
        return {"rfis": database["rfis"].count_documents({}), "referrals": referrals}


def test_scanners_that_follow_every_link_change_nothing(trial: Trial) -> None:
    site, times = trial.site, trial.number(5, 50)
    with trial.whole(25, "GET, HEAD, OPTIONS and POST without a token on every path", times=times):
        [name] = trial.send(1)
        site.settle()
        before = state_of(site)
        id_ = rfi_id(trial.ledger.source, name)
        with httpx.Client(base_url=str(intake_address(site.home)), timeout=30) as client:
            for _ in range(times):
                for path in ("/v1/rfis", f"/v1/rfis/{id_}", "/", "/openapi.json"):
                    for method in ("GET", "HEAD", "OPTIONS", "POST"):
                        client.request(method, path, json=good_rfi("scanned") if method == "POST" else None)
        site.settle()
        assert state_of(site) == before


def test_a_publisher_sees_nothing_of_another_one(trial: Trial) -> None:
    site = trial.site
    with trial.whole(30, "strangers with a token of their own, or with a partner's id of their own"):
        mine, theirs = token_of(site, trial.ledger.source), token_of(site, f"{trial.ledger.source}:stranger")
        [name] = trial.names(1)
        rfi = good_rfi(name) | {"submittedAt": an_hour_ago(site)}
        with httpx.Client(base_url=str(intake_address(site.home)), timeout=30) as client:
            path = client.post("/v1/rfis", json=rfi, headers=bearer(mine)).headers["location"]
            trial.ledger.took([name])
            site.quiet()
            assert client.get(path, headers=bearer(mine)).status_code == 200
            hidden = client.get(path, headers=bearer(theirs))
            absent = client.get(path[:-4] + "0000", headers=bearer(theirs))
        assert hidden.status_code == absent.status_code == 404
        assert "Talleres" not in hidden.text
        site.run(lambda world: strangers(world, rfi_id(trial.ledger.source, name)))


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def strangers(world: World, rfi: str) -> None:
    """Every command of a partner on another partner's referral finds nothing."""
    referrals = (await world.stores.referrals.of_rfis([rfi]))[rfi]
    for referral in referrals:
        for command in COMMANDS.values():
            assert await refused(world, referral, command)
    after = (await world.stores.referrals.of_rfis([rfi]))[rfi]
    assert [r.version for r in after] == [r.version for r in referrals]


async def refused(world: World, referral: Referral, command: Command) -> bool:
    try:
        await world.commands.execute(referral.id, command, partner_id="00000000-0000-5000-8000-00000000000b")
    except NotFound:
        return True
    return False


def test_messages_of_the_version_before_are_taken_among_those_of_today(trial: Trial) -> None:
    """What 0.1.0 wrote is read, and facts that only a newer version knows are left alone."""
    site = trial.site
    with trial.whole(29, "messages of version 0.1.0, and of one to come, among today's", times=2):
        trial.send(2)
        site.settle()
        letters = site.run(lambda world: world.stores.dead_letters.count())
        site.run(old_messages)
        site.strangers |= rfis_of_old()
        site.run(newer_messages)
        trial.send(2)
        site.settle()
    # Old events are of documents that are not here: nobody can be told of them, and a person sees them. No crash.
    assert site.run(lambda world: world.stores.dead_letters.count()) >= letters
    assert site.run(open_ones) > 0


async def open_ones(world: World) -> int:
    return len(await world.stores.referrals.listed(status=Status.NEW, limit=1000))


def rfis_of_old() -> set[str]:
    """The RFIs that the old messages are about; they never were here."""
    rows = [row for path in (GOLDEN / "0.1.0").glob("*.events.json") for row in json.loads(path.read_text("utf-8"))]
    return {row["value"].get("rfiId", row["headers"]["ce_subject"]) for row in rows}


async def old_messages(world: World) -> None:
    for topic in (Topic.RFI_ACCEPTED, Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS, Topic.CLOCK_TICKS):
        rows = json.loads((GOLDEN / "0.1.0" / f"{topic}.json").read_text("utf-8"))
        made = [
            Outgoing(
                topic=topic,
                key=row["key"],
                value=orjson.dumps(row["value"]),
                headers=tuple((name, value.encode()) for name, value in row["headers"].items()),
            )
            for row in rows
        ]
        await world.publisher.publish(made)


async def newer_messages(world: World) -> None:
    """Today's events with a fact that nobody knows yet, under their own ids: known ones, met again."""
    ends = await world.admin.end_offsets([Topic.REFERRAL_EVENTS])
    records = [record async for batch in world.follower.read_all([Topic.REFERRAL_EVENTS], ends) for record in batch]
    for record in records[-20:]:
        try:
            facts = orjson.loads(record.value or b"")
        except orjson.JSONDecodeError:
            continue  # Poison of another test.
        value = orjson.dumps(facts | {"colour": "blue"}) if isinstance(facts, dict) else b"{}"
        newer = replace(record, value=value)
        key = (newer.key or b"").decode("utf-8", "replace")
        await world.publisher.publish([Outgoing(topic=newer.topic, key=key, value=value, headers=newer.headers)])
