"""What became of an RFI that a publisher sent, in words for the publisher?"""

from __future__ import annotations

import orjson

from schemas.problem import FieldProblemV1
from schemas.submission import RfiStatusV1, SubmissionStatus
from services.core.rfi import Rfi
from services.core.stores import IdempotencyStore, Publisher, RefusalStore, RfiStore
from services.intake.submit import submitted_key


class StatusReader:
    """Reads the status of one RFI; a publisher sees its own only."""

    def __init__(self, rfis: RfiStore, refusals: RefusalStore, idempotency: IdempotencyStore) -> None:
        self._rfis, self._refusals, self._idempotency = rfis, refusals, idempotency

    async def read(self, who: Publisher, rfi_id: str) -> RfiStatusV1 | None:
        """The status, or None when there is no such RFI of this publisher."""
        rfi = (await self._rfis.load([rfi_id])).get(rfi_id)
        if rfi is not None:
            return _stored(rfi) if rfi.source == who.source else None
        return await self._not_stored(who, rfi_id)

    async def _not_stored(self, who: Publisher, rfi_id: str) -> RfiStatusV1 | None:
        """Confirmed over HTTP, and either still on its way or refused by the consumer."""
        found = await self._idempotency.find(submitted_key(rfi_id))
        note = orjson.loads(found[1]) if found else {}
        if note.get("source") != who.source:
            return None
        publisher_id: str = note["publisherId"]
        refusal = await self._refusals.of_rfi(who.source, publisher_id)
        if refusal is None:
            return RfiStatusV1(id=rfi_id, publisher_id=publisher_id)
        return RfiStatusV1(
            id=rfi_id,
            publisher_id=publisher_id,
            status=SubmissionStatus.REFUSED,
            problems=[FieldProblemV1(pointer=p.field, code=p.code, detail=p.message) for p in refusal.problems],
        )


def _stored(rfi: Rfi) -> RfiStatusV1:
    routing = rfi.routing
    return RfiStatusV1(
        id=rfi.id,
        publisher_id=rfi.publisher_id,
        status=SubmissionStatus(rfi.state.value),
        partners=len(routing.chosen) if routing else None,
        because=routing.no_match_because if routing else None,
    )
