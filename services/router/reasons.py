"""Which words explain a choice to a person?"""

from __future__ import annotations

from services.core.codes import CompanySize
from services.router.asked import Source
from services.router.market import Offer, Term
from services.router.ranking import Ranking
from services.router.regions import Reach, name_of, verdict

#: Terms named in a reason, the heaviest first; a profile with a long history may match dozens.
TERMS_NAMED = 12


def reasons_of(offer: Offer, number: int, ranking: Ranking, size: CompanySize | None) -> tuple[str, ...]:
    """Why a profile fits an RFI: region, each matched term with its weight, language, size."""
    reasons = [region_words(offer, ranking)]
    matched = [term for term in ranking.terms if number in term.offered_by]
    # A stable sort: equal weights stay in the order in which they are asked.
    matched.sort(key=lambda term: -term.weight)
    language = ranking.asked.language
    reasons += [f"{words_of(term, offer, language)}: weight {term.weight:.2f}" for term in matched[:TERMS_NAMED]]
    if len(matched) > TERMS_NAMED:
        reasons.append(f"and {len(matched) - TERMS_NAMED} more terms")
    if not ranking.asked.usable:
        reasons.append("the request names nothing that could be compared: matched by region and size alone")
    if ranking.tag in offer.speaks:
        reasons.append(f"language {ranking.tag}: spoken")
    if offer.profile.sizes:
        reasons.append(f"size {size.value}: wanted" if size is not None else "size: not known, so not compared")
    return tuple(reasons)


def region_words(offer: Offer, ranking: Ranking) -> str:
    """The verdict on the region, in words."""
    asked = ranking.asked.place
    found = verdict(offer.serves, asked)
    if found is None:
        served = ", ".join(name_of(place) for place in offer.serves[:5])
        return f"region {name_of(asked)}: outside what it serves ({served})"
    reach, served_place = found
    if reach is Reach.WITHIN:
        return f"region {name_of(asked)}: only a part of it is served ({name_of(served_place)}), so this counts less"
    whole = "" if served_place == asked else f", all of {name_of(served_place)} is"
    return f"region {name_of(asked)}: served{whole}"


def words_of(term: Term, offer: Offer, language: str) -> str:
    """A term in the partner's own words where it offers it, and where in the RFI it was found."""
    return f"{term.source.label} {offered_as(term, offer, language) or term.words}"


def offered_as(term: Term, offer: Offer, language: str) -> str | None:
    """The partner's own words for a term, None when it doesn't offer it."""
    offered = offer.industries if term.source is Source.INDUSTRY else offer.phrases[language]
    return offered.get(term.key)
