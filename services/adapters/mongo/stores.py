"""Which stores does a process get from one database?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from services.adapters.mongo.aside import MongoAside
from services.adapters.mongo.dead_letters import MongoDeadLetters
from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.erasures import MongoErasures
from services.adapters.mongo.favourites import MongoFavourites
from services.adapters.mongo.foreign_ids import MongoForeignAsks
from services.adapters.mongo.idempotency import MongoIdempotency
from services.adapters.mongo.insights import MongoInsights
from services.adapters.mongo.jobs import MongoSendJobs
from services.adapters.mongo.listing import MongoListing
from services.adapters.mongo.looks import MongoLooks
from services.adapters.mongo.originals import RETENTION
from services.adapters.mongo.partners import MongoPartners
from services.adapters.mongo.pasts import MongoPasts
from services.adapters.mongo.publishers import MongoPublishers
from services.adapters.mongo.referrals import MongoReferrals
from services.adapters.mongo.refusals import MongoRefusals
from services.adapters.mongo.reveals import MongoReveals
from services.adapters.mongo.rfis import MongoRfis
from services.adapters.mongo.rules import MongoRules
from services.adapters.mongo.sandbox_clock import MongoSandboxClock
from services.adapters.mongo.secrets import MongoSecrets
from services.adapters.mongo.sign_ins import MongoSignIns
from services.adapters.mongo.suppressions import MongoSuppressions
from services.adapters.mongo.tokens import MongoTokens
from services.adapters.mongo.users import MongoUsers
from services.adapters.mongo.webhooks import MongoWebhooks
from services.adapters.sealing import Seal
from services.core.codes import PolicyName
from services.core.policy import POLICIES, Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class MongoStores:
    """Every store of the exchange."""

    rfis: MongoRfis
    referrals: MongoReferrals
    listing: MongoListing
    looks: MongoLooks
    insights: MongoInsights
    favourites: MongoFavourites
    reveals: MongoReveals
    foreign_asks: MongoForeignAsks
    partners: MongoPartners
    pasts: MongoPasts
    rules: MongoRules
    jobs: MongoSendJobs
    refusals: MongoRefusals
    dead_letters: MongoDeadLetters
    aside: MongoAside
    idempotency: MongoIdempotency
    publishers: MongoPublishers
    sandbox_clock: MongoSandboxClock
    users: MongoUsers
    sign_ins: MongoSignIns
    tokens: MongoTokens
    secrets: MongoSecrets
    webhooks: MongoWebhooks
    suppressions: MongoSuppressions
    erasures: MongoErasures


def stores_of(
    mongo: Mongo,
    *,
    retention: timedelta = RETENTION,
    policies: Mapping[PolicyName, Policy] = POLICIES,
    seal: Seal | None = None,
) -> MongoStores:
    """The stores of a database.

    Args:
        mongo: the database.
        retention: for the originals of refused and dead-lettered records.
        policies: tell lists which contacts may be asked about.
        seal: closes secrets that must stay readable; None: they lie there as they are.
    """
    seal, listing = seal or Seal(), MongoListing(mongo, policies)
    return MongoStores(
        rfis=MongoRfis(mongo),
        referrals=MongoReferrals(mongo),
        listing=listing,
        looks=MongoLooks(mongo, listing),
        insights=MongoInsights(mongo),
        favourites=MongoFavourites(mongo),
        reveals=MongoReveals(mongo),
        foreign_asks=MongoForeignAsks(mongo),
        partners=MongoPartners(mongo),
        pasts=MongoPasts(mongo),
        rules=MongoRules(mongo),
        jobs=MongoSendJobs(mongo),
        refusals=MongoRefusals(mongo, retention),
        dead_letters=MongoDeadLetters(mongo, retention),
        aside=MongoAside(mongo, retention),
        idempotency=MongoIdempotency(mongo),
        publishers=MongoPublishers(mongo),
        sandbox_clock=MongoSandboxClock(mongo),
        users=MongoUsers(mongo),
        sign_ins=MongoSignIns(mongo),
        tokens=MongoTokens(mongo),
        secrets=MongoSecrets(mongo, seal),
        webhooks=MongoWebhooks(mongo, seal),
        suppressions=MongoSuppressions(mongo),
        erasures=MongoErasures(mongo),
    )
