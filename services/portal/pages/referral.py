"""The page of one referral: look at it, answer it, take it along.

Looking changes nothing. That a person has it on the screen is told by a POST that the page itself sends (with
JavaScript), or by the first thing the person does. The customer's contact is shown to who asks for it with a button;
each such reader is written down first.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from services.core import commands as c
from services.core.errors import CommandInvalid, TransitionRefused, UndoRefused
from services.core.referral import Referral
from services.core.reveals import Reveal, Way
from services.core.rfi import Person, Rfi
from services.core.transitions import effect_of, where
from services.core.visibility import contact_visible
from services.portal.access import Forbidden, NotHere, Why, partner, partner_writer
from services.portal.identity import Identity
from services.portal.notices import go_on
from services.portal.pages.answers import ANSWERS, every_problem, in_order, moved_up, read_answer
from services.portal.pages.downloads import deadline, vcard
from services.portal.pages.fields import fields_of
from services.portal.pages.frame import frame_of, words_for
from services.portal.pages.referral_view import Entry, Matter, view, winner_said
from services.portal.ports import PortalOptions, PortalPorts
from services.portal.winning import winner_of

Me = Annotated[Identity, Depends(partner)]
Writer = Annotated[Identity, Depends(partner_writer)]


#: How long a contact stays on a reader's page before the button must be pressed, and the look written down, again.
_SHOWN_FOR = timedelta(hours=12)


class Desk:
    """What the routes do with one referral of one partner."""

    def __init__(self, ports: PortalPorts) -> None:
        self.ports = ports

    async def load(self, me: Identity, referral_id: str) -> tuple[Referral, Rfi]:
        """The referral and its RFI.

        Raises:
            NotHere: there is none, or it is another partner's.
        """
        referral = (await self.ports.referrals.load([referral_id], partner_id=me.partner_id or "")).get(referral_id)
        if referral is None:
            raise NotHere("there is no such referral")
        rfi = (await self.ports.rfis.load([referral.rfi_id])).get(referral.rfi_id)
        if rfi is None:
            raise NotHere("the request of this referral is gone")
        return referral, rfi

    async def matter(self, me: Identity, referral: Referral, rfi: Rfi) -> Matter:
        """All that the page needs."""
        allowed = self.allowed(referral)
        since = self.ports.clock.now() - _SHOWN_FOR
        seen = allowed and any(
            day.by == me.name and day.way is Way.PAGE and day.last_at > since
            for day in await self.ports.reveals.of_referrals([referral.id])
        )
        starred = await self.ports.favourites.among(referral.partner_id, [referral.id])
        actors = {entry.by.partition(":")[2] for entry in referral.history if entry.by.startswith("partner:")}
        users = await self.ports.users.load(sorted(actors), partner_id=referral.partner_id) if actors else {}
        return Matter(
            me=me,
            referral=referral,
            rfi=rfi,
            now=self.ports.clock.now(),
            contact=rfi.customer.contact if seen else None,
            contact_allowed=allowed,
            starred=bool(starred),
            names={id_: user.name for id_, user in users.items()},
        )

    def allowed(self, referral: Referral) -> bool:
        """Whether the policy lets this partner see the customer's contact now."""
        return contact_visible(referral, self.ports.policies[referral.policy])

    async def page(self, request: Request, me: Identity, referral: Referral, rfi: Rfi) -> Response:
        """The page as it is."""
        values = view(await self.matter(me, referral, rfi), words_for(request))
        return frame_of(request).page(request, "referral.html.j2", {**values, "refused": None})

    async def invalid(
        self, request: Request, me: Identity, referral: Referral, entry: Entry, command: c.Command
    ) -> Response:
        """The page with everything that is wrong with what was entered, which is kept."""
        found = every_problem(entry.problems, command, referral, self.ports.clock.now())
        now, rfi = await self.load(me, referral.id)
        told = replace(entry, problems=in_order(found, entry.values))
        values = view(await self.matter(me, now, rfi), words_for(request), told)
        return frame_of(request).page(request, "referral.html.j2", {**values, "refused": None}, status=422)

    async def too_late(self, request: Request, me: Identity, referral_id: str, entry: Entry) -> Response:
        """The page with what won, who did it and when; what was entered is there to be sent again, or copied."""
        referral, rfi = await self.load(me, referral_id)
        words, matter = words_for(request), await self.matter(me, referral, rfi)
        values = {
            **view(matter, words, entry),
            "refused": referral.closed_at or referral.accepted_at or referral.updated_at,
            "won_by": winner_said(words, me, winner_of(referral, matter.names)),
        }
        return frame_of(request).page(request, "referral.html.j2", values, status=409)

    async def reveal(self, me: Identity, referral: Referral, rfi: Rfi, way: Way) -> Person:
        """The customer's contact, once the disclosure is written down.

        Raises:
            Forbidden: the policy does not show it now.
        """
        if not self.allowed(referral):
            raise Forbidden("the customer's contact is not shown in this state", why=Why.CONTACT_HIDDEN)
        now = self.ports.clock.now()
        await self.ports.reveals.record(
            [
                Reveal(
                    referral_id=referral.id,
                    rfi_id=rfi.id,
                    partner_id=referral.partner_id,
                    by=me.name,
                    way=way,
                    at=now,
                )
            ]
        )
        return rfi.customer.contact

    async def opened(self, me: Identity, referral_id: str) -> None:
        """Note that a person has it on the screen; a viewer's look does not count."""
        if me.may_write:
            await self.ports.commands.execute(referral_id, c.Open(by=me.name), partner_id=me.partner_id)


