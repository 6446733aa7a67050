"""How are referrals put into a spreadsheet, and read from one? Pure: rows in, text out, and back.

What a spreadsheet would take for a formula gets an apostrophe in front, which reading takes off again. That is the
beginning of a cell, and what follows a semicolon, a tab or a new line: where a spreadsheet expects semicolons between
cells, as with Spanish settings, it cuts ours there, whatever the quotes say.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.core.errors import Problem
from services.portal.engagements.errors import Faulty
from services.portal.engagements.models import ReferralV1
from services.portal.engagements.wanted import Wanted, with_value

#: Most rows of an export and of an import, as the contract has them.
EXPORT_ROWS, IMPORT_ROWS = 5000, 1000
#: Characters that begin a formula somewhere, some spreadsheets take them in full width too; and where cells begin.
_FORMULA, _BEGINS = "(?=[-=+@\t\r\n|%\uff0d\uff1d\uff0b\uff20])", r"(^|[;\t\r\n])"
_HARMFUL, _DEFUSED = re.compile(_BEGINS + _FORMULA), re.compile(f"{_BEGINS}'{_FORMULA}")

#: Column -> where its value stands in the contract; those that can be imported are read back from there.
_COLUMNS: Mapping[str, str] = {
    "Id": "/id",
    "ETag": "/eTag",
    "Engagement Id": "/engagementId",
    "Name": "/name",
    "Status": "/status",
    "Substatus": "/substatus",
    "Status reason": "/statusReason",
    "CRM id": "/externalReferenceId",
    "Campaign": "/campaignId",
    "Sales stage": "/salesStage",
    "Deal value": "/details/dealValue",
    "Currency": "/details/currency",
    "Closing date": "/details/closingDateTime",
    "Notes": "/details/notes",
    "Favorite": "/favorite",
    "Customer": "/customerProfile/name",
    "Country": "/customerProfile/address/country",
    "State": "/customerProfile/address/state",
    "City": "/customerProfile/address/city",
    "Size": "/customerProfile/size",
    "Contact first name": "/customerProfile/team/0/firstName",
    "Contact last name": "/customerProfile/team/0/lastName",
    "Contact email": "/customerProfile/team/0/email",
    "Contact phone": "/customerProfile/team/0/phoneNumber",
    "Created": "/createdDateTime",
    "Updated": "/updatedDateTime",
    "Expires": "/expirationDateTime",
    "Accepted": "/acceptedDateTime",
    "Closed": "/closedDateTime",
}
#: Columns that an import reads; others may be there and are left alone.
READ = tuple(list(_COLUMNS)[3:15])
ERRORS = "Errors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of an import: which referral, what it should be, and what of the row can't be read."""

    #: Where a spreadsheet shows it: the names are in the first line, and empty lines count.
    line: int
    cells: tuple[str, ...]
    id: str
    tag: str | None
    wanted: Wanted
    problems: tuple[Problem, ...]


def export(referrals: Iterable[ReferralV1]) -> str:
    """The sheet, with a first line of names."""
    return _written(_COLUMNS, (_cells(each.model_dump(mode="json", by_alias=True)) for each in referrals))


def read_sheet(text: str) -> tuple[tuple[str, ...], list[Row]]:
    """The names of the columns and the rows of a sheet.

    Raises:
        Faulty: it is no sheet of ours: no column Id, or too many rows.
    """
    text = text.removeprefix("\ufeff")
    try:
        read = csv.reader(io.StringIO(text), delimiter=_delimiter(text), strict=True)
        lines = {number: line for number, line in enumerate(read, 1) if any(line)}
    except csv.Error as error:
        raise Faulty([Problem("", "not_csv", f"can't be read as CSV: {error}")]) from None
    first = lines.pop(min(lines, default=0), [])
    if "Id" not in first:
        raise Faulty([Problem("", "no_id", "the first line names the columns, and one of them is Id")])
    if len(lines) > IMPORT_ROWS:
        raise Faulty([Problem("", "too_many", f"import at most {IMPORT_ROWS} rows at a time")])
    names = tuple(name for name in first if name != ERRORS)
    dropped = {index for index, name in enumerate(first) if name == ERRORS}
    return names, [
        _row(number, names, tuple(cell for index, cell in enumerate(line) if index not in dropped))
        for number, line in lines.items()
    ]


def column_of(pointer: str) -> str:
    """The column that a field of the contract stands in; the field itself if it has none."""
    return next((name for name, there in _COLUMNS.items() if there == pointer), pointer)


def place_of(column: str) -> str:
    """Where the value of a column stands in the contract."""
    return _COLUMNS.get(column, column)


def report(names: Sequence[str], rows: Iterable[tuple[Row, Sequence[Problem]]]) -> str:
    """The sheet sent back, each row with what is wrong with it, or nothing."""
    lines = (
        (*row.cells, "; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in problems))
        for row, problems in rows
    )
    return _written((*names, ERRORS), lines)


def defused(cell: str) -> str:
    """The cell, harmless in any spreadsheet."""
    return _HARMFUL.sub(r"\1'", cell)


def plain(cell: str) -> str:
    """The cell as it was before it was made harmless."""
    return _DEFUSED.sub(r"\1", cell)


def _delimiter(text: str) -> str:
    """What stands between cells: where commas are decimal marks, spreadsheets put semicolons between them."""
    head = text.partition("\n")[0].strip()
    return next((mark for mark in ",;\t" if "Id" in (name.strip('" ') for name in head.split(mark))), ",")


def _row(line: int, names: Sequence[str], cells: tuple[str, ...]) -> Row:
    values = {name: plain(cell).strip() for name, cell in zip(names, cells, strict=False)}
    wanted, problems = Wanted(), list[Problem]()
    if len(cells) > len(names):
        problems.append(Problem("", "too_many_cells", "the row has more cells than the first line has names"))
    for name in READ:
        # An empty cell leaves the field: a sheet can't tell empty from absent.
        if text := values.get(name):
            wanted = with_value(wanted, _COLUMNS[name], _value(name, text), name, problems)
    return Row(
        line=line,
        cells=cells,
        id=values.get("Id", ""),
        tag=values.get("ETag") or None,
        wanted=wanted,
        problems=tuple(problems),
    )


def _value(name: str, text: str) -> Any:
    if name == "Favorite":
        return {"true": True, "false": False}.get(text.lower(), text)
    return text


def _cells(told: Mapping[str, Any]) -> list[str]:
    return [_cell(_at(told, pointer)) for pointer in _COLUMNS.values()]


def _at(told: Any, pointer: str) -> Any:
    for step in pointer.removeprefix("/").split("/"):
        if isinstance(told, list):
            told = told[int(step)] if len(told) > int(step) else None
        else:
            told = told.get(step) if isinstance(told, Mapping) else None
    return told


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _written(names: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    # A spreadsheet tells UTF-8 by its mark.
    text.write("\ufeff")
    writer = csv.writer(text)
    writer.writerow([defused(plain(name)) for name in names])
    writer.writerows([defused(plain(cell)) for cell in row] for row in rows)
    return text.getvalue()
