"""Who is asking? One value for people and programs, however they signed in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from services.core.accounts import Role, SavedFilter

__all__ = ["Identity", "IdentityKind", "Role"]


class IdentityKind(StrEnum):
    """On which side of the exchange somebody stands."""

    PARTNER = "partner"
    CUSTOMER = "customer"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who asks, and for whom. Pages (sessions) and API (bearer tokens) give the same value."""

    kind: IdentityKind
    subject: str
    #: The user's id; of programs the token's id; of customers the RFI's id.
    client_id: str | None = None
    #: Of the program that was issued its token; None for people, and for tokens that were made by hand.
    name: str
    #: The actor for a command's `by`: `partner:<user id>`, `operator:<user id>`, `customer`.
    partner_id: str | None = None
    #: Set for partners, and for nobody else.
    rfi_id: str | None = None
    #: Set for customers, and for nobody else.
    role: Role | None = None
    #: Of a partner's person or program; a program that may write is a member.
    scopes: frozenset[str] = frozenset()
    #: What a program may do; a person has every scope of its role.
    language: str = "en"
    time_zone: str = "UTC"
    session_id: str | None = None
    #: Of a browser's session; None for programs and customers' links.
    csrf: str | None = None
    #: The token that this session's forms repeat.
    display_name: str = ""
    #: For the page's head; never logged.
    filters: tuple[SavedFilter, ...] = ()
    #: Lists that this person keeps.

    @property
    def counted_as(self) -> str:
        """Under which name what it asks is counted: a client that gets a new token at each call stays one program."""
        return self.client_id or self.subject

    @property
    def may_write(self) -> bool:
        """Whether it may answer referrals."""
        return self.role is not Role.VIEWER
