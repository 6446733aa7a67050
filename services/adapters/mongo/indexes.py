"""Which indexes exist, and for which query each? A test asserts that no query of the stores scans a collection.

Every insert pays for every index, and the database is what a busy exchange waits for: few indexes, partial ones where
few documents qualify. A partial index serves only queries that repeat its condition, so conditions stand here by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.adapters.mongo.driver import ASCENDING, DESCENDING, WITHOUT_CASE, Index, Mongo
from services.core.insights import COUNTED

RFIS, REFERRALS, PARTNERS, PROFILES, JOBS = "rfis", "referrals", "partners", "profiles", "send_jobs"
ATTEMPTS = "mail_attempts"
SUPPRESSIONS = "suppressions"
STANDINGS, RULES = "standings", "rules"
REFUSALS, DEAD_LETTERS, ORIGINALS = "refusals", "dead_letters", "originals"
IDEMPOTENCY, PUBLISHERS, SETTINGS = "idempotency_keys", "publishers", "settings"
USERS, SESSIONS, SIGN_IN_LINKS = "users", "sessions", "sign_in_links"
TOKENS, OAUTH_CLIENTS = "api_tokens", "oauth_clients"
REVEALS, FAVOURITES = "reveals", "favourites"
FOREIGN_ASKS = "foreign_asks"
MEDIANS = "medians"
WEBHOOKS, WEBHOOK_DELIVERIES = "webhooks", "webhook_deliveries"
ERASURES = "erasures"

#: Conditions of partial indexes and of the queries that use them.
UNSENT: Mapping[str, Any] = {"outbox.0": {"$exists": True}}
PENDING: Mapping[str, Any] = {"state": "pending"}
LEASED: Mapping[str, Any] = {"state": "leased"}
OPEN: Mapping[str, Any] = {"open": True}
OPERATOR: Mapping[str, Any] = {"operator": True}
RUNNING: Mapping[str, Any] = {"status": "New"}
UNPUBLISHED: Mapping[str, Any] = {"unpublished": True}
PARKED: Mapping[str, Any] = {"parked": True}
GIVEN_UP: Mapping[str, Any] = {"state": "parked"}
FAILED: Mapping[str, Any] = {"state": "failed"}
#: Referrals that figures count; a partial index takes `$in` from MongoDB 6.0 on.
DECIDED: Mapping[str, Any] = {"substatus": {"$in": [substatus.value for substatus in COUNTED]}}

MAILED: Mapping[str, Any] = {"mailed": True}

#: What figures are made of, beside the partner and the instant of creation.
FIGURED = (
    "substatus",
    "accepted_at",
    "closed_at",
    "details.reason",
    "details.deal_value.currency",
    "details.deal_value.amount",
)

#: Names of indexes that a query asks for by name.
RULES_BY_TIME = "by_time"
LIST_CREATED, LIST_UPDATED, LIST_TIME_LEFT = "list_created", "list_updated", "list_time_left"
OF_RFI, FIGURES = "of_rfi", "figures"
JOBS_OF_RFI, OPEN_LETTERS, OF_CUSTOMER, ERASURES_BY_TIME = "of_rfi", "open_newest", "of_customer", "by_time"
PARKED_REFERRALS, REFUSALS_BY_TIME, REFUSALS_BY_CODE = "parked_oldest", "newest", "newest_of_code"
WAITING, IN_HAND, GIVEN_UP_BY_TIME = "pending", "leased", "parked_newest"


def _index(*keys: str, name: str, where: Mapping[str, Any] | None = None, **options: Any) -> Index:
    """An index; a key that begins with `-` is descending."""
    fields = [(key.removeprefix("-"), DESCENDING if key.startswith("-") else ASCENDING) for key in keys]
    if where is not None:
        options["partialFilterExpression"] = dict(where)
    return Index(fields, name=name, **options)


def _ttl(field: str) -> Index:
    """Documents go when the instant in `field` has passed; those without it stay."""
    return _index(field, name="retention", expireAfterSeconds=0)


INDEXES: Mapping[str, tuple[Index, ...]] = {
    RFIS: (
        _index("outbox.0.at", name="unsent", where=UNSENT),  # with_outbox
        _index("state", "-accepted_at", name="recent"),  # recent, accepted_before
        _index("customer.contact.email", name=OF_CUSTOMER, collation=WITHOUT_CASE),  # rfi_ids_of
    ),
    REFERRALS: (
        _index("rfi_id", name=OF_RFI),  # of_rfis, listed of an RFI, page of an engagement
        _index("shard", "next_due_at", name="due", where={"next_due_at": {"$exists": True}}),  # due
        _index("profile_id", name="open_of_profile", where=OPEN),  # open_counts
        # listed of a partner, page; filters and words are looked at in it, before anything is fetched
        _index("partner_id", "stage", "-created_at", "-_id", "search", name=LIST_CREATED),
        _index("partner_id", "stage", "-updated_at", "-_id", name=LIST_UPDATED),  # page by last change, counts
        _index("partner_id", "stage", "expires_at", "_id", name=LIST_TIME_LEFT, where=RUNNING),  # page by time left
        _index("status", "-created_at", name="recent"),  # listed of all partners
        _index("updated_at", name="unsent", where=UNSENT),  # with_outbox
        _index("updated_at", "_id", name=PARKED_REFERRALS, where=PARKED),  # parked
        # figures, from the index alone; only what was answered or lapsed is in it
        _index("partner_id", "created_at", *FIGURED, name=FIGURES, where=DECIDED),
    ),
    PARTNERS: (),
    PROFILES: (
        _index("unpublished", name="unpublished", where=UNPUBLISHED),  # unpublished
        _index("partner_id", "country", name="of_partner"),  # profiles_of
    ),
    STANDINGS: (_index("unpublished", name="unpublished", where=UNPUBLISHED),),  # unpublished
    JOBS: (
        _index("rfi_id", "kind", "language", "state", name=JOBS_OF_RFI),  # of_rfis; counts, from the index alone
        _index("due_at", name="pending", where=PENDING),  # claim, next_due
        _index("lease_until", name="leased", where=LEASED),  # claim of leases that ran out
        _index("at", "_id", name="failed_oldest", where=FAILED),  # failed
    ),
    SUPPRESSIONS: (_index("-at", name="by_time"),),  # listed
    ATTEMPTS: (_index("owner", name="of_owner"), _ttl("expires_at")),  # claim of leases that ran out
    REFUSALS: (
        _index("-at", "-_id", name=REFUSALS_BY_TIME),  # listed, count
        _index("codes", "-at", "-_id", name=REFUSALS_BY_CODE),  # listed with a code, by_code
        _index("publisher_id", "source", "-at", name="of_rfi"),  # of_rfi
    ),
    DEAD_LETTERS: (
        _index("-at", "-_id", name=OPEN_LETTERS, where=OPEN),  # letters, listed, count
        _index("group", "-at", "-_id", name="open_newest_of_group", where=OPEN),  # those of a group
        _ttl("expires_at"),
    ),
    ORIGINALS: (_ttl("expires_at"),),
    IDEMPOTENCY: (_ttl("expires_at"),),
    PUBLISHERS: (_index("token_hash", name="by_token", unique=True),),  # by_token_hash
    RULES: (_index("-at", name=RULES_BY_TIME),),  # listed
    SETTINGS: (),
    MEDIANS: (),
    REVEALS: (_index("referral_id", name="of_referral"),),  # of_referrals
    FOREIGN_ASKS: (_index("-last_at", "-_id", name="newest"), _ttl("expires_at")),  # newest
    FAVOURITES: (_index("partner_id", "-at", name="of_partner"),),  # of_partner
    USERS: (
        _index("partner_id", "email", name="of_partner"),  # of_partner
        _index("email", name="operators", where=OPERATOR),  # operators
        _index("partner_id", name="notified", where=MAILED),  # notified
        _index("shard", "digest_at", name="digests", where={"digest_at": {"$exists": True}}),  # digests_due
    ),
    SESSIONS: (_index("user_id", name="of_user"), _ttl("expires_at")),  # end_sessions_of
    SIGN_IN_LINKS: (_ttl("expires_at"),),
    TOKENS: (
        _index("token_hash", name="by_token", unique=True),  # token
        _index("partner_id", "-created_at", name="of_partner"),  # tokens_of
        _index("client_id", name="of_client"),  # revoke_client
        _ttl("expires_at"),
    ),
    WEBHOOKS: (_index("partner_id", "created_at", name="of_partner"),),  # webhooks_of
    WEBHOOK_DELIVERIES: (
        _index("due_at", name=WAITING, where=PENDING),  # claim_deliveries, waiting_deliveries
        _index("lease_until", name=IN_HAND, where=LEASED),  # claim_deliveries of leases that ran out
        _index("partner_id", "-at", "-_id", name="parked_newest_of_partner", where=GIVEN_UP),  # parked_deliveries
        _index("-at", "-_id", name=GIVEN_UP_BY_TIME, where=GIVEN_UP),  # parked_deliveries
        _ttl("expires_at"),
    ),
    OAUTH_CLIENTS: (_index("partner_id", "-created_at", name="of_partner"),),  # clients_of
    ERASURES: (
        _index("-at", name=ERASURES_BY_TIME),  # listed
        _index("at", name="unfinished", where=OPEN),  # unfinished
    ),
}


async def ensure_indexes(mongo: Mongo) -> None:
    """Make what is missing; nothing happens when all of it is there."""
    for collection, indexes in INDEXES.items():
        await mongo.collection(collection).ensure(indexes)
