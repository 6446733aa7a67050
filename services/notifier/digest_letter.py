"""What does the daily digest say, and how does it look? Three lists of referrals with links; no person is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.core.codes import Flame
from services.core.digest import Digest, expected_by
from services.core.listing import PAGE_LIMIT
from services.core.mail import SendJob
from services.core.referral import Referral
from services.notifier.layout import Sheet, clean, quoted_printable
from services.notifier.letter import Links, Mail
from services.notifier.words import Words, _, words_of

#: Referrals of each list in a mail; the pages have them all.
SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One referral: where its page is, and its lines."""

    url: str
    title: str
    about: str
    when: str
    alert: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One list; what does not fit is said to be on the page."""

    title: str
    items: tuple[Item, ...]
    more: str | None
    url: str


def digest_mail(job: SendJob, digest: Digest, links: Links) -> Mail:
    """The digest as a person sees it."""
    words = words_of(job.language)
    parts = _parts(words, job, digest, links)
    say = words.say
    heading = say(_("Your referrals on {day}")).format(day=words.day(job.at, job.time_zone))
    counted = ", ".join(_counts(words, digest))
    values = {
        "language": words.language,
        "subject": f"{heading}: {counted}",
        "heading": heading,
        "counted": counted,
        "parts": parts,
        "button": say(_("Open your referrals")),
        "url": links.inbox(),
        "footer": say(_("Sent once a day because you asked for it; opening a page changes nothing.")),
        "settings": say(_("Change what you are mailed")),
        "settings_url": links.settings(),
    }
    html, text = _templates()
    return Mail(subject=clean(str(values["subject"])), text=clean(text.render(values)), html=clean(html.render(values)))


def digest_sheet(mail: Mail) -> Sheet:
    """The mail laid out; nothing is laid in."""
    return Sheet(mail.subject, (quoted_printable(mail.text),), (quoted_printable(mail.html),))


def _parts(words: Words, job: SendJob, digest: Digest, links: Links) -> list[Part]:
    say = words.say

    def part(title: str, referrals: Sequence[Referral], path: str) -> Part:
        items = tuple(_item(words, job, each, links) for each in referrals[:SHOWN])
        left = len(referrals) - SHOWN
        more = words.count("and one more", "and {number} more", left).format(number=_said(words, left))
        return Part(title=title, items=items, more=more if left > 0 else None, url=links.base_url + path)

    parts = [
        part(say(_("New since yesterday")), digest.new, "/inbox?sort=created"),
        part(say(_("Waiting for your answer, the nearest deadline first")), digest.running_out, "/inbox"),
        part(say(_("Waiting for an outcome: the expected date has passed")), digest.outcome_due, "/active"),
    ]
    return [each for each in parts if each.items]


def _counts(words: Words, digest: Digest) -> list[str]:
    new, waiting, due = len(digest.new), len(digest.running_out), len(digest.outcome_due)
    said = (
        (new, words.count("one new", "{number} new", new)),
        (waiting, words.count("one waiting for an answer", "{number} waiting for an answer", waiting)),
        (due, words.count("one waiting for an outcome", "{number} waiting for an outcome", due)),
    )
    return [text.format(number=_said(words, number)) for number, text in said if number]


def _said(words: Words, number: int) -> str:
    return words.number(number) + ("+" if number >= PAGE_LIMIT else "")


def _item(words: Words, job: SendJob, referral: Referral, links: Links) -> Item:
    say, closing = words.say, expected_by(referral)
    if referral.accepted_at is not None and closing is not None:
        when = say(_("You expected to close it on {day}. Won or lost?")).format(day=words.date(closing))
    elif referral.expires_at is not None:
        when = say(_("Please answer by {when}.")).format(when=words.instant(referral.expires_at, job.time_zone))
    else:
        when = ""
    alert = say(_("The customer asked to be contacted directly.")) if referral.flame is not Flame.NONE else None
    return Item(
        url=links.referral(referral.id),
        title=referral.details.engagement_name or referral.title,
        about=" · ".join(part for part in (referral.company, words.place(referral.place)) if part),
        when=when,
        alert=alert,
    )


@cache
def _templates() -> tuple[Any, Any]:
    loader = PackageLoader("services.notifier")
    options: dict[str, Any] = {
        "loader": loader,
        "trim_blocks": True,
        "lstrip_blocks": True,
        "undefined": StrictUndefined,
        "keep_trailing_newline": True,
    }
    html = Environment(autoescape=True, **options)
    text = Environment(autoescape=False, **options)  # noqa: S701 - text/plain
    return html.get_template("digest.html.j2"), text.get_template("digest.txt.j2")
