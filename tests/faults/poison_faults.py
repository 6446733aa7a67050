"""Does a record that nobody can use stop its neighbours, or get lost itself?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import orjson
from aiokafka import AIOKafkaProducer

from schemas.topics import Group, Topic
from services.adapters.kafka.partitioner import partition_of
from services.bootstrap import World
from services.core.ids import rfi_id
from tests.e2e.exchange import eventually
from tests.faults.site import CONSUMERS, Site
from tests.faults.trial import Trial
from tests.kafka_world import send_bad_header_key

#: Neighbours of poison go on within this, on a machine with nothing else to do.
NEIGHBOURS_WITHIN_S = 5.0

Headers = list[tuple[str, bytes | None]]
Poison = tuple[str, bytes | None, Headers]

#: Topics of consumer groups, which put aside what they can't use; and those that whoever needs all of them follows.
OF_GROUPS = (
    Topic.RFI_SUBMITTED,
    Topic.RFI_ACCEPTED,
    Topic.ENGAGEMENT_EVENTS,
    Topic.REFERRAL_EVENTS,
    Topic.CLOCK_TICKS,
)
FOLLOWED = (Topic.PARTNER_PROFILES, Topic.PARTNER_STATS)

#: None is no compression. Each is read back by a consumer that must know it.
CODECS = (None, "gzip", "snappy", "lz4", "zstd")

#: Kafka's own limit for a topic of ours; RFIs may have 256 KiB, so these are around both.
SIZES = (256 * 1024 - 1024, 256 * 1024, 256 * 1024 + 1, 1_000_000)

_EVENT: Headers = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"00000000-0000-5000-8000-00000000000a"),
    ("ce_source", b"urn:poison"),
    ("ce_type", b"com.example.unknown.v9"),
    ("content-type", b"application/json"),
]


def poison() -> Iterator[Poison]:
    """Every kind by name: value and headers."""
    yield "broken JSON", b'{"id": "x", ', []
    yield "no JSON", b"\x00\x01\xff\xfe", []
    yield "a null value", None, []
    yield "nothing", b"", []
    yield "wrong types", orjson.dumps({"id": 7, "customer": [], "need": "x", "consent": None}), []
    yield "a list", b"[1, 2, 3]", []
    yield "an unknown type", b"{}", _EVENT
    yield "an unknown version", b"{}", [*_EVENT[:3], ("ce_type", b"referral.created.v99"), _EVENT[4]]
    yield "a header value that is not UTF-8", b"{}", [("x-referrals-source", b"\xff\xfe")]
    yield "a header without a value", b"{}", [("content-type", None)]
    yield "nested lists", b"[" * 50_000 + b"]" * 50_000, []
    yield "nested objects", b'{"a":' * 20_000 + b"1" + b"}" * 20_000, []
    yield "NUL and bidi", orjson.dumps({"id": "a\x00b\u202e", "need": {"title": "\u202eevil"}}), []
    yield "half a surrogate", b'{"id": "\\ud800"}', []
    yield "a huge number", b'{"id": "x", "maxPartners": ' + b"9" * 5000 + b"}", []
    yield "500 headers", b"{}", [(f"h{n}", b"x" * 50) for n in range(500)]
    for size in SIZES:
        yield f"{size} bytes", b'{"id": "' + b"x" * (size - 10) + b'"}', []


async def publish(site: Site, topic: Topic, beside: bytes, codec: str | None) -> int:
    """Publish every kind to the partition where the neighbour's key leads; returns how many."""
    producer = AIOKafkaProducer(
        bootstrap_servers=site.settings().kafka, compression_type=codec, max_request_size=2_000_000
    )
    await producer.start()
    try:
        partition = partition_of(beside, len(await producer.partitions_for(topic)))
        kinds = list(poison())
        sent = [
            # Each third key is not UTF-8.
            await producer.send(
                topic, value, key=b"\xff\xfe" if n % 3 == 0 else name.encode(), partition=partition, headers=headers
            )
            for n, (name, value, headers) in enumerate(kinds)
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
    # What no client writes: a header whose name is not UTF-8. It makes a stock consumer fail for ever.
    await send_bad_header_key(site.settings().kafka, topic, b"{}", partition)
    return len(kinds) + 1


def routed(site: Site, ids: list[str]) -> bool:
    async def work(world: World) -> bool:
        found = await world.stores.rfis.load(ids)
        return len(found) == len(ids) and all(rfi.routing for rfi in found.values())

    return site.run(work)


def set_aside(site: Site) -> int:
    """Refusals and dead letters together."""

    async def work(world: World) -> int:
        return await world.stores.refusals.count() + await world.stores.dead_letters.count()

    return site.run(work)


def test_poison_of_every_kind_is_put_aside_and_its_neighbours_go_on(trial: Trial) -> None:
    site = trial.site
    restarts = sum(map(site.restarts, CONSUMERS))
    codecs = CODECS if trial.long else ("zstd",)
    number, before = 0, set_aside(site)
    # `make test` shares its machine with other tests.
    patience_s = NEIGHBOURS_WITHIN_S * (1 if trial.long else 2)
    with trial.whole(8, "poison of every kind, in every codec, on every topic", times=0) as result:
        for codec in codecs:
            neighbours = [f"beside-{codec}-{n}" for n in range(4)]
            for topic in OF_GROUPS:
                number += asyncio.run(publish(site, topic, neighbours[0].encode(), codec))
            for topic in FOLLOWED:
                result.times += asyncio.run(publish(site, topic, neighbours[0].encode(), codec))
            began = time.monotonic()
            site.send(trial.ledger, *neighbours)
            ids = [rfi_id(trial.ledger.source, name) for name in neighbours]
            eventually(lambda ids=ids: routed(site, ids), f"neighbours of {codec} poison", patience_s)  # type: ignore[misc]
            trial.note(8, f"neighbours behind poison ({codec or 'plain'}) routed", recovery_s=time.monotonic() - began)
        result.times += number
    # On engagement.events two groups put each record aside, the router and the notifier.
    assert set_aside(site) - before >= number
    words = site.home.log("router").read_text("utf-8")
    assert all(f'"{topic}/' in words for topic in FOLLOWED), "whoever follows says what it left out"
    with site.database() as database:
        # Whatever a publisher sends is refused, even what Kafka's own client cannot decode: it must hear of it.
        assert database["dead_letters"].count_documents({"group": Group.INTAKE}) == 0
        # What is no tick is the expirer's to put aside.
        assert database["dead_letters"].count_documents({"group": Group.EXPIRER}) > 0
        damaged = database["refusals"].find_one({"codes": "damaged"})
    assert damaged["_id"] in site.cli("rfi", "refused", "--code", "damaged")
    assert "header's key" in site.cli("rfi", "refusal", damaged["_id"])
    assert sum(map(site.restarts, CONSUMERS)) == restarts


def test_a_handler_that_always_fails_for_one_key_lets_the_others_go_on(trial: Trial) -> None:
    site = trial.site
    bad, *good = trial.names(4)
    bad_id = rfi_id(trial.ledger.source, bad)
    site.orders.mkdir(exist_ok=True)
    with trial.whole(9, "a handler that always fails for one key"):
        (site.orders / f"router.{Group.ROUTER}.reject").write_bytes(bad_id.encode())
        site.send(trial.ledger, bad, *good)
        ids = [rfi_id(trial.ledger.source, name) for name in good]
        eventually(lambda: routed(site, ids), "the neighbours", 30)
        [letter] = eventually_letters(site, bad_id)
        site.heal()
        site.cli("dlq", "replay", letter)
        eventually(lambda: routed(site, [bad_id]), "the replayed one", 30)


def eventually_letters(site: Site, key: str) -> list[str]:
    """Ids of the dead letters of a key, once there are some."""
    found: list[str] = []

    def there() -> bool:
        with site.database() as database:
            ids = [doc["_id"] for doc in database["originals"].find({"key": key.encode()}, {"_id": 1})]
            found[:] = [doc["_id"] for doc in database["dead_letters"].find({"_id": {"$in": ids}}, {"_id": 1})]
        return bool(found)

    eventually(there, f"a dead letter of {key}", 60)
    return found
