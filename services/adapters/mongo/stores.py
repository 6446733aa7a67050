"""Which stores does a process get from one database?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.adapters.mongo.dead_letters import MongoDeadLetters
from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.idempotency import MongoIdempotency
from services.adapters.mongo.jobs import MongoSendJobs
from services.adapters.mongo.originals import RETENTION
from services.adapters.mongo.partners import MongoPartners
from services.adapters.mongo.publishers import MongoPublishers
from services.adapters.mongo.referrals import MongoReferrals
from services.adapters.mongo.refusals import MongoRefusals
from services.adapters.mongo.rfis import MongoRfis
from services.adapters.mongo.sandbox_clock import MongoSandboxClock


@dataclass(frozen=True, slots=True, kw_only=True)
class MongoStores:
    """Every store of the exchange."""

    rfis: MongoRfis
    referrals: MongoReferrals
    partners: MongoPartners
    jobs: MongoSendJobs
    refusals: MongoRefusals
    dead_letters: MongoDeadLetters
    idempotency: MongoIdempotency
    publishers: MongoPublishers
    sandbox_clock: MongoSandboxClock


def stores_of(mongo: Mongo, *, retention: timedelta = RETENTION) -> MongoStores:
    """The stores of a database; `retention` is for the originals of refused and dead-lettered records."""
    return MongoStores(
        rfis=MongoRfis(mongo),
        referrals=MongoReferrals(mongo),
        partners=MongoPartners(mongo),
        jobs=MongoSendJobs(mongo),
        refusals=MongoRefusals(mongo, retention),
        dead_letters=MongoDeadLetters(mongo, retention),
        idempotency=MongoIdempotency(mongo),
        publishers=MongoPublishers(mongo),
        sandbox_clock=MongoSandboxClock(mongo),
    )
