"""How is a problem of the rules said to a person in their language? By its code, else as the rule says it."""

from __future__ import annotations

from collections.abc import Sequence

from services.core.errors import Problem
from services.wording.words import Words, _

#: By field and code, or by code alone.
_SAID = {
    ("/engagementName", "required"): _("Give the deal a name."),
    ("/dealValue/amount", "dealValue_required"): _("Give the estimated value of the deal with its currency."),
    ("/closingDate", "required"): _("Give an estimated closing date, or a time frame."),
    ("/closingDate", "in_the_past"): _("The estimated closing date cannot lie in the past."),
    ("/finalValue/amount", "finalValue_required"): _("Give the final value of the deal with its currency."),
    ("/closedOn", "required"): _("Give the date on which the deal was closed."),
    ("/closedOn", "in_the_future"): _("A won deal cannot have been closed in the future."),
    ("/reason", "required"): _("Say why, with one of the reasons of the list."),
    ("/reason", "not_allowed"): _("This is a reason to decline; say why the deal was lost."),
    ("/notes", "required"): _("Say in the notes which other reason it is."),
    ("/partnerId", "too_early"): _("Your request is being sent to partners right now. Try again in a minute."),
    ("/partnerId", "asked_already"): _("This partner has had your request before. Choose another one."),
    ("/partnerId", "too_many"): _("You have asked as many more partners as a request allows."),
    ("/partnerId", "unknown_partner"): _("This partner is not here any more. Choose another one."),
    ("/partnerId", "inactive"): _("This partner takes no requests any more. Choose another one."),
    ("/partnerId", "paused"): _("This partner takes no requests at the moment. Choose another one."),
    ("/partner", "too_many_partners"): _("Choose fewer partners, at most 10."),
    ("/partner", "partner_closed"): _("Some partners that you chose take no requests now. The others stand below."),
    ("/partner", "required_for_search"): _("Choose at least one partner."),
    ("/country", "place"): _("Choose the country in which the work is."),
    ("/need/title", "missing"): _("Say in a few words what you need."),
    ("/customer/company", "missing"): _("Give the name of your company."),
    ("/customer/contact/firstName", "missing"): _("Give your first name."),
    ("/customer/contact/lastName", "missing"): _("Give your last name."),
    ("/customer/contact/email", "missing"): _("Give your mail address."),
    ("/consent/contact", "no_consent"): _("Without this no partner can answer you."),
    ("/consent/share", "no_consent"): _("Without this your request cannot be sent to partners."),
    ("", "sent_before"): _("This form was sent before with other words. Look for our mail before you send a new one."),
    ("/customer/contact/email", "too_often"): _("Too many requests came from this address. Wait an hour."),
    ("/engagementName", "nothing_required"): _("Change at least one field."),
}
_BY_CODE = {
    "required": _("Fill in this field."),
    "missing": _("Fill in this field."),
    "too_short": _("Write a little more."),
    "email": _("Give a mail address, for example name@company.example."),
    "phone": _("Give the phone number with its country code, for example +34955000001."),
    "leave_empty": _("Leave this field empty."),
    "not_a_date": _("Enter a date, for example 2026-12-31."),
    "not_a_number": _("Enter an amount, for example 48000."),
    "not_positive": _("Give an amount greater than zero."),
    "too_large": _("Give a smaller amount."),
    "too_precise": _("Give an amount with at most 4 decimals."),
    "too_long": _("Shorten this text."),
    "control_character": _("Remove characters that cannot be seen."),
    "control_characters": _("Remove characters that cannot be seen."),
    "unknown_timeframe": _("Choose one of the time frames of the list."),
    "website": _("Give a web address that begins with https://."),
    "no_location": _("Give at least one location, and who gets its alerts."),
    "nothing_allowed": _("Allow it at least one thing."),
    "unknown_place": _("Write a region as its name or ISO code, for example ES-AN; check the spelling."),
    "unknown_zone": _("Give the time zone as its name, for example Europe/Madrid."),
    "not_a_count": _("Enter a whole number, or leave it empty."),
    "out_of_range": _("Enter a number from 1 to 100000, or leave it empty."),
    "in_the_past": _("Give a date in the future, or leave it empty."),
    "too_late": _("Give a day before the year 2200, or leave it empty."),
    "unknown_lines": _(
        "Not known as a region: {named}. Write each as its name or ISO code, for example ES-AN; check the spelling."
    ),
    "too_many": _("There are too many; remove some first."),
}
#: By the last part of a field that is empty: at the top of a form nobody sees beside which one it stands.
_EMPTY = {
    "firstName": _("Give the first name."),
    "lastName": _("Give the last name."),
    "email": _("Give a mail address, for example name@company.example."),
    "name": _("Give the name."),
    "latitude": _("Give both latitude and longitude, or neither."),
    "longitude": _("Give both latitude and longitude, or neither."),
    "timeZone": _("Give the time zone as its name, for example Europe/Madrid."),
}
_INVALID = {
    "latitude": _("Give the latitude in degrees from -90 to 90, for example 37.3891."),
    "longitude": _("Give the longitude in degrees from -180 to 180, for example -5.9845."),
    "currency": _("Give the currency as three capital letters, for example EUR."),
    "email": _("Give a mail address, for example name@company.example."),
    "phone": _("Give the phone number with its country code, for example +34955000001."),
}


class Naming(Problem):
    """A problem of some entries of a field; its words say which, with `{named}`."""

    __slots__ = ("named",)

    def __init__(self, field: str, code: str, message: str, named: Sequence[str]) -> None:
        self.named = tuple(named)
        super().__init__(field, code, message)


def problem_said(words: Words, problem: Problem) -> str:
    """The problem in words; one that no catalogue knows, as the rule says it."""
    last = problem.field.rpartition("/")[2]
    message = (
        _SAID.get((problem.field, problem.code))
        or (_INVALID.get(last) if problem.code == "invalid" else None)
        or (_EMPTY.get(last) if problem.code in {"required", "missing"} else None)
        or _BY_CODE.get(problem.code)
    )
    if message is not None:
        said = words.say(message)
        return said.format(named=", ".join(problem.named)) if isinstance(problem, Naming) else said
    text = problem.message
    return text[:1].upper() + text[1:]
