"""How far is an office from the place of a request, and is that within the circle asked for?

Whether a point lies within a circle is decided in whole numbers, so that every matcher decides the same: a point is a
vector of 2^30 units from the middle of the earth, and what is compared is the square of the straight line between two.
One unit is 6 mm; every square and their sum fit into 63 bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import asin, cos, isfinite, radians, sin, sqrt

from services.core.partner import Office
from services.core.rfi import Coordinate, Need

#: Mean radius of the earth (IUGG), and the units of it.
EARTH_KM = 6371.0088
UNITS = 1 << 30

#: x, y and z of a place on the earth, in units.
Point = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Circle:
    """The places within some kilometres of a point."""

    middle: Point
    km: int
    limit: int
    #: The greatest square of a straight line from the middle, in units.

    def holds(self, point: Point) -> bool:
        """Whether a point lies within it, its edge included."""
        return apart(self.middle, point) <= self.limit


def circle_of(need: Need) -> Circle | None:
    """The circle that a request asks for, None without one."""
    if need.coordinate is None or need.within_km is None:
        return None
    return Circle(point_of(need.coordinate), need.within_km, limit_of(need.within_km))


def point_of(coordinate: Coordinate) -> Point:
    """The point of a coordinate."""
    north, east = radians(coordinate.latitude), radians(coordinate.longitude)
    return round(UNITS * cos(north) * cos(east)), round(UNITS * cos(north) * sin(east)), round(UNITS * sin(north))


def limit_of(km: float) -> int:
    """The square of the straight line between two points that are so far apart over the ground."""
    return int((2 * UNITS * sin(km / (2 * EARTH_KM))) ** 2)


def apart(one: Point, other: Point) -> int:
    """The square of the straight line between two points, in units."""
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def km_between(one: Coordinate, other: Coordinate) -> float:
    """Kilometres over the ground."""
    return 2 * EARTH_KM * asin(min(1.0, sqrt(apart(point_of(one), point_of(other))) / (2 * UNITS)))


def known_of(offices: Iterable[Office]) -> list[Coordinate]:
    """The coordinates of those offices that have any. What is no number, in a store that is damaged, is none."""
    there = (office.coordinate for office in offices if office.coordinate is not None)
    return [at for at in there if isfinite(at.latitude) and isfinite(at.longitude)]


def points_of(offices: Sequence[Office]) -> tuple[Point, ...]:
    """The points of those offices whose coordinates are known."""
    return tuple(map(point_of, known_of(offices)))


def too_far(points: Sequence[Point], circle: Circle | None) -> bool:
    """True if points are known and none of them lies within the circle; without any the region decides."""
    return circle is not None and bool(points) and not any(map(circle.holds, points))


def distance_words(offices: Iterable[Office], need: Need) -> str:
    """How far the nearest office is, in words for an operator, and what was asked."""
    if need.coordinate is None:
        return "not compared: the request gives no coordinates"
    known = known_of(offices)
    wanted = "" if need.within_km is None else f", asked within {need.within_km}"
    if not known:
        decides = "; the region decides" if wanted else ""
        return f"distance unknown: no location gives its coordinates{wanted}{decides}"
    return f"{said_km(min(km_between(each, need.coordinate) for each in known))} km away{wanted}"


def said_km(km: float) -> str:
    """A distance as people say it: one digit behind the point below ten kilometres."""
    return f"{km:.1f}" if km < 9.95 else f"{km:.0f}"  # noqa: PLR2004 - from here on it would be said as ten
