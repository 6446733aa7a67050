"""Where do the photographs of pages lie, and of which run are they?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_TESTS = Path(__file__).parent
#: For people to look at; git ignores it, and CI hands it over.
PHOTOGRAPHS = _TESTS.parent / ".referrals" / "pages"


def empty_for(asked: Iterable[str]) -> None:
    """Take the photographs of an earlier run away, if what is asked to run has tests of pages in it."""
    pages = _TESTS / "portal"
    for path in (Path(each.partition("::")[0]).resolve() for each in asked):
        if pages.is_relative_to(path) or path.is_relative_to(pages):
            for photograph in PHOTOGRAPHS.glob("*.*"):
                photograph.unlink()
            return
