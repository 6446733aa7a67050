"""Is everything done that can be done now? What a demo, a test or an operator waits for."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.topics import Group, Topic
from services.adapters.kafka.admin import KafkaAdmin
from services.core.ids import SHARDS
from services.core.mail import JobState
from services.core.ports import Clock
from services.core.stores import PartnerStore, ReferralStore, RfiStore, SendJobStore

#: What each consumer group reads. Ticks are left out: time never ends.
READS: Mapping[Group, tuple[Topic, ...]] = {
    Group.INTAKE: (Topic.RFI_SUBMITTED,),
    Group.ROUTER: (Topic.RFI_ACCEPTED,),
    Group.ROUTER_ENGAGEMENTS: (Topic.ENGAGEMENT_EVENTS,),
    Group.ROUTER_NEXT_BEST: (Topic.REFERRAL_EVENTS,),
    Group.STATISTICS: (Topic.REFERRAL_EVENTS,),
    Group.NOTIFIER: (Topic.REFERRAL_EVENTS, Topic.ENGAGEMENT_EVENTS),
}


class Quiet:
    """Asks every place where something may still wait."""

    def __init__(
        self,
        *,
        admin: KafkaAdmin,
        rfis: RfiStore,
        referrals: ReferralStore,
        partners: PartnerStore,
        jobs: SendJobStore,
        clock: Clock,
    ) -> None:
        self._admin, self._rfis, self._referrals = admin, rfis, referrals
        self._partners, self._jobs, self._clock = partners, jobs, clock

    async def lag(self) -> dict[Group, int]:
        """Records that each group has still to do."""
        found = await self._admin.lags({group.value: topics for group, topics in READS.items()})
        return {group: sum(found[group].values()) for group in READS}

    async def pending(self) -> dict[str, int]:
        """What is still to do, by name; empty when the exchange is quiet.

        Asked in the order in which work moves through the exchange, so that what moves on while we ask is met again.
        Referrals to come due and mails to be retried later are no work of now.
        """
        found: dict[str, int] = {}
        now = self._clock.now()
        found["referrals due"] = len(await self._referrals.due(range(SHARDS), now, 1000))
        found["outboxes"] = len(await self._rfis.with_outbox(1000)) + len(await self._referrals.with_outbox(1000))
        found["profiles to publish"] = len(await self._partners.unpublished(1000))
        found |= {f"{group.removeprefix('referrals-')} backlog": n for group, n in (await self.lag()).items()}
        if not any(found.values()):
            counts = await self._jobs.counts()
            found["mails on the way"] = sum(n for (_, _, state), n in counts.items() if state is JobState.LEASED)
            due = await self._jobs.next_due()
            waiting = sum(n for (_, _, state), n in counts.items() if state is JobState.PENDING)
            # All that wait, so that the number moves as they go out; zero when each of them waits for a later time.
            found["mails due"] = waiting if due is not None and due <= now else 0
        return {name: number for name, number in found.items() if number}
