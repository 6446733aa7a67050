"""How does a matter become a subject, a text and an HTML part? Pure but for reading the templates.

The partners of one RFI get the same letter but for a few lines. So a letter is laid out once as a sheet, cut where
those lines stand, and each recipient's lines are laid in. A cut is always between whole lines.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from secrets import token_hex

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import escape

from services.core.mail import Role
from services.notifier.customer_letters import CUSTOMER_LETTERS, customer_personal
from services.notifier.letter import Letter, Links, Mail, Matter, Personal
from services.notifier.partner_letters import PARTNER_LETTERS, partner_personal
from services.notifier.words import words_of

_LETTERS = PARTNER_LETTERS | CUSTOMER_LETTERS
#: Control characters but tab and line feed, lone surrogates, and what reverses or hides text (bidi, zero width).
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2060-\u2069\ufeff\ud800-\udfff]"
)
_SPACES = re.compile(r"\s+")
_LONGEST_SUBJECT = 150

#: Where personal lines go. Nobody can write these words into a request: they are new for each start.
_SLOT = token_hex(16)
_CUT = f"{_SLOT}\n"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A letter laid out, each part in pieces; between two pieces go lines of the recipient's own."""

    subject: str
    text: tuple[str, ...]
    html: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """The recipient's own lines for each part, one entry for each cut."""

    text: tuple[str, ...]
    html: tuple[str, ...]


def compose(matter: Matter) -> Letter:
    """The words of the mail, in the recipient's language.

    Raises:
        ValueError: the matter lacks its referral.
    """
    return _LETTERS[matter.job.kind](words_of(matter.job.language), matter)


def personal(matter: Matter, links: Links) -> Personal:
    """What is the recipient's own."""
    write = partner_personal if matter.job.role is Role.PARTNER else customer_personal
    return write(words_of(matter.job.language), matter, links)


def shared_by(matter: Matter, own: Personal) -> Hashable:
    """Equal for matters that have the same sheet; None if there is no use in looking for others."""
    job, referral = matter.job, matter.referral
    if job.role is not Role.PARTNER or referral is None:
        return None
    shown = (referral.title, referral.company, referral.place, referral.policy, referral.stage, referral.flame)
    when = (job.time_zone, referral.expires_at or job.at)
    return (
        job.kind,
        job.language,
        matter.rfi.id,
        matter.rfi.version,
        matter.contact_visible,
        bool(own.items),
        when,
        shown,
    )


def lay_out(matter: Matter, own: Personal) -> Sheet:
    """The sheet of a matter's letter."""
    letter = compose(matter)
    html_template, text_template = _templates()
    values = {"letter": letter, "slot": _SLOT, "has_items": bool(own.items)}
    text = text_template.render(values)
    html = html_template.render(values, language=words_of(matter.job.language).language)
    # Both parts hold the same words, so looking through the shorter one is enough.
    if _HARMFUL.search(text):
        text, html = _HARMFUL.sub("", text), _HARMFUL.sub("", html)
    return Sheet(_one_line(letter.subject), tuple(text.split(_CUT)), tuple(html.split(_CUT)))


def lines(own: Personal) -> Lines:
    """The recipient's own lines."""
    items, footer = [_one_line(item) for item in own.items], _one_line(own.footer)
    text = [f"{own.url}\n", f"{footer}\n"]
    html = [f'href="{escape(own.url)}"\n', f"{escape(footer)}\n"]
    if items:
        text.insert(1, "".join(f"- {item}\n" for item in items))
        html.insert(1, "".join(f"<li>{escape(item)}</li>\n" for item in items))
    return Lines(tuple(text), tuple(html))


def render(matter: Matter, links: Links) -> Mail:
    """The whole mail as a person sees it."""
    own = personal(matter, links)
    sheet, mine = lay_out(matter, own), lines(own)
    return Mail(subject=sheet.subject, text=_joined(sheet.text, mine.text), html=_joined(sheet.html, mine.html))


def _joined(pieces: Sequence[str], between: Sequence[str]) -> str:
    return pieces[0] + "".join(mine + piece for mine, piece in zip(between, pieces[1:], strict=True))


def _one_line(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        text = _SPACES.sub(" ", _HARMFUL.sub("", text))
    line = text.strip()
    return line if len(line) <= _LONGEST_SUBJECT else line[: _LONGEST_SUBJECT - 1].rstrip() + "…"


@cache
def _templates() -> tuple[Template, Template]:
    loader = PackageLoader("services.notifier")
    options = {"loader": loader, "trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined}
    html = Environment(autoescape=True, keep_trailing_newline=True, **options)  # type: ignore[arg-type]  # mixed options
    text = Environment(autoescape=False, keep_trailing_newline=True, **options)  # type: ignore[arg-type]  # noqa: S701 - text/plain
    return html.get_template("mail.html.j2"), text.get_template("mail.txt.j2")
