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
    KEEPER = "a program of the partner that keeps its profiles and its team"
    OTHER = "an admin of another partner"
    OTHER_PROGRAM = "a program of another partner"
    OTHER_KEEPER = "a program of another partner that keeps profiles and team"
    OPERATOR = "an operator"
    OPERATOR_PROGRAM = "an operator's program"
    CUSTOMER = "the customer"
    OTHER_CUSTOMER = "a customer with another request"
    NOBODY = "nobody"


OWN_PROGRAMS = frozenset({Who.PROGRAM, Who.READER, Who.NO_SCOPE, Who.KEEPER})
OWN = frozenset({Who.ADMIN, Who.MEMBER, Who.VIEWER, *OWN_PROGRAMS})
OTHERS = frozenset({Who.OTHER, Who.OTHER_PROGRAM, Who.OTHER_KEEPER})
PROGRAMS = OWN_PROGRAMS | {Who.OTHER_PROGRAM, Who.OTHER_KEEPER, Who.OPERATOR_PROGRAM}
OPERATORS = frozenset({Who.OPERATOR, Who.OPERATOR_PROGRAM})
#: A link signs nobody in elsewhere: there its holder is nobody.
UNKNOWN = frozenset({Who.CUSTOMER, Who.OTHER_CUSTOMER, Who.NOBODY})
#: Programs without a scope for referrals.
NO_REFERRALS = frozenset({Who.NO_SCOPE, Who.KEEPER, Who.OTHER_KEEPER})
READS_ONLY = frozenset({Who.VIEWER, Who.READER, *NO_REFERRALS})
#: Those of each partner that may look at its profiles and its team, and those that may change them.
LOOKS = frozenset({Who.ADMIN, Who.MEMBER, Who.VIEWER, Who.KEEPER, Who.OTHER, Who.OTHER_KEEPER})
KEEPS = frozenset({Who.ADMIN, Who.KEEPER, Who.OTHER, Who.OTHER_KEEPER})


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
    ADMINS_OF_PROGRAM = "admins of the program's partner"
    API_HOOKS = "those of a partner with the scope webhooks.write"
    API_OF_HOOK = "those of the webhook's partner with the scope webhooks.write"
    API_SENT = "those of the partner that sent the request on, with the scope referrals.read: nobody here"
    API_DECIDES_SENT = "the same with the scope referrals.write: nobody here"
    API_ENGAGEMENT = "the same, and operators"
    API_SEARCH = "those of a partner with the scope referrals.read, and operators"
    API_LOOKS = "those of a partner with the scope profiles.read or users.read, for what is its own"
    API_KEEPS = "those of a partner with the scope profiles.write or users.write, for what is its own"
    API_OF_MEMBER = "those of the person's team with the scope users.read"
    API_KEEPS_OWN = "those of the person's team, or of the suggestion's partner, that may change it"
    API_ACCOUNT = "those of the partner with the scope profiles.read, and operators"
    API_OPERATOR = "operators and their programs"
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
    Rule.API_READS: (OWN | OTHERS) - NO_REFERRALS,
    Rule.API_WRITES: (OWN | OTHERS) - READS_ONLY,
    Rule.API_OF_REFERRAL: OWN - NO_REFERRALS,
    Rule.API_ANSWERS: OWN - READS_ONLY,
    Rule.ADMINS: frozenset({Who.ADMIN, Who.OTHER}),
    Rule.ADMINS_OF_MEMBER: frozenset({Who.ADMIN}),
    Rule.ADMINS_OF_PROGRAM: frozenset({Who.ADMIN}),
    Rule.API_HOOKS: frozenset({Who.ADMIN, Who.OTHER, Who.NO_SCOPE}),
    Rule.API_OF_HOOK: frozenset({Who.ADMIN, Who.NO_SCOPE}),
    # The request walked over was sent by a publisher: partners that got it do not own it.
    Rule.API_SENT: frozenset(),
    Rule.API_DECIDES_SENT: frozenset(),
    Rule.API_ENGAGEMENT: (OWN - NO_REFERRALS) | OPERATORS,
    Rule.API_SEARCH: ((OWN | OTHERS) - NO_REFERRALS) | OPERATORS,
    Rule.API_LOOKS: LOOKS,
    Rule.API_KEEPS: KEEPS,
    Rule.API_OF_MEMBER: LOOKS - OTHERS,
    Rule.API_KEEPS_OWN: KEEPS - OTHERS,
    Rule.API_ACCOUNT: (LOOKS - OTHERS) | OPERATORS,
    Rule.API_OPERATOR: OPERATORS,
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
    Rule.ADMINS_OF_PROGRAM,
    Rule.API_ENGAGEMENT,
    Rule.API_OF_MEMBER,
    Rule.API_KEEPS_OWN,
    Rule.API_ACCOUNT,
}
#: Rules that another's program fails by what it may do, before anything is looked up.
_BY_SCOPE: Mapping[Who, frozenset[Rule]] = {
    Who.OTHER_PROGRAM: frozenset({Rule.API_OF_HOOK, Rule.API_OF_MEMBER, Rule.API_KEEPS_OWN, Rule.API_ACCOUNT}),
    Who.OTHER_KEEPER: frozenset({Rule.API_OF_HOOK, Rule.API_OF_REFERRAL, Rule.API_ANSWERS, Rule.API_ENGAGEMENT}),
}


def refusal(rule: Rule, who: Who) -> int | None:
    """The status that this one is refused with, None if it is let in."""
    if who in _ALLOWED[rule]:
        return None
    if rule is not Rule.CUSTOMER and who in UNKNOWN:
        return 401
    absent = (
        rule in {Rule.CUSTOMER, Rule.OPERATOR, Rule.API_OPERATOR, Rule.PERSON, Rule.PARTNER_PERSON}
        or who in OPERATORS
        or (rule is Rule.API_SENT and who not in NO_REFERRALS)
        or (rule is Rule.API_DECIDES_SENT and who not in READS_ONLY)
        or (rule in _FOREIGN and who in OTHERS and rule not in _BY_SCOPE.get(who, ()))
    )
    return 404 if absent else 403


