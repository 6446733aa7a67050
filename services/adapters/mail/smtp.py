"""How do batches of mails reach the relay: over which connections, how many at a time?

aiosmtplib connects, says EHLO, upgrades to TLS and signs in; then `Conversation` takes the connection over.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Literal, cast

import structlog
from aiosmtplib import SMTP, SMTPException

from services.adapters.mail.conversation import Conversation, Timeouts
from services.adapters.mail.replies import ConnectionBrokenError, ReplyQueue
from services.core.mail import Delivery, Envelope, Outcome

log = structlog.get_logger("smtp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """Where mails go, and how."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: Literal["none", "starttls", "tls"] = "none"
    ca_file: str | None = None
    #: PEM file of the authorities that its certificate is signed by; None: the system's.
    connections: int = 4
    #: Most connections at a time.
    mails_per_connection: int = 1000
    idle_s: float = 30.0
    #: A connection unused for longer is closed: servers hang up on idle clients.
    connect_timeout_s: float = 30.0
    breaks_per_batch: int = 3
    #: Connections that may break under one worker in one batch before the rest of the batch waits for its retry.
    timeouts: Timeouts = field(default_factory=Timeouts)


class SmtpMailer:
    """The `Mailer` port over SMTP."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._idle: list[tuple[float, Conversation]] = []
        self._free = asyncio.Semaphore(relay.connections)

    async def send(self, envelopes: Sequence[Envelope]) -> Sequence[Delivery]:
        """Try each envelope once (see the port)."""
        queue = deque(envelopes)
        deliveries: dict[str, Delivery] = {}
        reasons: list[str] = []
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(self._relay.connections, len(queue))):
                workers.create_task(self._work(queue, deliveries, reasons))
        detail = reasons[-1] if reasons else "not tried"
        for left in queue:
            deliveries[left.job_id] = Delivery(job_id=left.job_id, outcome=Outcome.RETRY, detail=detail)
        return list(deliveries.values())

    async def close(self) -> None:
        """Say goodbye on every idle connection."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(conversation.quit() for _, conversation in idle))

    async def _work(self, queue: deque[Envelope], deliveries: dict[str, Delivery], reasons: list[str]) -> None:
        def note(delivery: Delivery) -> None:
            deliveries[delivery.job_id] = delivery

        breaks = 0
        async with self._free:
            while queue and breaks < self._relay.breaks_per_batch:
                try:
                    conversation = await self._connection()
                    await self._converse(conversation, queue, note)
                except ConnectionBrokenError as broken:
                    breaks += 1
                    reasons.append(str(broken))
                    log.warning("smtp.connection_broken", reason=str(broken))
                except (SMTPException, OSError, ValueError) as error:
                    # Not connected, not signed in: every further try in this batch would meet the same.
                    reasons.append(f"no connection to the relay ({type(error).__name__})")
                    log.warning("smtp.not_connected", error=type(error).__name__)
                    return

    async def _converse(
        self, conversation: Conversation, queue: deque[Envelope], note: Callable[[Delivery], None]
    ) -> None:
        room = self._relay.mails_per_connection - conversation.sent
        try:
            await conversation.run(queue, note, room)
        except BaseException:
            conversation.close()
            raise
        if conversation.sent < self._relay.mails_per_connection and conversation.usable:
            self._idle.append((monotonic(), conversation))
        else:
            await conversation.quit()

    async def _connection(self) -> Conversation:
        while self._idle:
            since, conversation = self._idle.pop()
            if conversation.usable and monotonic() - since < self._relay.idle_s:
                return conversation
            conversation.close()
        return await self._connect()

    async def _connect(self) -> Conversation:
        relay = self._relay
        client = SMTP(
            hostname=relay.host,
            port=relay.port,
            timeout=relay.connect_timeout_s,
            use_tls=relay.tls == "tls",
            start_tls=relay.tls == "starttls",
            username=relay.user,
            password=relay.password,
            cert_bundle=relay.ca_file,
        )
        await client.connect()
        if client.is_ehlo_or_helo_needed:
            await client.ehlo()
        # After STARTTLS the client's own attribute still names the plain transport; its protocol has the true one.
        transport = client.protocol.transport if client.protocol else None
        if transport is None or transport.is_closing():
            raise ConnectionResetError("connection lost while signing in")
        replies = ReplyQueue(cast("asyncio.Transport", transport))
        cast("asyncio.Transport", transport).set_protocol(replies)
        return Conversation(
            replies,
            pipelining=client.supports_extension("pipelining"),
            utf8=client.supports_extension("smtputf8"),
            timeouts=relay.timeouts,
        )
