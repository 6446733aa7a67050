"""What is each partner told that an RFI goes to, said quickly? What is the same for all of them is written once.

Says just what `reasons.reasons_of` says of a profile that was read whole. Here nothing is read: the index has told
which of the terms a profile has, and words, places and languages are remembered from when it was put in.
"""

from __future__ import annotations

from services.core.partner import RoutableProfile
from services.core.reasons import ReasonCode, around, escaped, written
from services.core.rfi import Chosen
from services.matching.asked import Source
from services.matching.holdings import Holdings
from services.matching.index.queries import in_packed_order
from services.matching.reading import Reading
from services.matching.reasons import CODES, TERMS_NAMED, near_reasons
from services.matching.regions import ParentOf, nearest


class Telling:
    """Tells why one RFI goes to a profile.

    Args:
        reading: the RFI.
        held: the profiles.
        parent_of: which subdivision lies in which.
    """

    def __init__(self, reading: Reading, held: Holdings, parent_of: ParentOf) -> None:
        self._held, self._declared, self._parent_of = held, held.declared, parent_of
        self._asked, self._tag = reading.asked, reading.tag
        size = reading.rfi.customer.size
        self._sized = written(ReasonCode.SIZE, size.value) if size is not None else written(ReasonCode.SIZE_UNKNOWN)
        self._spoken = written(ReasonCode.LANGUAGE, reading.tag)
        bits = {number: 1 << place for place, number in enumerate(in_packed_order(reading.query))}
        terms = zip(reading.wanted.terms, reading.numbers, strict=True)
        # A stable sort: equal weights stay in the order in which they are asked.
        heaviest = sorted(((term, number) for term, number in terms if number), key=lambda pair: -pair[0].weight)
        self._terms = [
            (bits[number], number, term.source is Source.INDUSTRY, *around(CODES[term.source], term.weight))
            for term, number in heaviest
        ]

    def chosen(self, number: int, score: float, matched: int) -> Chosen:
        """The profile of a number, with the bits of the terms that it has."""
        profile = self._held.profiles[number]
        return Chosen(
            partner_id=profile.partner_id,
            profile_id=profile.id,
            location_id=nearest(profile.locations, self._asked.place, self._parent_of).id,
            score=score,
            reasons=self._reasons(profile, matched),
        )

    def _reasons(self, profile: RoutableProfile, matched: int) -> tuple[str, ...]:
        reasons = [self._declared.region_reason(profile, self._asked.place)]
        reasons += near_reasons(profile.locations, self._asked.circle)
        named = [term for term in self._terms if term[0] & matched]
        for _, number, industry, before, after in named[:TERMS_NAMED]:
            reasons.append(f"{before}{escaped(self._declared.own_words(profile, number, industry=industry))}{after}")
        if len(named) > TERMS_NAMED:
            reasons.append(written(ReasonCode.MORE, str(len(named) - TERMS_NAMED)))
        if not self._asked.usable:
            reasons.append(written(ReasonCode.NOTHING_NAMED))
        if profile.languages and self._tag in self._held.tongues.spoken(profile.languages):
            reasons.append(self._spoken)
        if profile.sizes:
            reasons.append(self._sized)
        return tuple(reasons)
