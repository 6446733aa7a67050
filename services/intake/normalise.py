"""How are a publisher's texts brought into one form, so that equal things compare equal?

Texts people read keep their wording (NFC, trimmed, white space collapsed); folded forms are for comparing only.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import orjson

#: Windows-1252 read as Latin-1 leaves its quotation marks and dashes as control characters; browsers read them so, too.
_WINDOWS = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xA0)}
#: Control characters but tab, line feed and carriage return (which count as white space) and what Windows-1252 gives
#: a meaning; what turns the writing direction around unseen; and code points that are no characters at all.
_FORBIDDEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x81\x8d\x8f\x90\x9d"
    r"\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]"
)
_C1 = re.compile(r"[\x80-\x9f]")
_BLANK_LINES = re.compile(r"\n{3,}")
_NOT_WORD = re.compile(r"[^\w]+")


def has_forbidden(text: str) -> bool:
    """Whether the text holds characters that no publisher means to send and that could deceive a reader or a log."""
    # Printable texts, nearly all of them, are told apart in C; only the others are looked at closely.
    return not text.isprintable() and _FORBIDDEN.search(text) is not None


def one_line(text: str) -> str:
    """NFC, trimmed, every run of white space one space, stray Windows-1252 as what it was meant to be."""
    return " ".join(_nfc(text).split())


def paragraphs(text: str) -> str:
    """As `one_line`, but line breaks stay, with at most one empty line between paragraphs."""
    if "\n" not in text and "\r" not in text:
        return one_line(text)
    lines = (" ".join(line.split()) for line in _nfc(text).replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip("\n")


def fold(text: str) -> str:
    """The text for comparing: NFKC, case folded, without marks, white space collapsed (`España` is `espana`)."""
    if text.isascii():
        return " ".join(text.lower().split())
    plain = unicodedata.normalize("NFKC", text).casefold()
    bare = "".join(c for c in unicodedata.normalize("NFD", plain) if not unicodedata.combining(c))
    return " ".join(unicodedata.normalize("NFC", bare).split())


def fold_name(text: str) -> str:
    """A name for comparing: folded, and punctuation does not matter (`St. Kitts & Nevis` is `st kitts nevis`)."""
    return _NOT_WORD.sub(" ", fold(text)).strip()


def terms(texts: Iterable[str]) -> tuple[str, ...]:
    """Terms in their first spelling, each once: those that fold to the same are the same."""
    kept: dict[str, str] = {}
    for text in texts:
        line, folded = _term(text)
        if line:
            kept.setdefault(folded, line)
    return tuple(kept.values())


@lru_cache(maxsize=65_536)
def _term(text: str) -> tuple[str, str]:
    line = one_line(text)
    return line, fold(line)


def content_hash(data: object) -> str:
    """The SHA-256 of parsed JSON in canonical form, so that white space and the order of keys do not matter."""
    return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _nfc(text: str) -> str:
    if text.isascii():
        return text
    # Translating is slow and hardly ever needed; printable texts have nothing to translate.
    if not text.isprintable() and _C1.search(text):
        text = text.translate(_WINDOWS)
    return unicodedata.normalize("NFC", text)
