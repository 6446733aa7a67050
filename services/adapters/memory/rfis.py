"""How would engagements be kept if there were no database? The twin of port `RfiStore`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from services.adapters.memory.faults import Faults, faulty
from services.adapters.mongo.documents import RFIS, ROUTINGS
from services.adapters.mongo.guarded import sort_out
from services.core.codes import RfiState
from services.core.ports import Change, Saved
from services.core.rfi import Person, Rfi, Routing


class MemoryRfis:
    """RFIs by id, in `stored`."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, Rfi] = {}

    @faulty
    async def add(self, rfis: Sequence[Rfi]) -> dict[str, Rfi]:
        """Insert what is not there."""
        there: dict[str, Rfi] = {}
        for rfi in rfis:
            if rfi.id in self.stored:
                there[rfi.id] = self.stored[rfi.id]
            else:
                self.stored[rfi.id] = RFIS.as_stored(rfi)
        return there

    @faulty
    async def load(
        self, ids: Sequence[str], states: Collection[RfiState] | None = None, *, source: str | None = None
    ) -> dict[str, Rfi]:
        """By id."""
        found = [self.stored[id_] for id_ in ids if id_ in self.stored]
        sent = [rfi for rfi in found if source in (None, rfi.source)]
        return {rfi.id: rfi for rfi in sent if states is None or rfi.state in states}

    @faulty
    async def for_mails(self, ids: Sequence[str]) -> dict[str, Rfi]:
        """By id, without what no mail tells."""
        return {id_: _for_mails(self.stored[id_]) for id_ in ids if id_ in self.stored}

    @faulty
    async def customers(self, ids: Sequence[str]) -> dict[str, Person]:
        """By id of the RFI."""
        return {id_: self.stored[id_].customer.contact for id_ in ids if id_ in self.stored}

    @faulty
    async def route(self, routings: Mapping[str, Routing]) -> dict[str, Rfi]:
        """Only what is accepted and not routed."""
        others: dict[str, Rfi] = {}
        for id_, routing in routings.items():
            rfi, kept = self.stored.get(id_), ROUTINGS.as_stored(routing)
            if rfi is None or rfi.routing == kept:
                continue
            if rfi.state is not RfiState.ACCEPTED or rfi.routing is not None:
                others[id_] = rfi
                continue
            state = RfiState.ROUTED if routing.chosen else RfiState.NO_MATCH
            self.stored[id_] = replace(rfi, routing=kept, state=state, version=rfi.version + 1)
        return others

    @faulty
    async def save(self, changes: Sequence[Change[Rfi]]) -> Saved:
        """Where the version is the expected one."""
        for change in changes:
            found = self.stored.get(change.document.id)
            if found is not None and found.version == change.expected:
                self.stored[found.id] = RFIS.as_stored(change.document)
        return sort_out(changes, self.stored, RFIS.as_stored)

    @faulty
    async def clear_outbox(self, sent: Mapping[str, Sequence[str]]) -> None:
        """Take events out."""
        for id_, events in sent.items():
            if (rfi := self.stored.get(id_)) is not None:
                self.stored[id_] = replace(rfi, outbox=tuple(e for e in rfi.outbox if e.id not in set(events)))

    @faulty
    async def with_outbox(self, limit: int) -> list[Rfi]:
        """Oldest unsent event first."""
        unsent = [rfi for rfi in self.stored.values() if rfi.outbox]
        return sorted(unsent, key=lambda rfi: rfi.outbox[0].at)[:limit]

    @faulty
    async def recent(self, limit: int, state: RfiState | None = None, since: datetime | None = None) -> list[Rfi]:
        """Newest first."""
        found = [
            rfi
            for rfi in self.stored.values()
            if (state is None or rfi.state is state) and (since is None or rfi.accepted_at >= since)
        ]
        return sorted(found, key=lambda rfi: rfi.accepted_at, reverse=True)[:limit]

    @faulty
    async def scan(self, after: str, limit: int) -> list[Rfi]:
        """In the order of ids."""
        return [self.stored[id_] for id_ in sorted(self.stored) if id_ > after][:limit]


def _for_mails(rfi: Rfi) -> Rfi:
    if rfi.routing is None:
        return replace(rfi, outbox=())
    chosen = tuple(replace(each, reasons=()) for each in rfi.routing.chosen)
    return replace(rfi, outbox=(), routing=replace(rfi.routing, chosen=chosen, near_misses=()))
