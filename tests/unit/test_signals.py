"""By which signs an RFI is like earlier ones."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.rfi import Money, Rfi
from services.matching.classification import code_of, levels
from services.matching.signals import Kind, hashed, signals, without_clear_words
from tests.builders import make_customer, make_need, make_place, make_rfi


def keys(rfi: Rfi, kind: Kind) -> set[str]:
    return {sign.key.partition(":")[2] for sign in signals(rfi) if sign.kind is kind}


def told(*texts: str) -> set[str]:
    """How texts stand in learned terms."""
    return {hashed(text) for text in texts}


def weights(rfi: Rfi) -> dict[str, float]:
    return {sign.key: sign.weight for sign in signals(rfi)}


def bare(**overrides: object) -> Rfi:
    fields: dict[str, object] = {"title": "x", "description": "", "services": (), "products": (), "keywords": ()}
    return make_rfi(1, need=make_need(**(fields | {"industries": ()} | overrides)))


def test_words_and_pairs_are_those_of_the_matcher() -> None:
    rfi = bare(title="Backup of our file shares", description="Nightly")
    assert keys(rfi, Kind.WORD) == told("backup", "file", "share", "night")
    assert keys(rfi, Kind.PAIR) == told("backup file", "file share")


def test_one_thing_in_two_languages_is_one_sign() -> None:
    spanish = make_rfi(1, language="es", need=make_need(title="Copias de seguridad en la nube"))
    english = make_rfi(2, language="en", need=make_need(title="Backup in the cloud"))
    assert told("backup", "cloud") <= keys(spanish, Kind.WORD) & keys(english, Kind.WORD)


def test_a_title_says_more_than_a_description_and_often_more_than_once() -> None:
    found = weights(bare(title="alpha", description="beta. gamma gamma gamma gamma"))
    alpha, beta, gamma = (found[f"w:{hashed(word)}"] for word in ("alpha", "beta", "gamma"))
    assert alpha > beta
    assert alpha < gamma < 4 * beta


def test_a_code_is_a_sign_at_every_level_and_no_words() -> None:
    rfi = bare(services=("cpv:72267100", "dos-lot:digital-outcomes"))
    assert keys(rfi, Kind.CODE) == told("cpv:72", "cpv:7226", "cpv:722671", "dos-lot:digital-outcomes")
    assert keys(rfi, Kind.WORD) == told("x")


def test_no_word_of_a_request_can_be_read_in_its_signs() -> None:
    need = make_need(title="Zubizarreta calls", keywords=("acme:zubizarreta",), place=make_place(city="Zubizarreta"))
    rfi = make_rfi(1, need=need, customer=make_customer(company="Zubizarreta"))
    assert not [key for key in weights(rfi) if "zubizarreta" in key.casefold()]


@pytest.mark.parametrize("key", ["w:cloud", "p:cloud migrat", "c:cpv:72", "m:ES cadiz"])
def test_terms_that_an_older_version_learned_in_clear_are_hashed_once(key: str) -> None:
    letter, _, what = key.partition(":")
    assert without_clear_words(key) == f"{letter}:{hashed(what)}"
    assert without_clear_words(without_clear_words(key)) == without_clear_words(key)


@pytest.mark.parametrize("key", ["r:ES-AN", "v:EUR 17", "b:0123456789ab"])
def test_terms_that_name_nobody_stay_as_they_are(key: str) -> None:
    assert without_clear_words(key) == key


@pytest.mark.parametrize("text", ["cloud", "ratio 4:3 screens", "a:b", "Dynamics 365", "note: call us first, please"])
def test_what_is_not_written_as_a_code_is_none(text: str) -> None:
    assert code_of(text) is None


def test_levels_without_digits_of_their_own_are_left_out() -> None:
    assert levels("cpv:72000000") == ["cpv:72"]
    assert levels("unspsc:43232304") == ["unspsc:43", "unspsc:4323", "unspsc:432323", "unspsc:43232304"]


def test_a_customer_is_known_again_and_not_named() -> None:
    one, other = (make_rfi(n, customer=make_customer(company="Aceites del Sur, planta 2")) for n in (1, 2))
    assert keys(one, Kind.CUSTOMER) == keys(other, Kind.CUSTOMER) != set()
    assert keys(one, Kind.CUSTOMER) & keys(
        make_rfi(3, customer=make_customer(company="ACEITES DEL SUR", website=None)), Kind.CUSTOMER
    )
    assert not [key for key in weights(one) if "aceit" in key or "customer" in key]


def test_near_budgets_share_a_sign_and_far_ones_none() -> None:
    def budget(amount: int) -> set[str]:
        return keys(bare(budget=Money(amount=Decimal(amount), currency="EUR")), Kind.BUDGET)

    assert budget(40_000) & budget(60_000)
    assert not budget(40_000) & budget(4_000_000)
    assert not keys(bare(budget=None), Kind.BUDGET)


def test_places_are_signs_region_and_city() -> None:
    rfi = bare(place=make_place())
    assert (keys(rfi, Kind.REGION), keys(rfi, Kind.CITY)) == ({"ES-AN"}, told("ES sevilla"))


@given(st.text(max_size=80), st.text(max_size=80), st.integers(min_value=1, max_value=10**12))
def test_the_same_rfi_has_the_same_signs_each_once(title: str, company: str, amount: int) -> None:
    rfi = make_rfi(
        1,
        customer=make_customer(company=company),
        need=make_need(title=title, budget=Money(amount=Decimal(amount), currency="EUR")),
    )
    found = signals(rfi)
    assert found == signals(rfi)
    assert len({sign.key for sign in found}) == len(found)
    assert all(0 < sign.weight < 10 for sign in found)
