"""Who asks? A person by the session's cookie, a program by its bearer token, a customer by the link in the path."""

from __future__ import annotations

import time

from fastapi import Request

from services.core.account_stores import CUSTOMER_LINK
from services.core.accounts import SCOPES, ApiToken, Role, Session, User
from services.portal.access import FOR_PROGRAMS, Denied, Forbidden, NotHere, TooFast, keep_look, keep_reader, wanted_by
from services.portal.forms import check_form
from services.portal.identity import Identity, IdentityKind
from services.portal.keys import key_hash
from services.portal.pace import Pace
from services.portal.ports import PortalOptions, PortalPorts

#: Longest key looked at.
_KEY_LIMIT = 1024
#: How often the last use of a token is written down, seconds.
_NOTED_EVERY_S = 60.0
#: Parameter of routes that are a customer's: the signed id of the RFI.
SIGNED = "signed"
#: Purpose of the token in a customer's forms.
_CUSTOMER_FORM = "customer-form"

_READS = frozenset({"referrals.read", "profiles.read", "users.read"})
ROLE_SCOPES = {
    Role.VIEWER: _READS,
    Role.MEMBER: _READS | {"referrals.write"},
    Role.ADMIN: frozenset(SCOPES) - {"operator"},
}


def session_cookie(options: PortalOptions) -> str:
    """Name of the cookie; `__Host-` keeps subdomains and plain http from setting it."""
    return "__Host-referrals" if options.secure else "referrals"


class PortalDoors:
    """Port `Doors` of `access`."""

    def __init__(self, ports: PortalPorts, options: PortalOptions, pace: Pace) -> None:
        self._ports, self._pace = ports, pace
        self._cookie = session_cookie(options)
        self._noted: dict[str, float] = {}
        #: When the last use of a token was written down, by its id; bounded by the number of tokens.
        self._hasty: dict[str, float] = {}
        #: Until when a session was told to wait, by its id.

    async def identify(self, request: Request) -> Identity:
        """As the port says."""
        me = await self.recognise(request)
        self._keep_pace(me)
        if me.csrf is not None:
            await check_form(request, me.csrf)
        return me

    async def recognise(self, request: Request) -> Identity:
        """As the port says."""
        if SIGNED in request.path_params:
            me = await self._customer(request, request.path_params[SIGNED])
        elif (header := request.headers.get("authorization")) is not None:
            me = await self._program(request, header)
        else:
            me = await self._person(request)
        keep_reader(request, me)
        return me

    async def _person(self, request: Request) -> Identity:
        cookie = request.cookies.get(self._cookie)
        if not cookie:
            raise Denied("sign in first")
        found = None
        if len(cookie) <= _KEY_LIMIT:
            found = await self._holder(request, key_hash(cookie))
        if found is None or not found[1].active:
            self._pace.wrong(address_of(request))
            raise Denied("you are signed out: sign in again")
        session, user = found
        return person(user, session.id, session.csrf)

    def _keep_pace(self, me: Identity) -> None:
        try:
            self._pace.request(me.counted_as, me.partner_id)
        except TooFast as slower:
            if me.session_id is not None:
                self._hasty[me.session_id] = time.monotonic() + slower.retry_after_s
            raise

    def _is_hasty(self, session_id: str) -> bool:
        """Whether this session was told to wait: nothing is read for it beyond who it is."""
        now = time.monotonic()
        self._hasty = {id_: until for id_, until in self._hasty.items() if until > now}
        return session_id in self._hasty

    async def _holder(self, request: Request, session_id: str) -> tuple[Session, User] | None:
        """Session and person; the list that the page shows comes along in the same journey to the database."""
        now, wanted = self._ports.clock.real_now(), wanted_by(request)
        if wanted is None or self._is_hasty(session_id):
            return await self._ports.sign_ins.holder(session_id, now)
        look = await self._ports.looks.look(session_id, now, wanted)
        if look is None:
            return None
        keep_look(request, look)
        return look.session, look.user

    async def _program(self, request: Request, header: str) -> Identity:
        scheme, _, key = header.partition(" ")
        key, token = key.strip(), None
        now = self._ports.clock.real_now()
        if scheme.lower() == "bearer" and 0 < len(key) <= _KEY_LIMIT:
            token = await self._ports.tokens.token(key_hash(key), now)
        if token is None:
            self._pace.wrong(address_of(request))
            raise Denied("send a token that is good as `Authorization: Bearer <token>`")
        if not request.url.path.startswith(FOR_PROGRAMS):
            # What a token may do is said by its scopes, and pages go by roles.
            raise Forbidden("a token opens the API, below /v1 and /v1.0; pages are for people: sign in")
        if time.monotonic() - self._noted.get(token.id, -_NOTED_EVERY_S) >= _NOTED_EVERY_S:
            self._noted[token.id] = time.monotonic()
            await self._ports.tokens.used(token.id, now)
        return program(token)

    async def _customer(self, request: Request, signed: str) -> Identity:
        rfi_id = self._ports.signer.read(CUSTOMER_LINK, signed)
        rfi = (await self._ports.rfis.load([rfi_id])).get(rfi_id) if rfi_id else None
        if rfi is None:
            self._pace.wrong(address_of(request))
            raise NotHere("this link leads nowhere: use the link of our newest mail")
        contact = rfi.customer.contact
        return Identity(
            kind=IdentityKind.CUSTOMER,
            subject=rfi.id,
            name="customer",
            rfi_id=rfi.id,
            language=contact.language,
            time_zone=contact.time_zone,
            csrf=self._ports.signer.sign(_CUSTOMER_FORM, rfi.id).rpartition(".")[2],
        )


def person(user: User, session_id: str | None, csrf: str | None) -> Identity:
    """The identity of a user."""
    kind = IdentityKind.OPERATOR if user.operator else IdentityKind.PARTNER
    return Identity(
        kind=kind,
        subject=user.id,
        name=f"{kind.value}:{user.id}",
        partner_id=None if user.operator else user.partner_id,
        role=None if user.operator else user.role,
        scopes=frozenset({"operator"}) if user.operator else ROLE_SCOPES[user.role],
        language=user.language,
        time_zone=user.time_zone,
        session_id=session_id,
        csrf=csrf,
        display_name=user.name,
        filters=user.filters,
    )


def program(token: ApiToken) -> Identity:
    """The identity of a token; what it may do makes its role."""
    kind = IdentityKind.OPERATOR if token.operator else IdentityKind.PARTNER
    scopes = frozenset(token.scopes)
    # Who may write may read.
    reads = {f"{scope.removesuffix('.write')}.read" for scope in scopes if scope.endswith(".write")} & set(SCOPES)
    writes = Role.MEMBER if "referrals.write" in scopes else Role.VIEWER
    return Identity(
        kind=kind,
        subject=token.id,
        client_id=token.client_id,
        name=f"{kind.value}:{token.id}",
        partner_id=None if token.operator else token.partner_id,
        role=None if token.operator else Role.ADMIN if "profiles.write" in scopes else writes,
        scopes=scopes | reads,
        display_name=token.name,
    )


def address_of(request: Request) -> str:
    """The network address of the caller, as the server knows it."""
    return request.client.host if request.client else "unknown"
