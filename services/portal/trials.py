"""What would other rules have made of recent requests? Within bounds, beside everything else that the portal does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.core.partner import Profile
from services.core.rules import DEFAULT_RULES, Rules, differences
from services.matching.reference import ReferenceMatcher
from services.matching.replay import Case, Quality, Replay, Replayed, Trial
from services.portal.ports import PortalPorts

#: Requests replayed at most, the newest; and how far back they may go.
MOST_REQUESTS, REACH = 500, timedelta(days=365)
#: How long a trial may take, seconds; what is not done by then is left out.
LONGEST_S = 20.0
#: Partners named as gaining most, and as losing most.
SHIFTS = 10


class _NothingOpen:
    """A capacity view for trials: nobody has anything open."""

    def open_count(self, profile_id: str) -> int:  # noqa: ARG002 - the port's signature
        """None."""
        return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A partner that would have had more, or fewer, of the requests."""

    name: str
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a trial showed."""

    #: Numbers that differ: name, before, after.
    changes: Sequence[tuple[str, object, object]]
    found: Replayed
    #: Requests for which there was no time.
    left_out: int
    shifts: Sequence[Shift]

    @property
    def standings(self) -> list[tuple[str, Quality, Quality]]:
        """How those who won, accepted and dropped out stand under both."""
        before, after = self.found.before, self.found.after
        return [(what, getattr(before, what), getattr(after, what)) for what in ("won", "accepted", "dropped_out")]


async def rules_in_force(ports: PortalPorts) -> Rules:
    """The published rules, else the default ones."""
    published = await ports.rules.current()
    return published.rules if published else DEFAULT_RULES


async def tried(ports: PortalPorts, after: Rules) -> Tried:
    """Replay recent requests under the rules that hold and under these.

    Raises:
        DependencyUnavailable: the store does not answer.
    """
    before, now = await rules_in_force(ports), ports.clock.now()
    cases, profiles = await _cases(ports, now - REACH), await ports.partners.all_profiles()

    def replayed() -> tuple[Replay, int]:
        trials = _trial(ports, profiles, before), _trial(ports, profiles, after)
        replay = Replay(*trials, now=now, since=now - REACH)
        return replay, _replayed(replay, cases)

    # In a thread, the indexes too: pages are served meanwhile.
    replay, done = await asyncio.to_thread(replayed)
    extremes = _extremes(replay.replayed)
    partners = await ports.partners.load_partners([id_ for id_, _, _ in extremes])
    names = {id_: each.name for id_, each in partners.items()}
    changes = [(name, old, new) for name, (old, new) in differences(before, after).items()]
    shifts = [Shift(name=names.get(id_, id_), before=old, after=new) for id_, old, new in extremes]
    return Tried(changes=changes, found=replay.replayed, left_out=len(cases) - done, shifts=shifts)


async def _cases(ports: PortalPorts, since: datetime) -> list[Case]:
    recent = await ports.rfis.recent(MOST_REQUESTS, since=since)
    rfis = [rfi for rfi in recent if rfi.routing and not rfi.erased_at]
    referrals = await ports.referrals.of_rfis([rfi.id for rfi in rfis])
    return [Case(rfi, referrals.get(rfi.id, [])) for rfi in rfis]


def _trial(ports: PortalPorts, profiles: Sequence[Profile], rules: Rules) -> Trial:
    matcher = ReferenceMatcher(_NothingOpen(), ports.profiles.parent_of, rules=rules)
    for profile in profiles:
        matcher.put(profile)
    return Trial(rules, matcher)


def _replayed(replay: Replay, cases: Sequence[Case]) -> int:
    """How many requests there was time for."""
    until, done = time.monotonic() + LONGEST_S, 0
    for done in replay.run(cases):  # noqa: B007 - the last number is what counts
        if time.monotonic() > until:
            break
    return done


def _extremes(found: Replayed) -> list[tuple[str, int, int]]:
    """Who gains and who loses most: the partner's id, how many before, how many after."""
    shifts = found.shifts()
    return [*shifts[:SHIFTS], *[row for row in shifts[-SHIFTS:] if row not in shifts[:SHIFTS]]]
