"""What does the page of one referral show? It is said here, in the reader's language, before a template sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from services.core.codes import DECLINE_ONLY, Flame, PolicyName, Stage, Status
from services.core.commands import role_of
from services.core.errors import Problem
from services.core.listing import STAGES
from services.core.referral import Referral
from services.core.rfi import Person, Rfi
from services.portal.identity import Identity
from services.portal.pages.answers import proposed, without_notes
from services.portal.pages.code_words import (
    CHANNELS,
    CLOSE_REASONS,
    ERROR_REASONS,
    happened_said,
    options,
    reason_said,
    state_said,
    timeframe_options,
)
from services.portal.pages.fields import FormState
from services.portal.pages.limit_words import limits
from services.portal.pages.list_query import path_of
from services.portal.pages.rows import left_said
from services.portal.winning import Side, Winner
from services.wording.reasons import said
from services.wording.words import Words, _

_WON_BY = {
    Side.CUSTOMER: _("The customer did that."),
    Side.DEADLINE: _("Nobody of your team had answered by the deadline."),
    Side.PARTNER: _("Your team did that."),
    Side.OPERATOR: _("An operator of the exchange did that."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """A referral with all that its page needs, read before anything is said."""

    me: Identity
    referral: Referral
    rfi: Rfi
    now: datetime
    contact: Person | None
    #: The customer's contact, if it may be seen and this reader has asked to see it.
    contact_allowed: bool
    starred: bool
    names: Mapping[str, str] = field(default_factory=dict)
    #: Of the users whom the history names, by their ids.


@dataclass(frozen=True, slots=True)
class Entry:
    """What was sent with a form that could not be done."""

    action: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    problems: Sequence[Problem] = ()


def view(matter: Matter, words: Words, entry: Entry | None = None) -> dict[str, Any]:
    """The values of the template."""
    referral, rfi, entry = matter.referral, matter.rfi, entry or Entry()
    due = referral.expires_at if referral.timers.expire_at is not None else None
    actions = _actions(referral) if matter.me.may_write else ()
    return {
        "referral": referral,
        "back": path_of(next(section for section, stage in STAGES.items() if stage is referral.stage)),
        "title": referral.details.engagement_name or referral.title,
        "state": state_said(words, referral.status, referral.substatus),
        "alert": _alert(words, referral),
        "due": due,
        "left": left_said(words, due, matter.now) if due else None,
        "undo_until": referral.undo.until if referral.undo and matter.now < referral.undo.until else None,
        "starred": matter.starred,
        "contact": matter.contact,
        "contact_allowed": matter.contact_allowed,
        "need": _need(words, rfi),
        "description": rfi.need.description,
        "customer": _customer(words, rfi, referral),
        "deal": _deal(words, referral),
        "why": _why(words, matter),
        "history": _history(words, matter),
        "actions": actions,
        # Where there is no form any more, what was written into it would be gone.
        "unsaved": "" if entry.action in actions else entry.values.get("notes", "").strip(),
        "forms": _forms(matter, words, entry),
        "opened": entry.action,
        "choices": {
            "timeframes": timeframe_options(words),
            "decline": options(words, {r.value: text for r, text in CLOSE_REASONS.items()}),
            "lost": options(words, {r.value: text for r, text in CLOSE_REASONS.items() if r not in DECLINE_ONLY}),
            "error": options(words, {r.value: text for r, text in ERROR_REASONS.items()}),
        },
    }


def winner_said(words: Words, me: Identity, winner: Winner | None) -> str:
    """Who was quicker; empty where nobody is known to have been."""
    if winner is None:
        return ""
    if winner.side is Side.PARTNER and winner.id is not None:
        if winner.id == me.subject:
            return words.say(_("You did that yourself."))
        return words.say(_("{name} of your team did that.")).format(name=winner.name)
    return words.say(_WON_BY[winner.side])


def _alert(words: Words, referral: Referral) -> str | None:
    if referral.status is Status.CLOSED:
        return None
    match referral.flame:
        case Flame.RAISED:
            return words.say(_("The customer asked to be contacted directly. Get in touch now."))
        case Flame.OVERDUE:
            return words.say(_("The customer has waited more than 72 hours to be contacted. Call today."))
        case _:
            return None


def _actions(referral: Referral) -> tuple[str, ...]:
    """What can be done now, the likeliest first."""
    if referral.status is Status.ACTIVE:
        return ("won", "lost", "edit", "contact-person", "error")
    if referral.status is Status.CLOSED:
        return ()
    if referral.policy is PolicyName.CLASSIC and referral.stage is Stage.NEW:
        return ("interest", "no-thanks", "decline", "error")
    return ("accept", "decline", "error")


def _forms(matter: Matter, words: Words, entry: Entry) -> dict[str, FormState]:
    need = matter.rfi.need
    fresh = proposed(matter.referral, need.budget, need.timeframe, matter.now)
    forms: dict[str, FormState] = {}
    for action in ("accept", "edit", "won", "lost", "decline", "error", "contact-person"):
        values: Mapping[str, str] = fresh if action in {"accept", "edit"} else without_notes(fresh)
        if action == entry.action:
            forms[action] = FormState(action, words, entry.values, entry.problems)
        else:
            forms[action] = FormState(action, words, values)
    return forms


def _need(words: Words, rfi: Rfi) -> list[tuple[str, str]]:
    need = rfi.need
    rows = (
        (_("Where"), words.place(need.place)),
        (_("Products"), ", ".join(need.products)),
        (_("Services"), ", ".join(need.services)),
        (_("Industries"), ", ".join(need.industries)),
        (_("Keywords"), ", ".join(need.keywords)),
    )
    others = (
        (_("Budget"), words.money(need.budget) if need.budget else ""),
        (_("Time frame"), words.timeframe(need.timeframe)),
        (_("Language"), words.tongue(rfi.language)),
        (_("Channel"), words.say(CHANNELS[rfi.channel])),
    )
    asked, besides = ([(words.say(name), value) for name, value in each if value] for each in (rows, others))
    return [*asked, *limits(words, need), *besides]


def _customer(words: Words, rfi: Rfi, referral: Referral) -> list[tuple[str, str]]:
    customer = rfi.customer
    rows = (
        (_("Company"), referral.company),
        (_("Company size"), words.size(customer.size) or ""),
        (_("Seat"), words.place(customer.place)),
        (_("Website"), customer.website or ""),
    )
    return [(words.say(name), value) for name, value in rows if value]


def _deal(words: Words, referral: Referral) -> list[tuple[str, str]]:
    details = referral.details
    reason = reason_said(words, referral.substatus, details.reason) if details.reason else ""
    rows = (
        (_("Value"), words.money(details.deal_value) if details.deal_value else ""),
        (_("Closing date"), words.date(details.closing_date) if details.closing_date else ""),
        (_("Time frame"), words.timeframe(details.timeframe) if details.timeframe else ""),
        (_("CRM id"), details.crm_id or ""),
        (_("Notes"), details.notes or ""),
        (_("Reason"), reason),
        (_("About the reason"), details.reason_notes or ""),
    )
    return [(words.say(name), value) for name, value in rows if value]


def _why(words: Words, matter: Matter) -> list[str]:
    reasons = matter.referral.why.get("reasons", ())
    texts = [text for text in reasons if isinstance(text, str)] if isinstance(reasons, list | tuple) else []
    told = [said(words, text, matter.rfi.need.place) for text in texts]
    return list(dict.fromkeys(text for text in told if text))


def _history(words: Words, matter: Matter) -> list[tuple[datetime, str, str, str]]:
    """(when, what, who, note), newest first."""
    lines = []
    for each in reversed(matter.referral.history):
        what = happened_said(words, each.what)
        if what is not None:
            lines.append((each.at, what, _who(words, matter, each.by), each.note or ""))
    return lines


def _who(words: Words, matter: Matter, by: str) -> str:
    match role_of(by):
        case "partner":
            return matter.names.get(by.partition(":")[2]) or words.say(_("Your team"))
        case "customer":
            return words.say(_("The customer"))
        case "operator":
            return words.say(_("An operator of the exchange"))
        case _:
            return ""
