"""What is the notifier made of? Ports in, a batch handler and its senders out; the runner opens and closes ports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import random
from secrets import token_hex
from typing import TypedDict

from prometheus_client import CollectorRegistry

from services.core.account_stores import LinkSigner, UserStore
from services.core.codes import PolicyName
from services.core.events import Event
from services.core.listing import ReferralListing
from services.core.mail import Mailer, MailKind
from services.core.policy import Policy
from services.core.ports import Clock, Record
from services.core.stores import PartnerStore, ReferralStore, RfiStore, SendJobStore
from services.notifier.delivery import BatchDelivery
from services.notifier.digests import Digests
from services.notifier.directory import Directory
from services.notifier.handler import NotifierHandler
from services.notifier.letter import Links
from services.notifier.metrics import MailMetrics
from services.notifier.mime import Sender
from services.notifier.preview import LINKS, matter
from services.notifier.render import render
from services.notifier.sender import MailSenders, SenderLimits
from services.notifier.words import languages


@dataclass(frozen=True, slots=True, kw_only=True)
class NotifierPorts:
    """What the notifier needs of the world."""

    rfis: RfiStore
    referrals: ReferralStore
    partners: PartnerStore
    users: UserStore
    listing: ReferralListing
    jobs: SendJobStore
    mailer: Mailer
    clock: Clock
    decode: Callable[[Record], Event]
    signer: LinkSigner


@dataclass(frozen=True, slots=True)
class Notifier:
    """The two halves: `handler` is given to the consumer, `senders.run(stop)` runs beside it."""

    handler: NotifierHandler
    senders: MailSenders

    async def prepare(self) -> None:
        """Lay out the most frequent mails once, so that the first ones do not wait for catalogues and templates."""
        for language in languages():
            for kind in (MailKind.NEW_REFERRAL, MailKind.SENT_TO_PARTNERS):
                render(matter(kind, language), LINKS)


class _Hands(TypedDict):
    """What handler and senders share: they hold the same leases."""

    jobs: SendJobStore
    clock: Clock
    owner: str
    metrics: MailMetrics


def build(
    ports: NotifierPorts,
    *,
    owner: str,
    sender: Sender,
    base_url: str,
    policies: Mapping[PolicyName, Policy],
    registry: CollectorRegistry,
    limits: SenderLimits | None = None,
    dice: Callable[[], float] = random,
    progressed: Callable[[], None] = lambda: None,
) -> Notifier:
    """Put the notifier together.

    Args:
        ports: open, and closed by the caller.
        owner: name of this process for leases; each call makes it unique, as a container restarts under its old name.
        sender: who mails come from.
        base_url: where the pages are that mails link to.
        policies: of the deployment.
        registry: where metrics are kept.
        limits: bounds; None for the defaults.
        dice: a number in [0, 1) for each retry.
        progressed: called whenever a sender has got on, for /live.
    """
    bounds, metrics = limits or SenderLimits(), MailMetrics(registry)
    clock, directory = ports.clock, Directory(ports.partners, ports.users, ports.clock)
    delivery = BatchDelivery(
        rfis=ports.rfis,
        referrals=ports.referrals,
        directory=directory,
        digests=Digests(ports.users, ports.listing),
        mailer=ports.mailer,
        clock=clock,
        policies=policies,
        sender=sender,
        links=Links(base_url.rstrip("/"), ports.signer.sign),
        dice=dice,
        metrics=metrics,
    )
    hands = _Hands(jobs=ports.jobs, clock=clock, owner=f"{owner}#{token_hex(4)}", metrics=metrics)
    senders = MailSenders(**hands, delivery=delivery, limits=bounds, progressed=progressed)
    handler = NotifierHandler(
        **hands,
        rfis=ports.rfis,
        directory=directory,
        decode=ports.decode,
        submit=senders.submit,
        lease=bounds.lease,
    )
    return Notifier(handler, senders)
