"""The index finds what a look at every profile finds: scores, ties, partners once, whatever has changed before."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from services.core.rfi import Coordinate
from services.matching.answers import found_in
from services.matching.distance import Point, limit_of, point_of
from services.matching.index.build import Postings, build
from services.matching.index.layout import FULL, PAUSED
from services.matching.index.profiles import PIECE, ProfileIndex
from services.matching.index.queries import ANYWHERE, Query, any_of, in_packed_order, must, must_not, pack
from services.matching.index.rows import Entry
from services.matching.index.warm import warm_up
from services.matching.ranking import tie_break, tie_key

#: The first call on a machine compiles the kernels.
pytestmark = pytest.mark.timeout(900)

Line = tuple[int, int, int, int]
#: On the equator, where a degree of longitude is 111.2 km; and on the other side of the earth.
HERE, NEAR, FAR, AWAY = (point_of(Coordinate(0.0, east)) for east in (0.0, 0.5, 3.0, 180.0))


@dataclass
class Twin:
    """The same profiles, looked at one by one."""

    entries: dict[int, Entry]
    flags: dict[int, int]
    points: dict[int, Sequence[Point]] = field(default_factory=dict)

    def has(self, number: int, q: Query) -> set[int]:
        """The terms of a request that a profile has with a weight above zero."""
        weights = dict(zip(self.entries[number].terms, self.entries[number].weights, strict=True))
        return {term for term, _ in (*q.alone, *q.besides) if weights.get(term, 0) > 0}

    def lists(self, q: Query) -> tuple[list[list[Line]], int]:
        """The three lists, and the bits of why nobody could."""
        found: list[list[Line]] = [[], [], []]
        why = 0
        for number, entry in self.entries.items():
            weights = dict(zip(entry.terms, entry.weights, strict=True))
            grains = entry.adjust + sum(points * weights.get(term, 0) for term, points in (*q.alone, *q.besides))
            if q.alone and not any(weights.get(term, 0) > 0 for term, _ in q.alone):
                continue
            if not all(g.fewest <= sum(weights.get(t, 0) > 0 for t in g.terms) <= g.most for g in q.groups):
                continue
            if entry.partner in q.without:
                continue
            reach = max((points for region, points in q.near if region in entry.regions), default=-1)
            if reach < 0 and set(q.within) & set(entry.regions):
                reach = q.within_points
            if far(self.points.get(number, ()), q):
                why |= 8 * (reach >= 0)
                continue
            tie = scrambled(q.tie, entry.tie)
            if reach < 0:
                found[2].append((-grains, tie, number, entry.partner))
                continue
            line = (-grains - reach * 100 - q.tongue_points * 100 * (entry.speaks == 1), tie, number, entry.partner)
            found[1].append(line)
            closed = 1 if q.size and not entry.sizes & q.size else self.flags.get(number, 0)
            why |= closed
            if not closed:
                found[0].append(line)
        rooms = (q.open, q.any, q.outside)
        return [once(lines)[:room] for lines, room in zip(found, rooms, strict=True)], why


def told(query: Query, bits: int) -> set[int]:
    """The terms of a request that bits stand for."""
    return {term for place, term in enumerate(in_packed_order(query)) if bits >> place & 1}


def far(points: Sequence[Point], q: Query) -> bool:
    *middle, limit = q.circle
    return bool(limit and points) and all(
        sum((a - b) ** 2 for a, b in zip(p, middle, strict=True)) > limit for p in points
    )


def once(lines: list[Line]) -> list[Line]:
    """Each partner's best only, in order."""
    best: dict[int, Line] = {}
    for line in sorted(lines):
        best.setdefault(line[3], line)
    return list(best.values())


def scrambled(left: int, right: int) -> int:
    mask = (1 << 64) - 1
    x = left ^ right
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & mask
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & mask
    return (x ^ (x >> 31)) >> 1


def an_entry(chance: random.Random) -> Entry:
    terms = sorted(chance.sample(range(1, 60), chance.choice([0, 1, 3, 5, 40])))
    return Entry(
        partner=chance.randint(0, 60),
        regions=[*chance.sample(range(1, 12), chance.randint(1, 3)), 0],
        terms=terms,
        weights=[chance.choice([100, 100, 50, 20, 1, -30]) for _ in terms],
        sizes=chance.choice([255, 3, 4]),
        speaks=chance.choice([0, 1]),
        adjust=chance.choice([0, 0, 1_000_000, 5_000_000, -400_000]),
        tie=chance.getrandbits(62),
    )


