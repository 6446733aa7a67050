"""Where does a customer's data lie? By mail address everywhere, or of one request alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.core.codes import PolicyName
from services.core.erasures import ErasureStore, Found
from services.core.mail import JobState, Role
from services.core.policy import POLICIES, Policy
from services.core.reveals import RevealLog, by_mail
from services.core.rfi import Rfi
from services.core.stores import ReferralStore, RfiStore, SendJobStore
from services.erasure.mentions import mentions

#: Originals read at a time; each may be some hundred kilobytes.
PAGE = 100

_WAITING = frozenset({JobState.PENDING, JobState.LEASED, JobState.FAILED})


class Finder:
    """Finds what an erasure would erase, and changes nothing."""

    def __init__(
        self,
        *,
        erasures: ErasureStore,
        rfis: RfiStore,
        referrals: ReferralStore,
        jobs: SendJobStore,
        reveals: RevealLog,
        policies: Mapping[PolicyName, Policy] = POLICIES,
    ) -> None:
        self._erasures, self._rfis, self._referrals = erasures, rfis, referrals
        self._jobs, self._reveals, self._policies = jobs, reveals, policies

    async def by_email(self, email: str) -> Found:
        """Everything of the customer with this address, kept originals that name it among it.

        Raises:
            DependencyUnavailable: the store does not answer.
        """
        originals: list[str] = []
        after = ""
        while page := await self._erasures.originals(after, PAGE):
            after = page[-1].id
            originals += [each.id for each in page if mentions(each, email)]
        rfis = await self._rfis.load(await self._erasures.rfi_ids_of(email))
        return await self._found(list(rfis.values()), originals)

    async def by_rfi(self, rfi_id: str) -> Found:
        """One request, and what was refused under its id; nothing when there is none or it is erased.

        Raises:
            DependencyUnavailable: the store does not answer.
        """
        return await self._found(list((await self._rfis.load([rfi_id])).values()), ())

    async def _found(self, rfis: Sequence[Rfi], originals: Sequence[str]) -> Found:
        kept = [rfi for rfi in rfis if rfi.erased_at is None]
        ids = sorted(rfi.id for rfi in kept)
        refused = {id_ for rfi in kept for id_ in await self._erasures.refusals_of(rfi.source, rfi.publisher_id)}
        referrals = [each for some in (await self._referrals.of_rfis(ids)).values() for each in some] if ids else []
        jobs = await self._jobs.of_rfis(ids) if ids else []
        mails = [job for job in jobs if job.role is Role.CUSTOMER]
        shown = {day.partner_id for day in await self._reveals.of_referrals([each.id for each in referrals])}
        shown |= {day.partner_id for day in by_mail(jobs, referrals, self._policies)}
        return Found(
            rfi_ids=tuple(ids),
            original_ids=tuple(sorted(refused | set(originals))),
            referrals=len(referrals),
            mails_waiting=sum(job.state in _WAITING for job in mails),
            mails_sent=sum(job.state is JobState.SENT for job in mails),
            partners_shown=tuple(sorted(shown)),
        )
