"""What does the compiled matcher hold of each profile, beside the index? The profile, and counts for weights."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from services.core.codes import CompanySize
from services.core.partner import RoutableProfile
from services.core.standing import Standing
from services.matching.declared import Declared
from services.matching.index.layout import I64, PAUSED, Hits
from services.matching.index.profiles import ProfileIndex
from services.matching.index.queries import Query, pack
from services.matching.index.rows import Entry
from services.matching.market import Offer, adjusted, learned_of, offer_of
from services.matching.ranking import tie_key
from services.matching.regions import ParentOf, PlaceKey
from services.matching.vocabulary import CountryLexicon, Gazetteer, Tongues, Vocabulary, sign_name
from services.matching.weights import DEFAULT_WEIGHTS, Weights

#: Profiles whose words stay read; winners come again and again.
OFFERS_KEPT = 20_000
_SIZES = {size: 1 << bit for bit, size in enumerate(CompanySize)}
_ALL_SIZES = 255
_WHOLE = 100


class Holdings(Sequence[Offer]):
    """Profiles by number. As a sequence: each profile as the matcher reads it."""

    def __init__(self, parent_of: ParentOf, weights: Weights = DEFAULT_WEIGHTS) -> None:
        self._parent_of, self._weights = parent_of, weights
        self.network = ProfileIndex()
        self.vocabulary, self.gazetteer, self.tongues = Vocabulary(), Gazetteer(weights), Tongues()
        self.lexicons: dict[str, CountryLexicon] = {}
        self._declared = Declared(self.vocabulary, parent_of)
        self.profiles: list[RoutableProfile] = []
        self.limited: dict[int, None] = {}
        self._numbers: dict[str, int] = {}
        self._partners: dict[str, int] = {}
        self._of_partner: dict[str, list[int]] = {}
        self._standings: dict[str, Standing] = {}
        self._pauses: list[tuple[datetime, int]] = []
        #: Ends of pauses, ascending; those behind `_paused_from` are flagged.
        self._paused_from = 0
        self._offer = lru_cache(maxsize=OFFERS_KEPT)(self._read)

    def __len__(self) -> int:
        return len(self.profiles)

    def __getitem__(self, number: int) -> Offer:  # type: ignore[override]  # nobody takes slices of it
        profile = self.profiles[number]
        standing = self._standings.get(profile.id)
        return self._offer(number, profile.version, standing.version if standing else 0)

    def _read(self, number: int, _version: int, _standing: int) -> Offer:
        profile = self.profiles[number]
        return offer_of(profile, self._parent_of, self._standings.get(profile.id), self._weights)

    def size_bit(self, size: CompanySize) -> int:
        """The bit of a company size."""
        return _SIZES[size]

    def response(self, profile_id: str) -> timedelta | None:
        """The median time that a profile takes for its first answer, None if that is not known."""
        standing = self._standings.get(profile_id)
        return standing.response if standing else None

    def number(self, profile_id: str) -> int | None:
        """The number of a profile."""
        return self._numbers.get(profile_id)

    def of_partner(self, partner_id: str) -> list[int]:
        """Numbers of a partner's profiles, in the order of their ids."""
        return self._of_partner.get(partner_id, [])

    def put(self, profile: RoutableProfile) -> bool:
        """Take in a version of a profile; False when this or a higher one was there."""
        number = self._numbers.get(profile.id)
        if number is not None and self.profiles[number].version >= profile.version:
            return False
        self._replace(profile)
        return True

    def learn(self, profile_id: str, standing: Standing) -> bool:
        """Take in what the past has taught; False when as much was known."""
        held = self._standings.get(profile_id)
        if held is not None and held.version >= standing.version:
            return False
        number = self._numbers.get(profile_id)
        if number is None:
            self._standings[profile_id] = standing
            return True
        self._leave(number)
        self._standings[profile_id] = standing
        self._enter(number)
        return True

    def _replace(self, profile: RoutableProfile) -> None:
        number = self._numbers.get(profile.id)
        if number is None:
            number = self._numbers[profile.id] = len(self.profiles)
            self.profiles.append(profile)
            insort(self._of_partner.setdefault(profile.partner_id, []), number, key=self._id)
        else:
            self._leave(number)
            old = self.profiles[number]
            self.profiles[number] = profile
            if old.partner_id != profile.partner_id:
                self._of_partner[old.partner_id].remove(number)
                insort(self._of_partner.setdefault(profile.partner_id, []), number, key=self._id)
        self._enter(number)

    def _id(self, number: int) -> str:
        return self.profiles[number].id

    def _enter(self, number: int) -> None:
        profile = self.profiles[number]
        if profile.capacity is not None:
            self.limited[number] = None
        # Nobody can be told of a referral without a location.
        if not (profile.active and profile.locations):
            return
        serves, terms = self._declared.serves(profile), self._declared.terms(profile)
        learned, adjust = self._learned(profile.id)
        self._count(serves, terms, learned, 1)
        if profile.paused_until is not None:
            self._add_pause(profile.paused_until, number)
        self.network.put(number, self._entry(profile, serves, terms, learned, adjust))

    def _leave(self, number: int) -> None:
        profile = self.profiles[number]
        self.limited.pop(number, None)
        if not (profile.active and profile.locations):
            return
        learned, _ = self._learned(profile.id)
        self._count(self._declared.serves(profile), self._declared.terms(profile), learned, -1)
        if profile.paused_until is not None:
            self._drop_pause(profile.paused_until, number)
        self.network.remove(number)

    def _learned(self, profile_id: str) -> tuple[dict[int, int], int]:
        """Learned signs by their numbers with their weights, and the grains for the past."""
        standing = self._standings.get(profile_id)
        if standing is None:
            return {}, 0
        intern = self.vocabulary.intern
        learned = {intern(sign_name(key)): weight for key, weight in learned_of(standing).items()}
        return learned, adjusted(standing, self._weights)

    def _count(self, serves: Sequence[PlaceKey], terms: set[int], learned: Mapping[int, int], by: int) -> None:
        counted = [*terms, *(number for number, weight in learned.items() if weight > 0)] if learned else terms
        for country in {place[0] for place in serves}:
            lexicon = self.lexicons.get(country)
            if lexicon is None:
                lexicon = self.lexicons[country] = CountryLexicon(self.vocabulary)
            lexicon.count(counted, learner=bool(learned), by=by)
        self.gazetteer.count(serves, by)

    def _entry(
        self,
        profile: RoutableProfile,
        serves: Sequence[PlaceKey],
        declared: set[int],
        learned: Mapping[int, int],
        adjust: int,
    ) -> Entry:
        terms = sorted(declared | learned.keys()) if learned else sorted(declared)
        countries = dict.fromkeys(place[0] for place in serves)
        return Entry(
            partner=self._partners.setdefault(profile.partner_id, len(self._partners)),
            regions=[*map(self.gazetteer.intern, serves), *map(self.gazetteer.market, countries)],
            terms=terms,
            weights=[learned.get(term, _WHOLE) for term in terms] if learned else [_WHOLE] * len(terms),
            sizes=sum(_SIZES[size] for size in set(profile.sizes)) or _ALL_SIZES,
            speaks=self.tongues.number(profile.languages),
            adjust=adjust,
            tie=tie_key(profile.id),
        )

    def match(self, queries: Sequence[Query], tags: Sequence[str]) -> Hits:
        """Ask the index; `tags` are the languages that the queries name by their places in it."""
        return self.network.match(pack(queries, np.array(self.tongues.table(tags), np.uint8)))

    def survey(self, query: Query, tag: str) -> I64:
        """Everybody of a market who matches; see `ProfileIndex.survey`."""
        return self.network.survey(pack([query], np.array(self.tongues.table([tag]), np.uint8)), 0)

    def pause(self, now: datetime) -> None:
        """Flag who is paused at this instant, and nobody else. An instant may lie before the last one."""
        until = bisect_right(self._pauses, now, key=_end)
        for _, number in self._pauses[self._paused_from : until]:
            self.network.block(number, PAUSED, on=False)
        for _, number in self._pauses[until : self._paused_from]:
            self.network.block(number, PAUSED, on=True)
        self._paused_from = until

    def _add_pause(self, end: datetime, number: int) -> None:
        at = bisect_right(self._pauses, end, key=_end)
        self._pauses.insert(at, (end, number))
        if at < self._paused_from:
            self._paused_from += 1
        else:
            self.network.rows.reserve(number + 1)
            self.network.block(number, PAUSED, on=True)

    def _drop_pause(self, end: datetime, number: int) -> None:
        at = self._pauses.index((end, number), bisect_left(self._pauses, end, key=_end))
        self._pauses.pop(at)
        if at < self._paused_from:
            self._paused_from -= 1
        else:
            self.network.block(number, PAUSED, on=False)


def _end(pause: tuple[datetime, int]) -> datetime:
    return pause[0]
