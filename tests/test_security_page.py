"""Does docs/security.md name tests that exist, and some for each thing that is asked?"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/security.md").read_text("utf-8")


def rows() -> list[tuple[str, str]]:
    """What is asked, and by what it is shown."""
    cells = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| ")]
    return [(asked.strip(), shown) for asked, _how, shown in cells if asked.strip() != "asked"]


def test_every_test_that_shows_something_exists() -> None:
    there = {
        name
        for path in (ROOT / "tests").rglob("*.py")
        for name in re.findall(r"^ *(?:async )?def (test_\w+)\(", path.read_text("utf-8"), re.MULTILINE)
    }
    assert set(re.findall(r"`(test_\w+)`", PAGE)) - there == set()


def test_each_thing_that_is_asked_is_shown_by_a_test() -> None:
    asked = rows()
    assert len(asked) >= 30
    assert [what for what, shown in asked if not re.search(r"`test_\w+`", shown)] == []
