"""What do simple methods reach? Popularity, and nearest earlier requests by TF-IDF."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from heapq import nlargest
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
    """The reference: TF-IDF (single words, no marks, sublinear) over title, description, codes and buyer.

    The nearest earlier requests by cosine vote for their winners with their similarity; one of the same region is three
    times as near. Words and their rarity are those of the requests before the first test, as a vectoriser is fitted on
    training data. This reading was chosen because it comes nearest to the figures published with the data.

    Args:
        fitted_on: the requests before the first test, whatever is known of their awards by then.
    """

    def __init__(self, fitted_on: Sequence[Request]) -> None:
        found = Counter(word for request in fitted_on for word in _words(request))
        self._rarity = {word: log((1 + len(fitted_on)) / (1 + n)) + 1.0 for word, n in found.items()}
        self._seen: list[Request] = []
        self._postings: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)

    def learn(self, request: Request) -> None:
        """Remember a request and who won it."""
        for word, weight in self._vector(request).items():
            self._postings[word].append((len(self._seen), weight))
        self._seen.append(request)

    def scores(self, request: Request) -> Mapping[str, float]:
        """The votes for each winner of the nearest."""
        similar: defaultdict[int, float] = defaultdict(float)
        for word, weight in self._vector(request).items():
            for number, other in self._postings.get(word, ()):
                similar[number] += weight * other
        near = ((s * self._nearness(number, request), -number) for number, s in similar.items())
        votes: defaultdict[str, float] = defaultdict(float)
        for vote, number in nlargest(NEAREST, near):
            for winner in self._seen[-number].winners:
                votes[winner] += vote
        return votes

    def _nearness(self, number: int, request: Request) -> float:
        return SAME_REGION if request.region and self._seen[number].region == request.region else 1.0

    def _vector(self, request: Request) -> Mapping[str, float]:
        """The weights of its known words, of length one together."""
        known = {w: (1 + log(n)) * self._rarity[w] for w, n in _words(request).items() if w in self._rarity}
        length = sqrt(sum(weight * weight for weight in known.values()))
        return {word: weight / length for word, weight in known.items()}


@lru_cache(maxsize=20_000)
def _words(request: Request) -> Mapping[str, int]:
    codes = " ".join(code.code for code in request.codes)
    return Counter(_WORD.findall(fold(f"{request.title} {request.description} {codes} {request.buyer}")))
