"""What does the portal need of the world, and what may an operator choose?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from services.core.account_stores import LinkSigner, SignInStore, TokenStore, UserStore
from services.core.aside import AsideStore
from services.core.audits import AuditRun
from services.core.codes import PolicyName
from services.core.commands import Command
from services.core.engagement import RfiCommand
from services.core.erasures import Erasure, Found
from services.core.errors import Problem
from services.core.favourites import FavouriteStore
from services.core.foreign_ids import ForeignAskLog
from services.core.insights import InsightStore
from services.core.listing import ReferralListing
from services.core.looking import ReferralLooks
from services.core.partner import Profile
from services.core.policy import Policy
from services.core.ports import Clock
from services.core.referral import Referral
from services.core.reveals import RevealLog
from services.core.rfi import Chosen, Place, Rfi
from services.core.rules import RuleStore
from services.core.stores import (
    DeadLetterStore,
    IdempotencyStore,
    PartnerStore,
    ReferralStore,
    Refusal,
    RefusalStore,
    RfiStore,
    SendJobStore,
)
from services.core.suppressions import SuppressionStore
from services.core.webhooks import WebhookStore
from services.matching.explanation import Explanation
from services.matching.searching import Search, SearchResult


class Commands(Protocol):
    """Carries out what people ask; each is one conditional write (see `services.adapters.commands`)."""

    async def execute(
        self,
        referral_id: str,
        command: Command,
        *,
        partner_id: str | None = None,
        by: str | None = None,
        expected: int | None = None,
    ) -> Referral:
        """A command on one referral of this partner, if it still has the `expected` version.

        Raises:
            NotFound: no such referral, or not this partner's.
            Outdated: it has another version.
            TransitionRefused, UndoRefused: its state forbids it.
            CommandInvalid: the command lacks something; says everything.
            DependencyUnavailable, VersionConflict: try again.
        """

    async def execute_rfi(self, rfi_id: str, command: RfiCommand) -> Rfi:
        """A customer's decision on the whole request; raises as `execute`."""


class RfiIntake(Protocol):
    """Takes requests that somebody enters here, as intake takes every RFI."""

    async def submit(self, source: str, data: Mapping[str, Any]) -> Rfi:
        """Check the data of an RFI (`schemas.rfi`) and put it on Kafka; the RFI as it will be stored.

        Raises:
            CommandInvalid: every problem, by field of the data.
            DependencyUnavailable: nothing is confirmed; the same data may be sent again.
        """

    def problems(self, source: str, data: Mapping[str, Any]) -> list[Problem]:
        """Every problem of the data, which must have an id; nothing is sent."""


class Operations(Protocol):
    """What an operator sets right."""

    async def replay_refusal(self, refusal: Refusal, mended: bytes | None) -> None:
        """Submit a refused RFI again: mended, or (None) as it was.

        Raises:
            CommandInvalid: there is nothing to send, because the original is no longer kept.
            DependencyUnavailable: it may have been submitted; doing it again makes no second RFI.
        """

    async def replay_letters(self, ids: Sequence[str]) -> list[tuple[str, str]]:
        """Give dead letters again to the groups that failed; those that could not be, each with why.

        Raises:
            DependencyUnavailable: those before were given; doing it again does no harm.
        """


class ProfileDesk(Protocol):
    """Keeps business profiles, and knows the places they name."""

    def place(self, country: str, subdivision: str | None, city: str | None) -> Place | None:
        """A place from names or codes, None when country or subdivision is not known."""

    def parent_of(self, subdivision: str) -> str | None:
        """The subdivision that this one is a part of."""

    def zone_of(self, country: str) -> str:
        """The time zone most people of a country live in."""

    def knows_zone(self, name: str) -> bool:
        """Whether this is an IANA time zone."""

    async def save(self, profile: Profile, expected: int) -> Profile:
        """Store what was made of version `expected` (0: of nothing), and publish it to the routers.

        Raises:
            Outdated: it has another version by now.
            DependencyUnavailable: it may have been stored; the same change may be sent again.
        """


class Explainer(Protocol):
    """Knows why requests go to whom, as things are now."""

    async def explain(self, rfi: Rfi, partner_id: str | None) -> Explanation:
        """Why this partner would, or would not, get the request; None asks for everybody chosen or near.

        Raises:
            DependencyUnavailable: the database does not answer.
        """


class PartnerFinder(Protocol):
    """Finds partners for a customer, in memory and at once; it follows what partners change (`portal.finding`)."""

    @property
    def ready(self) -> bool:
        """False until the partners are loaded; until then the others raise."""

    def search(self, search: Search) -> SearchResult:
        """The partners that somebody finds who looks for one, with counts.

        Raises:
            DependencyUnavailable: the partners are still being loaded.
        """

    def suggest(self, rfi: Rfi, limit: int) -> list[Chosen]:
        """Who could be asked next for a request, the best first; those who were asked, or are about to be, left out.

        Raises:
            DependencyUnavailable: the partners are still being loaded.
        """


class Audits(Protocol):
    """Runs the audit, one at a time, in the background."""

    def last(self) -> AuditRun | None:
        """The last one that this instance ran, or the one under way; None since the start."""

    def begin(self, by: str) -> bool:
        """Begin one; False when one is under way."""


class Erasures(Protocol):
    """Finds and erases a customer's data; see `services.erasure`."""

    async def find(self, *, email: str | None = None, rfi_id: str | None = None) -> Found:
        """What there is of the customer with this address, or of one request; changes nothing."""

    async def erase(self, found: Found, by: str) -> Erasure | None:
        """Erase what was found, for good; None when there is nothing.

        Raises:
            DependencyUnavailable, VersionConflict: asking again does no harm.
        """

    async def listed(self, limit: int) -> list[Erasure]:
        """The newest orders to erase, newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalPorts:
    """What the portal needs of the world."""

    rfis: RfiStore
    referrals: ReferralStore
    listing: ReferralListing
    looks: ReferralLooks
    insights: InsightStore
    favourites: FavouriteStore
    reveals: RevealLog
    foreign_asks: ForeignAskLog
    partners: PartnerStore
    jobs: SendJobStore
    idempotency: IdempotencyStore
    refusals: RefusalStore
    dead_letters: DeadLetterStore
    aside: AsideStore
    users: UserStore
    sign_ins: SignInStore
    tokens: TokenStore
    webhooks: WebhookStore
    suppressions: SuppressionStore
    commands: Commands
    intake: RfiIntake
    operations: Operations
    erasures: Erasures
    audits: Audits
    rules: RuleStore
    profiles: ProfileDesk
    finder: PartnerFinder
    explaining: Explainer
    clock: Clock
    signer: LinkSigner
    policies: Mapping[PolicyName, Policy]


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcOptions:
    """An OpenID Connect provider to sign in with."""

    issuer: str
    client_id: str
    client_secret: str
    name: str = "OpenID Connect"


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalOptions:
    """What an operator chooses."""

    base_url: str = "http://127.0.0.1:8400"
    requests_per_minute: int = 1200
    session: timedelta = timedelta(hours=12)
    sign_in_link: timedelta = timedelta(minutes=15)
    oauth_token: timedelta = timedelta(hours=1)
    oidc: OidcOptions | None = None
    #: Closed networks and tests: webhooks may point at plain http and at machines inside.
    webhook_private_addresses: bool = False

    @property
    def secure(self) -> bool:
        """Whether people come over https; cookies and HSTS follow."""
        return self.base_url.startswith("https://")
