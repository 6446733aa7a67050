"""How do texts become terms, so that what is asked and what is offered can be compared?

Both sides go the same way: fold, cut into words, leave out stop words, stem, and put a concept's name in the place of
any of its labels. A term is a phrase of adjacent stems and concepts.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import chain

from services.matching.concepts import fingerprint
from services.matching.stems import (
    LANGUAGES,
    Segments,
    cut,
    fold,
    language_of,
    primary_tag,
    runs_of,
    stem_runs,
    weak_stems,
)
from services.matching.synonyms import joined, wider_keys

__all__ = [
    "LANGUAGES",
    "VERSION",
    "Segments",
    "fold",
    "language_of",
    "named",
    "offered",
    "offered_once",
    "phrase",
    "primary_tag",
    "segments",
    "weak_stems",
]

#: Changes whenever the same text may give other terms; part of the version of the rules that a routing records.
VERSION = f"norm-2-{fingerprint()}"


@lru_cache(maxsize=64)
def segments(text: str, language: str) -> Segments:
    """The stems and concepts of a text in runs; a phrase never reaches from one run into the next."""
    # Terms and signs are found in the same texts, one after the other.
    return joined(stem_runs(text, language), language)


@lru_cache(maxsize=100_000)
def named(text: str, language: str) -> Segments:
    """As `segments`, of what somebody named: short, and named again by others."""
    return joined(stem_runs(text, language), language)


@lru_cache(maxsize=100_000)
def phrase(text: str, language: str) -> str:
    """The whole text as one phrase of stems and concepts; empty when it says nothing."""
    return " ".join(s for run in named(text, language) for s in run)


@lru_cache(maxsize=100_000)
def offered(text: str, language: str) -> tuple[str, ...]:
    """Every key under which an offered text is found: its phrase, and wider things if it names a concept."""
    key = phrase(text, language)
    return (key, *wider_keys(key)) if key else ()


def offered_once(text: str) -> Iterator[tuple[str, str]]:
    """As `offered`, in each language, with the language; for who reads a text once and remembers what it means."""
    pieces = cut(text)
    for language in LANGUAGES:
        key = " ".join(chain.from_iterable(joined(runs_of(pieces, language), language)))
        if key:
            yield language, key
            for wider in wider_keys(key):
                yield language, wider
