"""Which partners does an RFI go to, in networks of millions? The matcher over the compiled index.

Decides as `ReferenceMatcher` does, to the last tie; the tests hold both beside each other. Words and places become
numbers here, one call answers a whole batch, and reasons are found only for those who are named in a routing.

Pauses and capacities are flags in the index. A pause is set and taken away as its end passes by. Who is full is found
out when it would be chosen: then it is flagged, and that one request is asked again. Each `match` begins with a look at
those who were full.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from services.core.partner import RoutableProfile
from services.core.rfi import Chosen, Rfi, Routing, Skipped
from services.core.rules import DEFAULT_RULES, Rules
from services.core.standing import Standing
from services.core.stored import StoredProfiles
from services.matching.answers import Found, found_in
from services.matching.choosing import NEAR_MISSES, OpenCount, chosen_of, exclusion, is_full, skipped, why_nobody
from services.matching.explain import Explainer, named_in
from services.matching.explanation import Explanation
from services.matching.finding import find
from services.matching.holdings import Holdings
from services.matching.index.layout import FULL
from services.matching.market import GRAINS
from services.matching.matcher import CapacityView
from services.matching.pages import Pages
from services.matching.picks import pick
from services.matching.ranking import ONE, TOO_FAR, Ranking, fit_of
from services.matching.reading import Reading, read_for
from services.matching.regions import ParentOf, flat, verdict
from services.matching.searching import Search, SearchResult, as_rfi, result_of
from services.matching.telling import Telling
from services.matching.weights import weights_of

_SIZE, _PAUSE, _LOAD = "size_excluded", "paused", "at_capacity"
#: Codes by the bits of `Hits.seen`.
_WHY = {1: _SIZE, 2: _PAUSE, 4: _LOAD, 8: TOO_FAR}


class IndexedMatcher:
    """Port `Matcher` over `ProfileIndex`.

    Args:
        capacity: open referrals of each profile.
        parent_of: which subdivision lies in which.
        rules: by which numbers it ranks.
    """

    def __init__(self, capacity: CapacityView, parent_of: ParentOf = flat, rules: Rules = DEFAULT_RULES) -> None:
        self._capacity, self._parent_of = capacity, parent_of
        self._weights = weights_of(rules)
        self._held = Holdings(parent_of, self._weights)
        self._pages = Pages(self._held)
        self._full: set[int] = set()

    def put(self, profile: RoutableProfile) -> bool:
        """Take in a version of a profile: the highest one holds."""
        return self._held.put(profile)

    def put_all(self, profiles: Sequence[RoutableProfile]) -> int:
        """Take in many profiles; returns how many of them were new or newer."""
        return self._held.put_all(profiles)

    def put_stored(self, page: StoredProfiles) -> int:
        """Take in profiles as they are stored; returns how many can be read, and are new or newer."""
        return self._pages.put(page)

    def settle(self) -> None:
        """Many have been taken in: do now what the first match would have to wait for."""
        self._pages.forget()
        self._held.network.settle()

    def take_rules(self, rules: Rules) -> None:
        """Rank by these rules; only before the first profile."""
        if len(self._held):
            raise ValueError("profiles were read by other rules: give a new matcher the new rules")
        self._weights = weights_of(rules)
        self._held = Holdings(self._parent_of, self._weights)
        self._pages = Pages(self._held)

    def learn(self, profile_id: str, standing: Standing) -> bool:
        """Take in what the past has taught about a profile: the highest version holds."""
        return self._held.learn(profile_id, standing)

    def profile(self, profile_id: str) -> RoutableProfile | None:
        """The version that is held."""
        number = self._held.number(profile_id)
        return self._held.profiles[number] if number is not None else None

    def limited(self) -> list[str]:
        """Ids of the profiles that have a capacity."""
        return [self._held.profiles.ids[number] for number in self._held.limited]

    def match(
        self, rfis: Sequence[Rfi], now: datetime, given: Mapping[str, int] | None = None, *, bounded: bool = True
    ) -> list[Routing]:
        """A routing for each RFI, in order."""
        taken: Counter[str] = Counter(given or {})

        def open_count(profile_id: str) -> int:
            return self._capacity.open_count(profile_id) + taken[profile_id]

        self._held.pause(now)
        self._look_at_full(open_count)
        readings = [self._read(self._weights.limited(rfi) if bounded else rfi) for rfi in rfis]
        answers = self._ask(readings)
        routings: list[Routing] = []
        for reading, answer in zip(readings, answers, strict=True):
            routing = self._route(reading, answer, now, open_count)
            taken.update(chosen.profile_id for chosen in routing.chosen)
            routings.append(routing)
        return routings

    def explain(self, rfi: Rfi, partner_id: str | None, now: datetime) -> Explanation:
        """Match once more, and say why. Looks at every profile of the market."""
        rfi = self._weights.limited(rfi)
        (routing,) = self.match([rfi], now)
        reading = self._read(rfi)
        wanted = [partner_id] if partner_id is not None else named_in(routing)
        numbers = [number for each in wanted for number in self._held.of_partner(each)]
        explainer = Explainer(
            rfi=rfi,
            ranking=self._survey(reading, numbers),
            offers=self._held,
            now=now,
            open_count=self._capacity.open_count,
            routing=routing,
        )
        return explainer.explanation(numbers, self._weights.name, of_one=partner_id is not None)

    def search(self, search: Search, now: datetime) -> SearchResult:
        """The partners that somebody finds who looks for one; who is full is found as well."""
        reading = self._read(as_rfi(search), search.tag)
        self._held.pause(now)
        for number in self._full:
            self._held.network.block(number, FULL, on=False)
        try:
            ranked = find(self._held, reading.query, search, self._weights)
        finally:
            for number in self._full:
                self._held.network.block(number, FULL, on=True)
        return result_of(
            search,
            [(number, grains / ONE) for number, grains in ranked],
            profile_of=self._held.profiles.__getitem__,
            choose=lambda number, score: self._chosen(reading, number, score),
            response_of=self._held.response,
        )

    def _look_at_full(self, open_count: OpenCount) -> None:
        for number in [n for n in self._full if not is_full(self._held.profiles[n], open_count)]:
            self._full.discard(number)
            self._held.network.block(number, FULL, on=False)

    def _read(self, rfi: Rfi, tag: str | None = None) -> Reading:
        return read_for(self._held, rfi, self._weights, self._parent_of, tag)

    def _ask(self, readings: Sequence[Reading]) -> list[Found | None]:
        """Ask the index; None for what the customer has picked itself."""
        tags = {tag: row for row, tag in enumerate(dict.fromkeys(reading.tag for reading in readings))}
        asked = [n for n, reading in enumerate(readings) if not reading.rfi.selected_partners]
        found: list[Found | None] = [None] * len(readings)
        if not asked:
            return found
        for n in asked:
            readings[n].query.tongue = tags[readings[n].tag]
        hits = self._held.match([readings[n].query for n in asked], list(tags), reasons=True)
        for n, answer in zip(asked, found_in(hits), strict=True):
            found[n] = answer
        return found

    def _route(self, reading: Reading, found: Found | None, now: datetime, open_count: OpenCount) -> Routing:
        if found is None:
            return self._picked(reading, now)
        while late := [n for n, _ in found.open if is_full(self._held.profiles[n], open_count)]:
            self._full.update(late)
            for number in late:
                self._held.network.block(number, FULL, on=True)
            (again,) = self._ask([reading])
            found = again or found
        chosen = tuple(self._told(reading, found)) if found.open else ()
        near = self._near(reading, found, now, open_count)
        because = None if chosen else self._why_nobody(reading, found)
        return Routing(at=now, chosen=chosen, near_misses=near, no_match_because=because, rules=self._weights.name)

    def _told(self, reading: Reading, found: Found) -> Iterator[Chosen]:
        telling = Telling(reading, self._held, self._parent_of)
        for (number, grains), matched in zip(found.open, found.matched, strict=True):
            yield telling.chosen(number, grains / ONE, matched)

    def _near(self, reading: Reading, found: Found, now: datetime, open_count: OpenCount) -> tuple[Skipped, ...]:
        """The best of those who match but don't get it, then the right offers in the wrong region."""
        size = reading.rfi.customer.size
        known = {self._held.profiles[number].partner_id for number, _ in found.open}
        near: list[Skipped] = []
        for entries, elsewhere in ((found.any, False), (found.outside, True)):
            for number, grains in entries:
                if len(near) == NEAR_MISSES:
                    return tuple(near)
                profile = self._held.profiles[number]
                if profile.partner_id in known:
                    continue
                known.add(profile.partner_id)
                code = "outside_region" if elsewhere else exclusion(profile, size, now, open_count) or "below_cut"
                near.append(skipped(profile, grains / ONE, code))
        return tuple(near)

    def _why_nobody(self, reading: Reading, found: Found) -> str:
        codes = {code for bit, code in _WHY.items() if found.why & bit}
        return why_nobody(anybody_there=self._held.gazetteer.anybody(reading.around), excluded=codes)

    def _picked(self, reading: Reading, now: datetime) -> Routing:
        rfi = reading.rfi
        own = {number for each in rfi.selected_partners for number in self._held.of_partner(each)}
        ranking = self._rank(reading, own)
        numbers, near = pick(rfi, ranking, self._held.of_partner, self._held, now)
        because = None if numbers else "picked_partners_unavailable"
        chosen = tuple(self._chosen(reading, n, ranking.scores.get(n, ranking.fits.get(n, 0)) / ONE) for n in numbers)
        return Routing(at=now, chosen=chosen, near_misses=near, no_match_because=because, rules=self._weights.name)

    def _rank(self, reading: Reading, numbers: Iterable[int]) -> Ranking:
        """These profiles against an RFI, read one by one."""
        area: dict[int, int] = {}
        fits: dict[int, int] = {}
        for number in numbers:
            offer = self._held[number]
            if not (offer.profile.active and offer.profile.locations):
                continue
            country = reading.asked.place[0]
            if not any(place[0] == country for place in offer.serves):
                continue
            if (reached := verdict(offer.serves, reading.asked.place)) is not None:
                spoken = not offer.speaks or reading.tag in offer.speaks
                area[number] = self._weights.reach[reached[0]] + self._weights.language * spoken
            fit = fit_of(offer, reading.asked, reading.wanted)
            if fit is not None and (reading.asked.usable or number in area):
                fits[number] = fit
        return self._ranking(reading, area, fits)

    def _ranking(self, reading: Reading, area: Mapping[int, int], fits: Mapping[int, int]) -> Ranking:
        scores = {number: fit + area[number] * GRAINS for number, fit in fits.items() if number in area}
        return Ranking(asked=reading.asked, tag=reading.tag, wanted=reading.wanted, area=area, fits=fits, scores=scores)

    def _survey(self, reading: Reading, numbers: Iterable[int]) -> Ranking:
        """Everybody who matches, and these besides, against an RFI."""
        own, query = self._rank(reading, numbers), reading.query
        area, fits = dict(own.area), dict(own.fits)
        if query.open:
            for number, grains, points, tongue, adjust in self._held.survey(query, reading.tag).tolist():
                fits[number] = grains + adjust
                if points >= 0:
                    area[number] = points + tongue // GRAINS
        return self._ranking(reading, area, fits)

    def _chosen(self, reading: Reading, number: int, score: float) -> Chosen:
        return chosen_of(reading.rfi, self._held[number], self._ranking(reading, {}, {}), score, self._parent_of)
