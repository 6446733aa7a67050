"""The twins keep every promise of the stores."""

from __future__ import annotations

import pytest

from services.adapters.memory.stores import MemoryStores
from tests.contract.account_suite import SecretStoreSuite, SignInStoreSuite, TokenStoreSuite, UserStoreSuite
from tests.contract.aside_suite import AsideStoreSuite
from tests.contract.dead_letter_suite import DeadLetterStoreSuite
from tests.contract.erasure_suite import ErasureStoreSuite
from tests.contract.foreign_id_suite import ForeignAskLogSuite
from tests.contract.insight_suite import InsightStoreSuite
from tests.contract.job_suite import SendJobStoreSuite
from tests.contract.listing_suite import FavouriteStoreSuite, ReferralListingSuite, RevealLogSuite
from tests.contract.look_suite import ReferralLookSuite
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


@pytest.fixture
def stores() -> Stores:
    return MemoryStores()


class TestMemoryRfis(RfiStoreSuite):
    pass


class TestMemoryReferrals(ReferralStoreSuite):
    pass


class TestMemoryListing(ReferralListingSuite):
    pass


class TestMemoryLooks(ReferralLookSuite):
    pass


class TestMemoryInsights(InsightStoreSuite):
    pass


class TestMemoryFavourites(FavouriteStoreSuite):
    pass


class TestMemoryReveals(RevealLogSuite):
    pass


class TestMemoryForeignAsks(ForeignAskLogSuite):
    pass


class TestMemoryPartners(PartnerStoreSuite):
    pass


class TestMemoryPasts(PastStoreSuite):
    pass


class TestMemoryRules(RuleStoreSuite):
    pass


class TestMemorySendJobs(SendJobStoreSuite):
    pass


class TestMemoryRefusals(RefusalStoreSuite):
    pass


class TestMemoryDeadLetters(DeadLetterStoreSuite):
    pass


class TestMemoryAside(AsideStoreSuite):
    pass


class TestMemoryIdempotency(IdempotencyStoreSuite):
    pass


class TestMemoryPublishers(PublisherStoreSuite):
    pass


class TestMemorySandboxClock(SandboxClockStoreSuite):
    pass


class TestMemoryUsers(UserStoreSuite):
    pass


class TestMemorySecrets(SecretStoreSuite):
    pass


class TestMemorySignIns(SignInStoreSuite):
    pass


class TestMemoryTokens(TokenStoreSuite):
    pass


class TestMemorySuppressions(SuppressionStoreSuite):
    pass


class TestMemoryWebhooks(WebhookStoreSuite):
    pass


class TestMemoryErasures(ErasureStoreSuite):
    pass
