"""How a CSV of partners becomes partners and profiles: one row for each location, partner columns repeated.

Columns are described in samples/README.md. Every fault of every row is reported at once; a file with faults imports
nothing, so that a network is never half new.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from services.core.codes import CompanySize, PolicyName
from services.core.errors import CommandInvalid, Problem
from services.core.ids import location_id, partner_id, profile_id
from services.core.mail import is_mailbox
from services.core.partner import Location, Partner, Profile
from services.core.profile_rules import coordinate_problems, paired
from services.core.rfi import Coordinate, Person, Place

REQUIRED = (
    "partner_id",
    "partner_name",
    "admin_email",
    "country",
    "contact_first_name",
    "contact_last_name",
    "contact_email",
)

#: Stands for a country that could not be made out; no code of ISO 3166.
_UNKNOWN = "??"

Row = Mapping[str, str]
#: (country, subdivision, city) as written -> Place, or None when unknown.
ResolvePlace = Callable[[str, str | None, str | None], Place | None]


def parse_partners(text: str, resolve_place: ResolvePlace, source: str = "csv") -> tuple[list[Partner], list[Profile]]:
    """Partners and profiles of the CSV; ids are derived from (source, partner_id).

    Raises:
        CommandInvalid: with every problem, the field being `row N/column`.
    """
    reader: csv.DictReader[Any] = csv.DictReader(io.StringIO(text), strict=True)
    missing = [c for c in REQUIRED if c not in (reader.fieldnames or [])]
    if missing:
        raise CommandInvalid([Problem(c, "column_missing", "add this column to the first line") for c in missing])
    parser = _Parser(resolve_place, source)
    try:
        for row in reader:
            parser.row(reader.line_num, {k: (v or "").strip() for k, v in row.items() if isinstance(k, str)})
            if None in row:
                words = f"has {len(row[None])} cells more than columns: quote cells that hold a comma"
                parser.wrong("", "surplus_cells", words)
    except csv.Error as error:
        raise CommandInvalid([Problem(f"row {reader.line_num + 1}", "csv", f"is not CSV: {error}")]) from error
    if parser.problems:
        raise CommandInvalid(parser.problems)
    return list(parser.partners.values()), [parser.profile(key) for key in parser.rows]


def read_partners(path: Path, resolve_place: ResolvePlace) -> tuple[list[Partner], list[Profile]]:
    """Partners and profiles of a file.

    Raises:
        CommandInvalid: as `parse_partners`, or the file is not UTF-8.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CommandInvalid([Problem(path.name, "encoding", "is not UTF-8: save it as CSV UTF-8")]) from error
    return parse_partners(text, resolve_place)


