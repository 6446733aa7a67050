"""Where documents are kept: the ports of the database, one Protocol for each kind of document.

All of them work on batches. All may raise `DependencyUnavailable("mongo")`; after it a write may or may not have
happened, so every write here is safe to repeat. Ids that are not found are left out of the answer.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from services.core.codes import RfiState, Status
from services.core.errors import Problem
from services.core.listing import Cursor
from services.core.mail import JobState, JobUpdate, SendJob
from services.core.partner import Partner, Profile
from services.core.ports import Change, DeadLetter, Record, Saved
from services.core.referral import Referral
from services.core.rfi import Person, Rfi, Routing
from services.core.stored import StoredProfiles


class RfiStore(Protocol):
    """The engagements."""

    async def add(self, rfis: Sequence[Rfi]) -> dict[str, Rfi]:
        """Insert what is not there; return the stored ones of those that were there already, by id."""

    async def load(
        self, ids: Sequence[str], states: Collection[RfiState] | None = None, *, source: str | None = None
    ) -> dict[str, Rfi]:
        """The stored RFIs, by id; with `states` only those in one of them, with `source` only those from there."""

    async def for_mails(self, ids: Sequence[str]) -> dict[str, Rfi]:
        """As `load`, without what no mail tells: near misses, reasons and the outbox are empty. Never to be saved."""

    async def customers(self, ids: Sequence[str]) -> dict[str, Person]:
        """The customer's contact of each stored RFI, by id of the RFI."""

    async def route(self, routings: Mapping[str, Routing]) -> dict[str, Rfi]:
        """Set `routing`, state (routed or no_match) and version + 1 where the state is `accepted` and routing is unset.

        Returns the stored RFIs of those that were not written now (routed before, withdrawn, or gone), by id.
        """

    async def save(self, changes: Sequence[Change[Rfi]]) -> Saved:
        """Replace each document whose stored version is still the expected one."""

    async def clear_outbox(self, sent: Mapping[str, Sequence[str]]) -> None:
        """Pull the events (ids by rfi id) that are known to be on Kafka."""

    async def with_outbox(self, limit: int) -> list[Rfi]:
        """RFIs that have unsent events, oldest change first."""

    async def recent(self, limit: int, state: RfiState | None = None, since: datetime | None = None) -> list[Rfi]:
        """The newest accepted RFIs, newest first; with `since` none accepted before it."""

    async def scan(self, after: str, limit: int) -> list[Rfi]:
        """The next RFIs in the order of their ids, those greater than `after` ("" begins)."""


class ReferralStore(Protocol):
    """The referrals."""

    async def add(self, referrals: Sequence[Referral]) -> set[str]:
        """Insert what is not there; return the ids that were there already (left as they are)."""

    async def load(self, ids: Sequence[str], *, partner_id: str | None = None) -> dict[str, Referral]:
        """The stored referrals, by id; those of this partner alone, None: whoever's."""

    async def for_mails(self, ids: Sequence[str]) -> dict[str, Referral]:
        """As `load`, without what no mail tells: timers, history and the outbox are empty. Never to be saved."""

    async def of_rfis(self, rfi_ids: Sequence[str]) -> dict[str, list[Referral]]:
        """All referrals of each RFI, by rfi id, oldest first."""

    async def save(self, changes: Sequence[Change[Referral]]) -> Saved:
        """Replace each document whose stored version is still the expected one."""

    async def due(self, shards: Sequence[int], at: datetime, limit: int) -> list[Referral]:
        """Referrals of the shards with something due at or before `at`, most overdue first; parked ones left out."""

    async def defer(
        self, id_: str, version: int, until: datetime, attempts: int, *, parked: bool, why: str = ""
    ) -> None:
        """Push back (or park) a referral that could not be processed (`why`), if it still has that version."""

    async def clear_outbox(self, sent: Mapping[str, Sequence[str]]) -> None:
        """Pull the events (ids by referral id) that are known to be on Kafka."""

    async def with_outbox(self, limit: int) -> list[Referral]:
        """Referrals that have unsent events, oldest change first."""

    async def listed(
        self, *, partner_id: str | None = None, rfi_id: str | None = None, status: Status | None = None, limit: int = 50
    ) -> list[Referral]:
        """Referrals for a list, newest first."""

    async def open_counts(self, profile_ids: Sequence[str]) -> dict[str, int]:
        """How many New and Active referrals each profile has; profiles without any are left out."""


class PartnerStore(Protocol):
    """Partners and their business profiles."""

    async def put_partners(self, partners: Sequence[Partner]) -> set[str]:
        """Insert, or replace where the stored version is lower.

        Returns the ids of those that were written, by this call or by the same one before it, even if others have
        replaced them since. The others met somebody else's document of the same version, or of a higher one.
        """

    async def put_profiles(self, profiles: Sequence[Profile]) -> set[str]:
        """As `put_partners`; the change counts as unpublished."""

    async def load_partners(self, ids: Sequence[str]) -> dict[str, Partner]:
        """Partners by id."""

    async def load_profiles(self, ids: Sequence[str], *, partner_id: str | None = None) -> dict[str, Profile]:
        """Profiles by id; those of this partner alone, None: whoever's."""

    async def profiles_of(self, partner_id: str) -> list[Profile]:
        """The profiles of a partner, inactive ones too, by country."""

    async def profiles_of_each(self, partner_ids: Sequence[str]) -> dict[str, list[Profile]]:
        """The same of several partners, by partner; those without any are left out."""

    async def all_profiles(self) -> list[Profile]:
        """Every profile, inactive ones too."""

    async def all_partners(self) -> list[Partner]:
        """Every partner, inactive ones too."""

    async def scan_partners(self, after: str, limit: int) -> list[Partner]:
        """The next partners in the order of their ids, those greater than `after` ("" begins), inactive ones too."""

    def stored_profiles(self, limit: int) -> AsyncGenerator[StoredProfiles, None]:
        """Every profile, inactive ones too, some `limit` at a time and in any order; for those who match.

        One that changes meanwhile comes as it was or as it is, and may come twice.
        """

    async def unpublished(self, limit: int) -> list[Profile]:
        """Profiles whose newest version is not known to be on Kafka."""

    async def mark_published(self, versions: Mapping[str, int]) -> None:
        """Note that these versions (by profile id) are on Kafka; a newer stored version stays unpublished."""


