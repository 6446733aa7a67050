"""Which whole numbers do rules come to? Made once for each set of rules; every matcher ranks by these alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from services.core.rfi import Rfi
from services.core.rules import DEFAULT_RULES, Rules, points
from services.matching import keywords
from services.matching.asked import Source
from services.matching.regions import Reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Rules in points (millionths of a score)."""

    rules: Rules
    name: str
    #: Stands in every routing: the version of the rules and that of how words are read.
    fit: int
    learned: int
    past: int
    even: int
    language: int
    reach: Mapping[Reach, int]
    shares: Mapping[Source, float]

    def limited(self, rfi: Rfi) -> Rfi:
        """The RFI, for no more partners than the rules allow."""
        room = self.rules.room(rfi.max_partners)
        return rfi if room == rfi.max_partners else replace(rfi, max_partners=room)


@lru_cache(maxsize=64)
def weights_of(rules: Rules) -> Weights:
    """The weights of rules."""
    return Weights(
        rules=rules,
        name=f"{rules.version}+{keywords.VERSION}",
        fit=points(rules.fit),
        learned=points(rules.learned),
        past=points(rules.past),
        even=points(rules.even),
        language=points(rules.language),
        reach={each: points(getattr(rules.region, each.name.lower())) for each in Reach},
        shares={each: getattr(rules.sources, each.name.lower()) for each in Source},
    )


DEFAULT_WEIGHTS = weights_of(DEFAULT_RULES)
