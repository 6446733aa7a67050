"""What is the exchange without one of its parts? Variants that hear less, or weigh less."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from bench.quality.exchange import Exchange, indexed
from services.core.rules import Rules
from services.matching.learning import Outcome, Result
from services.matching.signals import Kind


def without_kinds(*kinds: Kind) -> Callable[[], Exchange]:
    """Makes an exchange that learns nothing of these kinds."""
    letters = {kind.letter for kind in kinds}

    def heard(outcome: Outcome) -> Outcome:
        terms = {key: weight for key, weight in outcome.terms.items() if key.partition(":")[0] not in letters}
        return replace(outcome, terms=terms)

    return lambda: Exchange(heard=heard)


def _without_lost(outcome: Outcome) -> Outcome | None:
    return None if outcome.result is Result.LOST else outcome


def _as_losses_count_nothing(outcome: Outcome) -> Outcome | None:
    # A bid teaches by its accept; who never won is then as if it had not been there.
    return replace(outcome, terms={}) if outcome.result in {Result.LOST, Result.ACCEPTED} else outcome


PARTS: Mapping[str, Callable[[], Exchange]] = {
    "everything": Exchange,
    "without words": without_kinds(Kind.WORD),
    "without pairs": without_kinds(Kind.PAIR),
    "without words and pairs": without_kinds(Kind.WORD, Kind.PAIR),
    "without classification": without_kinds(Kind.CODE),
    "without the customer": without_kinds(Kind.CUSTOMER, Kind.CUSTOMER_WORD),
    "without words of its name": without_kinds(Kind.CUSTOMER_WORD),
    "without region and city": without_kinds(Kind.REGION, Kind.CITY),
    "without region": without_kinds(Kind.REGION),
    "without city": without_kinds(Kind.CITY),
    "without budget": without_kinds(Kind.BUDGET),
    "without past results": lambda: Exchange(lambda: indexed(Rules(past=0.0))),
    "bids that lost unheard": lambda: Exchange(heard=_as_losses_count_nothing),
    "losses cost nothing": lambda: Exchange(heard=_without_lost),
}
