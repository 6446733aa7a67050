"""How does a job go on after an attempt? Pure; the dice are an argument."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.core.mail import WITH_CONTACT, Delivery, Disclosure, JobState, JobUpdate, Outcome, SendJob
from services.core.retry import MAIL_STEPS, RetryKind, retry_after

#: How an attempt ends that may have brought the mail to its reader.
_WENT_OUT = frozenset({Outcome.SENT, Outcome.UNKNOWN})
#: Attempts that nobody gives up before, however old the job: an outage of ours must not count as its patience.
_LEAST_ATTEMPTS = 6


def after_attempt(
    job: SendJob, delivery: Delivery, now: datetime, jitter: float, shown_to: str | None = None
) -> JobUpdate:
    """Sent, tried again later, or given up; and what it showed of the customer's contact.

    Without an answer to the final dot a job is tried once more under its Message-ID; each such attempt may have made
    a copy, and is counted in the job.

    Args:
        job: as it was before the attempt.
        delivery: how the attempt ended.
        now: business time.
        jitter: a number in [0, 1).
        shown_to: the address that this attempt wrote to, if the contact stood in the mail.
    """
    disclosed = _disclosed(job, delivery.outcome, now, shown_to)
    if delivery.outcome is Outcome.SENT:
        return _update(job, JobState.SENT, None, sent_at=now, disclosed=disclosed)
    error = f"{delivery.code or ''} {delivery.detail}".strip()
    if delivery.outcome is Outcome.REFUSED:
        return _update(job, JobState.FAILED, f"refused: {error}", disclosed=disclosed)
    cut = delivery.outcome is Outcome.UNKNOWN
    if cut and job.cut_at_dot:
        return _update(job, JobState.FAILED, f"cut at the final dot twice: {error}", cut=True, disclosed=disclosed)
    elapsed = now - job.at if job.attempts > _LEAST_ATTEMPTS else timedelta(0)
    decision = retry_after(max(job.attempts, 1), RetryKind.MAIL, jitter=jitter, elapsed=max(elapsed, timedelta(0)))
    if decision.delay is None:
        return _update(job, JobState.FAILED, f"{decision.because}: {error}", cut=cut, disclosed=disclosed)
    return _update(job, JobState.PENDING, error, due_at=now + decision.delay, cut=cut, disclosed=disclosed)


def _disclosed(job: SendJob, outcome: Outcome, now: datetime, shown_to: str | None) -> tuple[Disclosure, ...] | None:
    """All that the job's attempts showed by now; None for mails that never show a contact."""
    if job.kind not in WITH_CONTACT:
        return None
    before = job.disclosed or ()
    if shown_to is None or outcome not in _WENT_OUT:
        return before
    return (*before, Disclosure(at=now, to=None if shown_to == job.address else shown_to))


def obsolete_update(job: SendJob, because: str) -> JobUpdate:
    """Not sent because it is no longer true."""
    return _update(job, JobState.OBSOLETE, because)


def not_loaded(job: SendJob, because: str, now: datetime) -> JobUpdate:
    """Not tried, because what it is about can't be read: again after the longest wait, for as long as it takes."""
    return _update(job, JobState.PENDING, because, due_at=now + MAIL_STEPS[-1])


def handed_back(job: SendJob) -> JobUpdate:
    """Not tried after all (this process stops): at once free for others, and the attempt does not count."""
    return JobUpdate(
        job_id=job.id,
        state=JobState.PENDING,
        attempts=job.attempts - 1,
        due_at=job.due_at,
        last_error=job.last_error,
        cut_at_dot=job.cut_at_dot,
        unclaimed=True,
    )


def _update(
    job: SendJob,
    state: JobState,
    error: str | None,
    *,
    due_at: datetime | None = None,
    sent_at: datetime | None = None,
    cut: bool = False,
    disclosed: tuple[Disclosure, ...] | None = None,
) -> JobUpdate:
    return JobUpdate(
        job_id=job.id,
        state=state,
        attempts=job.attempts,
        due_at=due_at,
        sent_at=sent_at,
        last_error=error,
        cut_at_dot=job.cut_at_dot + cut,
        disclosed=disclosed,
    )
