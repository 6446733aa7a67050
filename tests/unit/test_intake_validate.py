"""Which faults does intake find in an RFI, and are all of them told at once?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.registry import EXAMPLES
from services.core import ids
from services.core.codes import Channel, CompanySize, Timeframe
from services.core.errors import Problem
from services.core.rfi import Coordinate, Money, Place, Rfi
from services.intake.findings import MAX_PROBLEMS
from services.intake.validate import validate
from tests.builders import SOURCE, START
from tests.submissions import ABSENT, regions, rfi_json


def check(data: object) -> Rfi | list[Problem]:
    return validate(data, SOURCE, START, regions())


def accepted(**overrides: Any) -> Rfi:
    result = check(rfi_json(**overrides))
    assert isinstance(result, Rfi), result
    return result


def faults(data: object) -> set[tuple[str, str]]:
    result = check(data)
    assert isinstance(result, list)
    return {(p.field, p.code) for p in result}


PLACE = "/customer/place"
CONTACT = "/customer/contact"

FAULTS: list[tuple[dict[str, Any], str, str]] = [
    # shape
    ({"id": ABSENT}, "/id", "missing"),
    ({"id": 7}, "/id", "wrong_type"),
    ({"id": ""}, "/id", "too_short"),
    ({"id": "x" * 129}, "/id", "too_long"),
    ({"id": "two words"}, "/id", "format"),
    ({"id": "RFI-ñ"}, "/id", "format"),
    ({"priority": 1}, "/priority", "unknown_field"),
    ({"customer__place__pin": "x"}, f"{PLACE}/pin", "unknown_field"),
    ({"customer": ABSENT}, "/customer", "missing"),
    ({"customer": None}, "/customer", "wrong_type"),
    ({"customer": []}, "/customer", "wrong_type"),
    ({"need": "help"}, "/need", "wrong_type"),
    ({"need__keywords": "cloud"}, "/need/keywords", "wrong_type"),
    ({"need__keywords": ["k"] * 51}, "/need/keywords", "too_many"),
    ({"need__keywords": ["k" * 101]}, "/need/keywords/0", "too_long"),
    ({"need__mustOffer": ["k"] * 11}, "/need/mustOffer", "too_many"),
    ({"need__mustOfferOneOf": [" "]}, "/need/mustOfferOneOf/0", "blank"),
    ({"need__mustNotOffer": ["k"] * 11}, "/need/mustNotOffer", "too_many"),
    ({"need__mustOffer": ["ISO 27001"], "need__mustNotOffer": ["iso  27001"]}, "/need/mustNotOffer", "contradicts"),
    ({"excludedPartners": ["P"] * 11}, "/excludedPartners", "too_many"),
    ({"excludedPartners": "P-1"}, "/excludedPartners", "wrong_type"),
    ({"excludedPartners": ["P-2", " P-1"], "selectedPartners": ["P-1"]}, "/excludedPartners", "contradicts"),
    ({"customer__place__latitude": 90.1, "customer__place__longitude": 0}, f"{PLACE}/latitude", "out_of_range"),
    ({"customer__place__latitude": 0, "customer__place__longitude": -181}, f"{PLACE}/longitude", "out_of_range"),
    ({"customer__place__latitude": "37.4", "customer__place__longitude": -6}, f"{PLACE}/latitude", "wrong_type"),
    ({"customer__place__latitude": True, "customer__place__longitude": -6}, f"{PLACE}/latitude", "wrong_type"),
    ({"customer__place__latitude": 0}, f"{PLACE}/longitude", "missing"),
    ({"need__place": {"country": "ES", "longitude": 0}}, "/need/place/latitude", "missing"),
    ({"need__withinKm": 25}, "/need/withinKm", "no_coordinates"),
    ({"need__keywords": [None]}, "/need/keywords/0", "wrong_type"),
    ({"need__keywords": ["fine", "  "]}, "/need/keywords/1", "blank"),
    ({"maxPartners": 0}, "/maxPartners", "out_of_range"),
    ({"maxPartners": 21}, "/maxPartners", "out_of_range"),
    ({"maxPartners": "5"}, "/maxPartners", "wrong_type"),
    ({"maxPartners": 2.5}, "/maxPartners", "wrong_type"),
    ({"contactRequested": "yes"}, "/contactRequested", "wrong_type"),
    # closed lists
    ({"channel": "fax"}, "/channel", "unknown_channel"),
    ({"channel": "Marketing"}, "/channel", "unknown_channel"),
    ({"language": "fr"}, "/language", "unsupported_language"),
    ({"language": "english!"}, "/language", "language_tag"),
    ({"customer__size": "huge"}, "/customer/size", "unknown_size"),
    ({"need__timeframe": "soon"}, "/need/timeframe", "unknown_timeframe"),
    # dates
    ({"submittedAt": "yesterday"}, "/submittedAt", "date_format"),
    ({"submittedAt": "2026-02-30T10:00:00Z"}, "/submittedAt", "date_format"),
    ({"submittedAt": "2026-03-02"}, "/submittedAt", "date_format"),
    ({"submittedAt": "2026-W10-1"}, "/submittedAt", "date_format"),
    ({"submittedAt": 1772442000}, "/submittedAt", "wrong_type"),
    ({"submittedAt": None}, "/submittedAt", "wrong_type"),
    ({"submittedAt": ABSENT}, "/submittedAt", "missing"),
    ({"submittedAt": "2026-03-02T08:59:55"}, "/submittedAt", "no_offset"),
    ({"submittedAt": "2026-03-02T09:10:01Z"}, "/submittedAt", "in_the_future"),
    ({"submittedAt": "2026-03-02T09:00:00-02:00"}, "/submittedAt", "in_the_future"),
    ({"submittedAt": "9999-12-31T23:59:59-14:00"}, "/submittedAt", "in_the_future"),
    ({"submittedAt": "2025-03-01T09:00:00Z"}, "/submittedAt", "too_old"),
    ({"submittedAt": "0001-01-01T00:00:00+14:00"}, "/submittedAt", "too_old"),
    # texts
    ({"customer__company": "A\u0000B"}, "/customer/company", "control_characters"),
    ({"customer__company": "\u202egnp.exe"}, "/customer/company", "control_characters"),
    ({"customer__company": "   "}, "/customer/company", "blank"),
    ({"need__title": "Hello\u0007"}, "/need/title", "control_characters"),
    ({"need__title": "\u2003 ab \u2003"}, "/need/title", "too_short"),
    ({"need__title": "x" * 301}, "/need/title", "too_long"),
    ({"need__description": "x" * 20_001}, "/need/description", "too_long"),
    ({"need__description": "cut\u009dhere"}, "/need/description", "control_characters"),
    ({"need__keywords": ["a\u2066b"]}, "/need/keywords/0", "control_characters"),
    # places
    ({"customer__place__country": "Atlantis"}, f"{PLACE}/country", "unknown_country"),
    ({"customer__place__country": "EU"}, f"{PLACE}/country", "unknown_country"),
    ({"customer__place__country": ABSENT}, f"{PLACE}/country", "missing"),
    ({"customer__place__subdivision": "US-CA"}, f"{PLACE}/subdivision", "subdivision_elsewhere"),
    ({"customer__place__subdivision": "Narnia"}, f"{PLACE}/subdivision", "unknown_subdivision"),
    ({"customer__place__subdivision": "ES-QQ"}, f"{PLACE}/subdivision", "unknown_subdivision"),
    ({"need__place": {"country": "Nowhere"}}, "/need/place/country", "unknown_country"),
    ({"need__place": {"country": "PT", "subdivision": "ES-AN"}}, "/need/place/subdivision", "subdivision_elsewhere"),
    ({"customer__place__city": "S\u0000"}, f"{PLACE}/city", "control_characters"),
    ({"customer__place__postalCode": "4" * 21}, f"{PLACE}/postalCode", "too_long"),
    # contact
    ({"customer__contact__email": "ana"}, f"{CONTACT}/email", "email"),
    ({"customer__contact__email": "ana@"}, f"{CONTACT}/email", "email"),
    ({"customer__contact__email": "ana@localhost"}, f"{CONTACT}/email", "email"),
    ({"customer__contact__email": "ana@[192.0.2.1]"}, f"{CONTACT}/email", "email"),
    ({"customer__contact__email": "a@x.example, b@y.example"}, f"{CONTACT}/email", "email"),
    ({"customer__contact__email": "Ana <ana@x.example>"}, f"{CONTACT}/email", "email"),
    ({"customer__contact__email": '"ana m"@x.example'}, f"{CONTACT}/email", "email"),
    ({"customer__contact__email": "ana..m@x.example"}, f"{CONTACT}/email", "email"),
    ({"customer__contact__email": "ñandú@x.example"}, f"{CONTACT}/email", "email"),
    ({"customer__contact__email": "ana@x.example\nBcc: b@y.example"}, f"{CONTACT}/email", "email"),
    ({"customer__contact__email": "ana@x.example\u0000"}, f"{CONTACT}/email", "control_characters"),
    ({"customer__contact__email": f"{'a' * 65}@x.example"}, f"{CONTACT}/email", "email"),
    ({"customer__contact__email": ABSENT}, f"{CONTACT}/email", "missing"),
    ({"customer__contact__phone": "12345"}, f"{CONTACT}/phone", "phone"),
    ({"customer__contact__phone": "call me"}, f"{CONTACT}/phone", "phone"),
    ({"customer__contact__phone": "+999123456789"}, f"{CONTACT}/phone", "phone"),
    ({"customer__contact__language": "e"}, f"{CONTACT}/language", "too_short"),
    ({"customer__contact__language": "español"}, f"{CONTACT}/language", "language_tag"),
    ({"customer__contact__timeZone": "Mars/Olympus"}, f"{CONTACT}/timeZone", "unknown_time_zone"),
    ({"customer__contact__timeZone": "../etc/passwd"}, f"{CONTACT}/timeZone", "unknown_time_zone"),
    ({"customer__website": "customer.example"}, "/customer/website", "website"),
    ({"customer__website": "javascript:alert(1)"}, "/customer/website", "website"),
    ({"customer__website": "ftp://customer.example"}, "/customer/website", "website"),
    ({"customer__website": "https://user:pw@customer.example"}, "/customer/website", "website"),
    ({"customer__website": "https://intranet"}, "/customer/website", "website"),
    ({"customer__website": "https://[::1"}, "/customer/website", "website"),
    # money
    ({"need__budget__amount": "0.00"}, "/need/budget/amount", "not_positive"),
    ({"need__budget__amount": "-5"}, "/need/budget/amount", "format"),
    ({"need__budget__amount": 40000}, "/need/budget/amount", "wrong_type"),
    ({"need__budget__amount": "1.23456"}, "/need/budget/amount", "format"),
    ({"need__budget__amount": "999999999999999"}, "/need/budget/amount", "too_large"),
    ({"need__budget__currency": "EUX"}, "/need/budget/currency", "unknown_currency"),
    ({"need__budget__currency": "XXX"}, "/need/budget/currency", "unknown_currency"),
    ({"need__budget__currency": "EURO"}, "/need/budget/currency", "too_long"),
    # consent and picks
    ({"consent__contact": False}, "/consent/contact", "no_consent"),
    ({"consent__share": False}, "/consent/share", "no_consent"),
    ({"consent__share": ABSENT}, "/consent/share", "missing"),
    ({"consent__nextBest": 1}, "/consent/nextBest", "wrong_type"),
    ({"channel": "search"}, "/selectedPartners", "required_for_search"),
    ({"channel": "search", "selectedPartners": []}, "/selectedPartners", "required_for_search"),
    ({"channel": "search", "selectedPartners": "p"}, "/selectedPartners", "wrong_type"),
    ({"selectedPartners": ["p"] * 21}, "/selectedPartners", "too_many"),
    ({"selectedPartners": [" "]}, "/selectedPartners/0", "blank"),
]


@pytest.mark.parametrize(("overrides", "field", "code"), FAULTS)
def test_each_fault_is_told_alone_by_field_and_code(overrides: dict[str, Any], field: str, code: str) -> None:
    assert faults(rfi_json(**overrides)) == {(field, code)}


@pytest.mark.parametrize("path", sorted((EXAMPLES / "refused").glob("*.json")), ids=lambda path: path.stem)
def test_the_examples_of_refused_rfis_are_refused_as_they_say(path: Path) -> None:
    example = orjson.loads(path.read_bytes())
    assert faults(example["rfi"]) == {(e["field"], e["code"]) for e in example["expected"]}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("rfi.submitted.v1*.json")), ids=lambda path: path.stem)
def test_the_examples_of_rfis_are_accepted(path: Path) -> None:
    assert isinstance(check(orjson.loads(path.read_bytes())), Rfi)


@pytest.mark.parametrize("data", [None, [], 7, "text", True, 1.5])
def test_what_is_no_object_is_one_fault_of_the_whole(data: object) -> None:
    assert faults(data) == {("", "wrong_type")}


def test_an_empty_object_names_every_required_field() -> None:
    required = {"id", "channel", "language", "submittedAt", "customer", "need", "consent"}
    assert faults({}) == {(f"/{name}", "missing") for name in required}


def test_faults_of_shape_and_of_meaning_are_told_together() -> None:
    found = faults(
        rfi_json(
            id=ABSENT,
            surplus=1,
            channel="fax",
            submittedAt="2026-03-02T08:00:00",
            customer__company=3,
            customer__place__country="Atlantis",
            customer__contact__email="nobody",
            customer__contact__phone="+34",
            customer__size="big",
            need__title="",
            need__budget={"amount": 5, "currency": "???"},
            consent__contact=False,
            consent__share="yes",
        )
    )
    assert found == {
        ("/id", "missing"),
        ("/surplus", "unknown_field"),
        ("/channel", "unknown_channel"),
        ("/submittedAt", "no_offset"),
        ("/customer/company", "wrong_type"),
        ("/customer/place/country", "unknown_country"),
        ("/customer/contact/email", "email"),
        ("/customer/contact/phone", "phone"),
        ("/customer/size", "unknown_size"),
        ("/need/title", "too_short"),
        ("/need/budget/amount", "wrong_type"),
        ("/need/budget/currency", "unknown_currency"),
        ("/consent/contact", "no_consent"),
        ("/consent/share", "wrong_type"),
    }


def test_messages_never_repeat_personal_data() -> None:
    secret = "zyxwv"
    result = check(
        rfi_json(
            customer__contact__email=f"{secret} at home",
            customer__contact__phone=f"+{secret}",
            customer__contact__timeZone=secret,
            customer__place__country=secret,
            customer__size=secret,
            customer__website=secret,
            need__budget={"amount": secret, "currency": "zyx"},
            submittedAt=secret,
            channel=secret,
        )
    )
    assert isinstance(result, list)
    assert len(result) == 10
    assert not [p for p in result if secret in p.message + p.field]


def test_a_misspelt_field_gets_a_hint() -> None:
    result = check(rfi_json(customer__place__postal_code="41001"))
    assert isinstance(result, list)
    assert "did you mean postalCode?" in result[0].message


def test_a_long_or_odd_field_name_is_shortened() -> None:
    result = check(rfi_json(**{"x" * 5000: 1, "a\u0000/b~": 2}))
    assert isinstance(result, list)
    assert all(len(p.field) < 100 and p.field.isprintable() for p in result)
    assert {p.field for p in result} == {"/" + "x" * 64 + "…", "/a~1b~0…"}


def test_thousands_of_faults_are_cut_with_their_number() -> None:
    result = check(rfi_json(**{f"surplus{n}": n for n in range(3000)}))
    assert isinstance(result, list)
    assert len(result) == MAX_PROBLEMS
    assert result[-1].code == "too_many_problems"
    assert "2901" in result[-1].message


def test_a_faultless_rfi_is_stored_with_codes_in_place_of_names() -> None:
    rfi = accepted(
        customer__place={"country": "España", "subdivision": "andalucia", "city": " Sevilla ", "postalCode": "41001"},
        need__place={"country": "Reino Unido", "subdivision": "Scotland"},
        customer__size="51TO250",
        channel="search",
        selectedPartners=["p1", "p2", "p1"],
        submittedAt="2026-03-02T10:59:55.123456+02:00",
    )
    assert rfi.id == ids.rfi_id(SOURCE, "RFI-1")
    assert rfi.customer.place == Place(country="ES", subdivision="ES-AN", city="Sevilla", postal_code="41001")
    assert rfi.need.place == Place(country="GB", subdivision="GB-SCT")
    assert rfi.customer.size is CompanySize.S51_250
    assert rfi.channel is Channel.SEARCH
    assert rfi.selected_partners == ("p1", "p2")
    assert rfi.submitted_at == datetime(2026, 3, 2, 8, 59, 55, 123000, tzinfo=UTC)
    assert rfi.need.budget == Money(amount=Decimal(40000), currency="EUR")
    assert rfi.need.timeframe is Timeframe.WITHIN_60_DAYS
    assert rfi.accepted_at == START


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1to50employees", CompanySize.S10_50),
        ("51to500employees", CompanySize.S51_250),
        ("Morethan500employees", CompanySize.S251_1000),
        ("morethan20000employees", CompanySize.S20001),
        ("1to9", CompanySize.S1_9),
    ],
)
def test_older_and_shorter_size_bands_are_understood(old: str, new: CompanySize) -> None:
    assert accepted(customer__size=old).customer.size is new


@pytest.mark.parametrize(
    ("phone", "stored"),
    [
        ("955 00 00 01", "+34955000001"),
        ("+34 955-000-001", "+34955000001"),
        ("0034955000001", "+34955000001"),
        ("+442079460018", "+442079460018"),
        ("+44 (0)20 7946 0018", "+442079460018"),
        ("+390612345678", "+390612345678"),
        ("+34 955 000 001 ext. 12", "+34955000001"),
    ],
)
def test_phones_are_stored_as_e164(phone: str, stored: str) -> None:
    assert accepted(customer__contact__phone=phone).customer.contact.phone == stored


@pytest.mark.parametrize(
    ("email", "stored"),
    [
        ("Ana.Molina@Customer.Example", "Ana.Molina@customer.example"),
        (" ana@x.invalid ", "ana@x.invalid"),
        ("ana+rfi@españa.example", "ana+rfi@xn--espaa-rta.example"),
    ],
)
def test_addresses_are_stored_ready_to_send(email: str, stored: str) -> None:
    assert accepted(customer__contact__email=email).customer.contact.email == stored


def test_what_must_be_offered_is_kept_once_and_tidied() -> None:
    need = accepted(need__mustOffer=["ISO  27001", "iso 27001"], need__mustOfferOneOf=["Gold", "Silver"]).need
    assert (need.must_offer, need.must_offer_one_of) == (("ISO 27001",), ("Gold", "Silver"))


HERE = {"latitude": 37.38912345, "longitude": -5}


def test_the_place_of_the_work_is_kept_to_some_ten_metres_beside_what_is_wanted_there() -> None:
    rfi = accepted(
        need__place={"country": "ES", **HERE},
        need__withinKm=20_000,
        need__mustNotOffer=["Resale", "resale "],
        excludedPartners=["P-2", "P-2 ", "P-3"],
    )
    assert (rfi.need.coordinate, rfi.need.within_km) == (Coordinate(37.3891, -5.0), 20_000)
    assert (rfi.need.must_not_offer, rfi.excluded_partners) == (("Resale",), ("P-2", "P-3"))


def test_the_work_is_where_the_customer_is_unless_it_has_a_place_of_its_own() -> None:
    place = {"country": "ES", **HERE}
    assert accepted(customer__place=place, need__place=ABSENT).need.coordinate == Coordinate(37.3891, -5.0)
    assert accepted(customer__place=place, need__place={"country": "PT"}).need.coordinate is None
    elsewhere = check(rfi_json(customer__place=place, need__place={"country": "PT"}, need__withinKm=9))
    assert isinstance(elsewhere, list)
    assert [(p.field, p.code) for p in elsewhere] == [("/need/withinKm", "no_coordinates")]


def test_every_fault_of_places_and_distances_is_told_at_once_with_its_bounds() -> None:
    found = check(
        rfi_json(
            customer__place={"country": "ES", "latitude": 91, "longitude": -180.5},
            need__place={"country": "ES", "latitude": 7},
            need__withinKm=20_001,
            need__mustOffer=["gold"],
            need__mustNotOffer=["Gold"],
        )
    )
    assert isinstance(found, list)
    assert {p.field: p.message for p in found} == {
        "/customer/place/latitude": "must be from -90 to 90, in degrees",
        "/customer/place/longitude": "must be from -180 to 180, in degrees",
        "/need/place/longitude": "is required beside latitude; give both, or neither",
        "/need/withinKm": "must be from 1 to 20000 kilometres",
        "/need/mustNotOffer": "names what mustOffer names too; leave it in one of the two",
    }


@pytest.mark.parametrize("degrees", [float("nan"), float("inf")])
def test_what_is_no_number_is_no_place(degrees: float) -> None:
    place = {"country": "ES", "latitude": degrees, "longitude": 1.0}
    assert faults(rfi_json(customer__place=place)) == {("/customer/place/latitude", "out_of_range")}


def test_what_is_left_out_gets_its_default() -> None:
    optional = ["phone", "language", "timeZone"]
    rfi = accepted(
        language="es-MX",
        customer__size=ABSENT,
        customer__website=None,
        need__place=ABSENT,
        need__budget=None,
        need__timeframe=ABSENT,
        need__description=ABSENT,
        need__keywords=ABSENT,
        **{f"customer__contact__{name}": ABSENT for name in optional},
    )
    assert rfi.language == "es"
    assert rfi.customer.contact.language == "es"
    assert rfi.customer.contact.time_zone == "Europe/Madrid"
    assert rfi.customer.contact.phone is None
    assert rfi.need.place == rfi.customer.place
    assert rfi.need.timeframe is Timeframe.UNKNOWN
    assert (rfi.need.budget, rfi.need.description, rfi.need.keywords) == (None, "", ())
    assert (rfi.need.must_offer, rfi.need.must_offer_one_of, rfi.need.must_not_offer) == ((), (), ())
    assert (rfi.need.coordinate, rfi.need.within_km, rfi.excluded_partners) == (None, None, ())
    assert rfi.consent.next_best is False


@pytest.mark.parametrize("text", ["2026-03-02t08:30:00z", "2026-03-02 09:30:00+0100", "2026-03-02T08:30Z"])
def test_instants_are_read_in_the_forms_that_programs_write(text: str) -> None:
    assert accepted(submittedAt=text).submitted_at == datetime(2026, 3, 2, 8, 30, tzinfo=UTC)


def test_mails_fall_back_to_english_where_there_is_no_catalogue() -> None:
    assert accepted(customer__contact__language="fr-CA").customer.contact.language == "en"
    assert accepted(customer__contact__language="es-419").customer.contact.language == "es"


def test_the_content_hash_ignores_the_order_of_keys_and_nothing_else() -> None:
    data = rfi_json()
    first, again = check(data), check(dict(reversed(data.items())))
    assert isinstance(first, Rfi)
    assert isinstance(again, Rfi)
    assert first.content_hash == again.content_hash
    assert accepted(need__title="Migrate our servers to the cloud ").content_hash != first.content_hash


@pytest.mark.parametrize("ahead", [timedelta(minutes=10), timedelta(0), -timedelta(days=365)])
def test_the_bounds_of_the_time_of_submission_are_allowed(ahead: timedelta) -> None:
    assert accepted(submittedAt=(START + ahead).isoformat()).submitted_at == START + ahead


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def paths(data: Any, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inner = [path for name, value in data.items() for path in paths(value, (*at, name))] if type(data) is dict else []
    return [at, *inner] if at else inner


@given(json_values)
def test_any_json_is_an_rfi_or_has_problems(data: object) -> None:
    result = check(data)
    assert isinstance(result, Rfi) or result


@given(st.sampled_from(paths(rfi_json())), json_values | st.text(max_size=30))
def test_any_value_in_any_field_is_accepted_or_told(path: tuple[str, ...], value: object) -> None:
    result = check(rfi_json(**{"__".join(path): value}))
    assert isinstance(result, Rfi) or result
    if isinstance(result, list):
        assert all(p.code != "invalid" and p.message for p in result)
        assert all(p.field.startswith("/" + path[0]) for p in result)
