"""What a partner is: an organisation, and a business profile per country with locations, contacts and preferences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.core.codes import CompanySize, PolicyName
from services.core.rfi import Coordinate, Person, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Partner:
    """An organisation of the partner network."""

    id: str
    name: str
    admin: Person
    #: Gets what no contact of a location can be found for.
    policy: PolicyName = PolicyName.STANDARD
    active: bool = True
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Where a partner has an office, without the people there."""

    id: str
    place: Place
    coordinate: Coordinate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Location(Office):
    """An office, and who gets its alerts."""

    contact: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutableProfile:
    """What matching knows of a business profile: everything but the people. Travels on `partner.profiles`."""

    id: str
    partner_id: str
    country: str
    #: ISO 3166-1 alpha-2.
    serves: tuple[Place, ...]
    #: Regions served, each the whole of what it names; the country alone means all of it.
    locations: tuple[Office, ...]
    #: At least one.
    keywords: tuple[str, ...] = ()
    industries: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    sizes: tuple[CompanySize, ...] = ()
    #: Company sizes the partner wants; empty means all.
    languages: tuple[str, ...] = ()
    #: Languages it works in; empty means any.
    capacity: int | None = None
    #: Most open referrals (New or Active) at a time; None means no limit.
    paused_until: datetime | None = None
    active: bool = True
    version: int = 1
    policy: PolicyName = PolicyName.STANDARD
    #: Copied from the partner, so that the router needs no second read.


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile(RoutableProfile):
    """A partner's business profile for one country. Only an active profile receives referrals."""

    locations: tuple[Location, ...]
