"""Does the audit notice? Each promise is broken on purpose on one exchange, seen to be named, and mended again.

test_operating.py collects these tests and has their exchange.
"""

from __future__ import annotations

import smtplib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
import pymongo
import pytest

from services.adapters.mongo import documents
from services.adapters.mongo.indexes import JOBS, REFERRALS, REFUSALS, RFIS
from services.adapters.wire import outgoing
from services.bootstrap import World
from services.cli.session import settings_for
from services.core.codes import RfiState
from services.core.commands import Open
from services.core.events import EventType
from services.core.ids import NAMESPACE, referral_id, rfi_id
from services.core.rfi import Rfi, Routing
from services.engines.bundled.spool import MailSpool
from tests.builders import START, make_rfi
from tests.e2e.exchange import SOURCE, Exchange, as_file, good_rfi

Doc = dict[str, Any]

#: Undoes what a breach did.
Mend = Callable[[], object]


#: Ids of the publisher of what is broken here.
ACCEPTED, REFUSED = ("audited-1", "audited-2"), "audited-3"

#: Breaks a promise; returns the id that it concerns, and how to mend it.
Breach = Callable[["Hands"], tuple[str, Mend]]


def stored(rfi: Rfi) -> Doc:
    """The document of an RFI."""
    return documents.through_bson(documents.RFIS.to_doc(rfi))


class Hands:
    """Reaches into an exchange where nobody should."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        settings = settings_for(exchange.home)
        self.client: pymongo.MongoClient[Doc] = pymongo.MongoClient(settings.mongo.get_secret_value())
        self.database = self.client[settings.mongo_database]
        self.smtp = settings.smtp

    @property
    def own(self) -> Doc:
        """Which documents are of RFIs that were submitted for this."""
        return {"rfi_id": {"$in": [rfi_id(SOURCE, id_) for id_ in ACCEPTED]}}

    def take_out(self, collection: str, which: Doc) -> tuple[str, Mend]:
        """Delete the first of some documents."""
        doc = self.database[collection].find_one_and_delete(which, sort=[("_id", 1)])
        assert doc is not None
        return doc["_id"], lambda: self.database[collection].insert_one(doc)

    def put_in(self, collection: str, doc: Doc) -> tuple[str, Mend]:
        """Insert a document."""
        self.database[collection].insert_one(doc)
        return doc["_id"], lambda: self.database[collection].delete_one({"_id": doc["_id"]})

    @property
    def index(self) -> Any:
        return self.exchange.home.mail / "index.jsonl"

    def first_mail(self) -> tuple[str, bytes]:
        """Job and bytes of the first mail."""
        jobs = {doc["_id"] for doc in self.database[JOBS].find(self.own)}
        entry = next(mail for mail in self.exchange.mails() if mail.job in jobs)
        return entry.job, MailSpool(self.exchange.home.mail).read(entry)

    def deliver(self, content: bytes) -> Mend:
        """Send a mail to the catcher once more."""
        before = self.index.read_bytes()
        host, _, port = self.smtp.rpartition(":")
        with smtplib.SMTP(host, int(port)) as relay:
            relay.sendmail("referrals@exchange.example", ["somebody@partner.example"], content)
        return lambda: self.index.write_bytes(before)


@pytest.fixture(scope="module")
def hands(exchange: Exchange) -> Iterator[Hands]:
    bad = good_rfi(REFUSED) | {"channel": "pigeon"}
    exchange.submit(as_file(exchange, *map(good_rfi, ACCEPTED), bad))
    exchange.quiet()
    assert exchange.audit().clean
    made = Hands(exchange)
    yield made
    made.client.close()


def referral_deleted(hands: Hands) -> tuple[str, Mend]:
    return hands.take_out(REFERRALS, hands.own)


def referral_doubled(hands: Hands) -> tuple[str, Mend]:
    doc = hands.database[REFERRALS].find_one(hands.own, sort=[("_id", 1)])
    assert doc is not None
    return hands.put_in(REFERRALS, doc | {"_id": referral_id(doc["rfi_id"], "twice")})


def rfi_deleted(hands: Hands) -> tuple[str, Mend]:
    return hands.take_out(RFIS, {"_id": hands.own["rfi_id"]})


def refusal_deleted(hands: Hands) -> tuple[str, Mend]:
    _, mend = hands.take_out(REFUSALS, {"publisher_id": REFUSED})
    return "rfi.submitted/", mend


def job_deleted(hands: Hands) -> tuple[str, Mend]:
    return hands.take_out(JOBS, hands.own)


def mail_doubled(hands: Hands) -> tuple[str, Mend]:
    job, content = hands.first_mail()
    return job, hands.deliver(content)


def mail_unasked(hands: Hands) -> tuple[str, Mend]:
    job, content = hands.first_mail()
    return str(NAMESPACE), hands.deliver(content.replace(job.encode(), str(NAMESPACE).encode()))


def mail_lost(hands: Hands) -> tuple[str, Mend]:
    job, _ = hands.first_mail()
    before: bytes = hands.index.read_bytes()
    lines = before.splitlines(keepends=True)
    hands.index.write_bytes(b"".join(line for line in lines if orjson.loads(line)["job"] != job))
    return job, lambda: hands.index.write_bytes(before)


def event_of_a_change_never_published(hands: Hands) -> tuple[str, Mend]:
    referrals = hands.database[REFERRALS]
    doc = referrals.find_one(hands.own, sort=[("_id", 1)])
    assert doc is not None
    entry = doc["history"][0] | {"version": 7, "what": EventType.EDITED.value}
    referrals.update_one({"_id": doc["_id"]}, {"$push": {"history": entry}})
    return doc["_id"], lambda: referrals.replace_one({"_id": doc["_id"]}, doc)


def rfi_never_routed(hands: Hands) -> tuple[str, Mend]:
    return hands.put_in(RFIS, stored(make_rfi(1)))


def routing_never_told(hands: Hands) -> tuple[str, Mend]:
    routing = Routing(at=START, chosen=(), no_match_because="no_term")
    rfi = make_rfi(2, state=RfiState.NO_MATCH, version=2, routing=routing)
    return hands.put_in(RFIS, stored(rfi))


def withdrawal_never_told(hands: Hands) -> tuple[str, Mend]:
    return hands.put_in(RFIS, stored(make_rfi(3, state=RfiState.WITHDRAWN, version=2)))


#: Each breach with what must be said of it: the fault, and of what.
BREACHES: list[tuple[Breach, list[tuple[str, str]]]] = [
    (referral_deleted, [("missing", "referral")]),
    (referral_doubled, [("doubled", "referral")]),
    (rfi_deleted, [("missing", "RFI"), ("missing", "submitted record")]),
    (refusal_deleted, [("missing", "submitted record")]),
    (job_deleted, [("missing", "send job"), ("doubled", "mail")]),
    (mail_doubled, [("doubled", "mail")]),
    (mail_unasked, [("doubled", "mail")]),
    (mail_lost, [("missing", "mail")]),
    (event_of_a_change_never_published, [("missing", "event")]),
    (rfi_never_routed, [("missing", "routing")]),
    (routing_never_told, [("missing", "event")]),
    (withdrawal_never_told, [("missing", "event")]),
]


@contextmanager
def broken(hands: Hands, breach: Breach) -> Iterator[str]:
    subject, mend = breach(hands)
    try:
        yield subject
    finally:
        mend()


def named(printed: str, fault: str, what: str, subject: str) -> bool:
    """Whether a line of the audit's table says this of the subject."""
    return any(fault in line and what in line and subject in line for line in printed.splitlines())


