"""How does a matter become a sheet, and a recipient's own lines the bytes that are laid in? Pure.

The partners of one RFI get the same letter but for a few lines. So a letter is laid out once as a sheet (`layout`), cut
where those lines stand, and each recipient's lines are laid in. A cut is always between whole lines.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from quopri import decodestring

from markupsafe import escape

from services.core.mail import Role
from services.notifier import layout
from services.notifier.customer_letters import CUSTOMER_LETTERS, customer_personal
from services.notifier.layout import HARMFUL, Sheet, quoted_printable
from services.notifier.letter import Letter, Links, Mail, Matter, Personal
from services.notifier.partner_letters import PARTNER_LETTERS, partner_personal
from services.notifier.words import words_of

_LETTERS = PARTNER_LETTERS | CUSTOMER_LETTERS
_SPACES = re.compile(r"\s+")
_LONGEST_SUBJECT = 150


@dataclass(frozen=True, slots=True)
class Lines:
    """The recipient's own lines for each part, encoded, one entry for each cut."""

    text: tuple[bytes, ...]
    html: tuple[bytes, ...]


#: Of a mail that is all its own.
NO_LINES = Lines((), ())


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
    language = words_of(matter.job.language).language
    sheet = layout.lay_out(compose(matter), language, has_items=bool(own.items))
    return replace(sheet, subject=_one_line(sheet.subject))


def lines(own: Personal) -> Lines:
    """The recipient's own lines."""
    footer = _footer(own.footer)
    text, html = [quoted_printable(f"{own.url}\n"), footer[0]], [_link(own.url), footer[1]]
    if own.items:
        items = [_item(item) for item in own.items]
        text.insert(1, b"".join([item[0] for item in items]))
        html.insert(1, b"".join([item[1] for item in items]))
    return Lines(tuple(text), tuple(html))


def render(matter: Matter, links: Links) -> Mail:
    """The whole mail as a person sees it: the very bytes that are sent, decoded."""
    own = personal(matter, links)
    sheet, mine = lay_out(matter, own), lines(own)
    return Mail(subject=sheet.subject, text=_read(sheet.text, mine.text), html=_read(sheet.html, mine.html))


def joined(pieces: Sequence[bytes], between: Sequence[bytes]) -> list[bytes]:
    """The pieces of a part with the recipient's own lines between them."""
    parts = [pieces[0]]
    for mine, piece in zip(between, pieces[1:], strict=True):
        parts += (mine, piece)
    return parts


def _read(pieces: Sequence[bytes], between: Sequence[bytes]) -> str:
    return decodestring(b"".join(joined(pieces, between))).decode().replace("\r\n", "\n")


def _link(url: str) -> bytes:
    return quoted_printable(f'href="{escape(url)}"\n')


# The partners of a batch share most of their reasons, and a partner's footer is always the same.
@lru_cache(maxsize=8192)
def _item(text: str) -> tuple[bytes, bytes]:
    item = _one_line(text)
    return quoted_printable(f"- {item}\n"), quoted_printable(f"<li>{escape(item)}</li>\n")


@lru_cache(maxsize=8192)
def _footer(text: str) -> tuple[bytes, bytes]:
    footer = _one_line(text)
    return quoted_printable(f"{footer}\n"), quoted_printable(f"{escape(footer)}\n")


def _one_line(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        text = _SPACES.sub(" ", HARMFUL.sub("", text))
    line = text.strip()
    return line if len(line) <= _LONGEST_SUBJECT else line[: _LONGEST_SUBJECT - 1].rstrip() + "…"
