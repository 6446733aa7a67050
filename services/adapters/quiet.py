"""Is everything done that can be done now? What a demo, a test or an operator waits for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from schemas.topics import Group, Topic
from services.core.ids import SHARDS
from services.core.mail import JobState
from services.core.pasts import PastStore
from services.core.ports import Clock
from services.core.stores import PartnerStore, ReferralStore, RfiStore, SendJobStore
from services.core.webhooks import DeliveriesWaiting, WebhookStore

#: What each consumer group reads. Ticks are left out: time never ends.
READS: Mapping[Group, tuple[Topic, ...]] = {
    Group.INTAKE: (Topic.RFI_SUBMITTED,),
    Group.ROUTER: (Topic.RFI_ACCEPTED,),
    Group.ROUTER_ENGAGEMENTS: (Topic.ENGAGEMENT_EVENTS,),
    Group.ROUTER_NEXT_BEST: (Topic.REFERRAL_EVENTS,),
    Group.STATISTICS: (Topic.REFERRAL_EVENTS,),
    Group.NOTIFIER: (Topic.REFERRAL_EVENTS, Topic.ENGAGEMENT_EVENTS),
    Group.WEBHOOKS: (Topic.REFERRAL_EVENTS,),
}


class Lags(Protocol):
    """What is asked of Kafka."""

    async def lags(self, reads: Mapping[str, Collection[str]]) -> dict[str, dict[tuple[str, int], int]]:
        """Records that each group has not done yet, by partition."""


class Quiet:
    """Asks every place where something may still wait."""

    def __init__(
        self,
        *,
        admin: Lags,
        rfis: RfiStore,
        referrals: ReferralStore,
        partners: PartnerStore,
        jobs: SendJobStore,
        pasts: PastStore,
        webhooks: WebhookStore,
        clock: Clock,
    ) -> None:
        self._admin, self._rfis, self._referrals = admin, rfis, referrals
        self._partners, self._jobs, self._clock = partners, jobs, clock
        self._pasts, self._webhooks = pasts, webhooks

    async def lag(self) -> dict[Group, int]:
        """Records that each group has still to do."""
        found = await self._admin.lags({group.value: topics for group, topics in READS.items()})
        return {group: sum(found[group].values()) for group in READS}

    async def pending(self, *, all_of_it: bool = False) -> dict[str, int]:
        """What is still to do, by name; empty when the exchange is quiet.

        Asked in the order in which work moves through the exchange, so that what moves on while we ask is met again.
        Referrals to come due and mails to be retried later are no work of now.

        Args:
            all_of_it: name mails beside what comes before them, for who wants to see where work is held up.
        """
        found: dict[str, int] = {}
        now = self._clock.now()
        found["referrals due"] = len(await self._referrals.due(range(SHARDS), now, 1000))
        found["outboxes"] = len(await self._rfis.with_outbox(1000)) + len(await self._referrals.with_outbox(1000))
        found["profiles to publish"] = len(await self._partners.unpublished(1000))
        lags = await self.lag()
        calls = await self._webhooks.waiting_deliveries()
        if not calls.webhooks:
            # Nobody waits to be called: an exchange may do without the process `webhooks`.
            lags.pop(Group.WEBHOOKS)
        found |= {f"{group.removeprefix('referrals-')} backlog": n for group, n in lags.items()}
        found["standings to publish"] = len(await self._pasts.unpublished(1000))
        found |= self._calls(calls)
        if all_of_it or not any(found.values()):
            counts = await self._jobs.counts()
            found["mails on the way"] = sum(n for (_, _, state), n in counts.items() if state is JobState.LEASED)
            due = await self._jobs.next_due()
            waiting = sum(n for (_, _, state), n in counts.items() if state is JobState.PENDING)
            # All that wait, so that the number moves as they go out; zero when each of them waits for a later time.
            found["mails due"] = waiting if due is not None and due <= now else 0
        return {name: number for name, number in found.items() if number}

    def _calls(self, waiting: DeliveriesWaiting) -> dict[str, int]:
        due = waiting.next_due is not None and waiting.next_due <= self._clock.real_now()
        return {"calls on the way": waiting.leased, "calls due": waiting.pending if due else 0}
