"""How do values of the core become documents and come back the same?

pydantic's adapters over the plain dataclasses do it, so a new field needs no line here: 4 to 7 us per value measured.
None is left out. Fields that a newer version wrote are ignored. Decimals and dates are text (`encoding.CODECS`), tuples
are arrays, instants keep milliseconds, as clocks here tell them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Any, Generic, TypeAlias, TypeVar

import bson
import structlog
from bson.errors import InvalidBSON
from pydantic import TypeAdapter, ValidationError

from services.adapters.mongo import instants
from services.adapters.mongo.encoding import CODECS
from services.core.accounts import ApiToken, Notify, OAuthClient, Session, SignInLink, User
from services.core.cards import Card
from services.core.codes import Status
from services.core.ids import shard_of
from services.core.listing import regions_of, searchable, worth
from services.core.mail import SendJob
from services.core.partner import Partner, Profile, RoutableProfile
from services.core.referral import Referral
from services.core.rfi import Person, Rfi, Routing
from services.core.stores import Publisher
from services.core.webhooks import Webhook, WebhookDelivery

log = structlog.get_logger("mongo")

Doc: TypeAlias = dict[str, Any]
T = TypeVar("T")


class Part(Generic[T]):
    """Values of one kind as parts of documents."""

    def __init__(self, kind: type[T]) -> None:
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)

    def to_part(self, value: T) -> Doc:
        """The sub-document of a value."""
        part: Doc = self._adapter.dump_python(value, exclude_none=True, warnings=False)
        return part

    def from_part(self, part: Doc) -> T:
        """The value of a sub-document."""
        return self._adapter.validate_python(part)

    def as_stored(self, value: T) -> T:
        """The value as it would come back from the database."""
        return self.from_part(through_bson(self.to_part(value)))


class Codec(Generic[T]):
    """Values of one kind as documents; `id` becomes `_id`."""

    def __init__(self, kind: type[T], derive: Callable[[T, Doc], None] | None = None) -> None:
        """Take the dataclass; `derive` adds fields that only indexes need to a document, and reading ignores them."""
        self._adapter: TypeAdapter[T] = TypeAdapter(kind)
        self._derive, self._name = derive, kind.__name__
        self._add_zone = instants.zone_adder(kind)

    def to_doc(self, value: T) -> Doc:
        """The document of a value."""
        doc: Doc = self._adapter.dump_python(value, exclude_none=True, warnings=False)
        doc["_id"] = doc.pop("id")
        if self._derive is not None:
            self._derive(value, doc)
        return doc

    def from_doc(self, doc: Doc) -> T:
        """The value of a document."""
        return self._adapter.validate_python({**doc, "id": doc["_id"]})

    def readable(self, docs: Iterable[Doc], unreadable: list[Doc] | None = None) -> list[T]:
        """The values of those documents that can be read: for queries whose caller must go on with the others.

        A newer version, since taken back, may have written a word that this one does not know. What can't be read is
        logged, and added to `unreadable`.
        """
        values: list[T] = []
        for doc in docs:
            try:
                values.append(self.from_doc(doc))
            except ValidationError as error:
                fields = sorted({".".join(map(str, e["loc"])) for e in error.errors(include_input=False)})
                log.error("document_unreadable", id=doc["_id"], kind=self._name, fields=fields[:5])  # noqa: TRY400 - its words quote the document
                if unreadable is not None:
                    unreadable.append(doc)
        return values

    def read(self, data: bytes) -> T | None:
        """The value of a document as it is stored; None, and a line in the log, if it can't be read."""
        try:
            doc = bson.decode(data, CODECS)
        except InvalidBSON as error:
            log.error("document_damaged", kind=self._name, error=str(error))  # noqa: TRY400 - its words are the driver's
            return None
        if "_id" not in doc:
            log.error("document_damaged", kind=self._name, error="it has no _id")
            return None
        return next(iter(self.readable([doc])), None)

    def by_id(self, docs: Iterable[Doc]) -> dict[str, T]:
        """The values of documents, by id."""
        return {doc["_id"]: self.from_doc(doc) for doc in docs}

    def by_id_of_naive(self, docs: Iterable[Doc]) -> dict[str, T]:
        """As `by_id`, of documents whose instants (UTC) lack the zone; they get it."""
        found: dict[str, T] = {}
        for doc in docs:
            self._add_zone(doc)
            doc["id"] = doc["_id"]
            found[doc["_id"]] = self._adapter.validate_python(doc)
        return found

    def as_stored(self, value: T) -> T:
        """The value as it would come back from the database."""
        return self.from_doc(through_bson(self.to_doc(value)))


def encoded(doc: Doc) -> bytes:
    """The document as it goes to the database."""
    return bson.encode(doc, codec_options=CODECS)


def through_bson(doc: Doc) -> Doc:
    """The document as it would come back from the database."""
    return bson.decode(encoded(doc), CODECS)


def _derive_for_queries(referral: Referral, doc: Doc) -> None:
    due = referral.timers.next_due()
    if due is not None:
        doc["next_due_at"] = due
    if referral.status is not Status.CLOSED:
        doc["open"] = True
    _derive_for_lists(referral, doc)


def marks_of(referral: Referral) -> str:
    """What lists are filtered by, in front of what they are searched by: one text, which one index can hold.

    A filter then is looked at in the index, and only what passes is fetched.
    """
    marks = (*sorted(regions_of(referral)), referral.size, referral.channel, referral.customer_key)
    return "".join(f"|{mark}" for mark in marks if mark) + "|\n"


@lru_cache(maxsize=16_384)
def _number(amount: Decimal) -> bson.Decimal128:
    # Making one takes longer than the rest of what lists need; budgets are mostly round, so that few differ.
    return bson.Decimal128(amount)


def _derive_for_lists(referral: Referral, doc: Doc) -> None:
    # Amounts are text, which has no order that a number would have.
    if (money := worth(referral)) is not None:
        doc["worth"] = {"amount": _number(money.amount), "currency": money.currency}
    doc["search"] = marks_of(referral) + searchable(referral)


def _mark_unpublished(_profile: Profile, doc: Doc) -> None:
    doc["unpublished"] = True


def _derive_for_mails(user: User, doc: Doc) -> None:
    if user.digest_at is not None:
        doc["shard"] = shard_of(user.id)
    if user.active and user.notify is not Notify.NOTHING:
        doc["mailed"] = True


RFIS = Codec(Rfi)
ROUTINGS = Part(Routing)
PERSONS = Part(Person)
REFERRALS = Codec(Referral, _derive_for_queries)
CARDS = Codec(Card)
PARTNERS = Codec(Partner)
PROFILES = Codec(Profile, _mark_unpublished)
ROUTABLE = Codec(RoutableProfile)
JOBS = Codec(SendJob)
PUBLISHERS = Codec(Publisher)
USERS = Codec(User, _derive_for_mails)
SESSIONS = Codec(Session)
SIGN_IN_LINKS = Codec(SignInLink)
TOKENS = Codec(ApiToken)
OAUTH_CLIENTS = Codec(OAuthClient)
WEBHOOKS = Codec(Webhook)
WEBHOOK_DELIVERIES = Codec(WebhookDelivery)