def strays(rule: Rule, who: Who) -> bool:
    """Whether one who is refused has asked for what is another partner's, by its id."""
    by_id = rule in _FOREIGN or rule in {Rule.API_SENT, Rule.API_DECIDES_SENT}
    return by_id and who in OTHERS and refusal(rule, who) == 404


_REFERRALS = "/v1.0/engagements/referrals"
_ONE = _REFERRALS + "/{referral_id}"
_PAGE = "/referrals/{referral_id}"
_HOOK = "/v1/webhooks/{webhook_id}"
_SENT, _ENGAGEMENT = "/v1/rfis/{rfi_id}", "/v1/engagements/{engagement_id}"
_PROFILE = "/v1/profiles/{country}"

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
    **dict.fromkeys(("GET /insights", "GET /sheets"), Rule.PARTNER),
    "POST /sheets/export": Rule.PARTNER,
    "POST /sheets/import": Rule.PARTNER_WRITES,
    "GET /team": Rule.PARTNER,
    "POST /team/settings": Rule.PARTNER_PERSON,
    **dict.fromkeys(("POST /team/invite", "POST /team/mail-again"), Rule.ADMINS),
    "POST /team/{member_id}": Rule.ADMINS_OF_MEMBER,
    **dict.fromkeys(("GET /programs", "POST /programs"), Rule.ADMINS),
    "POST /programs/{program_id}/shut-out": Rule.ADMINS_OF_PROGRAM,
    "GET /profiles": Rule.PARTNER,
    **dict.fromkeys(("POST /profiles", "GET /profiles/{country}", "POST /profiles/{country}"), Rule.ADMINS),
    **{f"POST /profiles/{{country}}/{step}": Rule.ADMINS for step in ("preview", "state", "suggestion")},
    "GET /requests/{signed}": Rule.CUSTOMER,
    "POST /requests/{signed}/withdraw": Rule.CUSTOMER,
    "POST /requests/{signed}/choose": Rule.CUSTOMER,
    "POST /requests/{signed}/ask": Rule.CUSTOMER,
    **dict.fromkeys(("GET /search", "GET /search/request", "POST /search/request", "GET /search/sent"), Rule.ANYBODY),
    **dict.fromkeys(("GET /requests/{signed}/erase", "POST /requests/{signed}/erase"), Rule.CUSTOMER),
    **{f"GET /operator{page}": Rule.OPERATOR for page in ("", "/parked", "/partners", "/refused", "/letters")},
    "GET /operator/requests/{rfi_id}": Rule.OPERATOR,
    **dict.fromkeys(("GET /operator/audit", "POST /operator/audit"), Rule.OPERATOR),
    **dict.fromkeys(("GET /operator/rules", "POST /operator/rules", "POST /operator/rules/try"), Rule.OPERATOR),
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
    **{f"GET {_SENT}{part}": Rule.API_SENT for part in ("", "/candidates", "/wanted")},
    **{f"POST {_SENT}/{step}": Rule.API_DECIDES_SENT for step in ("withdraw", "choose", "wanted")},
    **dict.fromkeys((f"GET {_ENGAGEMENT}", f"GET {_ENGAGEMENT}/explanation"), Rule.API_ENGAGEMENT),
    "GET /v1/search": Rule.API_SEARCH,
    "GET /v1/statistics": Rule.API_READS,
    "GET /v1/partners": Rule.API_OPERATOR,
    "GET /v1/partners/{partner_id}": Rule.API_ACCOUNT,
    **dict.fromkeys(("GET /v1/profiles", f"GET {_PROFILE}", "GET /v1/suggestions", "GET /v1/users"), Rule.API_LOOKS),
    **dict.fromkeys((f"PUT {_PROFILE}", "POST /v1/users"), Rule.API_KEEPS),
    **{f"POST {_PROFILE}/{step}": Rule.API_KEEPS for step in ("activate", "deactivate", "pause", "resume")},
    "POST /v1/suggestions/{suggestion_id}/apply": Rule.API_KEEPS_OWN,
    "GET /v1/users/{user_id}": Rule.API_OF_MEMBER,
    "PUT /v1/users/{user_id}": Rule.API_KEEPS_OWN,
}

#: JSON that operations are sent; the others get an empty form. `PUT` is sent what the owner reads.
BODIES: Mapping[str, Any] = {
    f"POST {_REFERRALS}": {},
    "POST /v1/rfis": {},
    "POST /v1/rfis/{rfi_id}/withdraw": {},
    "POST /v1/rfis/{rfi_id}/choose": {"partnerId": "p-1"},
    f"POST {_SENT}/wanted": {"partnerId": "p-1"},
    f"PUT {_PROFILE}": {
        "serves": [{"country": "ES"}],
        "locations": [
            {
                "place": {"country": "ES"},
                "contact": {"firstName": "Sara", "lastName": "Sales", "email": "sara@partner1.example"},
            }
        ],
    },
    f"POST {_PROFILE}/pause": {"until": "2026-12-31T00:00:00Z"},
    "POST /v1/users": {"name": "Bea Soler", "email": "bea@people.example"},
    "PUT /v1/users/{user_id}": {"role": "viewer"},
    "POST /v1/webhooks": {"url": "https://crm.example/hook"},
    f"PUT {_HOOK}": {"url": "https://crm.example/hook"},
    f"PATCH {_ONE}": [{"op": "replace", "path": "/status", "value": "Active"}],
}
