"""Who may use the portal: people of partners, operators, and programs with tokens; and how their keys are kept.

Keys (session ids, links, tokens, client secrets) are long and random and are stored as hashes alone: whoever reads the
database can't sign in with what is there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.core.ids import user_id
from services.core.partner import Partner, Profile


class Role(StrEnum):
    """What a person of a partner may do."""

    ADMIN = "admin"
    #: Everything of the partner: team and business profiles too.
    MEMBER = "member"
    #: Answers referrals.
    VIEWER = "viewer"
    #: Reads.


class Notify(StrEnum):
    """Which mails of its partner's referrals a person wants. A location's contact gets the alerts of its location."""

    NOTHING = "nothing"
    #: None besides those to a contact.
    WARNINGS = "warnings"
    #: A copy of each warning that a referral expires soon.
    DIGEST = "digest"
    #: One mail a day, also in place of the alerts to a contact; but warnings before an expiry.
    EACH = "each"
    #: A copy of every alert.


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFilter:
    """A list of referrals that a person looks at often: a name, and the query of the page."""

    name: str
    path: str
    #: Of the list, for example `/inbox?size=51to250employees`.


#: Most saved filters of one person, and their longest names.
FILTER_LIMIT, FILTER_NAME_LENGTH = 20, 60


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who signs in. Its mail address, folded, is unique."""

    id: str
    email: str
    name: str
    partner_id: str | None = None
    #: None for an operator.
    operator: bool = False
    role: Role = Role.MEMBER
    language: str = "en"
    time_zone: str = "UTC"
    notify: Notify = Notify.NOTHING
    digest_at: datetime | None = None
    #: When the next daily digest is due; set exactly while `notify` is DIGEST.
    filters: tuple[SavedFilter, ...] = ()
    active: bool = True
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A person who is signed in with one browser. The id is the hash of what the cookie holds."""

    id: str
    user_id: str
    csrf: str
    #: The token that every form repeats.
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInLink:
    """A mailed link that signs in once. The link holds the id and our signature: the id alone opens nothing."""

    id: str
    user_id: str
    created_at: datetime
    expires_at: datetime
    next_path: str = "/"
    #: Where to go then: a path of ours.


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A program's key. The id is public; the token itself is stored as a hash."""

    id: str
    token_hash: str
    name: str
    partner_id: str | None = None
    #: None for an operator's token.
    operator: bool = False
    scopes: tuple[str, ...] = ()
    client_id: str | None = None
    #: The OAuth client it was issued to; None for one made by a person.
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """A program that fetches short-lived tokens with client credentials."""

    id: str
    secret_hash: str
    name: str
    partner_id: str | None = None
    operator: bool = False
    scopes: tuple[str, ...] = ()
    created_at: datetime
    revoked_at: datetime | None = None


#: What a token may be allowed to do; `x.write` includes `x.read`.
SCOPES = (
    *("referrals.read", "referrals.write", "profiles.read", "profiles.write", "users.read", "users.write"),
    *("webhooks.write", "operator"),
)


def folded(email: str) -> str:
    """How mail addresses are compared."""
    return email.strip().casefold()


def people_of(partner: Partner, profiles: Sequence[Profile]) -> list[User]:
    """The people of a partner that its data names: the admin, and the contacts of its locations as members."""
    contacts = [location.contact for profile in profiles for location in profile.locations]
    found: dict[str, User] = {}
    for person, role in ((partner.admin, Role.ADMIN), *((contact, Role.MEMBER) for contact in contacts)):
        user = User(
            id=user_id(person.email),
            email=folded(person.email),
            name=f"{person.first_name} {person.last_name}".strip(),
            partner_id=partner.id,
            role=role,
            language=person.language,
            time_zone=person.time_zone,
        )
        found.setdefault(user.id, user)
    return list(found.values())
