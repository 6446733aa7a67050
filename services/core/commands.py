"""What can people ask of a referral? One frozen value for each command; whether it is allowed is `lifecycle`'s answer.

Fields that a command needs are optional here, so that one answer can name everything that is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from services.core.codes import CloseReason, ErrorReason, Timeframe, WithdrawReason
from services.core.referral import CrmFields
from services.core.rfi import Money, Person

#: Who acts, before the colon of `by`.
ROLES = frozenset({"system", "partner", "customer", "operator"})


def role_of(by: str) -> str:
    """`partner` for `partner:ana@example.org`: who acts may be personal data, in which role is not."""
    return by.partition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something asked of one referral.

    `by` is the actor: `partner:<user>`, `customer`, `operator:<name>` or `system`. It stays in the history; events
    carry only the part before the colon, the role.

    Raises:
        ValueError: `by` names none of the roles; what stands there would get into events.
    """

    name: ClassVar[str] = "command"
    by: str

    def __post_init__(self) -> None:
        if role_of(self.by) not in ROLES:
            raise ValueError(f"`by` must begin with one of {', '.join(sorted(ROLES))}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(Command):
    """A person of the partner has it on the screen: Pending becomes Received. Never refused."""

    name: ClassVar[str] = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowInterest(Command):
    """Classic policy: "I'm interested", which opens the customer's details and starts Evaluating."""

    name: ClassVar[str] = "show interest"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoThanks(Command):
    """Classic policy: decline in New without a word; the reason is `other`, notes are not needed."""

    name: ClassVar[str] = "say no thanks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(Command):
    """Take the deal. Needs a name, an estimated value, and an estimated closing date or a time frame."""

    name: ClassVar[str] = "accept"
    engagement_name: str | None = None
    deal_value: Money | None = None
    closing_date: date | None = None
    timeframe: Timeframe | None = None
    notes: str | None = None
    crm_id: str | None = None
    team: tuple[Person, ...] = ()
    crm: CrmFields | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline(Command):
    """Turn the deal down. Needs a reason; the reason `other` needs notes."""

    name: ClassVar[str] = "decline"
    reason: CloseReason | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Command):
    """Change what the partner says of an active deal. None leaves a field; empty text clears notes or the CRM id.

    `team` is the whole of the partner's people as it should be.
    """

    name: ClassVar[str] = "edit"
    engagement_name: str | None = None
    closing_date: date | None = None
    timeframe: Timeframe | None = None
    deal_value: Money | None = None
    notes: str | None = None
    crm_id: str | None = None
    team: tuple[Person, ...] | None = None
    crm: CrmFields | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddContact(Command):
    """Name one more person of the partner; the same mail address again replaces the earlier entry."""

    name: ClassVar[str] = "add contact"
    person: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Win(Command):
    """The deal is won. Needs the final value and the date, which cannot lie in the future."""

    name: ClassVar[str] = "win"
    final_value: Money | None = None
    closed_on: date | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lose(Command):
    """The deal is lost. Needs one of the reasons 1 to 8; the reason `other` needs notes."""

    name: ClassVar[str] = "lose"
    reason: CloseReason | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw(Command):
    """The customer takes it back, or chose somebody else. A closed one that could still be undone becomes final."""

    name: ClassVar[str] = "withdraw"
    reason: WithdrawReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseAsError(Command):
    """It should never have come to this partner; left out of statistics. The reason `other` needs notes."""

    name: ClassVar[str] = "close as error"
    reason: ErrorReason | None = None
    notes: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo(Command):
    """Take back the last accept, decline, win or loss, while its undo window is open."""

    name: ClassVar[str] = "undo"
