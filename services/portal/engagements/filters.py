"""What does an OData `$filter` of the contract ask for? A small grammar, read whole, its problems told by place.

    or   := and { "or" and }
    and  := item { "and" item }
    item := "(" or ")" | field op value
          | "customerProfile/team/any(x:" x "/email" op value ")"

Values are texts in single quotes (doubled within), instants with or without quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from services.core.errors import Problem
from services.core.ids import customer_key
from services.core.listing import AllOf, AnyOf, Comparison, Condition, Field, Op
from services.portal.engagements.errors import Faulty
from services.portal.engagements.spelling import SUBSTATUSES, status_of, substatus_condition, wire_substatus

#: Longest filter in characters, most comparisons in it, and deepest brackets.
LENGTH, COMPARISONS, DEPTH = 2000, 50, 16

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<sign>[(),:])|(?P<word>[A-Za-z_@$][\w./@$-]*)|(?P<instant>\d[\w:.+-]*))"
)
_EMAIL_FIELD = "customerprofile/team/email"
_ANY = "customerprofile/team/any"
_FIELDS = {
    "engagementid": Field.RFI,
    "status": Field.STATUS,
    "substatus": Field.SUBSTATUS,
    "updateddatetime": Field.UPDATED,
    "createddatetime": Field.CREATED,
    _EMAIL_FIELD: Field.CUSTOMER,
}
_NAMES = "engagementId, status, substatus, updatedDateTime, createdDateTime, customerProfile/team/any(t: t/email ...)"


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


def read_filter(text: str, partner_id: str) -> Condition:
    """The condition that a filter says, for referrals of this partner.

    Raises:
        Faulty: it can't be read; says where and what would be possible.
    """
    if len(text) > LENGTH:
        _fault(f"shorten it to {LENGTH} characters")
    reader = _Reader(list(_tokens(text)), partner_id)
    condition = reader.either()
    reader.end()
    return condition


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            _fault(f"can't be read from character {at + 1} on; texts stand in single quotes")
        yield _Token(str(found.lastgroup), found.group(str(found.lastgroup)), found.start(str(found.lastgroup)) + 1)
        at = found.end()


class _Reader:
    """Takes tokens from left to right."""

    def __init__(self, tokens: list[_Token], partner_id: str) -> None:
        self._tokens, self._next, self._partner_id = tokens, 0, partner_id
        self._comparisons = self._depth = 0

    def either(self) -> Condition:
        parts = [self._both()]
        while self._took("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def end(self) -> None:
        if self._next < len(self._tokens):
            token = self._tokens[self._next]
            _fault(f"`{token.text}` at character {token.at}: expected `and`, `or` or the end")

    def _both(self) -> Condition:
        parts = [self._item()]
        while self._took("and"):
            parts.append(self._item())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _item(self) -> Condition:
        if self._took("("):
            self._depth += 1
            if self._depth > DEPTH:
                _fault(f"use brackets at most {DEPTH} deep")
            inner = self.either()
            self._need(")")
            self._depth -= 1
            return inner
        name = self._word("the name of a field")
        self._comparisons += 1
        if self._comparisons > COMPARISONS:
            _fault(f"use at most {COMPARISONS} comparisons")
        if name.text.lower() == _ANY:
            return self._any_email()
        field = _FIELDS.get(name.text.lower())
        if field is None:
            _fault(f"`{name.text}` at character {name.at} is no field that can be filtered; there are {_NAMES}")
        return self._comparison(field)

    def _any_email(self) -> Condition:
        self._need("(")
        variable = self._word("a name")
        self._need(":")
        email = self._word("the field email")
        if email.text.lower() != f"{variable.text.lower()}/email":
            _fault(f"`{email.text}` at character {email.at}: only {variable.text}/email can be asked for")
        condition = self._comparison(Field.CUSTOMER)
        self._need(")")
        return condition

    def _comparison(self, field: Field) -> Condition:
        sign = self._word("eq, ne, gt, ge, lt or le")
        if sign.text.lower() not in set(Op):
            _fault(f"`{sign.text}` at character {sign.at}: expected eq, ne, gt, ge, lt or le")
        op, value = Op(sign.text.lower()), self._value()
        if field in {Field.CREATED, Field.UPDATED}:
            return Comparison(field, op, _instant(value))
        if op not in {Op.EQ, Op.NE}:
            _fault(f"`{sign.text}` at character {sign.at}: this field can only be compared with eq and ne")
        return self._of_text(field, op, _text(value), value.at)

    def _of_text(self, field: Field, op: Op, text: str, at: int) -> Condition:
        if field is Field.CUSTOMER:
            return Comparison(field, op, customer_key(self._partner_id, text))
        if field is Field.STATUS:
            status = status_of(text)
            if status is None:
                _fault(f"`{text}` at character {at} is no status; there are New, Active and Closed")
            return Comparison(field, op, status.value)
        if field is Field.SUBSTATUS:
            substatus = wire_substatus(text)
            if substatus is None:
                _fault(f"`{text}` at character {at} is no substatus; there are {', '.join(SUBSTATUSES)}")
            return substatus_condition(substatus, op)
        return Comparison(field, op, text)

    def _took(self, text: str) -> bool:
        there = self._next < len(self._tokens)
        token = self._tokens[self._next] if there else None
        if token is None or token.kind == "text" or token.text.lower() != text:
            return False
        self._next += 1
        return True

    def _need(self, text: str) -> None:
        if not self._took(text):
            token = self._peek(f"`{text}`")
            _fault(f"`{token.text}` at character {token.at}: expected `{text}`")

    def _word(self, expected: str) -> _Token:
        token = self._peek(expected)
        if token.kind != "word":
            _fault(f"`{token.text}` at character {token.at}: expected {expected}")
        self._next += 1
        return token

    def _value(self) -> _Token:
        token = self._peek("a value")
        if token.kind == "sign":
            _fault(f"`{token.text}` at character {token.at}: expected a value")
        self._next += 1
        return token

    def _peek(self, expected: str) -> _Token:
        if self._next >= len(self._tokens):
            _fault(f"ends too early: expected {expected}")
        return self._tokens[self._next]


def _text(token: _Token) -> str:
    return token.text[1:-1].replace("''", "'") if token.kind == "text" else token.text


def _instant(token: _Token) -> datetime:
    try:
        at = datetime.fromisoformat(_text(token))
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        _fault(f"`{token.text}` at character {token.at} is no instant; write it as 2026-03-02T09:00:00Z")


def _fault(message: str) -> NoReturn:
    raise Faulty([Problem("$filter", "invalid_filter", message)])