class _Parser:
    """Collects rows, and problems as they are met."""

    def __init__(self, resolve_place: ResolvePlace, source: str) -> None:
        self.resolve_place, self.source = resolve_place, source
        self.problems: list[Problem] = []
        self.partners: dict[str, Partner] = {}
        self.rows: dict[str, list[tuple[Row, tuple[Place, ...], Location]]] = {}
        self.line = 0

    def row(self, line: int, row: Row) -> None:
        """Take one row."""
        self.line = line
        for column in REQUIRED:
            if not row.get(column):
                self.wrong(column, "required", "must not be empty")
        identifier = partner_id(self.source, row.get("partner_id", ""))
        if identifier not in self.partners:
            self.partners[identifier] = Partner(
                id=identifier,
                name=row.get("partner_name", ""),
                admin=self.person(row, "admin"),
                policy=self.choice(row, "policy", PolicyName, PolicyName.STANDARD),
            )
        country = self.country(row.get("country", ""))
        key = profile_id(identifier, country)
        known = self.rows.setdefault(key, [])
        place = self.place(
            "location_city", country, row.get("location_subdivision") or None, row.get("location_city") or None
        )
        postal_code = row.get("location_postal_code", "").upper() or None
        office = replace(place, postal_code=postal_code)
        # By place and not by row: the same file with its rows in another order names the same offices.
        twins = sum(other.place == office for _, _, other in known)
        location = Location(
            id=location_id(key, office.subdivision, office.city, office.postal_code, str(twins)),
            place=office,
            coordinate=self.coordinate(row),
            contact=self.person(row, "contact"),
        )
        known.append(({**row, "_partner": identifier, "_country": country}, self.serves(row, country), location))

    def profile(self, key: str) -> Profile:
        """The profile of rows that were all taken without problems."""
        rows = self.rows[key]
        first = rows[0][0]
        serves = tuple(dict.fromkeys(p for _, places, _ in rows for p in places))
        return Profile(
            id=key,
            partner_id=first["_partner"],
            country=first["_country"],
            serves=serves,
            locations=tuple(location for _, _, location in rows),
            keywords=self.terms(rows, "keywords"),
            industries=self.terms(rows, "industries"),
            products=self.terms(rows, "products"),
            services=self.terms(rows, "services"),
            sizes=tuple(CompanySize(s) for s in self.terms(rows, "sizes")),
            languages=self.terms(rows, "languages"),
            capacity=int(first["capacity"]) if first.get("capacity") else None,
            paused_until=_day(first.get("paused_until") or ""),
            active=(first.get("active") or "true").lower() == "true",
            policy=self.partners[first["_partner"]].policy,
        )

    @staticmethod
    def terms(rows: list[tuple[Row, tuple[Place, ...], Location]], column: str) -> tuple[str, ...]:
        """The `;`-separated values of a column over all rows of a profile, each once."""
        return tuple(dict.fromkeys(t for row, _, _ in rows for t in _split(row.get(column, ""))))

    def serves(self, row: Row, country: str) -> tuple[Place, ...]:
        """The places served: `ES`, `ES-AN`, `ES-AN/Sevilla`; empty means the country."""
        places = []
        for written in _split(row.get("serves", "")) or [country]:
            region, _, city = written.partition("/")
            subdivision = region if "-" in region else None
            places.append(self.place("serves", region.split("-")[0], subdivision, city or None))
        self.check_terms(row)
        return tuple(places)

    def check_terms(self, row: Row) -> None:
        """Check the columns whose values come from closed lists."""
        for size in _split(row.get("sizes", "")):
            if size not in set(CompanySize):
                self.wrong("sizes", "unknown_size", f"{size!r} is none of {', '.join(CompanySize)}")
        if row.get("capacity") and not row["capacity"].isdecimal():
            self.wrong("capacity", "not_a_number", "must be a whole number, or empty for no limit")
        if row.get("active", "").lower() not in {"", "true", "false"}:
            self.wrong("active", "not_a_truth", "must be true or false")
        if row.get("paused_until") and _day(row["paused_until"]) is None:
            self.wrong("paused_until", "not_a_date", "must be a date like 2026-12-31, or empty")

    def country(self, written: str) -> str:
        """The code of a country, or a problem and UNKNOWN, so that places within it are not called wrong as well."""
        if not written:
            return _UNKNOWN
        country = self.place("country", written, None, None).country
        return country if self.resolve_place(country, None, None) else _UNKNOWN

    def place(self, column: str, country: str, subdivision: str | None, city: str | None) -> Place:
        """The resolved place, or a problem and the country as written."""
        place = self.resolve_place(country, subdivision, city)
        if place is None and country != _UNKNOWN:
            written = "/".join(p for p in (country, subdivision, city) if p)
            self.wrong(column, "unknown_place", f"{written!r} is no country or subdivision known to ISO 3166")
        return place or Place(country=country)

    def coordinate(self, row: Row) -> Coordinate | None:
        """Where the office is, to the degree; both columns are filled in, or neither."""
        degrees: dict[str, float | None] = {}
        for name in ("latitude", "longitude"):
            try:
                degrees[name] = float(row[column]) if row.get(column := f"location_{name}") else None
            except ValueError:
                self.wrong(column, "not_a_number", "must be decimal degrees, for example 37.3891, or empty")
                return None
        found, problems = paired("", degrees["latitude"], degrees["longitude"])
        for problem in (*problems, *coordinate_problems("", found)):
            self.wrong(f"location_{problem.field[1:]}", problem.code, problem.message)
        return found

    def person(self, row: Row, prefix: str) -> Person:
        """The person of the columns with that prefix."""
        email = row.get(f"{prefix}_email", "")
        # The very rule of the sender: what passes here must not be refused when a mail is due.
        if email and not is_mailbox(email):
            self.wrong(f"{prefix}_email", "email", "is no mail address")
        return Person(
            first_name=row.get(f"{prefix}_first_name") or "Partner",
            last_name=row.get(f"{prefix}_last_name") or "desk",
            email=email,
            phone=row.get(f"{prefix}_phone") or None,
            language=row.get(f"{prefix}_language") or "en",
            time_zone=row.get(f"{prefix}_time_zone") or "UTC",
        )

    def choice(self, row: Row, column: str, kind: type[PolicyName], default: PolicyName) -> PolicyName:
        """A value of a closed list, the default when empty, or a problem."""
        value = row.get(column, "")
        if not value or value in set(kind):
            return kind(value) if value else default
        self.wrong(column, "unknown_value", f"{value!r} is none of {', '.join(kind)}")
        return default

    def wrong(self, column: str, code: str, message: str) -> None:
        """Note a problem of the present row."""
        self.problems.append(Problem(f"row {self.line}/{column}".rstrip("/"), code, message))


def _split(cell: Any) -> list[str]:
    return [part.strip() for part in str(cell).split(";") if part.strip()]


def _day(text: str) -> datetime | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
