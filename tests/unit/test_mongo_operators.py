"""No word of a caller can become a question to MongoDB: filters are made in the adapters alone, of known operators.

What callers send are texts and typed values; they stand behind `$eq`, `$in` or a comparison, or escaped in a pattern.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.adapters.mongo.questions import by_id

ROOT = Path(__file__).parent.parent.parent / "services"
ADAPTERS = sorted((ROOT / "adapters").rglob("*.py"))
#: Operators that run a text as a program, or join what is nobody's business.
_RUNS_TEXT = {"$where", "$function", "$accumulator", "$jsonSchema", "$expr", "$unionWith", "$out", "$merge"}


def texts(path: Path) -> Iterator[str]:
    """Every text in a file that could name an operator."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.fullmatch(r"\$[A-Za-z]+", node.value):
            yield node.value


def test_no_operator_runs_a_text() -> None:
    used = {text for path in ADAPTERS for text in texts(path)}
    assert {"$in", "$eq", "$set"} <= used
    assert used & _RUNS_TEXT == set()


def test_nobody_but_the_adapters_speaks_in_operators() -> None:
    operators = {text for path in ADAPTERS for text in texts(path)} | _RUNS_TEXT
    elsewhere = {
        f"{path.relative_to(ROOT)}: {text}"
        for path in ROOT.rglob("*.py")
        if ROOT / "adapters" not in path.parents
        for text in texts(path)
        if text in operators
    }
    assert elsewhere == set()


def patterns() -> Iterator[tuple[str, str]]:
    """The source of each pattern that is searched for, and where."""
    for path in ADAPTERS:
        text = path.read_text()
        for node in ast.walk(ast.parse(text)):
            for key, value in zip(node.keys, node.values, strict=True) if isinstance(node, ast.Dict) else ():
                if isinstance(key, ast.Constant) and key.value == "$regex":
                    yield path.name, ast.get_source_segment(text, value) or ""


def test_a_word_in_a_pattern_is_escaped() -> None:
    found = list(patterns())
    assert len(found) >= 3
    # The one without holds codes of ours, escaped where they are put together.
    bare = {source for _, source in found if "re.escape(" not in source}
    assert bare <= {r'f"^[^\n]*\\|(?:{one})\\|"'}


@pytest.mark.parametrize("sent", ["$ne", "{'$gt': ''}", "", "a.b", "\0"])
def test_whatever_partner_is_named_only_its_own_text_is_asked_for(sent: str) -> None:
    asked = by_id(["x"], {"partner_id": sent})["where"]
    assert asked == {"_id": {"$in": ["x"]}, "partner_id": {"$eq": sent}}