def router(ports: PortalPorts, options: PortalOptions) -> APIRouter:
    """Routes of one referral."""
    routes = APIRouter(include_in_schema=False)
    desk = Desk(ports)
    _add_looking(routes, desk, options)
    _add_contact(routes, desk)
    for action in ANSWERS:
        _add_answer(routes, desk, action)
    return routes


def _add_looking(routes: APIRouter, desk: Desk, options: PortalOptions) -> None:
    @routes.get("/referrals/{referral_id}")
    async def look(request: Request, referral_id: str, me: Me) -> Response:
        return await desk.page(request, me, *await desk.load(me, referral_id))

    @routes.post("/referrals/{referral_id}/open")
    async def opened(referral_id: str, me: Writer) -> Response:
        await desk.load(me, referral_id)
        await desk.opened(me, referral_id)
        return Response(status_code=204)

    @routes.get("/referrals/{referral_id}/deadline.ics")
    async def calendar(request: Request, referral_id: str, me: Me) -> Response:
        referral, _rfi = await desk.load(me, referral_id)
        if referral.timers.expire_at is None or referral.expires_at is None:
            raise NotHere("this referral waits for no answer")
        url = f"{options.base_url}/referrals/{referral.id}"
        text = deadline(referral, referral.expires_at, desk.ports.clock.now(), url, words_for(request))
        return _file(text, "text/calendar; charset=utf-8", "deadline.ics")


def _add_contact(routes: APIRouter, desk: Desk) -> None:
    @routes.post("/referrals/{referral_id}/contact")
    async def show(referral_id: str, me: Me) -> Response:
        await desk.reveal(me, *await desk.load(me, referral_id), Way.PAGE)
        await desk.opened(me, referral_id)
        return go_on(f"/referrals/{referral_id}#customer")

    @routes.post("/referrals/{referral_id}/contact.vcf")
    async def card(referral_id: str, me: Me) -> Response:
        referral, rfi = await desk.load(me, referral_id)
        person = await desk.reveal(me, referral, rfi, Way.DOWNLOAD)
        return _file(vcard(person, referral.company), "text/vcard; charset=utf-8", "customer.vcf")


def _add_answer(routes: APIRouter, desk: Desk, action: str) -> None:
    answer = ANSWERS[action]

    @routes.post(f"/referrals/{{referral_id}}/{action}")
    async def do(request: Request, referral_id: str, me: Writer) -> Response:
        referral, _rfi = await desk.load(me, referral_id)
        values = moved_up(await fields_of(request))
        command, unread = read_answer(answer, values, words_for(request), me.name)
        try:
            if unread and effect_of(command, where(referral)) is not None:
                return await desk.invalid(request, me, referral, Entry(action, values, unread), command)
            await desk.ports.commands.execute(referral_id, command, partner_id=me.partner_id)
        except CommandInvalid:
            return await desk.invalid(request, me, referral, Entry(action, values, unread), command)
        except (TransitionRefused, UndoRefused):
            return await desk.too_late(request, me, referral_id, Entry(action, values))
        return go_on(f"/referrals/{referral_id}", answer.notice)


def _file(content: bytes, media_type: str, name: str) -> Response:
    return Response(content, media_type=media_type, headers={"content-disposition": f'attachment; filename="{name}"'})
