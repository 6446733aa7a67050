"""In which subdivision does a subdivision lie? ISO 3166-2, as pycountry has it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import pycountry


def parent_of(subdivision: str) -> str | None:
    """The code of the subdivision that this one is a part of (`ES-AN` for `ES-SE`), None for the widest and unknown."""
    return _parents().get(subdivision)


@lru_cache(maxsize=1)
def _parents() -> Mapping[str, str]:
    # Reading the table takes 0.3 s: done when first asked, not at import.
    return {each.code: each.parent_code for each in pycountry.subdivisions if each.parent_code}
