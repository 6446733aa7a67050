"""How do events get from documents to Kafka, in order and at least once?

A change and its events are one write (the outbox lies in the document). Whoever publishes sends a document's whole
outbox in order and pulls it after the acknowledgement. A crash before the publication leaves all of it, a crash before
the pull leaves events that are sent twice under the same ids; what was left is found by `sweep`. So the first
appearances of a document's events on Kafka are in the order of its changes, whoever sends them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from services.adapters.wire import outgoing, profile_outgoing
from services.core.errors import Invalid
from services.core.partner import Profile
from services.core.ports import Clock, Outgoing, Publisher
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.core.stores import PartnerStore, ReferralStore, RfiStore

log = structlog.get_logger("outbox")
D = TypeVar("D", Rfi | Referral, Profile)

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
        await self._publisher.publish([message for document in unsent for message in _events_of(document)])
        await self._cleared(unsent)

    async def _cleared(self, documents: Sequence[Rfi | Referral]) -> None:
        rfis = [document for document in documents if isinstance(document, Rfi)]
        referrals = [document for document in documents if isinstance(document, Referral)]
        if rfis:
            await self._rfis.clear_outbox(_sent(rfis))
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
            told = await self._published(self._old_enough(found), _events_of)
            await self._cleared(told)
            sent += len(told)
            if not told or max(len(rfis), len(referrals)) < PAGE:
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
        """Publish every profile whose newest version is not known to be on Kafka; returns how many.

        Raises:
            DependencyUnavailable: Kafka or the database is away; a repeat or a sweep is safe.
        """
        sent = 0
        while profiles := await self._partners.unpublished(PAGE):
            told = await self._published(profiles, lambda profile: [profile_outgoing(profile)])
            await self._partners.mark_published({profile.id: profile.version for profile in told})
            sent += len(told)
            if len(told) < PAGE:
                break
        return sent

    async def _published(self, documents: Sequence[D], messages_of: Callable[[D], list[Outgoing]]) -> list[D]:
        """Publish what these have to tell; returns those of which all was acknowledged.

        What can't be put on the wire, or is too large for it, stays where it is and must not keep the others back.
        """
        written = ((document, _written(document, messages_of)) for document in documents)
        ready = [(document, messages) for document, messages in written if messages is not None]
        try:
            await self._publisher.publish([message for _, messages in ready for message in messages])
        except Invalid:
            return [document for document, messages in ready if await self._takes(document, messages)]
        return [document for document, _ in ready]

    async def _takes(self, document: D, messages: Sequence[Outgoing]) -> bool:
        try:
            await self._publisher.publish(messages)
        except Invalid as error:
            _unsendable(document.id, error)
            return False
        return True


def _sent(documents: Sequence[Rfi] | Sequence[Referral]) -> dict[str, list[str]]:
    # A document that occurs twice, as two versions, has all its events in the later one.
    sent: dict[str, list[str]] = {}
    for document in documents:
        sent.setdefault(document.id, []).extend(event.id for event in document.outbox)
    return sent


def _events_of(document: Rfi | Referral) -> list[Outgoing]:
    return [outgoing(event) for event in document.outbox]


def _written(document: D, messages_of: Callable[[D], list[Outgoing]]) -> list[Outgoing] | None:
    try:
        return messages_of(document)
    except (Invalid, ValueError, TypeError, KeyError) as error:
        _unsendable(document.id, error)
        return None


def _unsendable(document_id: str, error: Exception) -> None:
    # Its words may quote the document.
    log.error("outbox_unsendable", document_id=document_id, error=type(error).__name__)
