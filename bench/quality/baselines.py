"""What do simple methods reach? Popularity, and nearest earlier requests by TF-IDF."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from math import log, sqrt

from bench.quality.data import Request
from services.matching.keywords import fold

#: Nearest earlier requests that vote for their winners, and how much more one of the same region counts.
NEAREST, SAME_REGION = 40, 3.0

_WORD = re.compile(r"\w\w+")


class Popularity:
    """Who has won most."""

    def __init__(self) -> None:
        self._wins: Counter[str] = Counter()

    def learn(self, request: Request) -> None:
        """Count the winners."""
        self._wins.update(request.winners)

    def scores(self, request: Request) -> Mapping[str, float]:  # noqa: ARG002 - whatever is asked
        """How often each has won."""
        return dict(self._wins)


class Neighbours:
    """The reference: TF-IDF (single words, no marks, sublinear) over title, description, classification and buyer.

    The nearest earlier requests by cosine vote for their winners with their similarity.
    """

    def __init__(self) -> None:
        self._seen: list[Request] = []
        self._postings: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        self._squares: dict[int, tuple[int, float]] = {}

    def learn(self, request: Request) -> None:
        """Remember a request and who won it."""
        number = len(self._seen)
        self._seen.append(request)
        for word, weight in _weights(request).items():
            self._postings[word].append((number, weight))

    def scores(self, request: Request) -> Mapping[str, float]:
        """The votes for each winner of the nearest."""
        similar: defaultdict[int, float] = defaultdict(float)
        for word, weight in _weights(request).items():
            squared = self._idf(word) ** 2
            for number, other in self._postings.get(word, ()):
                similar[number] += weight * other * squared
        near = ((s / self._length(n), n) for n, s in similar.items())
        votes: defaultdict[str, float] = defaultdict(float)
        for similarity, number in sorted(near, reverse=True)[:NEAREST]:
            seen = self._seen[number]
            same = bool(seen.region) and seen.region == request.region
            for winner in seen.winners:
                votes[winner] += similarity * (SAME_REGION if same else 1.0)
        return votes

    def _idf(self, word: str) -> float:
        return log((1 + len(self._seen)) / (1 + len(self._postings.get(word, ())))) + 1.0

    def _length(self, number: int) -> float:
        # Weights of words move slowly as requests come in: a length is renewed when there are a tenth more.
        at, length = self._squares.get(number, (0, 0.0))
        if len(self._seen) > at * 1.1:
            weights = _weights(self._seen[number])
            length = sqrt(sum((w * self._idf(word)) ** 2 for word, w in weights.items())) or 1.0
            self._squares[number] = len(self._seen), length
        return length


_cache: dict[str, dict[str, float]] = {}


def _weights(request: Request) -> Mapping[str, float]:
    known = _cache.get(request.id)
    if known is None:
        codes = " ".join(f"{c.code} {c.label}" for c in request.codes)
        text = f"{request.title} {request.description} {codes} {request.buyer}"
        counted = Counter(_WORD.findall(fold(text)))
        known = _cache[request.id] = {word: 1 + log(n) for word, n in counted.items()}
    return known
