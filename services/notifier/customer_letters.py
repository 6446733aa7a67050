"""What is said to the customer: whom the request went to, who accepted, who declined or let it lapse?"""

from __future__ import annotations

from collections.abc import Callable

from services.core.codes import Substatus
from services.core.mail import MailKind
from services.core.rfi import Person
from services.notifier.letter import Letter, Links, Matter, Personal
from services.notifier.words import Words, _


def sent_to_partners(words: Words, matter: Matter) -> Letter:
    """The request has been received, and sent on; or nobody fits yet."""
    names = _partner_names(matter)
    return _sent(words, matter, len(names)) if names else _no_match(words, matter)


def _sent(words: Words, matter: Matter, number: int) -> Letter:
    say, title = words.say, matter.rfi.need.title
    return Letter(
        subject=words.count(
            "Your request was sent to {number} partner: {title}",
            "Your request was sent to {number} partners: {title}",
            number,
        ).format(number=number, title=title),
        preheader=say(_("We will tell you what each of them answers.")),
        heading=say(_("We have received your request")),
        paragraphs=(
            words.count(
                "It was sent to the partner below, who may contact you before answering.",
                "It was sent to the {number} partners below, who may contact you before answering.",
                number,
            ).format(number=number),
            say(_("We will tell you as soon as one of them accepts, declines or does not answer.")),
        ),
        facts=_request(words, matter),
        list_title=say(_("Sent to")),
        button=say(_("See your request")),
    )


def _no_match(words: Words, matter: Matter) -> Letter:
    say = words.say
    return Letter(
        subject=say(_("We have received your request: {title}")).format(title=matter.rfi.need.title),
        preheader=say(_("No partner fits it yet. You can choose one yourself.")),
        heading=say(_("We have received your request")),
        paragraphs=(
            say(_("We have not found a partner who fits it yet.")),
            say(_("You can choose a partner yourself, or change what you ask for and send it again.")),
        ),
        facts=_request(words, matter),
        button=say(_("Choose a partner")),
    )


def accepted_by(words: Words, matter: Matter) -> Letter:
    """A partner has accepted; who will call."""
    say, name = words.say, _partner_name(words, matter)
    return Letter(
        subject=say(_("{partner} has accepted your request: {title}")).format(
            partner=name, title=matter.rfi.need.title
        ),
        preheader=say(_("{partner} will contact you.")).format(partner=name),
        heading=say(_("{partner} has accepted your request")).format(partner=name),
        paragraphs=(say(_("{partner} will contact you. You need not do anything.")).format(partner=name),),
        facts=_request(words, matter),
        list_title=say(_("Who will contact you")),
        button=say(_("See your request")),
    )


def declined_by(words: Words, matter: Matter) -> Letter:
    """A partner has declined. Its reason stays between it and us."""
    say, name = words.say, _partner_name(words, matter)
    return _choose_another(
        words,
        matter,
        subject=say(_("{partner} cannot take your request: {title}")).format(partner=name, title=matter.rfi.need.title),
        heading=say(_("{partner} cannot take your request")).format(partner=name),
        paragraphs=(
            say(_("{partner} has declined. Other partners who have your request are not affected.")).format(
                partner=name
            ),
            say(_("You can choose a different partner on your page.")),
        ),
    )


def expired_at(words: Words, matter: Matter) -> Letter:
    """A partner has not answered in time."""
    say, name = words.say, _partner_name(words, matter)
    return _choose_another(
        words,
        matter,
        subject=say(_("{partner} has not answered: {title}")).format(partner=name, title=matter.rfi.need.title),
        heading=say(_("{partner} has not answered in time")).format(partner=name),
        paragraphs=(
            say(_("The time to answer is over, so {partner} no longer has your request.")).format(partner=name),
            say(_("You can choose a different partner on your page.")),
        ),
    )


def asked_another(words: Words, matter: Matter) -> Letter:
    """A partner has declined or not answered; the next-best one has the request now."""
    say, name, title = words.say, _partner_name(words, matter), matter.rfi.need.title
    other = _asked_after(words, matter)
    return Letter(
        subject=say(_("{partner} now has your request: {title}")).format(partner=other, title=title),
        preheader=say(_("We will tell you what {partner} answers.")).format(partner=other),
        heading=say(_("We have asked {partner}")).format(partner=other),
        paragraphs=(
            _dropped_out(words, matter, name),
            say(
                _("As you agreed, we have sent your request to {partner}, who may contact you before answering.")
            ).format(partner=other),
            say(_("You can also choose a different partner on your page.")),
        ),
        facts=_request(words, matter),
        button=say(_("See your request")),
    )


def nobody_left(words: Words, matter: Matter) -> Letter:
    """A partner has declined or not answered, and we ask no other one."""
    say, name, title = words.say, _partner_name(words, matter), matter.rfi.need.title
    declined = _declined(matter)
    subject = _("{partner} cannot take your request: {title}") if declined else _("{partner} has not answered: {title}")
    heading = _("{partner} cannot take your request") if declined else _("{partner} has not answered in time")
    return _choose_another(
        words,
        matter,
        subject=say(subject).format(partner=name, title=title),
        heading=say(heading).format(partner=name),
        paragraphs=(
            _dropped_out(words, matter, name),
            say(_("We are not asking any other partner for you now. You can choose one yourself on your page.")),
        ),
    )


