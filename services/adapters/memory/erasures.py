"""How would erasures be kept if there were no database? The twin of port `ErasureStore`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from services.adapters.memory.dead_letters import MemoryDeadLetters
from services.adapters.memory.faults import Faults, faulty
from services.adapters.memory.jobs import MemorySendJobs
from services.adapters.memory.refusals import MemoryRefusals, without_original
from services.adapters.memory.rfis import MemoryRfis
from services.adapters.mongo.erasures import RECORDS
from services.core.codes import RfiState
from services.core.erasing import ERASED, NOBODY
from services.core.erasures import Erasure, Original
from services.core.mail import JobState, Role
from services.core.rfi import Rfi

_UNSENT = frozenset({JobState.PENDING, JobState.LEASED, JobState.FAILED})


class MemoryErasures:
    """Erasures by id, in `stored`; it reaches into the other twins."""

    def __init__(
        self,
        rfis: MemoryRfis,
        jobs: MemorySendJobs,
        refusals: MemoryRefusals,
        letters: MemoryDeadLetters,
        faults: Faults | None = None,
    ) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, Erasure] = {}
        self._rfis, self._jobs, self._refusals, self._letters = rfis, jobs, refusals, letters

    @faulty
    async def put(self, erasure: Erasure) -> None:
        """Insert or replace."""
        self.stored[erasure.id] = RECORDS.as_stored(erasure)

    @faulty
    async def unfinished(self, limit: int) -> list[Erasure]:
        """The oldest first."""
        found = [each for each in self.stored.values() if each.done_at is None]
        return sorted(found, key=lambda each: each.at)[:limit]

    @faulty
    async def listed(self, limit: int) -> list[Erasure]:
        """Newest first."""
        return sorted(self.stored.values(), key=lambda each: each.at, reverse=True)[:limit]

    @faulty
    async def rfi_ids_of(self, email: str) -> list[str]:
        """Whatever the case."""
        wanted = email.casefold()
        return sorted(i for i, rfi in self._rfis.stored.items() if rfi.customer.contact.email.casefold() == wanted)

    @faulty
    async def accepted_before(self, at: datetime, after: datetime | None, limit: int) -> list[Rfi]:
        """A page, and then the rest of its last instant."""
        found = [
            rfi
            for rfi in self._rfis.stored.values()
            if rfi.accepted_at < at
            and (after is None or rfi.accepted_at > after)
            and rfi.erased_at is None
            and rfi.state is not RfiState.ACCEPTED
        ]
        found.sort(key=lambda rfi: rfi.accepted_at)
        last = found[limit - 1].accepted_at if len(found) >= limit else None
        return [rfi for n, rfi in enumerate(found) if n < limit or rfi.accepted_at == last]

    @faulty
    async def refusals_of(self, source: str, publisher_id: str) -> list[str]:
        """All of them."""
        mine = (source, publisher_id)
        return sorted(i for i, each in self._refusals.stored.items() if (each.source, each.publisher_id) == mine)

    @faulty
    async def originals(self, after: str, limit: int) -> list[Original]:
        """In the order of ids."""
        records = {id_: each.record for id_, each in self._refusals.stored.items()}
        records |= {id_: each.record for id_, each in self._letters.stored.items()}
        kept = {i: r for i, r in records.items() if i > after and r != without_original(r)}
        return [
            Original(id=i, key=kept[i].key, value=kept[i].value, headers=kept[i].headers) for i in sorted(kept)[:limit]
        ]

    @faulty
    async def forget_originals(self, ids: Sequence[str]) -> int:
        """What is said about them stays."""
        gone = 0
        for id_ in ids:
            if (refusal := self._refusals.stored.get(id_)) is not None:
                gone += refusal.record != without_original(refusal.record)
                self._refusals.stored[id_] = replace(refusal, record=without_original(refusal.record))
            if (letter := self._letters.stored.get(id_)) is not None:
                gone += letter.record != without_original(letter.record)
                self._letters.stored[id_] = replace(letter, record=without_original(letter.record))
        return gone

    @faulty
    async def forget_recipients(self, rfi_ids: Sequence[str], why: str) -> int:
        """Those that were not sent are given up."""
        changed = 0
        for job in list(self._jobs.stored.values()):
            if job.rfi_id not in rfi_ids or job.role is not Role.CUSTOMER:
                continue
            changed += job.address != NOBODY.email
            nobody = replace(job, address=NOBODY.email, name=ERASED)
            if job.state in _UNSENT:
                nobody = replace(nobody, state=JobState.OBSOLETE, last_error=why, lease_owner=None, lease_until=None)
            self._jobs.stored[job.id] = nobody
        return changed
