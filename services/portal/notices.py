"""What happened? A sentence that the page after a redirect says once. Only its code travels, in a cookie."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from services.wording.words import _

_COOKIE = "referrals_notice"
_LIFE_S = 30

#: Every notice: add yours here; it is translated when it is said.
NOTICES = {
    "signed-out": _("You are signed out."),
    "accepted": _("Accepted. The customer is told when the time to undo is over."),
    "declined": _("Declined. You can undo this for a few minutes."),
    "interested": _("You have shown interest. Evaluate it, then accept or decline."),
    "edited": _("Saved."),
    "contact-added": _("The contact was added."),
    "won": _("Congratulations! The deal is noted as won."),
    "lost": _("The deal is noted as lost."),
    "error": _("The referral is closed as an error."),
    "undone": _("Undone. The referral is as it was before."),
    "starred": _("Marked as a favourite."),
    "unstarred": _("No favourite any more."),
    "mailed-again": _("The address is mailed again from now on."),
    "filter-saved": _("The filter is saved."),
    "request-withdrawn": _("Your request is taken back. Everybody who had it is told."),
    "partner-asked": _("Your request is on its way to this partner. We mail you the answer."),
    "partner-chosen": _("Thank you. Your choice is noted, and the others are told."),
    "replayed": _("It was given again. Look in a moment what became of it."),
    "not-replayed": _("It could not be given again: its original is no longer kept."),
    "dropped": _("The dead letter is closed."),
    "audit-begun": _("The audit has begun. What it finds stands here when it is done."),
    "audit-runs": _("An audit is under way already."),
    "rules-published": _("Published. Routers take the rules up within seconds."),
    "data-erased": _("Your data is erased."),
    "erased": _("Erased. What is left in Kafka goes within minutes; below you see when it is done."),
    "nothing-to-erase": _("There is nothing of this customer."),
    "why-needed": _("Say why it is dropped."),
    "released": _("It is tried again."),
    "retried": _("The mail is tried again."),
    "profile-saved": _("The profile is saved. It holds for requests from now on."),
    "profile-active": _("The profile is active and receives referrals."),
    "profile-inactive": _("The profile is not active any more and receives no referrals."),
    "profile-changed": _("The change is made. It holds for requests from now on."),
    "profile-outdated": _("Somebody else changed this profile meanwhile. Look at it, then repeat your change."),
    "profile-incomplete": _("The profile lacks something: complete and save it, then activate it."),
    "invited": _("The invitation is on its way, unless the address belongs to somebody elsewhere."),
    "not-yourself": _("What you may do yourself, another admin changes."),
    "suggestion-gone": _("This suggestion no longer holds, or needs more than a click: edit the profile."),
    "program-shut-out": _("The program is shut out. Its key opens nothing any more."),
    "key-made-before": _("This key was made a moment ago and cannot be shown again. If it is lost, make another one."),
    "filter-removed": _("The filter is removed."),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice to say."""

    text: str
    cookie: str = _COOKIE


def read_notice(request: Request) -> Notice | None:
    """The notice that waits for this page."""
    text = NOTICES.get(request.cookies.get(_COOKIE, ""))
    return Notice(text) if text is not None else None


def go_on(path: str, notice: str | None = None) -> Response:
    """Lead a browser to a page of ours after a form (303, so that reloading sends nothing twice).

    Raises:
        ValueError: the path is not one of ours, or nobody knows the notice.
    """
    parts = urlsplit(path)
    if not path.startswith("/") or path.startswith("//") or parts.netloc:
        raise ValueError("only pages of ours")
    response = RedirectResponse(path, 303)
    if notice is not None:
        if notice not in NOTICES:
            raise ValueError(f"add {notice} to NOTICES")
        response.set_cookie(_COOKIE, notice, max_age=_LIFE_S, httponly=True, samesite="lax")
    return response
