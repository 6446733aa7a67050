"""What does a CSV of partners become, and is every fault of it told at once, by row and column?"""

from __future__ import annotations

import csv
import io
from functools import lru_cache
from pathlib import Path

import pytest

from services.adapters.importers.partners_csv import REQUIRED, parse_partners, read_partners
from services.core.codes import CompanySize, PolicyName
from services.core.errors import CommandInvalid
from services.core.ids import partner_id, profile_id
from services.core.partner import Partner, Profile
from services.core.rfi import Coordinate, Place
from services.intake.regions import Regions

SAMPLES = Path(__file__).parent.parent.parent / "samples"

GOOD = {
    "partner_id": "P-1",
    "partner_name": "Nube Sur",
    "admin_email": "jefa@nube.example",
    "country": "ES",
    "serves": "ES-AN;ES-MD/Madrid",
    "location_city": "Sevilla",
    "location_subdivision": "ES-SE",
    "location_postal_code": "41001",
    "contact_first_name": "Ana",
    "contact_last_name": "Molina",
    "contact_email": "ana@nube.example",
    "contact_language": "es",
    "keywords": "azure; copias ;;azure",
    "sizes": CompanySize.S51_250.value,
    "capacity": "5",
    "paused_until": "2026-12-31",
    "policy": "classic",
}


#: Columns that a row may have besides.
DEGREES = ("location_latitude", "location_longitude")


@lru_cache(maxsize=1)
def regions() -> Regions:
    return Regions()


def resolve(country: str, subdivision: str | None, city: str | None) -> Place | None:
    code = regions().country(country)
    inner = regions().subdivision(code, subdivision) if code and subdivision else None
    if code is None or (subdivision and inner is None):
        return None
    return Place(country=code, subdivision=inner, city=city)