def a_query(chance: random.Random) -> Query:
    asked = [(t, chance.choice([1_000, 30_000, 400_000])) for t in chance.sample(range(1, 65), chance.randint(0, 6))]
    cut = chance.choice([len(asked), max(1, len(asked) // 2)])
    kind, room = chance.choice([must, any_of, must_not]), chance.randint(1, 5)
    return Query(
        tie=chance.getrandbits(62),
        alone=asked[:cut],
        besides=asked[cut:],
        near=[(r, chance.choice([100_000, 50_000])) for r in chance.sample(range(1, 12), chance.randint(1, 3))],
        within=sorted(chance.sample(range(1, 12), chance.choice([0, 0, 3]))),
        within_points=25_000,
        market=0,
        groups=[kind(chance.sample(range(1, 60), 2))] if chance.random() < 0.3 else [],
        without=chance.sample(range(60), chance.choice([0, 3])),
        size=chance.choice([0, 1, 4]),
        tongue_points=chance.choice([0, 50_000]),
        circle=chance.choice([ANYWHERE, ANYWHERE, (*HERE, limit_of(100))]),
        open=room,
        any=room + 5,
        outside=chance.choice([0, room + 10]),
    )


def change(network: ProfileIndex, twin: Twin, chance: random.Random) -> None:
    for _ in range(chance.choice([3, 30, 400])):
        number, entry = chance.randint(0, 900), an_entry(chance)
        network.put(number, entry)
        twin.entries[number] = entry
        if chance.random() < 0.5:
            twin.points[number] = chance.sample([HERE, NEAR, FAR, AWAY], chance.choice([0, 1, 1, 3]))
            network.place(number, twin.points[number])
    for number in chance.sample(sorted(twin.entries), min(4, len(twin.entries))):
        if chance.random() < 0.3:
            network.remove(number)
            del twin.entries[number]
            continue
        flag, on = chance.choice([PAUSED, FULL]), chance.random() < 0.5
        network.block(number, flag, on=on)
        bit = {PAUSED: 2, FULL: 4}[flag]
        twin.flags[number] = bit if on and not twin.flags.get(number) else 0
        network.block(number, PAUSED | FULL, on=False)
        network.block(number, flag, on=bool(twin.flags[number]))
        grains = chance.choice([0, 9_000_000, 3_000_000, -5_000])
        network.adjust(number, grains)
        twin.entries[number] = replace(twin.entries[number], adjust=grains)


def compare(network: ProfileIndex, twin: Twin, queries: list[Query], threads: int) -> None:
    import numpy as np

    hits = network.match(pack(queries, np.array([[0, 1]], np.uint8)), threads, reasons=True)
    for n, (query, found) in enumerate(zip(queries, found_in(hits), strict=True)):
        assert [told(query, bits) for bits in found.matched] == [twin.has(number, query) for number, _ in found.open]
        lists, why = twin.lists(query)
        tops = [
            [(-score, tie, number, partner) for score, tie, number, partner in hits.tops[n, which, :count].tolist()]
            for which, count in enumerate(hits.counts[n].tolist())
        ]
        assert tops[:2] == lists[:2]
        if not lists[0]:
            assert hits.seen[n, 0] == why
        # Who serves elsewhere is sought only when few come near.
        if len({line[3] for line in lists[1]} - {line[3] for line in lists[0]}) < 5 and query.alone:
            assert tops[2] == lists[2]


@pytest.mark.parametrize("seed", range(4))
def test_the_index_finds_what_a_look_at_every_profile_finds(seed: int) -> None:
    chance = random.Random(seed)
    network, twin = ProfileIndex(), Twin({}, {})
    for step in range(9):
        change(network, twin, chance)
        if step == 5:
            network.merge()
        compare(network, twin, [a_query(chance) for _ in range(20)], threads=1 + step % 2)


def test_changes_during_a_merge_beside_the_matches_are_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    # So few changes are merged beside the matches of a large network only.
    monkeypatch.setattr("services.matching.index.profiles.MANY", 0)
    monkeypatch.setattr("services.matching.index.profiles.SHARE", 0.0)
    chance = random.Random(3)
    network, twin = ProfileIndex(), Twin({}, {})
    for number in range(700):
        twin.entries[number] = an_entry(chance)
        network.put(number, twin.entries[number])
    merged = 0
    for _ in range(40):
        for number in chance.sample(range(720), 5):
            twin.entries[number] = an_entry(chance)
            network.put(number, twin.entries[number])
        before = network.pending
        compare(network, twin, [a_query(chance) for _ in range(5)], threads=1)
        merged += network.pending < before
    assert merged


def test_a_row_with_no_terms_serves_requests_that_name_nothing() -> None:
    network = ProfileIndex()
    network.put(0, Entry(partner=1, regions=[3], terms=[], weights=[], sizes=255, speaks=0, adjust=7, tie=5))
    hits = network.match(pack([Query(tie=1, near=[(3, 10)], open=2)]))
    assert hits.tops[0, 0, 0].tolist() == [1_007, scrambled(1, 5), 0, 1]


def test_a_request_of_many_terms_is_told_of_each_that_matches() -> None:
    asked, held = [(term, 1_000 - term) for term in range(1, 150)], [1, 63, 64, 65, 70, 128, 129, 149]
    network, weights = ProfileIndex(), [100, 100, 55, 1, -20, 100, 100, 100]
    network.put(0, Entry(partner=1, regions=[3], terms=held, weights=weights, sizes=255, speaks=0, adjust=0, tie=5))
    queries = [Query(tie=1, alone=asked, near=[(3, 10)]), Query(tie=1, alone=asked[60:70], near=[(3, 10)])]
    first, second = found_in(network.match(pack(queries), reasons=True))
    assert told(queries[0], first.matched[0]) == {1, 63, 64, 65, 128, 129, 149}
    assert told(queries[1], second.matched[0]) == {63, 64, 65}


def test_nobody_is_found_in_an_empty_network() -> None:
    hits = ProfileIndex().match(pack([Query(tie=1, alone=[(4, 10)], near=[(3, 10)], within=[2], market=9, any=3)]))
    assert hits.counts.tolist() == [[0, 0, 0]]


def test_ties_are_the_same_in_the_index_and_beside_it() -> None:
    assert tie_break("an rfi", "a profile") == scrambled(tie_key("an rfi"), tie_key("a profile"))


def test_warming_up_finds_the_profiles_it_puts() -> None:
    assert warm_up() == 4


def test_too_many_profiles_for_one_index_are_refused() -> None:
    network = ProfileIndex()
    with pytest.raises(OverflowError, match="split the network"):
        network.put(1 << 24, an_entry(random.Random(1)))


def test_where_nothing_can_be_kept_kernels_are_compiled_all_the_same(tmp_path: Path) -> None:
    occupied = tmp_path / "occupied"
    occupied.write_text("", "utf-8")
    code = "import numpy as np; from services.matching.index.memory import get; assert get(np.array([3, 4]), 1) == 4"
    surroundings = {**os.environ, "NUMBA_CACHE_DIR": str(occupied / "kernels"), "HOME": str(occupied)}
    subprocess.run([sys.executable, "-c", code], env=surroundings, check=True, timeout=300)


def test_a_batch_is_answered_in_an_order_of_its_own_and_each_request_once() -> None:
    places = [(7, 3), (9, 3), (7, 4), (9, 4)] * 5
    queries = [
        Query(tie=n, alone=[(1, 5), (term, 9)], near=[(n, 2), (wide, 1)]) for n, (wide, term) in enumerate(places)
    ]
    turns = list(pack(queries).turns)
    assert sorted(turns) == list(range(20))
    assert [places[turn] for turn in turns] == sorted(places)


def test_several_threads_find_what_one_finds() -> None:
    chance = random.Random(8)
    network, twin = ProfileIndex(), Twin({}, {})
    change(network, twin, chance)
    compare(network, twin, [a_query(chance) for _ in range(3 * PIECE + 1)], threads=3)


def test_the_points_of_a_profile_are_replaced_where_they_lie_and_may_grow_and_go() -> None:
    network = ProfileIndex()
    for number in (0, 1):
        row = Entry(partner=number, regions=[3], terms=[], weights=[], sizes=255, speaks=0, adjust=0, tie=5)
        network.put(number, row)
    query = pack([Query(tie=1, near=[(3, 10)], circle=(*HERE, limit_of(100)))])
    for points, found in (([FAR], [1]), ([FAR, NEAR], [0, 1]), ([AWAY], [1]), ([], [0, 1]), ([FAR, AWAY], [1])):
        network.place(0, points)
        hits = network.match(query)
        assert sorted(hits.tops[0, 0, : hits.counts[0, 0], 2].tolist()) == found
    room = network.rows.points.size
    for points in ([], [FAR], [NEAR, FAR]) * 200:
        network.place(0, points)
    assert network.rows.points.size == room


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_threads_that_share_the_regions_make_the_same_postings(threads: int) -> None:
    chance, index = random.Random(3), ProfileIndex()
    for number in range(400):
        regions = sorted({int(40 * chance.random() ** 3) for _ in range(3)})
        terms = sorted({1 + int(30 * chance.random() ** 2) for _ in range(5)})
        weights = [chance.choice([100, 50, 20, -30]) for _ in terms]
        adjust, tie = chance.randrange(1000), chance.randrange(1 << 40)
        entry = Entry(
            partner=number, regions=regions, terms=terms, weights=weights, sizes=255, speaks=0, adjust=adjust, tie=tie
        )
        index.put(number, entry)
    index.merge()
    rows = index.rows
    alone, together = (build(rows.hot, rows.words, rows.count, many) for many in (1, threads))
    assert len(alone.postings) > 2_000
    assert all(np.array_equal(getattr(alone, name), getattr(together, name)) for name in Postings._fields)
