"""How do profiles come into the matcher that a store hands over as it keeps them? A page at a time, unread.

What is odd, and what is here already, goes the way of single changes: it is read whole, and the highest version holds.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from services.core.stored import StoredProfiles
from services.matching.bulk import gathered_columns
from services.matching.holdings import Holdings
from services.matching.index.layout import I64
from services.matching.index.said import ACTIVE, FINE, LIMITED, LOCATED, PAUSED
from services.matching.shelf import Found
from services.matching.stored import Page, StoredReader

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Pages:
    """Puts pages into the holdings of a matcher."""

    def __init__(self, held: Holdings) -> None:
        self._held = held
        self._reader = StoredReader(held.declared, held.tongues)

    def forget(self) -> None:
        """Let go of what only the next page would need."""
        self._reader.forget()

    def put(self, page: StoredProfiles) -> int:
        """Take in a page; returns how many profiles were new, or newer than what was there, and can be read."""
        read = self._reader.read(page)
        new, others = self._told_apart(read)
        if new.size:
            self._add(page, read, new)
        begins = read.said.begins[others].tolist()
        profiles = (page.at(begin) for begin in begins)
        return new.size + sum(self._held.put(profile) for profile in profiles if profile is not None)

    def _told_apart(self, read: Page) -> tuple[I64, I64]:
        """Places of documents that are new here, and of those that have to be read one by one."""
        said, profiles = read.said, self._held.profiles
        if (said.state == FINE).all() and profiles.none_of(read.ids):
            return np.arange(len(read.ids)), np.zeros(0, np.int64)
        new: dict[str, int] = {}
        others: list[int] = []
        for place, (id_, state) in enumerate(zip(read.ids, said.state.tolist(), strict=True)):
            number = profiles.number(id_)
            if state != FINE or id_ in new:
                others.append(place)
            elif number is None:
                new[id_] = place
            elif profiles.versions[number] < said.versions[place]:
                others.append(place)
        return np.array(list(new.values()), np.int64), np.array(others, np.int64)

    def _add(self, page: StoredProfiles, read: Page, new: I64) -> None:
        said, held = read.said, self._held
        whole = new.size == len(read.ids)
        ids = read.ids if whole else [read.ids[place] for place in new.tolist()]
        owners = read.partners if whole else [read.partners[place] for place in new.tolist()]
        first, flags = len(held.profiles), said.flags[new]
        partners = held.profiles.append_stored(page, Found(ids, owners, said.versions[new], said.begins[new]))
        held.limited.update(dict.fromkeys((first + np.flatnonzero(flags & LIMITED)).tolist()))
        # Nobody can be told of a referral without a location.
        found = np.flatnonzero(flags & (ACTIVE | LOCATED) == ACTIVE | LOCATED)
        paused = found[flags[found] & PAUSED > 0]
        ends = [_EPOCH + timedelta(milliseconds=ms) for ms in said.paused[new[paused]].tolist()]
        held.pauses.add_all(zip(ends, (first + paused).tolist(), strict=True))
        if found.size:
            own = ids if found.size == len(ids) else [ids[place] for place in found.tolist()]
            learned, adjust = held.learned_by(own)
            gathered = self._reader.gathered(read, new[found], learned)
            held.network.place_all(first + found, gathered.point_at, gathered.points)
            held.put_down(gathered_columns(first + found, partners[found], gathered, adjust, own))
