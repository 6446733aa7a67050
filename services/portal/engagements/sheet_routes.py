"""How do spreadsheets get out of the exchange, and answers in them back in? Row by row, each with its own errors."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.portal.engagements.contract import ContractRoute, Reading, Writing, errors, name_methods
from services.portal.engagements.documents import CSV, SHEET_PARAMETERS
from services.portal.engagements.lists import read_parameters
from services.portal.engagements.reading import Reader, partner_of
from services.portal.engagements.sheet_work import carried_out, exported, text_of, unknown
from services.portal.engagements.sheets import EXPORT_ROWS, read_sheet, report
from services.portal.engagements.writing import Writer
from services.portal.foreign_ids import foreign_ids_of
from services.portal.ports import PortalOptions, PortalPorts

EXPORT, IMPORT = "/v1.0/engagements/export.csv", "/v1.0/engagements/import.csv"


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
        query = read_parameters(request.query_params.multi_items(), partner_of(me)).query
        text, complete = await exported(reader, me, query)
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
        names, rows = read_sheet(text_of(await request.body()))
        done = await carried_out(writer, me, rows)
        foreign_ids_of(request).refused(me, f"POST {IMPORT}", unknown(done))
        text = report(names, done)
        return Response(text.encode(), media_type="text/csv; charset=utf-8")

    return name_methods(routes)


_LEFT_OUT = {"X-Complete": {"description": "false when there are more rows than fit", "schema": {"type": "string"}}}
