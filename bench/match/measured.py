"""What is measured of one network? Rates, latencies, memory, changes, and whether every answer is right."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.match.model import DENSE, Network, Shape, network, requests
from bench.match.rivals import Engine, FullScan, Roaring
from bench.match.searching import search_ms
from services.matching.answers import Found, found_in
from services.matching.index.layout import BLOCKED, Hits
from services.matching.index.profiles import ProfileIndex
from services.matching.index.queries import Query, pack
from services.matching.index.rows import Entry

#: Requests of a batch, as a router takes them.
BATCH = 500


@dataclass
class Figures:
    """What came out; times in the units of the names."""

    shape: str
    profiles: int
    values: dict[str, float | int | bool | None] = field(default_factory=dict)


def filled(net: Network) -> ProfileIndex:
    """The index of a network."""
    index = ProfileIndex()
    index.put_all(np.arange(net.profiles.partners.size), net.profiles)
    index.rows.flags[net.closed] |= BLOCKED
    index.match(pack([Query(tie=0)]))
    return index


def answers(hits: Hits) -> list[list[tuple[int, int, int]]]:
    """For each request (grains, tie, number), the best first."""
    tops, counts = hits.tops[:, 0].tolist(), hits.counts[:, 0].tolist()
    return [[(t[0], t[1], t[2]) for t in top[:count]] for top, count in zip(tops, counts, strict=True)]


def matched(index: ProfileIndex, queries: Sequence[Query]) -> list[list[tuple[int, int, int]]]:
    """All answers with their ties, for comparing."""
    found = []
    for at in range(0, len(queries), BATCH):
        found += answers(index.match(pack(queries[at : at + BATCH])))
    return found


def unpacked(index: ProfileIndex, queries: Sequence[Query], *, reasons: bool = False) -> list[Found]:
    """All answers as the matcher takes them, in batches, with packing and unpacking.

    With `reasons` each winner comes with the terms that it matched, as bits; the words are put to them by the matcher.
    """
    found: list[Found] = []
    for at in range(0, len(queries), BATCH):
        found += found_in(index.match(pack(queries[at : at + BATCH]), reasons=reasons))
    return found


def rate(work: Callable[[], object], count: int, rounds: int = 3) -> float:
    """Pieces per second of CPU time of this process, the best of some rounds: neighbours take time, they give none."""
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return count / max(min(spent), 1e-9)


def latencies(index: ProfileIndex, queries: Sequence[Query]) -> tuple[float, float]:
    """Milliseconds of one request by itself, packing and unpacking included: median, 99th of a hundred."""
    taken = []
    for query in queries:
        best = float("inf")
        for _ in range(2):
            began = time.perf_counter()
            list(found_in(index.match(pack([query]))))
            best = min(best, time.perf_counter() - began)
        taken.append(best * 1000)
    half, most = np.percentile(taken, [50, 99])
    return float(half), float(most)


def wall(work: Callable[[], object]) -> float:
    """Seconds, the better of three."""
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def changed(index: ProfileIndex, net: Network, count: int, seed: int) -> float:
    """Change the terms of some profiles, each made visible to a match at the end; microseconds for one."""
    rng = np.random.default_rng(seed)
    p, entries = net.profiles, []
    for number in rng.choice(p.partners.size, count, replace=False).tolist():
        other = int(rng.integers(p.partners.size))
        terms = p.terms[p.term_at[other] : p.term_at[other + 1]].tolist()
        regions = p.regions[p.region_at[number] : p.region_at[number + 1]].tolist()
        entry = Entry(
            partner=number,
            regions=regions,
            terms=terms,
            weights=[100] * len(terms),
            sizes=int(p.sizes[number]),
            speaks=0,
            adjust=int(p.adjust[number]),
            tie=int(p.ties[number]),
        )
        entries.append((number, entry))
    probe = pack([Query(tie=0)])
    began = time.process_time()
    for at in range(0, count, 10):
        for number, entry in entries[at : at + 10]:
            index.put(number, entry)
        # Every tenth change is followed by a match, which sees all of them.
        index.match(probe)
    return (time.process_time() - began) / count * 1e6


def compared(queries: Sequence[Query], found: Sequence[object], answer: Callable[[Query], object]) -> int:
    """How many answers differ from a rival's."""
    return sum(answer(query) != each for query, each in zip(queries, found, strict=True))


def measure(profiles: int, *, shape: Shape = DENSE, checks: int = 200, engine: bool = True) -> Figures:
    """Build a network, ask it, compare."""
    figures, net = Figures(shape.name, profiles), network(shape, profiles)
    asked, put = requests(net, 4_000), figures.values
    filled(net)
    began = time.process_time()
    index = filled(net)
    put["build_s"] = time.process_time() - began
    put["bytes_per_profile"] = index.nbytes() / profiles
    found = matched(index, asked)
    put["matches_per_s"] = mine = rate(lambda: unpacked(index, asked), len(asked))
    put["reasons_per_s"] = rate(lambda: unpacked(index, asked, reasons=True), len(asked))
    packed = [pack(asked[at : at + BATCH]) for at in range(0, len(asked), BATCH)]
    put["kernel_per_s"] = rate(lambda: [index.match(batch) for batch in packed], len(asked))
    put["p50_ms"], put["p99_ms"] = latencies(index, asked[:2_000])
    put["search_p50_ms"], put["search_ms"] = search_ms(index, asked)
    one = wall(lambda: [index.match(batch) for batch in packed])
    put["two_threads"] = one / wall(lambda: [index.match(batch, 2) for batch in packed])
    scan, roaring = FullScan(net), Roaring(net)
    some, few = asked[:checks], asked[: max(20, checks // 10)]
    put["checked_full_scan"], put["checked_pyroaring"] = len(some), len(asked)
    wrong = compared(some, found[:checks], scan.answer) + compared(asked, found, roaring.answer)
    put["exact"] = wrong == 0
    put["vs_full_scan"] = mine / rate(lambda: [scan.answer(each) for each in few], len(few), 1)
    put["vs_pyroaring"] = mine / rate(lambda: [roaring.answer(each) for each in asked[:500]], 500, 2)
    put["vs_tantivy"] = None
    if engine:
        rival = Engine(net)
        put["vs_tantivy"] = mine / rate(lambda: [rival.answer(each) for each in few], len(few), 2)
    _with_changes(index, net, asked, put)
    return figures


def _with_changes(
    index: ProfileIndex, net: Network, asked: Sequence[Query], put: dict[str, float | int | bool | None]
) -> None:
    count = min(10_000, net.profiles.partners.size // 100)
    put["update_us"] = changed(index, net, count, seed=5)
    put["pending"] = index.pending
    put["pending_per_s"] = rate(lambda: unpacked(index, asked), len(asked))
