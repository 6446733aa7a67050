"""What do Open Contracting releases become, in whatever file and state their publishers left them?"""

from __future__ import annotations

import lzma
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.importers.ocds import clean, rfi_from_release
from services.adapters.importers.ocds_files import read_releases, releases_of
from services.adapters.importers.ocds_partners import KEYWORDS, partners_from_releases
from services.core.errors import CommandInvalid
from services.core.rfi import Place, Rfi
from services.intake.regions import Regions
from services.intake.validate import validate
from tests.builders import START


@lru_cache(maxsize=1)
def regions() -> Regions:
    return Regions()


def release(**overrides: Any) -> dict[str, Any]:
    """A release with a tender of a council in Seville, without contact."""
    base: dict[str, Any] = {
        "ocid": "ocds-1",
        "language": "es",
        "buyer": {"id": "B", "name": "Ayuntamiento de Sevilla"},
        "parties": [
            {
                "id": "B",
                "name": "Ayuntamiento de Sevilla",
                "roles": ["buyer"],
                "address": {"countryCode": "ES", "region": "ES-SE", "locality": "Sevilla", "postalCode": "41001"},
            }
        ],
        "tender": tender(),
    }
    return base | overrides


def tender(**overrides: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": "T-1",
        "title": "Mantenimiento de servidores",
        "description": "Doce servidores y sus copias.",
        "value": {"amount": 1200.5, "currency": "EUR"},
        "items": [{"classification": {"scheme": "CPV", "id": "50312000", "description": "Mantenimiento de equipos"}}],
    }
    return base | overrides


def buyer_at(**address: Any) -> dict[str, Any]:
    return release(parties=[{"id": "B", "name": "Buyer", "roles": ["buyer"], "address": address}])


def wire(given_: dict[str, Any], *, placeholder: bool = True) -> dict[str, Any]:
    made = rfi_from_release(given_, START, placeholder_contacts=placeholder)
    assert made is not None
    return made


def accepted(given_: dict[str, Any]) -> Rfi:
    """The RFI as intake takes it in."""
    taken = validate(orjson.loads(orjson.dumps(wire(given_))), "urn:ocds", START, regions())
    assert isinstance(taken, Rfi), taken
    return taken


def test_a_tender_becomes_an_rfi_that_intake_accepts() -> None:
    rfi = accepted(release())
    assert (rfi.publisher_id, rfi.language, rfi.channel) == ("ocds-1", "es", "sales")
    assert rfi.customer.company == "Ayuntamiento de Sevilla"
    assert rfi.need.place == Place(country="ES", subdivision="ES-SE", city="Sevilla", postal_code="41001")
    assert (rfi.need.title, rfi.need.services) == ("Mantenimiento de servidores", ("Mantenimiento de equipos",))
    assert rfi.need.budget is not None
    assert (rfi.need.budget.amount, rfi.need.budget.currency) == (Decimal("1200.50"), "EUR")


def test_a_release_without_tender_is_no_rfi() -> None:
    assert rfi_from_release(release(tender=None), START) is None


def test_a_buyer_without_address_gets_an_undeliverable_one_only_when_that_is_asked_for() -> None:
    first, again = (wire(release())["customer"]["contact"]["email"] for _ in range(2))
    assert first == again
    assert first.endswith("@ocds.invalid")
    problems = validate(wire(release(), placeholder=False), "urn:ocds", START, regions())
    assert isinstance(problems, list)
    assert [p.field for p in problems] == ["/customer/contact/email"]


def test_a_published_contact_is_used() -> None:
    point = {"name": "Ana Molina Ruiz", "email": " ana@sevilla.example ", "telephone": "+34 955 000 001"}
    party = release()["parties"][0] | {"contactPoint": point}
    contact = accepted(release(parties=[party])).customer.contact
    assert (contact.first_name, contact.last_name) == ("Ana", "Molina Ruiz")
    assert (contact.email, contact.phone) == ("ana@sevilla.example", "+34955000001")


@pytest.mark.parametrize(("published", "code"), [("UK", "GB"), ("uk", "GB"), ("EL", "GR"), ("GB", "GB")])
def test_countries_under_codes_of_their_own_are_understood(published: str, code: str) -> None:
    assert accepted(buyer_at(countryCode=published)).customer.place.country == code


@pytest.mark.parametrize("region", ["Andalucía", "ES618", "PT-11", "00", None])
def test_a_region_that_is_no_iso_code_of_the_country_is_left_out(region: str | None) -> None:
    assert accepted(buyer_at(countryCode="ES", region=region)).customer.place == Place(country="ES")


@pytest.mark.parametrize(
    "value",
    [
        {"amount": 0, "currency": "EUR"},
        {"amount": -3, "currency": "EUR"},
        {"amount": None, "currency": "EUR"},
        {"amount": "n/a", "currency": "EUR"},
        {"amount": float("nan"), "currency": "EUR"},
        {"amount": 500},
        "500 EUR",
        None,
    ],
)
def test_a_value_that_is_none_makes_no_budget(value: Any) -> None:
    assert accepted(release(tender=tender(value=value))).need.budget is None


def test_control_characters_go_and_windows_quotes_stay_quotes() -> None:
    rfi = accepted(release(tender=tender(title="Red\x00 y\u202e \x93nube\x94\x81", description="uno\r\ndos\x1f")))
    assert rfi.need.title == "Red y “nube”"
    assert rfi.need.description == "uno\ndos"


