"""Through which profile does a partner get an RFI that the customer picked it for, and what can forbid it?

A pick gets past fit, size and capacity; not past an inactive or paused profile, because nobody would answer there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from services.core.rfi import Rfi, Skipped
from services.matching.choosing import unavailable
from services.matching.market import Offer
from services.matching.ranking import Ranking, score_of


def pick(
    rfi: Rfi,
    ranking: Ranking,
    numbers_of: Callable[[str], Iterable[int]],
    offers: Sequence[Offer],
    now: datetime,
) -> tuple[list[int], tuple[Skipped, ...]]:
    """Numbers of the profiles that get the RFI, in the customer's order, and the picks that can't have it."""
    chosen: list[int] = []
    skipped: list[Skipped] = []
    for partner_id in dict.fromkeys(rfi.selected_partners):
        own = sorted(numbers_of(partner_id), key=lambda n: offers[n].profile.id)
        codes = {number: unavailable(offers[number].profile, now) for number in own}
        open_ = [number for number in own if codes[number] is None]
        if open_:
            chosen.append(_best(open_, ranking))
        else:
            skipped.append(_refused(partner_id, own, codes, offers))
    return chosen, tuple(skipped)


def _best(numbers: Sequence[int], ranking: Ranking) -> int:
    """The profile that reaches the place most narrowly, then the best fit, then the first."""

    def key(number: int) -> tuple[int, float]:
        return ranking.area.get(number, 0), score_of(ranking, number)

    return max(numbers, key=key)


def _refused(partner_id: str, own: Sequence[int], codes: Mapping[int, str | None], offers: Sequence[Offer]) -> Skipped:
    if not own:
        return Skipped(partner_id=partner_id, score=0.0, because="unknown_partner")
    # Paused tells the customer more than inactive: this partner will be back.
    number = next((n for n in own if codes[n] == "paused"), own[0])
    return Skipped(
        partner_id=partner_id, profile_id=offers[number].profile.id, score=0.0, because=codes[number] or "inactive"
    )
