"""How are the closed lists of the exchange said to a partner: sections, states, channels, reasons, what happened?"""

from __future__ import annotations

from enum import StrEnum

from services.core.codes import Channel, CloseReason, CompanySize, ErrorReason, Status, Substatus, Timeframe
from services.core.erasing import ERASED_LINE
from services.core.events import EventType
from services.core.listing import Section, Sort
from services.wording.words import Words, _

SECTIONS = {
    Section.NEW: _("New"),
    Section.EVALUATING: _("Evaluating"),
    Section.ACTIVE: _("Active"),
    Section.ARCHIVED: _("Archived"),
}
SORTS = {
    Sort.TIME_LEFT: _("Time left"),
    Sort.CREATED: _("Newest first"),
    Sort.UPDATED: _("Changed last"),
}
CHANNELS = {
    Channel.MARKETING: _("Marketing"),
    Channel.SALES: _("Sales"),
    Channel.SEARCH: _("Provider search"),
}
_STATES = {
    Substatus.PENDING: _("New, not opened yet"),
    Substatus.RECEIVED: _("New, opened"),
    Substatus.ACCEPTED: _("Accepted"),
    Substatus.WON: _("Won"),
    Substatus.LOST: _("Lost"),
    Substatus.DECLINED: _("Declined"),
    Substatus.EXPIRED: _("Expired"),
    Substatus.WITHDRAWN: _("Withdrawn by the customer"),
    Substatus.ERROR: _("Closed as an error"),
}
CLOSE_REASONS = {
    CloseReason.BUDGET: _("The budget is not adequate"),
    CloseReason.NO_RESPONSE: _("The customer did not respond"),
    CloseReason.CHOSE_ANOTHER: _("The customer chose another vendor"),
    CloseReason.REQUIREMENT: _("A requirement cannot be met"),
    CloseReason.NOT_A_CUSTOMER: _("This is not a customer"),
    CloseReason.TIMELINE: _("The proposed timeline is too short"),
    CloseReason.ABUSE: _("Abuse, spam or phishing"),
    CloseReason.OUTSIDE_REGION: _("Outside our region"),
    CloseReason.OUTSIDE_SKILLS: _("Outside our skills"),
    CloseReason.NO_CAPACITY: _("We have no capacity"),
    CloseReason.SIZE: _("The company size does not fit"),
    CloseReason.CONFLICT: _("Conflict of interest"),
    CloseReason.OTHER: _("Another reason"),
}
ERROR_REASONS = {
    ErrorReason.DUPLICATE_BULK: _("Duplicate from a bulk upload"),
    ErrorReason.DUPLICATE_OURS: _("Duplicate of a referral of ours"),
    ErrorReason.DUPLICATE_THEIRS: _("Duplicate of a referral of the exchange"),
    ErrorReason.CRM_SYNC: _("Error of the CRM synchronisation"),
    ErrorReason.CUSTOMER_MATCHING: _("The customer was matched wrongly"),
    ErrorReason.SOLUTION_ISSUE: _("Problem with the solution"),
    ErrorReason.TEST_REFERRAL: _("Test referral"),
    ErrorReason.DATA_ERROR: _("Wrong data"),
    ErrorReason.OTHER: _("Another reason"),
}
_HAPPENED = {
    EventType.CREATED: _("Sent to you"),
    EventType.RECEIVED: _("Opened for the first time"),
    EventType.REMINDER_DUE: _("Reminder sent"),
    EventType.EXPIRING_SOON: _("Warning before the deadline sent"),
    EventType.FLAME_CHANGED: _("The customer has waited for 72 hours to be contacted"),
    EventType.INTERESTED: _("Interest shown"),
    EventType.ACCEPTED: _("Accepted"),
    EventType.DECLINED: _("Declined"),
    EventType.EDITED: _("Edited"),
    EventType.CONTACT_ADDED: _("Contact added"),
    EventType.WON: _("Won"),
    EventType.LOST: _("Lost"),
    EventType.EXPIRED: _("Expired"),
    EventType.WITHDRAWN: _("Withdrawn by the customer"),
    EventType.ERROR_CLOSED: _("Closed as an error"),
    EventType.UNDONE: _("Undone"),
    EventType.SETTLED: _("The time to undo is over"),
}
_REASONS: dict[str, str] = {reason.value: said for reason, said in CLOSE_REASONS.items()}
_ERRORS: dict[str, str] = {reason.value: said for reason, said in ERROR_REASONS.items()}
_WITHDRAWN_BECAUSE = {
    "customerChoseAnotherVendor": _("The customer chose another vendor"),
    "noLongerNeeded": _("The customer no longer needs it"),
    "solvedOtherwise": _("The customer solved it otherwise"),
    "other": _("Another reason"),
}


def state_said(words: Words, status: Status, substatus: Substatus) -> str:
    """Where a referral stands."""
    if status is Status.ACTIVE:
        return words.say(_("Accepted, in work"))
    return words.say(_STATES[substatus])


def reason_said(words: Words, substatus: Substatus, reason: str) -> str:
    """Why a referral was closed; a code of a newer version, as it is."""
    by_code = {Substatus.ERROR: _ERRORS, Substatus.WITHDRAWN: _WITHDRAWN_BECAUSE}.get(substatus, _REASONS)
    return words.say(by_code[reason]) if reason in by_code else reason


def happened_said(words: Words, what: str) -> str | None:
    """A line of a history; None for what only explains the system to itself."""
    named = what.removeprefix("skipped ")
    if what != named:
        return None
    if what == ERASED_LINE:
        return words.say(_("the customer's data was erased"))
    for kind, said in _HAPPENED.items():
        if what in {kind.value, f"referrals.{kind.value}.v1"}:
            return words.say(said)
    return None


def options(words: Words, said: dict[StrEnum, str] | dict[str, str]) -> list[tuple[str, str]]:
    """The options of a choice, in the order they are declared."""
    return [(str(value), words.say(text)) for value, text in said.items()]


def size_options(words: Words) -> list[tuple[str, str]]:
    """Company sizes, small to large."""
    return [(size.value, words.size(size) or "") for size in CompanySize]


def timeframe_options(words: Words) -> list[tuple[str, str]]:
    """When a deal is expected to close."""
    return [(frame.value, words.timeframe(frame)) for frame in Timeframe]
