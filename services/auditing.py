"""How is the audit run on an open world, by the command line and by an operator's page? Part of the composition."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import structlog

from schemas.topics import TOPICS, Group, Topic
from services.adapters.kafka.admin import KafkaAdmin
from services.adapters.kafka.follower import Follower
from services.adapters.wire import event_of
from services.audit.report import Report
from services.audit.run import Backlog, Sources, audit
from services.bootstrap import World
from services.core.audits import AuditFinding, AuditRun, Why
from services.core.errors import DependencyUnavailable, Invalid
from services.core.events import Event
from services.core.ids import rfi_id
from services.core.mail import MailKind, Role
from services.core.ports import Clock, Record
from services.engines.bundled.spool import MailSpool
from services.intake.handler import DEFAULT_SOURCE
from services.intake.submission import read_submission
from services.notifier.plan import wanted

log = structlog.get_logger("audit")

#: Bounds of an audit that runs beside other work: records of events, which it holds in memory, and its time, seconds.
MOST_RECORDS, LONGEST_S = 500_000, 600.0
#: Findings that are kept for the page.
SHOWN = 200

_EVENTS = (Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS)


def tell_nobody(_what: str, _number: int) -> None:
    """Progress that nobody looks at."""


async def run_audit(
    world: World, mail_dir: Path | None, on_progress: Callable[[str, int], None] = tell_nobody
) -> Report:
    """Audit the exchange; mails are counted where a catcher keeps them.

    Raises:
        DependencyUnavailable: an engine does not answer.
    """
    lag = await world.quiet.lag()
    router = lag[Group.ROUTER] + lag[Group.ROUTER_NEXT_BEST]
    backlog = Backlog(intake=lag[Group.INTAKE], router=router, notifier=lag[Group.NOTIFIER])
    deliveries = (lambda: caught(mail_dir)) if mail_dir else None
    return await audit(_sources(world, deliveries), backlog, on_progress)


def caught(mail_dir: Path) -> Mapping[str, int]:
    """How many mails of each send job the catcher has."""
    return Counter(entry.job for entry in MailSpool(mail_dir).entries())


def _sources(world: World, deliveries: Callable[[], Mapping[str, int]] | None) -> Sources:
    async def submitted() -> AsyncIterator[Sequence[Record]]:
        done = await world.admin.committed(Group.INTAKE)
        async for records in world.follower.read_all([Topic.RFI_SUBMITTED], done):
            yield records

    async def events() -> AsyncIterator[Sequence[Event]]:
        ends = await world.admin.end_offsets(_EVENTS)
        async for records in world.follower.read_all(_EVENTS, ends):
            yield [event for record in records if (event := _event(record)) is not None]

    async def kept_since() -> datetime | None:
        return await events_kept_since(world.admin, world.follower, world.clock.real_now())

    stores = world.stores
    return Sources(
        submitted=submitted,
        identify=rfi_id_of,
        events=events,
        kept_since=kept_since,
        deliveries=deliveries,
        rfis=stores.rfis,
        referrals=stores.referrals,
        jobs=stores.jobs,
        refusals=stores.refusals,
        dead_letters=stores.dead_letters,
        expected_mails=expected_mails,
        intake_group=Group.INTAKE,
    )


async def events_kept_since(
    admin: KafkaAdmin, follower: Follower, now: datetime, topics: Collection[str] = _EVENTS
) -> datetime | None:
    """From when on all events are still on Kafka, None: all that there ever were. Retention takes the older ones.

    Raises:
        DependencyUnavailable: Kafka does not answer.
    """
    cut = {place: begin for place, begin in (await admin.begin_offsets(topics)).items() if begin > 0}
    firsts = await follower.times(cut)
    found = list(firsts.values())
    if len(firsts) < len(cut):
        # Nothing is left in some partition: whatever was there is older than its retention.
        found.append(now - min(spec.retention for spec in TOPICS if spec.topic in _EVENTS and spec.retention))
    return max(found, default=None)


def expected_mails(event: Event) -> Sequence[tuple[MailKind, Role]]:
    """The notifier's own rule."""
    return [(mail.kind, mail.role) for mail in wanted(event)]


def rfi_id_of(record: Record) -> str | None:
    """The RFI that a submitted record stands for, by intake's own reading."""
    sent = read_submission(record.value, record.headers, DEFAULT_SOURCE)
    if sent.source is None or sent.publisher_id is None:
        return None
    return rfi_id(sent.source, sent.publisher_id)


def _event(record: Record) -> Event | None:
    try:
        return event_of(record)
    except Invalid:
        return None


class Auditor:
    """Port `Audits` of the portal: one audit at a time, in the background, within bounds; the last one is remembered.

    Args:
        look: does it.
        records: how many records of events it would have to read at most.
        clock: when it ran.
    """

    def __init__(
        self, look: Callable[[], Awaitable[Report]], records: Callable[[], Awaitable[int]], clock: Clock
    ) -> None:
        self._look, self._records, self._clock = look, records, clock
        self._task: asyncio.Task[None] | None = None
        self._last: AuditRun | None = None

    def last(self) -> AuditRun | None:
        """The last one of this instance, or the one that runs."""
        return self._last

    def begin(self, by: str) -> bool:
        """Begin one; False when one runs."""
        if self._task is not None and not self._task.done():
            return False
        self._last = AuditRun(began_at=self._clock.now(), by=by)
        self._task = asyncio.create_task(self._run(self._last))
        return True

    async def _run(self, run: AuditRun) -> None:
        report, why = None, None
        try:
            if await self._records() > MOST_RECORDS:
                why = Why.TOO_LARGE
            else:
                async with asyncio.timeout(LONGEST_S):
                    report = await self._look()
        except TimeoutError:
            why = Why.TOO_LONG
        except DependencyUnavailable:
            why = Why.ENGINE_AWAY
        except Exception as error:  # noqa: BLE001 - whoever waits for it must hear that it ended
            why = Why.BROKE
            log.error("audit_broke", error=type(error).__name__)  # noqa: TRY400
        self._last = _ended(run, report, why, self._clock)
        log.info("audit_ended", by=run.by, broken=report.broken if report else None, why=why)


def _ended(run: AuditRun, report: Report | None, why: Why | None, clock: Clock) -> AuditRun:
    if report is None:
        return AuditRun(began_at=run.began_at, by=run.by, ended_at=clock.now(), why=why)
    found = [AuditFinding(each.fault.value, each.what, each.subject, each.words) for each in report.findings[:SHOWN]]
    return AuditRun(
        began_at=run.began_at,
        by=run.by,
        ended_at=clock.now(),
        counts=dict(report.counts),
        broken=report.broken,
        findings=tuple(found),
    )


def auditor(world: World) -> Auditor:
    """The port over the open world. Mails that arrived can't be counted here: no folder of a catcher is known."""

    async def records() -> int:
        return sum((await world.admin.end_offsets(_EVENTS)).values())

    return Auditor(lambda: run_audit(world, None), records, world.clock)
