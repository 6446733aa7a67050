"""How ids are derived, so that doing a thing twice gives the same id and the second time changes nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha1
from uuid import UUID

#: Root of all ids of the exchange; changing it would make every redelivery look new.
NAMESPACE = UUID("5f0c4c0e-8e55-5b57-9d55-3d2c3f1f7a10")

_NAMESPACE_BYTES = NAMESPACE.bytes

#: First hexadecimal digit of the clock sequence with RFC 9562's variant bits set.
_VARIANT = {f"{digit:x}": f"{digit & 0b0011 | 0b1000:x}" for digit in range(16)}

#: Number of shards that referrals are spread over for the expirer; fixed, stored in documents.
SHARDS = 64


def _derive(kind: str, *parts: str) -> str:
    # Lengths make the joint unambiguous: ("ab", "c") and ("a", "bc") differ.
    name = kind + "".join([f"|{len(p)}:{p}" for p in parts])
    # What uuid5 does, without its object: ids are derived some twenty times for each RFI.
    digest = sha1(_NAMESPACE_BYTES + name.encode(), usedforsecurity=False).hexdigest()
    variant = _VARIANT[digest[16]]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def rfi_id(source: str, publisher_id: str) -> str:
    """The id of an RFI: one for each (publisher, publisher's own id)."""
    return _derive("rfi", source, publisher_id)


def referral_id(rfi: str, partner: str) -> str:
    """The id of a referral: a partner gets one for each RFI."""
    return _derive("referral", rfi, partner)


def event_id(document: str, version: int, kind: str) -> str:
    """The id of an event: a document's version says each kind of thing once."""
    return _derive("event", document, str(version), kind)


def job_id(event: str, kind: str, role: str) -> str:
    """The id of a send job: one mail for each event, kind and recipient's role."""
    return _derive("job", event, kind, role)


def copy_id(event: str, kind: str, address: str) -> str:
    """The id of the send job of a copy: one for each event, kind and person beside the contact."""
    return _derive("copy", event, kind, address.strip().casefold())


def digest_id(user: str, day: str) -> str:
    """What stands for an event in a digest's job: a person's day (ISO, in its own zone)."""
    return _derive("digest", user, day)


def refusal_id(topic: str, partition: int, offset: int) -> str:
    """The id of a refusal: the record's place in the log, so that a redelivery refuses once."""
    return _derive("refusal", topic, str(partition), str(offset))


def dead_letter_id(group: str, topic: str, partition: int, offset: int) -> str:
    """The id of a dead letter: the record's place in the log for one consumer group."""
    return _derive("dead-letter", group, topic, str(partition), str(offset))


def profile_id(partner: str, country: str) -> str:
    """The id of a business profile: a partner has one for each country."""
    return _derive("profile", partner, country)


def partner_id(source: str, external_id: str) -> str:
    """The id of a partner loaded from elsewhere: one for each (source, id there)."""
    return _derive("partner", source, external_id)


def customer_key(partner: str, email: str) -> str:
    """What stands for a customer's mail address in a partner's lists; two partners' keys of one customer differ."""
    return _derive("customer", partner, email.strip().casefold())


def reveal_id(referral: str, by: str, way: str, at: datetime) -> str:
    """The id of a day's disclosures of one contact to one reader over one way (the day in UTC)."""
    return _derive("reveal", referral, by, way, at.astimezone(UTC).date().isoformat())


def foreign_ask_id(by: str, operation: str, thing_id: str, at: datetime) -> str:
    """The id of a day's requests by one for one thing of another by one operation (the day in UTC)."""
    return _derive("foreign-ask", by, operation, thing_id, at.astimezone(UTC).date().isoformat())


def location_id(profile: str, *place: str | None) -> str:
    """The id of a location loaded from elsewhere: one for each (profile, place)."""
    return _derive("location", profile, *(part or "" for part in place))


def user_id(email: str) -> str:
    """The id of a user: one for each mail address, however it is written."""
    return _derive("user", email.strip().casefold())


def delivery_id(event: str, webhook: str) -> str:
    """The id of a webhook's delivery: an event is one delivery for each webhook."""
    return _derive("delivery", event, webhook)


def erasure_id(at: datetime, *subjects: str) -> str:
    """The id of an erasure: what is erased, and when that was asked for."""
    return _derive("erasure", at.astimezone(UTC).isoformat(), *sorted(subjects))


def suppression_id(address: str) -> str:
    """What stands for a mail address on the list of those that are mailed no more, however it is written."""
    return _derive("suppression", address.strip().casefold())


def shard_of(referral: str) -> int:
    """The shard of a referral, 0 to SHARDS - 1; stable, from the id alone."""
    # The number modulo a divisor of 256 is that of its last byte.
    return int(referral[-2:], 16) % SHARDS
