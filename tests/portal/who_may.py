"""Who may call which operation of the portal? Every route stands here, or the walk over all of them fails.

A new route: its line in `RULES`, and what it is sent in `BODIES` if an empty form or `{}` would not get past its doors.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Who(StrEnum):
    """Everybody who could stand in front of a door. The referral walked over is partner 1's."""

    ADMIN = "an admin of the partner"
    MEMBER = "a member of the partner"
    VIEWER = "a viewer of the partner"
    PROGRAM = "a program of the partner"
    READER = "a program of the partner that may only read"
    NO_SCOPE = "a program of the partner without a scope for referrals"
    OTHER = "an admin of another partner"
    OTHER_PROGRAM = "a program of another partner"
    OPERATOR = "an operator"
    OPERATOR_PROGRAM = "an operator's program"
    CUSTOMER = "the customer"
    OTHER_CUSTOMER = "a customer with another request"
    NOBODY = "nobody"


PROGRAMS = frozenset({Who.PROGRAM, Who.READER, Who.NO_SCOPE, Who.OTHER_PROGRAM, Who.OPERATOR_PROGRAM})
OWN = frozenset({Who.ADMIN, Who.MEMBER, Who.VIEWER, Who.PROGRAM, Who.READER, Who.NO_SCOPE})
OTHERS = frozenset({Who.OTHER, Who.OTHER_PROGRAM})
OPERATORS = frozenset({Who.OPERATOR, Who.OPERATOR_PROGRAM})
#: A link signs nobody in elsewhere: there its holder is nobody.
UNKNOWN = frozenset({Who.CUSTOMER, Who.OTHER_CUSTOMER, Who.NOBODY})
READS_ONLY = frozenset({Who.VIEWER, Who.READER, Who.NO_SCOPE})


class Rule(StrEnum):
    """For whom an operation is; what the others are told follows from it."""

    ANYBODY = "anybody"
    PERSON = "anybody with a session"
    #: To programs every page is shut: see `_expected` in test_every_identity.
    PARTNER = "everybody of a partner, for what is its own"
    PARTNER_PERSON = "people of a partner"
    PARTNER_WRITES = "those of a partner that may answer"
    OF_REFERRAL = "everybody of the referral's partner"
    ANSWERS = "those of the referral's partner that may answer"
    API_READS = "those of a partner with the scope referrals.read"
    API_WRITES = "those of a partner with the scope referrals.write"
    API_OF_REFERRAL = "those of the referral's partner with the scope referrals.read"
    API_ANSWERS = "those of the referral's partner with the scope referrals.write"
    ADMINS = "admins of a partner, for what is its own"
    ADMINS_OF_MEMBER = "admins of the person's team"
    API_HOOKS = "those of a partner with the scope webhooks.write"
    API_OF_HOOK = "those of the webhook's partner with the scope webhooks.write"
    API_SENT = "those of the partner that sent the request on, with the scope referrals.read: nobody here"
    API_DECIDES_SENT = "the same with the scope referrals.write: nobody here"
    OPERATOR = "operators"
    CUSTOMER = "who holds the link"


