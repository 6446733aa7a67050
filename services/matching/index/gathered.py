"""What do profiles come to, whose documents were read? The numbers of all that they say, laid end to end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from services.matching.index.compiled import compiled
from services.matching.index.layout import I64, NO_WEIGHT, U8
from services.matching.index.memory import get
from services.matching.index.said import COUNTRY, INDUSTRY, LANGUAGES, POINT, SIZES, Said

#: Steps of sorting, few terms by the last ones alone (Ciura, 2001).
GAPS = np.array([701, 301, 132, 57, 23, 10, 4, 1])
#: The sizes of who wants them all, as bits.
ALL_SIZES = 255


class Meanings(NamedTuple):
    """What things of `Met` stand for, by their numbers. `at[n]` to `at[n + 1]` are the entries of thing `n`."""

    kinds: U8
    at: I64
    numbers: I64
    #: Of a text or an industry: terms. Of a place or a country: its number, its market's. Of sizes: their bits. Of
    #: languages: the number of the set. Of a coordinate: its point (see `distance`).


class Learned(NamedTuple):
    """What profiles have learned: `at[j]` to `at[j + 1]` are the signs of profile `j`, each with its weight."""

    at: I64
    terms: I64
    weights: I64


class Gathered(NamedTuple):
    """Profiles in numbers, one after the other. `x_at[j]` to `x_at[j + 1]` are the entries of profile `j`."""

    place_at: I64
    places: I64
    market_at: I64
    markets: I64
    term_at: I64
    terms: I64
    #: `term << 8 | weight + NO_WEIGHT`, ascending, each once.
    point_at: I64
    points: I64
    #: Three numbers for each point.
    sizes: I64
    speaks: I64
    learners: NDArray[np.bool_]
    #: Who has learned something.


def gathered(said: Said, who: I64, meanings: Meanings, learned: Learned, anybody: int) -> Gathered:
    """The profiles of these documents; `anybody` is the number of the set of languages of who names none."""
    terms, places, points = room_for(said, who, meanings)
    count = who.size
    found = Gathered(
        place_at=np.zeros(count + 1, np.int64),
        places=np.empty(places, np.int64),
        market_at=np.zeros(count + 1, np.int64),
        markets=np.empty(places, np.int64),
        term_at=np.zeros(count + 1, np.int64),
        terms=np.empty(terms + learned.terms.size, np.int64),
        point_at=np.zeros(count + 1, np.int64),
        points=np.empty(3 * points, np.int64),
        sizes=np.full(count, ALL_SIZES),
        speaks=np.full(count, anybody),
        learners=np.diff(learned.at) > 0,
    )
    gather(said, who, meanings, learned, found)
    return found._replace(
        places=found.places[: found.place_at[-1]],
        markets=found.markets[: found.market_at[-1]],
        terms=found.terms[: found.term_at[-1]],
    )


@compiled
def clear(said: Said, unclear: U8) -> None:
    """Documents that say something unclear are odd."""
    for n in range(said.state.size):
        for i in range(said.at[n], said.at[n + 1]):
            if unclear[said.numbers[i]] != 0:
                said.state[n] = 0


@compiled
def room_for(said: Said, who: I64, meanings: Meanings) -> tuple[int, int, int]:
    """How many terms, places and points these documents name."""
    terms, places, points = 0, 0, 0
    for n in who:
        for i in range(said.at[n], said.at[n + 1]):
            thing = get(said.numbers, i)
            kind = meanings.kinds[thing]
            if kind <= INDUSTRY:
                terms += meanings.at[thing + 1] - meanings.at[thing]
            elif kind <= COUNTRY:
                places += 1
            elif kind == POINT:
                points += 1
    return terms, places, points


@compiled
def gather(said: Said, who: I64, meanings: Meanings, learned: Learned, found: Gathered) -> None:
    """Put down what each document says."""
    for j in range(who.size):
        found.place_at[j + 1], found.market_at[j + 1] = found.place_at[j], found.market_at[j]
        end, point = found.term_at[j], found.point_at[j]
        for i in range(said.at[who[j]], said.at[who[j] + 1]):
            thing = get(said.numbers, i)
            kind, first = get(meanings.kinds, thing), meanings.at[thing]
            if kind <= INDUSTRY:
                for m in range(first, meanings.at[thing + 1]):
                    found.terms[end] = meanings.numbers[m] << 8 | (100 + NO_WEIGHT)
                    end += 1
            elif kind <= COUNTRY:
                add_once(found.places, found.place_at, j, meanings.numbers[first])
                add_once(found.markets, found.market_at, j, meanings.numbers[first + 1])
            elif kind == SIZES:
                found.sizes[j] = meanings.numbers[first]
            elif kind == LANGUAGES:
                found.speaks[j] = meanings.numbers[first]
            elif kind == POINT:
                found.points[point : point + 3] = meanings.numbers[first : first + 3]
                point += 3
        for i in range(learned.at[j], learned.at[j + 1]):
            found.terms[end] = learned.terms[i] << 8 | (learned.weights[i] + NO_WEIGHT)
            end += 1
        found.point_at[j + 1] = point
        found.term_at[j + 1] = sort_once(found.terms, found.term_at[j], end)


@compiled
def add_once(values: I64, at: I64, j: int, value: int) -> None:
    """Put a value behind those of a profile, if it is not among them."""
    for i in range(at[j], at[j + 1]):
        if values[i] == value:
            return
    values[at[j + 1]] = value
    at[j + 1] += 1


@compiled
def sort_once(values: I64, begin: int, end: int) -> int:
    """Sort a part (Shell, 1959), and drop what stands there twice; returns where it ends."""
    for gap in GAPS:
        for i in range(begin + gap, end):
            value, at = values[i], i
            while at >= begin + gap and values[at - gap] > value:
                values[at] = values[at - gap]
                at -= gap
            values[at] = value
    kept = begin
    for i in range(begin, end):
        if i == begin or values[i] != values[kept - 1]:
            values[kept] = values[i]
            kept += 1
    return kept
