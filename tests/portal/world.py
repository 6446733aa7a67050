"""A portal for tests: twins (or a real database), a clock that stands, people who sign in, a client for each.

world = portal_world()
ana = await world.signed_in(partner=1)          # an httpx client with a session
await ana.get("/inbox")
await ana.submit("/referrals/x/accept", {...})  # posts a form with the page's token
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from schemas.topics import TOPICS
from services.adapters.commands import ReferralCommands
from services.adapters.memory.clock import TurnableClock
from services.adapters.memory.kafka import MemoryLog, MemoryPublisher
from services.adapters.memory.stores import MemoryStores
from services.adapters.memory.submitted import MemorySubmittedLog
from services.adapters.outbox import OutboxRelay
from services.adapters.settings import Settings
from services.adapters.signing import SignedLinks
from services.adapters.standing_seal import SealedStandings
from services.adapters.wire import tick_of
from services.auditing import Auditor
from services.core.account_stores import CUSTOMER_LINK, SIGN_IN_LINK
from services.core.accounts import ApiToken, Role, User
from services.core.audits import AuditRun
from services.core.codes import PolicyName
from services.core.ids import SHARDS, user_id
from services.core.policy import POLICIES, Policy
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.expirer.sweep import ExpirerHandler, Tick
from services.intake.regions import Regions
from services.portal.app import build
from services.portal.keys import key_hash
from services.portal.pace import Pace
from services.portal.ports import PortalOptions, PortalPorts
from services.portal.sign_in import SignIn
from services.portal_wiring import portal_ports
from tests.builders import START, make_partner, make_profile, make_referral, make_rfi
from tests.router_world import MemoryFeed

REGIONS = Regions()
BASE = "http://portal.test"
_TOKEN = re.compile(r'name="csrf" content="([^"]*)"')


class Browser(httpx.AsyncClient):
    """A browser without JavaScript: cookies, forms with the token of the page seen last."""

    token = ""

    async def get(self, url: Any, **more: Any) -> httpx.Response:
        return self._seen(await super().get(url, **{"headers": {"accept": "text/html"}, **more}))

    async def submit(self, url: str, fields: Mapping[str, Any] | None = None, **more: Any) -> httpx.Response:
        """Post a form as a page of ours would."""
        headers = {"accept": "text/html", **more.pop("headers", {})}
        answer = await self.post(url, data={"csrf": self.token, **(fields or {})}, headers=headers, **more)
        return self._seen(answer)

    def _seen(self, answer: httpx.Response) -> httpx.Response:
        if found := _TOKEN.search(answer.text):
            self.token = found[1]
        return answer


@dataclass
class SwitchedAudits:
    """What the portal is audited by: nothing, until a test sets `current`."""

    current: Auditor | None = None

    def last(self) -> AuditRun | None:
        return self.current.last() if self.current else None

    def begin(self, by: str) -> bool:
        return self.current is not None and self.current.begin(by)


@dataclass
class PortalWorld:
    """The application with everything behind it."""

    stores: Any
    clock: TurnableClock
    app: FastAPI
    ports: PortalPorts
    options: PortalOptions
    log: MemoryLog
    relay: OutboxRelay
    auditor: SwitchedAudits
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def client(self, headers: Mapping[str, str] | None = None, **more: Any) -> Browser:
        """A browser that nobody is signed in with; it says of all it sends that a page of ours does."""
        through = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        said = {"sec-fetch-site": "same-origin", **(headers or {})}
        browser = Browser(transport=through, base_url=BASE, headers=said, **more)
        self.clients.append(browser)
        return browser

    async def add_user(self, partner: int | None = 1, email: str | None = None, **more: Any) -> User:
        """A user of partner `n` (an admin); None: an operator."""
        address = email or (f"ana@partner{partner}.example" if partner else "boss@exchange.example")
        base = User(
            id=user_id(address),
            email=address,
            name="Ana Ruiz",
            partner_id=make_partner(partner).id if partner else None,
            operator=partner is None,
            role=Role.ADMIN,
        )
        user = replace(base, **more)
        await self.stores.users.add([user])
        return user

    async def session_of(self, user: User) -> str:
        """What the cookie of a new session holds."""
        return await SignIn(self.ports, self.options, Pace(100)).open_session(user)

    async def signed_in(self, partner: int | None = 1, **more: Any) -> Browser:
        """A browser with a session of a new user."""
        user = await self.add_user(partner, **more)
        browser = self.client(cookies={"referrals": await self.session_of(user)})
        # Any problem page has the token; this one's route is among the first, as later ones are made when reached.
        await browser.get("/referrals/none-has-this-id")
        # Whose id that is was looked up behind the answer; a test's first fault is not for that.
        await self.app.state.foreign_ids.settled()
        return browser

    async def program(self, partner: int | None = 1, scopes: Sequence[str] = ("referrals.write",)) -> Browser:
        """A client with a bearer token."""
        key = f"rxt_test-{partner}-{'-'.join(scopes)}"
        token = ApiToken(
            id=key_hash(key)[:16],
            token_hash=key_hash(key),
            name="CRM",
            partner_id=make_partner(partner).id if partner else None,
            operator=partner is None,
            scopes=tuple(scopes),
            created_at=START,
        )
        await self.stores.tokens.add_token(token)
        return self.client(headers={"authorization": f"Bearer {key}"})

    def customer_path(self, rfi: Rfi) -> str:
        """The path of a customer's own page."""
        return f"/requests/{self.ports.signer.sign(CUSTOMER_LINK, rfi.id)}"

    def link_path(self, link_id: str) -> str:
        """The path of a sign-in link."""
        return f"/sign-in/link/{self.ports.signer.sign(SIGN_IN_LINK, link_id)}"

    async def add_referral(self, n: int = 1, *, partner: int = 1, **more: Any) -> Referral:
        """RFI `n` at partner `partner`, with its RFI, partner and profile."""
        await self.stores.partners.put_partners([make_partner(partner)])
        await self.stores.partners.put_profiles([make_profile(partner)])
        await self.stores.rfis.add([make_rfi(n, contact_requested=more.get("contact_requested", False))])
        referral = make_referral(n, partner=partner, **more)
        await self.stores.referrals.add([referral])
        return referral

    async def referral(self, id_: str) -> Referral:
        """As it is stored now."""
        return (await self.stores.referrals.load([id_]))[id_]  # type: ignore[no-any-return]

    async def time_passes(self, by: timedelta) -> None:
        """Business time goes on as in a sandbox, nobody is signed out by it, and the expirer does what is due."""
        at = self.clock.shift(by)
        expirer = ExpirerHandler(
            referrals=self.stores.referrals,
            publish=self.relay.publish_and_clear,
            clock=self.clock,
            policies=self.ports.policies,
            decode=lambda record: Tick(*tick_of(record)),
        )
        async with asyncio.timeout(60):
            # What somebody just changes, as a page does that opens, is looked at again with the next tick.
            while await self.stores.referrals.due(range(SHARDS), at, 1):
                await expirer.sweep(range(SHARDS), at)

    async def close(self) -> None:
        """Close every client."""
        for client in self.clients:
            await client.aclose()


