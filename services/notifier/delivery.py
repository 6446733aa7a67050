"""What is done with a batch of leased jobs: recheck, render, send, decide how each goes on?"""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from services.core.accounts import User
from services.core.codes import PolicyName
from services.core.mail import (
    Delivery,
    Envelope,
    JobState,
    JobUpdate,
    Mailer,
    MailKind,
    Outcome,
    Role,
    SendJob,
    is_copy,
    is_mailbox,
)
from services.core.partner import Partner
from services.core.policy import Policy
from services.core.ports import Clock
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.core.stores import ReferralStore, RfiStore
from services.core.visibility import contact_visible
from services.notifier.account_letters import OF_ACCOUNTS, account_lines, account_sheet, outdated
from services.notifier.digest_letter import digest_mail, digest_sheet
from services.notifier.digests import DigestNow, Digests
from services.notifier.directory import Directory
from services.notifier.layout import Sheet
from services.notifier.letter import Links, Matter, Personal
from services.notifier.metrics import MailMetrics
from services.notifier.mime import Sender, envelope
from services.notifier.others import others_of
from services.notifier.outcomes import after_attempt, obsolete_update
from services.notifier.plan import obsolete, unwanted
from services.notifier.render import NO_LINES, lay_out, lines, personal, shared_by

log = structlog.get_logger("notifier")

#: Mails rendered before other tasks get their turn (a few milliseconds).
_RENDERED_AT_ONCE = 25
#: Other people of the partner that a refused mail is offered to in one attempt.
_MOST_OTHERS = 3


@dataclass(frozen=True, slots=True)
class Loaded:
    """The documents that a batch of mails is about, as they stand now."""

    rfis: Mapping[str, Rfi]
    referrals: Mapping[str, Referral]
    partners: Mapping[str, Partner]
    wishes: Mapping[str, Sequence[User]]
    #: Of the partners' people, by partner.
    digests: Mapping[str, DigestNow]
    #: By job.


