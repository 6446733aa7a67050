"""What must every WebhookCaller do? Asked of the twin, and of posts to receivers that answer as they are told."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import timedelta

import pytest

from services.adapters.memory.webhook_caller import MemoryWebhookCaller
from services.adapters.webhook_http import HttpWebhookCaller
from services.core.webhooks import Answer, WebhookCaller
from services.engines.locations import LOOPBACK, free_port

#: What receivers say, by the path of their URL; at `nobody` none listens, and `silent` says nothing for ever.
SAYS = {
    "/taken": "204 No Content",
    "/read": "200 OK\r\ncontent-length: 2",
    "/elsewhere": "307 Go\r\nlocation: /taken",
    "/busy": "429 Slow\r\nretry-after: 120",
    "/away": "503 Away",
    "/broken": "500 Broken",
    "/gone": "410 Gone",
}
ANSWERS = {path: Answer(status=int(said[:3])) for path, said in SAYS.items()}
ANSWERS["/busy"] = Answer(status=429, retry_after=timedelta(minutes=2))
UNANSWERED = ("nobody", "silent")

Got = tuple[str, str, bytes]


class Outside(ABC):
    """A caller, and whoever is outside."""

    caller: WebhookCaller
    impatient: WebhookCaller
    #: Who waits for a moment only.

    @abstractmethod
    def url(self, path: str) -> str:
        """Where the receiver is that says this; or one of `UNANSWERED`."""

    @abstractmethod
    def got(self) -> list[Got]:
        """What arrived at receivers that answer: path, id and body."""


class MemoryOutside(Outside):
    def __init__(self) -> None:
        self.caller: MemoryWebhookCaller = MemoryWebhookCaller()
        self.impatient = self.caller
        self.caller.answers = {self.url(path): answer for path, answer in ANSWERS.items()}
        self.caller.answers |= {self.url(path): Answer(error="no connection") for path in UNANSWERED}

    def url(self, path: str) -> str:
        return f"https://receiver.example{path}" if path.startswith("/") else f"https://{path}.example/hook?token=s3"

    def got(self) -> list[Got]:
        arrived = self.caller.arrived
        return [(each.url.removeprefix(self.url("/")[:-1]), each.headers["webhook-id"], each.body) for each in arrived]


class HttpOutside(Outside):
    def __init__(self) -> None:
        self.caller: HttpWebhookCaller = HttpWebhookCaller(private=True)
        self.impatient: HttpWebhookCaller = HttpWebhookCaller(private=True, timeout_s=0.3)
        self.port, self.unused = 0, free_port()
        self._got: list[Got] = []

    def url(self, path: str) -> str:
        if path == "nobody":
            return f"http://{LOOPBACK}:{self.unused}/hook?token=s3"
        return f"http://{LOOPBACK}:{self.port}{path if path.startswith('/') else '/silent?token=s3'}"

    def got(self) -> list[Got]:
        return self._got

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in lines if each)}
            body, path = await reader.readexactly(int(headers["content-length"])), first.split(" ")[1]
            if path in SAYS:
                self._got.append((path, headers["webhook-id"], body))
                writer.write(f"HTTP/1.1 {SAYS[path]}\r\n\r\n".encode() + (b"ok" if path == "/read" else b""))
                await writer.drain()
            else:
                await reader.read()  # Until the caller has had enough.
        writer.close()


def headers(id_: str) -> Mapping[str, str]:
    return {"content-type": "application/json", "webhook-id": id_, "webhook-signature": "v1,abc v1,def"}


BODY = b'{"type":"referral.updated","data":{"referralId":"r-1"}}'


class CallerSuite:
    """The behaviour; collected in the subclasses."""

    @pytest.mark.parametrize("path", SAYS)
    async def test_what_the_receiver_says_is_the_answer_and_the_post_arrived_as_it_was(
        self, outside: Outside, path: str
    ) -> None:
        answer = await outside.caller.post(outside.url(path), headers("d-1"), BODY)
        assert (answer.status, answer.retry_after, answer.error) == (
            ANSWERS[path].status,
            ANSWERS[path].retry_after,
            "",
        )
        assert outside.got() == [(path, "d-1", BODY)], "and nobody was sent elsewhere"

    @pytest.mark.parametrize("where", UNANSWERED)
    async def test_no_answer_is_told_without_the_address(self, outside: Outside, where: str) -> None:
        answer = await outside.impatient.post(outside.url(where), headers("d-1"), BODY)
        assert (answer.status, answer.retry_after) == (None, None)
        assert answer.error
        assert "s3" not in answer.error
        assert outside.got() == []

    async def test_the_same_post_goes_out_as_often_as_it_is_asked_for(self, outside: Outside) -> None:
        for _ in range(3):
            assert (await outside.caller.post(outside.url("/taken"), headers("d-1"), BODY)).status == 204
        assert outside.got() == [("/taken", "d-1", BODY)] * 3

    async def test_posts_at_once_do_not_mix(self, outside: Outside) -> None:
        asked = [(path, f"{path}-{n}", b"%d" % n) for n in range(5) for path in SAYS]
        answers = await asyncio.gather(
            *(outside.caller.post(outside.url(path), headers(id_), body) for path, id_, body in asked),
            outside.caller.post(outside.url("nobody"), headers("none"), BODY),
        )
        assert [each.status for each in answers] == [*(ANSWERS[path].status for path, _, _ in asked), None]
        assert Counter(outside.got()) == Counter(asked)


class TestMemoryWebhookCaller(CallerSuite):
    @pytest.fixture
    def outside(self) -> Outside:
        return MemoryOutside()


class TestHttpWebhookCaller(CallerSuite):
    @pytest.fixture
    async def outside(self) -> AsyncIterator[Outside]:
        made = HttpOutside()
        server = await asyncio.start_server(made.serve, LOOPBACK, 0)
        made.port = server.sockets[0].getsockname()[1]
        async with server:
            yield made
            await made.caller.close()
            await made.impatient.close()
