"""How many profiles of each country offer what? What few offer tells more, so every RFI asks for these counts.

Where many profiles are taken in at once, what they offer is noted first, and counted for all of them together before
the next question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from services.matching.index.layout import I64
from services.matching.vocabulary import Vocabulary, phrase_name, sign_name

#: Notes that are counted at the latest: 8 bytes each until then.
NOTED = 4_000_000
#: Numbers below this are sorted without being compared.
_SOON_SORTED = 1 << 16


class MarketLexicon:
    """Counts of what the profiles of one country offer and have learned; a `Lexicon`.

    Args:
        vocabulary: the numbers of terms.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._members, self._learners = 0, 0
        self._counts: Counter[int] = Counter()

    def size(self) -> int:
        """How many profiles there are."""
        return self._members

    def offered(self, language: str, key: str) -> int:
        """How many offer a phrase, or an industry."""
        return self._counts[self._vocabulary.find(phrase_name(language, key))]

    def longest(self, language: str, head: str) -> int:
        """The most stems of a phrase that begins so, offered in this country or elsewhere, now or before."""
        return self._vocabulary.longest(phrase_name(language, head))

    def learned(self, key: str) -> int:
        """How many have learned a sign; of no sign, how many have learned anything."""
        return self._counts[self._vocabulary.find(sign_name(key))] if key else self._learners

    def join(self, members: int, learners: int) -> None:
        """So many profiles come, or go where it is negative; and so many of them have learned something."""
        self._members += members
        self._learners += learners

    def count(self, terms: Iterable[int], by: int) -> None:
        """One profile begins (`by` 1) or ceases (-1) to offer these, or to be good at them."""
        if by > 0:
            self._counts.update(terms)
        else:
            self._counts.subtract(terms)

    def add(self, terms: Sequence[int], counts: Sequence[int]) -> None:
        """Many begin to offer these, so many each."""
        self._counts.update(dict(zip(terms, counts, strict=True)))


class Census:
    """The counts of all markets, by their numbers.

    Args:
        vocabulary: the numbers of terms.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._lexicons: dict[int, MarketLexicon] = {}
        self._noted: list[I64] = []
        self._many = 0

    def lexicon(self, market: int) -> MarketLexicon:
        """What is offered in a market now."""
        if self._noted:
            self._settle()
        return self._of(market)

    def count(self, markets: Iterable[int], terms: Sequence[int], *, learner: bool, by: int) -> None:
        """Take a profile in (`by` 1) or out (-1): what it declares, and what it learned to be good at."""
        for market in markets:
            lexicon = self._of(market)
            lexicon.join(by, by * learner)
            lexicon.count(terms, by)

    def note(self, markets: I64, learners: I64, terms: I64) -> None:
        """Take many profiles in.

        Args:
            markets: the market of each, more than one entry for a profile that serves several countries.
            learners: of these, the markets of those who have learned something.
            terms: `market << 24 | term` for each market and term of each of them.
        """
        for found, of_learners in ((markets, False), (learners, True)):
            numbers, counts = np.unique(found, return_counts=True)
            for market, many in zip(numbers.tolist(), counts.tolist(), strict=True):
                self._of(market).join(0 if of_learners else many, many if of_learners else 0)
        if terms.size:
            self._noted.append(terms)
            self._many += terms.size
        if self._many > NOTED:
            self._settle()

    def _of(self, market: int) -> MarketLexicon:
        lexicon = self._lexicons.get(market)
        if lexicon is None:
            lexicon = self._lexicons[market] = MarketLexicon(self._vocabulary)
        return lexicon

    def _settle(self) -> None:
        """Count what was noted."""
        noted = np.concatenate(self._noted)
        self._noted, self._many = [], 0
        many = np.bincount(noted >> 24)
        markets = np.flatnonzero(many)
        # Counting takes a tenth of sorting, but a table for each market: so those of one market are put together first.
        places = np.zeros(many.size, np.uint32 if markets.size > _SOON_SORTED else np.uint16)
        places[markets] = np.arange(markets.size)
        together = (
            noted[np.argsort(places[noted >> 24], kind="stable")] & 0xFFFFFF if markets.size > 1 else noted & 0xFFFFFF
        )
        for market, terms in zip(markets.tolist(), np.split(together, np.cumsum(many[markets])[:-1]), strict=True):
            counts = np.bincount(terms)
            found = np.flatnonzero(counts)
            self._of(market).add(found.tolist(), counts[found].tolist())
