"""Which words do mails use? The shared ones, and a catalogue of their own under locale/."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from services.wording import words
from services.wording.words import SOURCE_LANGUAGE, Catalogue, Words, _

__all__ = ["MAILS", "SOURCE_LANGUAGE", "Words", "_", "languages", "words_of"]

MAILS = Catalogue(Path(__file__).with_name("locale"), "mails")


def languages() -> frozenset[str]:
    """The languages that mails are written in."""
    return words.languages(MAILS)


# For each mail several times, and a catalogue's path takes a while to compare.
@lru_cache(maxsize=256)
def words_of(language: str) -> Words:
    """The words of a language, of its base language (`es` for `es-MX`), or English."""
    return words.words_of(language, MAILS)
