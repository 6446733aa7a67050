"""Do the samples hold what they promise: a network that loads, and RFIs that end as samples/expected.json says?"""

from __future__ import annotations

import ast
import csv
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import phonenumbers

from services.adapters.importers.partners_csv import parse_partners
from services.adapters.importers.rfi_files import read_rfis
from services.core.errors import Problem
from services.core.partner import Partner, Profile
from services.core.rfi import Place, Rfi
from services.intake import shape
from services.intake.submission import read_submission
from services.intake.validate import validate
from services.matching.reference import ReferenceMatcher
from tests.submissions import regions

SAMPLES = Path(__file__).parents[2] / "samples"
SOURCE = "urn:samples"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def place(country: str, subdivision: str | None, city: str | None) -> Place | None:
    code = regions().country(country)
    below = regions().subdivision(code, subdivision) if code and subdivision else None
    return (
        None if code is None or (subdivision and below is None) else Place(country=code, subdivision=below, city=city)
    )


@cache
def network() -> tuple[list[Partner], list[Profile]]:
    return parse_partners((SAMPLES / "partners.csv").read_text("utf-8"), place)


@cache
def expected() -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads((SAMPLES / "expected.json").read_bytes())
    return loaded


@cache
def outcomes() -> dict[int, Rfi | list[Problem]]:
    found: dict[int, Rfi | list[Problem]] = {}
    for line in read_rfis(SAMPLES / "rfis.jsonl", NOW):
        sent = read_submission(line.value, [("content-type", b"application/json")], SOURCE)
        found[line.line] = validate(sent.data, SOURCE, NOW, regions()) if sent.readable else list(sent.problems)
    return found


def first_uses() -> dict[str, tuple[int, Rfi]]:
    firsts: dict[str, tuple[int, Rfi]] = {}
    for line, result in outcomes().items():
        if isinstance(result, Rfi):
            firsts.setdefault(result.id, (line, result))
    return firsts


def intake_codes() -> set[str]:
    """Each code that intake has for a field: those of the shape, and those that its modules call `wrong` with."""
    found = set(vars(shape)["_CODES"].values())
    for module in Path(shape.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "wrong":
                code = node.args[1]
                assert isinstance(code, ast.Constant), f"{module.name}:{node.lineno} hides its code from this test"
                found.add(code.value)
    return found


class Idle:
    """Nobody has an open referral."""

    def open_count(self, profile_id: str) -> int:
        return 0


def test_the_network_loads_and_can_be_reached() -> None:
    partners, profiles = network()
    assert (len(partners), len(profiles), len({p.country for p in profiles})) == (64, 80, 12)
    with (SAMPLES / "partners.csv").open(encoding="utf-8", newline="") as file:
        phones = [row["contact_phone"] for row in csv.DictReader(file)]
    assert [p for p in phones if not phonenumbers.is_valid_number(phonenumbers.parse(p))] == []


def test_each_bad_line_has_the_problems_that_are_promised() -> None:
    told = {n: {(p.field, p.code) for p in r} for n, r in outcomes().items() if isinstance(r, list)}
    promised = {e["line"]: {(p["field"], p["code"]) for p in e["problems"]} for e in expected()["refused"]}
    # Other content under a known id shows only beside the store.
    assert told == {n: problems for n, problems in promised.items() if problems != {("/id", "id_reused")}}


def test_the_bad_lines_show_every_code_that_intake_has_for_a_field() -> None:
    codes = intake_codes()
    assert {"missing", "language_tag"} <= codes
    assert codes - {p["code"] for e in expected()["refused"] for p in e["problems"]} == set()


def test_repeated_ids_are_the_promised_repetitions_and_reuses() -> None:
    again = {e["line"]: e["firstLine"] for e in expected()["duplicates"]}
    reused = {e["line"]: e["firstLine"] for e in expected()["refused"] if "firstLine" in e}
    same: dict[int, int] = {}
    other: dict[int, int] = {}
    for line, result in outcomes().items():
        if isinstance(result, Rfi) and (first := first_uses()[result.id])[0] != line:
            (same if first[1].content_hash == result.content_hash else other)[line] = first[0]
    assert (same, other) == (again, reused)


def test_every_other_rfi_finds_a_partner_unless_said_otherwise() -> None:
    matcher = ReferenceMatcher(Idle())
    for profile in network()[1]:
        matcher.put(profile)
    lines, rfis = zip(*first_uses().values(), strict=True)
    nobody = {n for n, r in zip(lines, matcher.match(rfis, NOW), strict=True) if not r.chosen}
    assert nobody == {e["line"] for e in expected()["acceptedWithoutMatch"]}
    assert len(rfis) == expected()["counts"]["accepted"]


def test_search_rfis_name_partners_of_the_network() -> None:
    known = {partner.id for partner in network()[0]}
    assert {pick for _, rfi in first_uses().values() for pick in rfi.selected_partners} <= known


def test_the_spreadsheet_sample_is_accepted() -> None:
    results = [validate(orjson.loads(r.value), SOURCE, NOW, regions()) for r in read_rfis(SAMPLES / "rfis.csv", NOW)]
    assert [r for r in results if not isinstance(r, Rfi)] == []
    assert len(results) == 4
