"""Which profiles does a partner have? Most have one, so that one costs no list."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence

import numpy as np

from services.matching.index.layout import I32, I64

#: Instead of the number of its only profile: it has none, it has several.
_NONE, _SEVERAL = -1, -2


class Owners:
    """Numbers of partners, and of their profiles in the order of the profiles' ids.

    Args:
        id_of: the id of a profile by its number.
    """

    def __init__(self, id_of: Callable[[int], str]) -> None:
        self._id_of = id_of
        self._numbers: dict[str, int] = {}
        self._only: I32 = np.zeros(0, np.int32)
        self._several: dict[int, list[int]] = {}

    def number(self, partner_id: str) -> int:
        """The number of a partner, a new one if need be."""
        number = self._numbers.setdefault(partner_id, len(self._numbers))
        self._reserve()
        return number

    def find(self, partner_id: str) -> int | None:
        """The number of a partner, None if nobody has named it."""
        return self._numbers.get(partner_id)

    def numbers(self, partner_ids: Sequence[str]) -> I64:
        """The same of many."""
        of, known = self._numbers.setdefault, self._numbers
        found = np.fromiter([of(each, len(known)) for each in partner_ids], np.int64, len(partner_ids))
        self._reserve()
        return found

    def of(self, partner_id: str) -> list[int]:
        """Numbers of a partner's profiles."""
        number = self._numbers.get(partner_id)
        if number is None or self._only[number] == _NONE:
            return []
        return self._several[number] if self._only[number] == _SEVERAL else [int(self._only[number])]

    def add(self, partner: int, profile: int) -> None:
        """A partner (its number) has one more profile."""
        only = int(self._only[partner])
        if only == _NONE:
            self._only[partner] = profile
            return
        if only != _SEVERAL:
            self._only[partner], self._several[partner] = _SEVERAL, [only]
        insort(self._several[partner], profile, key=self._id_of)

    def add_all(self, partners: I64, first: int) -> None:
        """Partners (their numbers) have each one more profile; these are numbered one after the other."""
        each, at, many = np.unique(partners, return_index=True, return_counts=True)
        alone = (many == 1) & (self._only[each] == _NONE)
        self._only[each[alone]] = first + at[alone]
        if not alone.all():
            for place in np.flatnonzero(np.isin(partners, each[~alone])).tolist():
                self.add(int(partners[place]), first + place)

    def drop(self, partner_id: str, profile: int) -> None:
        """A profile is no longer this partner's."""
        number = self._numbers[partner_id]
        if self._only[number] == _SEVERAL:
            self._several[number].remove(profile)
        else:
            self._only[number] = _NONE

    def _reserve(self) -> None:
        size = self._only.size
        if len(self._numbers) > size:
            wider = np.full(max(len(self._numbers), size + size // 4 + 64), _NONE, np.int32)
            wider[:size] = self._only
            self._only = wider
