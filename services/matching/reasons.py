"""Which reasons explain a choice? Written as data: who shows them finds the words."""

from __future__ import annotations

from collections.abc import Iterable

from services.core.codes import CompanySize
from services.core.partner import Office
from services.core.reasons import ReasonCode, written
from services.matching.asked import Source
from services.matching.distance import Circle, known_of
from services.matching.market import Offer
from services.matching.ranking import Ranking
from services.matching.regions import PlaceKey, Reach, name_of, verdict
from services.matching.terms import Term

#: Terms named in a reason, the heaviest first; a profile with a long history may match dozens.
TERMS_NAMED = 12

#: What a reason is about, by where the RFI names its term.
CODES = {
    Source.KEYWORD: ReasonCode.KEYWORD,
    Source.PRODUCT: ReasonCode.PRODUCT,
    Source.SERVICE: ReasonCode.SERVICE,
    Source.INDUSTRY: ReasonCode.INDUSTRY,
    Source.TITLE: ReasonCode.TITLE,
    Source.PART: ReasonCode.ASKED,
    Source.WIDER: ReasonCode.ASKED,
    Source.DESCRIPTION: ReasonCode.DESCRIPTION,
}


def reasons_of(offer: Offer, ranking: Ranking, size: CompanySize | None) -> tuple[str, ...]:
    """Why a profile fits an RFI: region, each matched term with its weight, language, size."""
    reasons = [region_reason(offer, ranking), *near_reasons(offer.profile.locations, ranking.asked.circle)]
    language = ranking.asked.language
    said = ((term, offered_as(term, offer, language)) for term in ranking.wanted.terms)
    matched = [(term, words) for term, words in said if words is not None]
    # A stable sort: equal weights stay in the order in which they are asked.
    matched.sort(key=lambda pair: -pair[0].weight)
    reasons += [written(CODES[term.source], words or term.words, term.weight) for term, words in matched[:TERMS_NAMED]]
    if len(matched) > TERMS_NAMED:
        reasons.append(written(ReasonCode.MORE, str(len(matched) - TERMS_NAMED)))
    if not ranking.asked.usable:
        reasons.append(written(ReasonCode.NOTHING_NAMED))
    if ranking.tag in offer.speaks:
        reasons.append(written(ReasonCode.LANGUAGE, ranking.tag))
    if offer.profile.sizes:
        reasons.append(written(ReasonCode.SIZE, size.value) if size is not None else written(ReasonCode.SIZE_UNKNOWN))
    return tuple(reasons)


def region_reason(offer: Offer, ranking: Ranking) -> str:
    """The verdict on the region."""
    asked = ranking.asked.place
    found = verdict(offer.serves, asked)
    if found is None:
        served = ", ".join(name_of(place) for place in offer.serves[:5])
        return written(ReasonCode.REGION_OUTSIDE, name_of(asked), detail=served)
    return served_reason(*found, asked)


def near_reasons(offices: Iterable[Office], circle: Circle | None) -> tuple[str, ...]:
    """What there is to say of the distance of who may be asked: nothing unless a circle is asked for.

    How far away it is exactly would tell partners where the work is.
    """
    if circle is None:
        return ()
    known = known_of(offices)
    return (written(ReasonCode.NEAR if known else ReasonCode.DISTANCE_UNKNOWN, str(circle.km)),)


def served_reason(reach: Reach, served: PlaceKey, asked: PlaceKey) -> str:
    """The verdict on the region of who reaches it through this place."""
    if reach is Reach.WITHIN:
        return written(ReasonCode.REGION_PART, name_of(asked), detail=name_of(served))
    wider = "" if served == asked else name_of(served)
    return written(ReasonCode.REGION_SERVED, name_of(asked), detail=wider)


def words_of(term: Term, offer: Offer, language: str) -> str:
    """A term in the partner's own words where it offers it, and where in the RFI it was found."""
    return f"{term.source.label} {offered_as(term, offer, language) or term.words}"


def offered_as(term: Term, offer: Offer, language: str) -> str | None:
    """The partner's own words for a term, None when it doesn't offer it."""
    offered = offer.industries if term.source is Source.INDUSTRY else offer.phrases[language]
    return offered.get(term.key)
