"""What was refused or could not be used, on an operator's pages: every problem, the original, and giving it again.

An original holds personal data: showing one is logged with who looked.
"""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Request, Response

from services.core.aside import Letters
from services.core.errors import CommandInvalid
from services.core.ids import dead_letter_id
from services.core.listing import Cursor
from services.core.ports import DeadLetter
from services.core.stores import Refusal
from services.portal.access import NotHere, operator
from services.portal.identity import Identity
from services.portal.notices import go_on
from services.portal.pages.fields import fields_of
from services.portal.pages.frame import frame_of
from services.portal.pages.operator import ROWS
from services.portal.pages.places import pages_of, part_of, read_place
from services.portal.ports import PortalOptions, PortalPorts

log = structlog.get_logger("portal.operator")

Me = Annotated[Identity, Depends(operator)]

#: Longest original shown in a form, characters; longer ones are mended on the command line.
_SHOWN = 200_000
_WORDS = 200


def router(ports: PortalPorts, _options: PortalOptions) -> APIRouter:
    """Routes of refused requests and dead letters."""
    routes = APIRouter(include_in_schema=False)
    _add_refusals(routes, ports)
    _add_letters(routes, ports)
    return routes


def _add_refusals(routes: APIRouter, ports: PortalPorts) -> None:
    @routes.get("/operator/refused")
    async def listed(request: Request, me: Me) -> Response:
        code = request.query_params.get("code", "")[:_WORDS] or None
        codes = sorted((await ports.refusals.by_code()).items(), key=lambda each: (-each[1], each[0]))
        after = read_place(request.query_params.get("after", ""))
        found = await ports.refusals.listed(ROWS + 1, code, after)
        part = part_of(found, ROWS, lambda each: Cursor(each.at, each.id))
        values = {"me": me, "code": code, "codes": codes, "found": part.rows, "pages": pages_of(request, part.next)}
        return frame_of(request).page(request, "operator_refused.html.j2", values)

    @routes.get("/operator/refused/{refusal_id}")
    async def show(request: Request, refusal_id: str, me: Me) -> Response:
        return _refusal_page(request, me, await _refusal(ports, refusal_id))

    @routes.post("/operator/refused/{refusal_id}/replay")
    async def replay(request: Request, refusal_id: str, me: Me) -> Response:
        refusal = await _refusal(ports, refusal_id)
        mended = (await fields_of(request)).get("mended", "")
        # Browsers send line ends as CR LF; an original that nobody touched goes again byte for byte.
        same = mended.replace("\r\n", "\n") == _text(refusal).replace("\r\n", "\n")
        try:
            await ports.operations.replay_refusal(refusal, None if same or not mended else mended.encode())
        except CommandInvalid as error:
            return _refusal_page(request, me, refusal, problem=error.problems[0].message, status=422)
        log.info("refusal_replayed", by=me.name, refusal=refusal.id, mended=not same)
        return go_on("/operator/refused", "replayed")


async def _refusal(ports: PortalPorts, refusal_id: str) -> Refusal:
    found = (await ports.refusals.load([refusal_id])).get(refusal_id)
    if found is None:
        raise NotHere("there is no such refusal")
    return found


def _text(refusal: Refusal) -> str:
    return (refusal.record.value or b"").decode("utf-8", "replace")


def _refusal_page(
    request: Request, me: Identity, refusal: Refusal, *, problem: str = "", status: int = 200
) -> Response:
    log.info("original_shown", by=me.name, refusal=refusal.id)
    text = _text(refusal)
    values = {"me": me, "refusal": refusal, "text": text if len(text) <= _SHOWN else "", "problem": problem}
    return frame_of(request).page(request, "operator_refusal.html.j2", values, status=status)


def _letter_id(letter: DeadLetter) -> str:
    record = letter.record
    return dead_letter_id(letter.group, record.topic, record.partition, record.offset)


def _add_letters(routes: APIRouter, ports: PortalPorts) -> None:
    @routes.get("/operator/letters")
    async def listed(request: Request, me: Me) -> Response:
        asked = {name: request.query_params.get(name, "")[:_WORDS] for name in ("group", "reason", "text")}
        which = Letters(group=asked["group"] or None, reason=asked["reason"] or None, text=asked["text"] or None)
        counts = sorted((await ports.aside.letter_counts(Letters())).items())
        after = read_place(request.query_params.get("after", ""))
        found = await ports.aside.letters(which, ROWS + 1, after)
        part = part_of(found, ROWS, lambda each: Cursor(each.at, _letter_id(each)))
        rows = [(_letter_id(each), each) for each in part.rows]
        values = {"me": me, "asked": asked, "counts": counts, "found": rows, "pages": pages_of(request, part.next)}
        return frame_of(request).page(request, "operator_letters.html.j2", values)

    @routes.get("/operator/letters/{letter_id}")
    async def show(request: Request, letter_id: str, me: Me) -> Response:
        letter = await _letter(ports, letter_id)
        log.info("original_shown", by=me.name, letter=letter_id)
        text = (letter.record.value or b"")[:_SHOWN].decode("utf-8", "replace")
        closed = (await ports.aside.closings([letter_id])).get(letter_id)
        values = {"me": me, "id": letter_id, "letter": letter, "text": text, "closed": closed}
        return frame_of(request).page(request, "operator_letter.html.j2", values)

    @routes.post("/operator/letters/{letter_id}/replay")
    async def replay(letter_id: str, me: Me) -> Response:
        await _letter(ports, letter_id)
        failed = await ports.operations.replay_letters([letter_id])
        log.info("letter_replayed", by=me.name, letter=letter_id, failed=len(failed))
        return go_on("/operator/letters", "not-replayed" if failed else "replayed")

    @routes.post("/operator/letters/{letter_id}/drop")
    async def drop(request: Request, letter_id: str, me: Me) -> Response:
        await _letter(ports, letter_id)
        why = (await fields_of(request)).get("why", "").strip()[:_WORDS]
        if not why:
            return go_on(f"/operator/letters/{letter_id}", "why-needed")
        await ports.aside.close([letter_id], f"{why} ({me.name})", ports.clock.real_now())
        log.info("letter_dropped", by=me.name, letter=letter_id)
        return go_on("/operator/letters", "dropped")


async def _letter(ports: PortalPorts, letter_id: str) -> DeadLetter:
    found = (await ports.dead_letters.load([letter_id])).get(letter_id)
    if found is None:
        raise NotHere("there is no such dead letter")
    return found
