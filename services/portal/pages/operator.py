"""An operator's first pages: what waits for a person, what was parked, who the partners are, what became of a request.

Everything that an operator changes is logged with who did it; the command line does the same things.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request, Response

from services.core.listing import Cursor, folded
from services.core.partner import Partner, Profile
from services.core.rfi import Rfi
from services.portal.access import NotHere, operator
from services.portal.identity import Identity
from services.portal.notices import go_on
from services.portal.pages.code_words import state_said
from services.portal.pages.disclosures import disclosures
from services.portal.pages.fields import fields_of
from services.portal.pages.frame import frame_of, words_for
from services.portal.pages.limit_words import all_limits
from services.portal.pages.operator_words import mails_said, policies_said, request_state_said
from services.portal.pages.pauses import pause_shown
from services.portal.pages.places import pages_of, part_of, read_place
from services.portal.ports import PortalOptions, PortalPorts
from services.wording.reasons import said
from services.wording.words import Words, _

log = structlog.get_logger("portal.operator")

Me = Annotated[Identity, Depends(operator)]

#: Rows of a list on one page.
ROWS = 100
#: Partners looked through for a name: at a time, and for one page.
WALKED_AT_ONCE, MOST_WALKED = 1000, 20_000

_BECAUSE = {
    "inactive": _("its profile is not active"),
    "paused": _("it is paused"),
    "at_capacity": _("it has as many open referrals as it wants"),
    "size_excluded": _("it does not want this company size"),
    "outside_region": _("it does not serve the region"),
    "below_cut": _("others fit better"),
    "unknown_partner": _("the partner is not known"),
    "no_term": _("nothing it offers was asked for"),
}


def router(ports: PortalPorts, _options: PortalOptions) -> APIRouter:
    """Routes of an operator's first pages."""
    routes = APIRouter(include_in_schema=False)
    _add_overview(routes, ports)
    _add_parked(routes, ports)
    _add_partners(routes, ports)
    _add_requests(routes, ports)
    return routes


def _add_overview(routes: APIRouter, ports: PortalPorts) -> None:
    @routes.get("/operator")
    async def overview(request: Request, me: Me) -> Response:
        waiting, words = await ports.aside.waiting(), words_for(request)
        recent = await ports.rfis.recent(20)
        values = {
            "me": me,
            "refused": await ports.refusals.count(),
            "waiting": waiting,
            "failed": len(await ports.aside.failed(ROWS)),
            "recent": recent,
            "states": {rfi.id: request_state_said(words, rfi) for rfi in recent},
            "now": ports.clock.now(),
        }
        return frame_of(request).page(request, "operator.html.j2", values)


def _add_parked(routes: APIRouter, ports: PortalPorts) -> None:
    @routes.get("/operator/parked")
    async def parked(request: Request, me: Me) -> Response:
        places = [read_place(request.query_params.get(name, "")) for name in ("after", "mails")]
        referrals = part_of(
            await ports.aside.parked(ROWS + 1, places[0]),
            ROWS,
            lambda each: Cursor(each.referral.updated_at, each.referral.id),
        )
        mails = part_of(await ports.aside.failed(ROWS + 1, places[1]), ROWS, lambda job: Cursor(job.at, job.id))
        values = {
            "me": me,
            "parked": referrals.rows,
            "pages": pages_of(request, referrals.next),
            "failed": mails.rows,
            "mails": mails_said(words_for(request)),
            "mail_pages": pages_of(request, mails.next, "mails"),
        }
        return frame_of(request).page(request, "operator_parked.html.j2", values)

    @routes.post("/operator/parked/release")
    async def release(request: Request, me: Me) -> Response:
        referral_id = (await fields_of(request)).get("id", "")
        released = await ports.aside.release([referral_id])
        log.info("parked_released", by=me.name, referral=referral_id, released=released)
        return go_on("/operator/parked", "released")

    @routes.post("/operator/parked/retry")
    async def retry(request: Request, me: Me) -> Response:
        job_id = (await fields_of(request)).get("id", "")
        retried = await ports.aside.retry([job_id], ports.clock.now())
        log.info("mail_retried", by=me.name, job=job_id, retried=retried)
        return go_on("/operator/parked", "retried")


