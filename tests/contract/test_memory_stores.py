"""The twins keep every promise of the stores."""

from __future__ import annotations

import pytest

from services.adapters.memory.stores import MemoryStores
from tests.contract.dead_letter_suite import DeadLetterStoreSuite
from tests.contract.job_suite import SendJobStoreSuite
from tests.contract.partner_suite import PartnerStoreSuite
from tests.contract.referral_suite import ReferralStoreSuite
from tests.contract.refusal_suite import RefusalStoreSuite
from tests.contract.rfi_suite import RfiStoreSuite
from tests.contract.small_stores_suite import IdempotencyStoreSuite, PublisherStoreSuite, SandboxClockStoreSuite
from tests.contract.stores import Stores


@pytest.fixture
def stores() -> Stores:
    return MemoryStores()


class TestMemoryRfis(RfiStoreSuite):
    pass


class TestMemoryReferrals(ReferralStoreSuite):
    pass


class TestMemoryPartners(PartnerStoreSuite):
    pass


class TestMemorySendJobs(SendJobStoreSuite):
    pass


class TestMemoryRefusals(RefusalStoreSuite):
    pass


class TestMemoryDeadLetters(DeadLetterStoreSuite):
    pass


class TestMemoryIdempotency(IdempotencyStoreSuite):
    pass


class TestMemoryPublishers(PublisherStoreSuite):
    pass


class TestMemorySandboxClock(SandboxClockStoreSuite):
    pass
