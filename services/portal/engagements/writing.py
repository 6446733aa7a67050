"""How does a program change a referral? Read it, make the command of what is wanted, carry it out on what was read.

Without If-Match the caller wants its change on whatever the referral is by then: if somebody else was quicker, the
command is made anew. With If-Match that is 412.
"""

from __future__ import annotations

from services.core.commands import Command
from services.core.errors import NotFound, Outdated, TransitionRefused, VersionConflict
from services.core.referral import Referral
from services.portal.conditions import names
from services.portal.engagements.asking import command_for
from services.portal.engagements.differences import Case
from services.portal.engagements.reading import Reader, partner_of
from services.portal.engagements.representation import etag
from services.portal.engagements.wanted import Sent
from services.portal.identity import Identity
from services.portal.ports import PortalPorts
from services.portal.winning import beaten

#: How often a change is made anew when others keep changing the referral.
ATTEMPTS = 5


class Writer:
    """Changes referrals for an identity of a partner."""

    def __init__(self, ports: PortalPorts, reader: Reader) -> None:
        self._ports, self._reader = ports, reader

    async def change(self, me: Identity, referral_id: str, sent: Sent, if_match: str | None) -> Referral:
        """Make of a referral what is wanted.

        What can't be read is told with what is wrong with the rest, whatever tag the caller knows.

        Raises:
            NotFound: no such referral, or another partner's.
            Outdated: its tag is not in `if_match`.
            Faulty: what is wanted can't be; every problem.
            TransitionRefused: its state forbids it, perhaps because somebody else was quicker.
        """
        for _ in range(ATTEMPTS):
            referral = await self._current(me, referral_id, None if sent.problems else if_match)
            command = command_for(await self._case(me, referral), sent)
            try:
                if command is not None:
                    referral = await self._execute(me, referral, command)
            except Outdated:
                if if_match is not None:
                    raise
                continue
            await self._star(me, referral, sent.wanted.favourite)
            return referral
        raise VersionConflict(f"referral {referral_id} is being changed by others: try again")

    async def judge(self, me: Identity, referral_id: str, sent: Sent) -> None:
        """Say what is wrong with a change, whatever version it was made of; changes nothing.

        Raises:
            NotFound: no such referral, or another partner's.
            TransitionRefused: the caller has sent it on; another partner answers it.
            Faulty: what is wanted can't be; every problem.
        """
        command_for(await self._case(me, await self._reader.to_answer(me, referral_id)), sent)

    async def carry_out(self, me: Identity, referral_id: str, command: Command, if_match: str | None) -> Referral:
        """A command that needs no words: open, show interest, undo."""
        referral = await self._current(me, referral_id, if_match)
        return await self._execute(me, referral, command, anyhow=if_match is None)

    async def _execute(self, me: Identity, referral: Referral, command: Command, *, anyhow: bool = False) -> Referral:
        """Carry a command out on what was read, or `anyhow` on what is there by then; who was quicker is told."""
        expected = None if anyhow else referral.version
        try:
            return await self._ports.commands.execute(
                referral.id, command, partner_id=partner_of(me), expected=expected
            )
        except TransitionRefused as refused:
            raise await beaten(self._ports.users, await self._reader.one(me, referral.id), refused) from None

    async def _current(self, me: Identity, referral_id: str, if_match: str | None) -> Referral:
        """The referral, if its tag is one of those that the caller knows."""
        referral = await self._reader.to_answer(me, referral_id)
        if if_match is not None and if_match.strip() != "*":
            stars = await self._ports.favourites.among(referral.partner_id, [referral.id])
            if not names(if_match, etag(referral, favourite=bool(stars))):
                raise Outdated(f"referral {referral_id}", referral.version)
        return referral

    async def _case(self, me: Identity, referral: Referral) -> Case:
        rfi = (await self._ports.rfis.load([referral.rfi_id])).get(referral.rfi_id)
        if rfi is None:
            raise NotFound(f"there is no request of referral {referral.id}")
        return Case(referral=referral, contact=rfi.customer.contact, by=me.name, now=self._ports.clock.now())

    async def _star(self, me: Identity, referral: Referral, wanted: bool | None) -> None:
        # After the command: a crash in between leaves the star to the repeated request, and loses no answer.
        if wanted is True:
            await self._ports.favourites.star(partner_of(me), referral.id, self._ports.clock.now())
        elif wanted is False:
            await self._ports.favourites.unstar(partner_of(me), referral.id)
