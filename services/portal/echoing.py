"""Which ids that a caller gave its request come back with the answer? Those of the contract, on all below /v1.0.

On every answer: refused methods, addresses that lead nowhere and redirects too, so the outermost layer adds them.
"""

from __future__ import annotations

import re

from starlette.types import Scope

#: Where the contract is spoken.
CONTRACT = "/v1.0"
#: Ids that callers give their requests, and get back if they can't harm a log or a header.
ECHOED = (b"ms-correlationid", b"ms-requestid")
_SAFE = re.compile(rb"[A-Za-z0-9._:{}-]{1,128}")


def in_contract(path: str) -> bool:
    """Whether the contract is spoken at this path, whatever there is."""
    return path == CONTRACT or path.startswith(f"{CONTRACT}/")


def echoes(scope: Scope) -> list[tuple[bytes, bytes]]:
    """Headers of the answer to a request."""
    if not in_contract(scope.get("path", "")):
        return []
    given = dict(scope["headers"])
    return [(name, given[name]) for name in ECHOED if _SAFE.fullmatch(given.get(name, b""))]
