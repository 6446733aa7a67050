"""Which closed lists the exchange speaks: channels, sizes, time frames, statuses, reasons.

Names are those of the Partner Center referrals contract where it has one.
"""

from __future__ import annotations

from enum import StrEnum


class Channel(StrEnum):
    """How an RFI came to us."""

    MARKETING = "marketing"
    SALES = "sales"
    SEARCH = "search"


class CompanySize(StrEnum):
    """Number of employees, in the contract's bands."""

    S1_9 = "1to9employees"
    S10_50 = "10to50employees"
    S51_250 = "51to250employees"
    S251_1000 = "251to1000employees"
    S1001_5000 = "1001to5000employees"
    S5001_10000 = "5001to10000employees"
    S10001_20000 = "10001to20000employees"
    S20001 = "Morethan20000employees"


#: Bands of the older contract, read as the new band that holds most of them.
OLD_SIZES = {
    "1to50employees": CompanySize.S10_50,
    "51to500employees": CompanySize.S51_250,
    "Morethan500employees": CompanySize.S251_1000,
}


class Timeframe(StrEnum):
    """When the customer wants to buy, or the partner expects to close."""

    WITHIN_30_DAYS = "within30days"
    WITHIN_60_DAYS = "within60days"
    WITHIN_90_DAYS = "within90days"
    LATER = "later"
    UNKNOWN = "unknown"


class SalesStage(StrEnum):
    """How far a partner's sales people are with a deal, in the contract's words."""

    QUALIFY = "Qualify"
    DEVELOP = "Develop"
    PROPOSE = "Propose"
    CLOSE = "Close"


class Status(StrEnum):
    """Where a referral stands; New is the inbox, Active is worked on, Closed is the archive."""

    NEW = "New"
    ACTIVE = "Active"
    CLOSED = "Closed"


class Substatus(StrEnum):
    """The finer state within a status."""

    PENDING = "Pending"
    RECEIVED = "Received"
    ACCEPTED = "Accepted"
    WON = "Won"
    LOST = "Lost"
    DECLINED = "Declined"
    EXPIRED = "Expired"
    WITHDRAWN = "Withdrawn"
    ERROR = "Error"


class Stage(StrEnum):
    """The section of the inbox: Evaluating exists for the classic policy alone."""

    NEW = "New"
    EVALUATING = "Evaluating"
    ACTIVE = "Active"
    ARCHIVED = "Archived"


class PolicyName(StrEnum):
    """Which experience a partner account has."""

    STANDARD = "standard"
    CLASSIC = "classic"


class CloseReason(StrEnum):
    """Why a referral was declined or lost (Partner Center's codes 1 to 8 and ours for decline)."""

    BUDGET = "budgetNotAdequate"
    NO_RESPONSE = "customerDidNotRespond"
    CHOSE_ANOTHER = "customerChoseAnotherVendor"
    REQUIREMENT = "requirementNotMet"
    NOT_A_CUSTOMER = "notACustomer"
    TIMELINE = "proposedTimelineTooShort"
    ABUSE = "abuseSpamOrPhishing"
    OTHER = "other"
    OUTSIDE_REGION = "outsideOurRegion"
    OUTSIDE_SKILLS = "outsideOurSkills"
    NO_CAPACITY = "noCapacity"
    SIZE = "companySizeDoesNotFit"
    CONFLICT = "conflictOfInterest"


#: Reasons that only make sense when a partner declines.
DECLINE_ONLY = frozenset(
    {
        CloseReason.OUTSIDE_REGION,
        CloseReason.OUTSIDE_SKILLS,
        CloseReason.NO_CAPACITY,
        CloseReason.SIZE,
        CloseReason.CONFLICT,
    }
)

#: Partner Center's numbers for the reasons it has.
PARTNER_CENTER_CODES = {
    CloseReason.BUDGET: 1,
    CloseReason.NO_RESPONSE: 2,
    CloseReason.CHOSE_ANOTHER: 3,
    CloseReason.REQUIREMENT: 4,
    CloseReason.NOT_A_CUSTOMER: 5,
    CloseReason.TIMELINE: 6,
    CloseReason.ABUSE: 7,
    CloseReason.OTHER: 8,
}


class ErrorReason(StrEnum):
    """Why a partner closed a referral as an error; such referrals are left out of statistics."""

    DUPLICATE_BULK = "duplicateBulk"
    DUPLICATE_OURS = "duplicateOurs"
    DUPLICATE_THEIRS = "duplicateTheirs"
    CRM_SYNC = "crmSync"
    CUSTOMER_MATCHING = "customerMatching"
    SOLUTION_ISSUE = "solutionIssue"
    TEST_REFERRAL = "testReferral"
    DATA_ERROR = "dataError"
    OTHER = "other"


class WithdrawReason(StrEnum):
    """Why a referral or a whole request was withdrawn; a code, because events carry it."""

    CHOSE_ANOTHER = "customerChoseAnotherVendor"
    NO_LONGER_NEEDED = "noLongerNeeded"
    SOLVED_OTHERWISE = "solvedOtherwise"
    OTHER = "other"


class RfiState(StrEnum):
    """Where an engagement stands as a whole."""

    ACCEPTED = "accepted"
    ROUTED = "routed"
    NO_MATCH = "no_match"
    WITHDRAWN = "withdrawn"
    CHOSEN = "chosen"


class Flame(StrEnum):
    """The alert that a customer asked to be contacted directly."""

    NONE = "none"
    RAISED = "raised"
    OVERDUE = "overdue"
    #: After 72 h: icon and text change, the referral stays open.