@pytest.mark.parametrize(("breach", "findings"), BREACHES, ids=[breach.__name__ for breach, _ in BREACHES])
def test_a_broken_promise_is_named(hands: Hands, breach: Breach, findings: list[tuple[str, str]]) -> None:
    with broken(hands, breach) as subject:
        printed = hands.exchange.cli("audit", code=1)
        for fault, what in findings:
            # A record is named by its place, whatever RFI it was.
            of = "rfi.submitted/" if what == "submitted record" else subject
            assert named(printed, fault, what, of), printed[-3000:]


def test_broken_promises_that_were_mended_are_forgotten(hands: Hands) -> None:
    report = hands.exchange.audit()
    assert report.clean, report.findings[:5]


def tell_under_two_ids(hands: Hands) -> None:
    """The audit names it; what is on Kafka cannot be taken back. The event asks for no mail: nothing else breaks."""

    async def work(world: World) -> str:
        [referral, *_] = (await world.stores.referrals.of_rfis([rfi := rfi_id(SOURCE, ACCEPTED[0])]))[rfi]
        opened = await world.commands.execute(referral.id, Open(by="partner:test"))
        await world.publisher.publish([outgoing(replace(opened.outbox[-1], id=str(NAMESPACE)))])
        return opened.id

    subject = hands.exchange.run(work)
    hands.exchange.quiet()
    printed = hands.exchange.cli("audit", code=1)
    assert named(printed, "doubled", "event", subject), printed[-3000:]
