"""How are many profiles put into the index at once? In columns, so that each costs a few looks and no arrays.

A profile by itself pays for beginning with every array and dict that it touches. Where thousands come together, as when
a router starts, what they say is laid end to end, and sorted and counted for all of them in one go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np

from services.matching.index.gathered import Gathered
from services.matching.index.layout import I64, NO_WEIGHT
from services.matching.index.rows import Profiles

#: The weight of what a profile declares, in hundredths.
DECLARED = 100


class Read(NamedTuple):
    """A profile that is not in the index yet, in numbers."""

    number: int
    id: str
    partner: int
    places: Mapping[int, int]
    #: Numbers of the places it serves, each with that of its market.
    declared: bytes
    #: Numbers of the terms it declares, as words of 32 bits.
    learned: Mapping[int, int]
    #: Numbers of the signs it has learned, with their weights.
    sizes: int
    speaks: int
    adjust: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A batch as the index and the census take it."""

    numbers: I64
    profiles: Profiles
    served: I64
    #: Every place of each profile.
    markets: I64
    #: Every market of each profile.
    learners: I64
    #: Every market of each profile that has learned something.
    terms: I64
    #: `market << 24 | term` for each market and positive term of each profile.


def columns_of(batch: Sequence[Read]) -> Columns:
    """The columns of a batch; at least one profile."""
    numbers, ids, partners, places, declared, learned, sizes, speaks, adjust = zip(*batch, strict=True)
    terms = _terms_of(declared, learned)
    markets = [set(each.values()) for each in places]
    regions = [[*own, *under] for own, under in zip(places, markets, strict=True)]
    owners, found_in = np.repeat(np.arange(len(batch)), list(map(len, markets))), _flat(markets)
    profiles = Profiles(
        partners=_column(partners),
        region_at=_starts(regions),
        regions=_flat(regions),
        term_at=np.searchsorted(terms, np.arange(len(batch) + 1) << 32),
        terms=terms >> 8 & 0xFFFFFF,
        weights=(terms & 255) - NO_WEIGHT,
        sizes=_column(sizes),
        speaks=_column(speaks),
        adjust=_column(adjust),
        ties=tie_keys(ids),
    )
    return Columns(
        numbers=_column(numbers),
        profiles=profiles,
        served=_flat(places),
        markets=found_in,
        learners=found_in[np.array(list(map(bool, learned)))[owners]],
        terms=_by_market(profiles, owners, found_in),
    )


def gathered_columns(numbers: I64, partners: I64, found: Gathered, adjust: I64, ids: Sequence[str]) -> Columns:
    """The columns of profiles that were read as they are stored; `adjust` are the grains for the past."""
    own, under = np.diff(found.place_at), np.diff(found.market_at)
    regions = np.empty(found.places.size + found.markets.size, np.int64)
    regions[np.arange(found.places.size) + np.repeat(found.market_at[:-1], own)] = found.places
    regions[np.arange(found.markets.size) + np.repeat(found.place_at[1:], under)] = found.markets
    profiles = Profiles(
        partners=partners,
        region_at=found.place_at + found.market_at,
        regions=regions,
        term_at=found.term_at,
        terms=found.terms >> 8,
        weights=(found.terms & 255) - NO_WEIGHT,
        sizes=found.sizes,
        speaks=found.speaks,
        adjust=adjust,
        ties=tie_keys(ids),
    )
    owners = np.repeat(np.arange(numbers.size), under)
    return Columns(
        numbers=numbers,
        profiles=profiles,
        served=found.places,
        markets=found.markets,
        learners=found.markets[found.learners[owners]],
        terms=_by_market(profiles, owners, found.markets),
    )


def tie_keys(ids: Iterable[str]) -> I64:
    """The ids' parts in the order of equals: `ranking.tie_key` of each."""
    digests = b"".join([blake2b(id_.encode(), digest_size=8).digest() for id_ in ids])
    return (np.frombuffer(digests, ">u8") >> 1).astype(np.int64)


def _terms_of(declared: Sequence[bytes], learned: Sequence[Mapping[int, int]]) -> I64:
    """`place in the batch << 32 | term << 8 | weight` of all that each declares and has learned, sorted, each once."""
    owners = np.repeat(np.arange(len(declared)), [len(each) // 4 for each in declared])
    numbers = np.frombuffer(b"".join(declared), np.uint32).astype(np.int64)
    parts = [owners << 32 | numbers << 8 | (DECLARED + NO_WEIGHT)]
    for owner, signs in enumerate(learned):
        if signs:
            terms, weights = np.array([*signs.keys(), *signs.values()]).reshape(2, -1)
            parts.append(owner << 32 | terms << 8 | (weights + NO_WEIGHT))
    # Sorting such short runs takes less than numpy's own way to what is different.
    whole: I64 = np.sort(np.concatenate(parts))
    once: I64 = whole[np.diff(whole, prepend=-1) != 0]
    return once


def _by_market(profiles: Profiles, owners: I64, markets: I64) -> I64:
    """What each market's profiles offer: each profile's positive terms, once for each of its markets."""
    begins, lengths = profiles.term_at[owners], np.diff(profiles.term_at)[owners]
    places = np.arange(lengths.sum()) + np.repeat(begins - (np.cumsum(lengths) - lengths), lengths)
    terms = np.repeat(markets, lengths) << 24 | profiles.terms[places]
    positive: I64 = terms[profiles.weights[places] > 0]
    return positive


def _flat(parts: Iterable[Iterable[int]]) -> I64:
    return np.array(list(chain.from_iterable(parts)), np.int64)


def _column(numbers: Sequence[int]) -> I64:
    return np.array(numbers, np.int64)


def _starts(parts: Iterable[Sized]) -> I64:
    return np.array(list(accumulate(map(len, parts), initial=0)), np.int64)
