"""Does a kept original name a mail address, however it is written and escaped? Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from services.core.erasures import Original

#: Deepest nesting looked into; deeper ones are searched as plain text alone.
_DEEPEST = 100


def mentions(original: Original, email: str) -> bool:
    """Whether the address stands anywhere in the record: in its key, its headers or its value."""
    wanted = email.casefold()
    parts = (original.key or b"", original.value or b"", *(value for _, value in original.headers))
    return any(wanted in _text(part) for part in parts) or any(
        wanted in text.casefold() for text in _texts(original.value or b"")
    )


def _text(part: bytes) -> str:
    return part.decode("utf-8", "replace").casefold()


def _texts(value: bytes) -> Iterator[str]:
    """The texts of a JSON value with escapes; without a backslash the bytes say it all."""
    if b"\\" not in value:
        return
    try:
        waiting: list[tuple[object, int]] = [(json.loads(value), 0)]
    except (ValueError, RecursionError):
        return
    while waiting:
        each, depth = waiting.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, list) and depth < _DEEPEST:
            waiting += [(inner, depth + 1) for inner in each]
        elif isinstance(each, dict) and depth < _DEEPEST:
            waiting += [(inner, depth + 1) for pair in each.items() for inner in pair]
