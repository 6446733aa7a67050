"""What a referral is: one RFI offered to one partner, with its state, deadlines and history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from services.core.codes import Channel, CompanySize, Flame, PolicyName, SalesStage, Stage, Status, Substatus, Timeframe
from services.core.events import Event
from services.core.rfi import Money, Person, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmFields:
    """What a partner's CRM keeps with a deal: stored and given back, and nothing follows from it."""

    sales_stage: SalesStage | None = None
    campaign_id: str | None = None
    program: str | None = None
    solutions: tuple[str, ...] = ()
    share_with_sellers: bool = False
    customer_team: tuple[Person, ...] = ()
    #: People of the customer that the partner came to know; personal data.


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What the partner says of the deal."""

    engagement_name: str | None = None
    deal_value: Money | None = None
    closing_date: date | None = None
    timeframe: Timeframe | None = None
    notes: str | None = None
    crm_id: str | None = None
    #: The partner's own id of the deal.
    reason: str | None = None
    #: CloseReason, ErrorReason or WithdrawReason when closed with one.
    reason_notes: str | None = None
    crm: CrmFields | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timers:
    """Instants (UTC) at which something is due; None = not pending (never set, fired, or overtaken)."""

    remind_at: datetime | None = None
    warn_at: datetime | None = None
    flame_at: datetime | None = None
    expire_at: datetime | None = None
    settle_at: datetime | None = None
    #: End of the undo window of the last decision.

    def next_due(self) -> datetime | None:
        """The earliest pending instant, or None."""
        pending = [
            t for t in (self.remind_at, self.warn_at, self.flame_at, self.expire_at, self.settle_at) if t is not None
        ]
        return min(pending) if pending else None


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoPoint:
    """What a decision replaced, kept until the undo window ends."""

    command: str
    #: Name of the decision: accept, decline, win or lose.
    status: Status
    substatus: Substatus
    stage: Stage
    timers: Timers
    details: Details
    team: tuple[Person, ...]
    until: datetime
    event_id: str
    #: Id of the decision's event: `settled` names it as its cause.


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One line of a referral's history."""

    at: datetime
    version: int
    what: str
    #: Event type, or `skipped reminder` and the like.
    by: str
    #: Actor: `system`, `partner:<user>`, `customer`, `operator:<name>`.
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """One copy of an RFI for one partner. Every change is one conditional write on (id, version)."""

    id: str
    rfi_id: str
    partner_id: str
    profile_id: str
    location_id: str
    policy: PolicyName
    status: Status = Status.NEW
    substatus: Substatus = Substatus.PENDING
    stage: Stage = Stage.NEW
    version: int = 1
    created_at: datetime
    updated_at: datetime
    accepted_at: datetime | None = None
    closed_at: datetime | None = None
    expires_at: datetime | None = None
    #: Deadline shown to people; timers.expire_at is None once it cannot fire any more.
    timers: Timers = field(default_factory=Timers)
    shard: int
    flame: Flame = Flame.NONE
    picked: bool = False
    #: The customer chose this partner.
    round: int = 1
    next_best: bool = False
    #: If it is declined or lapses, the next-best partner is asked: the matcher chose it, and the customer consented.
    title: str
    #: Of the need, for lists.
    company: str
    #: The customer's company name, for lists; people's names and addresses stay on the RFI.
    place: Place
    size: CompanySize | None = None
    channel: Channel | None = None
    keywords: tuple[str, ...] = ()
    budget: Money | None = None
    #: These four of the request too, for lists; referrals of the first version lack them.
    customer_key: str | None = None
    #: `ids.customer_key` of the customer's contact, to find a customer's referrals without keeping the address here.
    details: Details = field(default_factory=Details)
    team: tuple[Person, ...] = ()
    undo: UndoPoint | None = None
    history: tuple[HistoryEntry, ...] = ()
    #: Newest last, capped at HISTORY_LIMIT.
    why: Mapping[str, object] = field(default_factory=dict)
    #: `score` and `reasons` of the match, each as `services.core.reasons` writes it.
    erased_at: datetime | None = None
    #: When the customer's data was erased; title, company and the partner's words are those of `core.erasing` since.
    outbox: tuple[Event, ...] = ()
    #: Events not yet known to be on Kafka, in order.


#: Entries of history kept in the document: enough for years of one deal, bounded so that the document is.
HISTORY_LIMIT = 200
