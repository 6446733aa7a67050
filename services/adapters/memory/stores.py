"""Which twins make up a whole exchange without a database?"""

from __future__ import annotations

from dataclasses import dataclass, field

from services.adapters.memory.accounts import MemorySecrets, MemorySignIns, MemoryTokens, MemoryUsers
from services.adapters.memory.aside import MemoryAside
from services.adapters.memory.dead_letters import MemoryDeadLetters
from services.adapters.memory.erasures import MemoryErasures
from services.adapters.memory.faults import Faults
from services.adapters.memory.favourites import MemoryFavourites
from services.adapters.memory.foreign_ids import MemoryForeignAsks
from services.adapters.memory.idempotency import MemoryIdempotency
from services.adapters.memory.insights import MemoryInsights
from services.adapters.memory.jobs import MemorySendJobs
from services.adapters.memory.listing import MemoryListing
from services.adapters.memory.looks import MemoryLooks
from services.adapters.memory.partners import MemoryPartners
from services.adapters.memory.pasts import MemoryPasts
from services.adapters.memory.publishers import MemoryPublishers
from services.adapters.memory.referrals import MemoryReferrals
from services.adapters.memory.refusals import MemoryRefusals
from services.adapters.memory.reveals import MemoryReveals
from services.adapters.memory.rfis import MemoryRfis
from services.adapters.memory.rules import MemoryRules
from services.adapters.memory.sandbox_clock import MemorySandboxClock
from services.adapters.memory.suppressions import MemorySuppressions
from services.adapters.memory.webhooks import MemoryWebhooks


@dataclass(slots=True)
class MemoryStores:
    """Every store as a twin, all under the same faults: a test can break the database at any call."""

    faults: Faults = field(default_factory=Faults)
    rfis: MemoryRfis = field(init=False)
    referrals: MemoryReferrals = field(init=False)
    listing: MemoryListing = field(init=False)
    looks: MemoryLooks = field(init=False)
    insights: MemoryInsights = field(init=False)
    favourites: MemoryFavourites = field(init=False)
    reveals: MemoryReveals = field(init=False)
    foreign_asks: MemoryForeignAsks = field(init=False)
    partners: MemoryPartners = field(init=False)
    pasts: MemoryPasts = field(init=False)
    rules: MemoryRules = field(init=False)
    jobs: MemorySendJobs = field(init=False)
    refusals: MemoryRefusals = field(init=False)
    dead_letters: MemoryDeadLetters = field(init=False)
    aside: MemoryAside = field(init=False)
    idempotency: MemoryIdempotency = field(init=False)
    publishers: MemoryPublishers = field(init=False)
    sandbox_clock: MemorySandboxClock = field(init=False)
    users: MemoryUsers = field(init=False)
    sign_ins: MemorySignIns = field(init=False)
    tokens: MemoryTokens = field(init=False)
    secrets: MemorySecrets = field(init=False)
    webhooks: MemoryWebhooks = field(init=False)
    suppressions: MemorySuppressions = field(init=False)
    erasures: MemoryErasures = field(init=False)

    def __post_init__(self) -> None:
        """Make the twins."""
        self.rfis, self.referrals = MemoryRfis(self.faults), MemoryReferrals(self.faults)
        self.listing = MemoryListing(self.referrals, self.faults)
        self.insights = MemoryInsights(self.referrals, self.faults)
        self.favourites, self.reveals = MemoryFavourites(self.faults), MemoryReveals(self.faults)
        self.foreign_asks = MemoryForeignAsks(self.faults)
        self.partners, self.jobs = MemoryPartners(self.faults), MemorySendJobs(self.faults)
        self.refusals, self.dead_letters = MemoryRefusals(self.faults), MemoryDeadLetters(self.faults)
        self.aside = MemoryAside(self.dead_letters, self.referrals, self.jobs, self.rfis)
        self.idempotency, self.publishers = MemoryIdempotency(self.faults), MemoryPublishers(self.faults)
        self.pasts, self.rules = MemoryPasts(self.faults), MemoryRules(self.faults)
        self.sandbox_clock = MemorySandboxClock(self.faults)
        self.users = MemoryUsers(self.faults)
        self.sign_ins = MemorySignIns(self.users, self.faults)
        self.looks = MemoryLooks(self.sign_ins, self.listing, self.favourites)
        self.tokens, self.secrets = MemoryTokens(self.faults), MemorySecrets(self.faults)
        self.webhooks = MemoryWebhooks(self.faults)
        self.suppressions = MemorySuppressions(self.faults)
        self.erasures = MemoryErasures(self.rfis, self.jobs, self.refusals, self.dead_letters, self.faults)