class BatchDelivery:
    """Tries batches of jobs. It keeps no state, so batches may run side by side.

    Args:
        policies: of the deployment; they say who may see the customer's contact.
        dice: a number in [0, 1) for each retry.
    """

    def __init__(
        self,
        *,
        rfis: RfiStore,
        referrals: ReferralStore,
        directory: Directory,
        digests: Digests,
        mailer: Mailer,
        clock: Clock,
        policies: Mapping[PolicyName, Policy],
        sender: Sender,
        links: Links,
        dice: Callable[[], float],
        metrics: MailMetrics,
    ) -> None:
        self._rfis, self._referrals, self._directory = rfis, referrals, directory
        self._digests = digests
        self._mailer, self._clock, self._policies = mailer, clock, policies
        self._sender, self._links, self._dice, self._metrics = sender, links, dice, metrics

    async def load(self, jobs: Sequence[SendJob]) -> Loaded:
        """Read what the mails are about: one read for each kind of document."""
        rfis = await self._rfis.for_mails(sorted({job.rfi_id for job in jobs}))
        referral_ids = sorted({job.referral_id for job in jobs if job.referral_id})
        referrals = await self._referrals.for_mails(referral_ids) if referral_ids else {}
        named = {job.partner_id for job in jobs if job.partner_id}
        named |= {each.partner_id for rfi in rfis.values() if rfi.routing for each in rfi.routing.chosen}
        addressed = {job.partner_id for job in jobs if job.partner_id and job.role is Role.PARTNER}
        return Loaded(
            rfis,
            referrals,
            await self._directory.partners(named),
            await self._directory.wishes(addressed),
            await self._digests.load([job for job in jobs if job.kind is MailKind.DIGEST], self._clock.now()),
        )

    async def attempt(self, jobs: Sequence[SendJob], loaded: Loaded) -> list[JobUpdate]:
        """Send what is still true, and say how each job goes on."""
        apart = [job for job in jobs if job.kind in OF_ACCOUNTS]
        updates = await self._attempt_accounts(apart, loaded) if apart else []
        matters: dict[str, Matter] = {}
        for job in jobs:
            if job.kind in OF_ACCOUNTS:
                continue
            because = obsolete(job, loaded.rfis.get(job.rfi_id), loaded.referrals.get(job.referral_id or ""))
            if because is None and job.role is Role.PARTNER:
                because = unwanted(job, loaded.wishes.get(job.partner_id or "", ()))
            if because is None:
                matters[job.id] = self._matter(job, loaded)
            else:
                updates.append(obsolete_update(job, because))
                self._metrics.attempts.labels(job.kind.value, "obsolete").inc()
        deliveries = await self._send(matters)
        offered = await self._offer_to_others(matters, deliveries, loaded)
        shown_to = {id_: offered.get(id_, each.job.address) for id_, each in matters.items() if each.shows_contact}
        return updates + self._decide({id_: matter.job for id_, matter in matters.items()}, deliveries, shown_to)

    async def _attempt_accounts(self, jobs: Sequence[SendJob], loaded: Loaded) -> list[JobUpdate]:
        """Mails that belong to no request."""
        now = self._clock.now()
        late = {job.id: because for job in jobs if (because := self._outdated(job, loaded, now)) is not None}
        due = {job.id: job for job in jobs if job.id not in late}
        mails = [(job, partial(self._account_envelope, job, loaded, now)) for job in due.values()]
        updates = self._decide(due, await self._post(mails), {})
        return updates + [obsolete_update(job, late[job.id]) for job in jobs if job.id in late]

    def _outdated(self, job: SendJob, loaded: Loaded, now: datetime) -> str | None:
        return loaded.digests[job.id].because if job.kind is MailKind.DIGEST else outdated(job, now)

    def _account_envelope(self, job: SendJob, loaded: Loaded, now: datetime) -> Envelope:
        if job.kind is not MailKind.DIGEST:
            return envelope(job, account_sheet(job), lines(account_lines(job, self._links)), self._sender, now)
        sheet = digest_sheet(digest_mail(job, loaded.digests[job.id].digest, self._links))
        return envelope(job, sheet, NO_LINES, self._sender, now, settings_url=self._links.settings())

    def _matter(self, job: SendJob, loaded: Loaded) -> Matter:
        referral = loaded.referrals.get(job.referral_id or "")
        visible = referral is not None and contact_visible(referral, self._policies[referral.policy])
        return Matter(
            job=job,
            rfi=loaded.rfis[job.rfi_id],
            referral=referral,
            partners=loaded.partners,
            contact_visible=visible,
        )

    async def _send(self, matters: Mapping[str, Matter]) -> dict[str, Delivery]:
        sheets: dict[Hashable, Sheet] = {}
        now = self._clock.now()
        return await self._post([(each.job, partial(self._envelope, each, sheets, now)) for each in matters.values()])

    def _envelope(self, matter: Matter, sheets: dict[Hashable, Sheet], now: datetime) -> Envelope:
        own = personal(matter, self._links)
        sheet = _sheet(matter, own, sheets)
        asked_for = self._links.settings() if is_copy(matter.job) else None
        return envelope(matter.job, sheet, lines(own), self._sender, now, settings_url=asked_for)

    async def _post(self, mails: Sequence[tuple[SendJob, Callable[[], Envelope]]]) -> dict[str, Delivery]:
        """Write each mail and send those that could be written; what became of each, by job."""
        deliveries: dict[str, Delivery] = {}
        envelopes: list[Envelope] = []
        for number, (job, write) in enumerate(mails, 1):
            written = _written(job, write)
            if isinstance(written, Envelope):
                envelopes.append(written)
            else:
                deliveries[job.id] = written
            if number % _RENDERED_AT_ONCE == 0:
                await asyncio.sleep(0)
        for delivery in await self._mailer.send(envelopes) if envelopes else ():
            deliveries[delivery.job_id] = delivery
        return deliveries

    async def _offer_to_others(
        self, matters: Mapping[str, Matter], deliveries: dict[str, Delivery], loaded: Loaded
    ) -> Mapping[str, str]:
        """Offer mails that a partner's contact can't receive to the partner's other people, in this same attempt.

        The job keeps its address: a later attempt begins there again, so nothing needs to be remembered. Returns the
        address that each was offered to last, by job.
        """
        refused = [matters[id_] for id_ in _refused(matters, deliveries)]
        named = {matter.referral.profile_id for matter in refused if matter.referral is not None}
        try:
            profiles = await self._directory.profiles(named) if named else {}
        except Exception as error:  # noqa: BLE001 - what the others of this batch were answered must not be lost
            log.warning("mail_others_unknown", mails=len(refused), error=type(error).__name__)
            detail = f"refused, and whom else to ask is not known ({type(error).__name__})"
            later = (Delivery(job_id=each.job.id, outcome=Outcome.RETRY, detail=detail) for each in refused)
            deliveries |= {each.job_id: each for each in later}
            return {}
        others = {matter.job.id: others_of(matter, profiles, loaded.partners) for matter in refused}
        offered: dict[str, str] = {}
        for _ in range(_MOST_OTHERS):
            now = {id_: others[id_].pop(0) for id_ in _refused(matters, deliveries) if others[id_]}
            if not now:
                break
            offered |= {id_: matter.job.address for id_, matter in now.items()}
            deliveries |= await self._send(now)
        return offered

    def _decide(
        self, jobs: Mapping[str, SendJob], deliveries: Mapping[str, Delivery], shown_to: Mapping[str, str]
    ) -> list[JobUpdate]:
        now, updates = self._clock.now(), []
        counts: Counter[tuple[str, str]] = Counter()
        for id_, job in jobs.items():
            # A mailer that says nothing of an envelope may have sent it.
            delivery = deliveries.get(id_) or Delivery(job_id=id_, outcome=Outcome.UNKNOWN, detail="no outcome")
            update = after_attempt(job, delivery, now, self._dice(), shown_to.get(id_))
            updates.append(update)
            counts[job.kind.value, delivery.outcome.value] += 1
            if job.cut_at_dot:
                self._metrics.possible_duplicates.labels("cut_at_dot").inc()
            if update.state is JobState.FAILED:
                self._metrics.failed.labels(job.kind.value).inc()
                log.error(
                    "mail_failed",
                    job_id=id_,
                    kind=job.kind.value,
                    role=job.role.value,
                    rfi_id=job.rfi_id,
                    attempts=update.attempts,
                    reason=update.last_error,
                )
        for labels, number in counts.items():
            self._metrics.attempts.labels(*labels).inc(number)
        return updates


