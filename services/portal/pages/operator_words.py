"""How are the closed lists of the exchange said to an operator: states of requests, kinds of mails, experiences?

A code of a newer version is shown as it is.
"""

from __future__ import annotations

from services.core.codes import PolicyName, RfiState
from services.core.mail import MailKind
from services.core.rfi import Rfi
from services.wording.words import Words, _

_STATES = {
    RfiState.ACCEPTED: _("Waits to be matched"),
    RfiState.ROUTED: _("With partners"),
    RfiState.NO_MATCH: _("For nobody"),
    RfiState.WITHDRAWN: _("Withdrawn by the customer"),
    RfiState.CHOSEN: _("The customer has chosen"),
}
_NOBODY = {
    "no_partner_in_region": _("nobody serves the region"),
    "no_term_matches": _("nobody offers what is asked for"),
    "all_at_capacity": _("all who fit have as many open referrals as they want"),
    "all_paused": _("all who fit are paused"),
    "size_excluded": _("all who fit leave out companies of this size"),
    "all_too_far": _("all who fit are too far away"),
    "picked_partners_unavailable": _("none of those whom the customer named takes requests now"),
    "all_excluded": _("all who fit are left out, for several reasons"),
}
_MAILS = {
    MailKind.NEW_REFERRAL: _("New referral, to a partner"),
    MailKind.REMINDER: _("Reminder, to a partner"),
    MailKind.EXPIRING_SOON: _("The deadline is near, to a partner"),
    MailKind.FLAME_CHANGED: _("The customer still waits, to a partner"),
    MailKind.EXPIRED: _("The deadline is over, to a partner"),
    MailKind.WITHDRAWN: _("Withdrawn, to a partner"),
    MailKind.SENT_TO_PARTNERS: _("Received, to a customer"),
    MailKind.ACCEPTED_BY: _("Accepted, to a customer"),
    MailKind.DECLINED_BY: _("Declined, to a customer"),
    MailKind.EXPIRED_AT: _("No answer in time, to a customer"),
    MailKind.ASKED_ANOTHER: _("Another partner was asked, to a customer"),
    MailKind.NOBODY_LEFT: _("No other partner is left, to a customer"),
    MailKind.PARTNER_UNAVAILABLE: _("The wanted partner cannot be asked, to a customer"),
    MailKind.SIGN_IN_LINK: _("Sign-in link"),
    MailKind.DIGEST: _("Morning mail, to a partner"),
}
_POLICIES = {PolicyName.STANDARD: _("Standard experience"), PolicyName.CLASSIC: _("Classic experience")}


def request_state_said(words: Words, rfi: Rfi) -> str:
    """Where a request stands, and why nobody got it."""
    because = rfi.routing.no_match_because if rfi.routing else None
    state = words.say(_STATES[rfi.state])
    return f"{state} ({words.say(_NOBODY.get(because, because))})" if because else state


def mails_said(words: Words) -> dict[MailKind, str]:
    """What each kind of mail is about, and to whom it goes."""
    return {kind: words.say(said) for kind, said in _MAILS.items()}


def policies_said(words: Words) -> dict[PolicyName, str]:
    """Which experience a partner may have."""
    return {policy: words.say(said) for policy, said in _POLICIES.items()}
