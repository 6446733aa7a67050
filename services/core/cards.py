"""What does a list show of a referral? Little of what is kept: whoever reads lists need not read whole referrals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.core.codes import Channel, CompanySize, Flame, Status, Substatus
from services.core.referral import Referral
from services.core.rfi import Money, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One referral of a list."""

    id: str
    title: str
    #: What the partner calls the deal, else what the customer calls the need.
    company: str
    place: Place
    status: Status
    substatus: Substatus
    flame: Flame
    updated_at: datetime
    due_at: datetime | None = None
    #: Until when to answer; None when nothing is waited for.
    size: CompanySize | None = None
    channel: Channel | None = None
    worth: Money | None = None
    #: The partner's estimate, else the customer's budget.

    def __hash__(self) -> int:
        """Of what tells most cards apart: what follows from a card is looked up by it, for each row of each page."""
        return hash((self.id, self.updated_at))


def card_of(referral: Referral) -> Card:
    """The card of a referral in hand."""
    details = referral.details
    return Card(
        id=referral.id,
        title=details.engagement_name or referral.title,
        company=referral.company,
        place=referral.place,
        status=referral.status,
        substatus=referral.substatus,
        flame=referral.flame,
        updated_at=referral.updated_at,
        due_at=referral.expires_at if referral.timers.expire_at is not None else None,
        size=referral.size,
        channel=referral.channel,
        worth=details.deal_value or referral.budget,
    )