def text_of(*rows: dict[str, str]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, [*GOOD, *DEGREES], restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def parse(*rows: dict[str, str]) -> tuple[list[Partner], list[Profile]]:
    return parse_partners(text_of(*rows), resolve)


def faults(text: str) -> dict[str, str]:
    """Field and code of every problem."""
    with pytest.raises(CommandInvalid) as caught:
        parse_partners(text, resolve)
    assert len({p.field for p in caught.value.problems}) == len(caught.value.problems)
    return {p.field: p.code for p in caught.value.problems}


def test_a_row_becomes_a_partner_with_a_profile() -> None:
    (partner,), (profile,) = parse(GOOD)
    assert (partner.id, partner.name, partner.policy) == (partner_id("csv", "P-1"), "Nube Sur", PolicyName.CLASSIC)
    assert partner.admin.email == "jefa@nube.example"
    assert (profile.id, profile.policy) == (profile_id(partner.id, "ES"), PolicyName.CLASSIC)
    assert profile.serves == (
        Place(country="ES", subdivision="ES-AN"),
        Place(country="ES", subdivision="ES-MD", city="Madrid"),
    )
    assert (profile.keywords, profile.sizes, profile.capacity) == (("azure", "copias"), (CompanySize.S51_250,), 5)
    assert profile.paused_until is not None
    assert profile.active
    (location,) = profile.locations
    assert location.place == Place(country="ES", subdivision="ES-SE", city="Sevilla", postal_code="41001")
    assert (location.contact.email, location.contact.language) == ("ana@nube.example", "es")


def test_a_location_may_have_coordinates() -> None:
    _, (without,) = parse(GOOD)
    _, (profile,) = parse(GOOD | dict(zip(DEGREES, ("37.3891", "-5"), strict=True)))
    assert without.locations[0].coordinate is None
    assert profile.locations[0].coordinate == Coordinate(37.3891, -5.0)
    # Whoever looks a place up later has not moved it.
    assert profile.locations[0].id == without.locations[0].id


@pytest.mark.parametrize(
    ("north", "east", "found"),
    [
        ("37.4", "", {"row 2/location_longitude": "required"}),
        ("", "0", {"row 2/location_latitude": "required"}),
        ("91", "-181", {"row 2/location_latitude": "invalid", "row 2/location_longitude": "invalid"}),
        ("nan", "0", {"row 2/location_latitude": "invalid"}),
        ("37,4", "-5.9", {"row 2/location_latitude": "not_a_number"}),
        ("37.4", "west", {"row 2/location_longitude": "not_a_number"}),
    ],
)
def test_coordinates_that_cannot_be_are_told(north: str, east: str, found: dict[str, str]) -> None:
    assert faults(text_of(GOOD | dict(zip(DEGREES, (north, east), strict=True)))) == found


def test_rows_of_one_partner_and_country_are_locations_of_one_profile() -> None:
    second = GOOD | {
        "location_city": "Málaga",
        "contact_email": "b@nube.example",
        "serves": "ES-CT",
        "keywords": "wifi",
    }
    abroad = GOOD | {"country": "Portugal", "serves": "", "location_city": "", "location_subdivision": ""}
    partners, profiles = parse(GOOD, second, abroad)
    assert len(partners) == 1
    assert [p.country for p in profiles] == ["ES", "PT"]
    assert [loc.place.city for loc in profiles[0].locations] == ["Sevilla", "Málaga"]
    assert len({loc.id for loc in profiles[0].locations}) == 2
    assert [p.subdivision for p in profiles[0].serves] == ["ES-AN", "ES-MD", "ES-CT"]
    assert profiles[0].keywords == ("azure", "copias", "wifi")
    assert profiles[1].serves == (Place(country="PT"),)


def test_every_fault_of_every_row_is_told_by_row_and_column() -> None:
    bad = GOOD | {
        "partner_name": " ",
        "admin_email": "jefa at nube",
        "contact_email": "a@b@c",
        "serves": "ES-AN;ES-ZZZ;XX",
        "sizes": "tiny",
        "capacity": "many",
        "paused_until": "tomorrow",
        "policy": "strict",
    }
    text = text_of(GOOD, bad | {"partner_id": "P-2"}, GOOD | {"location_subdivision": "Narnia"})
    with pytest.raises(CommandInvalid) as caught:
        parse_partners(text, resolve)
    told = [(p.field, p.code) for p in caught.value.problems]
    assert sorted(told) == sorted(
        [
            ("row 3/partner_name", "required"),
            ("row 3/admin_email", "email"),
            ("row 3/contact_email", "email"),
            ("row 3/serves", "unknown_place"),
            ("row 3/serves", "unknown_place"),
            ("row 3/sizes", "unknown_size"),
            ("row 3/capacity", "not_a_number"),
            ("row 3/paused_until", "not_a_date"),
            ("row 3/policy", "unknown_value"),
            ("row 4/location_city", "unknown_place"),
        ]
    )


@pytest.mark.parametrize(("country", "code"), [("", "required"), ("Atlantis", "unknown_place")])
def test_an_unknown_country_is_told_once_not_again_for_what_lies_in_it(country: str, code: str) -> None:
    assert faults(text_of(GOOD | {"country": country, "serves": ""})) == {"row 2/country": code}


def test_missing_columns_are_all_named() -> None:
    assert faults("partner_id,serves\nP-1,ES\n") == {c: "column_missing" for c in REQUIRED if c != "partner_id"}
    assert faults("") == dict.fromkeys(REQUIRED, "column_missing")


def test_a_row_with_a_comma_too_many_is_no_silent_loss() -> None:
    assert faults(text_of(GOOD).rstrip("\r\n") + ",too,many\r\n") == {"row 2": "surplus_cells"}


def test_what_is_no_csv_is_told_with_its_row() -> None:
    assert faults(text_of(GOOD) + 'P-2,"never closed') == {"row 3": "csv"}


def test_a_row_with_cells_missing_at_its_end_has_them_empty() -> None:
    assert faults(",".join(GOOD) + "\nP-1,Nube Sur\n") == {
        f"row 2/{column}": "required" for column in REQUIRED if column not in {"partner_id", "partner_name"}
    }


def test_a_file_may_begin_with_a_byte_order_mark_and_must_be_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "partners.csv"
    file.write_text(text_of(GOOD), "utf-8-sig")
    assert read_partners(file, resolve) == parse(GOOD)
    file.write_text(text_of(GOOD | {"location_city": "Málaga"}), "latin-1")
    with pytest.raises(CommandInvalid, match=r"partners\.csv: is not UTF-8"):
        read_partners(file, resolve)


def test_the_samples_have_no_fault() -> None:
    partners, profiles = read_partners(SAMPLES / "partners.csv", resolve)
    assert len(profiles) >= len(partners) > 10


@pytest.mark.parametrize("address", ["ana(x)@nube.example", 'a"b@nube.example', "ana@[10.0.0.1]", "a;b@nube.example"])
def test_an_address_that_no_mail_could_be_sent_to_is_refused_at_the_door(address: str) -> None:
    with pytest.raises(CommandInvalid) as refused:
        parse_partners(text_of(GOOD | {"contact_email": address}), resolve)
    assert {(p.field, p.code) for p in refused.value.problems} == {("row 2/contact_email", "email")}
