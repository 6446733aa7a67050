"""How does a letter become the bytes of a text and an HTML part without asking Jinja each time?

The templates are laid out once for each form of a letter (language, how many paragraphs and facts, with or without
alert, quote and list), with marks where its words go. What stands between the marks is encoded then and never again.
A letter is laid in line by line: cleaned, escaped (HTML), quoted-printable, and short lines are remembered, because
labels and headings come again and again. Words are never looked through for marks, so nobody can write one.

A new field of `Letter` needs a line in the templates, a mark in `_marked` and its words in `_words`; a new kind of
mail needs nothing here.
"""

from __future__ import annotations

import re
from binascii import b2a_qp
from collections.abc import Callable, Mapping, Sequence
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
#: A mark is a name between two characters of the private use area; `own` marks the recipient's own lines.
_MARK = re.compile("\ue000([a-z0-9_]+)\ue001")
_OWN = "own"
#: Longer words are hardly ever the same twice.
_REMEMBERED = 160

Encode = Callable[[str], bytes]


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
    names: tuple[str, ...]
    #: One fewer than pieces in between.


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of a form: encoded lines, lines to be filled in, and None where the recipient's own lines go."""

    rows: tuple[bytes | _Line | None, ...]


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
    quoted = {**words, "quote": words["quote"].replace("\n", "\n> ")}
    return Sheet(letter.subject, _filled(text, quoted, _text_line), _filled(html, words, _html_line))


def quoted_printable(text: str) -> bytes:
    """Whole lines in quoted-printable; readable in the raw mail. A last line without an end gets one."""
    if not text.endswith("\n"):
        text += "\n"
    # Soft line breaks take the form of the first line end that is found, hence CR LF before encoding.
    return b2a_qp(text.replace("\r\n", "\n").replace("\n", "\r\n").encode("utf-8", "replace"), istext=True)


def clean(text: str) -> str:
    """The text without what could harm a reader."""
    return text if text.isascii() and text.isprintable() else HARMFUL.sub("", text)


def _filled(
    part: _Part, words: Mapping[str, str], line_of: Callable[[_Line, tuple[str, ...]], bytes]
) -> tuple[bytes, ...]:
    pieces: list[bytes] = []
    rows: list[bytes] = []
    for row in part.rows:
        if row is None:
            pieces.append(b"".join(rows))
            rows.clear()
        elif isinstance(row, bytes):
            rows.append(row)
        else:
            rows.append(line_of(row, tuple([words[name] for name in row.names])))
    # Whole lines side by side: encoding them apart is encoding them together. A piece is never without a line.
    pieces.append(b"".join(rows) or b"\r\n")
    return tuple(pieces)


def _text_line(line: _Line, words: tuple[str, ...]) -> bytes:
    return (_text_kept if sum(map(len, words)) < _REMEMBERED else _text_encoded)(line, words)


def _html_line(line: _Line, words: tuple[str, ...]) -> bytes:
    return (_html_kept if sum(map(len, words)) < _REMEMBERED else _html_encoded)(line, words)


def _text_encoded(line: _Line, words: tuple[str, ...]) -> bytes:
    return _encoded(line, [clean(word) for word in words])


def _html_encoded(line: _Line, words: tuple[str, ...]) -> bytes:
    return _encoded(line, [str(escape(clean(word))) for word in words])


_text_kept = lru_cache(maxsize=4096)(_text_encoded)
_html_kept = lru_cache(maxsize=4096)(_html_encoded)


def _encoded(line: _Line, words: Sequence[str]) -> bytes:
    parts = [line.between[0]]
    for word, after in zip(words, line.between[1:], strict=True):
        parts += (word, after)
    return quoted_printable("".join(parts))


def _words(letter: Letter) -> dict[str, str]:
    """The words of a letter by the names of their marks."""
    words = {
        "subject": letter.subject,
        "preheader": letter.preheader,
        "heading": letter.heading,
        "alert": letter.alert or "",
        "quote": letter.quote or "",
        "list_title": letter.list_title,
        "button": letter.button,
    }
    for number, paragraph in enumerate(letter.paragraphs):
        words[f"paragraph_{number}"] = paragraph
    for number, (label, value) in enumerate(letter.facts):
        words[f"label_{number}"], words[f"value_{number}"] = label, value
    return words


@lru_cache(maxsize=1024)
def _parts(form: Form) -> tuple[_Part, _Part]:
    """The text and the HTML part of a form, laid out once."""
    values = {"letter": _marked(form), "slot": _mark(_OWN), "has_items": form.items}
    html, text = _templates()
    return _cut(text.render(values)), _cut(html.render(values, language=form.language))


def _marked(form: Form) -> Letter:
    """A letter of that form whose words are marks."""
    return Letter(
        subject=_mark("subject"),
        preheader=_mark("preheader"),
        heading=_mark("heading"),
        alert=_mark("alert") if form.alert else None,
        paragraphs=tuple(_mark(f"paragraph_{number}") for number in range(form.paragraphs)),
        facts=tuple((_mark(f"label_{number}"), _mark(f"value_{number}")) for number in range(form.facts)),
        quote=_mark("quote") if form.quote else None,
        list_title=_mark("list_title"),
        button=_mark("button"),
    )


def _mark(name: str) -> str:
    return f"\ue000{name}\ue001"


def _cut(laid_out: str) -> _Part:
    """The rows of a part: neighbouring lines without a mark are one."""
    rows: list[bytes | _Line | None] = []
    fixed: list[str] = []

    def end_fixed() -> None:
        if fixed:
            rows.append(quoted_printable("".join(fixed)))
            fixed.clear()

    for line in laid_out.splitlines(keepends=True):
        between = _MARK.split(line)
        names = tuple(between[1::2])
        if not names:
            fixed.append(line)
            continue
        end_fixed()
        rows.append(None if names == (_OWN,) else _Line(tuple(between[::2]), names))
    end_fixed()
    return _Part(tuple(rows))


@cache
def _templates() -> tuple[Template, Template]:
    loader = PackageLoader("services.notifier")
    options = {"loader": loader, "trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined}
    html = Environment(autoescape=True, keep_trailing_newline=True, **options)  # type: ignore[arg-type]  # mixed options
    text = Environment(autoescape=False, keep_trailing_newline=True, **options)  # type: ignore[arg-type]  # noqa: S701 - text/plain
    return html.get_template("mail.html.j2"), text.get_template("mail.txt.j2")
