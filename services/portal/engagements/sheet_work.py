"""What is done with spreadsheets, whoever sends them: a list out; answers in, each row with its own problems."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.core.errors import (
    CommandInvalid,
    DependencyUnavailable,
    NotFound,
    Outdated,
    Problem,
    Refused,
    VersionConflict,
)
from services.core.listing import ListingQuery
from services.core.reveals import Way
from services.portal.engagements.asking import in_contract
from services.portal.engagements.errors import Faulty
from services.portal.engagements.reading import Reader
from services.portal.engagements.representation import to_wire
from services.portal.engagements.sheets import EXPORT_ROWS, Row, export, place_of
from services.portal.engagements.wanted import Sent
from services.portal.engagements.writing import Writer
from services.portal.identity import Identity

#: Most bytes of an import.
BYTES = 2 * 1024 * 1024
#: Rows that are carried out at a time: enough to hide the database's latency, few enough to leave it to others.
AT_A_TIME = 8

_NOT_FOUND = "not_found"
#: Codes of refusals that a page has other words for than for a state that forbids something.
_REFUSED: Mapping[type[Refused], str] = {NotFound: _NOT_FOUND, Outdated: "outdated"}


async def exported(reader: Reader, me: Identity, query: ListingQuery) -> tuple[str, bool]:
    """The sheet of a list, EXPORT_ROWS at most, and whether that is all of it; each contact in it is written down.

    Raises:
        DependencyUnavailable: nothing leaves.
    """
    told, cursor = await reader.page(me, query, Way.EXPORT)
    rows = [to_wire(each) for each in told]
    while cursor is not None and len(rows) < EXPORT_ROWS:
        told, cursor = await reader.page(me, replace(query, after=cursor), Way.EXPORT)
        rows += [to_wire(each) for each in told]
    return export(rows[:EXPORT_ROWS]), cursor is None and len(rows) <= EXPORT_ROWS


def text_of(body: bytes) -> str:
    """What an upload says.

    Raises:
        Faulty: it is too large, or no UTF-8.
    """
    if len(body) > BYTES:
        raise Faulty([Problem("", "too_large", f"send at most {BYTES} bytes")], 413)
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise Faulty([Problem("", "not_utf8", "save the spreadsheet as CSV UTF-8")]) from None


async def carried_out(writer: Writer, me: Identity, rows: Sequence[Row]) -> list[tuple[Row, Sequence[Problem]]]:
    """Each row is one change of one referral; none waits for another's fate. Rows, each with all its problems."""
    seen: set[str] = set()
    room = asyncio.Semaphore(AT_A_TIME)

    async def one(row: Row, *, repeated: bool) -> tuple[Row, Sequence[Problem]]:
        if repeated:
            return row, [Problem("Id", "repeated", "another row is about this referral; it alone was carried out")]
        async with room:
            return row, [*row.problems, *await _problems(writer, me, row)]

    waiting = []
    for row in rows:
        waiting.append(one(row, repeated=row.id in seen))
        seen.add(row.id)
    return list(await asyncio.gather(*waiting))


def unknown(done: Sequence[tuple[Row, Sequence[Problem]]]) -> list[tuple[str, str]]:
    """The ids of rows that no referral of the caller's has, as `foreign_ids` looks at them."""
    return [("referral_id", row.id) for row, problems in done if any(p.code == _NOT_FOUND for p in problems)]


async def _problems(writer: Writer, me: Identity, row: Row) -> Sequence[Problem]:
    """What is wrong with a row beside what can't be read of it; if anything can't, nothing is carried out."""
    unread = [Problem(place_of(each.field), each.code, each.message) for each in row.problems]
    try:
        await writer.change(me, row.id, Sent(wanted=row.wanted, problems=tuple(unread)), row.tag)
    except Faulty as faulty:
        return faulty.problems[len(unread) :]
    except CommandInvalid as invalid:
        return [in_contract(each) for each in invalid.problems]
    except Refused as refused:
        return [Problem("", _REFUSED.get(type(refused), "refused"), str(refused))]
    except (DependencyUnavailable, VersionConflict):
        return [Problem("", "try_again", "may or may not have been carried out; import this row again")]
    return ()
