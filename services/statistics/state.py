"""How is the state of a profile's learning written down and read again?"""

from __future__ import annotations

from pydantic import TypeAdapter, ValidationError

from services.core.errors import Internal
from services.core.pasts import KeptPast
from services.core.standing import Standing
from services.matching.learning import Past, standing_of

_PASTS: TypeAdapter[Past] = TypeAdapter(Past)


def written(past: Past) -> str:
    """The state as JSON."""
    return _PASTS.dump_json(past).decode()


def past_of(kept: KeptPast | None) -> Past:
    """The state that is kept; an empty one for a profile without a past.

    Raises:
        Internal: what is kept can't be read.
    """
    if kept is None:
        return Past()
    try:
        return _PASTS.validate_json(kept.state)
    except ValidationError as error:
        raise Internal(f"the past of profile {kept.id} can't be read: {error.error_count()} faults") from None


def standing_in(kept: KeptPast) -> Standing | None:
    """What matching is told of the profile.

    Raises:
        Internal: what is kept can't be read.
    """
    return standing_of(kept.id, past_of(kept))
