"""How does a partner do, over a period, and how does that compare with the others? Figures of its own referrals.

A period's referrals are those created in it, so that all figures speak of the same ones. Closed as errors they are left
out of everything; withdrawn ones were received, and say nothing of the partner. What can still be undone counts.
Databases count (`Tally`, `Wait`); `insight_figures` says what the counts mean, so that every adapter gives the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from services.core.codes import Substatus

#: Days that a period may have, counted back from now.
PERIODS = (30, 90, 365)
#: A median of fewer partners would tell of one of them, so there is none.
LEAST_PARTNERS = 5
#: Digits of a median amount that are told: it is the very amount of one partner, or the middle of two.
MONEY_DIGITS = 2
#: Upper ends of the groups that waits are counted in; the last group has none.
WAITS = (timedelta(hours=1), timedelta(hours=4), timedelta(hours=24), timedelta(days=3), timedelta(days=7))
#: "Answer within 24 hours" is the published advice.
ADVISED = timedelta(hours=24)

#: What counts of the referrals that are no longer new: all but those closed as errors.
COUNTED = (
    Substatus.ACCEPTED,
    Substatus.WON,
    Substatus.LOST,
    Substatus.DECLINED,
    Substatus.EXPIRED,
    Substatus.WITHDRAWN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Referrals that are alike in all that figures ask for."""

    substatus: Substatus
    accepted: bool
    #: Whether it was, whatever came of it.
    reason: str | None
    currency: str | None
    count: int
    amount: Decimal
    #: The sum of what the partner said the deals are worth.


@dataclass(frozen=True, slots=True)
class Wait:
    """Referrals that were answered after so many whole minutes."""

    minutes: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """Amounts of one currency; those of others are not converted."""

    currency: str
    open: Decimal
    #: Accepted, and neither won nor lost yet.
    won: Decimal
    lost: Decimal
    deals_won: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What came of a partner's referrals of a period. Shares are from 0 to 1; None where nothing can be said yet."""

    received: int
    unanswered: int
    #: Still new.
    accepted: int
    #: Whatever came of them: the open, the won, the lost, and those withdrawn later.
    declined: int
    expired: int
    withdrawn: int
    won: int
    lost: int
    response: timedelta | None
    #: Median time from the delivery to accepting or declining, to the minute.
    advised: float | None
    #: Share of the answers that came within `ADVISED`.
    waits: tuple[int, ...]
    #: Answers by how long they took: one number for each of `WAITS`, and one for all beyond.
    acceptance: float | None
    #: Share of the accepted in those accepted, declined or expired.
    win_rate: float | None
    #: Share of the won in those won or lost.
    values: tuple[Value, ...]
    #: By currency.
    decline_reasons: tuple[tuple[str, int], ...]
    #: (CloseReason, number), most frequent first.
    loss_reasons: tuple[tuple[str, int], ...]

    @property
    def answered(self) -> int:
        """Accepted or declined."""
        return self.accepted + self.declined


@dataclass(frozen=True, slots=True, kw_only=True)
class Medians:
    """The middle of all partners' figures of a period; None where fewer than LEAST_PARTNERS have one."""

    days: int
    at: datetime
    response: timedelta | None = None
    advised: float | None = None
    acceptance: float | None = None
    win_rate: float | None = None
    won: tuple[tuple[str, Decimal], ...] = ()
    #: (currency, what partners that won deals in it won), rounded to MONEY_DIGITS.


class InsightStore(Protocol):
    """Figures of partners, and the medians that were last made of them."""

    async def figures(self, partner_id: str, since: datetime, until: datetime) -> Figures:
        """Of the partner's referrals created from `since` on and before `until`."""

    async def put_medians(self, medians: Medians) -> None:
        """Keep them in place of those of the same number of days."""

    async def medians(self, days: int) -> Medians | None:
        """Those last put, or None."""
