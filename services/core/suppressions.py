"""Which addresses are mailed no more, because mails to them came back? Rules and the port.

An address is not kept, only an id that follows from it: who reads the list learns no names.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

#: Enhanced status codes (RFC 3463) that say that the address itself is no good: no such mailbox, domain or route, or a
#: mailbox that takes nothing. A full mailbox, a mail too large or a policy of the server speak of one mail.
_OF_ADDRESS = re.compile(r"5\.(?:0\.\d+|1\.\d+|2\.[01]|4\.4)")


def is_about_address(status: str) -> bool:
    """Whether a status of a failed delivery (5.1.1) means that later mails to the address would come back, too."""
    return _OF_ADDRESS.fullmatch(status) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address that is mailed no more; the id is `ids.suppression_id` of it."""

    id: str
    #: The status that the first mail came back with: 5.1.1.
    why: str
    #: That mail, which says whose address it is.
    job_id: str
    #: Business time.
    at: datetime


class SuppressionStore(Protocol):
    """The list. Every write may be repeated; all may raise `DependencyUnavailable("mongo")`."""

    async def add(self, suppression: Suppression) -> None:
        """Put on the list; one that is there already is left as it is."""

    async def among(self, ids: Collection[str]) -> dict[str, Suppression]:
        """Those that are on the list, by id."""

    async def listed(self, limit: int) -> list[Suppression]:
        """Newest first."""

    async def lift(self, id_: str) -> bool:
        """Take from the list; False when it was not there."""
