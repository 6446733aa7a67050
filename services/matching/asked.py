"""What does an RFI ask for, in terms that can be looked up? What it says itself; the market says who offers it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from services.core.rfi import Need, Rfi
from services.matching.keywords import Segments, fold, language_of, phrase, segments, weak_stems
from services.matching.regions import ParentOf, PlaceKey, flat, key_of


class Source(Enum):
    """Where in an RFI a term was found; the number is the share of its weight that it earns there."""

    KEYWORD = "keyword", 1.0
    PRODUCT = "product", 0.8
    SERVICE = "service", 0.8
    INDUSTRY = "industry", 0.6
    TITLE = "in the title", 0.5
    PART = "in what was asked", 0.5
    #: A phrase within an asked keyword, product or service.
    DESCRIPTION = "in the description", 0.25

    def __init__(self, label: str, share: float) -> None:
        self.label, self.share = label, share


@dataclass(frozen=True, slots=True)
class Said:
    """A term that the RFI names outright: its stems, its words, where."""

    key: str
    words: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """An RFI, read by the matcher."""

    language: str
    place: PlaceKey
    offers: tuple[Said, ...]
    #: Keywords, products and services.
    industries: tuple[Said, ...]
    texts: tuple[tuple[Source, Segments], ...]
    #: Free texts, the most telling first.
    usable: bool
    #: False: there is nothing in it that a partner could offer; region and size alone decide.


def industry_key(text: str) -> str:
    """An industry's code or name for comparing."""
    return " ".join(fold(text).split())


def read(rfi: Rfi, parent_of: ParentOf = flat) -> Asked:
    """What an RFI asks for."""
    need, language = rfi.need, language_of(rfi.language)
    offers = _said(need, language)
    industries = tuple(Said(industry_key(i), i, Source.INDUSTRY) for i in need.industries if industry_key(i))
    named = tuple(run for text in (*need.keywords, *need.products, *need.services) for run in segments(text, language))
    texts = (
        (Source.TITLE, segments(need.title, language)),
        (Source.PART, named),
        (Source.DESCRIPTION, segments(need.description, language)),
    )
    weak = weak_stems(language)
    speaks = any(s not in weak for _, runs in texts for run in runs for s in run)
    return Asked(
        language=language,
        place=key_of(need.place, parent_of),
        offers=offers,
        industries=industries,
        texts=texts,
        usable=bool(offers or industries or speaks),
    )


def _said(need: Need, language: str) -> tuple[Said, ...]:
    found: dict[str, Said] = {}
    for source, words in (
        (Source.KEYWORD, need.keywords),
        (Source.PRODUCT, need.products),
        (Source.SERVICE, need.services),
    ):
        for text in words:
            key = phrase(text, language)
            if key:
                found.setdefault(key, Said(key, text, source))
    return tuple(found.values())
