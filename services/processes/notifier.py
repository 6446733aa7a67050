"""What the process `notifier` consists of: events in, mails out."""

from __future__ import annotations

from datetime import timedelta

from schemas.topics import Group, Topic
from services.adapters.health import Health
from services.adapters.kafka.delivery import Delivery
from services.adapters.mail.smtp import Relay, SmtpMailer
from services.adapters.wire import (
    event_of,
)
from services.bootstrap import World
from services.notifier.app import NotifierPorts
from services.notifier.app import build as build_notifier
from services.notifier.mime import Sender
from services.notifier.return_paths import CarefulMailer, ReturnPaths
from services.notifier.sender import SenderLimits
from services.processes.sending import Sending
from services.running import Parts, consume, parts_of


def assemble(world: World, delivery: Delivery, health: Health) -> Parts:
    """Events to mails."""
    parts = parts_of(world, delivery, health)
    stores, settings = world.stores, world.settings
    host, _, port = settings.smtp.rpartition(":")
    mailer = SmtpMailer(
        Relay(
            host=host,
            port=int(port),
            user=settings.smtp_user,
            password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
            tls=settings.smtp_tls,
            ca_file=settings.smtp_ca_file,
            connections=settings.smtp_connections,
        )
    )
    if world.faults is not None:
        mailer = world.faults.port("mailer", mailer)
    careful = CarefulMailer(mailer, stores.suppressions, ReturnPaths(settings.mail_bounces, world.links))
    sending = Sending()
    health.add(live=sending.stuck)
    made = build_notifier(
        NotifierPorts(
            rfis=stores.rfis,
            referrals=stores.referrals,
            partners=stores.partners,
            users=stores.users,
            listing=stores.listing,
            jobs=stores.jobs,
            mailer=careful,
            clock=world.clock,
            decode=event_of,
            signer=world.links,
        ),
        owner=world.name,
        sender=Sender(address=settings.mail_from, domain=settings.mail_domain),
        base_url=settings.base_url,
        policies=world.policies,
        registry=world.registry,
        limits=SenderLimits(batch=settings.mail_batch, lease=timedelta(seconds=settings.mail_lease_s)),
        progressed=sending.progressed,
    )
    parts.before.append(made.prepare)
    consume(world, parts, Group.NOTIFIER, (Topic.REFERRAL_EVENTS, Topic.ENGAGEMENT_EVENTS), made.handler)
    parts.loops["senders"] = made.senders.run
    parts.after.append(mailer.close)
    return parts
