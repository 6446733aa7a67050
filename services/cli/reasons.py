"""How does the command line say why an RFI goes to a partner?"""

from __future__ import annotations

from collections.abc import Iterable

from services.core.reasons import Reason, ReasonCode, parse

_PLAIN = {
    ReasonCode.PICKED: "picked by the customer",
    ReasonCode.MORE: "and {value} more terms",
    ReasonCode.NOTHING_NAMED: "the request names nothing that could be compared: matched by region and size alone",
    ReasonCode.LANGUAGE: "language {value}: spoken",
    ReasonCode.SIZE: "size {value}: wanted",
    ReasonCode.SIZE_UNKNOWN: "size: not known, so not compared",
    ReasonCode.REGION_SERVED: "region {value}: served",
    ReasonCode.REGION_PART: "region {value}: only a part of it is served ({detail}), so this counts less",
    ReasonCode.REGION_OUTSIDE: "region {value}: outside what it serves ({detail})",
    ReasonCode.NEAR: "a location within {value} km",
    ReasonCode.DISTANCE_UNKNOWN: "distance unknown (within {value} km asked): decided by region",
    ReasonCode.TITLE: "in the title {value}",
    ReasonCode.ASKED: "in what was asked {value}",
    ReasonCode.DESCRIPTION: "in the description {value}",
}


def said(text: str) -> str:
    """A stored reason in plain words; a text that is none, as it is."""
    reason = parse(text)
    return _said(reason) if reason else text


def all_said(texts: Iterable[object]) -> str:
    """Stored reasons in one line."""
    return "; ".join(said(str(text)) for text in texts)


def _said(reason: Reason) -> str:
    words = _PLAIN.get(reason.code, f"{reason.code.value} {{value}}").format(value=reason.value, detail=reason.detail)
    if reason.code is ReasonCode.REGION_SERVED and reason.detail:
        words += f", all of {reason.detail} is"
    return words if reason.weight is None else f"{words}: weight {reason.weight:.2f}"
