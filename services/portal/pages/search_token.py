"""Which forms did we hand out? Each carries an id and an instant that we signed; the id makes its RFI one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.portal.ports import PortalPorts

#: What the tokens are signed for.
SEARCH_FORM = "search-form"
#: How long a form can be filled in.
LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class FormToken:
    """One form."""

    id: str
    #: When it was handed out: the instant at which the request counts as submitted, however often it is sent.
    at: datetime


def fresh(ports: PortalPorts) -> str:
    """The token of a new form; nothing is stored."""
    seconds = int(ports.clock.now().timestamp())
    return ports.signer.sign(SEARCH_FORM, f"{secrets.token_hex(12)}-{seconds}")


def good(ports: PortalPorts, signed: str) -> FormToken | None:
    """The form of a token; None for one that is not ours, or too old."""
    text = ports.signer.read(SEARCH_FORM, signed)
    if text is None:
        return None
    seconds = int(text.rpartition("-")[2])
    at = datetime.fromtimestamp(seconds, UTC)
    return FormToken(text, at) if ports.clock.now() - at <= LIFE else None
