"""Which topics exist, how they are keyed, how many partitions they have and how long they keep their records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Topic(StrEnum):
    """Every topic of the exchange."""

    RFI_SUBMITTED = "rfi.submitted"
    RFI_ACCEPTED = "rfi.accepted"
    RFI_REFUSED = "rfi.refused"
    ENGAGEMENT_EVENTS = "engagement.events"
    REFERRAL_EVENTS = "referral.events"
    PARTNER_PROFILES = "partner.profiles"
    PARTNER_STATS = "partner.stats"
    CLOCK_TICKS = "clock.ticks"
    DEAD_LETTERS = "dead.letters"


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSpec:
    """How a topic is created."""

    topic: Topic
    key: str
    #: What the key is, for people.
    partitions: int
    retention: timedelta | None
    #: None = compacted, kept for ever.
    personal_data: bool = False
    purpose: str


TOPICS = (
    TopicSpec(
        topic=Topic.RFI_SUBMITTED,
        key="publisher's RFI id",
        partitions=8,
        retention=timedelta(days=7),
        personal_data=True,
        purpose="RFIs as publishers send them; short retention because it holds personal data",
    ),
    TopicSpec(
        topic=Topic.RFI_ACCEPTED,
        key="rfi id",
        partitions=8,
        retention=timedelta(days=30),
        purpose="RFIs that intake accepted",
    ),
    TopicSpec(
        topic=Topic.RFI_REFUSED,
        key="rfi id or source offset",
        partitions=2,
        retention=timedelta(days=30),
        purpose="RFIs that intake refused: every problem, and a reference to the original",
    ),
    TopicSpec(
        topic=Topic.ENGAGEMENT_EVENTS,
        key="rfi id",
        partitions=8,
        retention=timedelta(days=90),
        purpose="what happened to an engagement as a whole",
    ),
    TopicSpec(
        topic=Topic.REFERRAL_EVENTS,
        key="referral id",
        partitions=8,
        retention=timedelta(days=90),
        purpose="what happened to each referral",
    ),
    TopicSpec(
        topic=Topic.PARTNER_PROFILES,
        key="profile id",
        partitions=2,
        retention=None,
        purpose="the newest version of each business profile, without contacts",
    ),
    TopicSpec(
        topic=Topic.PARTNER_STATS,
        key="profile id",
        partitions=2,
        retention=None,
        purpose="what the outcomes of each business profile have taught",
    ),
    TopicSpec(
        topic=Topic.CLOCK_TICKS,
        key="shard",
        partitions=8,
        retention=timedelta(hours=1),
        purpose="time, for each shard; partition = shard mod partitions",
    ),
    TopicSpec(
        topic=Topic.DEAD_LETTERS,
        key="original key",
        partitions=2,
        retention=timedelta(days=30),
        purpose="records that a consumer could not use: reason and reference",
    ),
)


class Group(StrEnum):
    """Every consumer group."""

    INTAKE = "referrals-intake"
    ROUTER = "referrals-router"
    ROUTER_ENGAGEMENTS = "referrals-router-engagements"
    ROUTER_NEXT_BEST = "referrals-router-next-best"
    NOTIFIER = "referrals-notifier"
    EXPIRER = "referrals-expirer"
    STATISTICS = "referrals-statistics"
    WEBHOOKS = "referrals-webhooks"
