"""How does an RFI become a question to the index? Its words, signs and places become numbers, with what each earns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.core.rfi import Rfi
from services.matching import keywords
from services.matching.asked import Asked, Demand, read
from services.matching.choosing import NEAR_MISSES
from services.matching.holdings import Holdings
from services.matching.index.queries import ANYWHERE, Query, any_of, must_not
from services.matching.ranking import tie_key
from services.matching.regions import ParentOf, Reach
from services.matching.terms import INDUSTRIES, Wanted, wanted_of
from services.matching.vocabulary import Around, phrase_name, sign_name
from services.matching.weights import Weights


@dataclass(frozen=True, slots=True)
class Reading:
    """An RFI, ready to be asked of the index."""

    rfi: Rfi
    asked: Asked
    tag: str
    #: The RFI's primary language tag.
    wanted: Wanted
    around: Around
    numbers: Sequence[int]
    #: Of each wanted term; 0 when nobody offers it.
    query: Query


def read_for(held: Holdings, rfi: Rfi, weights: Weights, parent_of: ParentOf, tag: str | None = None) -> Reading:
    """Read an RFI for these profiles; `tag` is the language that partners should work in, if it is not the RFI's."""
    asked = read(rfi, parent_of)
    around = held.gazetteer.around(asked.place)
    market = held.gazetteer.market(asked.place[0])
    wanted = wanted_of(rfi, asked, held.census.lexicon(market), weights)
    numbers = [held.vocabulary.find(phrase_name(term.language(asked), term.key)) for term in wanted.terms]
    alone, besides = _pairs(held, wanted, numbers)
    size, room = rfi.customer.size, rfi.max_partners
    # Who serves elsewhere and was asked for nothing did not come near.
    rooms = (room, room + NEAR_MISSES, room + 2 * NEAR_MISSES if asked.usable else 0)
    demanded, unwanted = ([_holders(held, asked, each) for each in of] for of in (asked.demands, asked.unwanted))
    if asked.usable and not (alone and all(demanded)):
        # Without a term that anybody has, nobody matches; without anything asked, everybody there does.
        rooms = (0, 0, 0)
    query = Query(
        tie=tie_key(rfi.id),
        alone=alone,
        besides=besides if asked.usable else (),
        near=around.near,
        within=around.within,
        within_points=weights.reach[Reach.WITHIN],
        market=market,
        groups=(*map(any_of, demanded), *(must_not(terms) for terms in unwanted if terms)),
        without=[number for each in sorted(asked.excluded) if (number := held.partner(each)) is not None],
        circle=(*asked.circle.middle, asked.circle.limit) if asked.circle is not None else ANYWHERE,
        size=held.size_bit(size) if size is not None else 0,
        tongue_points=weights.language,
        open=rooms[0],
        any=rooms[1],
        outside=rooms[2],
    )
    spoken = keywords.primary_tag(rfi.language) if tag is None else tag
    return Reading(rfi, asked, spoken, wanted, around, numbers, query)


def _holders(held: Holdings, asked: Asked, demand: Demand) -> list[int]:
    """Numbers of the terms that meet a demand, as far as anybody has them."""
    names = {phrase_name(asked.language, key) for key in demand.phrases}
    names |= {phrase_name(INDUSTRIES, key) for key in demand.industries}
    return sorted({number for name in names if (number := held.vocabulary.find(name))})


def _pairs(
    held: Holdings, wanted: Wanted, numbers: Sequence[int]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Numbers with points: of what makes a match alone, and of what only adds."""
    alone: list[tuple[int, int]] = []
    besides: list[tuple[int, int]] = []
    for term, number, points in zip(wanted.terms, numbers, wanted.points, strict=True):
        if number:
            (alone if wanted.alone(term) else besides).append((number, points))
    for sign, points in zip(wanted.signs, wanted.sign_points, strict=True):
        if number := held.vocabulary.find(sign_name(sign.key)):
            (alone if sign.alone else besides).append((number, points))
    return alone, besides
