"""What do the events of engagements and referrals say? Ids, codes and instants; never a name, an address or a phone.

Closed lists are spelled out here, because a contract stands on its own; a test compares them with the core's.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.base import Id, Instant, Told, Version

PartnerId = Annotated[str, Field(min_length=1, max_length=64)]
#: Number of the round of partners asked: the first is 1, each next-best offer is one more.
Round = Annotated[int, Field(ge=1)]

Channel = Literal["marketing", "sales", "search"]
Status = Literal["New", "Active", "Closed"]
Substatus = Literal["Pending", "Received", "Accepted", "Won", "Lost", "Declined", "Expired", "Withdrawn", "Error"]
Stage = Literal["New", "Evaluating", "Active", "Archived"]
Policy = Literal["standard", "classic"]
Role = Literal["system", "partner", "customer", "operator"]
CloseReason = Literal[
    "budgetNotAdequate",
    "customerDidNotRespond",
    "customerChoseAnotherVendor",
    "requirementNotMet",
    "notACustomer",
    "proposedTimelineTooShort",
    "abuseSpamOrPhishing",
    "other",
    "outsideOurRegion",
    "outsideOurSkills",
    "noCapacity",
    "companySizeDoesNotFit",
    "conflictOfInterest",
]
ErrorReason = Literal[
    "duplicateBulk",
    "duplicateOurs",
    "duplicateTheirs",
    "crmSync",
    "customerMatching",
    "solutionIssue",
    "testReferral",
    "dataError",
    "other",
]
WithdrawReason = Literal["customerChoseAnotherVendor", "noLongerNeeded", "solvedOtherwise", "other"]
Decision = Literal["referral.accepted", "referral.declined", "referral.won", "referral.lost"]


class RfiAcceptedV1(Told):
    """An RFI was checked and stored; the router may read it. An identical redelivery tells this again."""

    rfi_id: Id
    source: Annotated[str, Field(min_length=1)]
    publisher_id: Annotated[str, Field(min_length=1)]
    channel: Channel


class LapseV1(Told):
    """The referral whose decline (final by now) or expiry made us look for the next-best partner."""

    event_id: Id
    type: Literal["referral.declined", "referral.expired"]
    referral_id: Id
    partner_id: PartnerId


class SentToV1(Told):
    """One partner that an RFI went to; `picked` when the customer chose it."""

    referral_id: Id
    partner_id: PartnerId
    picked: bool


class EngagementRoutedV1(Told):
    """The RFI was sent to these partners. From the second round on `cause` says after whom, if it says so.

    `answers` is the id of the `engagement.partner_wanted` that asked for the partner, if the customer did.
    """

    rfi_id: Id
    referrals: Annotated[list[SentToV1], Field(min_length=1)]
    round: Round
    cause: LapseV1 | None = None
    answers: Id | None = None


class EngagementNoMatchV1(Told):
    """The RFI was sent to nobody; `because` says why, as a code."""

    rfi_id: Id
    because: Annotated[str, Field(min_length=1, examples=["no_partner_in_region", "no_term_matches"])]


class EngagementNobodyLeftV1(Told):
    """A partner declined or let it lapse, and no other is asked; `round` is the last in which somebody was."""

    rfi_id: Id
    round: Round
    because: Annotated[str, Field(min_length=1, examples=["max_rounds", "nobody_else"])]
    cause: LapseV1


class EngagementPartnerWantedV1(Told):
    """The customer wants this partner to be asked as well."""

    rfi_id: Id
    partner_id: PartnerId


class EngagementPartnerUnavailableV1(Told):
    """The partner that the customer wanted was not asked; `answers` is the id of the `engagement.partner_wanted`."""

    rfi_id: Id
    partner_id: PartnerId
    round: Round
    because: Annotated[str, Field(min_length=1, examples=["paused", "inactive", "unknown_partner", "asked_already"])]
    answers: Id


class EngagementWithdrawnV1(Told):
    """The customer took the request back from everybody."""

    rfi_id: Id
    reason: WithdrawReason | None = None


class EngagementPartnerChosenV1(Told):
    """The customer told that it chose this partner."""

    rfi_id: Id
    partner_id: PartnerId


class CauseV1(Told):
    """The decision that is settled, or was undone."""

    event_id: Id
    type: Decision


class ReferralEventV1(Told):
    """What every event of a referral says: which one it is, and where it stands after the change."""

    referral_id: Id
    rfi_id: Id
    partner_id: PartnerId
    profile_id: Annotated[str, Field(min_length=1)]
    location_id: Annotated[str, Field(min_length=1)]
    status: Status
    substatus: Substatus
    stage: Stage
    version: Version
    policy: Policy
    round: Round
    picked: bool
    next_best: bool | None = None
    by: Role
    expires_at: Instant | None = None
    flame: Literal["raised", "overdue"] | None = None
    reason: CloseReason | ErrorReason | WithdrawReason | None = None


class ReferralTimedV1(ReferralEventV1):
    """Time did this. `skipped` lists earlier stages that were due as well and are not told on their own."""

    skipped: Annotated[list[Literal["reminder", "warning", "flame change"]], Field(min_length=1)] | None = None


class ReferralClosedByPartnerV1(ReferralEventV1):
    """The partner declined it or lost the deal, and said why."""

    reason: CloseReason


class ReferralErrorClosedV1(ReferralEventV1):
    """The partner closed it as an error, and said which; it is left out of statistics."""

    reason: ErrorReason


class ReferralWithdrawnV1(ReferralEventV1):
    """The customer withdrew, or chose somebody else."""

    reason: WithdrawReason | None = None


class ReferralDecidedV1(ReferralEventV1):
    """A decision became final (settled), or was taken back (undone)."""

    cause: CauseV1
