"""What was asked of an exchange, and what became of it: counted from the documents, records and mails themselves.

The audit is the product's own proof; this one shares no code with it, so that a mistake in one shows in the other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from services.engines.bundled.spool import MailEntry

Doc = Mapping[str, Any]

#: A referral in this status waits for an answer, and must have a time when it ends.
_NEW = "New"


@dataclass(slots=True)
class Books:
    """What is lost, what doubled, what came twice as foreseen; empty lists are what a test wants."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    #: Mails that arrived again under their Message-ID, each in an attempt that was cut at the final dot.
    again: int = 0
    rfis: int = 0
    referrals: int = 0
    mails: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """One event record of Kafka."""

    id: str
    type: str
    subject: str
    sequence: int
    profile_id: str | None = None
    cause: str | None = None
    #: Type of the event that was settled.


class Ledger:
    """Everything that one source had accepted, to be found again."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.accepted: set[str] = set()
        #: Attempts at a call before somebody had it called again: those that its document counts begin anew then.
        self.calls_given_up_after = 0
        #: Address of the one who gets a digest in this source's trials, if anybody does.
        self.reader = f"digests+{source.rpartition(':')[2]}@reader.example"

    def took(self, publisher_ids: Iterable[str]) -> None:
        """Kafka, or intake over HTTP, acknowledged these."""
        self.accepted.update(publisher_ids)

    def balance(
        self,
        database: Any,
        told: Sequence[Told],
        mails: Iterable[MailEntry],
        calls: Mapping[str, int],
        counted: Mapping[str, int],
    ) -> Books:
        """Compare what was accepted with what there is.

        Args:
            database: as it is after `told` was read.
            told: every event on Kafka.
            mails: those that arrived.
            calls: those that a receiver of webhooks got, by id.
            counted: outcomes in each profile's standing (see `counted_in`) before `told` was read. Business time goes
                on, and with it referrals of earlier trials expire: what was counted before must have been told of, and
                what was told of must be counted after.
        """
        books = Books()
        rfis = {doc["_id"]: doc for doc in database["rfis"].find({"source": self.source})}
        self._every_id_is_somewhere(books, database, rfis)
        referrals = list(database["referrals"].find({"rfi_id": {"$in": list(rfis)}}))
        jobs = list(database["send_jobs"].find({"$or": [{"rfi_id": {"$in": list(rfis)}}, {"address": self.reader}]}))
        books.rfis, books.referrals = len(rfis), len(referrals)
        _routings(books, rfis, referrals)
        _referrals(books, referrals, told, business_now(database))
        _mails(books, jobs, mails)
        _calls(books, database, referrals, told, calls, given_up_after=self.calls_given_up_after)
        _outcomes(books, database, told, counted)
        return books

    def _every_id_is_somewhere(self, books: Books, database: Any, rfis: Mapping[str, Doc]) -> None:
        stored = Counter(doc["publisher_id"] for doc in rfis.values())
        refused = set(database["refusals"].distinct("publisher_id", {"source": self.source}))
        letters = database["dead_letters"].distinct("_id")
        keys = [doc.get("key") or b"" for doc in database["originals"].find({"_id": {"$in": letters}}, {"key": 1})]
        parked = {key.decode("utf-8", "replace") for key in keys}
        books.lost += [f"RFI {id_}" for id_ in sorted(self.accepted - set(stored) - refused - parked)]
        books.doubled += [f"RFI {id_} stored {n} times" for id_, n in stored.items() if n > 1]


def business_now(database: Any) -> datetime:
    """The database's time, shifted as the sandbox is."""
    shifted = (database["settings"].find_one({"_id": "sandbox_clock"}) or {}).get("offset_ms", 0)
    now: datetime = database.client.admin.command("hello")["localTime"]
    return now.replace(tzinfo=UTC) + timedelta(milliseconds=shifted)


def _routings(books: Books, rfis: Mapping[str, Doc], referrals: Iterable[Doc]) -> None:
    have = defaultdict(list)
    for referral in referrals:
        have[referral["rfi_id"]].append(referral["partner_id"])
    for id_, rfi in rfis.items():
        if rfi["state"] == "accepted":
            books.lost.append(f"RFI {id_} never routed")
        chosen = [each["partner_id"] for each in (rfi.get("routing") or {}).get("chosen", ())]
        gone = set(chosen) - set(have[id_]) if rfi["state"] != "withdrawn" else set()
        books.lost += [f"referral of {id_} to {partner}" for partner in sorted(gone)]
        books.doubled += [f"referral of {id_} to {p}" for p, n in Counter(have[id_]).items() if n > 1]
        books.doubled += [f"referral of {id_} to {p}, never chosen" for p in sorted(set(have[id_]) - set(chosen))]


