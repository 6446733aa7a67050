"""How does a network of profiles stay searchable while it changes?

Postings are made once in a while, and never written again. A change goes to its row at once and, before the next match,
to a small table beside the postings. When the table has grown, new postings are made of a snapshot by another thread;
they take over at the next match, and only what changed meanwhile stays in the table.

One thread writes and matches. The kernels give up Python's lock, so `match` may share a batch among threads of its own.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from services.matching.index.build import Postings, build
from services.matching.index.fields import BITS, LONGEST
from services.matching.index.fresh import add_rows, entries_of
from services.matching.index.layout import HOT, I32, I64, PAUSED, STALE, U32, Hits, Index, Queries
from services.matching.index.memory import Table, address_of
from services.matching.index.rows import Entry, Profiles, Rows, compact, grown, sign, too_low
from services.matching.index.scan import WAITING
from services.matching.index.search import search
from services.matching.index.survey import survey

#: Entries in the table of changes from which new postings are made beside the running matches; and the share of the
#: postings, for large networks.
MANY, SHARE = 100_000, 0.02
#: Requests that a thread takes at a time, where several share a batch.
PIECE = 25
#: Changes beyond this share of the network are not worth a table: the postings are made at once.
BULK = 0.25
#: Threads that make postings where nothing else is to be done.
SETTLING = 2


class Snapshot(NamedTuple):
    """What another thread makes of the rows."""

    postings: Postings
    words: U32
    row_at: U32
    used: int
    many: int


class ProfileIndex:
    """Profiles by number, and the best of them for any request."""

    def __init__(self) -> None:
        self.rows = Rows()
        self._postings = build(self.rows.hot, self.rows.words, 0)
        self._changed: dict[int, None] = {}
        #: Written to the rows, not yet to the table.
        self._since: dict[int, None] = {}
        #: In the table: changed since the postings were made.
        self._used = 0
        self._clear_table(1 << 10)
        self._index = Table((0,) * len(Index._fields))
        self._stale = True
        #: True when `_index` is of before.
        self._making: Future[Snapshot] | None = None
        self._meanwhile: dict[int, None] = {}
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="matching")

    def put(self, number: int, entry: Entry) -> None:
        """Take a profile in, or its new version. The next match knows it."""
        self.rows.write(number, entry)
        self._changed[number] = None

    def put_all(self, numbers: I64, profiles: Profiles) -> None:
        """Take many profiles in, none of them twice, or their new versions."""
        self.rows.write_all(numbers, profiles)
        self._changed.update(dict.fromkeys(numbers.tolist()))

    def place(self, number: int, points: Sequence[tuple[int, int, int]]) -> None:
        """Say where a profile is (see `distance`): a few writes, whatever its row; nowhere known if there are none."""
        self.rows.place(number, points)
        self._stale = True

    def place_all(self, numbers: I64, at: I64, points: I64) -> None:
        """Say where many profiles are, that were nowhere before: `at[i]` to `at[i + 1]` are the axes of profile `i`."""
        self.rows.place_all(numbers, at, points)
        self._stale = True

    def remove(self, number: int) -> None:
        """Take a profile out."""
        if number < self.rows.count:
            self.rows.row_at[number] = 0
            self._changed[number] = None

    def adjust(self, number: int, grains: int) -> None:
        """Set what is added to a profile's scores: one write, unless it rises above what its postings promise."""
        self.rows.adjust[number] = grains
        if grains > self._postings.ceilings[self.rows.posted[number]]:
            self._changed[number] = None

    def block(self, number: int, flag: int, on: bool) -> None:
        """Pause a profile, call it full, or undo that: one write."""
        if on:
            self.rows.flags[number] |= flag
        else:
            self.rows.flags[number] &= 255 - flag

    def pause(self, number: int, on: bool) -> None:
        """Pause a profile, which may not be known yet, or end that."""
        self.rows.reserve(number + 1)
        self.block(number, PAUSED, on)

    @property
    def pending(self) -> int:
        """How many profiles have changed since the postings were made."""
        return len(self._since.keys() | self._changed.keys())

    def nbytes(self) -> int:
        """Bytes of everything that a match reads."""
        parts = (*self._postings, self._keys, self._heads, self._fresh)
        return self.rows.nbytes() + sum(each.nbytes for each in parts)

    def match(self, queries: Queries, threads: int = 1, *, reasons: bool = False) -> Hits:
        """The best profiles for each request of a batch; with `reasons` also which terms they have."""
        index = self._current()
        count, asked = len(queries.market), Table(queries)
        span = queries.most_terms // 64 + 1 if reasons else 0
        hits, found = _room_for(count, max(queries.most_wanted, 1), span)
        # Some requests take a hundred times as long as others: whoever is done with a piece takes the next.
        size = count if threads == 1 else PIECE
        pieces = iter([(at, min(at + size, count)) for at in range(0, count, max(1, size))])
        tables, most = (index, asked, found), queries.most_terms
        others = [self._threads.submit(_search, tables, most, pieces) for _ in range(threads - 1)]
        _search(tables, most, pieces)
        for other in others:
            other.result()
        return hits

    def survey(self, queries: Queries, n: int) -> I64:
        """Everybody of the market who matches a request; see `survey.survey`."""
        index, asked = self._current(), Table(queries)
        return survey(index.address, asked.address, n, self.rows.count)

    def merge(self, threads: int = 1) -> None:
        """Make the postings anew now, and wait for it."""
        self._sign()
        self._making = None
        self._adopt(snapshot(self.rows.hot, self.rows.words, self.rows.count, threads), {})

    def settle(self) -> None:
        """Do now what the next match would have to do first, while nothing else is to be done."""
        if self._many_changed():
            self.merge(SETTLING)
        self._current()

    def _many_changed(self) -> bool:
        return len(self._since) + len(self._changed) > 2_000 + BULK * len(self._postings.posted)

    def _current(self) -> Table:
        """Everything as it is now."""
        if self._making is not None and self._making.done():
            made, self._making = self._making.result(), None
            self._sign()
            self._adopt(made, self._meanwhile)
        if self._changed:
            self._take_in()
        if self._stale:
            self._assemble()
        return self._index

    def _take_in(self) -> None:
        if self._many_changed():
            self.merge()
            return
        self._insert(self._sign())
        if self._making is None and self._used > max(MANY, SHARE * self._postings.postings.size):
            rows, self._meanwhile = self.rows, {}
            args = rows.hot.copy(), rows.words, rows.count
            self._making = self._threads.submit(snapshot, *args)

    def _sign(self) -> I64:
        """Note what has changed; returns the numbers."""
        numbers = np.fromiter(self._changed, np.int64, len(self._changed))
        rows = self.rows
        rows.settle()
        sign(rows.hot, rows.words, rows.stamps, numbers)
        self._since.update(self._changed)
        self._meanwhile.update(self._changed)
        self._changed.clear()
        return numbers

    def _insert(self, numbers: I64) -> None:
        """Put changed profiles into the table; a larger one if they don't fit."""
        rows = self.rows
        need = entries_of(rows.hot, rows.words, numbers)
        if self._used + need > len(self._fresh):
            numbers = np.fromiter(self._since, np.int64, len(self._since))
            self._clear_table(2 * entries_of(rows.hot, rows.words, numbers))
        columns = rows.hot, rows.words, rows.stamps, rows.posted, self._postings.ceilings
        self._used = add_rows(*columns, numbers, self._keys, self._heads, self._fresh, self._used)
        self._stale = True

    def _clear_table(self, room: int) -> None:
        size = 1 << max(10, (2 * room - 1).bit_length())
        self._keys: I64 = np.full(size, -1, np.int64)
        self._heads: I32 = np.full(size, -1, np.int32)
        self._fresh: I64 = np.zeros((max(room, 512), 3), np.int64)
        self._used = 0

    def _adopt(self, made: Snapshot, meanwhile: dict[int, None]) -> None:
        """Take new postings and rows over; what changed meanwhile goes to the table."""
        rows, late = self.rows, np.fromiter(meanwhile, np.int64, len(meanwhile))
        row_at = grown(made.row_at, rows.row_at.size)
        words, end = made.words, compact(rows.hot, rows.words, late, made.words, made.used, row_at)
        if end > words.size:
            words = grown(words, end + end // 8)
            compact(rows.hot, rows.words, late, words, made.used, row_at)
        rows.words, rows.used, self._postings = words, end, made.postings
        rows.row_at[:] = row_at
        rows.posted[: made.many] = made.postings.posted
        rows.flags &= 255 - STALE
        rows.flags[late] |= STALE
        low = too_low(rows.hot, rows.posted, made.postings.ceilings, made.many)
        self._since = dict.fromkeys(late.tolist())
        self._changed.update(dict.fromkeys(low.tolist()))
        self._clear_table(1 << 10)
        self._insert(late)
        self._meanwhile = {}

    def _assemble(self) -> None:
        made, table = self._postings, (self._keys, self._heads, self._fresh)
        postings = made.region_at, made.list_terms, made.list_at, made.postings, made.ceilings
        self._index.take(self.rows.index(postings, table, self._used))
        self._stale = False


def _room_for(count: int, room: int, span: int) -> tuple[Hits, Table]:
    """Empty lists, in one piece of memory: to ask once where they begin, and not for each array, takes a third."""
    tops, line, bits = count * 12 * room, 3 * count, count * room * span
    whole = np.empty(tops + 2 * line + bits, np.int64)
    shaped, end = whole[:tops].reshape(count, 3, room, 4), tops + 2 * line
    counts, seen = whole[tops : tops + line].reshape(count, 3), whole[tops + line : end].reshape(count, 3)
    matched = whole[end:].reshape(count, room, span)
    matched[:] = 0
    at = int(whole.ctypes.data)
    places = Table((at, at + 8 * tops, at + 8 * (tops + line), room, at + 8 * end, span))
    return Hits(shaped, counts, seen, room, matched, span), places


def _search(tables: tuple[Table, Table, Table], most_terms: int, pieces: Iterator[tuple[int, int]]) -> None:
    """What one thread does of a batch, with a state of its own."""
    longest = most_terms + 1
    state = array("q", bytes(8 * (BITS + 2 * longest + 3 * WAITING)))
    state[LONGEST] = longest
    index, asked, found = tables
    for first, last in pieces:
        search(index.address, asked.address, found.address, address_of(state), first, last)


def snapshot(hot: I32, words: U32, count: int, threads: int = 1) -> Snapshot:
    """New postings, and the rows without waste."""
    kept = np.zeros(hot.size // HOT, np.uint32)
    numbers = np.arange(count, dtype=np.int64)
    used = compact(hot, words, numbers, np.zeros(0, np.uint32), 1, kept)
    target = np.zeros(used + used // 32 + 64, np.uint32)
    compact(hot, words, numbers, target, 1, kept)
    return Snapshot(build(hot, words, count, threads), target, kept, used, count)
