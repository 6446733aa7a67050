"""How does a profile's standing travel to the router?"""

from __future__ import annotations

from datetime import timedelta

import orjson
from pydantic import TypeAdapter, ValidationError

from schemas.attributes import timestamp
from schemas.envelope import CloudEvent, encode_binary
from schemas.profiles import LearnedTerms, ProfileStandingV1
from schemas.topics import Topic
from services.adapters.sealing import Seal
from services.adapters.wire_envelope import SCHEMAS, SOURCE, TYPES, cloud_event_of, expect, sequence_text
from services.core import ids
from services.core.errors import Misconfigured, UnreadableRecord
from services.core.ports import Outgoing, Record
from services.core.standing import Counts, Standing

_STANDING = "partner.standing_changed"
_TERMS: TypeAdapter[dict[str, float]] = TypeAdapter(LearnedTerms)


def standing_outgoing(standing: Standing, partner_id: str, seal: Seal | None = None) -> Outgoing:
    """The record of a standing's version, keyed by the profile's id; with a seal its terms are closed."""
    counts = standing.counts
    facts: dict[str, object] = {
        "profileId": standing.profile_id,
        "partnerId": partner_id,
        "version": standing.version,
        "at": timestamp(standing.at),
        "prior": standing.prior,
        "terms": {} if seal else dict(standing.terms),
        "received": counts.received,
        "accepted": counts.accepted,
        "declined": counts.declined,
        "expired": counts.expired,
        "won": counts.won,
        "lost": counts.lost,
    }
    if standing.response is not None:
        facts["medianAnswerS"] = standing.response.total_seconds()
    if seal:
        facts["sealedTerms"] = seal.close(orjson.dumps(dict(standing.terms)).decode())
    event = CloudEvent(
        id=ids.event_id(standing.profile_id, standing.version, _STANDING),
        source=SOURCE,
        type=TYPES[_STANDING],
        subject=standing.profile_id,
        time=standing.at,
        data=orjson.dumps(facts),
        dataschema=SCHEMAS[_STANDING],
        sequence=sequence_text(standing.version),
    )
    headers, value = encode_binary(event)
    return Outgoing(topic=str(Topic.PARTNER_STATS), key=standing.profile_id, value=value, headers=headers)


def standing_of(record: Record, seal: Seal | None = None) -> Standing:
    """The standing that a record carries.

    Raises:
        UnreadableRecord: it is damaged; says which fields are wrong. Or its terms are closed, and not with this seal.
        UnknownMessage: it is not a standing, or of a version that is not known here.
    """
    event = cloud_event_of(record)
    expect(event, _STANDING)
    try:
        wire = ProfileStandingV1.model_validate_json(event.data)
    except ValidationError as error:
        fields = sorted({".".join(map(str, fault["loc"])) or "the whole" for fault in error.errors()})
        raise UnreadableRecord(f"the standing has wrong or missing fields: {', '.join(fields)[:300]}") from None
    return Standing(
        profile_id=wire.profile_id,
        version=wire.version,
        at=wire.at,
        prior=wire.prior,
        terms=wire.terms if wire.sealed_terms is None else _opened(wire.sealed_terms, seal or Seal()),
        response=None if wire.median_answer_s is None else timedelta(seconds=wire.median_answer_s),
        counts=Counts(
            received=wire.received,
            accepted=wire.accepted,
            declined=wire.declined,
            expired=wire.expired,
            won=wire.won,
            lost=wire.lost,
        ),
    )


def _opened(sealed: str, seal: Seal) -> dict[str, float]:
    try:
        return _TERMS.validate_json(seal.open(sealed))
    except (Misconfigured, ValidationError):
        words = "what the standing has learned is sealed with a key that is not the one in this database"
        raise UnreadableRecord(words) from None
