"""What does it take for an RFI that comes over HTTP to be safe, and may this publisher send it?

Everything is checked as the consumer will check it, then the RFI is put on Kafka, and only then is it confirmed. Any
step may be repeated: ids are derived, and the consumer drops what it knows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from services.core import ids, ports
from services.core.errors import Problem
from services.core.rfi import Rfi
from services.core.stores import IdempotencyStore, Publisher, RfiStore
from services.intake import messages
from services.intake.handler import id_reused
from services.intake.regions import Regions
from services.intake.submission import SOURCE_HEADER, Submission, read_submission
from services.intake.validate import validate


class NotYours(Exception):
    """The event names a source that this publisher's token does not bind."""


class Rejected(Exception):
    """The RFI can't be taken; `problems` lists why."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{p.field or 'body'}: {p.message}" for p in self.problems))


@dataclass(frozen=True, slots=True)
class Receipt:
    """The RFI is on Kafka under this id."""

    id: str
    publisher_id: str


class Submitter:
    """Takes RFIs from HTTP to `rfi.submitted`."""

    def __init__(
        self,
        rfis: RfiStore,
        idempotency: IdempotencyStore,
        publisher: ports.Publisher,
        clock: ports.Clock,
        *,
        regions: Regions,
    ) -> None:
        self._rfis, self._idempotency, self._publisher = rfis, idempotency, publisher
        self._clock, self._regions = clock, regions

    async def submit(
        self,
        who: Publisher,
        body: bytes,
        headers: Iterable[tuple[str, bytes]],
        key: str | None,
        faults: Sequence[Problem] = (),
    ) -> Receipt:
        """Put the RFI on Kafka.

        Args:
            who: the publisher, known by its token.
            body: the request's body.
            headers: the envelope's headers, named as Kafka names them.
            key: of the request (Idempotency-Key); gives the RFI its id if it has none.
            faults: what is wrong with the key; told with all else.

        Raises:
            NotYours: the event names another source.
            Rejected: says every problem.
            DependencyUnavailable: nothing is confirmed; the same request may be sent again.
        """
        sent = _bound(who, body, headers)
        data = _with_id(sent.data, key)
        rfi = self._check(sent, data, who, faults)
        if key is not None:
            await self._claim(who, key, rfi)
        kept = (await self._rfis.load([rfi.id])).get(rfi.id)
        if kept is not None and kept.erased_at is not None:
            raise Rejected([_ERASED])
        if kept is not None and kept.content_hash != rfi.content_hash:
            raise Rejected([id_reused(kept)])
        await self._publish(sent, data, rfi)
        return Receipt(rfi.id, rfi.publisher_id)

    def _check(self, sent: Submission, data: object, who: Publisher, faults: Sequence[Problem]) -> Rfi:
        problems = [*faults, *sent.problems]
        if not sent.readable:
            raise Rejected(problems)
        result = validate(data, who.source, self._clock.now(), self._regions)
        if not isinstance(result, Rfi):
            raise Rejected([*problems, *result])
        if problems:
            raise Rejected(problems)
        return result

    async def _claim(self, who: Publisher, key: str, rfi: Rfi) -> None:
        # A crash behind this line leaves the key with this content, and the same request goes through again.
        kept_hash, _ = await self._idempotency.claim(
            f"request:{who.id}:{_digest(key)}", rfi.content_hash, rfi.id, self._clock.real_now()
        )
        if kept_hash != rfi.content_hash:
            message = "was used for another RFI; send a new key with a new request"
            raise Rejected([Problem("header:idempotency-key", "idempotency_key_reused", message)])

    async def _publish(self, sent: Submission, data: object, rfi: Rfi) -> None:
        message = messages.submitted(
            orjson.dumps(data),
            source=rfi.source,
            publisher_id=rfi.publisher_id,
            event_id=sent.event_id or ids.event_id(rfi.id, 1, rfi.content_hash),
            at=self._clock.now(),
            traceparent=sent.traceparent,
        )
        await self._publisher.publish([message])
        # Remembered after publishing: who asks for the status of a confirmed RFI must find it.
        note = orjson.dumps({"source": rfi.source, "publisherId": rfi.publisher_id}).decode()
        await self._idempotency.claim(submitted_key(rfi.id), rfi.content_hash, note, self._clock.real_now())


_ERASED = Problem("/id", "erased", "the data of this RFI was erased; if the customer asks anew, send it under a new id")


def submitted_key(rfi_id: str) -> str:
    """The key under which an RFI confirmed over HTTP is remembered until the consumer has stored it."""
    return f"submitted:{rfi_id}"


def _bound(who: Publisher, body: bytes, headers: Iterable[tuple[str, bytes]]) -> Submission:
    """The submission under the token's source; only an event may name a source, and only the same."""
    named = [(name, value) for name, value in headers if name.lower() != SOURCE_HEADER]
    sent = read_submission(body, named, who.source)
    if sent.source not in {None, who.source}:
        raise NotYours(f"this token publishes as {who.source}; leave the source out or send this one")
    return sent


def _with_id(data: object, key: str | None) -> object:
    if key is None or not isinstance(data, dict) or "id" in data:
        return data
    return {**data, "id": f"key-{_digest(key)[:32]}"}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
