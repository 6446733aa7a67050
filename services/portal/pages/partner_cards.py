"""What does a customer see of a partner before asking it? What it offers and where; never a person of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.core.partner import Partner, RoutableProfile
from services.core.reasons import ReasonCode, parse
from services.core.rfi import Chosen
from services.portal.ports import PortalPorts
from services.wording.words import Words

#: Things named of each.
OFFERS, FITS, PLACES = 8, 6, 3
_FIT = frozenset(
    {
        ReasonCode.KEYWORD,
        ReasonCode.PRODUCT,
        ReasonCode.SERVICE,
        ReasonCode.INDUSTRY,
        ReasonCode.TITLE,
        ReasonCode.ASKED,
        ReasonCode.DESCRIPTION,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerCard:
    """One partner, as it is offered to a customer."""

    partner_id: str
    name: str
    #: Where it has offices.
    places: tuple[str, ...]
    #: What of it fits, in its own words.
    fits: tuple[str, ...]
    #: What else it offers.
    offers: tuple[str, ...]
    languages: tuple[str, ...]
    #: How long it usually takes to answer; None when that is not known.
    answers_in: str | None


def card_of(
    words: Words, chosen: Chosen, profile: RoutableProfile, partner: Partner, response: timedelta | None = None
) -> PartnerCard:
    """The card of a partner that was found or is suggested."""
    fits = tuple(dict.fromkeys(_fitting(chosen.reasons)))[:FITS]
    known = {text.casefold() for text in fits}
    offered = dict.fromkeys((*profile.products, *profile.services, *profile.keywords))
    return PartnerCard(
        partner_id=partner.id,
        name=partner.name,
        places=tuple(dict.fromkeys(words.place(office.place) for office in profile.locations))[:PLACES],
        fits=fits,
        offers=tuple(text for text in offered if text.casefold() not in known)[:OFFERS],
        languages=tuple(words.tongue(tag) for tag in profile.languages),
        answers_in=words.span(response) if response is not None else None,
    )


def _fitting(reasons: Iterable[str]) -> Iterable[str]:
    for text in reasons:
        reason = parse(text)
        if reason is not None and reason.code in _FIT:
            yield reason.value


async def suggested_cards(ports: PortalPorts, words: Words, chosen: Sequence[Chosen]) -> list[PartnerCard]:
    """Cards of suggested partners, without those that were closed meanwhile.

    Raises:
        DependencyUnavailable: the store does not answer.
    """
    partners = await active_partners(ports, [each.partner_id for each in chosen])
    profiles = await ports.partners.load_profiles([each.profile_id for each in chosen])
    return [
        card_of(words, each, profiles[each.profile_id], partners[each.partner_id])
        for each in chosen
        if each.partner_id in partners and each.profile_id in profiles
    ]


async def active_partners(ports: PortalPorts, ids: Sequence[str]) -> Mapping[str, Partner]:
    """Those of these partners that are active, by id.

    Raises:
        DependencyUnavailable: the store does not answer.
    """
    found = await ports.partners.load_partners(sorted(set(ids)))
    return {id_: partner for id_, partner in found.items() if partner.active}
