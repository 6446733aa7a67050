"""How would referrals be kept if there were no database? The twin of port `ReferralStore`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.adapters.memory.faults import Faults, faulty
from services.adapters.memory.owned import by_id
from services.adapters.mongo.documents import REFERRALS
from services.adapters.mongo.guarded import sort_out
from services.adapters.mongo.referrals import oldest_first
from services.core.codes import Status
from services.core.ports import Change, Saved
from services.core.referral import Referral, Timers


@dataclass(frozen=True, slots=True)
class Deferred:
    """A referral that could not be processed."""

    until: datetime
    attempts: int
    parked: bool
    why: str = ""


class MemoryReferrals:
    """Referrals by id, in `stored`; those put off, in `deferred`."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, Referral] = {}
        self.deferred: dict[str, Deferred] = {}

    @faulty
    async def add(self, referrals: Sequence[Referral]) -> set[str]:
        """Insert what is not there."""
        there = {referral.id for referral in referrals if referral.id in self.stored}
        for referral in referrals:
            if referral.id not in there:
                self.stored[referral.id] = REFERRALS.as_stored(referral)
        return there

    @faulty
    async def load(self, ids: Sequence[str], *, partner_id: str | None = None) -> dict[str, Referral]:
        """By id."""
        return by_id(self.stored, ids, partner_id)

    @faulty
    async def for_mails(self, ids: Sequence[str]) -> dict[str, Referral]:
        """By id, without what no mail tells."""
        found = {id_: self.stored[id_] for id_ in ids if id_ in self.stored}
        return {id_: replace(each, timers=Timers(), history=(), outbox=()) for id_, each in found.items()}

    @faulty
    async def of_rfis(self, rfi_ids: Sequence[str]) -> dict[str, list[Referral]]:
        """By RFI, oldest first."""
        found: dict[str, list[Referral]] = {}
        for referral in sorted(self.stored.values(), key=oldest_first):
            if referral.rfi_id in rfi_ids:
                found.setdefault(referral.rfi_id, []).append(referral)
        return found

    @faulty
    async def save(self, changes: Sequence[Change[Referral]]) -> Saved:
        """Where the version is the expected one."""
        for change in changes:
            found = self.stored.get(change.document.id)
            if found is not None and found.version == change.expected:
                self.stored[found.id] = REFERRALS.as_stored(change.document)
                self.deferred.pop(found.id, None)
        return sort_out(changes, self.stored, REFERRALS.as_stored)

    @faulty
    async def due(self, shards: Sequence[int], at: datetime, limit: int) -> list[Referral]:
        """Most overdue first."""
        wanted = set(shards)
        due = [(self.due_at(each), each) for each in self.stored.values() if each.shard in wanted]
        ready = [(when, referral) for when, referral in due if when is not None and when <= at]
        return [referral for _, referral in sorted(ready, key=lambda pair: pair[0])[:limit]]

    def due_at(self, referral: Referral) -> datetime | None:
        """When the expirer takes it up; None when nothing is due or it is parked."""
        deferred = self.deferred.get(referral.id)
        if deferred is None:
            return referral.timers.next_due()
        return None if deferred.parked else deferred.until

    @faulty
    async def defer(
        self, id_: str, version: int, until: datetime, attempts: int, *, parked: bool, why: str = ""
    ) -> None:
        """Where the version is still that one."""
        if id_ in self.stored and self.stored[id_].version == version:
            self.deferred[id_] = Deferred(until, attempts, parked, why)

    @faulty
    async def clear_outbox(self, sent: Mapping[str, Sequence[str]]) -> None:
        """Take events out."""
        for id_, events in sent.items():
            if (kept := self.stored.get(id_)) is not None:
                self.stored[id_] = replace(kept, outbox=tuple(e for e in kept.outbox if e.id not in set(events)))

    @faulty
    async def with_outbox(self, limit: int) -> list[Referral]:
        """Changed longest ago first."""
        unsent = [referral for referral in self.stored.values() if referral.outbox]
        return sorted(unsent, key=lambda referral: referral.updated_at)[:limit]

    @faulty
    async def listed(
        self, *, partner_id: str | None = None, rfi_id: str | None = None, status: Status | None = None, limit: int = 50
    ) -> list[Referral]:
        """Newest first."""
        found = [
            referral
            for referral in self.stored.values()
            if partner_id in (None, referral.partner_id)
            and rfi_id in (None, referral.rfi_id)
            and status in (None, referral.status)
        ]
        return sorted(found, key=lambda referral: referral.created_at, reverse=True)[:limit]

    @faulty
    async def open_counts(self, profile_ids: Sequence[str]) -> dict[str, int]:
        """New and Active ones."""
        wanted = set(profile_ids)
        return dict(
            Counter(
                referral.profile_id
                for referral in self.stored.values()
                if referral.profile_id in wanted and referral.status is not Status.CLOSED
            )
        )
