"""Can the bundled engines run here? Their own tests skip where they cannot, and fail there when CI is set."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from services.engines.preflight import missing


def need_bundled(folder: Path) -> None:
    """Skip (or, in CI, fail) the test when the bundled engines cannot run on this machine."""
    absent = missing(folder, os.environ)
    if not absent:
        return
    why = "; ".join(problem.what for problem in absent)
    if os.environ.get("CI"):
        pytest.fail(why, pytrace=False)
    pytest.skip(why)
