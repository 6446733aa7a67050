"""What happens to a batch of submitted RFIs: which are accepted, which refused, and who hears of it?

The order is: store what is new, store refusals, publish both, return (then the offsets are committed). A crash at any
point brings the batch again; ids are derived from the content and from the place in the log, so storing again changes
nothing and publishing again repeats the same events. An RFI stored but not yet told is told by the redelivery, because
identical duplicates are told too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from prometheus_client import CollectorRegistry

from services.core import ids
from services.core.errors import Problem
from services.core.ports import Clock, Failure, Publisher, Record
from services.core.rfi import Rfi
from services.core.stores import Refusal, RefusalStore, RfiStore
from services.intake import messages
from services.intake.metrics import IntakeMetrics
from services.intake.normalise import content_hash
from services.intake.regions import Regions
from services.intake.submission import Submission, read_submission
from services.intake.validate import validate

log = structlog.get_logger("intake")

#: Bytes of RFIs checked before others (heartbeats, /live, the HTTP side) may run.
BYTES_AT_A_TIME = 256 * 1024

#: Source of plain records that do not name one.
DEFAULT_SOURCE = "urn:kafka:rfi.submitted"


@dataclass(slots=True)
class _Batch:
    """A batch, read and checked."""

    rfis: dict[str, Rfi] = field(default_factory=dict)
    #: The first RFI of each id.
    copies: list[tuple[Rfi, Record]] = field(default_factory=list)
    #: Every valid RFI with its record.
    refusals: list[Refusal] = field(default_factory=list)
    doubtful: list[tuple[str, str, Refusal]] = field(default_factory=list)
    #: Refused now, though they may have been accepted before: id, content hash, refusal.


class IntakeHandler:
    """Handles batches of `rfi.submitted`. Nothing a publisher sends is a failure: what can't be accepted is refused.

    One thing is neither: an RFI whose customer's data was erased. Whatever comes under its id is dropped.
    """

    def __init__(
        self,
        rfis: RfiStore,
        refusals: RefusalStore,
        publisher: Publisher,
        clock: Clock,
        *,
        regions: Regions,
        default_source: str = DEFAULT_SOURCE,
        metrics: IntakeMetrics | None = None,
    ) -> None:
        self._rfis, self._refusals, self._publisher = rfis, refusals, publisher
        self._clock, self._regions, self._default_source = clock, regions, default_source
        self._metrics = metrics or IntakeMetrics(CollectorRegistry())

    async def __call__(self, records: Sequence[Record]) -> list[Failure]:
        """Accept or refuse every record.

        Raises:
            DependencyUnavailable: the batch must come again; whatever was done already does no harm then.
        """
        now = self._clock.now()
        batch = await self._read(records, now)
        stored = await self._rfis.add(list(batch.rfis.values())) if batch.rfis else {}
        accepted = self._settle(batch, stored, now) + await self._accepted_before(batch)
        if batch.refusals:
            await self._refusals.put(batch.refusals)
        told = [messages.accepted(rfi) for rfi in accepted] + [messages.refused(r) for r in batch.refusals]
        await self._publisher.publish(told)
        new, known = len(batch.rfis) - len(stored), len(stored)
        self._metrics.batch(new=new, known=known, refusals=batch.refusals)
        log.info("intake_batch", records=len(records), new=new, known=known, refused=len(batch.refusals))
        return []

    async def damaged(self, records: Sequence[tuple[Record, str]]) -> None:
        """Refuse records that Kafka's client could not decode, each with why not: a publisher hears of these, too.

        Raises:
            DependencyUnavailable: as above.
        """
        now = self._clock.now()
        refusals = [self._damaged(record, reason, now) for record, reason in records]
        await self._refusals.put(refusals)
        await self._publisher.publish([messages.refused(refusal) for refusal in refusals])
        self._metrics.batch(new=0, known=0, refusals=refusals)
        log.warning("intake_damaged", records=[record.where for record, _ in records][:10], number=len(records))

    def _damaged(self, record: Record, reason: str, now: datetime) -> Refusal:
        problem = Problem("", "damaged", f"must arrive whole ({reason}); send it again")
        if record.value is None:
            return refusal_of(record, None, None, [problem], now)
        sent = read_submission(record.value, record.headers, self._default_source)
        return refusal_of(record, sent.source, sent.publisher_id, [problem, *sent.problems], now)

    async def _read(self, records: Sequence[Record], now: datetime) -> _Batch:
        batch, unbroken = _Batch(), 0
        for record in records:
            sent = read_submission(record.value, record.headers, self._default_source)
            result = self._check(sent, now)
            if isinstance(result, Rfi):
                batch.rfis.setdefault(result.id, result)
                batch.copies.append((result, record))
            else:
                self._note(batch, sent, refusal_of(record, sent.source, sent.publisher_id, result, now))
            unbroken += len(record.value or b"")
            if unbroken >= BYTES_AT_A_TIME:
                unbroken = 0
                await asyncio.sleep(0)
        return batch

    def _note(self, batch: _Batch, sent: Submission, refusal: Refusal) -> None:
        if refusal.source and refusal.publisher_id and not sent.problems:
            id_ = ids.rfi_id(refusal.source, refusal.publisher_id)
            batch.doubtful.append((id_, content_hash(sent.data), refusal))
        else:
            batch.refusals.append(refusal)

    async def _accepted_before(self, batch: _Batch) -> list[Rfi]:
        """The RFIs of doubtful refusals that are stored with this very content; the other refusals stand.

        Time has passed since they were accepted, or the rules have become stricter. What was stored wins: a crash may
        have kept it from being told.
        """
        kept = await self._rfis.load([id_ for id_, _, _ in batch.doubtful]) if batch.doubtful else {}
        accepted: dict[str, Rfi] = {}
        for id_, content, refusal in batch.doubtful:
            rfi = kept.get(id_)
            if rfi is not None and rfi.erased_at is not None:
                _drop(rfi)
            elif rfi is not None and rfi.content_hash == content:
                accepted[id_] = rfi
            else:
                batch.refusals.append(refusal)
        return list(accepted.values())

    def _check(self, sent: Submission, now: datetime) -> Rfi | Sequence[Problem]:
        if not sent.readable:
            return sent.problems
        # The data is checked although the envelope is at fault, so that the publisher hears everything at once.
        result = validate(sent.data, sent.source or "", now, self._regions)
        if isinstance(result, Rfi):
            return sent.problems or result
        return [*sent.problems, *result]

    def _settle(self, batch: _Batch, stored: dict[str, Rfi], now: datetime) -> list[Rfi]:
        """The RFIs to tell as accepted, as they are stored; other content under a known id becomes a refusal."""
        accepted: dict[str, Rfi] = {}
        for rfi, record in batch.copies:
            kept = stored.get(rfi.id) or batch.rfis[rfi.id]
            if kept.erased_at is not None:
                _drop(kept)
            elif kept.content_hash == rfi.content_hash:
                accepted[kept.id] = kept
            else:
                batch.refusals.append(refusal_of(record, rfi.source, rfi.publisher_id, [id_reused(kept)], now))
        return list(accepted.values())


def _drop(rfi: Rfi) -> None:
    """An RFI whose customer was erased comes again: it is neither accepted nor kept as a refusal."""
    log.info("erased_rfi_dropped", rfi_id=rfi.id)


def refusal_of(
    record: Record, source: str | None, publisher_id: str | None, problems: Sequence[Problem], at: datetime
) -> Refusal:
    """The refusal of a record; its id is the record's place in the log, so a redelivery refuses once."""
    return Refusal(
        id=ids.refusal_id(record.topic, record.partition, record.offset),
        source=source,
        publisher_id=publisher_id,
        problems=tuple(problems),
        at=at,
        record=record,
    )


def id_reused(kept: Rfi) -> Problem:
    """The problem of an RFI whose id belongs to another one."""
    when = kept.accepted_at.isoformat(timespec="seconds")
    return Problem("/id", "id_reused", f"another RFI with this id was accepted at {when}; send this one under a new id")
