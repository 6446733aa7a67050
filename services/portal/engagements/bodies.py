"""How are the bodies of PATCH and PUT read: JSON Patch with the contract's paths, or the whole referral sent back?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from services.core.errors import Problem
from services.portal.engagements.errors import Faulty
from services.portal.engagements.wanted import FIELDS, Sent, Wanted, with_value

#: Most operations of one patch.
OPERATIONS = 100
#: Most bytes of a body.
BYTES = 256 * 1024


def read_json(body: bytes) -> Any:
    """The JSON of a body.

    Raises:
        Faulty: it is too large, or no JSON.
    """
    if len(body) > BYTES:
        raise Faulty([Problem("", "too_large", f"send at most {BYTES} bytes")], 413)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Faulty([Problem("", "not_json", "send JSON")]) from None


def read_patch(body: bytes) -> Sent:
    """What a JSON Patch (RFC 6902; `add` and `replace` only) wants, with every operation that can't be used.

    Raises:
        Faulty: it is no patch at all.
    """
    operations = read_json(body)
    if not isinstance(operations, list) or not operations:
        raise Faulty([Problem("", "not_a_patch", "send a JSON Patch: a list of operations")])
    if len(operations) > OPERATIONS:
        raise Faulty([Problem("", "too_many", f"send at most {OPERATIONS} operations")])
    wanted, problems, whole = Wanted(), list[Problem](), True
    for index, operation in enumerate(operations):
        pointer = _pointer(operation, f"/{index}", problems)
        whole = whole and pointer is not None
        if pointer is not None:
            wanted = with_value(wanted, pointer, operation["value"], pointer.removesuffix("/-"), problems)
    return Sent(wanted=wanted, problems=tuple(problems), whole=whole)


def _pointer(operation: Any, at: str, problems: list[Problem]) -> str | None:
    """The path of an operation that is allowed."""
    if not isinstance(operation, Mapping):
        problems.append(Problem(at, "not_an_object", "an operation is an object with op, path and value"))
        return None
    before = len(problems)
    op, path = operation.get("op"), operation.get("path")
    if op not in ("add", "replace"):
        problems.append(Problem(f"{at}/op", "not_allowed", "use `add` or `replace`"))
    if not isinstance(path, str) or path not in FIELDS:
        shown = path if isinstance(path, str) else ""
        message = f"`{shown[:100]}` can't be changed; these can: {', '.join(FIELDS)}"
        problems.append(Problem(f"{at}/path", "not_allowed", message))
    elif path.endswith("/-") and op == "replace":
        problems.append(Problem(f"{at}/op", "not_allowed", "there is nothing at the end of a list: use `add`"))
    if "value" not in operation:
        problems.append(Problem(f"{at}/value", "required", "give the value"))
    return str(path) if len(problems) == before else None


def read_whole(body: bytes) -> Sent:
    """What a referral sent back as a whole wants: the fields that can be changed; all others are ignored.

    What is absent or null stays as it is, so that a client that knows fewer fields takes nothing away; notes and ids
    are cleared by an empty text.

    Raises:
        Faulty: it is no referral at all.
    """
    whole = read_json(body)
    if not isinstance(whole, Mapping):
        raise Faulty([Problem("", "not_an_object", "send the whole referral, as you got it and with your changes")])
    wanted, problems = Wanted(), list[Problem]()
    for pointer in FIELDS:
        if pointer.endswith("/-"):
            continue
        value = _at(whole, pointer, problems)
        if value is not None:
            wanted = with_value(wanted, pointer, value, pointer, problems)
    return Sent(wanted=wanted, problems=tuple(problems))


def _at(whole: Mapping[str, Any], pointer: str, problems: list[Problem]) -> Any:
    """The value at a pointer, or None."""
    here: Any = whole
    *outer, last = pointer.removeprefix("/").split("/")
    for depth, step in enumerate(outer, start=1):
        here = here.get(step)
        if here is None:
            return None
        if not isinstance(here, Mapping):
            problem = Problem("/" + "/".join(outer[:depth]), "not_an_object", "must be an object")
            if problem not in problems:
                problems.append(problem)
            return None
    return here.get(last)
