"""How evenly are requests spread over equally fitting partners, and by how much can a capacity be exceeded?

A town of partners that offer the same, some with a better past than others, gets requests through two routers at
once. Each counts what it gives out at once; what the other gives out it sees only when it counts anew. Printed for
several steps to which pasts are rounded (rule `even`): the Gini coefficient (0: all the same, 1: one has them all), the
share of the busiest tenth, and the most referrals that a partner got beyond its capacity, beside what was in flight.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bench.match.people import a_profile, a_request
from services.core.rules import DEFAULT_RULES, Rules
from services.core.standing import Standing
from services.matching.growing import GrowingMatcher

AT = datetime(2026, 3, 2, tzinfo=UTC)
#: Requests of a batch.
BATCH = 50


@dataclass
class Counts:
    """What one router knows: what was stored when it counted, and what it has given out since."""

    known: Counter[str] = field(default_factory=Counter)

    def open_count(self, profile_id: str) -> int:
        """Open referrals as far as this router knows."""
        return self.known[profile_id]


@dataclass(frozen=True)
class Spread:
    """How the referrals were spread."""

    gini: float
    busiest_tenth: float
    beyond_cap: int
    in_flight: int


def gini(values: Sequence[int]) -> float:
    """0 when all have the same, near 1 when one has all."""
    ordered, count, total = sorted(values), len(values), sum(values)
    if not total:
        return 0.0
    weighted = sum(place * value for place, value in enumerate(ordered, 1))
    return 2 * weighted / (count * total) - (count + 1) / count


def spread(given: Mapping[str, int], everybody: Sequence[str], beyond: int, in_flight: int) -> Spread:
    """The figures of one run."""
    values = sorted((given.get(id_, 0) for id_ in everybody), reverse=True)
    tenth = sum(values[: max(1, len(values) // 10)]) / max(1, sum(values))
    return Spread(gini(values), tenth, beyond, in_flight)


def simulate(
    rules: Rules, *, partners: int = 200, requests: int = 2_000, cap: int | None = None, every: int = 4
) -> Spread:
    """Two routers in turn; each counts anew after `every` batches of its own."""
    counts = Counts(), Counts()
    routers = [GrowingMatcher(each, rules=rules) for each in counts]
    profiles = [a_profile(n, capacity=cap) for n in range(partners)]
    for router in routers:
        for n, profile in enumerate(profiles):
            router.put(profile)
            past_of = Standing(profile_id=profile.id, version=1, at=AT, prior=n / partners)
            router.learn(profile.id, past_of)
    given: Counter[str] = Counter()
    unseen, in_flight, beyond = [0, 0], 0, 0
    for batch in range(requests // BATCH):
        me, turn = batch % 2, batch // 2
        if turn % every == 0:
            counts[me].known, unseen[me] = Counter(given), 0
        rfis = [a_request(batch * BATCH + n) for n in range(BATCH)]
        chosen = [c.profile_id for r in routers[me].match(rfis, AT + timedelta(seconds=batch)) for c in r.chosen]
        counts[me].known.update(chosen)
        given.update(chosen)
        unseen[1 - me] += len(chosen)
        in_flight = max(in_flight, *unseen)
        if cap is not None:
            beyond = max(beyond, max(given.values(), default=0) - cap)
    return spread(given, [profile.id for profile in profiles], beyond, in_flight)


def main() -> None:
    options = argparse.ArgumentParser(description="How evenly are requests spread?")
    options.add_argument("--requests", type=int, default=2_000)
    chosen = options.parse_args()
    print("past | even | capacity | Gini  | busiest tenth | most beyond capacity | in flight")
    for even in (0.0, 0.01, 0.02, 0.05, 0.2):
        for cap in (None, 60):
            found = simulate(Rules(version=f"even-{even}", even=even), requests=chosen.requests, cap=cap)
            print(
                f"{DEFAULT_RULES.past} | {even:4} | {cap or 'none':>8} | {found.gini:.3f} | {found.busiest_tenth:13.1%}"
                f" | {found.beyond_cap:20} | {found.in_flight}"
            )


if __name__ == "__main__":
    main()
