"""What is said to a partner: new referral, reminder, warning, flame, expiry, withdrawal?

Subjects name the company and the need, never a person.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from services.core.codes import Flame, PolicyName, Stage
from services.core.mail import MailKind, is_copy
from services.core.referral import Referral
from services.notifier.letter import Letter, Links, Matter, Personal
from services.notifier.words import Words, _
from services.wording.reasons import said

#: Reasons and words of a need shown in a mail; the page has them all.
_MOST_REASONS = 8
_LONGEST_TEXT = 1200


def _about(matter: Matter) -> Referral:
    if matter.referral is None:
        raise ValueError(f"a {matter.job.kind} mail needs its referral")
    return matter.referral


def new_referral(words: Words, matter: Matter) -> Letter:
    """A referral has come in."""
    referral, say = _about(matter), words.say
    alert = say(_("The customer asked to be contacted directly.")) if referral.flame is not Flame.NONE else None
    return Letter(
        subject=say(_("New referral: {title} ({company})")).format(title=referral.title, company=referral.company),
        preheader=_answer_by(words, matter, referral),
        heading=say(_("{company} is looking for a partner")).format(company=referral.company),
        alert=alert,
        paragraphs=(
            say(_("A new referral is waiting in your inbox. Please answer within 24 hours: fast answers rank higher.")),
        ),
        facts=_need(words, matter, referral) + _contact(words, matter),
        quote=_shortened(matter.rfi.need.description),
        list_title=say(_("Why you got this")),
        button=say(_("See the referral and answer")),
    )


def reminder(words: Words, matter: Matter) -> Letter:
    """Nobody has answered for a day."""
    referral, say = _about(matter), words.say
    return Letter(
        subject=say(_("Reminder: {company} is waiting for your answer ({title})")).format(
            company=referral.company, title=referral.title
        ),
        preheader=_answer_by(words, matter, referral),
        heading=say(_("{company} is waiting for your answer")).format(company=referral.company),
        paragraphs=(
            say(_("You have not answered this referral yet. Fast answers rank higher, and a clear no helps as well.")),
        ),
        facts=_need(words, matter, referral) + _contact(words, matter),
        button=say(_("Accept or decline")),
    )


def expiring_soon(words: Words, matter: Matter) -> Letter:
    """The deadline is near."""
    referral, say = _about(matter), words.say
    day = words.day(referral.expires_at or matter.job.at, matter.job.time_zone)
    return Letter(
        subject=say(_("Expires on {day}: {title} ({company})")).format(
            day=day, title=referral.title, company=referral.company
        ),
        preheader=_answer_by(words, matter, referral),
        heading=say(_("This referral expires soon")),
        paragraphs=(
            say(
                _("Without your answer it will be closed, and we will ask the customer to choose a different partner.")
            ),
        ),
        facts=_need(words, matter, referral) + _contact(words, matter),
        button=say(_("Answer before it expires")),
    )


def flame_changed(words: Words, matter: Matter) -> Letter:
    """The customer asked to be contacted, three days ago."""
    referral, say = _about(matter), words.say
    return Letter(
        subject=say(_("Still waiting to be contacted: {company} ({title})")).format(
            company=referral.company, title=referral.title
        ),
        preheader=say(_("The customer asked to be contacted directly, and has been waiting for more than 72 hours.")),
        heading=say(_("{company} is still waiting to hear from you")).format(company=referral.company),
        alert=say(_("The customer asked to be contacted directly, and has been waiting for more than 72 hours.")),
        paragraphs=(say(_("The referral stays open. A short call today keeps the chance alive.")),),
        facts=_need(words, matter, referral) + _contact(words, matter),
        button=say(_("Open the referral")),
    )


def expired(words: Words, matter: Matter) -> Letter:
    """The deadline has passed."""
    referral, say = _about(matter), words.say
    return Letter(
        subject=say(_("Expired: {title} ({company})")).format(title=referral.title, company=referral.company),
        preheader=say(_("Nobody answered in time, so the referral was closed.")),
        heading=say(_("This referral has expired")),
        paragraphs=(
            say(_("Nobody answered in time, so the referral was closed. You will find it in your archive.")),
            say(_("No room for new referrals at the moment? Pause your profile, and none will be sent to you.")),
        ),
        facts=_summary(words, referral),
        button=say(_("See it in the archive")),
    )


def withdrawn(words: Words, matter: Matter) -> Letter:
    """The customer does not go on with this partner."""
    referral, say = _about(matter), words.say
    # The request is erased first: until the referral is, it still says whose it was.
    if referral.erased_at is not None or matter.rfi.erased_at is not None:
        return _erased(words)
    return Letter(
        subject=say(_("Withdrawn: {title} ({company})")).format(title=referral.title, company=referral.company),
        preheader=say(_("The customer has withdrawn the request or chosen another partner.")),
        heading=say(_("The customer no longer needs an answer")),
        paragraphs=(
            say(_("The customer has withdrawn the request or chosen another partner. There is nothing left to do.")),
        ),
        facts=_summary(words, referral),
        button=say(_("See it in the archive")),
    )


def _erased(words: Words) -> Letter:
    """The customer wanted its data erased; nothing of it can be named here."""
    say = words.say
    return Letter(
        subject=say(_("Withdrawn: a customer had its data erased")),
        preheader=say(_("Please erase what you have copied of it.")),
        heading=say(_("The customer had its data erased")),
        paragraphs=(
            say(_("The customer of this referral has had its data erased here, so the referral is closed.")),
            say(_("Please erase what you have copied of it: in your CRM, in mails, in notes.")),
        ),
        button=say(_("See it in the archive")),
    )


def partner_personal(words: Words, matter: Matter, links: Links) -> Personal:
    """The link to this partner's referral, why it got it, and who it is."""
    referral = _about(matter)
    partner = matter.partners.get(referral.partner_id)
    footer = words.say(
        _("Sent because you asked for mails about the referrals of {partner}; change that on the page Team.")
        if is_copy(matter.job)
        else _("Sent to you as a contact for the referrals of {partner}; opening the page changes nothing.")
    )
    return Personal(
        url=links.referral(referral.id),
        items=_reasons(words, referral) if matter.job.kind is MailKind.NEW_REFERRAL else (),
        footer=footer.format(partner=partner.name if partner else words.say(_("your company"))),
    )


