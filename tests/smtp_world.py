"""How does a test get an SMTP server that misbehaves on demand and remembers what it truly accepted?

The fault is named by the recipient: a mail to `drop_kept-7@x.example` is kept, then the connection is cut.
"""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from services.core.mail import Envelope

FAULTS = (
    "ok",
    "rcpt_later",
    "rcpt_never",
    "rcpt_refused_yet_354",
    "mail_refused",
    "data_refused",
    "dot_later",
    "dot_never",
    "closing_at_rcpt",
    "closing_at_dot",
    "drop_at_rcpt",
    "drop_unkept",
    "drop_kept",
    "slow",
    "garbage_at_dot",
)


@dataclass
class SmtpWorld:
    """One server: what it offers, and what it has accepted (recipient and content, dots undone)."""

    pipelining: bool = True
    dribble: bool = False
    #: Answers arrive byte by byte.
    starttls: ssl.SSLContext | None = None
    #: Offers STARTTLS with this certificate.
    login: tuple[str, str] | None = None
    #: User and password without which it takes no mail.
    accepted: list[tuple[str, bytes]] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def count(self, envelope: Envelope) -> int:
        """How often the envelope was accepted, content and all."""
        return self.accepted.count((envelope.recipient, envelope.message))

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            await _Talk(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def drop_all(self) -> None:
        """Close every connection, as servers do with idle clients."""
        for writer in list(self._writers):
            writer.close()


@dataclass
class _Talk:
    world: SmtpWorld
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    in_transaction: bool = False
    encrypted: bool = False
    signed_in: bool = False
    recipient: str | None = None
    last_recipient: str = ""

    async def run(self) -> None:
        await self.say("220 test")
        while line := (await self.reader.readline()).decode():
            verb, _, rest = line.strip().partition(" ")
            if not await getattr(self, f"on_{verb.lower()}")(rest):
                return

    async def on_quit(self, _: str) -> bool:
        await self.say("221 bye")
        return False

    async def say(self, reply: str) -> bool:
        data = reply.encode() + b"\r\n"
        for piece in [data[at : at + 1] for at in range(len(data))] if self.world.dribble else [data]:
            self.writer.write(piece)
            if self.world.dribble:
                await self.writer.drain()
                await asyncio.sleep(0)
        await self.writer.drain()
        return True

    async def on_ehlo(self, _: str) -> bool:
        offers = ["PIPELINING"] if self.world.pipelining else []
        offers += ["STARTTLS"] if self.world.starttls and not self.encrypted else []
        offers += ["AUTH PLAIN"] if self.world.login and (self.encrypted or not self.world.starttls) else []
        for name in ("test", *offers, "8BITMIME"):
            await self.say(f"250-{name}")
        return await self.say("250 SIZE 1000000")

    async def on_starttls(self, _: str) -> bool:
        if self.world.starttls is None:
            return await self.say("502 no TLS here")
        await self.say("220 go on")
        await self.writer.start_tls(self.world.starttls)
        self.encrypted = True
        return True

    async def on_auth(self, rest: str) -> bool:
        mechanism, _, answer = rest.partition(" ")
        given = tuple(b64decode(answer).decode().split("\0")[1:])
        self.signed_in = mechanism == "PLAIN" and given == self.world.login
        return await self.say("235 welcome" if self.signed_in else "535 5.7.8 who are you?")

    async def on_rset(self, _: str) -> bool:
        self.in_transaction, self.recipient = False, None
        return await self.say("250 OK")

    async def on_mail(self, rest: str) -> bool:
        if self.world.login and not self.signed_in:
            return await self.say("530 5.7.0 sign in first")
        if self.in_transaction:
            return await self.say("503 nested MAIL")
        if "mail_refused" in rest:
            return await self.say("550 we do not know that sender")
        self.in_transaction = True
        return await self.say("250 OK")

    async def on_rcpt(self, rest: str) -> bool:
        self.last_recipient = rest.partition("<")[2].partition(">")[0]
        fault = self.last_recipient.partition("-")[0]
        if fault == "drop_at_rcpt":
            return False
        if fault == "closing_at_rcpt":
            await self.say("421 closing")
            return False
        if not self.in_transaction:
            return await self.say("503 MAIL first")
        if fault == "rcpt_later":
            return await self.say("450 4.2.1 greylisted")
        if fault in {"rcpt_never", "rcpt_refused_yet_354"}:
            return await self.say(f"550 5.1.1 <{self.last_recipient}> unknown")
        self.recipient = self.last_recipient
        return await self.say("250 OK")

    async def on_data(self, _: str) -> bool:
        fault = self.last_recipient.partition("-")[0]
        if self.recipient is None and fault != "rcpt_refused_yet_354":
            return await self.say("503 no valid recipient")
        if fault == "data_refused":
            return await self.say("554 no mails today")
        await self.say("354 go on")
        raw = await self.reader.readuntil(b"\r\n.\r\n")
        content = raw[:-3].replace(b"\r\n..", b"\r\n.")
        content = content[1:] if content.startswith(b"..") else content
        recipient, self.in_transaction, self.recipient = self.recipient or "nobody", False, None
        return await self.end_mail(fault, recipient, content)

    async def end_mail(self, fault: str, recipient: str, content: bytes) -> bool:
        refusals = {"dot_later": "451 4.3.0 try again", "dot_never": "554 5.7.1 refused"}
        if fault in refusals:
            return await self.say(refusals[fault])
        if fault == "closing_at_dot":
            await self.say("421 4.3.2 shutting down")
            return False
        if fault != "drop_unkept":
            self.world.accepted.append((recipient, content))
        if fault in {"drop_unkept", "drop_kept"}:
            return False
        if fault == "garbage_at_dot":
            return await self.say("what?")
        if fault == "slow":
            await self.say("250-still")
        return await self.say("250 queued")


@asynccontextmanager
async def smtp_world(
    *,
    pipelining: bool = True,
    dribble: bool = False,
    tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    login: tuple[str, str] | None = None,
) -> AsyncIterator[SmtpWorld]:
    """A server on a free port; with `tls` every connection is encrypted from the first byte."""
    world = SmtpWorld(pipelining=pipelining, dribble=dribble, starttls=starttls, login=login)
    server = await asyncio.start_server(world.converse, "127.0.0.1", 0, ssl=tls)
    world.port = server.sockets[0].getsockname()[1]
    try:
        yield world
    finally:
        server.close()
        world.drop_all()
        await server.wait_closed()
        while world._writers:  # noqa: ASYNC110 - the server of 3.11 does not wait for its conversations
            await asyncio.sleep(0)
