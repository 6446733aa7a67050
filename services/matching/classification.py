"""Is a text a classification code, and what lies above it? Public buyers name what they want by codes."""

from __future__ import annotations

import re

#: As publishers write it: `cpv:72267000`, `UNSPSC:43230000`. The colon makes it a code.
_CODE = re.compile(r"^([A-Za-z][A-Za-z-]{1,24}):\s*([A-Za-z0-9][A-Za-z0-9_ -]{1,40})$")
#: Digits of a code that are a level of their own.
_LEVELS = (2, 4, 6, 8)


def code_of(text: str) -> str | None:
    """The code as `scheme:code` in lower case, or None if the text is none."""
    match = _CODE.match(text)
    return f"{match[1]}:{match[2]}".lower() if match else None


def levels(code: str) -> list[str]:
    """A code with everything above it, widest first: cpv:72, cpv:7226, cpv:722670; what is no number is one level."""
    scheme, _, digits = code.partition(":")
    if not digits.isdigit():
        return [code]
    cuts = (n for n in _LEVELS if n <= len(digits) and (n == _LEVELS[0] or digits[n - 2 : n] != "00"))
    return [f"{scheme}:{digits[:n]}" for n in cuts]