class SendJobStore(Protocol):
    """The mails to be sent, and those that were."""

    async def add_leased(self, jobs: Sequence[SendJob], owner: str, until: datetime) -> set[str]:
        """Insert what is not there, leased to `owner`, attempts = 1; return the ids inserted now (others are left)."""

    async def claim(self, owner: str, now: datetime, real_now: datetime, until: datetime, limit: int) -> list[SendJob]:
        """Lease jobs that are pending and due (`now`), or whose lease ran out (`real_now`); attempts + 1 each.

        One whose lease ran out while its sender was trying it also counts a lost lease, and forgets the error of the
        attempt before; one that had only waited in that sender's hands counts nothing, for nobody can have sent it.
        """

    async def trying(self, owner: str, slot: int, ids: Sequence[str], at: datetime) -> None:
        """Note, before the first byte goes out, which jobs `owner` tries now; the note before it in the slot goes."""

    async def renew(self, ids: Sequence[str], owner: str, until: datetime) -> set[str]:
        """Lengthen leases; return the ids still leased to `owner`."""

    async def finish(self, updates: Sequence[JobUpdate], owner: str) -> None:
        """Write results of attempts, each only where the lease is still `owner`'s."""

    async def came_back(self, id_: str, address_key: str, why: str, due_at: datetime | None) -> bool:
        """Note that a mail that was sent came back from an address: due again, or given up without `due_at`.

        Once for each address, and only while the mail counts as sent; whether it was noted now.
        """

    async def load(self, ids: Sequence[str]) -> dict[str, SendJob]:
        """Jobs by id."""

    async def of_rfis(self, rfi_ids: Sequence[str]) -> list[SendJob]:
        """All jobs of the RFIs."""

    async def counts(self) -> dict[tuple[str, str, JobState], int]:
        """How many jobs by (kind, language, state)."""

    async def next_due(self) -> datetime | None:
        """The earliest business time at which a pending job is due, or None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An RFI that intake refused: every problem, and where the original bytes are. Its id is that of the record."""

    id: str
    source: str | None
    publisher_id: str | None
    problems: tuple[Problem, ...]
    at: datetime
    record: Record
    #: The original; kept apart with a retention, so that erasing a customer reaches it.
    replayed_at: datetime | None = None


class RefusalStore(Protocol):
    """Refused RFIs and their original bytes."""

    async def put(self, refusals: Sequence[Refusal]) -> None:
        """Insert what is not there."""

    async def load(self, ids: Sequence[str]) -> dict[str, Refusal]:
        """Refusals by id, with the original; after the retention the record's value is None."""

    async def listed(self, limit: int, code: str | None = None, after: Cursor | None = None) -> list[Refusal]:
        """Newest first, from behind a place on; the records come without value and headers."""

    async def of_rfi(self, source: str, publisher_id: str) -> Refusal | None:
        """The newest refusal of a publisher's RFI, without value and headers, or None."""

    async def count(self) -> int:
        """How many there are."""

    async def by_code(self) -> dict[str, int]:
        """How many refusals have each problem code."""

    async def mark_replayed(self, id_: str, at: datetime) -> None:
        """Note that the original, or a mended form of it, was submitted again."""


class DeadLetterStore(Protocol):
    """Dead letters with their original bytes. The id is derived from (group, topic, partition, offset)."""

    async def put(self, letters: Sequence[DeadLetter]) -> None:
        """Store the letters; one that is there already is left as it is."""

    async def listed(self, limit: int, group: str | None = None, reason: str | None = None) -> list[DeadLetter]:
        """Newest first."""

    async def load(self, ids: Sequence[str]) -> dict[str, DeadLetter]:
        """Dead letters by id."""

    async def count(self) -> int:
        """How many there are that nobody dropped."""

    async def drop(self, id_: str, why: str, at: datetime) -> None:
        """Close a dead letter with a reason; it stays readable until its retention ends."""


class IdempotencyStore(Protocol):
    """Answers already given to HTTP requests with an Idempotency-Key."""

    async def claim(self, key: str, body_hash: str, answer: str, at: datetime) -> tuple[str, str]:
        """Store (body_hash, answer) under the key if absent; return what is stored now."""

    async def find(self, key: str) -> tuple[str, str] | None:
        """What is stored under the key, or None."""


class SandboxClockStore(Protocol):
    """The offset of a sandbox's clock; production never has one."""

    async def offset(self) -> timedelta:
        """The stored offset, zero if none."""

    async def advance(self, by: timedelta) -> timedelta:
        """Add to the offset (never backwards); return the new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publisher:
    """A system that may submit RFIs over HTTP. Its token, stored as a hash, binds the source."""

    id: str
    source: str
    token_hash: str
    active: bool = True


class PublisherStore(Protocol):
    """Who may submit."""

    async def put(self, publisher: Publisher) -> None:
        """Insert or replace."""

    async def by_token_hash(self, token_hash: str) -> Publisher | None:
        """The active publisher with this token, or None."""
