"""The real database keeps every promise of the stores, and no query of theirs scans a collection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.stores import stores_of
from tests.contract.account_suite import SecretStoreSuite, SignInStoreSuite, TokenStoreSuite, UserStoreSuite
from tests.contract.aside_suite import AsideStoreSuite
from tests.contract.dead_letter_suite import DeadLetterStoreSuite
from tests.contract.erasure_suite import ErasureStoreSuite
from tests.contract.foreign_id_suite import ForeignAskLogSuite
from tests.contract.insight_suite import InsightStoreSuite
from tests.contract.job_suite import SendJobStoreSuite
from tests.contract.listing_suite import FavouriteStoreSuite, ReferralListingSuite, RevealLogSuite
from tests.contract.look_suite import ReferralLookSuite
from tests.contract.mongo_queries import QueryRecorder, scans
from tests.contract.partner_suite import PartnerStoreSuite
from tests.contract.past_suite import PastStoreSuite
from tests.contract.referral_suite import ReferralStoreSuite
from tests.contract.refusal_suite import RefusalStoreSuite
from tests.contract.rfi_suite import RfiStoreSuite
from tests.contract.rule_suite import RuleStoreSuite
from tests.contract.small_stores_suite import IdempotencyStoreSuite, PublisherStoreSuite, SandboxClockStoreSuite
from tests.contract.stores import Stores
from tests.contract.suppression_suite import SuppressionStoreSuite
from tests.contract.webhook_suite import WebhookStoreSuite

#: The server drops what has expired by its own clock, and for that the builders' time is long ago.
NEVER = timedelta(days=36_500)


@pytest.fixture
async def stores(mongo_server: str, indexed_database: str) -> AsyncIterator[Stores]:
    recorder = QueryRecorder()
    with (
        Mongo(mongo_server, indexed_database, listeners=[recorder]) as watched,
        Mongo(mongo_server, indexed_database) as plain,
    ):
        yield stores_of(watched, retention=NEVER)
        assert await scans(plain, recorder.queries) == []


class TestMongoRfis(RfiStoreSuite):
    pass


class TestMongoReferrals(ReferralStoreSuite):
    pass


class TestMongoListing(ReferralListingSuite):
    pass


class TestMongoLooks(ReferralLookSuite):
    pass


class TestMongoInsights(InsightStoreSuite):
    pass


class TestMongoFavourites(FavouriteStoreSuite):
    pass


class TestMongoReveals(RevealLogSuite):
    pass


class TestMongoForeignAsks(ForeignAskLogSuite):
    pass


class TestMongoPartners(PartnerStoreSuite):
    pass


class TestMongoPasts(PastStoreSuite):
    pass


class TestMongoRules(RuleStoreSuite):
    pass


class TestMongoSendJobs(SendJobStoreSuite):
    pass


class TestMongoRefusals(RefusalStoreSuite):
    pass


class TestMongoDeadLetters(DeadLetterStoreSuite):
    pass


class TestMongoAside(AsideStoreSuite):
    pass


class TestMongoIdempotency(IdempotencyStoreSuite):
    pass


class TestMongoPublishers(PublisherStoreSuite):
    pass


class TestMongoSandboxClock(SandboxClockStoreSuite):
    pass


class TestMongoUsers(UserStoreSuite):
    pass


class TestMongoSecrets(SecretStoreSuite):
    pass


class TestMongoSignIns(SignInStoreSuite):
    pass


class TestMongoTokens(TokenStoreSuite):
    pass


class TestMongoSuppressions(SuppressionStoreSuite):
    pass


class TestMongoWebhooks(WebhookStoreSuite):
    pass


class TestMongoErasures(ErasureStoreSuite):
    pass
