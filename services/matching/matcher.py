"""What does the router ask of matching, whoever does it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.core.partner import RoutableProfile
from services.core.rfi import Rfi, Routing
from services.core.rules import Rules
from services.core.standing import Standing
from services.matching.explanation import Explanation
from services.matching.searching import Search, SearchResult


class CapacityView(Protocol):
    """How busy partners are, as far as this process knows: a soft cap, never waited for."""

    def open_count(self, profile_id: str) -> int:
        """Open (New or Active) referrals of a profile."""


class Matcher(Protocol):
    """Decides in memory which partners an RFI goes to. The same input and the same state give the same answer."""

    def put(self, profile: RoutableProfile) -> bool:
        """Take in a version of a profile; False when this or a higher version was there already."""

    def put_all(self, profiles: Sequence[RoutableProfile]) -> int:
        """Take in many profiles, as `put` does one; returns how many of them were new or newer."""

    def take_rules(self, rules: Rules) -> None:
        """Rank by these rules from now on.

        Raises:
            ValueError: profiles are held already, read by other rules.
        """

    def learn(self, profile_id: str, standing: Standing) -> bool:
        """Take in what the past has taught about a profile, known or not yet; False when as much was known already."""

    def match(
        self, rfis: Sequence[Rfi], now: datetime, given: Mapping[str, int] | None = None, *, bounded: bool = True
    ) -> list[Routing]:
        """A routing for each RFI. They count against capacity in the order given; nothing is remembered of that.

        `given` is what was given out (by profile id) and is not counted by the capacity view yet. Not `bounded`: for
        as many partners as an RFI says, whatever the rules allow; to find who comes next.
        """

    def explain(self, rfi: Rfi, partner_id: str | None, now: datetime) -> Explanation:
        """Why this partner would, or would not, get this RFI now; None asks for everybody chosen or near."""

    def search(self, search: Search, now: datetime) -> SearchResult:
        """The partners that somebody finds who looks for one, the best first, with counts. Capacity is no bar."""

    def profile(self, profile_id: str) -> RoutableProfile | None:
        """The version of a profile that is held, or None."""

    def limited(self) -> list[str]:
        """Ids of the profiles that have a capacity."""