def _referrals(books: Books, referrals: Iterable[Doc], told: Iterable[Told], now: datetime) -> None:
    ids: dict[tuple[str, int, str], set[str]] = defaultdict(set)
    for event in told:
        ids[event.subject, event.sequence, event.type].add(event.id)
    heard = {(subject, sequence) for subject, sequence, _ in ids}
    for referral in referrals:
        id_ = referral["_id"]
        if (id_, 1) not in heard:
            books.lost.append(f"event of the creation of {id_}")
        if referral.get("outbox"):
            books.lost.append(f"events still in the outbox of {id_}")
        due = referral.get("next_due_at")
        if due is not None and not referral.get("parked") and due.replace(tzinfo=UTC) <= now:
            books.lost.append(f"referral {id_} overdue since {due}")
        if referral["status"] == _NEW and due is None:
            books.lost.append(f"referral {id_} is open and without a deadline")
        said = Counter(entry["what"] for entry in referral["history"])
        once = ("referral.created", "referral.expired", "referral.reminder_due", "referral.expiring_soon")
        books.doubled += [f"{what} of {id_}, {said[what]} times" for what in once if said[what] > 1]
    books.doubled += [f"{len(found)} ids for {what}" for what, found in ids.items() if len(found) > 1]


def _mails(books: Books, jobs: Iterable[Doc], mails: Iterable[MailEntry]) -> None:
    mine = {job["_id"]: job for job in jobs}
    arrived = [mail for mail in mails if mail.job in mine]
    copies = Counter(mail.job for mail in arrived)
    names: dict[str, set[str]] = defaultdict(set)
    for mail in arrived:
        names[mail.job].add(mail.message_id)
    books.mails = len(arrived)
    for id_, job in mine.items():
        if job["state"] in {"leased", "pending"}:
            books.lost.append(f"{job['kind']} mail {id_} still {job['state']}")
        if job["state"] == "sent" and not copies[id_]:
            books.lost.append(f"{job['kind']} mail {id_}")
        extra, foreseen = max(0, copies[id_] - 1), job.get("cut_at_dot", 0) + job.get("lost_leases", 0)
        foreseen += len(job.get("returned", ()))
        books.again += extra
        if extra > foreseen:
            books.doubled.append(f"{job['kind']} mail {id_}, {copies[id_]} times, {foreseen} attempts were cut")
        if len(names[id_]) > 1:
            books.doubled.append(f"{job['kind']} mail {id_} under {len(names[id_])} Message-IDs")


def _calls(
    books: Books,
    database: Any,
    referrals: Sequence[Doc],
    told: Iterable[Told],
    calls: Mapping[str, int],
    *,
    given_up_after: int,
) -> None:
    """Each event of a referral is one call to each webhook of its partner, under one id."""
    hooks = defaultdict(set)
    for hook in database["webhooks"].find({}):
        hooks[hook["partner_id"]].add(hook["_id"])
    partner = {referral["_id"]: referral["partner_id"] for referral in referrals}
    due = {(event.id, hook) for event in told if event.subject in partner for hook in hooks[partner[event.subject]]}
    stored = [each for each in database["webhook_deliveries"].find({}) if each["referral_id"] in partner]
    there = Counter((each["event_id"], each["webhook_id"]) for each in stored)
    books.lost += [f"call for event {event} to webhook {hook}" for event, hook in sorted(due - set(there))]
    books.doubled += [f"{n} calls for event {event} to {hook}" for (event, hook), n in there.items() if n > 1]
    for each in stored:
        id_, arrived = each["_id"], calls.get(each["_id"], 0)
        if each["state"] != "delivered" or not arrived:
            books.lost.append(f"call {id_} is {each['state']}, and arrived {arrived} times")
        if arrived > each["attempts"] + given_up_after:
            books.doubled.append(f"call {id_} arrived {arrived} times in {each['attempts']} attempts")


#: Decisions that count once they can't be undone any more.
_SETTLED, _EXPIRED = "referral.settled.", "referral.expired."
_DECISIONS = {"referral.accepted", "referral.declined", "referral.won", "referral.lost"}


def counted_in(database: Any) -> dict[str, int]:
    """How many outcomes are in the standing of each profile."""
    return {each["_id"]: each["version"] for each in database["standings"].find({}, {"version": 1})}


def _outcomes(books: Books, database: Any, told: Iterable[Told], before: Mapping[str, int]) -> None:
    """Each expiry, and each decision that was settled, is in the standing of its profile once."""
    counted = {
        event.id: event.profile_id
        for event in told
        if event.profile_id is not None
        and (_EXPIRED in event.type or (_SETTLED in event.type and event.cause in _DECISIONS))
    }
    due = Counter(counted.values())
    for standing in database["standings"].find({}, {"version": 1, "unpublished": 1}):
        profile, number = standing["_id"], standing["version"]
        expected = due.pop(profile, 0)
        if before.get(profile, 0) > expected:
            books.doubled.append(f"outcomes of {profile}: {before[profile]} in its standing, {expected} told of")
        if number < expected:
            books.lost.append(f"outcomes of {profile}: {number} in its standing, {expected} told of")
        if standing.get("unpublished"):
            books.lost.append(f"the standing of {profile} is not on Kafka")
    books.lost += [f"the standing of {profile}, of {n} outcomes" for profile, n in sorted(due.items())]
