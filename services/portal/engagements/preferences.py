"""What does a caller prefer (RFC 7240)? Names in any case, values plain or quoted, several in one header or in more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

#: Longest header looked at, and how many of them: what is longer is compared with ever more effort.
LONGEST, _MOST = 200, 20
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
#: One preference, its value, and parameters that nobody here asks for.
_PREFERENCE = re.compile(
    rf'\s*(?P<name>{_NAME})(?:\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>{_NAME})))?\s*'
    rf'(?:;(?:[^",]|"(?:[^"\\]|\\.)*")*)?'
)
_PARTS = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*")+')


def wants_representation(headers: Sequence[str]) -> bool:
    """Whether `return=representation` is preferred. A preference that is named twice is what it is named first."""
    return next((value for name, value in _preferences(headers) if name == "return"), "") == "representation"


def _preferences(headers: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names and values, in small letters; what is none is left out, as the standard has it."""
    for header in (each for each in headers[:_MOST] if len(each) <= LONGEST):
        for part in _PARTS.findall(header):
            if (found := _PREFERENCE.fullmatch(part)) is not None:
                value = found["plain"] or re.sub(r"\\(.)", r"\1", found["quoted"] or "")
                yield found["name"].lower(), value.lower()
