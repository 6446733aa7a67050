"""How does a job with its documents become a subject, a text and an HTML part? Pure but for reading the templates."""

from __future__ import annotations

import re
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from services.notifier.customer_letters import CUSTOMER_LETTERS
from services.notifier.letter import Letter, Links, Mail, Matter
from services.notifier.partner_letters import PARTNER_LETTERS
from services.notifier.words import words_of

_LETTERS = PARTNER_LETTERS | CUSTOMER_LETTERS
#: Control characters but tab and line feed, lone surrogates, and what reverses or hides text (bidi, zero width).
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2060-\u2069\ufeff\ud800-\udfff]"
)
_SPACES = re.compile(r"\s+")
_LONGEST_SUBJECT = 150


def compose(matter: Matter, links: Links) -> Letter:
    """The words of the mail, in the recipient's language."""
    return _LETTERS[matter.job.kind](words_of(matter.job.language), matter, links)


def render(matter: Matter, links: Links) -> Mail:
    """The mail, both parts saying the same.

    Raises:
        ValueError: the matter lacks its referral.
    """
    letter = compose(matter, links)
    language = words_of(matter.job.language).language
    html_template, text_template = _templates()
    text = text_template.render(letter=letter)
    html = html_template.render(letter=letter, language=language)
    # Both parts hold the same words, so looking through the shorter one is enough.
    if _HARMFUL.search(text):
        text, html = _HARMFUL.sub("", text), _HARMFUL.sub("", html)
    return Mail(subject=_one_line(letter.subject), text=text, html=html)


def _one_line(text: str) -> str:
    line = _HARMFUL.sub("", _SPACES.sub(" ", text)).strip()
    return line if len(line) <= _LONGEST_SUBJECT else line[: _LONGEST_SUBJECT - 1].rstrip() + "…"


@cache
def _templates() -> tuple[Template, Template]:
    loader = PackageLoader("services.notifier")
    options = {"loader": loader, "trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined}
    html = Environment(autoescape=True, **options)  # type: ignore[arg-type]  # a dict of mixed options
    text = Environment(autoescape=False, keep_trailing_newline=True, **options)  # type: ignore[arg-type]  # noqa: S701 - text/plain
    return html.get_template("mail.html.j2"), text.get_template("mail.txt.j2")
