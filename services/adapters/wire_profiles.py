"""How does a business profile travel to the router? Without the people in it."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from pydantic import ValidationError

from schemas.attributes import timestamp
from schemas.envelope import CloudEvent, encode_binary
from schemas.profiles import OfficeV1, PartnerProfileV1, RegionV1
from schemas.topics import Topic
from services.adapters import wire_profiles_swift
from services.adapters.wire_envelope import SCHEMAS, SOURCE, TYPES, cloud_event_of, expect, sequence_text
from services.core import ids
from services.core.codes import CompanySize, PolicyName
from services.core.errors import UnreadableRecord
from services.core.partner import Office, RoutableProfile
from services.core.ports import Outgoing, Record
from services.core.rfi import Coordinate, Place

_PROFILE = "partner.profile_changed"


def profile_outgoing(profile: RoutableProfile) -> Outgoing:
    """The record of a profile's version, keyed by the profile's id; contacts of its locations are left out."""
    facts: dict[str, object] = {
        "id": profile.id,
        "partnerId": profile.partner_id,
        "country": profile.country,
        "serves": [_region(place) for place in profile.serves],
        "locations": [_office_told(office) for office in profile.locations],
        "keywords": profile.keywords,
        "industries": profile.industries,
        "products": profile.products,
        "services": profile.services,
        "sizes": [size.value for size in profile.sizes],
        "languages": profile.languages,
        "active": profile.active,
        "version": profile.version,
        "policy": profile.policy.value,
    }
    if profile.capacity is not None:
        facts["capacity"] = profile.capacity
    if profile.paused_until is not None:
        facts["pausedUntil"] = timestamp(profile.paused_until)
    event = CloudEvent(
        id=ids.event_id(profile.id, profile.version, _PROFILE),
        source=SOURCE,
        type=TYPES[_PROFILE],
        subject=profile.id,
        data=orjson.dumps(facts),
        dataschema=SCHEMAS[_PROFILE],
        sequence=sequence_text(profile.version),
    )
    headers, value = encode_binary(event)
    return Outgoing(topic=str(Topic.PARTNER_PROFILES), key=profile.id, value=value, headers=headers)


def profile_of(record: Record) -> RoutableProfile:
    """The profile that a record carries.

    Raises:
        UnreadableRecord: it is damaged; says which fields are wrong.
        UnknownMessage: it is not a profile, or of a version that is not known here.
    """
    if (profile := wire_profiles_swift.read(record.value, record.headers)) is not None:
        return profile
    return read_any(record)


def read_any(record: Record) -> RoutableProfile:
    """As `profile_of`, of a record that need not look like one of ours."""
    event = cloud_event_of(record)
    expect(event, _PROFILE)
    try:
        wire = PartnerProfileV1.model_validate_json(event.data)
    except ValidationError as error:
        fields = sorted({".".join(map(str, fault["loc"])) or "the whole" for fault in error.errors()})
        raise UnreadableRecord(f"the profile has wrong or missing fields: {', '.join(fields)[:300]}") from None
    return RoutableProfile(
        id=wire.id,
        partner_id=wire.partner_id,
        country=wire.country,
        serves=tuple(map(_place, wire.serves)),
        locations=tuple(map(_office, wire.locations)),
        keywords=tuple(wire.keywords),
        industries=tuple(wire.industries),
        products=tuple(wire.products),
        services=tuple(wire.services),
        sizes=tuple(map(CompanySize, wire.sizes)),
        languages=tuple(wire.languages),
        capacity=wire.capacity,
        paused_until=wire.paused_until,
        active=wire.active,
        version=wire.version,
        policy=PolicyName(wire.policy),
    )


def _office_told(office: Office) -> Mapping[str, object]:
    told: dict[str, object] = {"id": office.id, "place": _region(office.place)}
    if office.coordinate is not None:
        told |= {"latitude": office.coordinate.latitude, "longitude": office.coordinate.longitude}
    return told


def _office(wire: OfficeV1) -> Office:
    spot = None
    # Half a coordinate says nothing.
    if wire.latitude is not None and wire.longitude is not None:
        spot = Coordinate(wire.latitude, wire.longitude)
    return Office(id=wire.id, place=_place(wire.place), coordinate=spot)


def _region(place: Place) -> Mapping[str, str]:
    parts = {
        "country": place.country,
        "subdivision": place.subdivision,
        "city": place.city,
        "postalCode": place.postal_code,
    }
    return {name: value for name, value in parts.items() if value is not None}


def _place(region: RegionV1) -> Place:
    return Place(
        country=region.country,
        subdivision=region.subdivision,
        city=region.city,
        postal_code=region.postal_code,
    )
