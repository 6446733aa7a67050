"""Where is this: a country and what is known below it, from codes or names, and perhaps the very point?"""

from __future__ import annotations

import re

from services.core.rfi import Coordinate, Place
from services.intake.findings import Part
from services.intake.normalise import one_line
from services.intake.regions import Regions

#: Digits of a degree that are kept: some ten metres, more than a distance in kilometres needs.
DIGITS = 4

_ISO_SUBDIVISION = re.compile(r"([A-Za-z]{2})-[A-Za-z0-9]{1,3}")


def check_place(part: Part, regions: Regions) -> Place | None:
    """The place with ISO codes, or None with its problems noted."""
    city, postal_code = part.text("city"), part.text("postalCode")
    name = part.text("country")
    country = regions.country(name) if name is not None else None
    if name is not None and country is None:
        part.wrong(
            "country", "unknown_country", "is no country we know: send its ISO 3166-1 code, or name (English, Spanish)"
        )
    subdivision = _subdivision(part, country, regions)
    if country is None:
        return None
    return Place(
        country=country,
        subdivision=subdivision,
        city=one_line(city) if city else None,
        postal_code=one_line(postal_code).upper() if postal_code else None,
    )


def check_coordinate(part: Part) -> Coordinate | None:
    """The point, or None when none is given or its problems are noted: both numbers are needed."""
    if not (part.given("latitude") or part.given("longitude")):
        return None
    for name, other in (("latitude", "longitude"), ("longitude", "latitude")):
        if part.given(name) and not part.given(other):
            part.wrong(other, "missing", f"is required beside {name}; give both, or neither")
    latitude, longitude = part.number("latitude"), part.number("longitude")
    if latitude is None or longitude is None:
        return None
    return Coordinate(round(float(latitude), DIGITS), round(float(longitude), DIGITS))


def _subdivision(part: Part, country: str | None, regions: Regions) -> str | None:
    text = part.text("subdivision")
    if text is None or country is None:
        return None
    code = regions.subdivision(country, text)
    if code is None:
        iso = _ISO_SUBDIVISION.fullmatch(text.strip())
        if iso and regions.country(iso[1]) not in {None, country}:
            part.wrong("subdivision", "subdivision_elsewhere", "lies in another country than `country` says")
        else:
            part.wrong(
                "subdivision",
                "unknown_subdivision",
                "is no subdivision of this country: send its ISO 3166-2 code or name, or leave it out",
            )
    return code
