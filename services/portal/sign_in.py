"""How does somebody get a session: by a mailed link that works once, or because a provider vouches for the address?"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

import structlog

from services.core.account_stores import SIGN_IN_LINK
from services.core.accounts import Session, SignInLink, User
from services.core.ids import job_id, user_id
from services.core.mail import NO_RFI, JobState, JobUpdate, MailKind, Role, SendJob
from services.portal.forms import own_path
from services.portal.keys import key_hash, new_key
from services.portal.pace import Pace
from services.portal.ports import PortalOptions, PortalPorts

log = structlog.get_logger("portal.sign_in")

#: Who holds a mail's job between its insert and its release.
_OWNER = "portal"
_HANDED_OVER_WITHIN = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: what its cookie holds, and where to go."""

    cookie: str
    next_path: str


class SignIn:
    """The use cases of signing in and out."""

    def __init__(self, ports: PortalPorts, options: PortalOptions, pace: Pace) -> None:
        self._ports, self._options, self._pace = ports, options, pace

    async def mail_link(self, email: str, next_path: str) -> None:
        """Mail a link, if the address is a user's and has not had too many. Nothing tells the asker which.

        A crash between link and job leaves a link that nobody has; the person asks again.
        """
        user = await self.user(email)
        if user is None or not self._pace.may_mail(user.id):
            log.info("sign_in_link_not_sent", known=user is not None)
            return
        link = await self._new_link(user, next_path, self._options.sign_in_link)
        now = self._ports.clock.now()
        job = SendJob(
            id=job_id(link.id, MailKind.SIGN_IN_LINK.value, Role.PARTNER.value),
            event_id=link.id,
            kind=MailKind.SIGN_IN_LINK,
            role=Role.PARTNER,
            rfi_id=NO_RFI,
            partner_id=user.partner_id,
            address=user.email,
            name=user.name,
            language=user.language,
            time_zone=user.time_zone,
            at=now,
            due_at=now,
        )
        await self._hand_over(job)

    async def _hand_over(self, job: SendJob) -> None:
        """Store the job for whichever notifier is free. After a crash in between it is free when the lease ends."""
        until = self._ports.clock.real_now() + _HANDED_OVER_WITHIN
        await self._ports.jobs.add_leased([job], _OWNER, until)
        pending = JobUpdate(job_id=job.id, state=JobState.PENDING, attempts=0, due_at=job.due_at)
        await self._ports.jobs.finish([pending], _OWNER)

    async def link_path(self, user: User, next_path: str, life: timedelta) -> str:
        """The path of a new link for a user: for those who hand it over themselves."""
        link = await self._new_link(user, next_path, life)
        return f"/sign-in/link/{self._ports.signer.sign(SIGN_IN_LINK, link.id)}"

    async def link(self, signed: str) -> SignInLink | None:
        """The link, if it can be used; looking does not use it."""
        id_ = self._ports.signer.read(SIGN_IN_LINK, signed)
        return await self._ports.sign_ins.link(id_, self._ports.clock.real_now()) if id_ else None

    async def use_link(self, signed: str) -> SignedIn | None:
        """A session for the link's user; None when it is used, expired or not ours."""
        id_ = self._ports.signer.read(SIGN_IN_LINK, signed)
        link = await self._ports.sign_ins.take_link(id_, self._ports.clock.real_now()) if id_ else None
        user = (await self._ports.users.load([link.user_id])).get(link.user_id) if link else None
        if link is None or user is None or not user.active:
            return None
        return SignedIn(await self.open_session(user), own_path(link.next_path))

    async def user(self, email: str) -> User | None:
        """The active user with this address."""
        id_ = user_id(email)
        user = (await self._ports.users.load([id_])).get(id_)
        return user if user is not None and user.active else None

    async def open_session(self, user: User) -> str:
        """A new session; returns what its cookie holds. A session is never taken over from before the sign-in."""
        cookie, now = new_key(), self._ports.clock.real_now()
        session = Session(
            id=key_hash(cookie),
            user_id=user.id,
            csrf=new_key(),
            created_at=now,
            expires_at=now + self._options.session,
        )
        await self._ports.sign_ins.put_session(session)
        return cookie

    async def end_session(self, session_id: str) -> None:
        """Sign this browser out."""
        await self._ports.sign_ins.end_session(session_id)

    async def _new_link(self, user: User, next_path: str, life: timedelta) -> SignInLink:
        now = self._ports.clock.real_now()
        link = SignInLink(
            id=secrets.token_urlsafe(24),
            user_id=user.id,
            created_at=now,
            expires_at=now + life,
            next_path=own_path(next_path),
        )
        await self._ports.sign_ins.put_link(link)
        return link
