"""By which numbers does matching rank? What an operator may change, in versions; where published ones are kept."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Protocol

from services.core.errors import CommandInvalid, Problem

#: Points of a whole score: shares become whole numbers, so that equal is equal.
POINTS = 1_000_000


def points(share: float) -> int:
    """A share of a score in points."""
    return round(share * POINTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionShares:
    """What serving the place of an RFI adds, by how narrowly the profile names it."""

    local: float = 0.1
    province: float = 0.085
    #: A subdivision that lies in another one.
    subdivision: float = 0.075
    country: float = 0.05
    within: float = 0.025
    #: The profile serves a part of what the RFI names.


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceShares:
    """What a term counts, by where in the RFI it was found."""

    keyword: float = 1.0
    product: float = 0.8
    service: float = 0.8
    industry: float = 0.6
    title: float = 0.5
    part: float = 0.5
    #: A phrase within an asked keyword, product or service.
    wider: float = 0.4
    description: float = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The numbers of the ranking, as shares of a score; what a profile declares and matches in full earns `fit`."""

    version: str = "rules-3"
    fit: float = 0.85
    learned: float = 0.3
    #: What having learned all signs of an RFI adds.
    past: float = 0.05
    #: What doing well with what one gets adds, and doing badly takes.
    even: float = 0.0
    #: Pasts are rounded to steps of this: those on one step who fit the same get equal shares of the requests.
    language: float = 0.05
    region: RegionShares = field(default_factory=RegionShares)
    sources: SourceShares = field(default_factory=SourceShares)
    most_partners: int | None = None
    #: Most partners for one RFI, whatever it asks for; None leaves that to the RFI.

    def room(self, asked: int) -> int:
        """To how many partners an RFI goes that asks for so many."""
        return asked if self.most_partners is None else min(asked, self.most_partners)


DEFAULT_RULES = Rules()


def differences(before: Rules, after: Rules) -> dict[str, tuple[object, object]]:
    """Which numbers differ, by name as in the file (`region.local`): before and after."""
    found: dict[str, tuple[object, object]] = {}
    for name, old, new in _flat(before, after, ""):
        if old != new and name != "version":
            found[name] = (old, new)
    return found


def _flat(before: object, after: object, prefix: str) -> list[tuple[str, object, object]]:
    rows: list[tuple[str, object, object]] = []
    for each in fields(before):  # type: ignore[arg-type]  # both are dataclasses of one kind
        old, new = getattr(before, each.name), getattr(after, each.name)
        if isinstance(old, RegionShares | SourceShares):
            rows += _flat(old, new, f"{prefix}{each.name}.")
        else:
            rows.append((f"{prefix}{each.name}", old, new))
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRules:
    """Rules as they were published. A version says one thing for ever; an older one may be published again."""

    id: str
    #: The version.
    rules: Rules
    by: str
    at: datetime


def overtaken(holding: str) -> CommandInvalid:
    """What is said to who wanted to replace rules that hold no more."""
    words = f"{holding} holds by now: look at what your rules change of it, then publish them"
    return CommandInvalid([Problem("/version", "overtaken", words)])


class RuleStore(Protocol):
    """Published rules, and which of them hold."""

    async def publish(self, published: PublishedRules, instead_of: str | None = None) -> PublishedRules:
        """Keep them, and let them hold from now on; returns what is stored under the version.

        A version that is stored with other numbers stays as it is and does not begin to hold. With `instead_of` they
        begin to hold only if that version does (while nobody has published any, that of the default rules).

        Raises:
            CommandInvalid: another version than `instead_of` holds by now; says which.
        """

    async def current(self) -> PublishedRules | None:
        """Those that hold; None while nobody has published any, so that the default ones hold."""

    async def listed(self, limit: int) -> list[PublishedRules]:
        """The newest, newest first."""
