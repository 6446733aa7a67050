"""Which known thing did somebody mean who made a typing error? A guess: it adds, and replaces nothing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

from rapidfuzz.distance import OSA
from rapidfuzz.process import extractOne

from services.matching.stems import fold
from services.matching.synonyms import known

#: Shorter words have too many neighbours; long phrases may have two errors.
_SHORTEST, _LONG = 6, 14


@lru_cache(maxsize=100_000)
def meant(text: str) -> str | None:
    """The concept whose label is one error away (two in a long one), with the same first two letters; None without.

    An error is a letter too many, too few or wrong, or two that have changed places. Labels themselves are no errors.
    """
    folded = " ".join(fold(text).split())
    labels = _labels().get(folded[:2], {})
    if len(folded) < _SHORTEST or folded in labels:
        return None
    allowed = 2 if len(folded) >= _LONG else 1
    found = extractOne(folded, labels.keys(), scorer=OSA.distance, score_cutoff=allowed)
    return labels[found[0]] if found else None


@cache
def _labels() -> Mapping[str, Mapping[str, str]]:
    """Concepts by folded label, by its first two letters."""
    found: dict[str, dict[str, str]] = {}
    for concept in known().values():
        for label in (fold(label) for labels in concept.labels.values() for label in labels):
            if len(label) >= _SHORTEST:
                found.setdefault(label[:2], {}).setdefault(label, concept.name)
    return found
