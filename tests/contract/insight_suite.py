"""What does port `InsightStore` promise?"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from services.core import commands as c
from services.core.codes import CloseReason, ErrorReason, PolicyName, Stage, Status, Substatus
from services.core.insights import Figures, Medians, Value
from services.core.lifecycle import decide
from services.core.policy import POLICIES
from services.core.referral import Referral
from services.core.rfi import Money
from tests.builders import START, make_partner, make_referral
from tests.contract.stores import Stores

MINE, BY = make_partner(1).id, "partner:ana"
SINCE, UNTIL = START - timedelta(days=1), START + timedelta(days=1)
NOTHING = Figures(
    received=0,
    unanswered=0,
    accepted=0,
    declined=0,
    expired=0,
    withdrawn=0,
    won=0,
    lost=0,
    response=None,
    advised=None,
    waits=(0, 0, 0, 0, 0, 0),
    acceptance=None,
    win_rate=None,
    values=(),
    decline_reasons=(),
    loss_reasons=(),
)


def money(amount: str, currency: str = "EUR") -> Money:
    return Money(amount=Decimal(amount), currency=currency)


def after(referral: Referral, hours: float, *commands: c.Command) -> Referral:
    """The referral after commands, all of them so many hours after its creation."""
    at = referral.created_at + timedelta(hours=hours)
    for command in commands:
        referral = decide(referral, command, at, POLICIES[referral.policy])
    return referral


def accept(amount: str, currency: str = "EUR") -> c.Accept:
    return c.Accept(
        by=BY, engagement_name="Deal", deal_value=money(amount, currency), closing_date=date(2026, 5, 1), notes="x"
    )


def win(amount: str) -> c.Win:
    return c.Win(by=BY, final_value=money(amount), closed_on=START.date())


def lose(reason: CloseReason) -> c.Lose:
    return c.Lose(by=BY, reason=reason)


def some_of_each() -> list[Referral]:
    """Referrals of partner 1 in every state that one can be in."""
    classic = make_referral(10, policy=PolicyName.CLASSIC)
    error = c.CloseAsError(by=BY, reason=ErrorReason.TEST_REFERRAL)
    return [
        make_referral(1),
        after(make_referral(2), 1.5, accept("100.25")),
        after(make_referral(3), 0.5, accept("400"), win("500.50")),
        after(make_referral(4), 30, accept("1E+3"), win("2000")),
        after(make_referral(5), 2, accept("70", "USD"), lose(CloseReason.BUDGET)),
        after(make_referral(6), 200, c.Decline(by=BY, reason=CloseReason.NO_CAPACITY)),
        replace(make_referral(7), status=Status.CLOSED, substatus=Substatus.EXPIRED, stage=Stage.ARCHIVED),
        after(make_referral(8), 3, c.Withdraw(by="customer")),
        after(make_referral(9), 3, accept("5"), error),
        after(classic, 1, c.ShowInterest(by=BY)),
        after(make_referral(11), 4, accept("6"), c.Withdraw(by="customer")),
    ]


class InsightStoreSuite:
    async def test_nothing_is_known_of_a_partner_without_referrals(self, stores: Stores) -> None:
        assert await stores.insights.figures(MINE, SINCE, UNTIL) == NOTHING

    async def test_every_outcome_is_counted_once_and_errors_are_left_out(self, stores: Stores) -> None:
        await stores.referrals.add(some_of_each())
        found = await stores.insights.figures(MINE, SINCE, UNTIL)
        assert found == Figures(
            received=10,
            unanswered=2,
            accepted=5,
            declined=1,
            expired=1,
            withdrawn=2,
            won=2,
            lost=1,
            response=timedelta(hours=2),
            advised=4 / 6,
            waits=(1, 2, 1, 1, 0, 1),
            acceptance=5 / 7,
            win_rate=2 / 3,
            values=(
                Value(currency="EUR", open=Decimal("100.25"), won=Decimal("2500.50"), lost=Decimal(0), deals_won=2),
                Value(currency="USD", open=Decimal(0), won=Decimal(0), lost=Decimal(70), deals_won=0),
            ),
            decline_reasons=((CloseReason.NO_CAPACITY.value, 1),),
            loss_reasons=((CloseReason.BUDGET.value, 1),),
        )

    async def test_only_what_was_created_in_the_period_counts(self, stores: Stores) -> None:
        day = timedelta(days=1)
        for number, at in enumerate((SINCE - timedelta(seconds=1), SINCE, UNTIL - timedelta(seconds=1), UNTIL)):
            new = make_referral(number, created_at=at)
            done = after(make_referral(number + 10, created_at=at), 1, c.Decline(by=BY, reason=CloseReason.SIZE))
            await stores.referrals.add([new, done])
        found = await stores.insights.figures(MINE, SINCE, UNTIL)
        assert (found.unanswered, found.declined) == (2, 2)
        assert (await stores.insights.figures(MINE, UNTIL + day, UNTIL + 2 * day)) == NOTHING

    async def test_no_other_partner_is_counted(self, stores: Stores) -> None:
        await stores.referrals.add([make_referral(1, partner=2), after(make_referral(2, partner=2), 1, accept("1"))])
        assert await stores.insights.figures(MINE, SINCE, UNTIL) == NOTHING

    async def test_the_medians_last_put_are_kept_for_each_number_of_days(self, stores: Stores) -> None:
        first = Medians(days=30, at=START)
        full = Medians(
            days=30,
            at=START + timedelta(hours=1),
            response=timedelta(minutes=95),
            advised=0.75,
            acceptance=0.5,
            win_rate=0.25,
            won=(("EUR", Decimal(48000)),),
        )
        assert await stores.insights.medians(30) is None
        for each in (first, full, full, replace(first, days=90)):
            await stores.insights.put_medians(each)
        assert await stores.insights.medians(30) == full
        assert await stores.insights.medians(90) == replace(first, days=90)
