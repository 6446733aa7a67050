"""How is the state of a profile's learning written down and read again?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

import structlog
from pydantic import TypeAdapter, ValidationError

from services.core.pasts import KeptPast, PastStore
from services.core.standing import Standing
from services.matching.learning import Past, standing_of
from services.matching.signals import without_clear_words

log = structlog.get_logger("matching")

#: Pasts read at a time.
PAGE = 1000

_PASTS: TypeAdapter[Past] = TypeAdapter(Past)


def written(past: Past) -> str:
    """The state as JSON."""
    return _PASTS.dump_json(past).decode()


def past_of(kept: KeptPast | None) -> Past:
    """The state that is kept; an empty one for a profile without a past.

    Raises:
        ValueError: what is kept can't be read.
    """
    if kept is None:
        return Past()
    try:
        past = _PASTS.validate_json(kept.state)
    except ValidationError as error:
        raise ValueError(f"the past of profile {kept.id} can't be read: {error.error_count()} faults") from None
    return replace(past, terms={without_clear_words(key): kept for key, kept in past.terms.items()})


def standing_in(kept: KeptPast, now: datetime | None = None) -> Standing | None:
    """What matching is told of the profile, as of its last outcome or faded on to `now`.

    Raises:
        ValueError: what is kept can't be read.
    """
    return standing_of(kept.id, past_of(kept), now)


async def stored_standings(pasts: PastStore, now: datetime | None = None) -> AsyncIterator[list[Standing]]:
    """What was learned of every profile (faded to `now`) in pages; a past that can't be read is left out, and logged.

    Raises:
        DependencyUnavailable: the store does not answer.
    """
    after = ""
    while page := await pasts.all(after, PAGE):
        after = page[-1].id
        yield [standing for kept in page if (standing := _readable(kept, now)) is not None]


def _readable(kept: KeptPast, now: datetime | None) -> Standing | None:
    try:
        return standing_in(kept, now)
    except ValueError as error:
        log.error("past_unreadable", profile_id=kept.id, error=str(error))  # noqa: TRY400 - its words are ours
        return None
