"""How do events get from documents to Kafka, in order and at least once?

A change and its events are one write (the outbox lies in the document). Whoever publishes sends a document's whole
outbox in order and pulls it after the acknowledgement. A crash before the publication leaves all of it, a crash before
the pull leaves events that are sent twice under the same ids; what was left is found by `sweep`. So the first
appearances of a document's events on Kafka are in the order of its changes, whoever sends them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from services.adapters.wire import outgoing, profile_outgoing
from services.core.errors import Invalid
from services.core.ports import Clock, Outgoing, Publisher
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.core.stores import PartnerStore, ReferralStore, RfiStore

log = structlog.get_logger("outbox")

#: How long an outbox is left to the process that filled it, real time.
GRACE = timedelta(seconds=3)

#: Documents read at a time, and times for one sweep.
PAGE, PAGES = 500, 20


class OutboxRelay:
    """Publishes outboxes: at once for the writer of a change, by sweeping for a writer that died."""

    def __init__(
        self,
        *,
        rfis: RfiStore,
        referrals: ReferralStore,
        partners: PartnerStore,
        publisher: Publisher,
        clock: Clock,
        grace: timedelta = GRACE,
    ) -> None:
        self._rfis, self._referrals, self._partners = rfis, referrals, partners
        self._publisher, self._clock, self._grace = publisher, clock, grace
        self._first_seen: dict[str, datetime] = {}

    async def publish_and_clear(self, documents: Sequence[Rfi | Referral]) -> None:
        """Publish the whole outbox of each document, then pull what was acknowledged.

        Raises:
            DependencyUnavailable: Kafka or the database is away; whatever happened, a repeat or a sweep is safe.
        """
        unsent = [document for document in documents if document.outbox]
        if not unsent:
            return
        await self._publisher.publish([outgoing(event) for document in unsent for event in document.outbox])
        await self._rfis_cleared([document for document in unsent if isinstance(document, Rfi)])
        await self._referrals_cleared([document for document in unsent if isinstance(document, Referral)])

    async def _rfis_cleared(self, rfis: Sequence[Rfi]) -> None:
        if rfis:
            await self._rfis.clear_outbox(_sent(rfis))

    async def _referrals_cleared(self, referrals: Sequence[Referral]) -> None:
        if referrals:
            await self._referrals.clear_outbox(_sent(referrals))

    async def sweep(self) -> int:
        """Send what others left behind: outboxes seen at least `grace` ago, and unpublished profiles.

        Returns how many documents were sent. Meant to be repeated every few seconds by every process that writes.
        """
        sent = await self.publish_profiles()
        for _ in range(PAGES):
            rfis, referrals = await self._rfis.with_outbox(PAGE), await self._referrals.with_outbox(PAGE)
            found: list[Rfi | Referral] = [*rfis, *referrals]
            left = [document for document in self._old_enough(found) if _can_be_sent(document)]
            await self.publish_and_clear(left)
            sent += len(left)
            if not left or max(len(rfis), len(referrals)) < PAGE:
                break
        if sent:
            log.info("outbox_swept", documents=sent)
        return sent

    def _old_enough(self, found: Sequence[Rfi | Referral]) -> list[Rfi | Referral]:
        """Those whose oldest event was seen a while ago, in real time: events themselves carry business time."""
        now = self._clock.real_now()
        first_seen = {id_: self._first_seen.get(id_, now) for id_ in (document.outbox[0].id for document in found)}
        self._first_seen = first_seen
        return [document for document in found if now - first_seen[document.outbox[0].id] >= self._grace]

    async def publish_profiles(self) -> int:
        """Publish every profile whose newest version is not known to be on Kafka; returns how many."""
        sent = 0
        while profiles := await self._partners.unpublished(PAGE):
            await self._publisher.publish([profile_outgoing(profile) for profile in profiles])
            await self._partners.mark_published({profile.id: profile.version for profile in profiles})
            sent += len(profiles)
            if len(profiles) < PAGE:
                break
        return sent


def _sent(documents: Sequence[Rfi] | Sequence[Referral]) -> dict[str, list[str]]:
    # A document that occurs twice, as two versions, has all its events in the later one.
    sent: dict[str, list[str]] = {}
    for document in documents:
        sent.setdefault(document.id, []).extend(event.id for event in document.outbox)
    return sent


def _can_be_sent(document: Rfi | Referral) -> bool:
    """Whether its events can be put on the wire; one that can't must not keep the others back."""
    try:
        _: list[Outgoing] = [outgoing(event) for event in document.outbox]
    except (Invalid, ValueError, TypeError, KeyError) as error:
        log.error("outbox_unsendable", document_id=document.id, error=type(error).__name__)  # noqa: TRY400
        return False
    return True
