"""Which of a twin's documents have these ids, and belong to this partner?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar


class _Owned(Protocol):
    @property
    def partner_id(self) -> str | None:
        """Whose it is; None: an operator's."""


T = TypeVar("T", bound=_Owned)


def by_id(stored: Mapping[str, T], ids: Iterable[str], partner_id: str | None) -> dict[str, T]:
    """By id; None: whoever's."""
    found = {id_: stored[id_] for id_ in ids if id_ in stored}
    return {id_: each for id_, each in found.items() if partner_id in (None, each.partner_id)}
