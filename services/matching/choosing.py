"""Who gets the RFI, who came near, and why not? Walks a ranking from the top."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from services.core.codes import CompanySize
from services.core.partner import RoutableProfile
from services.core.reasons import ReasonCode, written
from services.core.rfi import Chosen, Rfi, Skipped
from services.matching.market import Offer
from services.matching.ranking import TOO_FAR, Ranking, in_order, score_of, tie_break
from services.matching.reasons import reasons_of
from services.matching.regions import ParentOf, nearest

#: Near misses kept with a routing.
NEAR_MISSES = 5

_ALL_EXCLUDED = {
    "at_capacity": "all_at_capacity",
    "paused": "all_paused",
    "size_excluded": "size_excluded",
    TOO_FAR: "all_too_far",
}

#: How many open referrals a profile has, by its id, those given out in this batch among them.
OpenCount = Callable[[str], int]


@dataclass(slots=True)
class Selection:
    """The outcome of one walk: numbers of the chosen profiles, best first, and near misses by partner."""

    chosen: list[int] = field(default_factory=list)
    near: dict[str, Skipped] = field(default_factory=dict)


def exclusion(profile: RoutableProfile, size: CompanySize | None, now: datetime, open_count: OpenCount) -> str | None:
    """The code of what keeps a matching profile from getting an RFI now, None if nothing does.

    A customer of unknown size passes every preference.
    """
    if profile.sizes and size is not None and size not in profile.sizes:
        return "size_excluded"
    return unavailable(profile, now) or ("at_capacity" if is_full(profile, open_count) else None)


def unavailable(profile: RoutableProfile, now: datetime) -> str | None:
    """`inactive` or `paused`, which not even a customer's own pick gets past; None if neither."""
    if not (profile.active and profile.locations):
        return "inactive"
    return "paused" if profile.paused_until is not None and profile.paused_until > now else None


def is_full(profile: RoutableProfile, open_count: OpenCount) -> bool:
    """True if the profile has as many open referrals as it wants."""
    return profile.capacity is not None and open_count(profile.id) >= profile.capacity


def select(rfi: Rfi, ranking: Ranking, offers: Sequence[Offer], now: datetime, open_count: OpenCount) -> Selection:
    """The best profiles, one for each partner, at most `max_partners`; and who came near."""
    selection = Selection()
    taken: set[str] = set()
    for number in in_order(ranking.scores, lambda n: tie_break(rfi.id, offers[n].profile.id)):
        full = len(selection.chosen) >= rfi.max_partners
        if full and len(selection.near) >= NEAR_MISSES:
            break
        profile = offers[number].profile
        if profile.partner_id in taken:
            continue
        because = exclusion(profile, rfi.customer.size, now, open_count)
        if because is None and not full:
            selection.chosen.append(number)
            taken.add(profile.partner_id)
            # Its better profile was excluded, but it has the RFI through this one.
            selection.near.pop(profile.partner_id, None)
        else:
            entry = skipped(profile, score_of(ranking, number), because or "below_cut")
            selection.near.setdefault(profile.partner_id, entry)
    return selection


def near_misses(rfi: Rfi, ranking: Ranking, offers: Sequence[Offer], selection: Selection) -> tuple[Skipped, ...]:
    """The best of those who came near; what is left of the room goes to the right offers in the wrong region."""
    near = list(selection.near.values())[:NEAR_MISSES]
    known = {each.partner_id for each in near} | {offers[n].profile.partner_id for n in selection.chosen}
    if len(near) < NEAR_MISSES:
        for number in in_order(ranking.outside(), lambda n: tie_break(rfi.id, offers[n].profile.id)):
            profile = offers[number].profile
            if profile.partner_id not in known:
                known.add(profile.partner_id)
                near.append(skipped(profile, score_of(ranking, number), "outside_region"))
            if len(near) == NEAR_MISSES:
                break
    return tuple(near)


def why_nobody(*, anybody_there: bool, excluded: AbstractSet[str]) -> str:
    """The code of why an RFI goes to nobody; `excluded` are the codes of all that match, without repetition."""
    if not anybody_there:
        return "no_partner_in_region"
    if not excluded:
        return "no_term_matches"
    return _ALL_EXCLUDED.get(next(iter(excluded)), "all_excluded") if len(excluded) == 1 else "all_excluded"


def chosen_of(rfi: Rfi, offer: Offer, ranking: Ranking, score: float, parent_of: ParentOf) -> Chosen:
    """A profile that gets the RFI, through its nearest location, with the reasons."""
    picked, reasons = bool(rfi.selected_partners), reasons_of(offer, ranking, rfi.customer.size)
    return Chosen(
        partner_id=offer.profile.partner_id,
        profile_id=offer.profile.id,
        location_id=nearest(offer.profile.locations, ranking.asked.place, parent_of).id,
        score=score,
        picked=picked,
        reasons=(written(ReasonCode.PICKED), *reasons) if picked else reasons,
    )


def skipped(profile: RoutableProfile, score: float, because: str) -> Skipped:
    """A profile that came near."""
    return Skipped(partner_id=profile.partner_id, profile_id=profile.id, score=score, because=because)
