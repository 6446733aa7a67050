"""Which messages exist, in which version, on which topic, and who sends and reads them?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from schemas import clock, dead_letter, events, problem, profiles, refused, rfi
from schemas.base import Wire
from schemas.topics import Group, Topic

EXAMPLES = Path(__file__).parent / "examples"
SOURCE_OF_SCHEMAS = "urn:referral-exchange:schema"


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `topic` is None for the body of an HTTP answer."""

    name: str
    topic: Topic | None
    model: type[Wire]
    summary: str
    version: int = 1

    @property
    def stem(self) -> str:
        """The start of its files' names."""
        return f"{self.name}.v{self.version}"

    def examples(self) -> tuple[Path, ...]:
        """Its golden examples: `<stem>.json`, and `<stem>.<what>.json` for more of them."""
        return (EXAMPLES / f"{self.stem}.json", *sorted(EXAMPLES.glob(f"{self.stem}.*.json")))


def wire_type(message: Message) -> str:
    """The CloudEvents type of a message."""
    return f"referrals.{message.stem}"


def schema_id(message: Message) -> str:
    """The `$id` of its JSON Schema, sent as `ce_dataschema`."""
    return f"{SOURCE_OF_SCHEMAS}:{message.stem}"


_R, _E = Topic.REFERRAL_EVENTS, Topic.ENGAGEMENT_EVENTS

MESSAGES = (
    Message("rfi.submitted", Topic.RFI_SUBMITTED, rfi.RfiSubmittedV1, "a publisher sends an RFI"),
    Message("rfi.accepted", Topic.RFI_ACCEPTED, events.RfiAcceptedV1, "intake accepted an RFI"),
    Message("rfi.refused", Topic.RFI_REFUSED, refused.RfiRefusedV1, "intake refused an RFI, with every problem"),
    Message("engagement.routed", _E, events.EngagementRoutedV1, "the RFI went to these partners"),
    Message("engagement.no_match", _E, events.EngagementNoMatchV1, "no partner fits the RFI, and why"),
    Message("engagement.nobody_left", _E, events.EngagementNobodyLeftV1, "a partner dropped out, nobody else is asked"),
    Message("engagement.partner_wanted", _E, events.EngagementPartnerWantedV1, "the customer wants one more partner"),
    Message(
        "engagement.partner_unavailable",
        _E,
        events.EngagementPartnerUnavailableV1,
        "the partner that the customer wanted was not asked",
    ),
    Message("engagement.withdrawn", _E, events.EngagementWithdrawnV1, "the customer took the RFI back"),
    Message("engagement.partner_chosen", _E, events.EngagementPartnerChosenV1, "the customer chose a partner"),
    Message("referral.created", _R, events.ReferralEventV1, "a partner was asked"),
    Message("referral.received", _R, events.ReferralEventV1, "a person of the partner opened it"),
    Message("referral.reminder_due", _R, events.ReferralTimedV1, "nobody answered yet; time to remind"),
    Message("referral.expiring_soon", _R, events.ReferralTimedV1, "it will expire soon"),
    Message("referral.flame_changed", _R, events.ReferralTimedV1, "the customer has waited too long for a call"),
    Message("referral.interested", _R, events.ReferralEventV1, "classic policy: the partner evaluates it"),
    Message("referral.accepted", _R, events.ReferralEventV1, "the partner took it"),
    Message("referral.declined", _R, events.ReferralClosedByPartnerV1, "the partner turned it down, and why"),
    Message("referral.edited", _R, events.ReferralEventV1, "the partner changed what it says of the deal"),
    Message("referral.contact_added", _R, events.ReferralEventV1, "the partner named another person"),
    Message("referral.won", _R, events.ReferralEventV1, "the partner won the deal"),
    Message("referral.lost", _R, events.ReferralClosedByPartnerV1, "the partner lost the deal, and why"),
    Message("referral.expired", _R, events.ReferralTimedV1, "nobody answered in time"),
    Message("referral.withdrawn", _R, events.ReferralWithdrawnV1, "the customer withdrew or chose another"),
    Message("referral.error_closed", _R, events.ReferralErrorClosedV1, "the partner closed it as an error"),
    Message("referral.undone", _R, events.ReferralDecidedV1, "the last decision was taken back"),
    Message("referral.settled", _R, events.ReferralDecidedV1, "the last decision became final"),
    Message("partner.profile_changed", Topic.PARTNER_PROFILES, profiles.PartnerProfileV1, "a profile's newest version"),
    Message("partner.stats_changed", Topic.PARTNER_STATS, profiles.PartnerStatsV1, "a partner's newest statistics"),
    Message(
        "partner.standing_changed", Topic.PARTNER_STATS, profiles.ProfileStandingV1, "what a profile's past taught"
    ),
    Message("clock.tick", Topic.CLOCK_TICKS, clock.TickV1, "time has come this far"),
    Message("dead_letter.recorded", Topic.DEAD_LETTERS, dead_letter.DeadLetterV1, "a record was put aside"),
    Message("problem", None, problem.ProblemV1, "intake's HTTP answer when something is wrong"),
)


@dataclass(frozen=True, slots=True)
class Flow:
    """Which processes send to a topic and which read it."""

    senders: tuple[str, ...]
    readers: tuple[str, ...]


FLOWS = {
    # intake's HTTP side, and the portal for who sends a request on, send what they are given to intake's Kafka side
    Topic.RFI_SUBMITTED: Flow(("publishers", "intake", "portal"), ("intake",)),
    Topic.RFI_ACCEPTED: Flow(("intake",), ("router",)),
    Topic.RFI_REFUSED: Flow(("intake",), ("publishers",)),
    Topic.ENGAGEMENT_EVENTS: Flow(("router", "cli", "portal"), ("router", "notifier")),
    Topic.REFERRAL_EVENTS: Flow(
        ("router", "expirer", "cli", "portal"), ("router", "notifier", "statistics", "webhooks")
    ),
    Topic.PARTNER_PROFILES: Flow(("cli", "portal"), ("router", "portal")),
    Topic.PARTNER_STATS: Flow(("statistics",), ("router", "portal")),
    Topic.CLOCK_TICKS: Flow(("expirer",), ("expirer",)),
    Topic.DEAD_LETTERS: Flow(("intake", "router", "notifier", "expirer", "statistics", "webhooks"), ("operators",)),
}

#: The consumer group in which a process reads a topic; router and portal read profiles without one, in every instance.
GROUPS = {
    ("intake", Topic.RFI_SUBMITTED): Group.INTAKE,
    ("router", Topic.RFI_ACCEPTED): Group.ROUTER,
    ("router", Topic.ENGAGEMENT_EVENTS): Group.ROUTER_ENGAGEMENTS,
    ("router", Topic.REFERRAL_EVENTS): Group.ROUTER_NEXT_BEST,
    ("notifier", Topic.ENGAGEMENT_EVENTS): Group.NOTIFIER,
    ("notifier", Topic.REFERRAL_EVENTS): Group.NOTIFIER,
    ("statistics", Topic.REFERRAL_EVENTS): Group.STATISTICS,
    ("webhooks", Topic.REFERRAL_EVENTS): Group.WEBHOOKS,
    ("expirer", Topic.CLOCK_TICKS): Group.EXPIRER,
}