def partner_unavailable(words: Words, matter: Matter) -> Letter:
    """The partner that the customer wanted has not got the request."""
    say, name = words.say, _partner_name(words, matter)
    return _choose_another(
        words,
        matter,
        subject=say(_("{partner} takes no requests now: {title}")).format(partner=name, title=matter.rfi.need.title),
        heading=say(_("We could not ask {partner}")).format(partner=name),
        paragraphs=(
            say(_("{partner} takes no requests at the moment, so we have not sent yours there.")).format(partner=name),
            say(_("You can choose a different partner on your page.")),
        ),
    )


def _choose_another(words: Words, matter: Matter, *, subject: str, heading: str, paragraphs: tuple[str, ...]) -> Letter:
    """A letter after which it is the customer's turn."""
    return Letter(
        subject=subject,
        preheader=words.say(_("You can choose a different partner.")),
        heading=heading,
        paragraphs=paragraphs,
        facts=_request(words, matter),
        button=words.say(_("Choose a different partner")),
    )


def _dropped_out(words: Words, matter: Matter, name: str) -> str:
    said = (
        _("{partner} has declined. Other partners who have your request are not affected.")
        if _declined(matter)
        else _("The time to answer is over, so {partner} no longer has your request.")
    )
    return words.say(said).format(partner=name)


def _declined(matter: Matter) -> bool:
    return matter.referral is not None and matter.referral.substatus is Substatus.DECLINED


def _asked_after(words: Words, matter: Matter) -> str:
    """The name of the partner who was asked after the one that the mail is about."""
    rounds = matter.rfi.routing.rounds if matter.rfi.routing else ()
    asked = {each.after: each.partner_id for each in rounds}.get(matter.job.referral_id or "")
    partner = matter.partners.get(asked or "")
    return partner.name if partner else words.say(_("Another partner"))


def _request(words: Words, matter: Matter) -> tuple[tuple[str, str], ...]:
    say, need = words.say, matter.rfi.need
    rows = (
        (say(_("What you asked for")), need.title),
        (say(_("Where")), words.place(need.place)),
        (say(_("Budget")), words.money(need.budget) if need.budget else ""),
        (say(_("Time frame")), words.timeframe(need.timeframe)),
    )
    return tuple(row for row in rows if row[1])


def _partner_name(words: Words, matter: Matter) -> str:
    partner = matter.partners.get(matter.job.partner_id or "")
    return partner.name if partner else words.say(_("The partner"))


def customer_personal(words: Words, matter: Matter, links: Links) -> Personal:
    """The link to the customer's own page, and the names that the mail lists."""
    items: tuple[str, ...] = ()
    if matter.job.kind is MailKind.SENT_TO_PARTNERS:
        items = _partner_names(matter)
    elif matter.job.kind is MailKind.ACCEPTED_BY and matter.referral:
        items = tuple(_reachable(each) for each in matter.referral.team)
    footer = words.say(
        _("Sent because {company} has made a request to our partners; opening the page changes nothing.")
    )
    return Personal(
        url=links.engagement(matter.rfi.id, choose=_leads_to_choice(matter)),
        items=items,
        footer=footer.format(company=matter.rfi.customer.company),
    )


def _leads_to_choice(matter: Matter) -> bool:
    """Whether the button says that a partner can be chosen."""
    kind = matter.job.kind
    return kind in _TO_CHOOSE or (kind is MailKind.SENT_TO_PARTNERS and not _partner_names(matter))


def _partner_names(matter: Matter) -> tuple[str, ...]:
    chosen = matter.rfi.routing.chosen if matter.rfi.routing else ()
    first = [each.partner_id for each in chosen if each.round == 1]
    return tuple(matter.partners[id_].name for id_ in first if id_ in matter.partners)


def _reachable(person: Person) -> str:
    name = f"{person.first_name} {person.last_name}".strip()
    return ", ".join(part for part in (name, person.email, person.phone) if part)


CUSTOMER_LETTERS: dict[MailKind, Callable[[Words, Matter], Letter]] = {
    MailKind.SENT_TO_PARTNERS: sent_to_partners,
    MailKind.ACCEPTED_BY: accepted_by,
    MailKind.DECLINED_BY: declined_by,
    MailKind.EXPIRED_AT: expired_at,
    MailKind.ASKED_ANOTHER: asked_another,
    MailKind.NOBODY_LEFT: nobody_left,
    MailKind.PARTNER_UNAVAILABLE: partner_unavailable,
}
#: Where their button leads on the customer's page: to the choice of one more partner.
_TO_CHOOSE = frozenset({MailKind.DECLINED_BY, MailKind.EXPIRED_AT, MailKind.NOBODY_LEFT, MailKind.PARTNER_UNAVAILABLE})
