"""Why did this partner get a referral, in words that a salesperson understands? Without weights and codes."""

from __future__ import annotations

from functools import lru_cache

from services.core.codes import CompanySize
from services.core.reasons import Reason, ReasonCode, parse
from services.core.rfi import Place
from services.wording.words import Words, _

_MESSAGES = {
    ReasonCode.PICKED: _("The customer chose you."),
    ReasonCode.NEAR: _("Distance: you have a location within {what} km."),
    ReasonCode.DISTANCE_UNKNOWN: _(
        "Distance: somebody within {what} km is wanted; your locations give no coordinates, so your region counted."
    ),
    ReasonCode.KEYWORD: _("Keyword: {what}"),
    ReasonCode.PRODUCT: _("Product: {what}"),
    ReasonCode.SERVICE: _("Service: {what}"),
    ReasonCode.INDUSTRY: _("Industry: {what}"),
    ReasonCode.TITLE: _("Named in the title: {what}"),
    ReasonCode.ASKED: _("Part of what is asked: {what}"),
    ReasonCode.DESCRIPTION: _("Named in the description: {what}"),
    ReasonCode.LANGUAGE: _("Language: {what}"),
    ReasonCode.SIZE: _("Company size: {what}"),
    ReasonCode.NOTHING_NAMED: _("The request names no topic to compare; your region and the company size fit."),
}
#: These tell how the matcher counted, not what fits.
_UNSAID = frozenset({ReasonCode.MORE, ReasonCode.SIZE_UNKNOWN, ReasonCode.REGION_OUTSIDE})


# The partners of a batch share most of their reasons.
@lru_cache(maxsize=8192)
def said(words: Words, text: str, asked: Place) -> str | None:
    """A stored reason for a mail, None if a mail leaves it out; a text that is no reason, as it is.

    `asked` is the place of the request as the customer wrote it.
    """
    reason = parse(text)
    if reason is None:
        return text
    if reason.code in _UNSAID:
        return None
    if reason.code in {ReasonCode.REGION_SERVED, ReasonCode.REGION_PART}:
        return _region(words, reason, asked)
    return words.say(_MESSAGES[reason.code]).format(what=_value(words, reason))


def _region(words: Words, reason: Reason, asked: Place) -> str:
    if reason.code is ReasonCode.REGION_PART:
        return words.say(_("Region: {place} (you serve a part of it)")).format(place=words.place(asked))
    # A detail with a blank names a city or a postal code, folded: the customer's own writing reads better.
    wide = reason.detail or reason.value
    if " " in wide:
        return words.say(_("Region: {place} (you serve it)")).format(place=words.place(asked))
    country, dash, _part = wide.partition("-")
    place = words.place(Place(country=country, subdivision=wide if dash else None))
    return words.say(_("Region: {place} (you serve all of it)")).format(place=place)


def _value(words: Words, reason: Reason) -> str:
    if reason.code is ReasonCode.LANGUAGE:
        return words.tongue(reason.value)
    if reason.code is ReasonCode.SIZE and reason.value in set(CompanySize):
        return words.size(CompanySize(reason.value)) or reason.value
    return reason.value
