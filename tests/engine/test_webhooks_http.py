"""Webhooks against a real receiver and a real database: signed posts arrive, names that lead inside are refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from standardwebhooks import Webhook as Signer

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import ensure_indexes
from services.adapters.mongo.stores import stores_of
from services.adapters.webhook_http import HttpWebhookCaller, name_of
from services.core.errors import UnreadableRecord
from services.core.events import Event
from services.core.ports import Record
from services.core.webhooks import DeliveryState
from services.webhooks.app import WebhookPorts, build
from tests.contract.webhook_suite import make_delivery, make_webhook


@dataclass
class Receiver:
    """A web server of one page: keeps what it gets, answers as told."""

    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    port: int = 0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.got.append((headers, body))
        writer.write(self.answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def receiving(answer: bytes = Receiver.answer) -> AsyncIterator[Receiver]:
    receiver = Receiver(answer)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    async with server:
        yield receiver


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def real_now(self) -> datetime:
        return datetime.now(UTC)


def nothing_to_read(record: Record) -> Event:
    raise UnreadableRecord(record.where)


async def test_a_stored_delivery_arrives_signed(mongo_server: str, mongo_database: str) -> None:
    caller = HttpWebhookCaller(private=True)
    with Mongo(mongo_server, mongo_database) as mongo:
        await ensure_indexes(mongo)
        store = stores_of(mongo).webhooks
        made = build(
            WebhookPorts(store=store, caller=caller, clock=RealClock(), decode=nothing_to_read),
            owner="test",
            base_url="https://exchange.example",
        )
        async with receiving() as receiver:
            hook = make_webhook(url=f"http://localhost:{receiver.port}/hook")
            await store.put_webhook(hook)
            await store.add_deliveries([make_delivery()])
            assert await made.sender.step() == 1
        ((headers, body),) = receiver.got
        told = Signer(hook.secret).verify(body, headers)
        assert told["type"] == "referral.updated"
        assert headers["host"] == f"localhost:{receiver.port}"
        assert (await store.deliveries([make_delivery().id]))[make_delivery().id].state is DeliveryState.DELIVERED
    await caller.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_name_that_leads_inside_is_not_connected_to(host: str) -> None:
    caller = HttpWebhookCaller()
    async with receiving() as receiver:
        answer = await caller.post(f"http://{host}:{receiver.port}/hook", {}, b"{}")
    assert (answer.status, answer.error) == (None, "the name leads to no machine that the internet can reach")
    assert receiver.got == []
    await caller.close()


@pytest.mark.parametrize("host", ["xn--strae-oqa.example", "crm.example"])
def test_a_name_is_looked_up_as_it_was_written(host: str) -> None:
    # The readable form of the first, straße.example, is another name in the encoding that the system's look-up uses.
    assert name_of(httpx.URL(f"https://{host}:8443/hook")) == host


async def test_a_redirect_is_an_answer_and_not_a_way() -> None:
    caller = HttpWebhookCaller(private=True)
    async with receiving() as other, receiving() as receiver:
        receiver.answer = f"HTTP/1.1 307 Go\r\nlocation: http://127.0.0.1:{other.port}/\r\n\r\n".encode()
        answer = await caller.post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")
    assert answer.status == 307
    assert other.got == []
    await caller.close()


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("120", timedelta(minutes=2)),
        ("soon", None),
        ("9" * 30, timedelta(days=1)),
        ("Mon, 01 Jan 99999999999999 00:00:00 GMT", None),
    ],
)
async def test_who_asks_for_less_may_say_for_how_long(told: str, meant: timedelta | None) -> None:
    caller = HttpWebhookCaller(private=True)
    async with receiving(f"HTTP/1.1 429 Slow\r\nretry-after: {told}\r\n\r\n".encode()) as receiver:
        answer = await caller.post(f"http://127.0.0.1:{receiver.port}/", {}, b"{}")
    assert (answer.status, answer.retry_after) == (429, meant)
    await caller.close()


async def test_a_receiver_that_says_nothing_is_left_in_time() -> None:
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        left.set()

    caller = HttpWebhookCaller(private=True, timeout_s=0.2)
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        answer = await caller.post(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", {}, b"{}")
        await asyncio.wait_for(left.wait(), 10)
    assert answer.status is None
    assert answer.error.startswith("no ")
    await caller.close()


async def test_nobody_there_is_an_answer_too() -> None:
    caller = HttpWebhookCaller(private=True)
    async with receiving() as receiver:
        port = receiver.port
    answers = [await caller.post(f"http://{host}/", {}, b"{}") for host in (f"127.0.0.1:{port}", "no-such.invalid")]
    assert [each.status for each in answers] == [None, None]
    assert all(each.error for each in answers)
    await caller.close()