_ALLOWED: Mapping[Rule, frozenset[Who]] = {
    Rule.ANYBODY: frozenset(Who),
    Rule.PERSON: (OWN | OTHERS | OPERATORS) - PROGRAMS,
    Rule.PARTNER: OWN | OTHERS,
    Rule.PARTNER_PERSON: (OWN | OTHERS) - PROGRAMS,
    Rule.PARTNER_WRITES: (OWN | OTHERS) - READS_ONLY,
    Rule.OF_REFERRAL: OWN,
    Rule.ANSWERS: OWN - READS_ONLY,
    Rule.API_READS: (OWN | OTHERS) - {Who.NO_SCOPE},
    Rule.API_WRITES: (OWN | OTHERS) - READS_ONLY,
    Rule.API_OF_REFERRAL: OWN - {Who.NO_SCOPE},
    Rule.API_ANSWERS: OWN - READS_ONLY,
    Rule.ADMINS: frozenset({Who.ADMIN, Who.OTHER}),
    Rule.ADMINS_OF_MEMBER: frozenset({Who.ADMIN}),
    Rule.API_HOOKS: frozenset({Who.ADMIN, Who.OTHER, Who.NO_SCOPE}),
    Rule.API_OF_HOOK: frozenset({Who.ADMIN, Who.NO_SCOPE}),
    # The request walked over was sent by a publisher: partners that got it do not own it.
    Rule.API_SENT: frozenset(),
    Rule.API_DECIDES_SENT: frozenset(),
    Rule.OPERATOR: OPERATORS,
    # Each with the own link; what the other sees must be its own.
    Rule.CUSTOMER: frozenset({Who.CUSTOMER, Who.OTHER_CUSTOMER}),
}
#: Rules whose id is somebody's: to others it does not exist.
_FOREIGN = {
    Rule.OF_REFERRAL,
    Rule.ANSWERS,
    Rule.API_OF_REFERRAL,
    Rule.API_ANSWERS,
    Rule.API_OF_HOOK,
    Rule.ADMINS_OF_MEMBER,
}
#: Rules that another's program fails by what it may do, before anything is looked up.
_BY_SCOPE = {Rule.API_OF_HOOK, Rule.ADMINS_OF_MEMBER}


def refusal(rule: Rule, who: Who) -> int | None:
    """The status that this one is refused with, None if it is let in."""
    if who in _ALLOWED[rule]:
        return None
    if rule is not Rule.CUSTOMER and who in UNKNOWN:
        return 401
    absent = (
        rule in {Rule.CUSTOMER, Rule.OPERATOR, Rule.PERSON, Rule.PARTNER_PERSON}
        or who in OPERATORS
        or (rule is Rule.API_SENT and who is not Who.NO_SCOPE)
        or (rule is Rule.API_DECIDES_SENT and who not in READS_ONLY)
        or (rule in _FOREIGN and who in OTHERS and not (rule in _BY_SCOPE and who is Who.OTHER_PROGRAM))
    )
    return 404 if absent else 403


_REFERRALS = "/v1.0/engagements/referrals"
_ONE = _REFERRALS + "/{referral_id}"
_PAGE = "/referrals/{referral_id}"
_HOOK = "/v1/webhooks/{webhook_id}"

RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("HEAD /static/{version}/{name}", "GET /static/{version}/{name}"), Rule.ANYBODY),
    **dict.fromkeys(("POST /oauth/token", "GET /openapi.json"), Rule.ANYBODY),
    **dict.fromkeys(("GET /sign-in", "POST /sign-in", "POST /language"), Rule.ANYBODY),
    **dict.fromkeys(("GET /sign-in/link/{token}", "POST /sign-in/link/{token}"), Rule.ANYBODY),
    "GET /": Rule.ANYBODY,
    "POST /sign-out": Rule.PERSON,
    **dict.fromkeys(("GET /inbox", "GET /evaluating", "GET /active", "GET /archived"), Rule.PARTNER),
    **dict.fromkeys(("POST /filters", "POST /filters/remove"), Rule.PARTNER_PERSON),
    f"POST {_PAGE}/star": Rule.ANSWERS,
    **dict.fromkeys((f"GET {_PAGE}", f"GET {_PAGE}/deadline.ics"), Rule.OF_REFERRAL),
    **dict.fromkeys((f"POST {_PAGE}/contact", f"POST {_PAGE}/contact.vcf"), Rule.OF_REFERRAL),
    **{f"POST {_PAGE}/{step}": Rule.ANSWERS for step in ("open", "accept", "decline", "interest", "no-thanks")},
    **{f"POST {_PAGE}/{step}": Rule.ANSWERS for step in ("edit", "contact-person", "won", "lost", "error", "undo")},
    "GET /insights": Rule.PARTNER,
    "GET /team": Rule.PARTNER,
    "POST /team/settings": Rule.PARTNER_PERSON,
    "POST /team/invite": Rule.ADMINS,
    "POST /team/{member_id}": Rule.ADMINS_OF_MEMBER,
    "GET /profiles": Rule.PARTNER,
    **dict.fromkeys(("POST /profiles", "GET /profiles/{country}", "POST /profiles/{country}"), Rule.ADMINS),
    **{f"POST /profiles/{{country}}/{step}": Rule.ADMINS for step in ("preview", "state", "suggestion")},
    "GET /requests/{signed}": Rule.CUSTOMER,
    "POST /requests/{signed}/withdraw": Rule.CUSTOMER,
    "POST /requests/{signed}/choose": Rule.CUSTOMER,
    **dict.fromkeys(("GET /requests/{signed}/erase", "POST /requests/{signed}/erase"), Rule.CUSTOMER),
    **{f"GET /operator{page}": Rule.OPERATOR for page in ("", "/parked", "/partners", "/refused", "/letters")},
    "GET /operator/requests/{rfi_id}": Rule.OPERATOR,
    **dict.fromkeys(("GET /operator/erasure", "POST /operator/erasure", "POST /operator/erasure/look"), Rule.OPERATOR),
    "POST /operator/parked/release": Rule.OPERATOR,
    "POST /operator/parked/retry": Rule.OPERATOR,
    "GET /operator/refused/{refusal_id}": Rule.OPERATOR,
    "POST /operator/refused/{refusal_id}/replay": Rule.OPERATOR,
    "GET /operator/letters/{letter_id}": Rule.OPERATOR,
    "POST /operator/letters/{letter_id}/replay": Rule.OPERATOR,
    "POST /operator/letters/{letter_id}/drop": Rule.OPERATOR,
    f"GET {_REFERRALS}": Rule.API_READS,
    f"POST {_REFERRALS}": Rule.API_WRITES,
    "GET /v1.0/engagements/export.csv": Rule.API_READS,
    "POST /v1.0/engagements/import.csv": Rule.API_WRITES,
    **dict.fromkeys((f"GET {_ONE}", f"GET {_ONE}/related"), Rule.API_OF_REFERRAL),
    **dict.fromkeys((f"PATCH {_ONE}", f"PUT {_ONE}"), Rule.API_ANSWERS),
    **{f"POST {_ONE}/{step}": Rule.API_ANSWERS for step in ("open", "interest", "undo")},
    **dict.fromkeys(("GET /v1/webhooks", "POST /v1/webhooks", "GET /v1/webhook-deliveries"), Rule.API_HOOKS),
    **dict.fromkeys((f"GET {_HOOK}", f"PUT {_HOOK}", f"POST {_HOOK}/secret"), Rule.API_OF_HOOK),
    "POST /v1/webhook-deliveries/{delivery_id}/replay": Rule.API_OF_HOOK,
    f"DELETE {_HOOK}": Rule.API_OF_HOOK,
    "POST /v1/rfis": Rule.API_WRITES,
    "GET /v1/rfis/{rfi_id}": Rule.API_SENT,
    **dict.fromkeys(("POST /v1/rfis/{rfi_id}/withdraw", "POST /v1/rfis/{rfi_id}/choose"), Rule.API_DECIDES_SENT),
}

#: JSON that operations are sent; the others get an empty form. `PUT` is sent what the owner reads.
BODIES: Mapping[str, Any] = {
    f"POST {_REFERRALS}": {},
    "POST /v1/rfis": {},
    "POST /v1/rfis/{rfi_id}/withdraw": {},
    "POST /v1/rfis/{rfi_id}/choose": {"partnerId": "p-1"},
    "POST /v1/webhooks": {"url": "https://crm.example/hook"},
    f"PUT {_HOOK}": {"url": "https://crm.example/hook"},
    f"PATCH {_ONE}": [{"op": "replace", "path": "/status", "value": "Active"}],
}
