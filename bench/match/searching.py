"""What does a search of the provider search take? The 300 best with counts, of a whole network, and the first 20 told.

The kernel's part is measured on the network of the other figures. The rest (reading the words, filters, counts, the
reasons of the first 20) does not grow with the network, and is measured with the whole matcher over some thousand
profiles that stay in memory as profiles. What is told is the sum of both, so a little too much.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from bench.match.people import a_profile, a_request
from bench.match.whole import Idle, words
from services.core.rfi import Place
from services.matching.index.layout import Hits
from services.matching.index.profiles import ProfileIndex
from services.matching.index.queries import Query, pack
from services.matching.indexed import IndexedMatcher
from services.matching.searching import COUNTED, Search

#: Profiles of the small network, and searches that are measured.
PEOPLE, SEARCHES = 3_000, 300


def search_ms(index: ProfileIndex, queries: Sequence[Query]) -> tuple[float, float]:
    """Milliseconds of CPU time of one search: median, and 99th of a hundred."""
    asked = [replace(query, open=COUNTED + 1) for query in queries[:SEARCHES]]
    kernel = [_spent(partial(_matched, index, each)) for each in asked]
    rest = _of_people()
    half, most = np.percentile(np.array(kernel) + float(np.median(rest)), [50, 99])
    return float(half), float(most)


def _matched(index: ProfileIndex, query: Query) -> Hits:
    return index.match(pack([query]))


def _of_people() -> list[float]:
    """What whole searches take in a network in which nearly everybody is found."""
    chance, now = random.Random(9), a_request(0).accepted_at
    matcher = IndexedMatcher(Idle())
    for n in range(PEOPLE):
        offers = tuple(words(chance) for _ in range(chance.randint(3, 12)))
        matcher.put(replace(a_profile(n), keywords=("cloud migration",), products=offers, industries=("Retail",)))
    searches = [
        Search(words=f"cloud migration, {words(chance)}", place=Place(country="ES", city="Sevilla"))
        for _ in range(SEARCHES)
    ]
    return [_spent(partial(matcher.search, each, now)) for each in searches]


def _spent(work: Callable[[], object]) -> float:
    """Milliseconds of CPU time, the better of two."""
    taken = []
    for _ in range(2):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken) * 1000
