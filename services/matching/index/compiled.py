"""How are kernels compiled, and where is what was compiled kept?

numba keeps compiled code beside each file and looks at that file alone when it asks whether the code is stale; our
kernels call each other across files. So the place where it is kept is named after the contents of all of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])

_HERE = Path(__file__).parent


def _sources() -> str:
    digest = blake2b(digest_size=8)
    for path in sorted(_HERE.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _place() -> str | None:
    """The folder for compiled code; None leaves the choice to numba, which knows where a user may write."""
    kept = _HERE / "__pycache__"
    if "NUMBA_CACHE_DIR" in os.environ or not os.access(kept if kept.exists() else _HERE, os.W_OK):
        return None
    return str(kept / f"kernels-{_sources()}")


def compiled(function: F) -> F:
    """Compile at the first call, keep the result for the next process, and let other threads run meanwhile."""
    config: Any = numba.config
    chosen, place = config.CACHE_DIR, _place()
    config.CACHE_DIR = place or chosen
    try:
        kernel: Any = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:
        # There is nowhere to write, so every process compiles for itself.
        kernel = numba.njit(nogil=True)(function)
    finally:
        config.CACHE_DIR = chosen
    return cast("F", kernel)
