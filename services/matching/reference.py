"""Which partners does an RFI go to? The plain matcher: exact, explained, in dicts and sets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from services.core.partner import RoutableProfile
from services.core.rfi import Chosen, Rfi, Routing
from services.core.rules import DEFAULT_RULES, Rules
from services.core.standing import Standing
from services.matching import keywords
from services.matching.asked import read
from services.matching.choosing import OpenCount, chosen_of, exclusion, near_misses, select, unavailable, why_nobody
from services.matching.explain import Explainer, named_in
from services.matching.explanation import Explanation
from services.matching.market import Market, Offer, offer_of
from services.matching.matcher import CapacityView
from services.matching.picks import pick
from services.matching.ranking import TOO_FAR, Ranking, in_order, rank, score_of, tie_break
from services.matching.regions import ParentOf, flat
from services.matching.searching import Search, SearchResult, as_rfi, result_of
from services.matching.weights import weights_of


class ReferenceMatcher:
    """Port `Matcher` over an inverted index for each country.

    Args:
        capacity: open referrals of each profile.
        parent_of: which subdivision lies in which.
        rules: by which numbers it ranks.
    """

    def __init__(self, capacity: CapacityView, parent_of: ParentOf = flat, rules: Rules = DEFAULT_RULES) -> None:
        self._weights = weights_of(rules)
        self._capacity, self._parent_of = capacity, parent_of
        self._numbers: dict[str, int] = {}
        self._offers: list[Offer] = []
        self._markets: dict[str, Market] = {}
        self._partners: dict[str, set[int]] = {}
        self._standings: dict[str, Standing] = {}

    def put(self, profile: RoutableProfile) -> bool:
        """Take in a version of a profile: the highest one holds."""
        number = self._numbers.get(profile.id)
        if number is not None and self._offers[number].profile.version >= profile.version:
            return False
        self._replace(profile)
        return True

    def put_all(self, profiles: Sequence[RoutableProfile]) -> int:
        """Take in many profiles; returns how many of them were new or newer."""
        return sum(map(self.put, profiles))

    def take_rules(self, rules: Rules) -> None:
        """Rank by these rules; only before the first profile."""
        if self._offers:
            raise ValueError("profiles were read by other rules: give a new matcher the new rules")
        self._weights = weights_of(rules)

    def learn(self, profile_id: str, standing: Standing) -> bool:
        """Take in what the past has taught about a profile: the highest version holds."""
        held = self._standings.get(profile_id)
        if held is not None and held.version >= standing.version:
            return False
        self._standings[profile_id] = standing
        if (number := self._numbers.get(profile_id)) is not None:
            self._replace(self._offers[number].profile)
        return True

    def _replace(self, profile: RoutableProfile) -> None:
        offer = offer_of(profile, self._parent_of, self._standings.get(profile.id), self._weights)
        number = self._numbers.get(profile.id)
        if number is None:
            number = self._numbers[profile.id] = len(self._offers)
            self._offers.append(offer)
        else:
            self._leave(number, self._offers[number])
            self._offers[number] = offer
        self._partners.setdefault(profile.partner_id, set()).add(number)
        # Nobody can be told of a referral without a location.
        if profile.active and profile.locations:
            for country in {place[0] for place in offer.serves}:
                self._markets.setdefault(country, Market(self._weights)).add(number, offer, country)

    def match(
        self, rfis: Sequence[Rfi], now: datetime, given: Mapping[str, int] | None = None, *, bounded: bool = True
    ) -> list[Routing]:
        """A routing for each RFI, in order."""
        taken: Counter[str] = Counter(given or {})

        def open_count(profile_id: str) -> int:
            return self._capacity.open_count(profile_id) + taken[profile_id]

        routings: list[Routing] = []
        for rfi in map(self._weights.limited, rfis) if bounded else rfis:
            routing = self._route(rfi, self.ranking(rfi), now, open_count)
            taken.update(chosen.profile_id for chosen in routing.chosen)
            routings.append(routing)
        return routings

    def explain(self, rfi: Rfi, partner_id: str | None, now: datetime) -> Explanation:
        """Match once more, and say why."""
        rfi = self._weights.limited(rfi)
        ranking = self.ranking(rfi)
        routing = self._route(rfi, ranking, now, self._capacity.open_count)
        wanted = [partner_id] if partner_id is not None else named_in(routing)
        numbers = [
            number
            for each in wanted
            for number in sorted(self._partners.get(each, ()), key=lambda n: self._offers[n].profile.id)
        ]
        explainer = Explainer(
            rfi=rfi,
            ranking=ranking,
            offers=self._offers,
            now=now,
            open_count=self._capacity.open_count,
            routing=routing,
        )
        return explainer.explanation(numbers, self._weights.name, of_one=partner_id is not None)

    def search(self, search: Search, now: datetime) -> SearchResult:
        """Everybody who reaches the place and passes the filters, ranked; the best of each partner."""
        rfi, best = as_rfi(search), dict[str, int]()
        market = self._markets.get(rfi.need.place.country) or Market(self._weights)
        asked = read(rfi, self._parent_of)
        ranking = rank(rfi, market, asked, search.tag, offers=self._offers, weights=self._weights)
        for number in in_order(ranking.scores, lambda n: tie_break(rfi.id, self._offers[n].profile.id)):
            profile = self._offers[number].profile
            wanted = not profile.sizes or search.size is None or search.size in profile.sizes
            if wanted and unavailable(profile, now) is None and search.passed_by(self._offers[number]):
                best.setdefault(profile.partner_id, number)
        return result_of(
            search,
            [(number, score_of(ranking, number)) for number in list(best.values())[: rfi.max_partners]],
            profile_of=lambda number: self._offers[number].profile,
            choose=lambda number, _: self._chosen(rfi, ranking, number),
            response_of=lambda id_: self._standings[id_].response if id_ in self._standings else None,
        )

    def profile(self, profile_id: str) -> RoutableProfile | None:
        """The version that is held."""
        number = self._numbers.get(profile_id)
        return self._offers[number].profile if number is not None else None

    def profiles(self) -> list[RoutableProfile]:
        """All that are held."""
        return [offer.profile for offer in self._offers]

    def standings(self) -> list[Standing]:
        """All that were learned."""
        return list(self._standings.values())

    def limited(self) -> list[str]:
        """Ids of the profiles that have a capacity."""
        return [offer.profile.id for offer in self._offers if offer.profile.capacity is not None]

    def ranking(self, rfi: Rfi) -> Ranking:
        """The RFI against the market of its country."""
        market = self._markets.get(rfi.need.place.country) or Market(self._weights)
        tag = keywords.primary_tag(rfi.language)
        return rank(rfi, market, read(rfi, self._parent_of), tag, offers=self._offers, weights=self._weights)

    def _route(self, rfi: Rfi, ranking: Ranking, now: datetime, open_count: OpenCount) -> Routing:
        if rfi.selected_partners:
            numbers, near = pick(rfi, ranking, lambda p: self._partners.get(p, ()), self._offers, now)
            because = None if numbers else "picked_partners_unavailable"
        else:
            selection = select(rfi, ranking, self._offers, now, open_count)
            numbers, near = selection.chosen, near_misses(rfi, ranking, self._offers, selection)
            because = None if numbers else self._why_nobody(rfi, ranking, now, open_count)
        chosen = tuple(self._chosen(rfi, ranking, number) for number in numbers)
        return Routing(at=now, chosen=chosen, near_misses=near, no_match_because=because, rules=self._weights.name)

    def _why_nobody(self, rfi: Rfi, ranking: Ranking, now: datetime, open_count: OpenCount) -> str:
        size, profiles = rfi.customer.size, [self._offers[number].profile for number in ranking.scores]
        codes = {exclusion(profile, size, now, open_count) or "below_cut" for profile in profiles}
        if ranking.too_far:
            codes.add(TOO_FAR)
        return why_nobody(anybody_there=bool(ranking.area), excluded=codes)

    def _chosen(self, rfi: Rfi, ranking: Ranking, number: int) -> Chosen:
        return chosen_of(rfi, self._offers[number], ranking, score_of(ranking, number), self._parent_of)

    def _leave(self, number: int, offer: Offer) -> None:
        self._partners[offer.profile.partner_id].discard(number)
        for country in {place[0] for place in offer.serves}:
            if (market := self._markets.get(country)) is not None and number in market.members:
                market.remove(number, offer, country)