@dataclass(frozen=True, slots=True)
class _Listed:
    """A partner and its business profiles."""

    partner: Partner
    profiles: list[Profile]


def _add_partners(routes: APIRouter, ports: PortalPorts) -> None:
    @routes.get("/operator/partners")
    async def partners(request: Request, me: Me) -> Response:
        wanted = request.query_params.get("text", "").strip()[:200]
        found, following = await _partners(ports, wanted, request.query_params.get("after", "")[:200])
        profiles = await ports.partners.profiles_of_each([each.id for each in found])
        now = ports.clock.now()
        values = {
            "me": me,
            "listed": [_Listed(each, profiles.get(each.id, [])) for each in found],
            "policies": policies_said(words_for(request)),
            "text": wanted,
            "paused": lambda profile: pause_shown(profile.paused_until, now),
            "pages": pages_of(request, following),
        }
        return frame_of(request).page(request, "operator_partners.html.j2", values)


async def _partners(ports: PortalPorts, wanted: str, after: str) -> tuple[list[Partner], str]:
    """The next partners with these words in their name, by name; and where the page after them begins, or nothing.

    Pages are made in the order of ids. Who looks for a name walks over the others, up to a bound: a page may then hold
    less than there is room for, and is gone on with as any other.
    """
    found: list[Partner] = []
    walked, words = 0, folded(wanted)
    at_once = WALKED_AT_ONCE if words else ROWS + 1
    while walked < MOST_WALKED and len(found) <= ROWS:
        some = await ports.partners.scan_partners(after, at_once)
        found += [each for each in some if words in folded(each.name)]
        walked += len(some)
        if len(some) < at_once:
            after = ""
            break
        after = some[-1].id
    if len(found) > ROWS:
        found, after = found[:ROWS], found[ROWS - 1].id
    return sorted(found, key=lambda each: folded(each.name)), after


def _add_requests(routes: APIRouter, ports: PortalPorts) -> None:
    @routes.get("/operator/requests/{rfi_id}")
    async def show(request: Request, rfi_id: str, me: Me) -> Response:
        rfi = (await ports.rfis.load([rfi_id])).get(rfi_id)
        if rfi is None:
            raise NotHere("there is no such request")
        words = words_for(request)
        state = request_state_said(words, rfi)
        values = {"me": me, "rfi": rfi, "state": state, **(await _outcome(ports, rfi, words, me.time_zone))}
        return frame_of(request).page(request, "operator_request.html.j2", values)


async def _outcome(ports: PortalPorts, rfi: Rfi, words: Words, zone: str) -> dict[str, object]:
    """Who was asked and why, where each stands, who came near, and who was shown the customer's contact."""
    referrals = (await ports.referrals.of_rfis([rfi.id])).get(rfi.id, [])
    near = rfi.routing.near_misses if rfi.routing else ()
    chosen = {each.partner_id: each for each in rfi.routing.chosen} if rfi.routing else {}
    ids = {each.partner_id for each in referrals} | {each.partner_id for each in near} | set(rfi.excluded_partners)
    names = {id_: each.name for id_, each in (await ports.partners.load_partners(sorted(ids))).items()}
    asked = []
    for each in referrals:
        reasons = chosen[each.partner_id].reasons if each.partner_id in chosen else ()
        why = [text for reason in reasons if (text := said(words, reason, rfi.need.place))]
        name = names.get(each.partner_id, each.partner_id)
        asked.append((each, name, state_said(words, each.status, each.substatus), why))
    missed = [
        (names.get(each.partner_id, each.partner_id), words.say(_BECAUSE.get(each.because, each.because)), each.score)
        for each in near
    ]
    return {
        "asked": asked,
        "missed": missed,
        "limits": all_limits(words, rfi, names),
        "disclosed": await disclosures(ports, rfi, referrals, names, words=words, zone=zone),
    }