def test_long_texts_are_cut_at_a_word_and_short_titles_get_their_buyer() -> None:
    title = accepted(release(tender=tender(title="palabra " * 60))).need.title
    assert 290 <= len(title) <= 300
    assert set(title.split()) == {"palabra"}
    assert accepted(release(tender=tender(title="TI"))).need.title == "TI (Ayuntamiento de Sevilla)"


def test_an_id_that_is_no_plain_text_is_replaced_by_one_that_stays_the_same() -> None:
    one, same, other = (wire(release(ocid=ocid))["id"] for ocid in ("licitación 1", "licitación 1", "licitación 2"))
    assert one == same != other
    assert accepted(release(ocid="licitación 1")).publisher_id == one


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")), st.text(max_size=40))
def test_whatever_text_is_published_intake_finds_nothing_forbidden_in_it(title: str, words: str, name: str) -> None:
    made = release(tender=tender(title=title, description=words), parties=[], buyer={"name": name})
    taken = validate(orjson.loads(orjson.dumps(wire(made))), "urn:ocds", START, regions())
    assert isinstance(taken, list)
    # Nothing but the missing country: the texts are fit to be read.
    assert {p.field for p in taken} <= {"/customer/place/country", "/need/title", "/customer/company"}
    assert not [p for p in taken if p.code == "control_characters"]


@given(st.text(), st.integers(1, 50))
def test_cut_text_is_never_longer_than_allowed(text: str, limit: int) -> None:
    assert len(clean(text, limit)) <= limit


ONE, TWO = release(ocid="1"), release(ocid="2")


@pytest.mark.parametrize(
    "document",
    [
        {"releases": [ONE, TWO, "broken"]},
        {"records": [{"compiledRelease": ONE}, {"compiledRelease": TWO}, {"ocid": "3"}]},
    ],
)
def test_packages_hold_their_releases(document: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "package.json"
    file.write_bytes(orjson.dumps(document))
    assert [r["ocid"] for r in read_releases(file)] == ["1", "2"]


@pytest.mark.parametrize("name", ["one.jsonl", "one.ndjson", "one.jsonl.xz"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_json_lines_are_read_packed_and_with_a_byte_order_mark(name: str, mark: bytes, tmp_path: Path) -> None:
    lines = mark + orjson.dumps(ONE) + b"\r\n\n" + orjson.dumps({"releases": [TWO]})
    (tmp_path / name).write_bytes(lzma.compress(lines) if name.endswith("xz") else lines)
    assert [r["ocid"] for r in read_releases(tmp_path / name)] == ["1", "2"]


def test_a_single_release_is_itself_and_what_is_none_is_nothing() -> None:
    assert list(releases_of(ONE)) == [ONE]
    assert list(releases_of([ONE])) == []
    assert list(releases_of({"name": "x"})) == []


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", orjson.dumps(ONE) + b"\n\n{broken\n", "a.jsonl:3: is not JSON"),
        ("a.json", b"", "a.json:1: is not JSON"),
        ("a.json", b"{}", "a.json: holds no OCDS release"),
        ("a.jsonl.xz", b"not packed", "a.jsonl.xz: can't be unpacked"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CommandInvalid, match=words):
        list(read_releases(tmp_path / name))


def won_by(*suppliers: str, country: str = "ES", **overrides: Any) -> dict[str, Any]:
    awards = [{"suppliers": [{"id": s, "name": f"Supplier {s}"} for s in suppliers]}]
    return buyer_at(countryCode=country) | {"awards": awards} | overrides


def resolve() -> Callable[[str], str | None]:
    return regions().country


def test_a_supplier_becomes_a_partner_with_a_profile_for_each_country_it_won_in() -> None:
    seen: list[int] = []
    won = [won_by("S", "T"), won_by("S", country="PT"), won_by("S", country="Nowhere"), release()]
    partners, profiles = partners_from_releases(won, resolve(), seen.append)
    assert seen == [1, 2, 3, 4]
    assert [p.name for p in partners] == ["Supplier S", "Supplier T"]
    assert [(p.partner_id, p.serves) for p in profiles] == [
        (partners[0].id, (Place(country="ES"),)),
        (partners[0].id, (Place(country="PT"),)),
        (partners[1].id, (Place(country="ES"),)),
    ]
    assert profiles[0].services == ("Mantenimiento de equipos",)
    assert "servidores" in profiles[0].keywords
    assert profiles[0].locations[0].contact.email.endswith("@ocds.invalid")
    assert profiles[0].locations[0].contact.language == "es"


def test_a_profile_keeps_the_words_that_tell_most_about_its_supplier() -> None:
    common = [won_by(f"S{n}", tender=tender(title="limpieza general", description="")) for n in range(80)]
    many = " ".join(f"palabra{'abcdefghij'[n // 10]}{'abcdefghij'[n % 10]}" for n in range(KEYWORDS))
    own = won_by("X", tender=tender(title=f"limpieza {many}", description=""))
    _, profiles = partners_from_releases([*common, own], resolve())
    kept = next(p.keywords for p in profiles if len(p.keywords) == KEYWORDS)
    assert set(kept) == set(many.split())


def test_importing_again_gives_the_same_partners() -> None:
    won = [won_by("S", "T")]
    assert partners_from_releases(won, resolve()) == partners_from_releases(reversed(won), resolve())


def test_a_supplier_of_an_unknown_country_alone_becomes_nobody() -> None:
    assert partners_from_releases([won_by("S", country="Nowhere")], resolve()) == ([], [])
