"""How is a text cut into stems? Fold, cut into words, leave out stop words, stem; nothing yet of what words mean."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache
from typing import Any

import snowballstemmer

from services.matching.stopwords import STOP_WORDS, WEAK_WORDS

LANGUAGES = ("en", "es")

_ALGORITHMS = {"en": "english", "es": "spanish"}
#: Words (`c++`, `c#` too), and what ends a phrase. A dot within a word (`node.js`) only parts it.
_PIECE = re.compile(r"([^\W_]+[+#]*)|([,;!?()\[\]{}|\n\u2022]|[.:](?=\s|$))")

#: Runs of stems that stand next to each other, with nothing between them that ends a phrase.
Segments = tuple[tuple[str, ...], ...]
#: Words, and in the second place what ends a phrase; one of both is empty.
Pieces = list[tuple[str, str]]


def primary_tag(tag: str) -> str:
    """The language of a tag without its region: `es` of `es-MX`."""
    return tag.replace("_", "-").partition("-")[0].lower()


def language_of(tag: str) -> str:
    """The language to stem a text in, from its tag (`es-MX` is es); languages without a stemmer of ours count as en."""
    primary = primary_tag(tag)
    return primary if primary in LANGUAGES else LANGUAGES[0]


def fold(text: str) -> str:
    """The text for comparing: NFKC, case folded, without marks (`Málaga` is `malaga`)."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


@lru_cache(maxsize=100_000)
def stem(word: str, language: str) -> str:
    """The stem of a folded word."""
    if language == "es" and word.endswith(("cion", "sion")):
        # The stemmer knows this ending by its accent, which folding took: `instalacion`, `instalaciones` are one.
        word = f"{word[:-2]}ón"
    return fold(str(_stemmer(language).stemWord(word)))


@cache
def _stemmer(language: str) -> Any:
    return snowballstemmer.stemmer(_ALGORITHMS[language])


@cache
def weak_stems(language: str) -> frozenset[str]:
    """Stems that are no term when they stand alone in a free text."""
    return frozenset(stem(word, language) for word in WEAK_WORDS[language])


def stem_runs(text: str, language: str) -> Segments:
    """The stems of a text in runs; a phrase never reaches from one run into the next."""
    return runs_of(cut(text), language)


def cut(text: str) -> Pieces:
    """The words of a text, and what ends a phrase: the same in every language."""
    return _PIECE.findall(fold(text))


def runs_of(pieces: Pieces, language: str) -> Segments:
    """The stems of a text that was cut, in runs."""
    stop = STOP_WORDS[language]
    runs: list[tuple[str, ...]] = []
    run: list[str] = []
    for word, end in pieces:
        if end:
            if run:
                runs.append(tuple(run))
                run = []
        elif word not in stop:
            run.append(stem(word, language))
    if run:
        runs.append(tuple(run))
    return tuple(runs)
