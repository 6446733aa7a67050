"""Where is what each profile is? Columns by number, and a heap of rows that only grows until it is made anew."""
# ruff: noqa: PLR0917
# Kernels take arrays by position.

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from services.matching.index.compiled import compiled
from services.matching.index.fresh import row_bounds
from services.matching.index.layout import (
    ADJUST,
    FLAGS_AT,
    HEAD,
    HOT,
    I32,
    I64,
    NO_WEIGHT,
    NUMBERS,
    ROW,
    STALE,
    U8,
    U32,
    Index,
)
from services.matching.index.memory import get
from services.matching.index.search import bit_of


@dataclass(slots=True, kw_only=True)
class Entry:
    """A profile in numbers."""

    partner: int
    regions: Sequence[int]
    #: What it serves, and the regions under which it is to be found besides (the market).
    terms: Sequence[int]
    #: Ascending, without repetition, from 1.
    weights: Sequence[int]
    #: Hundredths, from -100 to 100, one for each term.
    sizes: int
    #: Bits of the sizes it wants.
    speaks: int
    #: Its set of languages.
    adjust: int
    #: Grains added to every score.
    tie: int


class Profiles(NamedTuple):
    """Many profiles in numbers. `x_at[i]` to `x_at[i + 1]` are the entries of profile `i` in the arrays of `x`.

    What each means says `Entry`.
    """

    partners: I64
    region_at: I64
    regions: I64
    term_at: I64
    terms: I64
    weights: I64
    sizes: I64
    speaks: I64
    adjust: I64
    ties: I64