def portal_world(
    stores: Any = None,
    *,
    at: datetime = START + timedelta(hours=1),
    clock: TurnableClock | None = None,
    options: PortalOptions | None = None,
    policies: Mapping[PolicyName, Policy] = POLICIES,
    registry: CollectorRegistry | None = None,
) -> PortalWorld:
    """A portal over twins, or over the stores given."""
    stores = stores or MemoryStores()
    clock, log = clock or TurnableClock(at), MemoryLog({str(spec.topic): spec.partitions for spec in TOPICS})
    publisher = MemoryPublisher(log)
    relay = OutboxRelay(
        rfis=stores.rfis, referrals=stores.referrals, partners=stores.partners, publisher=publisher, clock=clock
    )
    # What `portal_ports` asks of the world, so that a port is named in one place.
    around: Any = SimpleNamespace(
        stores=stores,
        commands=ReferralCommands(
            rfis=stores.rfis, referrals=stores.referrals, relay=relay, clock=clock, policies=policies
        ),
        relay=relay,
        publisher=publisher,
        follower=MemoryFeed(log),
        submitted=MemorySubmittedLog(log),
        settings=Settings(),
        clock=clock,
        regions=REGIONS,
        standings=SealedStandings(stores.secrets),
        links=SignedLinks("a key of the tests", stores.secrets),
        policies=policies,
    )
    auditor = SwitchedAudits()
    ports = replace(portal_ports(around), audits=auditor)
    options = options or PortalOptions(base_url=BASE)
    return PortalWorld(stores, clock, build(ports, options, registry), ports, options, log, relay, auditor)
