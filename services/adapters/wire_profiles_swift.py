"""How are the profiles that the exchange itself has written read in the shortest way?

Nearly every record has the headers that `wire_profiles` writes, in that order, and data that says just what it must. It
is read here in a quarter of the time, and profiles share their places. What differs in anything is left to
`wire_profiles`, which reads whatever the contract allows and tells all that is wrong.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import orjson
from pydantic import ValidationError

from schemas.attributes import MAX_ATTRIBUTE
from schemas.envelope import FIXED_HEADERS, Headers
from schemas.profiles import RegionV1
from services.adapters.wire_envelope import SCHEMAS, SOURCE, TYPES
from services.core.codes import CompanySize, PolicyName
from services.core.partner import Office, RoutableProfile
from services.core.rfi import Coordinate, Place

_PROFILE = "partner.profile_changed"
#: The headers that every profile of ours has alike.
_SAME: Headers = (
    *FIXED_HEADERS,
    ("ce_source", SOURCE.encode()),
    ("ce_type", TYPES[_PROFILE].encode()),
    ("ce_dataschema", SCHEMAS[_PROFILE].encode()),
)
#: The names of those that differ.
_OWN = ("ce_id", "ce_subject", "ce_sequence")
_SIZES = {size.value: size for size in CompanySize}
_POLICIES = {policy.value: policy for policy in PolicyName}
_LONGEST_PARTNER = 64


def read(value: bytes | None, headers: Headers) -> RoutableProfile | None:
    """The profile in a record that looks in everything like one of ours, or None."""
    if value is None or not _ours(headers):
        return None
    try:
        return _profile(orjson.loads(value))
    except (orjson.JSONDecodeError, ValidationError, UnicodeDecodeError, LookupError, TypeError, AttributeError):
        return None


def _ours(headers: Headers) -> bool:
    if len(headers) != len(_SAME) + len(_OWN):
        return False
    media, spec, own_id, source, kind, subject, schema, sequence = headers
    if (media, spec, source, kind, schema) != _SAME or (own_id[0], subject[0], sequence[0]) != _OWN:
        return False
    texts = own_id[1].decode("latin-1"), subject[1].decode("latin-1"), sequence[1].decode("latin-1")
    return all(0 < len(text) <= MAX_ATTRIBUTE and text.isascii() and text.isprintable() for text in texts)


def _profile(facts: Any) -> RoutableProfile | None:
    """The profile in data that has every field as it must be, and no pause; else None, or an error of whatever kind."""
    id_, partner_id, country, capacity = facts["id"], facts["partnerId"], facts["country"], facts.get("capacity")
    version, active = facts["version"], facts["active"]
    lists = [facts[name] for name in ("keywords", "industries", "products", "services", "languages")]
    if not (type(id_) is str and id_ and type(partner_id) is str and 0 < len(partner_id) <= _LONGEST_PARTNER):
        return None
    if not (type(version) is int and version > 0 and type(active) is bool and facts.get("pausedUntil") is None):
        return None
    if capacity is not None and not (type(capacity) is int and capacity >= 0):
        return None
    if {*map(type, (*lists, facts["serves"], facts["locations"], facts["sizes"]))} != {list}:
        return None
    keywords, industries, products, services, languages = map(tuple, lists)
    if not {*map(type, (*keywords, *industries, *products, *services, *languages))} <= {str}:
        return None
    return RoutableProfile(
        id=id_,
        partner_id=partner_id,
        country=_place(country, None, None, None).country,
        serves=tuple([_region(each) for each in facts["serves"]]),
        locations=tuple([_office(each) for each in facts["locations"]]),
        keywords=keywords,
        industries=industries,
        products=products,
        services=services,
        sizes=tuple([_SIZES[each] for each in facts["sizes"]]),
        languages=languages,
        capacity=capacity,
        active=active,
        version=version,
        policy=_POLICIES[facts["policy"]],
    )


def _office(wire: Any) -> Office:
    id_ = wire["id"]
    if type(id_) is not str or not id_:
        raise TypeError
    if wire.get("latitude") is None and wire.get("longitude") is None:
        return Office(id=id_, place=_region(wire["place"]))
    return Office(id=id_, place=_region(wire["place"]), coordinate=_spot(wire["latitude"], wire["longitude"]))


def _spot(latitude: Any, longitude: Any) -> Coordinate:
    """A point as the exchange itself writes it: two numbers within their ranges; what else there may be is refused."""
    if type(latitude) is not float or type(longitude) is not float:
        raise TypeError
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):  # noqa: PLR2004 - degrees
        raise TypeError
    return Coordinate(latitude, longitude)


def _region(wire: Any) -> Place:
    return _place(wire["country"], wire.get("subdivision"), wire.get("city"), wire.get("postalCode"))


# Many profiles name the same places.
@lru_cache(maxsize=100_000)
def _place(country: str, subdivision: str | None, city: str | None, postal_code: str | None) -> Place:
    wire = {"country": country, "subdivision": subdivision, "city": city, "postalCode": postal_code}
    RegionV1.model_validate(wire)
    return Place(country=country, subdivision=subdivision, city=city, postal_code=postal_code)
