"""How does MongoDB answer for lists of referrals?

Every query names its partner first and one of four indexes, so that the planner's guesses play no part: three are in
the order of a list, and conditions that they do not hold are looked at on the way; the fourth finds an engagement.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from functools import lru_cache
from typing import Any

from bson import Decimal128

from services.adapters.mongo.cards import SHOWN, cards_of
from services.adapters.mongo.documents import REFERRALS
from services.adapters.mongo.driver import ASCENDING, DESCENDING, Doc, Mongo
from services.adapters.mongo.encoding import decoded
from services.adapters.mongo.indexes import LIST_CREATED, LIST_TIME_LEFT, LIST_UPDATED, OF_RFI, RUNNING
from services.adapters.mongo.indexes import REFERRALS as COLLECTION
from services.adapters.mongo.questions import Question, Reading, documents
from services.core.codes import Flame, PolicyName, Stage, Status, Substatus
from services.core.listing import (
    COUNT_LIMIT,
    STAGES,
    AllOf,
    AnyOf,
    Cards,
    Comparison,
    Condition,
    Cursor,
    Field,
    ListingQuery,
    Op,
    Page,
    Section,
    Sort,
    words_of,
)
from services.core.policy import POLICIES, Policy

#: What lists do not show: most of a long-lived document.
_LEFT_OUT = ("history", "why", "outbox", "undo", "search")

_INSTANTS = {Sort.CREATED: "created_at", Sort.UPDATED: "updated_at", Sort.TIME_LEFT: "expires_at"}
_INDEXES = {Sort.CREATED: LIST_CREATED, Sort.UPDATED: LIST_UPDATED, Sort.TIME_LEFT: LIST_TIME_LEFT}
#: Pages of cards that are kept by the bytes they were read from, those not asked for longest forgotten first: 5 MB.
_KEPT = 512
_FIELDS = {
    Field.RFI: "rfi_id",
    Field.STATUS: "status",
    Field.SUBSTATUS: "substatus",
    Field.CREATED: "created_at",
    Field.UPDATED: "updated_at",
    Field.CUSTOMER: "customer_key",
}


class MongoListing:
    """Port `ReferralListing`."""

    def __init__(self, mongo: Mongo, policies: Mapping[PolicyName, Policy] = POLICIES) -> None:
        self._mongo, self._referrals = mongo, mongo.collection(COLLECTION)
        self._visible = _visible(policies)

    async def page(self, query: ListingQuery) -> Page:
        """One more than asked for is read, to know whether there is a next page."""
        docs = await self._referrals.find(**self._question(query), without=_LEFT_OUT)
        more = _cursor(query.sort, docs[query.limit - 1]) if len(docs) > query.limit else None
        return Page(tuple(REFERRALS.readable(docs[: query.limit])), more)

    async def cards(self, query: ListingQuery) -> Cards:
        """Read with the fields of a card alone; most cards are known by their bytes."""
        return await self._mongo.reading(lambda reading: self.cards_read(reading, query))

    def cards_read(self, reading: Reading, query: ListingQuery) -> Cards:
        """The same for whoever reads in a thread."""
        fields = (*SHOWN, _INSTANTS[query.sort])
        batch = reading.find(COLLECTION, Question(**self._question(query), fields=fields))
        return _cards(batch, query.sort, query.limit)

    def _question(self, query: ListingQuery) -> dict[str, Any]:
        direction = DESCENDING if query.descending else ASCENDING
        behind = [] if query.after is None else [_behind(query, query.after)]
        return {
            "where": {"$and": [_scope(query), *self._left_out(query), *behind]},
            "sort": [(_INSTANTS[query.sort], direction), ("_id", direction)],
            "limit": query.limit + 1,
            "hint": OF_RFI if _of_one_rfi(query.condition) else _INDEXES[query.sort],
        }

    async def counts(self, partner_id: str) -> dict[Section, int]:
        """From the smallest index alone, and no further than the limit."""

        def count(reading: Reading, section: Section) -> int:
            where = {"partner_id": {"$eq": partner_id}, "stage": STAGES[section].value}
            return reading.count_keys(COLLECTION, where, hint=LIST_UPDATED, at_most=COUNT_LIMIT)

        return await self._mongo.reading(lambda reading: {each: count(reading, each) for each in Section})

    def _left_out(self, query: ListingQuery) -> list[Mapping[str, Any]]:
        """What must hold beside the partner and the section: what does not meet it is left out."""
        asked: list[Mapping[str, Any]] = [*_facets(query), *_worth(query)]
        asked += [{"search": {"$regex": f"\n.*{re.escape(word)}"}} for word in words_of(query.text)]
        if query.ids is not None:
            asked.append({"_id": {"$in": sorted(query.ids)}})
        if query.condition is not None:
            asked.append(self._condition(query.condition))
        return asked

    def _condition(self, condition: Condition) -> Mapping[str, Any]:
        match condition:
            case AllOf(parts):
                return {"$and": [self._condition(part) for part in parts]}
            case AnyOf(parts):
                return {"$or": [self._condition(part) for part in parts]}
            case Comparison(Field.ACCEPTED, op, value):
                wanted = (value == "yes") == (op is Op.EQ)
                return {"accepted_at": {"$exists": wanted}}
            case Comparison(Field.CUSTOMER, op, value):
                marked = [_marked(str(value))] if op is Op.EQ else []
                return {"$and": [self._visible, {"customer_key": {f"${op.value}": value}}, *marked]}
            case Comparison(field, op, value):
                return {_FIELDS[field]: {_OPERATORS[op]: value}}


@lru_cache(maxsize=_KEPT)
def _cards(batch: bytes, sort: Sort, limit: int) -> Cards:
    """What a batch says; the same bytes say the same."""
    docs = documents(batch)
    more = _cursor(sort, decoded(docs[limit - 1])) if len(docs) > limit else None
    return Cards(cards_of(docs[:limit]), more)


def forget() -> None:
    """Let go of what is kept in memory."""
    _cards.cache_clear()


def _cursor(sort: Sort, last: Doc) -> Cursor:
    """Behind the last document of a page, even if this version cannot read it: the next page begins there."""
    return Cursor(last[_INSTANTS[sort]].replace(tzinfo=UTC), last["_id"])


_OPERATORS = {Op.EQ: "$eq", Op.NE: "$ne", Op.GT: "$gt", Op.GE: "$gte", Op.LT: "$lt", Op.LE: "$lte"}


def _scope(query: ListingQuery) -> Mapping[str, Any]:
    """The partner and the stages, all of them named when no section is asked for: what the indexes begin with."""
    stages = [STAGES[query.section].value] if query.section else [stage.value for stage in Stage]
    scope: dict[str, Any] = {"partner_id": {"$eq": query.partner_id}, "stage": {"$in": stages}}
    return {**scope, **RUNNING} if query.sort is Sort.TIME_LEFT else scope


def _facets(query: ListingQuery) -> list[Mapping[str, Any]]:
    facets: list[Mapping[str, Any]] = []
    if query.region is not None:
        facets.append(_marked(query.region, *sorted(query.parts)))
    if query.size is not None:
        facets.append(_marked(query.size.value))
    if query.channel is not None:
        facets.append(_marked(query.channel.value))
    if query.flame:
        facets.append({"flame": {"$ne": Flame.NONE.value}})
    return facets


def _marked(*marks: str) -> Mapping[str, Any]:
    """One of the marks; they stand on the first line (`documents.marks_of`), so that no word is taken for one."""
    one = "|".join(map(re.escape, marks))
    return {"search": {"$regex": f"^[^\n]*\\|(?:{one})\\|"}}


def _worth(query: ListingQuery) -> list[Mapping[str, Any]]:
    worth: list[Mapping[str, Any]] = []
    if query.worth_from is not None:
        worth.append({"worth.amount": {"$gte": Decimal128(query.worth_from)}})
    if query.worth_to is not None:
        worth.append({"worth.amount": {"$lte": Decimal128(query.worth_to)}})
    if query.currency is not None:
        worth.append({"worth.currency": {"$eq": query.currency}})
    return worth


def _behind(query: ListingQuery, cursor: Cursor) -> Mapping[str, Any]:
    """The range that the index can jump to, and within its first instant the ids that come later."""
    instant = _INSTANTS[query.sort]
    past = "$lt" if query.descending else "$gt"
    later = [{instant: {past: cursor.at}}, {"_id": {past: cursor.id}}]
    return {"$and": [{instant: {f"{past}e": cursor.at}}, {"$or": later}]}


def _of_one_rfi(condition: Condition | None) -> bool:
    """True if everything asked for belongs to one engagement."""
    match condition:
        case Comparison(Field.RFI, Op.EQ, _):
            return True
        case AllOf(parts):
            return any(_of_one_rfi(part) for part in parts)
        case _:
            return False


def _visible(policies: Mapping[PolicyName, Policy]) -> Mapping[str, Any]:
    """`visibility.contact_visible` as a filter; the contract suite holds the two to each other."""
    open_ones = sorted(name.value for name, policy in policies.items() if not policy.mask_contact_until_accept)
    unanswered = [{"policy": {"$ne": PolicyName.CLASSIC.value}}, {"stage": Stage.EVALUATING.value}]
    return {
        "$or": [
            {"status": Status.ACTIVE.value},
            {"status": Status.CLOSED.value, "substatus": {"$in": [Substatus.WON.value, Substatus.LOST.value]}},
            {"status": Status.NEW.value, "policy": {"$in": open_ones}, "$or": unanswered},
        ]
    }
