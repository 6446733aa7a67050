"""Which partners does somebody find who looks for one? What is looked for and what is found, whoever does it.

A search is read as an RFI of its words is: the same terms, weights, places and pasts, so that the best of a search are
those that the exchange would ask. What a customer's pick gets past is no bar here (capacity); size and pause are.
Filters hold among all profiles; counts are of the best `COUNTED` that pass them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import nsmallest

from services.core.codes import Channel, CompanySize
from services.core.partner import RoutableProfile
from services.core.rfi import Chosen, Consent, Customer, Need, Person, Place, Rfi
from services.matching.asked import industry_key
from services.matching.keywords import language_of, phrase, primary_tag, segments
from services.matching.market import Offer
from services.matching.spelling import meant
from services.matching.synonyms import known

#: Partners that are looked at for the counts.
COUNTED = 300
#: Values of one kind that are counted for display.
VALUES = 12

#: Where the concepts stand that say for whom somebody works.
_INDUSTRIES = "industries.yaml"
_PARTS = re.compile(r"[,;\n]")
_NOBODY = Person(first_name="", last_name="", email="")
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What somebody looks for. Texts as written; empty words find everybody who serves the place."""

    words: str = ""
    place: Place
    language: str = "en"
    #: Of the words.
    size: CompanySize | None = None
    industries: tuple[str, ...] = ()
    #: Filter: those with one of these.
    offers: tuple[str, ...] = ()
    #: Filter: those with one of these products or services.
    speaks: str | None = None
    #: Filter: those who work in this language.
    limit: int = 20
    #: Partners wanted, at most COUNTED.

    @property
    def tag(self) -> str:
        """The primary tag of the language that partners should work in."""
        return primary_tag(self.speaks or self.language)

    def passed_by(self, offer: Offer) -> bool:
        """Whether a profile passes the filters, read by the plain matcher."""
        industries, offered = self.industry_keys(), self.offer_keys()
        return (
            (not self.industries or not industries.isdisjoint(offer.industries))
            and (not self.offers or not offered.isdisjoint(offer.phrases[language_of(self.language)]))
            and (not self.speaks or not offer.speaks or self.tag in offer.speaks)
        )

    def industry_keys(self) -> set[str]:
        """The filter on industries, for comparing."""
        return {industry_key(text) for text in self.industries} - {""}

    def offer_keys(self) -> set[str]:
        """The filter on products and services, for comparing."""
        return {phrase(text, language_of(self.language)) for text in self.offers} - {""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One partner that was found, through its best profile."""

    chosen: Chosen
    #: As if it had been asked: score, reasons, the nearest office.
    profile: RoutableProfile
    response: timedelta | None = None
    #: Median time to its first answer; None when it has never answered.


@dataclass(frozen=True, slots=True)
class Count:
    """How many of those counted have a value, written as one of them writes it."""

    value: str
    partners: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What was found, the best first."""

    hits: tuple[Hit, ...]
    counted: int
    #: Partners that pass the filters, at most COUNTED.
    more: bool
    #: True if there are more than were counted.
    industries: tuple[Count, ...] = ()
    products: tuple[Count, ...] = ()
    services: tuple[Count, ...] = ()
    languages: tuple[Count, ...] = ()
    #: Primary language tags.
    sizes: tuple[Count, ...] = ()
    #: Company sizes that the partners want.


def as_rfi(search: Search) -> Rfi:
    """The RFI that a search is read as; the same search is the same RFI, so that equals keep their order."""
    parts = tuple(part for text in _PARTS.split(search.words) if (part := " ".join(text.split())))
    language = language_of(search.language)
    need = Need(
        title=search.words,
        description="",
        place=search.place,
        # An industry says for whom; in a text of somebody's need it is a word like any other, here it is looked up.
        industries=tuple(_industries(search.words, language)),
        # Named outright only what is probably a typing error: those are guessed at.
        keywords=tuple(part for part in parts if meant(part)),
    )
    place = "|".join(part or "" for part in (search.place.country, search.place.subdivision, search.place.city))
    return Rfi(
        id=f"search|{search.words}|{place}",
        source="search",
        publisher_id="search",
        channel=Channel.SEARCH,
        language=search.language,
        customer=Customer(company="", place=search.place, contact=_NOBODY, size=search.size),
        need=need,
        consent=Consent(contact=False, share=False),
        submitted_at=_NO_TIME,
        accepted_at=_NO_TIME,
        content_hash="",
        max_partners=COUNTED + 1,
    )


def _industries(words: str, language: str) -> Iterable[str]:
    for name in dict.fromkeys(stem for run in segments(words, language) for stem in run):
        concept = known().get(name)
        if concept is not None and concept.file == _INDUSTRIES:
            yield concept.labels[language][0]


def result_of(
    search: Search,
    ranked: Sequence[tuple[int, float]],
    *,
    profile_of: Callable[[int], RoutableProfile],
    choose: Callable[[int, float], Chosen],
    response_of: Callable[[str], timedelta | None],
) -> SearchResult:
    """What to tell of a ranking.

    Args:
        search: what was looked for.
        ranked: numbers of profiles and scores, the best first, one for each partner, at most COUNTED + 1.
        profile_of: the profile of a number.
        choose: score and reasons of a profile.
        response_of: the response time of a profile id.
    """
    counted = [profile_of(number) for number, _ in ranked[:COUNTED]]
    hits = [
        Hit(chosen=choose(number, score), profile=profile_of(number), response=response_of(profile_of(number).id))
        for number, score in ranked[: min(search.limit, COUNTED)]
    ]
    products, services = _offers(counted, language_of(search.language))
    return SearchResult(
        hits=tuple(hits),
        counted=len(counted),
        more=len(ranked) > COUNTED,
        industries=_top((profile.industries for profile in counted), industry_key),
        products=products,
        services=services,
        languages=_top(({primary_tag(tag) for tag in profile.languages} for profile in counted), str),
        sizes=tuple(_sizes(counted)),
    )


def _top(texts: Iterable[Iterable[str]], key_of: Callable[[str], str]) -> tuple[Count, ...]:
    """The most frequent values; each counts once for a profile, and is written as the best profile writes it."""
    counts, words = Counter[str](), dict[str, str]()
    for each in texts:
        named = {key: text for text in each if (key := key_of(text))}
        counts.update(list(named))
        for key, text in named.items():
            if key not in words:
                words[key] = text
    first = nsmallest(VALUES, counts, key=lambda key: (-counts[key], words[key]))
    return tuple(Count(words[key], counts[key]) for key in first)


def _offers(profiles: Sequence[RoutableProfile], language: str) -> tuple[tuple[Count, ...], tuple[Count, ...]]:
    """Counts of products, and of services; a filter by one also finds those who name it otherwise."""

    def key_of(text: str) -> str:
        return phrase(text, language)

    return _top((p.products for p in profiles), key_of), _top((p.services for p in profiles), key_of)


def _sizes(profiles: Sequence[RoutableProfile]) -> Iterable[Count]:
    wanted = Counter(size for profile in profiles for size in set(profile.sizes))
    any_size = sum(not profile.sizes for profile in profiles)
    for size in CompanySize:
        if number := wanted[size] + any_size:
            yield Count(size.value, number)