class Rows:
    """The columns. Grow by an eighth at a time; a number is never given up."""

    def __init__(self) -> None:
        self.count, self.used = 0, 1
        # Word 0 stays free, so that a row at 0 means none.
        self.words: U32 = np.zeros(64, np.uint32)
        self._latest = array("I")
        #: Rows that are not in `words` yet; their places are counted from its end.
        self.hot: I32 = np.zeros(0, np.int32)
        self._see()
        self.stamps: U32 = np.zeros(0, np.uint32)
        self.posted: U8 = np.zeros(0, np.uint8)
        self.point_at: U32 = np.zeros(0, np.uint32)
        self.points: I32 = np.zeros(0, np.int32)
        self._points_used = 1

    def reserve(self, count: int) -> None:
        """Make room for numbers below `count`.

        Raises:
            OverflowError: more than an index can number.
        """
        if count > NUMBERS:
            raise OverflowError(f"an index holds {NUMBERS} profiles; split the network by country")
        if count > self.stamps.size:
            size = max(count, self.stamps.size + self.stamps.size // 8 + 64)
            self.hot, self.stamps = grown(self.hot, HOT * size), grown(self.stamps, size)
            self.posted = grown(self.posted, size)
            self._see()
            if self.point_at.size:
                self.point_at = grown(self.point_at, size)
        self.count = max(self.count, count)

    def _see(self) -> None:
        """Columns within `hot`; whoever writes there writes it."""
        self.flags: U8 = self.hot.view(np.uint8)[FLAGS_AT // 8 :: 4 * HOT]
        self.row_at: I32 = self.hot[ROW::HOT]
        self.adjust: I32 = self.hot[ADJUST::HOT]

    def place(self, number: int, points: Sequence[tuple[int, int, int]]) -> None:
        """Say where a profile is: its points stay until they are set anew, whatever becomes of its row."""
        if not points and not (self.point_at.size and self.point_at[number]):
            return
        if number >= self.count:
            self.reserve(number + 1)
        if not self.point_at.size:
            self.point_at = np.zeros(self.stamps.size, np.uint32)
        at = int(self.point_at[number])
        # The room that it has is taken again if it suffices: the word in front says how much that is.
        if not at or self.points[at - 1] < len(points):
            at, self._points_used = self._points_used + 1, self._points_used + 2 + 3 * len(points)
            if self._points_used > self.points.size:
                self.points = grown(self.points, self._points_used + self._points_used // 8 + 64)
            self.points[at - 1], self.point_at[number] = len(points), at
        self.points[at] = len(points)
        self.points[at + 1 : at + 1 + 3 * len(points)] = [axis for point in points for axis in point]

    def place_all(self, numbers: I64, at: I64, points: I64) -> None:
        """Say where many profiles are, that were nowhere before."""
        if not points.size:
            return
        self.reserve(int(numbers.max()) + 1)
        if not self.point_at.size:
            self.point_at = np.zeros(self.stamps.size, np.uint32)
        there = np.diff(at) > 0
        many = np.diff(at)[there] // 3
        begins = np.cumsum(2 + 3 * many) - (2 + 3 * many)
        written = np.empty(points.size + 2 * many.size, np.int32)
        heads = np.zeros(written.size, np.bool_)
        heads[begins], heads[begins + 1] = True, True
        written[begins], written[begins + 1], written[~heads] = many, many, points
        first, self._points_used = self._points_used, self._points_used + written.size
        if self._points_used > self.points.size:
            self.points = grown(self.points, self._points_used + self._points_used // 8 + 64)
        self.points[first : self._points_used] = written
        self.point_at[numbers[there]] = first + begins + 1

    def write(self, number: int, entry: Entry) -> None:
        """Put a profile down, for kernels after `settle`; its old row stays in the heap as waste."""
        if number >= self.count:
            self.reserve(number + 1)
        latest, regions, terms, tie = self._latest, entry.regions, entry.terms, entry.tie
        at = self.used + len(latest)
        head = len(regions) << 8 | entry.sizes, len(terms) << 16 | entry.speaks, entry.partner
        latest.extend((*head, tie & 0xFFFFFFFF, tie >> 32))
        latest.extend(regions)
        latest.extend([term << 8 | (weight + NO_WEIGHT) for term, weight in zip(terms, entry.weights, strict=True)])
        self.row_at[number], self.adjust[number] = at, entry.adjust

    def settle(self) -> None:
        """Put the rows that were written lately where kernels read them."""
        if not self._latest:
            return
        end = self.used + len(self._latest)
        if end > self.words.size:
            self.words = grown(self.words, end + end // 8)
        self.words[self.used : end] = np.frombuffer(self._latest, np.uint32)
        self.used, self._latest = end, array("I")

    def write_all(self, numbers: I64, profiles: Profiles) -> None:
        """Put many profiles down, none of them twice; their old rows stay in the heap as waste."""
        self.settle()
        self.reserve(int(numbers.max(initial=-1)) + 1)
        need = HEAD * numbers.size + profiles.regions.size + profiles.terms.size
        if self.used + need > self.words.size:
            self.words = grown(self.words, self.used + need + max(need // 32, self.used // 2))
        write_rows(profiles, self.words, self.hot, numbers, self.used)
        self.used += need

    def nbytes(self) -> int:
        """Bytes of all columns and rows."""
        return sum(each.nbytes for each in (self.hot, self.stamps, self.posted, self.point_at, self.points, self.words))

    def index(self, postings: tuple[I64, U32, U32, U32, I64], table: tuple[I64, I32, I64], pending: int) -> Index:
        """Everything a match reads, with these postings and this table of changes."""
        region_at, list_terms, list_at, posted, ceilings = postings
        keys, heads, fresh = table
        return Index(
            self.hot,
            self.words,
            self.point_at,
            self.points,
            int(self.point_at.size > 0),
            ceilings,
            region_at,
            region_at.size - 1,
            list_terms,
            list_at,
            posted,
            keys,
            keys.size - 1,
            heads,
            fresh,
            self.stamps,
            pending,
        )


def grown(array: Any, size: int) -> Any:
    """The array with more room, zeros behind."""
    wider = np.zeros(size, array.dtype)
    wider[: array.size] = array
    return wider


@compiled
def write_rows(p: Profiles, words: U32, hot: I32, numbers: I64, used: int) -> None:
    """Put rows down from `used` on."""
    for i in range(numbers.size):
        hot[HOT * numbers[i] + ROW], hot[HOT * numbers[i] + ADJUST] = used, p.adjust[i]
        words[used] = (p.region_at[i + 1] - p.region_at[i]) << 8 | p.sizes[i]
        words[used + 1] = (p.term_at[i + 1] - p.term_at[i]) << 16 | p.speaks[i]
        words[used + 2], words[used + 3], words[used + 4] = p.partners[i], p.ties[i] & 0xFFFFFFFF, p.ties[i] >> 32
        used += HEAD
        for r in range(p.region_at[i], p.region_at[i + 1]):
            words[used] = p.regions[r]
            used += 1
        for t in range(p.term_at[i], p.term_at[i + 1]):
            words[used] = p.terms[t] << 8 | (p.weights[t] + NO_WEIGHT)
            used += 1


@compiled
def sign(hot: I32, words: U32, stamps: U32, numbers: I64) -> None:
    """Note what a change means: new signatures, and that the postings are out of date."""
    for number in numbers:
        stamps[number] += 1
        at = get(hot, HOT * number + ROW)
        signature = (get(hot, HOT * number) & (255 << FLAGS_AT)) | (STALE << FLAGS_AT)
        if at:
            signature |= get(words, at) & 255
            terms, end = row_bounds(words, at)
            for t in range(terms, end):
                signature |= bit_of(get(words, t) >> 8)
        hot[HOT * number], hot[HOT * number + 1] = signature & 0xFFFFFFFF, signature >> 32


@compiled
def compact(hot: I32, words: U32, numbers: I64, target: U32, used: int, new_at: U32) -> int:
    """Copy the rows of these profiles to `target` from `used` on; returns the end, or the room needed if it's short."""
    need = used
    for number in numbers:
        at = get(hot, HOT * number + ROW)
        if at:
            need += row_bounds(words, at)[1] - at
    if need > target.size:
        return need
    for number in numbers:
        at = get(hot, HOT * number + ROW)
        new_at[number] = used if at else 0
        if at:
            length = row_bounds(words, at)[1] - at
            for i in range(length):
                target[used + i] = words[at + i]
            used += length
    return need


@compiled
def too_low(hot: I32, posted: U8, ceilings: I64, count: int) -> I64:
    """The numbers whose postings promise less than they are worth."""
    found, many = np.empty(count, np.int64), 0
    for number in range(count):
        if get(hot, HOT * number + ADJUST) > ceilings[posted[number]]:
            found[many] = number
            many += 1
    return found[:many]
