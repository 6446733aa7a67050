"""What a list shows leaves as a spreadsheet; answers come back from one, each row with its own problems in words."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from services.core.accounts import Role
from services.core.codes import CloseReason, Status, Substatus
from services.core.commands import Decline
from services.core.reveals import Way
from services.portal.engagements.sheets import EXPORT_ROWS, IMPORT_ROWS
from tests.builders import START, make_place, make_referral
from tests.portal.test_sheets import rows_of, sheet
from tests.portal.world import Browser, PortalWorld

IMPORT = "/sheets/import"
ACCEPT = {"Status": "Active", "Deal value": "9000", "Currency": "EUR", "Closing date": "2026-05-01"}


@pytest.fixture
async def ana(world: PortalWorld) -> Browser:
    browser = await world.signed_in(1)
    await browser.get("/sheets")
    return browser


async def test_a_sheet_has_what_the_list_shows_and_its_contacts_are_written_down(
    world: PortalWorld, ana: Browser
) -> None:
    shown = await world.add_referral(1, title="=cmd|' /C calc'!A0", keywords=("azure",))
    await world.add_referral(2, place=make_place(country="FR", subdivision=None))
    await world.add_referral(3, partner=2)
    await ana.get("/inbox")
    answer = await ana.submit("/sheets/export", {"list": "/inbox?region=ES&subdivision=ES-AN&after=x~y"})
    assert answer.headers["content-disposition"] == 'attachment; filename="referrals.csv"'
    (row,) = rows_of(answer.text)
    assert row["Id"] == shown.id
    assert all(not cell.startswith("=") for cell in row.values())
    (day,) = await world.stores.reveals.of_referrals([shown.id])
    assert day.way is Way.EXPORT


async def test_no_more_than_a_sheet_holds_leaves_and_its_name_says_so(world: PortalWorld, ana: Browser) -> None:
    await world.add_referral(1)
    for n in range(EXPORT_ROWS + 1):
        referral = make_referral(1, id=f"r{n:05}", created_at=START + timedelta(seconds=n))
        world.stores.referrals.stored[referral.id] = referral
    answer = await ana.submit("/sheets/export", {"list": "/inbox"})
    assert len(rows_of(answer.text)) == EXPORT_ROWS
    assert "first-5000" in answer.headers["content-disposition"]


async def test_favourites_alone_leave_when_they_alone_are_shown(world: PortalWorld, ana: Browser) -> None:
    starred, _other = await world.add_referral(1), await world.add_referral(2)
    await ana.submit(f"/referrals/{starred.id}/star", {"starred": "yes", "next": "/inbox"})
    answer = await ana.submit("/sheets/export", {"list": "/inbox?starred=1"})
    assert [row["Id"] for row in rows_of(answer.text)] == [starred.id]


async def test_no_sheet_of_everything_leaves_for_amounts_in_no_currency(world: PortalWorld, ana: Browser) -> None:
    referral = await world.add_referral(1)
    answer = await ana.submit("/sheets/export", {"list": "/inbox?worth_from=5"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/inbox?worth_from=5")
    assert await world.stores.reveals.of_referrals([referral.id]) == []


@pytest.mark.parametrize("path", ["", "/team", "https://evil.example/inbox/x", "//inbox"])
async def test_only_lists_of_ours_leave(ana: Browser, path: str) -> None:
    assert (await ana.submit("/sheets/export", {"list": path})).status_code == 404


async def test_without_the_button_no_sheet_leaves(world: PortalWorld, ana: Browser) -> None:
    referral = await world.add_referral(1)
    assert (await ana.get("/sheets/export?list=/inbox")).status_code == 405
    ana.token = "stolen"
    assert (await ana.submit("/sheets/export", {"list": "/inbox"})).status_code == 403
    assert await world.stores.reveals.of_referrals([referral.id]) == []


async def test_rows_are_carried_out_and_every_problem_of_the_others_is_told(world: PortalWorld, ana: Browser) -> None:
    made = [await world.add_referral(n) for n in range(1, 5)]
    theirs = await world.add_referral(9, partner=2)
    body = sheet(
        {"Id": made[0].id, **ACCEPT},
        {"Id": made[1].id, "Status": "Open", "Deal value": "much", "Closing date": "soon"},
        {"Id": theirs.id, **ACCEPT},
        {"Id": made[2].id, "ETag": '"7"', **ACCEPT},
        {"Id": made[3].id, **ACCEPT, "Currency": "euro"},
        {"Id": made[0].id, "Name": "again"},
    )
    answer = await ana.submit(IMPORT, files={"file": ("a.csv", body, "text/csv")})
    assert answer.status_code == 200
    text = answer.text
    assert "1 of 6 rows were carried out" in text
    for line in range(3, 8):
        assert f'<th scope="row">{line}</th>' in text
    assert '<th scope="row">2</th>' not in text
    for said in (
        "<strong>Status:</strong> This is none of the values that can stand here.",
        "<strong>Deal value:</strong> Enter an amount",
        "<strong>Closing date:</strong> Enter a date",
        "There is no such referral among yours.",
        "It was changed after this sheet was made.",
        "<strong>Currency:</strong> Give the currency as three capital letters",
        "Another row is about this referral",
    ):
        assert said in text, said
    assert (await world.referral(made[0].id)).status is Status.ACTIVE
    assert await world.referral(theirs.id) == theirs


async def test_what_the_state_forbids_is_told_in_the_readers_language(world: PortalWorld) -> None:
    ines = await world.signed_in(1, language="es")
    await ines.get("/sheets")
    referral = await world.add_referral(1)
    await world.ports.commands.execute(referral.id, Decline(by="partner:x", reason=CloseReason.SIZE))
    answer = await ines.submit(IMPORT, files={"file": ("a.csv", sheet({"Id": referral.id, **ACCEPT}), "text/csv")})
    assert "Su estado no lo permite." in answer.text


async def test_a_sheet_with_semicolons_as_spanish_spreadsheets_write_it_is_read(
    world: PortalWorld, ana: Browser
) -> None:
    referral = await world.add_referral(1)
    body = f'City;"Id";Status;Substatus;Status reason\nx, y;{referral.id};Closed;Declined;5\n'.encode()
    answer = await ana.submit(IMPORT, files={"file": ("a.csv", body, "text/csv")})
    assert "One row was carried out." in answer.text
    assert (await world.referral(referral.id)).substatus is Substatus.DECLINED


async def test_a_refused_row_is_named_by_the_number_that_a_spreadsheet_shows(world: PortalWorld, ana: Browser) -> None:
    referral = await world.add_referral(1)
    body = f'\n"Id","Notes","Status"\n\n{referral.id},"two\nlines",\nnobody,"x",Active\n'.encode()
    answer = await ana.submit(IMPORT, files={"file": ("a.csv", body, "text/csv")})
    rows = re.findall(r'<th scope="row">(\d+)</th>', answer.text)
    assert rows[-1] == "5"


@pytest.mark.parametrize("address", ["//[", "/inbox#", "http://portal.test/inbox", "/team", "", "?"])
async def test_no_sheet_is_made_of_what_is_no_list(ana: Browser, address: str) -> None:
    assert (await ana.submit("/sheets/export", {"list": address})).status_code == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "must name the columns"),
        (b"Name\nx\n", "must name the columns"),
        (b"Id\n" + b"x\n" * (IMPORT_ROWS + 1), "at most 1,000 rows"),
        (b"Id\n\xff\n", "CSV UTF-8"),
        (b'Id\n"open', "not a CSV file"),
    ],
)
async def test_what_is_no_sheet_is_refused_as_a_whole(ana: Browser, body: bytes, said: str) -> None:
    answer = await ana.submit(IMPORT, files={"file": ("a.csv", body, "text/csv")})
    assert answer.status_code == 422
    assert said in answer.text


async def test_a_form_without_a_file_asks_for_one(ana: Browser) -> None:
    answer = await ana.submit(IMPORT)
    assert (answer.status_code, "Choose a file." in answer.text) == (422, True)


async def test_a_viewer_reads_sheets_and_answers_with_none(world: PortalWorld) -> None:
    referral = await world.add_referral(1)
    viewer = await world.signed_in(1, role=Role.VIEWER)
    assert 'id="import-form"' not in (await viewer.get("/sheets")).text
    body = sheet({"Id": referral.id, **ACCEPT})
    assert (await viewer.submit(IMPORT, files={"file": ("a.csv", body, "text/csv")})).status_code == 403
    assert (await viewer.submit("/sheets/export", {"list": "/inbox"})).status_code == 200
