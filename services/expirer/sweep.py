"""What time does: ticks in, due referrals decided and written, their events published.

A tick says that time has come this far for a shard; late ticks collapse to the newest. A crash before the write leaves
the referral due for the next tick; a crash after it leaves events in the document's outbox, which the relay sends. So
the offset of a tick may be committed whatever happened to its referrals: time comes again by itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from services.core.codes import PolicyName
from services.core.errors import ExchangeError, Invalid
from services.core.policy import Policy
from services.core.ports import Change, Clock, Failure, Record
from services.core.referral import Referral
from services.core.stores import ReferralStore
from services.core.tick import advance
from services.expirer.digests import DigestSweep

log = structlog.get_logger("expirer")

#: Waits after a referral could not be processed, by attempt; after the last it is parked for a person.
BACKOFF = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has come to `at` for `shard`."""

    shard: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepLimits:
    """Bounds of one handler call, so that a flood of due referrals can't keep the consumer from polling."""

    batch: int = 500
    #: Referrals read and written at a time.
    rounds: int = 20
    #: Batches for one call; what is left is due again at the next tick.


class ExpirerHandler:
    """Consumes `clock.ticks`: sweeps the shards that ticked."""

    def __init__(  # noqa: D417 - the types say the rest
        self,
        *,
        referrals: ReferralStore,
        publish: Callable[[Sequence[Referral]], Awaitable[None]],
        clock: Clock,
        policies: Mapping[PolicyName, Policy],
        decode: Callable[[Record], Tick],
        digests: DigestSweep | None = None,
        limits: SweepLimits | None = None,
    ) -> None:
        """Take the ports.

        Args:
            publish: publishes the whole outbox of the written referrals and then clears it.
            digests: what else a tick is for.
        """
        self._referrals, self._publish, self._clock = referrals, publish, clock
        self._policies, self._decode, self._limits = policies, decode, limits or SweepLimits()
        self._digests = digests
        self._attempts: dict[str, int] = {}

    async def __call__(self, records: Sequence[Record]) -> Sequence[Failure]:
        """Sweep every shard that ticked, up to the newest tick; never beyond the clock."""
        failures: list[Failure] = []
        ticks: list[Tick] = []
        for record in records:
            try:
                ticks.append(self._decode(record))
            except Invalid as error:
                failures.append(Failure(record, error))
        if ticks:
            # A ticker whose clock runs ahead must not expire anything early.
            at = min(max(tick.at for tick in ticks), self._clock.now())
            shards = sorted({tick.shard for tick in ticks})
            await self.sweep(shards, at)
            if self._digests is not None:
                await self._digests.sweep(shards, at)
        return failures

    async def sweep(self, shards: Sequence[int], at: datetime) -> int:
        """Process what is due in the shards at `at`; returns how many referrals changed."""
        changed = 0
        for _ in range(self._limits.rounds):
            due = await self._referrals.due(shards, at, self._limits.batch)
            written = await self._advance(due, at) if due else 0
            changed += written
            # Nothing written means that all of it was deferred or won by others: the next tick looks again.
            if len(due) < self._limits.batch or not written:
                break
        if changed:
            log.info("swept", shards=len(shards), changed=changed, at=at.isoformat())
        return changed

    async def _advance(self, due: Sequence[Referral], at: datetime) -> int:
        changes: list[Change[Referral]] = []
        for referral in due:
            try:
                later = advance(referral, at, self._policies[referral.policy])
            except (ExchangeError, ValueError, TypeError, KeyError, ArithmeticError) as error:
                await self._defer(referral, at, error)
                continue
            if later is not None:
                changes.append(Change(later, referral.version))
        saved = await self._referrals.save(changes) if changes else None
        if saved is None or not saved.written:
            return 0
        won = set(saved.written)
        await self._publish([change.document for change in changes if change.document.id in won])
        for id_ in won:
            self._attempts.pop(id_, None)
        return len(won)

    async def _defer(self, referral: Referral, at: datetime, error: Exception) -> None:
        """Push a referral back that cannot be decided, so that it can't starve its shard."""
        attempt = self._attempts.get(referral.id, 0)
        parked = attempt >= len(BACKOFF)
        until = at + BACKOFF[min(attempt, len(BACKOFF) - 1)]
        self._attempts[referral.id] = attempt + 1
        log.error(
            "referral_deferred",
            referral_id=referral.id,
            attempts=attempt + 1,
            parked=parked,
            error=type(error).__name__,
        )
        why = type(error).__name__
        await self._referrals.defer(referral.id, referral.version, until, attempt + 1, parked=parked, why=why)
        if parked:  # Whoever releases it grants all attempts anew.
            self._attempts.pop(referral.id, None)
