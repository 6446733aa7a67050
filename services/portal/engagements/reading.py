"""How does a program read referrals: one, or a page of a list? Nothing is changed by it but the log of disclosures.

A contact leaves only after its disclosure is written down; if that fails, so does the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from services.core import ids
from services.core.codes import PolicyName
from services.core.errors import NotFound, TransitionRefused
from services.core.listing import Cursor, ListingQuery
from services.core.policy import Policy
from services.core.referral import Referral
from services.core.reveals import Reveal, Way
from services.core.rfi import Rfi
from services.core.visibility import contact_visible
from services.portal.engagements import models as m
from services.portal.engagements.outgoing import outgoing
from services.portal.engagements.representation import Told, etag, to_wire
from services.portal.identity import Identity
from services.portal.ports import PortalPorts


def source_of(partner_id: str) -> str:
    """The source of RFIs that a partner sends on."""
    return f"urn:partner:{partner_id}"


class Reader:
    """Reads for an identity of a partner."""

    def __init__(self, ports: PortalPorts, base_url: str) -> None:
        self._ports, self._base_url = ports, base_url.rstrip("/")
        self._policies: Mapping[PolicyName, Policy] = ports.policies

    async def one(self, me: Identity, referral_id: str) -> Referral:
        """A referral of the caller's partner.

        Raises:
            NotFound: there is none, or it is another partner's.
        """
        found = (await self._ports.referrals.load([referral_id], partner_id=partner_of(me))).get(referral_id)
        if found is None:
            raise NotFound(f"there is no referral {referral_id}")
        return found

    async def to_answer(self, me: Identity, referral_id: str) -> Referral:
        """A referral of the caller's partner, which it may answer.

        Raises:
            NotFound: there is none, or it is another partner's.
            TransitionRefused: the caller has sent it on; whoever received it answers it.
        """
        try:
            return await self.one(me, referral_id)
        except NotFound:
            sent = await self.as_sent(me, await self._sent_on(me, referral_id))
        hint = f"the partner that received it answers it; take it back or choose another at /v1/rfis/{sent.id}"
        since, subject = sent.closed_date_time, "referral that you sent on"
        raise TransitionRefused("change it", sent.status, sent.substatus, since, subject=subject, hint=hint)

    async def page(self, me: Identity, query: ListingQuery, way: Way = Way.API) -> tuple[list[Told], Cursor | None]:
        """A page of a list, as told, and where the next one begins."""
        page = await self._ports.listing.page(query)
        return await self.told(me, page.referrals, way), page.next

    async def sent(self, me: Identity, rfi_id: str) -> m.ReferralV1:
        """A request that the caller's partner has sent on.

        Raises:
            NotFound: there is none, or somebody else sent it.
        """
        return await self.as_sent(me, await self._sent_on(me, rfi_id))

    async def _sent_on(self, me: Identity, rfi_id: str) -> Rfi:
        rfi = (await self._ports.rfis.load([rfi_id], source=source_of(partner_of(me)))).get(rfi_id)
        if rfi is None:
            raise NotFound(f"there is no referral {rfi_id}")
        return rfi

    async def as_sent(self, me: Identity, rfi: Rfi) -> m.ReferralV1:
        """A request as it is told to the partner that has sent it on."""
        partner_id = partner_of(me)
        partner = (await self._ports.partners.load_partners([partner_id])).get(partner_id)
        referrals = (await self._ports.referrals.of_rfis([rfi.id])).get(rfi.id, [])
        name = partner.name if partner else ""
        return outgoing(rfi, referrals, sender_id=partner_id, sender=name, base_url=self._base_url)

    async def related(self, me: Identity, referral_id: str) -> list[m.ReferralV1]:
        """The others of the engagement that are the caller's own: what it got of it, and the request if it sent it on.

        What other partners hold of it is nobody's business.

        Raises:
            NotFound: there is no such referral, or it is another partner's.
        """
        rfi, partner_id = await self._engagement(me, referral_id), partner_of(me)
        # A partner has one referral of a request at most, and its id follows from both.
        got = await self._ports.referrals.load([ids.referral_id(rfi.id, partner_id)], partner_id=partner_id)
        mine = [each for each in got.values() if each.id != referral_id]
        related = [to_wire(told) for told in await self.told(me, mine)]
        if rfi.source == source_of(partner_id) and rfi.id != referral_id:
            related.append(await self.as_sent(me, rfi))
        return related

    async def _engagement(self, me: Identity, referral_id: str) -> Rfi:
        """The request of a referral that the caller has, or has sent on under this id."""
        try:
            rfi_id = (await self.one(me, referral_id)).rfi_id
        except NotFound:
            return await self._sent_on(me, referral_id)
        rfi = (await self._ports.rfis.load([rfi_id])).get(rfi_id)
        if rfi is None:
            raise NotFound(f"there is no referral {referral_id}")
        return rfi

    async def told_one(self, me: Identity, referral: Referral) -> Told:
        """One referral as told.

        Raises:
            NotFound: its request is not stored any more.
        """
        for told in await self.told(me, [referral]):
            return told
        raise NotFound(f"there is no referral {referral.id}")

    async def told(self, me: Identity, referrals: Sequence[Referral], way: Way = Way.API) -> list[Told]:
        """Referrals with what is told with them; the contacts that will be seen are written down before."""
        if not referrals:
            return []
        partner_id = partner_of(me)
        rfis, stars, partners = await asyncio.gather(
            self._ports.rfis.load(list({each.rfi_id for each in referrals})),
            self._ports.favourites.among(partner_id, [each.id for each in referrals]),
            self._ports.partners.load_partners([partner_id]),
        )
        partner = partners.get(partner_id)
        told = [
            Told(
                referral=each,
                rfi=rfis[each.rfi_id],
                organization=partner.name if partner else "",
                contact_visible=contact_visible(each, self._policies[each.policy]),
                favourite=each.id in stars,
                base_url=self._base_url,
            )
            for each in referrals
            # A request that is not stored any more leaves nothing to tell.
            if each.rfi_id in rfis
        ]
        await self._write_down(me, [each.referral for each in told if each.contact_visible], way)
        return told

    async def etag(self, referral: Referral) -> str:
        """The entity tag of a referral as it is told now."""
        stars = await self._ports.favourites.among(referral.partner_id, [referral.id])
        return etag(referral, favourite=bool(stars))

    async def _write_down(self, me: Identity, shown: Sequence[Referral], way: Way) -> None:
        now = self._ports.clock.real_now()
        reveals = [
            Reveal(referral_id=each.id, rfi_id=each.rfi_id, partner_id=each.partner_id, by=me.name, way=way, at=now)
            for each in shown
        ]
        if reveals:
            await self._ports.reveals.record(reveals)


def partner_of(me: Identity) -> str:
    """The partner an identity acts for.

    Raises:
        NotFound: it acts for none.
    """
    if me.partner_id is None:
        raise NotFound("there is no such referral")
    return me.partner_id
