"""How do spreadsheets get out of the exchange, and answers in them back in? Row by row, each with its own errors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from fastapi import APIRouter, Request, Response

from services.core.errors import CommandInvalid, DependencyUnavailable, Problem, Refused, VersionConflict
from services.core.reveals import Way
from services.portal.engagements.asking import in_contract
from services.portal.engagements.contract import ContractRoute, Reading, Writing, errors, name_methods
from services.portal.engagements.documents import CSV, SHEET_PARAMETERS
from services.portal.engagements.errors import Faulty
from services.portal.engagements.lists import read_parameters
from services.portal.engagements.reading import Reader, partner_of
from services.portal.engagements.representation import to_wire
from services.portal.engagements.sheets import EXPORT_ROWS, Row, export, read_sheet, report
from services.portal.engagements.writing import Writer
from services.portal.identity import Identity
from services.portal.ports import PortalOptions, PortalPorts

EXPORT, IMPORT = "/v1.0/engagements/export.csv", "/v1.0/engagements/import.csv"
#: Most bytes of an import.
BYTES = 2 * 1024 * 1024
#: Rows that are carried out at a time: enough to hide the database's latency, few enough to leave it to others.
AT_A_TIME = 8


def router(ports: PortalPorts, options: PortalOptions) -> APIRouter:
    """The routes of both ways."""
    routes = APIRouter(route_class=ContractRoute, tags=["spreadsheets"])
    reader = Reader(ports, options.base_url)
    writer = Writer(ports, reader)

    @routes.get(
        EXPORT,
        responses=errors(400) | {200: {"content": CSV, "headers": _LEFT_OUT}},
        response_class=Response,
        openapi_extra={"parameters": SHEET_PARAMETERS},
        summary=f"Your referrals as a spreadsheet, {EXPORT_ROWS} at most",
    )
    async def export_csv(request: Request, me: Reading) -> Response:
        text, complete = await _exported(reader, me, request.query_params.multi_items())
        headers = {
            "content-disposition": 'attachment; filename="referrals.csv"',
            "x-complete": "true" if complete else "false",
        }
        return Response(text.encode(), media_type="text/csv; charset=utf-8", headers=headers)

    @routes.post(
        IMPORT,
        responses=errors(400, 413) | {200: {"content": CSV}},
        response_class=Response,
        openapi_extra={"requestBody": {"required": True, "content": CSV}},
        summary="Answers in a spreadsheet; it comes back with a column Errors",
    )
    async def import_csv(request: Request, me: Writing) -> Response:
        names, rows = read_sheet(_text(await request.body()))
        text = report(names, await _carried_out(writer, me, rows))
        return Response(text.encode(), media_type="text/csv; charset=utf-8")

    return name_methods(routes)


_LEFT_OUT = {"X-Complete": {"description": "false when there are more rows than fit", "schema": {"type": "string"}}}


async def _exported(reader: Reader, me: Identity, given: Sequence[tuple[str, str]]) -> tuple[str, bool]:
    query = read_parameters(given, partner_of(me)).query
    told, cursor = await reader.page(me, query, Way.EXPORT)
    rows = [to_wire(each) for each in told]
    while cursor is not None and len(rows) < EXPORT_ROWS:
        told, cursor = await reader.page(me, replace(query, after=cursor), Way.EXPORT)
        rows += [to_wire(each) for each in told]
    return export(rows[:EXPORT_ROWS]), cursor is None and len(rows) <= EXPORT_ROWS


def _text(body: bytes) -> str:
    if len(body) > BYTES:
        raise Faulty([Problem("", "too_large", f"send at most {BYTES} bytes")], 413)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise Faulty([Problem("", "not_utf8", "save the spreadsheet as CSV UTF-8")]) from None


async def _carried_out(writer: Writer, me: Identity, rows: Sequence[Row]) -> list[tuple[Row, Sequence[Problem]]]:
    """Each row is one change of one referral; none waits for another's fate."""
    seen: set[str] = set()
    room = asyncio.Semaphore(AT_A_TIME)

    async def one(row: Row, *, repeated: bool) -> tuple[Row, Sequence[Problem]]:
        if repeated:
            return row, [Problem("Id", "repeated", "another row is about this referral; it alone was carried out")]
        async with room:
            return row, row.problems or await _problems(writer, me, row)

    waiting = []
    for row in rows:
        waiting.append(one(row, repeated=row.id in seen))
        seen.add(row.id)
    return list(await asyncio.gather(*waiting))


async def _problems(writer: Writer, me: Identity, row: Row) -> Sequence[Problem]:
    try:
        await writer.change(me, row.id, row.wanted, row.tag)
    except Faulty as faulty:
        return faulty.problems
    except CommandInvalid as invalid:
        return [in_contract(each) for each in invalid.problems]
    except Refused as refused:
        return [Problem("", "refused", str(refused))]
    except (DependencyUnavailable, VersionConflict):
        return [Problem("", "try_again", "may or may not have been carried out; import this row again")]
    return ()
