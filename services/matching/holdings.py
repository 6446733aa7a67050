"""What does the compiled matcher hold of each profile, beside the index? The profile, and counts for weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from services.core.codes import CompanySize
from services.core.partner import RoutableProfile
from services.core.standing import Standing
from services.matching.bulk import DECLARED, Columns, Read, columns_of
from services.matching.census import Census
from services.matching.declared import Declared
from services.matching.distance import points_of
from services.matching.index.gathered import ALL_SIZES
from services.matching.index.layout import I64, Hits
from services.matching.index.profiles import ProfileIndex
from services.matching.index.queries import Query, pack
from services.matching.index.rows import Entry
from services.matching.market import Offer, adjusted, learned_of, offer_of
from services.matching.pauses import Pauses
from services.matching.ranking import tie_key
from services.matching.regions import ParentOf
from services.matching.shelf import Shelf
from services.matching.vocabulary import Gazetteer, Tongues, Vocabulary, sign_name
from services.matching.weights import DEFAULT_WEIGHTS, Weights

#: Profiles whose words stay read; winners come again and again.
OFFERS_KEPT = 20_000
_NOTHING: Mapping[int, int] = {}
_SIZES = {size: 1 << bit for bit, size in enumerate(CompanySize)}


class Holdings(Sequence[Offer]):
    """Profiles by number. As a sequence: each profile as the matcher reads it."""

    def __init__(self, parent_of: ParentOf, weights: Weights = DEFAULT_WEIGHTS) -> None:
        self._parent_of, self._weights = parent_of, weights
        self.network = ProfileIndex()
        self.vocabulary, self.gazetteer, self.tongues = Vocabulary(), Gazetteer(weights), Tongues()
        self.census = Census(self.vocabulary)
        self.declared = Declared(self.vocabulary, self.gazetteer, parent_of)
        self.profiles = Shelf()
        self.limited: dict[int, None] = {}
        self._standings: dict[str, Standing] = {}
        self.pauses = Pauses(self.network.pause)
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
        return self.profiles.number(profile_id)

    def partner(self, partner_id: str) -> int | None:
        """The number of a partner, None if the index has nothing of it."""
        return self.profiles.owners.find(partner_id)

    def of_partner(self, partner_id: str) -> list[int]:
        """Numbers of a partner's profiles, in the order of their ids."""
        return self.profiles.owners.of(partner_id)

    def put(self, profile: RoutableProfile) -> bool:
        """Take in a version of a profile; False when this or a higher one was there."""
        number = self.profiles.number(profile.id)
        if number is not None and self.profiles.versions[number] >= profile.version:
            return False
        self._replace(profile)
        return True

    def learn(self, profile_id: str, standing: Standing) -> bool:
        """Take in what the past has taught; False when as much was known."""
        held = self._standings.get(profile_id)
        if held is not None and held.version >= standing.version:
            return False
        number = self.profiles.number(profile_id)
        if number is None:
            self._standings[profile_id] = standing
            return True
        self._leave(number)
        self._standings[profile_id] = standing
        self._enter(number)
        return True

    def put_all(self, profiles: Iterable[RoutableProfile]) -> int:
        """Take many in; returns how many were new or newer than what was there."""
        batch: list[Read] = []
        taken = 0
        for profile in profiles:
            if self.profiles.number(profile.id) is not None:
                # It may be one of the batch, in an older version.
                self._put_down(batch)
                batch = []
                taken += self.put(profile)
            else:
                self._hold(profile, batch)
                taken += 1
        self._put_down(batch)
        return taken

    def _hold(self, profile: RoutableProfile, batch: list[Read]) -> None:
        """Hold a profile that is new here; to the index it goes with its batch."""
        number = self.profiles.append(profile)
        if profile.capacity is not None:
            self.limited[number] = None
        if not (profile.active and profile.locations):
            return
        if points := points_of(profile.locations):
            self.network.place(number, points)
        learned, adjust = self.learned(profile.id)
        batch.append(
            Read(
                number,
                profile.id,
                self.profiles.owners.number(profile.partner_id),
                self.declared.regions(profile),
                self.declared.terms(profile),
                learned,
                _bits_of(profile.sizes),
                self.tongues.number(profile.languages),
                adjust,
            )
        )
        if profile.paused_until is not None:
            self.pauses.add(profile.paused_until, number)

    def _put_down(self, batch: Sequence[Read]) -> None:
        if batch:
            self.put_down(columns_of(batch))

    def put_down(self, columns: Columns) -> None:
        """Count and index profiles that are new here."""
        self.gazetteer.count(columns.served.tolist(), 1)
        self.census.note(columns.markets, columns.learners, columns.terms)
        self.network.put_all(columns.numbers, columns.profiles)

    def _replace(self, profile: RoutableProfile) -> None:
        number = self.profiles.number(profile.id)
        if number is None:
            number = self.profiles.append(profile)
        else:
            self._leave(number)
            self.profiles.replace(number, profile)
        self._enter(number)

    def _enter(self, number: int) -> None:
        profile = self.profiles[number]
        if profile.capacity is not None:
            self.limited[number] = None
        # Nobody can be told of a referral without a location.
        if not (profile.active and profile.locations):
            return
        places, terms = self.declared.regions(profile), self._terms(profile)
        learned, adjust = self.learned(profile.id)
        self._count(places, terms, learned, 1)
        if profile.paused_until is not None:
            self.pauses.add(profile.paused_until, number)
        self.network.put(number, self._entry(profile, places, terms, learned, adjust))
        self.network.place(number, points_of(profile.locations))

    def _leave(self, number: int) -> None:
        profile = self.profiles[number]
        self.limited.pop(number, None)
        if not (profile.active and profile.locations):
            return
        learned, _ = self.learned(profile.id)
        self._count(self.declared.regions(profile), self._terms(profile), learned, -1)
        if profile.paused_until is not None:
            self.pauses.drop(profile.paused_until, number)
        self.network.remove(number)

    def _terms(self, profile: RoutableProfile) -> set[int]:
        """Numbers of all that a profile declares."""
        return set(memoryview(self.declared.terms(profile)).cast("I"))

    def learned(self, profile_id: str) -> tuple[dict[int, int], int]:
        """Learned signs by their numbers with their weights, and the grains for the past."""
        standing = self._standings.get(profile_id)
        if standing is None:
            return {}, 0
        intern = self.vocabulary.intern
        learned = {intern(sign_name(key)): weight for key, weight in learned_of(standing).items()}
        return learned, adjusted(standing, self._weights)

    def learned_by(self, profile_ids: Sequence[str]) -> tuple[list[Mapping[int, int]], I64]:
        """The same of many, by their ids."""
        signs: list[Mapping[int, int]] = [_NOTHING] * len(profile_ids)
        adjust = np.zeros(len(profile_ids), np.int64)
        if self._standings:
            for place in [n for n, id_ in enumerate(profile_ids) if id_ in self._standings]:
                signs[place], adjust[place] = self.learned(profile_ids[place])
        return signs, adjust

    def _count(self, places: Mapping[int, int], terms: set[int], learned: Mapping[int, int], by: int) -> None:
        counted = [*terms, *(number for number, weight in learned.items() if weight > 0)]
        self.census.count(set(places.values()), counted, learner=bool(learned), by=by)
        self.gazetteer.count(places.keys(), by)

    def _entry(
        self,
        profile: RoutableProfile,
        places: Mapping[int, int],
        declared: set[int],
        learned: Mapping[int, int],
        adjust: int,
    ) -> Entry:
        terms = sorted(declared | learned.keys()) if learned else sorted(declared)
        return Entry(
            partner=self.profiles.owners.number(profile.partner_id),
            regions=[*places, *set(places.values())],
            terms=terms,
            weights=[learned.get(term, DECLARED) for term in terms] if learned else [DECLARED] * len(terms),
            sizes=_bits_of(profile.sizes),
            speaks=self.tongues.number(profile.languages),
            adjust=adjust,
            tie=tie_key(profile.id),
        )

    def match(self, queries: Sequence[Query], tags: Sequence[str], *, reasons: bool = False) -> Hits:
        """Ask the index; `tags` are the languages that the queries name by their places in it."""
        return self.network.match(pack(queries, np.array(self.tongues.table(tags), np.uint8)), reasons=reasons)

    def survey(self, query: Query, tag: str) -> I64:
        """Everybody of a market who matches; see `ProfileIndex.survey`."""
        return self.network.survey(pack([query], np.array(self.tongues.table([tag]), np.uint8)), 0)

    def pause(self, now: datetime) -> None:
        """Flag who is paused at this instant, and nobody else. An instant may lie before the last one."""
        self.pauses.turn(now)


def _bits_of(sizes: tuple[CompanySize, ...]) -> int:
    """The sizes that a profile wants, as bits; all of them when it names none."""
    bits = 0
    for size in sizes:
        bits |= _SIZES[size]
    return bits or ALL_SIZES