def _answer_by(words: Words, matter: Matter, referral: Referral) -> str:
    return words.say(_("Please answer by {when}.")).format(
        when=words.instant(referral.expires_at or matter.job.at, matter.job.time_zone)
    )


def _summary(words: Words, referral: Referral) -> tuple[tuple[str, str], ...]:
    say = words.say
    return (
        (say(_("Company")), referral.company),
        (say(_("What is asked")), referral.title),
        (say(_("Where")), words.place(referral.place)),
    )


def _need(words: Words, matter: Matter, referral: Referral) -> tuple[tuple[str, str], ...]:
    say, need, customer = words.say, matter.rfi.need, matter.rfi.customer
    asked = ", ".join(dict.fromkeys((*need.services, *need.products, *need.keywords)))
    rows = (
        *_summary(words, referral),
        (say(_("Topics")), asked),
        (say(_("Industry")), ", ".join(need.industries)),
        (say(_("Company size")), words.size(customer.size) or ""),
        (say(_("Budget")), words.money(need.budget) if need.budget else say(_("not stated"))),
        (say(_("Time frame")), words.timeframe(need.timeframe)),
        (say(_("Answer by")), words.instant(referral.expires_at, matter.job.time_zone) if referral.expires_at else ""),
    )
    return tuple(row for row in rows if row[1])


def _contact(words: Words, matter: Matter) -> tuple[tuple[str, str], ...]:
    say, person = words.say, matter.rfi.customer.contact
    if not matter.contact_visible:
        return ((say(_("Contact")), _hidden(words, _about(matter))),)
    rows = (
        (say(_("Contact")), f"{person.first_name} {person.last_name}".strip()),
        (say(_("E-mail")), person.email),
        (say(_("Phone")), person.phone or ""),
    )
    return tuple(row for row in rows if row[1])


def _hidden(words: Words, referral: Referral) -> str:
    if referral.policy is PolicyName.CLASSIC and referral.stage is Stage.NEW:
        return words.say(_("shown once you have said that you are interested"))
    return words.say(_("shown once you have accepted"))


def _reasons(words: Words, referral: Referral) -> tuple[str, ...]:
    if referral.picked:
        return (words.say(_("The customer chose you.")),)
    reasons = referral.why.get("reasons")
    if not isinstance(reasons, list | tuple):
        return ()
    told = (said(words, str(each), referral.place) for each in reasons)
    return tuple(islice(filter(None, told), _MOST_REASONS))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT].rstrip() + " …"


PARTNER_LETTERS: dict[MailKind, Callable[[Words, Matter], Letter]] = {
    MailKind.NEW_REFERRAL: new_referral,
    MailKind.REMINDER: reminder,
    MailKind.EXPIRING_SOON: expiring_soon,
    MailKind.FLAME_CHANGED: flame_changed,
    MailKind.EXPIRED: expired,
    MailKind.WITHDRAWN: withdrawn,
}
