"""How would people, sessions and keys be kept if there were no database? The twins of the ports of accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from services.adapters.memory.faults import Faults, faulty
from services.adapters.memory.owned import by_id
from services.adapters.mongo.tokens import is_good
from services.core.accounts import ApiToken, Notify, OAuthClient, Session, SignInLink, User
from services.core.ids import shard_of
from services.core.ports import Change, Saved


class MemoryUsers:
    """Users by id, in `stored`."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, User] = {}

    @faulty
    async def add(self, users: Sequence[User]) -> set[str]:
        """Insert who is not there."""
        there = {user.id for user in users if user.id in self.stored}
        for user in users:
            self.stored.setdefault(user.id, user)
        return there

    @faulty
    async def load(self, ids: Sequence[str], *, partner_id: str | None = None) -> dict[str, User]:
        """By id."""
        return by_id(self.stored, ids, partner_id)

    @faulty
    async def save(self, changes: Sequence[Change[User]]) -> Saved:
        """Where the version is the expected one."""
        saved = Saved()
        for change in changes:
            user, found = change.document, self.stored.get(change.document.id)
            if found is not None and found.version == change.expected:
                self.stored[user.id] = user
            (saved.written if self.stored.get(user.id) == user else saved.conflicts).append(user.id)
        return saved

    @faulty
    async def of_partner(self, partner_id: str) -> list[User]:
        """By mail address."""
        return sorted((u for u in self.stored.values() if u.partner_id == partner_id), key=lambda u: u.email)

    @faulty
    async def notified(self, partner_ids: Sequence[str]) -> dict[str, list[User]]:
        """By mail address."""
        found: dict[str, list[User]] = {}
        for user in sorted(self.stored.values(), key=lambda each: each.email):
            wanted = user.active and user.notify is not Notify.NOTHING
            if wanted and user.partner_id is not None and user.partner_id in partner_ids:
                found.setdefault(user.partner_id, []).append(user)
        return found

    @faulty
    async def digests_due(self, shards: Sequence[int], at: datetime, limit: int) -> list[User]:
        """Most overdue first."""
        due = [
            (user.digest_at, user)
            for user in self.stored.values()
            if user.digest_at is not None and user.digest_at <= at and shard_of(user.id) in shards
        ]
        return [user for _at, user in sorted(due, key=lambda each: each[0])][:limit]

    @faulty
    async def operators(self) -> list[User]:
        """By mail address."""
        return sorted((u for u in self.stored.values() if u.operator), key=lambda u: u.email)


class MemorySecrets:
    """Keys by name."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.stored: dict[str, str] = {}

    @faulty
    async def keep(self, name: str, candidate: str) -> str:
        """Whoever comes first decides."""
        return self.stored.setdefault(name, candidate)


class MemorySignIns:
    """Sessions and links by id."""

    def __init__(self, users: MemoryUsers, faults: Faults | None = None) -> None:
        self.faults, self._users = faults or Faults(), users
        self.sessions: dict[str, Session] = {}
        self.links: dict[str, SignInLink] = {}

    @faulty
    async def put_session(self, session: Session) -> None:
        """Keep it."""
        self.sessions[session.id] = session

    @faulty
    async def session(self, id_: str, now: datetime) -> Session | None:
        """Unless expired."""
        session = self.sessions.get(id_)
        return session if session is not None and now < session.expires_at else None

    async def holder(self, id_: str, now: datetime) -> tuple[Session, User] | None:
        """One after the other."""
        session = await self.session(id_, now)
        user = (await self._users.load([session.user_id])).get(session.user_id) if session else None
        return (session, user) if session and user else None

    @faulty
    async def end_session(self, id_: str) -> None:
        """Forget it."""
        self.sessions.pop(id_, None)

    @faulty
    async def end_sessions_of(self, user_id: str) -> None:
        """Forget them."""
        self.sessions = {id_: s for id_, s in self.sessions.items() if s.user_id != user_id}

    @faulty
    async def put_link(self, link: SignInLink) -> None:
        """Keep it."""
        self.links[link.id] = link

    @faulty
    async def link(self, id_: str, now: datetime) -> SignInLink | None:
        """Unless expired."""
        link = self.links.get(id_)
        return link if link is not None and now < link.expires_at else None

    @faulty
    async def take_link(self, id_: str, now: datetime) -> SignInLink | None:
        """Forget it and return it."""
        if id_ in self.links and now < self.links[id_].expires_at:
            return self.links.pop(id_)
        return None


class MemoryTokens:
    """Tokens and clients by id."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.tokens: dict[str, ApiToken] = {}
        self.clients: dict[str, OAuthClient] = {}

    @faulty
    async def add_token(self, token: ApiToken) -> bool:
        """The first one stays."""
        return self.tokens.setdefault(token.id, token) is token

    @faulty
    async def token(self, token_hash: str, now: datetime) -> ApiToken | None:
        """Neither revoked nor expired."""
        return next((t for t in self.tokens.values() if t.token_hash == token_hash and is_good(t, now)), None)

    @faulty
    async def tokens_of(self, partner_id: str | None) -> list[ApiToken]:
        """Newest first."""
        found = [t for t in self.tokens.values() if t.partner_id == partner_id and t.client_id is None]
        return sorted(found, key=lambda t: t.created_at, reverse=True)

    @faulty
    async def revoke_token(self, id_: str, partner_id: str | None, at: datetime) -> bool:
        """For good."""
        token = self.tokens.get(id_)
        if token is None or partner_id not in (None, token.partner_id):
            return False
        self.tokens[id_] = replace(token, revoked_at=at)
        return True

    @faulty
    async def used(self, id_: str, at: datetime) -> None:
        """Never backwards."""
        if (token := self.tokens.get(id_)) is not None:
            self.tokens[id_] = replace(token, last_used_at=max(at, token.last_used_at or at))

    @faulty
    async def add_client(self, client: OAuthClient) -> bool:
        """The first one stays."""
        return self.clients.setdefault(client.id, client) is client

    @faulty
    async def client(self, id_: str) -> OAuthClient | None:
        """Unless revoked."""
        client = self.clients.get(id_)
        return client if client is not None and client.revoked_at is None else None

    @faulty
    async def clients_of(self, partner_id: str | None) -> list[OAuthClient]:
        """Newest first."""
        found = [c for c in self.clients.values() if c.partner_id == partner_id]
        return sorted(found, key=lambda c: c.created_at, reverse=True)

    @faulty
    async def partner_of(self, id_: str) -> str | None:
        """By id."""
        found = self.tokens.get(id_) or self.clients.get(id_)
        return None if found is None else found.partner_id or ""

    @faulty
    async def revoke_client(self, id_: str, partner_id: str | None, at: datetime) -> bool:
        """With its tokens."""
        client = self.clients.get(id_)
        if client is None or partner_id not in (None, client.partner_id):
            return False
        self.clients[id_] = replace(client, revoked_at=at)
        for token in [t for t in self.tokens.values() if t.client_id == id_]:
            self.tokens[token.id] = replace(token, revoked_at=at)
        return True
