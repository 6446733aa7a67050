"""A list of referrals as a spreadsheet, and answers from one: what became of each row, in words.

The same work as for programs (`services.portal.engagements`). A sheet with contacts is asked for by a button: links are
followed by scanners, and each contact in it is written down as disclosed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import APIRouter, Depends, Request, Response
from starlette.datastructures import UploadFile

from services.core.errors import Problem
from services.core.listing import PAGE_LIMIT, ListingQuery, Section
from services.portal.access import NotHere, partner, partner_writer
from services.portal.engagements.errors import Faulty
from services.portal.engagements.reading import Reader
from services.portal.engagements.sheet_work import carried_out, exported, text_of, unknown
from services.portal.engagements.sheets import EXPORT_ROWS, IMPORT_ROWS, Row, column_of, read_sheet
from services.portal.engagements.writing import Writer
from services.portal.foreign_ids import foreign_ids_of
from services.portal.identity import Identity
from services.portal.notices import go_on
from services.portal.pages.fields import fields_of
from services.portal.pages.frame import frame_of, words_for
from services.portal.pages.list_query import ListRequest, path_of, read_request
from services.portal.pages.problem_words import problem_said
from services.portal.ports import PortalOptions, PortalPorts
from services.wording.words import Words, _

Me = Annotated[Identity, Depends(partner)]
Writes = Annotated[Identity, Depends(partner_writer)]

#: Problems of sheets, which other forms do not have.
_SAID = {
    "not_csv": _("This is not a CSV file that can be read. Save the spreadsheet as CSV."),
    "no_id": _("The first line must name the columns, and one of them must be Id."),
    "too_many": _("Import at most 1,000 rows at a time."),
    "too_large": _("The file is too large: 2 MB at most."),
    "not_utf8": _("Save the spreadsheet as CSV UTF-8."),
    "no_file": _("Choose a file."),
    "too_many_cells": _("The row has more cells than the first line has names."),
    "repeated": _("Another row is about this referral; only that one was carried out."),
    "not_found": _("There is no such referral among yours."),
    "outdated": _("It was changed after this sheet was made. Download it again."),
    "refused": _("Its state does not allow this."),
    "not_now": _("This cannot be changed together with the status. Import it in another sheet before."),
    "try_again": _("It may or may not have been carried out. Import this row again."),
    "unknown": _("This is none of the values that can stand here."),
    "contradiction": _("Status and substatus do not go together."),
    "not_allowed": _("This cannot be asked for."),
    "not_number": _("Enter an amount, for example 48000."),
    "not_boolean": _("Enter true or false."),
}
#: Said by the words above whatever the field; the others only of a whole row or file.
_OF_FIELDS = frozenset({"unknown", "contradiction", "not_allowed", "not_now", "not_number", "not_boolean", "repeated"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One row that was not carried out: where it stands, which referral, and every problem as (column, words)."""

    line: int
    id: str
    problems: tuple[tuple[str, str], ...]


def router(ports: PortalPorts, options: PortalOptions) -> APIRouter:
    """Routes of spreadsheets."""
    routes = APIRouter(include_in_schema=False)
    reader = Reader(ports, options.base_url)
    _add_export(routes, ports, reader)
    _add_import(routes, Writer(ports, reader))
    return routes


def _add_export(routes: APIRouter, ports: PortalPorts, reader: Reader) -> None:
    @routes.post("/sheets/export")
    async def export_sheet(request: Request, me: Me) -> Response:
        asked = _asked((await fields_of(request)).get("list", path_of(Section.NEW)))
        if asked.left_out:
            # The list says why; a sheet of everything is not what was asked for.
            return go_on(asked.address())
        query = await _query(ports, me, asked)
        text, complete = await exported(reader, me, query)
        name = "referrals.csv" if complete else f"referrals-first-{EXPORT_ROWS}.csv"
        headers = {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
        return Response(text.encode(), media_type="text/csv; charset=utf-8", headers=headers)


def _asked(address: str) -> ListRequest:
    """The list that the address of one of our pages asks for, from its beginning."""
    path, _mark, filters = address.partition("?")
    section = next((each for each in Section if path_of(each) == path), None)
    if section is None:
        raise NotHere("there is no such list")
    return replace(read_request(section, dict(parse_qsl(filters))), after=None)


async def _query(ports: PortalPorts, me: Identity, asked: ListRequest) -> ListingQuery:
    """All of its pages."""
    partner_id = me.partner_id or ""
    ids = await ports.favourites.of_partner(partner_id) if asked.starred else None
    return replace(asked.query(partner_id, ids), limit=PAGE_LIMIT)


def _add_import(routes: APIRouter, writer: Writer) -> None:
    @routes.get("/sheets")
    async def sheets(request: Request, me: Me) -> Response:
        return _page(request, me)

    @routes.post("/sheets/import", dependencies=[Depends(_closing)])
    async def import_sheet(request: Request, me: Writes) -> Response:
        words = words_for(request)
        try:
            _names, rows = read_sheet(text_of(await _upload(request)))
        except Faulty as faulty:
            return _page(request, me, wrong=[_said(words, each) for each in faulty.problems])
        done = await carried_out(writer, me, rows)
        foreign_ids_of(request).refused(me, "POST /sheets/import", unknown(done))
        refused = [
            Refusal(line=row.line, id=row.id, problems=tuple(_told(words, each) for each in problems))
            for row, problems in done
            if problems
        ]
        return _page(request, me, done=done, refused=refused)


async def _closing(request: Request) -> AsyncIterator[None]:
    """Whatever becomes of the request, its upload does not stay behind as an open file."""
    try:
        yield
    finally:
        await request.close()


async def _upload(request: Request) -> bytes:
    file = (await request.form()).get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise Faulty([Problem("", "no_file", "choose a file")])
    return await file.read()


def _page(
    request: Request,
    me: Identity,
    *,
    wrong: Sequence[str] = (),
    done: Sequence[tuple[Row, Sequence[Problem]]] | None = None,
    refused: Sequence[Refusal] = (),
) -> Response:
    values = {
        "may_write": me.may_write,
        "export_rows": EXPORT_ROWS,
        "import_rows": IMPORT_ROWS,
        "wrong": wrong,
        "rows": None if done is None else len(done),
        "refused": refused,
    }
    return frame_of(request).page(request, "sheets.html.j2", values, status=422 if wrong else 200)


def _told(words: Words, problem: Problem) -> tuple[str, str]:
    return column_of(problem.field) if problem.field else "", _said(words, problem)


def _said(words: Words, problem: Problem) -> str:
    if problem.code in _SAID and (not problem.field or problem.code in _OF_FIELDS):
        return words.say(_SAID[problem.code])
    return problem_said(words, problem)
