"""What the exchange says has happened. An event carries ids and facts, never names, mail addresses or phones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class EventType(StrEnum):
    """Every kind of event, without the version; the wire type is `referrals.<value>.v1`."""

    # rfi.accepted and rfi.refused
    RFI_ACCEPTED = "rfi.accepted"
    RFI_REFUSED = "rfi.refused"
    # engagement.events, subject = rfi id
    ROUTED = "engagement.routed"
    NO_MATCH = "engagement.no_match"
    NOBODY_LEFT = "engagement.nobody_left"
    PARTNER_WANTED = "engagement.partner_wanted"
    PARTNER_UNAVAILABLE = "engagement.partner_unavailable"
    WITHDRAWN_BY_CUSTOMER = "engagement.withdrawn"
    PARTNER_CHOSEN = "engagement.partner_chosen"
    # referral.events, subject = referral id
    CREATED = "referral.created"
    RECEIVED = "referral.received"
    REMINDER_DUE = "referral.reminder_due"
    EXPIRING_SOON = "referral.expiring_soon"
    FLAME_CHANGED = "referral.flame_changed"
    INTERESTED = "referral.interested"
    ACCEPTED = "referral.accepted"
    DECLINED = "referral.declined"
    EDITED = "referral.edited"
    CONTACT_ADDED = "referral.contact_added"
    WON = "referral.won"
    LOST = "referral.lost"
    EXPIRED = "referral.expired"
    WITHDRAWN = "referral.withdrawn"
    ERROR_CLOSED = "referral.error_closed"
    UNDONE = "referral.undone"
    SETTLED = "referral.settled"
    # partner.profiles and partner.stats
    PROFILE_CHANGED = "partner.profile_changed"
    STATS_CHANGED = "partner.stats_changed"
    STANDING_CHANGED = "partner.standing_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to one document."""

    id: str
    #: uuid5(document, version, type): a document's version says each kind of thing once.
    type: EventType
    subject: str
    #: Id of the document it happened to.
    rfi_id: str
    #: Correlation id of everything that follows from one RFI.
    at: datetime
    #: Business time, aware, UTC.
    sequence: int
    #: Version of the document after the change.
    facts: Mapping[str, object] = field(default_factory=dict)
    #: JSON values only.
