"""Each problem that intake can find in the public search form is said in the reader's language, beside its field."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import services.intake
from services.intake.shape import _CODES as CODES_OF_SHAPES
from services.portal.pages.frame import LANGUAGE_COOKIE
from tests.portal.test_choosing_another import network
from tests.portal.test_search_pages import form_for, sent
from tests.portal.world import PortalWorld

INTAKE = Path(services.intake.__file__).parent
#: What reads the data of a request.
READERS = ("customer", "findings", "need", "places", "validate")
#: How each code comes from the form (None: the field is left out): the changes, and the words beside it.
COMES: dict[str, tuple[dict[str, str | None], str]] = {
    "missing": ({"customer.company": None}, "Indique el nombre de su empresa."),
    "control_characters": ({"need.title": "A new\u202e site"}, "Quite los caracteres que no se ven."),
    "too_short": ({"need.title": "ab"}, "Escriba un poco más."),
    "too_long": ({"customer.contact.firstName": "x" * 101}, "Acorte este texto."),
    "unknown_timeframe": ({"need.timeframe": "some day"}, "Elija uno de los plazos de la lista."),
    "website": ({"customer.website": "gopher"}, "Indique una dirección web que empiece por https://."),
    "email": ({"customer.contact.email": "nobody"}, "Indique una dirección de correo"),
    "phone": ({"customer.contact.phone": "12345"}, "Indique el teléfono con el prefijo del país"),
    "no_consent": ({"consent.contact": None}, "Sin esto ningún proveedor puede responderle."),
    "required_for_search": ({"partner": None}, "Elija al menos un proveedor."),
    "unknown_country": ({"country": "Atlantis"}, "Elija el país en el que se hará el trabajo."),
}
_PLACE = "the place is one that the search knows, or none"
_OURS = "written by us, not by who fills in the form"
_NOT_ASKED = "the form does not send what this is about"
NEVER = {
    "wrong_type": "a form sends texts",
    "unknown_field": _OURS,
    "too_many": "words and partners are cut to what a request may name",
    "format": _OURS,
    "out_of_range": _NOT_ASKED,
    "invalid": _OURS,
    "blank": "what is blank is left out",
    "unknown_size": "a size that nobody knows is left out",
    "unknown_subdivision": _PLACE,
    "subdivision_elsewhere": _PLACE,
    **dict.fromkeys(("language_tag", "unsupported_language", "unknown_time_zone", "unknown_channel"), _OURS),
    **dict.fromkeys(("date_format", "no_offset", "in_the_future", "too_old"), _OURS),
    **dict.fromkeys(("contradicts", "no_coordinates", "unknown_currency", "not_positive", "too_large"), _NOT_ASKED),
    "too_many_problems": "a form has few fields",
}


def _codes() -> Iterator[str]:
    yield from CODES_OF_SHAPES.values()
    for name in READERS:
        for node in ast.walk(ast.parse((INTAKE / f"{name}.py").read_text())):
            if isinstance(node, ast.Call) and len(node.args) == 3:
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                if called in {"wrong", "add", "Problem"} and isinstance(node.args[1], ast.Constant):
                    yield str(node.args[1].value)


def test_each_code_of_intake_comes_from_the_form_or_has_a_reason_why_not() -> None:
    assert set(_codes()) == COMES.keys() | NEVER.keys()


@pytest.mark.parametrize("code", COMES)
async def test_what_intake_finds_in_the_form_is_said_in_the_readers_language(world: PortalWorld, code: str) -> None:
    await network(world)
    browser = world.client(cookies={LANGUAGE_COOKIE: "es"})
    changes, words = COMES[code]
    fields: dict[str, Any] = {**await form_for(browser, 1), **changes}
    answer = await sent(browser, {name: value for name, value in fields.items() if value is not None})
    assert answer.status_code == 422
    (said,) = _summary(answer.text)
    assert said.startswith(words)


def _summary(page: str) -> list[str]:
    alert = page[page.index('role="alert"') :]
    return [each.partition(">")[2].partition("<")[0] for each in alert[: alert.index("</ul>")].split("<li>")[1:]]
