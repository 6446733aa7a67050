"""What else could answer the same requests? A full scan in numpy, roaring bitmaps, and a search engine.

The first two give exactly the index's answers, so they are also the proof of it. The search engine ranks by the terms
alone (it can't add a profile's own number to a score from Python); its answers are not compared.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tantivy
from pyroaring import BitMap

from bench.match.model import WANTED, Network
from services.matching.index.layout import I64
from services.matching.index.queries import Query

#: A profile's score, the order of equals, its number.
Line = tuple[int, int, int]

_MASK = (1 << 64) - 1


def chain_of(query: Query) -> list[int]:
    """The regions around the place asked for."""
    return [region for region, _ in query.near]


def mixed(left: int, right: I64) -> I64:
    """The order of equals, by its definition."""
    x = right.astype(np.uint64) ^ np.uint64(left)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)


def best(query: Query, numbers: I64, grains: I64, ties: I64) -> list[Line]:
    """The best of these, equals by their ties."""
    if numbers.size > WANTED:
        least = np.partition(grains, grains.size - WANTED)[grains.size - WANTED]
        kept = grains >= least
        numbers, grains = numbers[kept], grains[kept]
    tie = mixed(query.tie, ties[numbers])
    order = np.lexsort((tie, -grains))[:WANTED]
    return list(zip(grains[order].tolist(), tie[order].tolist(), numbers[order].tolist(), strict=True))


class FullScan:
    """Looks at every profile."""

    def __init__(self, network: Network) -> None:
        p = network.profiles
        self._p, self._open = p, np.ones(p.partners.size, bool)
        self._open[network.closed] = False
        self._worth = np.zeros(network.shape.keywords + 1, np.int64)
        self._near = np.zeros(network.parents.size, bool)

    def answer(self, query: Query) -> list[Line]:
        """The best profiles."""
        p, asked = self._p, [term for term, _ in query.alone]
        self._worth[asked] = [points for _, points in query.alone]
        self._near[chain_of(query)] = True
        grains = np.add.reduceat(self._worth[p.terms], p.term_at[:-1]) * 100
        reached = np.logical_or.reduceat(self._near[p.regions], p.region_at[:-1])
        self._worth[asked], self._near[chain_of(query)] = 0, False
        found = np.flatnonzero((grains > 0) & reached & self._open & ((p.sizes & query.size) > 0))
        return best(query, found, grains[found] + p.adjust[found], p.ties)


class Roaring:
    """Intersects bitmaps, then scores what is left."""

    def __init__(self, network: Network) -> None:
        p = network.profiles
        self._p = p
        self._regions = bitmaps(p.regions, p.region_at)
        self._terms = bitmaps(p.terms, p.term_at)
        numbers = np.arange(p.partners.size)
        self._sizes = {1 << b: BitMap(numbers[p.sizes & (1 << b) > 0].astype(np.uint32)) for b in range(5)}
        self._open = BitMap(np.setdiff1d(numbers, network.closed).astype(np.uint32))
        self._grains = np.zeros(p.partners.size, np.int64)

    def answer(self, query: Query) -> list[Line]:
        """The best profiles."""
        there = BitMap.union(*(self._regions.get(region, BitMap()) for region in chain_of(query)))
        there &= self._sizes[query.size] & self._open
        found = BitMap()
        for term, points in query.alone:
            have = self._terms.get(term, BitMap()) & there
            self._grains[as_numbers(have)] += points * 100
            found |= have
        numbers = as_numbers(found)
        grains = self._grains[numbers] + self._p.adjust[numbers]
        self._grains[numbers] = 0
        return best(query, numbers, grains, self._p.ties)

    def update(self, number: int, before: Iterable[int], after: Iterable[int]) -> None:
        """Change the terms of a profile."""
        for term in before:
            self._terms[term].discard(number)
        for term in after:
            self._terms.setdefault(term, BitMap()).add(number)


def bitmaps(values: I64, at: I64) -> dict[int, BitMap]:
    """For each value the profiles that have it."""
    owners = np.repeat(np.arange(at.size - 1, dtype=np.uint32), np.diff(at))
    order = np.argsort(values, kind="stable")
    found, begins = np.unique(values[order], return_index=True)
    parts = np.split(owners[order], begins[1:])
    return {int(value): BitMap(part) for value, part in zip(found, parts, strict=True)}


def as_numbers(bitmap: BitMap) -> I64:
    """The members as an array."""
    return np.array(bitmap.to_array(), dtype=np.int64)


class Engine:
    """tantivy: each profile a document; regions, size and terms as words."""

    def __init__(self, network: Network) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("number", stored=True, fast=True)
        builder.add_text_field("terms", tokenizer_name="whitespace", index_option="basic")
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema)
        writer = self._index.writer(heap_size=200_000_000, num_threads=1)
        p, closed = network.profiles, set(network.closed.tolist())
        regions, terms, sizes = p.regions.tolist(), p.terms.tolist(), p.sizes.tolist()
        region_at, term_at = p.region_at.tolist(), p.term_at.tolist()
        for n in range(p.partners.size):
            if n in closed:
                continue
            words = [f"r{r}" for r in regions[region_at[n] : region_at[n + 1]]]
            words += [f"t{t}" for t in terms[term_at[n] : term_at[n + 1]]]
            words += [f"s{bit}" for bit in range(5) if sizes[n] >> bit & 1]
            writer.add_document(tantivy.Document(number=n, terms=" ".join(words)))
        writer.commit()
        self._index.reload()
        self._searcher = self._index.searcher()

    def answer(self, query: Query) -> int:
        """How many were found, at most those wanted."""
        must, should = tantivy.Occur.Must, tantivy.Occur.Should
        near = tantivy.Query.boolean_query([(should, self._word(f"r{r}")) for r in chain_of(query)])
        terms = [
            (should, tantivy.Query.const_score_query(self._word(f"t{t}"), points / 1_000_000))
            for t, points in query.alone
        ]
        size = self._word(f"s{query.size.bit_length() - 1}")
        places = (tantivy.Query.const_score_query(each, 0.0) for each in (near, size))
        whole = tantivy.Query.boolean_query(
            [*((must, each) for each in places), (must, tantivy.Query.boolean_query(terms))]
        )
        return len(self._searcher.search(whole, WANTED).hits)

    def _word(self, word: str) -> tantivy.Query:
        return tantivy.Query.term_query(self._schema, "terms", word, index_option="basic")
