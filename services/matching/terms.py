"""What does an RFI ask for, as a market weighs it? The rarer a term is among its profiles, the more it tells.

Two kinds. What it says is compared with what partners declare; by its signs (`signals`) it is like earlier RFIs, and
those are compared with what profiles have learned from outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum, log, sqrt
from typing import Protocol

from services.core.rfi import Rfi
from services.matching.asked import Asked, Source
from services.matching.keywords import weak_stems
from services.matching.signals import Kind, signals
from services.matching.synonyms import words_of_key
from services.matching.weights import DEFAULT_WEIGHTS, Weights

#: Longest phrase looked for in free texts, in stems.
LONGEST = 6
#: Where industries are looked up, which are the same in every language.
INDUSTRIES = ""

_NAMED = frozenset({Source.KEYWORD, Source.PRODUCT, Source.SERVICE})
#: Signs that make a match alone; the others only add.
_TELLING = frozenset({Kind.PAIR, Kind.CODE, Kind.CUSTOMER})


class Lexicon(Protocol):
    """What the profiles of one country offer and have learned, counted."""

    def size(self) -> int:
        """How many profiles there are."""

    def offered(self, language: str, key: str) -> int:
        """How many offer a phrase in a language, or an industry (language `INDUSTRIES`)."""

    def longest(self, language: str, head: str) -> int:
        """The most stems of an offered phrase that begins with this one, at most LONGEST; 0 if there is none."""

    def learned(self, key: str) -> int:
        """How many have learned a sign with a weight above zero; of no sign, how many have learned anything."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term that an RFI names."""

    key: str
    words: str
    source: Source
    weight: float

    def language(self, asked: Asked) -> str:
        """Where it is looked up."""
        return INDUSTRIES if self.source is Source.INDUSTRY else asked.language


@dataclass(frozen=True, slots=True)
class Sign:
    """A sign of an RFI that some profile has learned."""

    key: str
    weight: float
    alone: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """An RFI as a market weighs it. Points are millionths of a score, for a weight of one in a profile."""

    terms: tuple[Term, ...]
    signs: tuple[Sign, ...]
    named: bool
    #: True when a keyword, product or service is named. An industry says for whom, not what: it counts alone only
    #: when none of them is.
    points: tuple[int, ...]
    #: Of each term.
    sign_points: tuple[int, ...]

    def alone(self, term: Term) -> bool:
        """True if offering the term makes a match without any other."""
        return not (self.named and term.source is Source.INDUSTRY)


def wanted_of(rfi: Rfi, asked: Asked, lexicon: Lexicon, weights: Weights = DEFAULT_WEIGHTS) -> Wanted:
    """Weigh what an RFI asks for."""
    terms, signs = terms_of(asked, lexicon, weights), signs_of(rfi, lexicon)
    scale = weights.fit / (_whole(terms) or 1.0)
    sign_scale = weights.learned / (fsum(sign.weight for sign in signs) or 1.0)
    return Wanted(
        terms=terms,
        signs=signs,
        named=any(term.source in _NAMED for term in terms),
        points=tuple(round(term.weight * scale) for term in terms),
        sign_points=tuple(round(sign.weight * sign_scale) for sign in signs),
    )


def _whole(terms: tuple[Term, ...]) -> float:
    """The weight of all that is asked. Wider things only add: who offers just what was asked has it in full."""
    return fsum(t.weight for t in terms if t.source is not Source.WIDER) or fsum(t.weight for t in terms)


def terms_of(asked: Asked, lexicon: Lexicon, weights: Weights = DEFAULT_WEIGHTS) -> tuple[Term, ...]:
    """What is asked, each term once and where it earns most; what was named outright stays if nobody offers it."""
    language, weak = asked.language, weak_stems(asked.language)

    def term(key: str, words: str, source: Source, where: str = language) -> Term:
        return Term(key, words, source, rarity(lexicon, lexicon.offered(where, key)) * weights.shares[source])

    found = {s.key: term(s.key, s.words, s.source) for s in asked.offers}
    for source, runs in asked.texts:
        for run in runs:
            for start, head in enumerate(run):
                for length in range(1, min(lexicon.longest(language, head), len(run) - start) + 1):
                    each = head if length == 1 else " ".join(run[start : start + length])
                    if each in found or (length == 1 and head in weak) or not lexicon.offered(language, each):
                        continue
                    found[each] = term(each, words_of_key(each), source)
    industries = [term(s.key, s.words, s.source, INDUSTRIES) for s in asked.industries]
    return (*found.values(), *industries)


def signs_of(rfi: Rfi, lexicon: Lexicon) -> tuple[Sign, ...]:
    """The signs of an RFI that somebody has learned."""
    if not lexicon.learned(""):
        return ()
    found = [(signal, lexicon.learned(signal.key)) for signal in signals(rfi)]
    return tuple(
        Sign(signal.key, _learned_rarity(lexicon, holders) * signal.kind.share * signal.weight, signal.kind in _TELLING)
        for signal, holders in found
        if holders
    )


def _learned_rarity(lexicon: Lexicon, holders: int) -> float:
    """How much a sign tells: nothing if everybody has learned it.

    It is learned from few examples, so rarity says less than with declared terms: the root did better on real data.
    """
    return sqrt(max(0.0, log((1 + lexicon.size()) / (1 + holders))))


def rarity(lexicon: Lexicon, holders: int) -> float:
    """How much a term tells that so many profiles have."""
    return log(1 + lexicon.size() / max(1, holders))
