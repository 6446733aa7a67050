"""Is each page of the portal looked at, narrow and wide, dark and light?"""

from __future__ import annotations

import ast
from pathlib import Path

from services.portal.pages.frame import PAGES
from services.wording.words import languages
from tests.portal.browser import LOOKS
from tests.portal.looks import TEMPLATES


def test_each_page_has_a_look() -> None:
    folder = PAGES.folder.parent / "templates"
    pages = {each.name for each in folder.iterdir() if '{% extends "base.html.j2" %}' in each.read_text("utf-8")}
    assert set(TEMPLATES.values()) == pages


def test_each_look_is_taken_in_its_journey() -> None:
    words: dict[str, set[str]] = {}
    for file in Path(__file__).parent.glob("test_*.py"):
        for each in ast.parse(file.read_text("utf-8")).body:
            if isinstance(each, ast.AsyncFunctionDef) and any(arg.arg == "desk" for arg in each.args.args):
                constants = [node.value for node in ast.walk(each) if isinstance(node, ast.Constant)]
                words[each.name.removeprefix("test_")] = {text for text in constants if isinstance(text, str)}
    assert [look for look in TEMPLATES if look[1] not in words.get(look[0], ())] == []


def test_the_looks_are_narrow_and_wide_dark_and_light_in_each_language() -> None:
    assert set(LOOKS) == languages(PAGES)
    seen = {(width, scheme) for looks in LOOKS.values() for width, _, scheme in looks}
    assert {width for width, _ in seen} == {320, 1280, 1920}
    assert {(width > 320, scheme) for width, scheme in seen} == {
        (wide, scheme) for wide in (False, True) for scheme in ("dark", "light")
    }
