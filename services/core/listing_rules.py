"""Does a referral belong to a list? What a query means, said once for those who have the referrals in hand."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import datetime
from typing import Any

from services.core.listing import (
    STAGES,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Cursor,
    Field,
    ListingQuery,
    Op,
    burning,
    instant_of,
    regions_of,
    searchable,
    words_of,
    worth,
)
from services.core.referral import Referral

_OPERATORS: dict[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
    Op.LT: operator.lt,
    Op.LE: operator.le,
}


def belongs(referral: Referral, query: ListingQuery, visible: Callable[[Referral], bool]) -> bool:
    """True if the query asks for this referral; `visible` says whether its partner may see the customer's contact."""
    return (
        referral.partner_id == query.partner_id
        and (query.section is None or referral.stage is STAGES[query.section])
        and (query.condition is None or _holds(referral, query.condition, visible))
        and (query.region is None or not regions_of(referral).isdisjoint({query.region, *query.parts}))
        and query.size in (None, referral.size)
        and query.channel in (None, referral.channel)
        and (not query.flame or burning(referral))
        and _worth_fits(referral, query)
        and all(word in searchable(referral) for word in words_of(query.text))
        and (query.ids is None or referral.id in query.ids)
    )


def order_key(referral: Referral, query: ListingQuery) -> tuple[datetime, str]:
    """What a list is sorted by; reversed when it descends."""
    return instant_of(referral, query.sort), referral.id


def comes_after(referral: Referral, query: ListingQuery, cursor: Cursor) -> bool:
    """True if the referral stands behind the cursor in the query's order."""
    key, place = order_key(referral, query), (cursor.at, cursor.id)
    return key < place if query.descending else key > place


def _holds(referral: Referral, condition: Condition, visible: Callable[[Referral], bool]) -> bool:
    match condition:
        case AllOf(parts):
            return all(_holds(referral, part, visible) for part in parts)
        case AnyOf(parts):
            return any(_holds(referral, part, visible) for part in parts)
        case Comparison(Field.CUSTOMER, op, value):
            # Not visible is neither equal nor unequal: whoever may not see the contact learns nothing by asking.
            return visible(referral) and _OPERATORS[op](referral.customer_key, value)
        case Comparison(field, op, value):
            return _OPERATORS[op](_value_of(referral, field), value)


def _value_of(referral: Referral, field: Field) -> str | datetime:
    match field:
        case Field.RFI:
            return referral.rfi_id
        case Field.STATUS:
            return referral.status.value
        case Field.SUBSTATUS:
            return referral.substatus.value
        case Field.CREATED:
            return referral.created_at
        case Field.UPDATED:
            return referral.updated_at
        case _:
            return "yes" if referral.accepted_at is not None else "no"


def _worth_fits(referral: Referral, query: ListingQuery) -> bool:
    if query.worth_from is None and query.worth_to is None and query.currency is None:
        return True
    money = worth(referral)
    return (
        money is not None
        and query.currency in (None, money.currency)
        and (query.worth_from is None or money.amount >= query.worth_from)
        and (query.worth_to is None or money.amount <= query.worth_to)
    )
