"""Why does a partner get an RFI or not, and what would change that? Read from the same ranking that decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.core.codes import CompanySize
from services.core.rfi import Rfi, Routing
from services.matching.choosing import OpenCount, exclusion, is_full, unavailable
from services.matching.distance import distance_words, too_far
from services.matching.explanation import Explanation, ProfileVerdict, TermVerdict
from services.matching.market import Offer
from services.matching.ranking import LEFT_OUT, Ranking, barred, score_of, tie_break
from services.matching.reasons import offered_as, region_reason, words_of
from services.matching.regions import region_of, verdict

#: Missing terms that are suggested, the heaviest first.
SUGGESTED = 3


class Explainer:
    """Explains profiles against one RFI."""

    def __init__(
        self,
        *,
        rfi: Rfi,
        ranking: Ranking,
        offers: Sequence[Offer],
        now: datetime,
        open_count: OpenCount,
        routing: Routing,
    ) -> None:
        self._rfi, self._ranking, self._offers = rfi, ranking, offers
        self._now, self._open_count, self._routing = now, open_count, routing

    def explanation(self, numbers: Sequence[int], rules: str, *, of_one: bool) -> Explanation:
        """All there is to say of these profiles: those of one partner that was asked for, or of all who are named."""
        return Explanation(
            rfi_id=self._rfi.id,
            at=self._now,
            rules=rules,
            routing=self._routing,
            profiles=tuple(map(self.verdict, numbers)),
            partner_known=not of_one or bool(numbers),
        )

    def verdict(self, number: int) -> ProfileVerdict:
        """All there is to say of one profile."""
        offer = self._offers[number]
        outcome = self._outcome(number)
        return ProfileVerdict(
            partner_id=offer.profile.partner_id,
            profile_id=offer.profile.id,
            version=offer.profile.version,
            outcome=outcome,
            score=score_of(self._ranking, number),
            rank=self._rank(number),
            region=region_reason(offer, self._ranking),
            distance=distance_words(offer.profile.locations, self._rfi.need),
            size=size_words(offer, self._rfi.customer.size),
            availability=self._availability(offer),
            terms=self._terms(offer),
            would_help=tuple(self._would_help(offer, outcome)),
        )

    def _outcome(self, number: int) -> str:
        profile = self._offers[number].profile
        if any(chosen.profile_id == profile.id for chosen in self._routing.chosen):
            return "chosen"
        if self._rfi.selected_partners:
            return unavailable(profile, self._now) or "not_picked"
        if number in self._ranking.scores:
            excluded = exclusion(profile, self._rfi.customer.size, self._now, self._open_count)
            return excluded or self._beaten(profile.partner_id)
        if not (profile.active and profile.locations):
            return "inactive"
        bar = barred(self._offers[number], self._ranking.asked)
        # Whom nobody wants to be asked no region helps.
        if number not in self._ranking.area and bar != LEFT_OUT:
            return "outside_region"
        return bar or "no_term"

    def _beaten(self, partner_id: str) -> str:
        through_another = any(chosen.partner_id == partner_id for chosen in self._routing.chosen)
        return "chosen_through_another_profile" if through_another else "below_cut"

    def _rank(self, number: int) -> int | None:
        """The place among partners that could get it now, each counted with its best profile."""
        if number not in self._ranking.scores or self._excluded(number):
            return None
        own, partner = self._key(number), self._offers[number].profile.partner_id
        better = {
            self._offers[n].profile.partner_id
            for n in self._ranking.scores
            if self._key(n) < own and not self._excluded(n)
        }
        return len(better - {partner}) + 1

    def _excluded(self, number: int) -> bool:
        profile = self._offers[number].profile
        return exclusion(profile, self._rfi.customer.size, self._now, self._open_count) is not None

    def _key(self, number: int) -> tuple[int, int]:
        return -self._ranking.scores[number], tie_break(self._rfi.id, self._offers[number].profile.id)

    def _terms(self, offer: Offer) -> tuple[TermVerdict, ...]:
        language = self._ranking.asked.language
        return tuple(
            TermVerdict(
                words=offered_as(term, offer, language) or term.words,
                source=term.source.label,
                weight=round(term.weight, 2),
                matched=offered_as(term, offer, language) is not None,
            )
            for term in sorted(self._ranking.wanted.terms, key=lambda term: -term.weight)
        )

    def _availability(self, offer: Offer) -> str:
        profile = offer.profile
        if not profile.locations:
            return "has no location, so nobody can be told"
        if not profile.active:
            return "inactive"
        if profile.paused_until is not None and profile.paused_until > self._now:
            return f"paused until {profile.paused_until.isoformat()}"
        if profile.capacity is None:
            return "active, without a limit"
        return f"active, {self._open_count(profile.id)} of {profile.capacity} open"

    def _would_help(self, offer: Offer, outcome: str) -> list[str]:
        if outcome in {"chosen", "chosen_through_another_profile"}:
            return []
        if outcome == "not_picked":
            return ["nothing: the customer picked other partners"]
        if outcome == LEFT_OUT:
            return ["nothing: the request says that this partner is not to be asked"]
        profile, helps = offer.profile, []
        if not profile.locations:
            helps.append("add a location with a contact")
        if not profile.active:
            helps.append("activate the profile")
        elif unavailable(profile, self._now) == "paused":
            helps.append("end the pause")
        if self._rfi.selected_partners:
            return helps
        helps += self._better_fit(offer)
        if is_full(profile, self._open_count):
            helps.append("answer open referrals, or raise the capacity")
        return helps or ["a higher score: offer more of what is asked, or serve the region more closely"]

    def _better_fit(self, offer: Offer) -> list[str]:
        helps, profile = list[str](), offer.profile
        place = self._ranking.asked.place
        if verdict(offer.serves, place) is None:
            helps.append(f"add region {region_of(place)}")
        size = self._rfi.customer.size
        if size is not None and profile.sizes and size not in profile.sizes:
            helps.append(f"the size preference excludes {size.value}: add it")
        language = self._ranking.asked.language
        phrases, industries = offer.phrases[language].keys(), offer.industries.keys()
        demands = [each.words for each in self._ranking.asked.demands if not each.met(phrases, industries)]
        helps += [f"offer {words}: it is required" for words in demands]
        unwanted = [each.words for each in self._ranking.asked.unwanted if each.met(phrases, industries)]
        helps += [f"no longer offer {words}: who offers it is not asked" for words in unwanted]
        circle = self._ranking.asked.circle
        if circle is not None and too_far(offer.points, circle):
            helps.append(f"have a location within {circle.km} km: {distance_words(profile.locations, self._rfi.need)}")
        missing = [term for term in self._ranking.wanted.terms if offered_as(term, offer, language) is None]
        missing.sort(key=lambda term: -term.weight)
        helps += [f"offer {words_of(term, offer, language)}" for term in missing[:SUGGESTED]]
        return helps


def size_words(offer: Offer, size: CompanySize | None) -> str:
    """The verdict on the customer's size, in words."""
    wanted = offer.profile.sizes
    if not wanted:
        return "all sizes are wanted"
    if size is None:
        return "the customer's size is not known, so it is not compared"
    listed = ", ".join(each.value for each in wanted)
    return f"{size.value}: wanted" if size in wanted else f"{size.value}: not among those wanted ({listed})"


def named_in(routing: Routing) -> list[str]:
    """Everybody chosen or near, best first."""
    return list(dict.fromkeys([c.partner_id for c in routing.chosen] + [s.partner_id for s in routing.near_misses]))
