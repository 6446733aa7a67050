"""How is a record put aside so that a person finds it, and nothing of it is lost or shown to the wrong eyes?

The store gets the original bytes (they can be erased there); the topic `dead.letters` gets a reference for alarms.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import PurePath
from typing import Protocol

import structlog

from services.adapters.kafka.metrics import DeliveryMetrics
from services.adapters.kafka.settling import Aside
from services.adapters.wire import dead_letter_outgoing
from services.core.errors import ExchangeError
from services.core.ports import DeadLetter, Outgoing, Publisher

log = structlog.get_logger(__name__)

_LONGEST_DETAIL = 500
_LONGEST_KEY = 1024


class LetterBox(Protocol):
    """What is needed of the dead letter store."""

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Store the letters; one that is there already is left as it is."""


class DeadLetters:
    """Puts records aside: first into the store, then as a reference onto the topic.

    Args:
        store: keeps the original bytes.
        publisher: takes the references.
        now: the real time, aware, UTC.
        metrics: counts them.
    """

    def __init__(
        self,
        store: LetterBox,
        publisher: Publisher,
        *,
        now: Callable[[], datetime],
        metrics: DeliveryMetrics,
    ) -> None:
        self._store = store
        self._publisher = publisher
        self._now = now
        self._metrics = metrics

    async def put(self, group: str, asides: Sequence[Aside]) -> None:
        """Return when all are stored and published. Repeating it changes nothing in the store.

        Raises:
            DependencyUnavailable: the store or Kafka does not answer; nothing may be committed.
        """
        if not asides:
            return
        letters = [self._letter(group, aside) for aside in asides]
        await self._store.put(letters)
        # A crash here brings the records again: the store leaves its letters as they are, the references follow.
        await self._publisher.publish([_reference(letter) for letter in letters])
        for letter in letters:
            self._metrics.dead_letters.labels(group, letter.reason).inc()
            log.warning(
                "kafka.dead_letter",
                group=group,
                record=letter.record.where,
                reason=letter.reason,
                detail=letter.detail,
                attempts=letter.attempts,
            )

    def _letter(self, group: str, aside: Aside) -> DeadLetter:
        return DeadLetter(
            group=group,
            record=aside.record,
            reason=type(aside.error).__name__,
            detail=describe(aside.error),
            attempts=aside.attempts,
            at=self._now(),
        )


def _reference(letter: DeadLetter) -> Outgoing:
    # The original may be as large as Kafka takes; its key must not make the reference too large to be sent.
    if len(letter.record.key or b"") > _LONGEST_KEY:
        letter = replace(letter, record=replace(letter.record, key=None))
    return dead_letter_outgoing(letter)


def describe(error: BaseException) -> str:
    """The error in words without personal data: our own errors' text; of any other only where it was raised.

    A foreign error's text may quote the record it choked on, and logs and alarms are read by many.
    """
    if isinstance(error, ExchangeError):
        return str(error)[:_LONGEST_DETAIL]
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[-3:]]
    return f"{type(error).__name__} in {' > '.join(places) or 'unknown place'}"[:_LONGEST_DETAIL]
