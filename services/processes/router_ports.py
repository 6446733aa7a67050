"""How is a router joined to stores, to Kafka and to what is read from records, whichever stores and Kafka these are?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from services.adapters.regions import parent_of
from services.adapters.wire import event_of, outgoing, profile_of, standing_of, type_of
from services.core.pasts import PastStore
from services.core.ports import Clock, Publisher, Record
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.core.rules import RuleStore
from services.core.standing import Standing
from services.core.stores import PartnerStore, ReferralStore, RfiStore
from services.matching.view import Feed
from services.router.app import RouterPorts


class RouterStores(Protocol):
    """What a router stores and reads."""

    @property
    def rfis(self) -> RfiStore:
        """RFIs, which it routes."""

    @property
    def referrals(self) -> ReferralStore:
        """Referrals, which it makes."""

    @property
    def partners(self) -> PartnerStore:
        """Partners and their profiles."""

    @property
    def pasts(self) -> PastStore:
        """What profiles have done so far."""

    @property
    def rules(self) -> RuleStore:
        """The rules that hold."""


class Outboxes(Protocol):
    """Who tells of changes."""

    async def publish_and_clear(self, documents: Sequence[Rfi | Referral]) -> None:
        """Publish the whole outbox of each document, then clear it."""


def router_ports(
    stores: RouterStores,
    *,
    publisher: Publisher,
    outboxes: Outboxes,
    clock: Clock,
    feed: Feed,
    decode_standing: Callable[[Record], Standing] = standing_of,
) -> RouterPorts:
    """What a router needs, with the policies and the number of rounds that hold unless settings say otherwise."""
    return RouterPorts(
        rfis=stores.rfis,
        referrals=stores.referrals,
        partners=stores.partners,
        pasts=stores.pasts,
        rules=stores.rules,
        publisher=publisher,
        publish_referrals=outboxes.publish_and_clear,
        publish_rfis=outboxes.publish_and_clear,
        clock=clock,
        feed=feed,
        decode_event=event_of,
        encode_event=outgoing,
        type_of=type_of,
        decode_profile=profile_of,
        decode_standing=decode_standing,
        parent_of=parent_of,
    )
