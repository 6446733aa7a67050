"""Where accounts and keys are kept: the portal's ports of the database.

As all stores, they may raise `DependencyUnavailable("mongo")`, and every write may be repeated. `now` is real time, so
that a sandbox's shifted clock signs nobody out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.core.accounts import ApiToken, OAuthClient, Session, SignInLink, User
from services.core.ports import Change, Saved


class UserStore(Protocol):
    """The people. A user's id is derived from the mail address (`ids.user_id`), so an address is one user."""

    async def add(self, users: Sequence[User]) -> set[str]:
        """Insert who is not there; return the ids that were there already (left as they are)."""

    async def load(self, ids: Sequence[str], *, partner_id: str | None = None) -> dict[str, User]:
        """Users by id, inactive ones too; those of this partner alone, None: whoever's."""

    async def save(self, changes: Sequence[Change[User]]) -> Saved:
        """Replace each user whose stored version is still the expected one."""

    async def of_partner(self, partner_id: str) -> list[User]:
        """The people of a partner, inactive ones too, by mail address."""

    async def notified(self, partner_ids: Sequence[str]) -> dict[str, list[User]]:
        """Active people who want other mails than those to contacts, by partner; partners without any are left out."""

    async def digests_due(self, shards: Sequence[int], at: datetime, limit: int) -> list[User]:
        """People whose digest is due at or before `at`, most overdue first; `ids.shard_of` their ids is their shard."""

    async def operators(self) -> list[User]:
        """Everybody who runs the exchange, by mail address."""


class SignInStore(Protocol):
    """Sessions, and links that make one."""

    async def put_session(self, session: Session) -> None:
        """Keep a session until it expires."""

    async def session(self, id_: str, now: datetime) -> Session | None:
        """The session, if it has not expired."""

    async def holder(self, id_: str, now: datetime) -> tuple[Session, User] | None:
        """The session, if it has not expired, with the person it belongs to: both as they are stored now."""

    async def end_session(self, id_: str) -> None:
        """Sign one browser out."""

    async def end_sessions_of(self, user_id: str) -> None:
        """Sign a person out everywhere."""

    async def put_link(self, link: SignInLink) -> None:
        """Keep a link until it expires or is used."""

    async def link(self, id_: str, now: datetime) -> SignInLink | None:
        """The link, if it can still be used; looking does not use it."""

    async def take_link(self, id_: str, now: datetime) -> SignInLink | None:
        """Use the link: of several who try, one gets it."""


class TokenStore(Protocol):
    """Keys of programs."""

    async def add_token(self, token: ApiToken) -> bool:
        """Insert it; False if there is one with this id, which stays as it is."""

    async def token(self, token_hash: str, now: datetime) -> ApiToken | None:
        """The token with this hash, unless revoked or expired."""

    async def tokens_of(self, partner_id: str | None) -> list[ApiToken]:
        """A partner's tokens made by people, newest first, revoked ones too; None: those of operators."""

    async def revoke_token(self, id_: str, partner_id: str | None, at: datetime) -> bool:
        """Revoke it for good; False if there is none of this partner's (None: of anybody's)."""

    async def used(self, id_: str, at: datetime) -> None:
        """Note when it was last used."""

    async def add_client(self, client: OAuthClient) -> bool:
        """As `add_token`."""

    async def client(self, id_: str) -> OAuthClient | None:
        """The client, unless revoked."""

    async def clients_of(self, partner_id: str | None) -> list[OAuthClient]:
        """A partner's clients, newest first, revoked ones too; None: those of operators."""

    async def partner_of(self, id_: str) -> str | None:
        """The partner whose token or client has this id, revoked too; "" if it is an operator's; None: nobody's."""

    async def revoke_client(self, id_: str, partner_id: str | None, at: datetime) -> bool:
        """Revoke it, and every token issued to it; False if there is none of this partner's (None: of anybody's)."""


class SecretStore(Protocol):
    """Keys that the exchange made for itself."""

    async def keep(self, name: str, candidate: str) -> str:
        """Store the candidate under the name if there is none; return what is stored now."""


class LinkSigner(Protocol):
    """Proves that a link is ours. `purpose` keeps a link of one kind from passing as one of another."""

    def sign(self, purpose: str, text: str) -> str:
        """The text with its signature, fit for a path of a URL."""

    def read(self, purpose: str, signed: str) -> str | None:
        """The text, if it was signed by us for this purpose, else None."""


#: What links are signed for.
CUSTOMER_LINK, SIGN_IN_LINK = "customer", "sign-in"
