"""How does a letter become the bytes of a text and an HTML part without asking Jinja each time?

The templates are laid out once for each form of a letter (language, how many paragraphs and facts, with or without
alert, quote and list), with marks where its words go. What stands between the marks is encoded then and never again.
A letter is laid in line by line: cleaned, escaped (HTML), quoted-printable. Lines that come again and again, as labels
and buttons do, are remembered. Words are never looked through for marks, so nobody can write one.

A new kind of mail needs nothing here. A new field of `Letter` needs its place in the templates, and in `_words`.
"""

from __future__ import annotations

import re
from binascii import b2a_qp
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import escape

from services.notifier.letter import Letter

#: Control characters but tab and line feed, lone surrogates, and what reverses or hides text (bidi, zero width).
HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2028\u2029\u2060-\u2069\ufeff\ud800-\udfff]"
)
#: A mark is a number between two characters of the private use area; `_OWN` marks the recipient's own lines.
_MARK = re.compile("\ue000([0-9]+)\ue001")
_OWN = "\ue000own\ue001"
#: Places in `_words` of what is hardly ever the same twice: subject, heading, quote and quote of the text part.
_NEVER_THE_SAME = frozenset({0, 2, 4, 5})


class Form(NamedTuple):
    """What decides how the parts of a letter are built, whatever it says."""

    language: str
    alert: bool
    paragraphs: int
    facts: int
    quote: bool
    items: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """A line of a template that holds words of the letter."""

    between: tuple[str, ...]
    at: tuple[int, ...]
    #: Places of the words, one fewer than pieces in between.
    encode: Callable[[_Line, tuple[str, ...]], bytes]


#: One part of a form: encoded lines, lines to be filled in, and None where the recipient's own lines go.
_Part = tuple[bytes | _Line | None, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A letter laid out and encoded, each part in pieces; between two pieces go lines of the recipient's own."""

    subject: str
    text: tuple[bytes, ...]
    html: tuple[bytes, ...]


def lay_out(letter: Letter, language: str, *, has_items: bool) -> Sheet:
    """The sheet of a letter; the subject is left as it is.

    Args:
        letter: its words, nothing escaped.
        language: which it is written in, for the HTML part.
        has_items: whether there will be a list among the recipient's own lines.
    """
    form = Form(language, bool(letter.alert), len(letter.paragraphs), len(letter.facts), bool(letter.quote), has_items)
    text, html = _parts(form)
    words = _words(letter)
    return Sheet(letter.subject, _filled(text, words), _filled(html, words))


def quoted_printable(text: str) -> bytes:
    """Whole lines in quoted-printable; readable in the raw mail. A last line without an end gets one."""
    if not text.endswith("\n"):
        text += "\n"
    # Soft line breaks take the form of the first line end that is found, hence CR LF before encoding.
    return b2a_qp(text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace"), istext=True)


def clean(text: str) -> str:
    """The text without what could harm a reader."""
    return text if text.isascii() and text.isprintable() else HARMFUL.sub("", text)


def _filled(part: _Part, words: Sequence[str]) -> tuple[bytes, ...]:
    pieces: list[bytes] = []
    rows: list[bytes] = []
    for row in part:
        if row is None:
            pieces.append(b"".join(rows))
            rows.clear()
        elif isinstance(row, bytes):
            rows.append(row)
        else:
            rows.append(row.encode(row, tuple([words[at] for at in row.at])))
    # Whole lines side by side: encoding them apart is encoding them together. A piece is never without a line.
    pieces.append(b"".join(rows) or b"\r\n")
    return tuple(pieces)


def _text_line(line: _Line, words: tuple[str, ...]) -> bytes:
    return _encoded(line, [clean(word) for word in words])


def _html_line(line: _Line, words: tuple[str, ...]) -> bytes:
    return _encoded(line, [str(escape(clean(word))) for word in words])


_text_kept, _html_kept = lru_cache(maxsize=4096)(_text_line), lru_cache(maxsize=4096)(_html_line)


def _encoded(line: _Line, words: Sequence[str]) -> bytes:
    parts = [line.between[0]]
    for word, after in zip(words, line.between[1:], strict=True):
        parts += (word, after)
    return quoted_printable("".join(parts))


def _words(letter: Letter) -> list[str]:
    """The words of a letter; a mark's number is the place of its words."""
    quote = letter.quote or ""
    words = [
        letter.subject,
        letter.preheader,
        letter.heading,
        letter.alert or "",
        quote,
        # The text part begins each line of it with a mark of its own.
        quote.replace("\n", "\n> "),
        letter.list_title,
        letter.button,
        *letter.paragraphs,
    ]
    for row in letter.facts:
        words += row
    return words


@lru_cache(maxsize=1024)
def _parts(form: Form) -> tuple[_Part, _Part]:
    """The text and the HTML part of a form, laid out once."""
    values = {"slot": _OWN, "has_items": form.items}
    html, text = _templates()
    laid_out = (
        text.render(values, letter=_marked(form, quote=5)),
        html.render(values, letter=_marked(form, quote=4), language=form.language),
    )
    return _cut(laid_out[0], _text_line, _text_kept), _cut(laid_out[1], _html_line, _html_kept)


def _marked(form: Form, quote: int) -> Letter:
    """A letter of that form whose words are marks."""
    first_fact = 8 + form.paragraphs
    return Letter(
        subject=_mark(0),
        preheader=_mark(1),
        heading=_mark(2),
        alert=_mark(3) if form.alert else None,
        quote=_mark(quote) if form.quote else None,
        list_title=_mark(6),
        button=_mark(7),
        paragraphs=tuple(_mark(at) for at in range(8, first_fact)),
        facts=tuple((_mark(at), _mark(at + 1)) for at in range(first_fact, first_fact + 2 * form.facts, 2)),
    )


def _mark(at: int) -> str:
    return f"\ue000{at}\ue001"


def _cut(
    laid_out: str,
    encode: Callable[[_Line, tuple[str, ...]], bytes],
    kept: Callable[[_Line, tuple[str, ...]], bytes],
) -> _Part:
    """The rows of a part: neighbouring lines without a mark are one."""
    rows: list[bytes | _Line | None] = []
    fixed: list[str] = []

    def end_fixed() -> None:
        if fixed:
            rows.append(quoted_printable("".join(fixed)))
            fixed.clear()

    for line in laid_out.splitlines(keepends=True):
        between = _MARK.split(line)
        if len(between) == 1 and _OWN not in line:
            fixed.append(line)
            continue
        end_fixed()
        at = tuple(map(int, between[1::2]))
        once = not _NEVER_THE_SAME.isdisjoint(at)
        rows.append(_Line(tuple(between[::2]), at, encode if once else kept) if at else None)
    end_fixed()
    return tuple(rows)


@cache
def _templates() -> tuple[Template, Template]:
    loader = PackageLoader("services.notifier")
    options = {"loader": loader, "trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined}
    html = Environment(autoescape=True, keep_trailing_newline=True, **options)  # type: ignore[arg-type]  # mixed options
    text = Environment(autoescape=False, keep_trailing_newline=True, **options)  # type: ignore[arg-type]  # noqa: S701 - text/plain
    return html.get_template("mail.html.j2"), text.get_template("mail.txt.j2")
