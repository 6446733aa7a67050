"""Which network and which requests are measured? Seeded; two shapes.

`dense`: 200 regions (10 countries, 40 states, 150 cities), 2,000 keywords. `sparse`: 50,000 regions, 200,000 keywords.
Keywords and regions are drawn by Zipf, requests from the same distribution: common words are asked for often, which is
the hard case. A profile serves some regions (one below another that it serves is dropped), has up to 15 keywords, wants
some of five sizes, has a prior from Beta(2, 5); one in ten is not available.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.matching.index.layout import F32, I64
from services.matching.index.queries import Query
from services.matching.index.rows import Profiles

#: Grains of a whole score, and the share of the prior.
ONE, PRIOR = 100_000_000, 0.3
WANTED = 10


@dataclass(frozen=True)
class Shape:
    """How many countries, states, cities and keywords."""

    name: str
    levels: tuple[int, int, int]
    keywords: int


DENSE, SPARSE = Shape("dense", (10, 40, 150), 2_000), Shape("sparse", (10, 990, 49_000), 200_000)


@dataclass(frozen=True)
class Network:
    """The profiles, and what requests are made of."""

    shape: Shape
    profiles: Profiles
    closed: I64
    #: Numbers of those that are not available.
    parents: I64
    #: By region: the one around it, -1 for a country.
    idf: F32


def zipf(rng: np.random.Generator, count: int, power: float, size: int) -> I64:
    """Draws from 0 to below `count`."""
    weights = np.cumsum(np.arange(1, count + 1, dtype=np.float64) ** -power)
    found: I64 = np.searchsorted(weights, rng.random(size) * weights[-1]).astype(np.int64)
    return found


def parents_of(shape: Shape) -> I64:
    """Which region lies in which: spread evenly."""
    countries, states, cities = shape.levels
    state = np.arange(states) % countries
    city = countries + np.arange(cities) % states
    return np.concatenate([np.full(countries, -1), state, city]).astype(np.int64)


def regions_of(rng: np.random.Generator, shape: Shape, size: int, shares: tuple[float, float]) -> I64:
    """Regions: a country with the first probability, a state up to the second, else a city."""
    countries, states, cities = shape.levels
    kind = rng.random(size)
    found = countries + states + zipf(rng, cities, 0.8, size)
    found = np.where(kind < shares[1], countries + zipf(rng, states, 0.8, size), found)
    return np.where(kind < shares[0], zipf(rng, countries, 0.8, size), found)


def distinct(owners: I64, values: I64, count: int) -> tuple[I64, I64]:
    """Each owner's values, ascending and once: where they begin, and the values."""
    pairs = np.unique(owners << 32 | values)
    at = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(pairs >> 32, minlength=count), out=at[1:])
    return at, pairs & 0xFFFFFFFF


def network(shape: Shape, count: int, seed: int = 7) -> Network:
    """A network of `count` profiles."""
    rng = np.random.default_rng(seed)
    parents = parents_of(shape)
    owners = np.repeat(np.arange(count), rng.integers(1, 6, count))
    regions = regions_of(rng, shape, owners.size, (0.08, 0.3))
    region_at, regions = distinct(owners, regions, count)
    owners = np.repeat(np.arange(count), np.diff(region_at))
    have = np.sort(owners << 32 | regions)
    above = parents[regions]
    twice = np.where(above >= 0, parents[above], -1)
    covered = (above >= 0) & among(have, owners << 32 | above) | (twice >= 0) & among(have, owners << 32 | twice)
    region_at, regions = distinct(owners[~covered], regions[~covered], count)
    owners = np.repeat(np.arange(count), rng.integers(3, 16, count))
    # The index's term 0 is everybody's.
    term_at, terms = distinct(owners, 1 + zipf(rng, shape.keywords, 1.0, owners.size), count)
    wanted = rng.integers(0, 5, (count, 3))
    wanted[:, 1:][rng.random((count, 2)) < 0.5] = -1
    sizes = np.zeros(count, np.int64)
    for column in wanted.T:
        sizes |= np.where(column >= 0, 1 << np.maximum(column, 0), 0)
    holders = np.bincount(terms, minlength=shape.keywords + 1)
    profiles = Profiles(
        partners=np.arange(count),
        region_at=region_at,
        regions=regions,
        term_at=term_at,
        terms=terms,
        weights=np.full(terms.size, 100, np.int64),
        sizes=sizes,
        speaks=np.zeros(count, np.int64),
        adjust=(rng.beta(2, 5, count) * PRIOR * ONE).astype(np.int64),
        ties=rng.integers(0, 1 << 62, count),
    )
    closed = np.flatnonzero(rng.random(count) < 0.1)
    idf = np.log(1 + count / np.maximum(1, holders)).astype(np.float32)
    return Network(shape, profiles, closed, parents, idf)


def among(sorted_values: I64, wanted: I64) -> NDArray[np.bool_]:
    """For each whether it is one of the sorted values."""
    at = np.minimum(np.searchsorted(sorted_values, wanted), sorted_values.size - 1)
    found: NDArray[np.bool_] = sorted_values[at] == wanted
    return found


def requests(network_: Network, count: int, seed: int = 11) -> list[Query]:
    """Requests: one place (three in four a city), two to six keywords, one size."""
    rng = np.random.default_rng(seed)
    shape = network_.shape
    places = regions_of(rng, shape, count, (0.05, 0.25)).tolist()
    asked = []
    for place in places:
        terms = np.unique(1 + zipf(rng, shape.keywords, 1.0, int(rng.integers(2, 7))))
        weights = network_.idf[terms].astype(np.float64)
        points = np.round(weights / weights.sum() * 1_000_000).astype(np.int64)
        chain, around = place, []
        while chain >= 0:
            around.append((chain, 0))
            chain = int(network_.parents[chain])
        asked.append(
            Query(
                tie=int(rng.integers(0, 1 << 62)),
                alone=list(zip(terms.tolist(), points.tolist(), strict=True)),
                near=around,
                size=1 << int(rng.integers(0, 5)),
                open=WANTED,
            )
        )
    return asked
