"""What does an RFI ask for, in terms that can be looked up? What it says itself; the market says who offers it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from typing import TypedDict

from services.core.rfi import Need, Rfi
from services.matching.classification import code_of
from services.matching.distance import Circle, circle_of
from services.matching.keywords import LANGUAGES, Segments, fold, language_of, named, phrase, segments, weak_stems
from services.matching.regions import ParentOf, PlaceKey, flat, key_of
from services.matching.spelling import meant
from services.matching.synonyms import known, near_keys, of_code, words_of_key


class Source(Enum):
    """Where in an RFI a term was found; the number is the share of its weight that it earns there."""

    KEYWORD = "keyword", 1.0
    PRODUCT = "product", 0.8
    SERVICE = "service", 0.8
    INDUSTRY = "industry", 0.6
    TITLE = "in the title", 0.5
    PART = "in what was asked", 0.5
    #: A phrase within an asked keyword, product or service.
    WIDER = "wider than what was asked", 0.4
    DESCRIPTION = "in the description", 0.25

    def __init__(self, label: str, share: float) -> None:
        self.label, self.share = label, share


@dataclass(frozen=True, slots=True)
class Said:
    """A term that the RFI names outright: its stems, its words, where."""

    key: str
    words: str
    source: Source


@dataclass(frozen=True, slots=True)
class Demand:
    """What a partner must offer to be asked, or must not: one of these phrases or industries."""

    words: str
    phrases: frozenset[str]
    industries: frozenset[str]

    def met(self, phrases: AbstractSet[str], industries: AbstractSet[str]) -> bool:
        """Whether who offers these may be asked."""
        return not (self.phrases.isdisjoint(phrases) and self.industries.isdisjoint(industries))


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
    demands: tuple[Demand, ...] = ()
    #: Who does not meet each of them is not asked,
    unwanted: tuple[Demand, ...] = ()
    #: nor who meets one of these,
    excluded: frozenset[str] = frozenset()
    #: nor these partners (ids),
    circle: Circle | None = None
    #: nor whose known offices all lie outside.

    @property
    def selective(self) -> bool:
        """Whether anybody is kept out who would match."""
        return bool(self.demands or self.unwanted or self.excluded or self.circle)


def industry_key(text: str) -> str:
    """An industry for comparing: its concept, in whichever language it was named, else its code or name."""
    named = {phrase(text, language) for language in LANGUAGES} & known().keys()
    return min(named) if named else " ".join(fold(text).split())


def read(rfi: Rfi, parent_of: ParentOf = flat) -> Asked:
    """What an RFI asks for."""
    need, language = rfi.need, language_of(rfi.language)
    offers = _said(need, language)
    industries = tuple(Said(key, i, Source.INDUSTRY) for i in need.industries if (key := industry_key(i)))
    asked_for = (text for text in (*need.asked_keywords, *need.products, *need.services) if code_of(text) is None)
    parts = tuple(run for text in asked_for for run in named(text, language))
    title = segments(need.title, language)
    texts = (
        (Source.TITLE, title),
        (Source.PART, parts),
        (Source.WIDER, (*_wider(offers, (*title, *parts)), *_guesses(need))),
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
        # A customer's own pick gets past everything that is only about fit.
        **(_Bars() if rfi.selected_partners else _bars(rfi, language)),
    )


def _said(need: Need, language: str) -> tuple[Said, ...]:
    found: dict[str, Said] = {}
    for source, words in (
        (Source.KEYWORD, need.asked_keywords),
        (Source.PRODUCT, need.products),
        (Source.SERVICE, need.services),
    ):
        for text in words:
            if (code := code_of(text)) is not None:
                concept = of_code(code)
                if concept is not None:
                    found.setdefault(concept, Said(concept, words_of_key(concept), source))
            elif key := phrase(text, language):
                found.setdefault(key, Said(key, text, source))
    return tuple(found.values())


class _Bars(TypedDict, total=False):
    demands: tuple[Demand, ...]
    unwanted: tuple[Demand, ...]
    excluded: frozenset[str]
    circle: Circle | None


def _bars(rfi: Rfi, language: str) -> _Bars:
    """What keeps partners out, however well they fit."""
    need = rfi.need
    return {
        "demands": tuple(_demands((*((text,) for text in need.must_offer), need.must_offer_one_of), language)),
        "unwanted": tuple(_demands(((text,) for text in need.must_not_offer), language)),
        "excluded": frozenset(rfi.excluded_partners),
        "circle": circle_of(need),
    }


def _demands(groups: Iterable[Sequence[str]], language: str) -> Iterator[Demand]:
    for texts in groups:
        # What says nothing that could be compared ("the") demands nothing.
        said = [text for text in texts if phrase(text, language)]
        if said:
            codes = (of_code(code) for text in said if (code := code_of(text)) is not None)
            phrases = {*(phrase(text, language) for text in said), *(code for code in codes if code is not None)}
            yield Demand(" / ".join(said), frozenset(phrases), frozenset(map(industry_key, said)))


def _guesses(need: Need) -> Segments:
    """What was probably meant by what was named with a typing error."""
    guesses = (meant(text) for text in (*need.asked_keywords, *need.products, *need.services))
    return tuple((guess,) for guess in dict.fromkeys(guesses) if guess is not None)


def _wider(offers: tuple[Said, ...], runs: Segments) -> Segments:
    """What the asked things lie within, each as a run of its own."""
    keys = dict.fromkeys((*(said.key for said in offers), *(stem for run in runs for stem in run)))
    return tuple((near,) for near in dict.fromkeys(near for key in keys for near in near_keys(key)))
