"""What does a customer see of a request: whom it went to, and where each partner stands?

A decision that its partner can still take back is not shown yet: the customer would see it come and go. Reasons and
notes of a partner stay between the partner and the exchange.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.core.codes import RfiState, Stage, Status, Substatus, WithdrawReason
from services.core.partner import Partner
from services.core.referral import Referral
from services.core.rfi import Person, Rfi
from services.portal.access import NotHere
from services.portal.identity import Identity
from services.portal.ports import PortalPorts
from services.wording.words import Words, _

_STANDS = {
    Substatus.PENDING: _("Has not answered yet"),
    Substatus.RECEIVED: _("Has seen your request"),
    Substatus.ACCEPTED: _("Has accepted your request"),
    Substatus.WON: _("Has accepted your request"),
    Substatus.LOST: _("Does not work on it any more"),
    Substatus.DECLINED: _("Cannot take your request"),
    Substatus.EXPIRED: _("Did not answer in time"),
    Substatus.WITHDRAWN: _("You took it back"),
    Substatus.ERROR: _("Does not work on it any more"),
}
REASONS = {
    WithdrawReason.NO_LONGER_NEEDED: _("I no longer need it"),
    WithdrawReason.SOLVED_OTHERWISE: _("I solved it another way"),
    WithdrawReason.CHOSE_ANOTHER: _("I chose somebody else"),
    WithdrawReason.OTHER: _("Another reason"),
}
_CLOSED = frozenset({RfiState.WITHDRAWN, RfiState.CHOSEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One partner who has, or had, the request."""

    partner_id: str
    name: str
    stands: str
    asked_at: datetime
    answer_by: datetime | None
    people: tuple[Person, ...]
    #: Who will contact the customer.
    chosen: bool
    may_choose: bool


async def own_request(ports: PortalPorts, me: Identity) -> Rfi:
    """The request that the customer's link is about.

    Raises:
        NotHere: it is stored no more.
        DependencyUnavailable: the store does not answer.
    """
    rfi_id = me.rfi_id or ""
    rfi = (await ports.rfis.load([rfi_id])).get(rfi_id)
    if rfi is None:
        raise NotHere("this request is gone: its data was erased, or its time is over")
    return rfi


def is_open(rfi: Rfi) -> bool:
    """Whether the customer can still decide something."""
    return rfi.state not in _CLOSED and rfi.erased_at is None


def asked_of(
    rfi: Rfi, referrals: Sequence[Referral], partners: Mapping[str, Partner], words: Words, now: datetime
) -> list[Asked]:
    """Everybody the request went to, those who accepted first, then in the order of asking."""
    found = [_asked(rfi, _settled(each, now), partners.get(each.partner_id), words) for each in referrals]
    return sorted(found, key=lambda each: (not each.people and not each.chosen, each.asked_at, each.name))


def _asked(rfi: Rfi, referral: Referral, partner: Partner | None, words: Words) -> Asked:
    waits = referral.status is Status.NEW
    accepted = referral.status is Status.ACTIVE or referral.substatus is Substatus.WON
    evaluating = waits and referral.stage is Stage.EVALUATING
    return Asked(
        partner_id=referral.partner_id,
        name=partner.name if partner else words.say(_("A partner")),
        stands=words.say(_("Looks into your request") if evaluating else _STANDS[referral.substatus]),
        asked_at=referral.created_at,
        answer_by=referral.expires_at if waits else None,
        people=referral.team if accepted else (),
        chosen=rfi.chosen_partner_id == referral.partner_id,
        may_choose=is_open(rfi),
    )


def _settled(referral: Referral, now: datetime) -> Referral:
    """The referral but for a decision that its partner can still take back."""
    undo = referral.undo
    if undo is None or undo.until <= now:
        return referral
    return replace(referral, status=undo.status, substatus=undo.substatus, stage=undo.stage, team=undo.team)


def state_said(rfi: Rfi, partners: Mapping[str, Partner], words: Words) -> str:
    """Where the whole request stands."""
    if rfi.erased_at is not None:
        return words.say(_("Your data is erased. Nothing is left here that names you."))
    if rfi.state is RfiState.WITHDRAWN:
        return words.say(_("You have taken this request back. Everybody who had it was told."))
    if rfi.state is RfiState.CHOSEN:
        chosen = partners.get(rfi.chosen_partner_id or "")
        name = chosen.name if chosen else words.say(_("A partner"))
        return words.say(_("You have chosen {partner}. The others were told.")).format(partner=name)
    if rfi.state is RfiState.ACCEPTED:
        return words.say(_("We are looking for the right partners. Come back in a minute."))
    if rfi.state is RfiState.NO_MATCH:
        return words.say(_("We have not found a partner who fits it yet."))
    return words.say(_("Your request is with the partners below. We mail you what each of them answers."))
