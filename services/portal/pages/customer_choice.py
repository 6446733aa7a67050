"""What does a customer see of asking one more partner: who is suggested, what became of what it wanted?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from services.core.codes import RfiState
from services.core.errors import DependencyUnavailable
from services.core.partner import Partner
from services.core.rfi import Rfi
from services.core.rounds import ASKED_ALREADY
from services.core.wishes import MAX_WISHES, pending
from services.portal.pages.partner_cards import PartnerCard, suggested_cards
from services.portal.ports import PortalPorts
from services.wording.words import Words, _

log = structlog.get_logger("portal.customer")

#: Partners suggested at a time.
SUGGESTED = 6
_OPEN = frozenset({RfiState.ROUTED, RfiState.NO_MATCH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The part of the page where one more partner is chosen."""

    #: False: nobody can be asked any more, or not yet.
    open: bool
    #: True when so many were wanted that no more can be.
    used_up: bool = False
    #: True while the partners are not known yet.
    loading: bool = False
    suggested: tuple[PartnerCard, ...] = ()
    #: What became of what the customer wanted, as far as the list of those asked does not say it.
    said: tuple[str, ...] = ()


async def choice_of(ports: PortalPorts, rfi: Rfi, words: Words) -> Choice:
    """What to offer for a request.

    Raises:
        DependencyUnavailable: the store does not answer.
    """
    if rfi.state not in _OPEN:
        return Choice(open=False)
    wanted = await ports.partners.load_partners(sorted({wish.partner_id for wish in rfi.wishes}))
    said = tuple(_said(rfi, wanted, words))
    if len(rfi.wishes) >= MAX_WISHES:
        return Choice(open=True, used_up=True, said=said)
    try:
        found = ports.finder.suggest(rfi, SUGGESTED)
    except DependencyUnavailable as error:
        log.info("suggestions_not_ready", reason=str(error))
        return Choice(open=True, loading=True, said=said)
    return Choice(open=True, suggested=tuple(await suggested_cards(ports, words, found)), said=said)


def _said(rfi: Rfi, partners: Mapping[str, Partner], words: Words) -> list[str]:
    """Wishes that wait, and those that could not be granted."""

    def name(partner_id: str) -> str:
        partner = partners.get(partner_id)
        return partner.name if partner else words.say(_("A partner"))

    by_cause = {wish.event_id: wish.partner_id for wish in rfi.wishes}
    rounds = rfi.routing.rounds if rfi.routing else ()
    refused = [
        by_cause[each.cause]
        for each in rounds
        if each.wanted and each.partner_id is None and each.because != ASKED_ALREADY and each.cause in by_cause
    ]
    waits = [wish.partner_id for wish in pending(rfi)]
    return [
        *(words.say(_("We are sending your request to {partner}.")).format(partner=name(id_)) for id_ in waits),
        *(
            words.say(_("{partner} takes no requests at the moment. Choose another partner.")).format(partner=name(id_))
            for id_ in dict.fromkeys(refused)
            if id_ not in waits
        ),
    ]
