"""What does a page of a partner's list ask for? Who looks, what stands in the list, and which of it is starred.

Each follows from the one before, and every page asks all of it anew. A database may answer it in one go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from services.core.accounts import Session, User
from services.core.listing import Cards, ListingQuery

#: The list that a person is shown, None for no list. It is asked in any thread, and changes nothing.
Wanted: TypeAlias = Callable[[User], ListingQuery | None]


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a list."""

    session: Session
    user: User
    page: Cards | None
    #: None if no list was wanted.
    starred: frozenset[str]
    #: Those of the page that the partner has starred.


class ReferralLooks(Protocol):
    """Looks at lists."""

    async def look(self, session_id: str, now: datetime, wanted: Wanted) -> Look | None:
        """The session, if it has not expired, its person, and the list wanted for it: all as they are stored now.

        The list is one that nothing is searched for: others who look at the same moment may wait for it.

        Raises:
            ValueError: the list wanted is of another partner than the person's.
        """


def own_list(user: User, wanted: Wanted) -> ListingQuery | None:
    """The list wanted for somebody.

    Raises:
        ValueError: it is another partner's.
    """
    query = wanted(user)
    if query is not None and (user.partner_id is None or query.partner_id != user.partner_id):
        raise ValueError("people look at lists of their own partner")
    return query
