"""What does a statistics process consist of? Wiring; the adapters come in as ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.core.events import Event, EventType
from services.core.pasts import PastStore
from services.core.ports import Outgoing, Publisher, Record
from services.core.standing import Standing
from services.core.stores import ReferralStore, RfiStore
from services.statistics.handler import StatisticsHandler
from services.statistics.publishing import StandingPublisher


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsPorts:
    """What statistics need of the world."""

    rfis: RfiStore
    referrals: ReferralStore
    pasts: PastStore
    publisher: Publisher
    decode_event: Callable[[Record], Event]
    type_of: Callable[[Record], EventType | None]
    encode_standing: Callable[[Standing, str], Outgoing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Statistics, not started: `handler` takes `referral.events`, `standings.sweep` is to be repeated."""

    handler: StatisticsHandler
    standings: StandingPublisher


def build(ports: StatisticsPorts) -> Statistics:
    """Put them together; opens nothing."""
    standings = StandingPublisher(pasts=ports.pasts, publisher=ports.publisher, encode=ports.encode_standing)
    handler = StatisticsHandler(
        rfis=ports.rfis,
        referrals=ports.referrals,
        pasts=ports.pasts,
        standings=standings,
        decode=ports.decode_event,
        type_of=ports.type_of,
    )
    return Statistics(handler=handler, standings=standings)