def _written(job: SendJob, write: Callable[[], Envelope]) -> Envelope | Delivery:
    """The mail of a job, or why there is none: one that can't be written must not stop the others."""
    if not is_mailbox(job.address):
        return Delivery(job_id=job.id, outcome=Outcome.REFUSED, detail="not a usable mail address")
    try:
        return write()
    except Exception as error:  # noqa: BLE001 - see above
        where = traceback.extract_tb(error.__traceback__)[-1]
        # Its words are left out: they may be a customer's.
        log.error(  # noqa: TRY400
            "mail_not_rendered",
            job_id=job.id,
            kind=job.kind.value,
            error=type(error).__name__,
            at=f"{where.name}:{where.lineno}",
        )
        return Delivery(job_id=job.id, outcome=Outcome.RETRY, detail=f"not rendered ({type(error).__name__})")


def _sheet(matter: Matter, own: Personal, sheets: dict[Hashable, Sheet]) -> Sheet:
    """The sheet of the matter; partners of one RFI share it within a batch, so nothing in it can grow old."""
    key = shared_by(matter, own)
    if key is None:
        return lay_out(matter, own)
    sheet = sheets.get(key)
    if sheet is None:
        sheet = sheets[key] = lay_out(matter, own)
    return sheet


def _refused(matters: Mapping[str, Matter], deliveries: Mapping[str, Delivery]) -> list[str]:
    return [
        id_
        for id_, delivery in deliveries.items()
        if delivery.outcome is Outcome.REFUSED and matters[id_].job.role is Role.PARTNER
    ]
