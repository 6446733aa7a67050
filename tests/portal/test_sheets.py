"""Spreadsheets: what goes out is harmless and complete, and what comes in is answered row by row."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.reveals import Way
from services.portal.engagements.sheets import EXPORT_ROWS, IMPORT_ROWS, READ, defused, plain
from tests.builders import START, make_customer, make_need, make_person, make_referral, make_rfi
from tests.portal.world import Browser, PortalWorld

EXPORT, IMPORT = "/v1.0/engagements/export.csv", "/v1.0/engagements/import.csv"


@pytest.fixture
async def crm(world: PortalWorld) -> Browser:
    return await world.program()


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def sheet(*rows: dict[str, Any]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@given(st.text())
def test_a_cell_comes_back_as_it_was_and_never_begins_a_formula(text: str) -> None:
    assert plain(defused(plain(text))) == plain(text)
    assert not defused(text).startswith(("=", "+", "-", "@", "\t", "\r"))


@given(st.text(st.sampled_from("=+-@|%;\t\r\n'a1, \uff1d")))
def test_where_semicolons_stand_between_cells_no_formula_begins_either(text: str) -> None:
    """A spreadsheet with such settings cuts our lines at each of them, inside of quotes too."""
    assert plain(defused(plain(text))) == plain(text)
    for cell in re.split("[;\t\r\n]", defused(text)):
        assert not cell.startswith(("=", "+", "-", "@", "|", "%", "\uff1d"))


async def test_an_export_has_what_was_asked_for_and_each_disclosure_is_noted(world: PortalWorld, crm: Browser) -> None:
    need, contact = make_need(title='=HYPERLINK("http://evil")'), make_person(first_name="+cmd", last_name='a, "b"\nc')
    rfi = make_rfi(1, need=need, customer=make_customer(contact=contact))
    await world.stores.rfis.add([rfi])
    referral = await world.add_referral(1, title=need.title)
    other = await world.add_referral(2, partner=2)
    answer = await crm.get(EXPORT, params={"$filter": "status eq 'New'"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["x-complete"] == "true"
    (row,) = rows_of(answer.text)
    assert (row["Id"], row["Name"], row["Contact first name"]) == (referral.id, f"'{need.title}", "'+cmd")
    assert (row["Contact last name"], row["Contact phone"]) == ('a, "b"\nc', "'+34955000001")
    assert (row["Deal value"], row["Currency"], row["Favorite"]) == ("40000", "EUR", "false")
    assert other.id not in answer.text
    (day,) = await world.stores.reveals.of_referrals([referral.id])
    assert day.way is Way.EXPORT
    assert (await crm.get(EXPORT, params={"$filter": "?"})).status_code == 400


async def test_an_export_ends_at_its_limit_and_says_so(world: PortalWorld, crm: Browser) -> None:
    await world.add_referral(1)
    many = EXPORT_ROWS + 1
    for n in range(many):
        referral = make_referral(1, id=f"r{n:05}", created_at=START + timedelta(seconds=n))
        world.stores.referrals.stored[referral.id] = referral
    answer = await crm.get(EXPORT)
    assert len(rows_of(answer.text)) == EXPORT_ROWS
    assert answer.headers["x-complete"] == "false"


async def test_an_import_carries_out_each_row_and_gives_every_error_back(world: PortalWorld, crm: Browser) -> None:
    made = [await world.add_referral(n) for n in range(1, 6)]
    theirs = await world.add_referral(9, partner=2)
    accept = {"Status": "Active", "Deal value": "9000", "Currency": "eur", "Closing date": "2026-05-01"}
    answer = await crm.post(
        IMPORT,
        content=sheet(
            {"Id": made[0].id, **accept, "CRM id": "'=1+1", "Customer": "ignored"},
            {"Id": made[1].id, "Status": "Closed", "Substatus": "Declined", "Status reason": "8"},
            {"Id": made[2].id, "Deal value": "much", "Closing date": "soon", "Status": "Open"},
            {"Id": theirs.id, **accept},
            {"Id": made[3].id, "ETag": '"7"', **accept},
            {"Id": made[0].id, "Name": "again"},
            {"Id": made[4].id, "Name": "not accepted yet"},
        ),
    )
    assert answer.status_code == 200, answer.text
    errors = [row["Errors"] for row in rows_of(answer.text)]
    assert errors[0] == ""
    assert errors[1] == "/details/notes: the reason 'other' needs notes that say which"
    assert [part.partition(":")[0] for part in errors[2].split("; ")] == ["Status", "Deal value", "Closing date"]
    assert "there is no referral" in errors[3]
    assert "has changed since you read it" in errors[4]
    assert "another row is about this referral" in errors[5]
    assert "accept it first" in errors[6]
    stored = await world.referral(made[0].id)
    assert (stored.status, stored.details.crm_id) == ("Active", "=1+1")
    assert rows_of(answer.text)[0]["CRM id"] == "'=1+1"
    assert await world.referral(theirs.id) == theirs


async def test_an_export_imported_again_changes_nothing(world: PortalWorld, crm: Browser) -> None:
    await world.add_referral(1)
    decline = {"Status": "Closed", "Substatus": "Declined", "Status reason": "other", "Notes": "no time"}
    second = await world.add_referral(2)
    for _ in range(2):
        answer = await crm.post(IMPORT, content=sheet({"Id": second.id, **decline}))
        assert rows_of(answer.text)[0]["Errors"] == ""
    before = dict(world.stores.referrals.stored)
    text = (await crm.get(EXPORT)).text
    answer = await crm.post(IMPORT, content=text.encode())
    assert [row["Errors"] for row in rows_of(answer.text)] == ["", ""]
    assert dict(world.stores.referrals.stored) == before
    assert (await crm.post(IMPORT, content=answer.content)).text == answer.text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "one of them is Id"),
        (b"Name\nx\n", "one of them is Id"),
        (b"Id\n" + b"x\n" * (IMPORT_ROWS + 1), "at most 1000 rows"),
        (b"Id\n\xff\n", "CSV UTF-8"),
        (b'Id\n"open', "can't be read as CSV"),
    ],
)
async def test_what_is_no_sheet_is_refused_as_a_whole(crm: Browser, body: bytes, words: str) -> None:
    answer = await crm.post(IMPORT, content=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


async def test_a_row_with_too_many_cells_is_not_guessed_at(world: PortalWorld, crm: Browser) -> None:
    referral = await world.add_referral()
    answer = await crm.post(IMPORT, content=f"Id,Status\n{referral.id},Closed,Declined\n".encode())
    assert "more cells than" in answer.text


def test_what_can_be_imported_is_what_the_contract_lets_change() -> None:
    assert READ[0] == "Name"
    assert READ[-1] == "Favorite"
