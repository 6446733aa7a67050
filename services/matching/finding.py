"""How does the index answer a search? As a request of many partners, with the filters as groups of terms.

A language is a filter without a term. It is asked for with a bonus that nothing else makes up for: those who work in it
come first, and the others are left out of what was found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from services.matching.answers import Entry, found_in
from services.matching.holdings import Holdings
from services.matching.index.queries import Group, Query, any_of
from services.matching.keywords import language_of
from services.matching.market import GRAINS
from services.matching.searching import COUNTED, Search
from services.matching.terms import INDUSTRIES
from services.matching.vocabulary import phrase_name
from services.matching.weights import Weights

#: Points that no score comes near, and their grains.
_FIRST = 100_000_000


def find(held: Holdings, query: Query, search: Search, weights: Weights) -> list[Entry]:
    """The best of a search with their scores in grains, one for each partner, at most COUNTED + 1.

    Args:
        held: the profiles.
        query: the search as a request; what it wants none of finds nobody.
        search: its filters.
        weights: what a language is worth.
    """
    groups = _groups(held, search)
    if not query.open or groups is None:
        return []
    points = _FIRST if search.speaks else weights.language
    asked = replace(query, open=COUNTED + 1, any=0, outside=0, groups=groups, tongue=0, tongue_points=points)
    (found,) = found_in(held.match([asked], [search.tag]))
    if not search.speaks:
        return found.open
    surplus = (_FIRST - weights.language) * GRAINS
    # What was learned may lower a score, though never by half of the bonus.
    return [(number, grains - surplus) for number, grains in found.open if 2 * grains > surplus]


def _groups(held: Holdings, search: Search) -> tuple[Group, ...] | None:
    """The filters as groups; None if one of them holds for nobody."""
    language = language_of(search.language)
    filters: list[Iterable[str]] = []
    if search.industries:
        filters.append(phrase_name(INDUSTRIES, key) for key in search.industry_keys())
    if search.offers:
        filters.append(phrase_name(language, key) for key in search.offer_keys())
    terms = [sorted({number for name in names if (number := held.vocabulary.find(name))}) for names in filters]
    return tuple(any_of(each) for each in terms) if all(terms) else None
