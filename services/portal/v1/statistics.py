"""How does a partner do, over a period, and how does that compare with the others? The figures of the page Insights."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, Field

from services.core.insights import PERIODS, WAITS, Figures, Medians, Value
from services.portal.ports import PortalPorts
from services.portal.v1.callers import Reading, partner_of
from services.portal.v1.engagement_told import MoneyV1, plain
from services.portal.v1.route import V1Route, errors, name_methods
from services.portal.v1.wire import Told, answer

PATH = "/v1/statistics"

_USUAL = 90


def _a_period(days: int) -> int:
    if days not in PERIODS:
        raise ValueError(f"figures are there for {', '.join(map(str, PERIODS))} days")
    return days


Days = Annotated[
    int, AfterValidator(_a_period), Query(description="Days before now", json_schema_extra={"enum": list(PERIODS)})
]


class WaitsV1(Told):
    """Answers that took so long, and longer than those of the group before."""

    up_to_seconds: Annotated[int | None, Field(description="None: all that took longer still")] = None
    answers: int


class ReasonCountV1(Told):
    """How often a reason was given."""

    reason: str
    count: int


class ValueV1(Told):
    """Amounts of one currency, as text; those of others are not converted."""

    currency: str
    open: str
    won: str
    lost: str
    deals_won: int


class MediansV1(Told):
    """The middle of all partners of the network; what fewer than five partners have a figure for is left out."""

    at: datetime
    response_seconds: int | None = None
    advised: float | None = None
    acceptance: float | None = None
    win_rate: float | None = None
    won: list[MoneyV1]


class StatisticsV1(Told):
    """What came of the referrals of a period. Shares are from 0 to 1, and left out where nothing can be said yet."""

    since: datetime
    until: datetime
    received: int
    unanswered: int
    accepted: Annotated[int, Field(description="Whatever came of them")]
    declined: int
    expired: int
    withdrawn: int
    won: int
    lost: int
    response_seconds: Annotated[int | None, Field(description="Median time to an answer")] = None
    advised: Annotated[float | None, Field(description="Share of the answers within 24 hours")] = None
    waits: list[WaitsV1]
    acceptance: Annotated[float | None, Field(description="Of the accepted, declined and expired")] = None
    win_rate: Annotated[float | None, Field(description="Of the won and lost")] = None
    values: list[ValueV1]
    decline_reasons: list[ReasonCountV1]
    loss_reasons: list[ReasonCountV1]
    medians: MediansV1 | None = None


def router(ports: PortalPorts) -> APIRouter:
    """The figures."""
    routes = APIRouter(route_class=V1Route, tags=["statistics"])

    @routes.get(
        PATH,
        responses=errors(422),
        response_model=StatisticsV1,
        summary="Your figures of a period, beside the medians of all partners",
    )
    async def statistics(me: Reading, days: Days = _USUAL) -> Response:
        until = ports.clock.now()
        since = until - timedelta(days=days)
        figures = await ports.insights.figures(partner_of(me), since, until)
        told = _told(figures, since, until)
        medians = await ports.insights.medians(days)
        if medians is not None:
            told.medians = _medians(medians)
        return answer(told)

    return name_methods(routes)


def _told(figures: Figures, since: datetime, until: datetime) -> StatisticsV1:
    ends = [*(_seconds(each) for each in WAITS), None]
    return StatisticsV1(
        since=since,
        until=until,
        received=figures.received,
        unanswered=figures.unanswered,
        accepted=figures.accepted,
        declined=figures.declined,
        expired=figures.expired,
        withdrawn=figures.withdrawn,
        won=figures.won,
        lost=figures.lost,
        response_seconds=_seconds(figures.response),
        advised=figures.advised,
        waits=[WaitsV1(up_to_seconds=end, answers=n) for end, n in zip(ends, figures.waits, strict=True)],
        acceptance=figures.acceptance,
        win_rate=figures.win_rate,
        values=[_value(each) for each in figures.values],
        decline_reasons=[ReasonCountV1(reason=reason, count=n) for reason, n in figures.decline_reasons],
        loss_reasons=[ReasonCountV1(reason=reason, count=n) for reason, n in figures.loss_reasons],
    )


def _value(value: Value) -> ValueV1:
    return ValueV1(
        currency=value.currency,
        open=plain(value.open),
        won=plain(value.won),
        lost=plain(value.lost),
        deals_won=value.deals_won,
    )


def _medians(medians: Medians) -> MediansV1:
    return MediansV1(
        at=medians.at,
        response_seconds=_seconds(medians.response),
        advised=medians.advised,
        acceptance=medians.acceptance,
        win_rate=medians.win_rate,
        won=[MoneyV1(amount=plain(amount), currency=currency) for currency, amount in medians.won],
    )


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds())
