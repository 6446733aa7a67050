"""How an audit goes through everything in bounded memory: records, then engagements, in batches."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.audit.engagement import Engagement, ExpectedMails, check_engagement, check_mails
from services.audit.report import Fault, Finding, Report
from services.core.codes import RfiState
from services.core.events import Event
from services.core.ids import dead_letter_id, refusal_id
from services.core.mail import NO_RFI
from services.core.ports import Record
from services.core.stores import DeadLetterStore, ReferralStore, RefusalStore, RfiStore, SendJobStore

#: Engagements looked at together.
BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Records that each consumer group has still to read; what is missing behind a backlog is only late."""

    intake: int = 0
    router: int = 0
    notifier: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the audit reads."""

    submitted: Callable[[], AsyncIterator[Sequence[Record]]]
    #: Records of rfi.submitted below intake's committed offsets, in batches.
    identify: Callable[[Record], str | None]
    #: The RFI id a submitted record stands for, or None when it can't be read.
    events: Callable[[], AsyncIterator[Sequence[Event]]]
    #: Everything on engagement.events and referral.events.
    kept_since: Callable[[], Awaitable[datetime | None]]
    #: From when on all of those are still there; None: from the first one on.
    deliveries: Callable[[], Mapping[str, int]] | None
    #: Mails caught by job id; None where nobody can count them.
    rfis: RfiStore
    referrals: ReferralStore
    jobs: SendJobStore
    refusals: RefusalStore
    dead_letters: DeadLetterStore
    expected_mails: ExpectedMails
    intake_group: str


async def audit(sources: Sources, backlog: Backlog, on_progress: Callable[[str, int], None]) -> Report:
    """Go through everything; `on_progress` gets what is looked at and how many so far.

    The exchange goes on meanwhile: what moved between two of our readings looks missing. So faults are looked for once
    more, and only those that are found again count.

    Raises:
        DependencyUnavailable: an engine does not answer; the audit says nothing then.
    """
    report = await _look(sources, backlog, on_progress, Report())
    if report.clean:
        return report
    return await _look(sources, backlog, on_progress, Report(suspects=report.faults))


async def _look(sources: Sources, backlog: Backlog, on_progress: Callable[[str, int], None], report: Report) -> Report:
    await _submitted(sources, report, on_progress)
    events = await _events(sources, report, on_progress)
    # Asked for afterwards: what was dropped meanwhile is not looked for.
    kept_since = await sources.kept_since()
    deliveries = sources.deliveries() if sources.deliveries is not None else None
    # Mails that belong to no request: sign-in links, digests.
    apart = await sources.jobs.of_rfis([NO_RFI])
    report.add(check_mails(apart, deliveries))
    seen_jobs = {job.id for job in apart}
    after = ""
    while batch := await sources.rfis.scan(after, BATCH):
        after = batch[-1].id
        ids = [rfi.id for rfi in batch]
        referrals = await sources.referrals.of_rfis(ids)
        jobs = defaultdict(list)
        for job in await sources.jobs.of_rfis(ids):
            jobs[job.rfi_id].append(job)
            seen_jobs.add(job.id)
        for rfi in batch:
            whole = Engagement(
                rfi=rfi,
                referrals=referrals.get(rfi.id, []),
                events=events.pop(UUID(rfi.id), []),
                jobs=jobs[rfi.id],
                deliveries=deliveries,
            )
            _count(report, whole)
            events_kept = kept_since is None or rfi.accepted_at >= kept_since
            if not events_kept:
                report.count("RFIs older than the events that Kafka keeps")
            report.add(
                check_engagement(
                    whole,
                    sources.expected_mails,
                    routed_by_now=not backlog.router,
                    notified_by_now=not backlog.notifier,
                    events_kept=events_kept,
                )
            )
        on_progress("engagements", report.counts["RFIs accepted"])
    _strays(report, events, deliveries, seen_jobs)
    return report


async def _submitted(sources: Sources, report: Report, on_progress: Callable[[str, int], None]) -> None:
    """Each record that intake has committed is an RFI, a refusal or a dead letter."""
    async for records in sources.submitted():
        places = {r: (r.topic, r.partition, r.offset) for r in records}
        refused = await sources.refusals.load([refusal_id(*place) for place in places.values()])
        dead = await sources.dead_letters.load(
            [dead_letter_id(sources.intake_group, *place) for place in places.values()]
        )
        known = {r: sources.identify(r) for r in records}
        stored = await sources.rfis.load([id_ for id_ in known.values() if id_])
        for record, place in places.items():
            report.count("records submitted")
            if refusal_id(*place) in refused:
                report.count("records refused")
            elif dead_letter_id(sources.intake_group, *place) in dead:
                report.count("records dead-lettered")
            elif known[record] in stored:
                report.count("records accepted")
            else:
                words = "was read by intake and is neither an RFI, a refusal nor a dead letter"
                report.add([Finding(Fault.MISSING, "submitted record", record.where, words)])
        on_progress("submitted records", report.counts["records submitted"])


async def _events(sources: Sources, report: Report, on_progress: Callable[[str, int], None]) -> dict[UUID, list[Event]]:
    """Events by RFI, each id once; how often ids came again is counted."""
    by_rfi: dict[UUID, list[Event]] = defaultdict(list)
    ids: set[UUID] = set()
    async for events in sources.events():
        for event in events:
            report.count("event records")
            if (id_ := UUID(event.id)) in ids:
                report.count("event records that repeat an id (harmless)")
                continue
            ids.add(id_)
            by_rfi[UUID(event.rfi_id)].append(event)
        on_progress("events", len(ids))
    report.count("events", len(ids))
    return by_rfi


def _count(report: Report, whole: Engagement) -> None:
    report.count("RFIs accepted")
    if whole.rfi.routing is not None:
        report.count("RFIs routed" if whole.rfi.routing.chosen else "RFIs without a match")
        report.count("next-best offers", sum(each.partner_id is not None for each in whole.rfi.routing.rounds))
        report.count(
            "declined or lapsed with nobody left", sum(each.partner_id is None for each in whole.rfi.routing.rounds)
        )
    elif whole.rfi.state is RfiState.ACCEPTED:
        report.count("RFIs waiting for the router")
    report.count("referrals", len(whole.referrals))
    for job in whole.jobs:
        report.count(f"mails {job.state}")
        report.count("mails cut at the final dot", job.cut_at_dot)
        report.count("mails whose sender died", job.lost_leases)
        # More copies than could be foreseen are a finding.
        report.count("mails that arrived again (foreseen)", max((whole.deliveries or {}).get(job.id, 0) - 1, 0))


def _strays(
    report: Report, events: Mapping[UUID, Sequence[Event]], deliveries: Mapping[str, int] | None, jobs: set[str]
) -> None:
    """What belongs to no engagement."""
    for rfi, stray in events.items():
        words = f"{len(stray)} events of an RFI that is not stored"
        report.add([Finding(Fault.MISSING, "RFI", str(rfi), words)])
    unknown = Counter({job: n for job, n in (deliveries or {}).items() if job not in jobs})
    for job, number in unknown.items():
        report.add([Finding(Fault.DOUBLED, "mail", job, f"{number} mails that no send job asked for")])
    if deliveries is not None:
        report.count("mails delivered", sum(deliveries.values()))
