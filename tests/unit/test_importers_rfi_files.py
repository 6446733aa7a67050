"""Are RFIs of files passed on as their publisher meant them, and is a file that can't be read told so?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from services.adapters.importers.rfi_files import FileRfi, read_rfis
from services.core.errors import CommandInvalid
from tests.builders import START

BOM = b"\xef\xbb\xbf"


def read(tmp_path: Path, name: str, content: bytes, **options: Any) -> list[FileRfi]:
    (tmp_path / name).write_bytes(content)
    return list(read_rfis(tmp_path / name, **options))


def documents(rfis: list[FileRfi]) -> list[Any]:
    return [orjson.loads(rfi.value) for rfi in rfis]


@pytest.mark.parametrize("mark", [b"", BOM])
def test_a_json_file_holds_one_rfi_or_a_list(tmp_path: Path, mark: bytes) -> None:
    assert documents(read(tmp_path, "one.json", mark + b'{"id": "A"}')) == [{"id": "A"}]
    many = read(tmp_path, "many.json", mark + b'[{"id": "A"}, {"id": "B"}, 3]')
    assert documents(many) == [{"id": "A"}, {"id": "B"}, 3]
    assert [(rfi.line, rfi.key) for rfi in many] == [(1, "A"), (2, "B"), (3, "many.json:3")]


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson"])
@pytest.mark.parametrize("mark", [b"", BOM])
def test_json_lines_are_passed_on_byte_for_byte_broken_ones_too(tmp_path: Path, name: str, mark: bytes) -> None:
    lines = [b'{"id":  "A"}', b"", b"{broken", b'{"id": 7}', b"\xff\xfe"]
    found = read(tmp_path, name, mark + b"\r\n".join(lines))
    assert [rfi.value for rfi in found] == [line for line in lines if line]
    assert [(rfi.line, rfi.key) for rfi in found] == [(1, "A"), (3, f"{name}:3"), (4, f"{name}:4"), (5, f"{name}:5")]


@pytest.mark.parametrize("mark", [b"", BOM])
def test_columns_of_a_csv_are_paths_of_the_wire_form(tmp_path: Path, mark: bytes) -> None:
    text = (
        "id,customer.contact.email,need.keywords,consent.contact,consent.share,maxPartners,need.title,need.budget.amount,"
        "need.mustOffer,need.mustOfferOneOf,need.mustNotOffer,need.withinKm,excludedPartners,customer.place.latitude,"
        "need.place.longitude\n"
        'A,ana@c.example,azure; copias ;,true,FALSE,3,"Nube, pronto",1200,ISO 27001,oro;plata,'
        "cobre,25,P-1;P-2,37.3891,-5\n"
        '"B",,,maybe,,many,"dos\nlíneas",,,,,near,,"37,4",1e999\n'
    )
    found = read(tmp_path, "a.csv", mark + text.encode())
    assert documents(found) == [
        {
            "id": "A",
            "customer": {"contact": {"email": "ana@c.example"}, "place": {"latitude": 37.3891}},
            "need": {
                "keywords": ["azure", "copias"],
                "title": "Nube, pronto",
                "budget": {"amount": "1200"},
                "mustOffer": ["ISO 27001"],
                "mustOfferOneOf": ["oro", "plata"],
                "mustNotOffer": ["cobre"],
                "withinKm": 25,
                "place": {"longitude": -5.0},
            },
            "excludedPartners": ["P-1", "P-2"],
            "consent": {"contact": True, "share": False},
            "maxPartners": 3,
        },
        # What is wrong stays wrong, so that intake tells of it.
        {
            "id": "B",
            "consent": {"contact": "maybe"},
            "maxPartners": "many",
            "need": {"title": "dos\nlíneas", "withinKm": "near", "place": {"longitude": "1e999"}},
            "customer": {"place": {"latitude": "37,4"}},
        },
    ]
    assert [rfi.key for rfi in found] == ["A", "B"]
    assert found[0].line == 2


def test_surplus_cells_become_a_field_that_intake_names(tmp_path: Path) -> None:
    assert documents(read(tmp_path, "a.csv", b"id,channel\nA,sales,and,more\n")) == [
        {"id": "A", "channel": "sales", "surplusCells": ["and", "more"]}
    ]


def test_now_stands_for_an_instant_before_now_only_when_that_is_asked_for(tmp_path: Path) -> None:
    raw = b'{"a":"@now","b":"@now-PT1H","c":"@now-P1DT3H20M","d":"@now-P2D"}'
    (given,) = documents(read(tmp_path, "a.jsonl", raw, now=START))
    assert given == {
        "a": "2026-03-02T09:00:00+00:00",
        "b": "2026-03-02T08:00:00+00:00",
        "c": "2026-03-01T05:40:00+00:00",
        "d": "2026-02-28T09:00:00+00:00",
    }
    assert documents(read(tmp_path, "b.jsonl", raw)) == [orjson.loads(raw)]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", "id,need.title\nA,Migración\n".encode("latin-1"), "a.csv: is not UTF-8"),
        ("a.csv", b'id,channel\nA,"never closed\n', "a.csv:2: is not CSV"),
        ("a.json", b"{broken", "a.json: is not JSON"),
        ("a.xlsx", b"PK", "a.xlsx: .xlsx ending: use .json, .jsonl or .csv"),
        ("a", b"{}", "a: no ending"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    with pytest.raises(CommandInvalid, match=words):
        read(tmp_path, name, content)
