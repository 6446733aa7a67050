"""What do pages and programs do with a partner's people? Let somebody in, change what one may do, shut one out.

A team keeps an admin, whoever changes whom at the same time. Users are documents of their own, so two admins who take
each other's role could both succeed. Therefore who takes an admin's right away first writes one version of an admin
who stays, the witness, and only then the change, both on the versions that were read before. Of two who take each
other's right, one then meets a version that the other's first write has made. (Were all gone in the end, the last one
to go had a witness, who went after it was written; whose own witness was written later still, and so on: the chain
ends at the last one to go, as the only one left, but then its version was not the one that was read.) A crash between
the two writes leaves a version of the witness, and nothing else.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from services.core.accounts import Role, User, folded
from services.core.errors import CommandInvalid, Problem, VersionConflict
from services.core.ids import user_id
from services.core.mail import is_mailbox
from services.core.ports import Change
from services.core.requirements import NAME_LENGTH, text_problems
from services.portal.access import NotHere
from services.portal.identity import Identity
from services.portal.ports import PortalPorts
from services.portal.sign_in import SignIn

log = structlog.get_logger("portal.team")

#: Longest mail address (RFC 5321).
ADDRESS_LENGTH = 254
#: People of one team.
TEAM_LIMIT = 500

_AT_ONCE = "this person's account was changed at the same moment: try again"


class LastAdmin(Exception):
    """A team needs an admin: make somebody else one first."""

    def __init__(self) -> None:
        super().__init__((self.__doc__ or "").strip())


def invitation_problems(name: str, email: str, role: str, there: int) -> list[Problem]:
    """Everything that is wrong with an invitation to a team of `there` people, by field."""
    found = []
    name, email = name.strip(), email.strip()
    if not name:
        found.append(Problem("/name", "required", "give the name"))
    found += text_problems("/name", name, NAME_LENGTH)
    if len(email) > ADDRESS_LENGTH or not is_mailbox(email):
        found.append(Problem("/email", "invalid", "give a mail address, for example name@company.example"))
    if role not in set(Role):
        found.append(Problem("/role", "required", "choose a role"))
    if there >= TEAM_LIMIT:
        found.append(Problem("/email", "too_many", f"a team has at most {TEAM_LIMIT} people"))
    return found


class TeamWork:
    """Made once; `sign_in` mails the links."""

    def __init__(self, ports: PortalPorts, sign_in: SignIn) -> None:
        self._ports, self._sign_in = ports, sign_in

    async def people(self, me: Identity) -> list[User]:
        """Everybody of the caller's team, inactive ones too, by mail address."""
        return await self._ports.users.of_partner(me.partner_id or "")

    async def member(self, me: Identity, member_id: str) -> User:
        """Somebody of the caller's team.

        Raises:
            NotHere: nobody of the team has this id.
        """
        user = (await self._ports.users.load([member_id], partner_id=me.partner_id or "")).get(member_id)
        if user is None:
            raise NotHere("there is no such person in your team")
        return user

    async def invite(self, me: Identity, name: str, email: str, role: str) -> str:
        """Let somebody in and mail a link; who is there already stays as is. The id of the user.

        An address that is somebody else's stays theirs, and nothing tells so.

        Raises:
            CommandInvalid: says everything that is wrong.
        """
        await self.check_invitation(me, name, email, role)
        address = folded(email)
        user = User(
            id=user_id(address),
            email=address,
            name=name.strip(),
            partner_id=me.partner_id,
            role=Role(role),
            language=me.language,
            time_zone=me.time_zone,
        )
        await self._ports.users.add([user])
        if user.id in await self._ports.users.load([user.id], partner_id=me.partner_id or ""):
            await self._sign_in.mail_link(address, "/inbox")
        log.info("invited", by=me.name, user=user.id)
        return user.id

    async def check_invitation(self, me: Identity, name: str, email: str, role: str) -> None:
        """Whether somebody may be let in so.

        Raises:
            CommandInvalid: says everything that is wrong.
        """
        problems = invitation_problems(name, email, role, len(await self.people(me)))
        if problems:
            raise CommandInvalid(problems)

    async def change(self, me: Identity, user: User, role: Role, *, active: bool) -> User:
        """Change what somebody of the team may do, on the version that `user` is.

        Raises:
            LastAdmin: nobody would be left who manages the team.
            VersionConflict: somebody else changed it, or the witness, at the same moment.
        """
        changed = replace(user, role=role, active=active)
        if changed == user:
            return user
        if _manages(user) and not _manages(changed):
            await self._keep_witness(me, user)
        changed = await self.save(changed)
        if not changed.active:
            # After the write: a session that is opened in between finds a person who is shut out.
            await self._ports.sign_ins.end_sessions_of(user.id)
        log.info("member_changed", by=me.name, user=user.id, role=role.value, active=active)
        return changed

    async def _keep_witness(self, me: Identity, leaving: User) -> None:
        """See to it that an admin stays: one more version of it, made of what was read after `leaving` was."""
        staying = [user for user in await self.people(me) if _manages(user) and user.id != leaving.id]
        if not staying:
            raise LastAdmin
        # The one who asks, if it can: nobody else's account need have a new version.
        await self.save(next((user for user in staying if user.id == me.subject), staying[0]))

    async def save(self, user: User) -> User:
        """One conditional write of the next version of what was read; that version.

        Raises:
            VersionConflict: somebody else wrote it first.
        """
        changed = replace(user, version=user.version + 1)
        if (await self._ports.users.save([Change(changed, user.version)])).conflicts:
            raise VersionConflict(_AT_ONCE)
        return changed


def _manages(user: User) -> bool:
    return user.active and user.role is Role.ADMIN
