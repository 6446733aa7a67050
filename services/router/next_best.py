"""What happens when a matched referral is declined or lapses? The next-best partner is asked, or nobody is left.

How, and what a crash leaves, is told in `answering`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.core.errors import Invalid, ReferenceMissing
from services.core.events import Event, EventType
from services.core.ports import Failure, Record
from services.core.rounds import Cause, cause_in
from services.router.answering import Answering

#: Types of events that may ask for the next partner; others are not even read.
_TYPES = frozenset({EventType.SETTLED, EventType.EXPIRED})


class NextBestHandler:
    """Consumes `referral.events`; only final declines and expiries of matched referrals concern it.

    Args:
        answering: answers, once each.
        decode: makes an event of a record.
        type_of: the type of an event by its header alone; None when that does not say.
    """

    def __init__(
        self,
        *,
        answering: Answering,
        decode: Callable[[Record], Event],
        type_of: Callable[[Record], EventType | None],
    ) -> None:
        self._answering, self._decode, self._type_of = answering, decode, type_of

    async def __call__(self, records: Sequence[Record]) -> Sequence[Failure]:
        """Answer what a batch asks for.

        Raises:
            DependencyUnavailable: the batch must come again; what is answered stays so.
            VersionConflict: as before.
        """
        failures, causes, asked_by = self._read(records)
        for id_ in await self._answering.answer(causes):
            failures += [Failure(record, missing_rfi(id_)) for record in asked_by[id_]]
        return failures

    def _read(self, records: Sequence[Record]) -> tuple[list[Failure], dict[str, list[Cause]], dict[str, list[Record]]]:
        """Records that can't be used, the causes of each RFI once each, and the records that they came in."""
        failures: list[Failure] = []
        causes: dict[str, dict[str, Cause]] = {}
        asked_by: dict[str, list[Record]] = {}
        for record in records:
            if (type_ := self._type_of(record)) is not None and type_ not in _TYPES:
                continue
            try:
                event = self._decode(record)
            except Invalid as error:
                failures.append(Failure(record, error))
                continue
            if (cause := cause_in(event)) is not None:
                causes.setdefault(event.rfi_id, {})[cause.event_id] = cause
                asked_by.setdefault(event.rfi_id, []).append(record)
        return failures, {id_: list(each.values()) for id_, each in causes.items()}, asked_by


def missing_rfi(id_: str) -> ReferenceMissing:
    """What is wrong with a record that asks something of an RFI that is not there."""
    return ReferenceMissing(f"there is no RFI {id_}: it was never stored, or was erased")
