"""What is said to an SMTP server to hand it mails, and what became of each when it ends early?

With PIPELINING (RFC 2920) one write carries the body of a mail and `MAIL RCPT DATA` of the next, so a mail costs one
round trip, and while all goes well nobody is woken for it; without it every command waits for its answer. Until our
final dot is written a mail cannot have been accepted (RETRY); once it is written and no answer comes, nobody can know
(UNKNOWN, RFC 1047).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from services.adapters.mail.replies import ConnectionBrokenError, Reply, ReplyQueue
from services.adapters.mail.verdicts import At, delivered, refusal, unknown, unusable
from services.core.mail import Delivery, Envelope, Outcome

_GO_AHEAD = 354
_CLOSING = 421
_OK = range(200, 300)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Longest waits in seconds (RFC 5321, 4.5.3.2); a short one at the final dot makes duplicates."""

    command_s: float = 300.0
    final_dot_s: float = 600.0


class Conversation:
    """One open connection, ready for transactions.

    Args:
        replies: the connection.
        pipelining: whether the server offered it.
        utf8: whether the server offered SMTPUTF8.
        timeouts: longest waits.
    """

    def __init__(self, replies: ReplyQueue, *, pipelining: bool, utf8: bool, timeouts: Timeouts) -> None:
        self._replies, self._pipelining, self._utf8, self._timeouts = replies, pipelining, utf8, timeouts
        self._dirty = False
        self._left = 0
        #: Envelopes that the present run may still take.
        self.sent = 0
        #: Mails tried on this connection.
        self.heard = False
        #: Whether the server has answered anything in the present run.

    @property
    def usable(self) -> bool:
        """Whether another run may begin."""
        return self._replies.usable

    async def run(self, queue: deque[Envelope], note: Callable[[Delivery], None], limit: int) -> None:
        """Take envelopes off the queue, at most `limit`, and note what became of each taken one.

        An envelope of which only commands were sent when the connection broke goes back to the queue if that was not
        its own doing.

        Raises:
            ConnectionBrokenError: the connection ended; what was taken has been noted or put back.
        """
        self.heard, self._left = False, limit
        body: Envelope | None = None
        try:
            while body is not None or (queue and self._left > 0):
                following = self._next(queue, note)
                before, body = body, None
                body = await self._turn(before, following, queue, note)
        except ConnectionBrokenError:
            self._replies.close()
            raise

    async def quit(self) -> None:
        """End the conversation politely."""
        await self._replies.quit()

    def close(self) -> None:
        """End it at once."""
        self._replies.close()

    def _next(self, queue: deque[Envelope], note: Callable[[Delivery], None]) -> Envelope | None:
        while queue and self._left > 0:
            envelope = queue.popleft()
            if (refused := unusable(envelope, utf8=self._utf8)) is None:
                self._left -= 1
                return envelope
            note(refused)
        return None

    async def _turn(
        self,
        before: Envelope | None,
        following: Envelope | None,
        queue: deque[Envelope],
        note: Callable[[Delivery], None],
    ) -> Envelope | None:
        """Finish `before` (its 354 has come) and open `following`; return `following` if it got its 354."""
        if before is not None:
            ends = _stuffed(before.message)
            try:
                early = self._pipelining and following is not None
                self._replies.write(ends + self._opening(following) if early and following else ends)
            except ConnectionBrokenError as broken:
                note(Delivery(job_id=before.job_id, outcome=Outcome.RETRY, detail=str(broken)))
                _put_back(following, queue)
                raise
            if early and following is not None:
                before, following = await self._flow(before, following, queue, note)
                if following is None:
                    return before
            await self._dot(before, following, queue, note)
            if early and following is not None:
                return await self._opened(following, note)
        if following is None:
            return None
        return await self._open(following, queue, note)

    async def _flow(
        self, before: Envelope, following: Envelope, queue: deque[Envelope], note: Callable[[Delivery], None]
    ) -> tuple[Envelope, Envelope | None]:
        """Go on from mail to mail while every answer is as wished.

        Returns the mail of which the body is sent and the one of which the commands are, their answers still to be
        read; or, when there is no further mail to take, the one that got its 354, and None.
        """
        sent, opened, ended = before, following, False

        def step() -> bytes | None:
            nonlocal sent, opened, ended
            note(delivered(sent))
            self.sent += 1
            coming, sent = self._next(queue, note), opened
            if coming is None:
                ended = True
                return None
            opened = coming
            return _stuffed(sent.message) + self._opening(coming)

        await self._replies.stream(step, self._timeouts.final_dot_s)
        return sent, None if ended else opened

    async def _dot(
        self,
        envelope: Envelope,
        following: Envelope | None,
        queue: deque[Envelope],
        note: Callable[[Delivery], None],
    ) -> None:
        self.sent += 1
        try:
            reply = await self._read(self._timeouts.final_dot_s)
        except ConnectionBrokenError as broken:
            note(unknown(envelope, str(broken)))
            _put_back(following, queue)
            raise
        note(delivered(envelope) if reply.code in _OK else refusal(envelope, reply, at="dot"))
        if reply.code == _CLOSING:
            _put_back(following, queue)
            raise ConnectionBrokenError("421")

    async def _open(
        self, envelope: Envelope, queue: deque[Envelope], note: Callable[[Delivery], None]
    ) -> Envelope | None:
        try:
            if self._pipelining:
                self._replies.write(self._opening(envelope))
        except ConnectionBrokenError:
            _put_back(envelope, queue)
            raise
        if self._pipelining:
            return await self._opened(envelope, note, queue)
        return await self._lockstep(envelope, note, queue)

    async def _opened(
        self, envelope: Envelope, note: Callable[[Delivery], None], queue: deque[Envelope] | None = None
    ) -> Envelope | None:
        """Read the answers to RSET?, MAIL, RCPT, DATA, all sent already."""
        reset, self._dirty = self._dirty, False
        try:
            if reset:
                await self._read(self._timeouts.command_s)
            answers = [await self._read(self._timeouts.command_s) for _ in range(3)]
        except ConnectionBrokenError as broken:
            self._lost(envelope, broken, note, queue)
            raise
        return self._judge(envelope, answers, note)

    async def _lockstep(
        self, envelope: Envelope, note: Callable[[Delivery], None], queue: deque[Envelope]
    ) -> Envelope | None:
        answers: list[Reply] = []
        try:
            if self._dirty:
                self._dirty = False
                await self._ask(b"RSET\r\n")
            for command, wanted in zip(self._commands(envelope), (250, 250, _GO_AHEAD), strict=True):
                answers.append(await self._ask(command))
                if answers[-1].code // 100 != wanted // 100:
                    break
        except ConnectionBrokenError as broken:
            self._lost(envelope, broken, note, queue)
            raise
        return self._judge(envelope, answers, note)

    def _judge(self, envelope: Envelope, answers: list[Reply], note: Callable[[Delivery], None]) -> Envelope | None:
        """Return the envelope if the server waits for its body; else note why not."""
        stages: tuple[At, At, At] = ("mail", "rcpt", "data")
        for at, answer in zip(stages, answers, strict=False):
            if answer.code in _OK or (at == "data" and answer.code == _GO_AHEAD):
                continue
            note(refusal(envelope, answer, at=at))
            self._dirty = True
            if answers[-1].code == _GO_AHEAD or any(a.code == _CLOSING for a in answers):
                # It waits for a body though it refused: ending the connection is the one end that delivers nothing.
                raise ConnectionBrokenError("the server refused, and yet waits for a mail")
            return None
        if answers[-1].code != _GO_AHEAD:
            note(refusal(envelope, answers[-1], at="data"))
            raise ConnectionBrokenError("the server answered DATA out of order")
        return envelope

    def _lost(
        self,
        envelope: Envelope,
        broken: ConnectionBrokenError,
        note: Callable[[Delivery], None],
        queue: deque[Envelope] | None,
    ) -> None:
        # An idle connection that the server had closed meanwhile says nothing about the mail.
        if not self.heard and queue is not None:
            queue.appendleft(envelope)
        else:
            note(Delivery(job_id=envelope.job_id, outcome=Outcome.RETRY, detail=str(broken)))

    async def _ask(self, command: bytes) -> Reply:
        self._replies.write(command)
        return await self._read(self._timeouts.command_s)

    async def _read(self, timeout_s: float) -> Reply:
        reply = await self._replies.read(timeout_s)
        self.heard = True
        return reply

    def _commands(self, envelope: Envelope) -> tuple[bytes, bytes, bytes]:
        option = b" SMTPUTF8" if self._utf8 and not envelope.recipient.isascii() else b""
        sender, recipient = envelope.sender.encode(), envelope.recipient.encode()
        return b"MAIL FROM:<%b>%b\r\n" % (sender, option), b"RCPT TO:<%b>\r\n" % recipient, b"DATA\r\n"

    def _opening(self, envelope: Envelope) -> bytes:
        return (b"RSET\r\n" if self._dirty else b"") + b"".join(self._commands(envelope))


def _put_back(envelope: Envelope | None, queue: deque[Envelope]) -> None:
    if envelope is not None:
        queue.appendleft(envelope)


def _stuffed(message: bytes) -> bytes:
    """The mail as it goes after DATA: dots doubled (RFC 5321, 4.5.2), ended by the final dot."""
    if message.startswith(b"."):
        message = b"." + message
    message = message.replace(b"\r\n.", b"\r\n..")
    return message + (b".\r\n" if message.endswith(b"\r\n") else b"\r\n.\r\n")
