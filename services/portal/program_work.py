"""How does a program get a key, and how does it lose it? A key is shown once; what is stored is its hash.

People make keys on a page, operators on the command line, and OAuth clients fetch theirs: all three are made here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from services.core.accounts import SCOPES, ApiToken, OAuthClient
from services.core.errors import CommandInvalid, Problem
from services.core.requirements import NAME_LENGTH, text_problems
from services.portal.access import NotHere
from services.portal.identity import Identity
from services.portal.keys import key_hash, new_key
from services.portal.ports import PortalPorts

log = structlog.get_logger("portal.programs")

#: Begins every token of ours, so that scanners of repositories find leaked ones; and every client's secret.
TOKEN_PREFIX, SECRET_PREFIX = "rxt_", "rxs_"
#: What a partner's program may be allowed to do.
PARTNER_SCOPES = tuple(scope for scope in SCOPES if scope != "operator")
#: Programs of one partner that may be let in at the same time.
PROGRAM_LIMIT = 50
_ID_LENGTH = 32


class KeyKind(StrEnum):
    """What a program signs in with."""

    QUARTER = "quarter"
    YEAR = "year"
    ENDLESS = "endless"
    CLIENT = "client"
    #: OAuth client credentials, for a program that fetches short-lived keys by itself.


#: How long keys of a kind are good; the others are good until they are taken back.
_LASTS = {KeyKind.QUARTER: timedelta(days=90), KeyKind.YEAR: timedelta(days=365)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program as its people see it: a token that somebody made, or an OAuth client."""

    id: str
    name: str
    scopes: tuple[str, ...]
    is_client: bool
    created_at: datetime
    last_used_at: datetime | None = None
    #: Not known of clients: their tokens are used.
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def good(self, now: datetime) -> bool:
        """Whether it is let in."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A new program, and what it signs in with: the one time that this is told."""

    name: str
    key: str
    client_id: str | None = None


def token_for(
    name: str,
    scopes: Iterable[str],
    now: datetime,
    *,
    partner_id: str | None,
    lasts: timedelta | None = None,
    client_id: str | None = None,
    id_: str | None = None,
) -> tuple[str, ApiToken]:
    """A new key and what is stored of it; without a partner, an operator's. `lasts`: None for good."""
    key = new_key(TOKEN_PREFIX)
    hashed = key_hash(key)
    return key, ApiToken(
        id=id_ or hashed[:_ID_LENGTH],
        token_hash=hashed,
        name=name,
        partner_id=partner_id,
        operator=partner_id is None,
        scopes=tuple(scopes),
        client_id=client_id,
        created_at=now,
        expires_at=now + lasts if lasts else None,
    )


def client_for(
    id_: str, name: str, scopes: Iterable[str], now: datetime, *, partner_id: str | None
) -> tuple[str, OAuthClient]:
    """A new client's secret and what is stored of it; without a partner, an operator's."""
    secret = new_key(SECRET_PREFIX)
    return secret, OAuthClient(
        id=id_,
        secret_hash=key_hash(secret),
        name=name,
        partner_id=partner_id,
        operator=partner_id is None,
        scopes=tuple(scopes),
        created_at=now,
    )


def program_problems(name: str, kind: str, scopes: Sequence[str], there: int) -> list[Problem]:
    """Everything that is wrong with a program that somebody wants to let in beside `there` others, by field."""
    found = []
    if not name:
        found.append(Problem("/name", "required", "give the name"))
    found += text_problems("/name", name, NAME_LENGTH)
    if kind not in set(KeyKind):
        found.append(Problem("/kind", "required", "choose what it signs in with"))
    if not scopes:
        found.append(Problem("/scopes", "nothing_allowed", "allow it something"))
    if there >= PROGRAM_LIMIT:
        found.append(Problem("/name", "too_many", f"a partner has at most {PROGRAM_LIMIT} programs"))
    return found


class ProgramWork:
    """What people of a partner do with its programs."""

    def __init__(self, ports: PortalPorts) -> None:
        self._ports = ports

    async def programs(self, me: Identity) -> list[Program]:
        """The programs of the caller's partner: those let in first, then those that no longer are; newest first."""
        partner, now = me.partner_id or "", self._ports.clock.real_now()
        tokens, clients = await self._ports.tokens.tokens_of(partner), await self._ports.tokens.clients_of(partner)
        found = [*map(_of_token, tokens), *map(_of_client, clients)]
        return sorted(found, key=lambda each: (each.good(now), each.created_at), reverse=True)

    async def let_in(self, me: Identity, name: str, kind: str, scopes: Sequence[str], form_id: str) -> Made | None:
        """Let a program of the caller's partner in.

        `form_id` tells one form from another: a form that a browser sends twice makes one key, which cannot be told
        again (None).

        Raises:
            CommandInvalid: says everything that is wrong.
        """
        name, wanted = name.strip(), [scope for scope in PARTNER_SCOPES if scope in scopes]
        there, now = await self.programs(me), self._ports.clock.real_now()
        if problems := program_problems(name, kind, wanted, sum(each.good(now) for each in there)):
            raise CommandInvalid(problems)
        id_ = hashlib.sha256(f"{me.partner_id} {form_id}".encode()).hexdigest()[:_ID_LENGTH]
        log.info("program_let_in", by=me.name, program=id_, scopes=wanted)
        if kind == KeyKind.CLIENT:
            key, client = client_for(id_, name, wanted, now, partner_id=me.partner_id)
            added = await self._ports.tokens.add_client(client)
            return Made(name=name, key=key, client_id=id_) if added else None
        lasts = _LASTS.get(KeyKind(kind))
        key, token = token_for(name, wanted, now, partner_id=me.partner_id, lasts=lasts, id_=id_)
        return Made(name=name, key=key) if await self._ports.tokens.add_token(token) else None

    async def shut_out(self, me: Identity, program_id: str) -> None:
        """Take a program's key back at once; again, it stays so.

        Raises:
            NotHere: no program of the caller's partner has this id.
        """
        tokens, partner, now = self._ports.tokens, me.partner_id or "", self._ports.clock.real_now()
        done = await tokens.revoke_token(program_id, partner, now)
        if not (done or await tokens.revoke_client(program_id, partner, now)):
            raise NotHere("your partner has no such program")
        log.info("program_shut_out", by=me.name, program=program_id)


def _of_token(token: ApiToken) -> Program:
    return Program(
        id=token.id,
        name=token.name,
        scopes=token.scopes,
        is_client=False,
        created_at=token.created_at,
        last_used_at=token.last_used_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
    )


def _of_client(client: OAuthClient) -> Program:
    return Program(
        id=client.id,
        name=client.name,
        scopes=client.scopes,
        is_client=True,
        created_at=client.created_at,
        revoked_at=client.revoked_at,
    )
