"""What do the counts of a partner's referrals mean, and what is the middle of many partners?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import TypeVar

from services.core.codes import Substatus
from services.core.insights import (
    ADVISED,
    COUNTED,
    LEAST_PARTNERS,
    MONEY_DIGITS,
    WAITS,
    Figures,
    Medians,
    Tally,
    Value,
    Wait,
)
from services.core.referral import Referral

N = TypeVar("N", float, Decimal)


def tally_of(referral: Referral) -> Tally | None:
    """A referral as a tally of one; None while it is new, and when it was closed as an error."""
    if referral.substatus not in COUNTED:
        return None
    money = referral.details.deal_value
    return Tally(
        substatus=referral.substatus,
        accepted=referral.accepted_at is not None,
        reason=referral.details.reason,
        currency=money.currency if money else None,
        count=1,
        amount=money.amount if money else Decimal(0),
    )


def wait_of(referral: Referral) -> Wait | None:
    """How long a counted referral waited for its answer; None without one."""
    declined_at = referral.closed_at if referral.substatus is Substatus.DECLINED else None
    answered_at = referral.accepted_at or declined_at
    if referral.substatus not in COUNTED or answered_at is None:
        return None
    return Wait(max(0, (answered_at - referral.created_at) // timedelta(minutes=1)), 1)


def figures_of(tallies: Sequence[Tally], waits: Sequence[Wait], unanswered: int) -> Figures:
    """What the counts of a period mean; tallies and waits in any order, alike ones apart or together.

    Args:
        tallies: of all that is not new and not closed as an error.
        waits: of those of them that were accepted or declined.
        unanswered: how many are still new.
    """
    of = Counter[Substatus]()
    for tally in tallies:
        of[tally.substatus] += tally.count
    accepted = sum(tally.count for tally in tallies if tally.accepted)
    answers = sum(wait.count for wait in waits)
    return Figures(
        received=unanswered + of.total(),
        unanswered=unanswered,
        accepted=accepted,
        declined=of[Substatus.DECLINED],
        expired=of[Substatus.EXPIRED],
        withdrawn=of[Substatus.WITHDRAWN],
        won=of[Substatus.WON],
        lost=of[Substatus.LOST],
        response=_middle(waits),
        advised=_share(sum(wait.count for wait in waits if _took(wait) < ADVISED), answers),
        waits=_grouped(waits),
        acceptance=_share(accepted, accepted + of[Substatus.DECLINED] + of[Substatus.EXPIRED]),
        win_rate=_share(of[Substatus.WON], of[Substatus.WON] + of[Substatus.LOST]),
        values=_values(tallies),
        decline_reasons=_reasons(tallies, Substatus.DECLINED),
        loss_reasons=_reasons(tallies, Substatus.LOST),
    )


def medians_of(figures: Iterable[Figures], days: int, at: datetime) -> Medians:
    """The middle of each figure over the partners that have it."""
    of = list(figures)
    response = _median([each.response.total_seconds() for each in of if each.response is not None])
    return Medians(
        days=days,
        at=at,
        response=None if response is None else timedelta(minutes=round(response / 60)),
        advised=_of_shares(of, lambda each: each.advised),
        acceptance=_of_shares(of, lambda each: each.acceptance),
        win_rate=_of_shares(of, lambda each: each.win_rate),
        won=tuple(_won(of)),
    )


def rounded(amount: Decimal) -> Decimal:
    """An amount to its MONEY_DIGITS leading digits."""
    return Decimal(f"{Decimal(f'{amount:.{MONEY_DIGITS}g}'):f}")


def _won(figures: Sequence[Figures]) -> Iterable[tuple[str, Decimal]]:
    """For each currency that enough partners won deals in, the middle of what they won."""
    amounts: dict[str, list[Decimal]] = {}
    for each in figures:
        for value in each.values:
            if value.deals_won:
                amounts.setdefault(value.currency, []).append(value.won)
    for currency in sorted(amounts):
        if (middle := _median(amounts[currency])) is not None:
            yield currency, rounded(middle)


def _of_shares(figures: Sequence[Figures], of: Callable[[Figures], float | None]) -> float | None:
    middle = _median([share for each in figures if (share := of(each)) is not None])
    # To a whole percent: more digits would tell of counts.
    return None if middle is None else round(middle, 2)


def _median(values: Sequence[N]) -> N | None:
    return median(values) if len(values) >= LEAST_PARTNERS else None


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _took(wait: Wait) -> timedelta:
    return timedelta(minutes=wait.minutes)


def _middle(waits: Sequence[Wait]) -> timedelta | None:
    """The wait that half of the answers did not exceed (the lower of two in the middle)."""
    half = (sum(wait.count for wait in waits) + 1) // 2
    for wait in sorted(waits, key=_took):
        half -= wait.count
        if half <= 0:
            return _took(wait)
    return None


def _grouped(waits: Sequence[Wait]) -> tuple[int, ...]:
    groups = [0] * (len(WAITS) + 1)
    for wait in waits:
        groups[sum(_took(wait) >= end for end in WAITS)] += wait.count
    return tuple(groups)


def _values(tallies: Sequence[Tally]) -> tuple[Value, ...]:
    """What the accepted deals are worth."""
    amounts = Counter[tuple[str, Substatus]]()
    sums: dict[tuple[str, Substatus], Decimal] = {}
    for tally in tallies:
        if tally.currency is not None and tally.accepted and tally.substatus is not Substatus.WITHDRAWN:
            key = tally.currency, tally.substatus
            amounts[key] += tally.count
            sums[key] = sums.get(key, Decimal(0)) + tally.amount
    return tuple(
        Value(
            currency=currency,
            open=sums.get((currency, Substatus.ACCEPTED), Decimal(0)),
            won=sums.get((currency, Substatus.WON), Decimal(0)),
            lost=sums.get((currency, Substatus.LOST), Decimal(0)),
            deals_won=amounts[currency, Substatus.WON],
        )
        for currency in sorted({currency for currency, _ in amounts})
    )


def _reasons(tallies: Sequence[Tally], substatus: Substatus) -> tuple[tuple[str, int], ...]:
    found = Counter[str]()
    for tally in tallies:
        if tally.substatus is substatus and tally.reason is not None:
            found[tally.reason] += tally.count
    return tuple(sorted(found.items(), key=lambda each: (-each[1], each[0])))
