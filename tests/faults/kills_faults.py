"""Does a kill -9 lose or double anything, at whichever write it strikes?"""

from __future__ import annotations

import random
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from schemas.topics import Group
from tests.e2e.exchange import eventually
from tests.faults.site import CONSUMERS, Site
from tests.faults.story import story
from tests.faults.trial import Result, Trial

#: Writes that every run passes, by process and by whose handler they are made in (`beside`: in none); more are found by
#: running, so that a new write is killed at without a line here. Records are put aside after their handler.
KNOWN: Mapping[str, Mapping[str, str]] = {
    "intake": {
        Group.INTAKE: "rfis.add refusals.put publisher.publish",
        "beside": "idempotency.claim publisher.publish",
    },
    "router": {
        Group.ROUTER: "rfis.route referrals.add publisher.publish",
        Group.ROUTER_ENGAGEMENTS: "referrals.save rfis.save referrals.add publisher.publish",
        Group.ROUTER_NEXT_BEST: "rfis.save referrals.add publisher.publish rfis.clear_outbox",
        "beside": "dead_letters.put publisher.publish",
    },
    "notifier": {
        Group.NOTIFIER: "jobs.add_leased",
        "beside": "jobs.claim jobs.trying jobs.renew mailer.send jobs.finish dead_letters.put",
    },
    "expirer": {
        Group.EXPIRER: (
            "referrals.due referrals.save publisher.publish referrals.clear_outbox referrals.defer "
            "jobs.add_leased jobs.finish users.save"
        ),
        "beside": (
            "publisher.publish erasures.put rfis.save referrals.save erasures.forget_recipients "
            "erasures.forget_originals"
        ),
    },
    "statistics": {
        Group.STATISTICS: "pasts.save publisher.publish pasts.mark_published",
        "beside": "dead_letters.put",
    },
    "webhooks": {
        Group.WEBHOOKS: "webhooks.add_deliveries",
        "beside": "webhooks.claim_deliveries caller.post webhooks.finish_deliveries dead_letters.put",
    },
}

#: Medians are made by time, not by work: a kill there is one at any moment.
BY_TIME = "beside.insights.put_medians"
#: Router and expirer both look for profiles and events that nobody told of: who comes first meets the kill.
BY_CHANCE = ("beside.partners.mark_published", "beside.rfis.clear_outbox", "beside.referrals.clear_outbox")
#: Ordered while a mail is in hand: else it strikes when nothing is.
IN_HAND = "beside.jobs.renew"

#: Passed when a process starts: it is started again for that.
AT_THE_START = "beside.secrets.keep"

#: Kills of one process in one round: the second strikes one that has just come back.
TOGETHER = 2
#: Rounds in which a point is ordered before it counts as one that is not passed: a kill may spoil another one's chance.
TRIES = 3
#: What one portion of mails holds may be sent and not yet noted, and each kill of the notifier leaves one.
MOST_AGAIN = 200 * TOGETHER

#: Points by process.
Points = Mapping[str, Sequence[str]]


def points_of(site: Site) -> dict[str, list[str]]:
    """The points that each process has passed so far."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(site.passed()):
        process, _, point = name.partition(".")
        if process in CONSUMERS and not point.startswith(BY_TIME):
            found[process].append(point)
    return found


def known_of(process: str) -> set[str]:
    """The points that this process passes for sure."""
    groups = KNOWN[process]
    names = {f"{group}.{write}" for group, writes in groups.items() for write in writes.split()}
    names |= {group for group in groups if group != "beside"}
    return {f"{name}.{side}" for name in names for side in ("before", "after")}


def test_a_kill_at_every_point_loses_and_doubles_nothing(trial: Trial) -> None:
    with trial.whole(1, "the story of a request without a fault"):
        story(trial)
    points = points_of(trial.site)
    missed = {process: known_of(process) - set(points[process]) for process in KNOWN}
    assert not any(missed.values()), missed
    dice = random.Random(trial.seed)
    for found in points.values():
        dice.shuffle(found)
    began = len(trial.results)
    struck = killed_at_all(trial, points) if trial.long else killed_once(trial, points)
    trial.results[began:] = folded(trial.results[began:], struck)


def killed_once(trial: Trial, points: Points) -> Points:
    """One kill of each process: `make test`. What was struck."""
    return killed_at_all(trial, {process: found[:1] for process, found in points.items()})


def killed_at_all(trial: Trial, points: Points) -> Points:
    """Rounds until every point was struck; what chance decides may be left out."""
    left = {process: deque(found) for process, found in points.items()}
    tries: Counter[tuple[str, str]] = Counter()
    struck: dict[str, list[str]] = defaultdict(list)
    while any(left.values()):
        at = {process: [few.popleft() for _ in range(min(TOGETHER, len(few)))] for process, few in left.items()}
        done = round_of_kills(trial, at)
        for process, point in pairs(at):
            tries[process, point] += 1
            if point in done.get(process, ()):
                struck[process].append(point)
            elif tries[process, point] < TRIES:
                left[process].append(point)
            else:
                assert point.startswith(BY_CHANCE), f"{process} was killed at {point} in none of {TRIES} rounds"
    return struck


def round_of_kills(trial: Trial, at: Points) -> Points:
    """The story with these kills in it; which of them struck."""
    site, ordered = trial.site, list(pairs(at))
    late = [pair for pair in ordered if pair[1].startswith(IN_HAND)]
    with trial.whole(1, f"kill -9: {said(at)}", most_again=MOST_AGAIN):
        order(site, [pair for pair in ordered if pair not in late])
        story(trial, in_hand=partial(order, site, late))
        # What only a clean-up passes may come a little later.
        with suppress(AssertionError):
            eventually(lambda: all(site.struck(*pair) for pair in ordered), "kills", within_s=10)
        struck = [pair for pair in ordered if site.struck(*pair)]
    return {process: [point for of, point in struck if of == process] for process in at}


def order(site: Site, ordered: Sequence[tuple[str, str]]) -> None:
    for process, point in ordered:
        site.order(process, point)
        if point.startswith(AT_THE_START):
            site.kill(process)


def pairs(at: Points) -> list[tuple[str, str]]:
    return [(process, point) for process, points in at.items() for point in points]


def said(at: Points) -> str:
    return ", ".join(f"{process} at {' and '.join(points)}" for process, points in sorted(at.items()) if points)


def folded(rounds: Sequence[Result], struck: Points) -> list[Result]:
    """One row for each process, with its points, and one for what all rounds came to."""
    rows = [
        Result(fault=1, what=f"kill -9 of `{process}` before and after each write: {listed(points)}", times=len(points))
        for process, points in sorted(struck.items())
        if points
    ]
    total: Callable[[str], int] = lambda name: sum(getattr(each, name) for each in rounds)  # noqa: E731
    return [
        *rows,
        Result(
            fault=1,
            what=f"in these rounds of kills of all of them (up to {TOGETHER} of each in one; the longest recovery)",
            times=len(rounds),
            lost=total("lost"),
            doubled=total("doubled"),
            again=total("again"),
            recovery_s=max(each.recovery_s for each in rounds),
        ),
    ]


def listed(points: Sequence[str]) -> str:
    """Points by consumer, each with its writes; before and after each unless it says otherwise."""
    sides: dict[str, set[str]] = defaultdict(set)
    for point in points:
        name, _, side = point.rpartition(".")
        sides[name].add(side)
    writes: dict[str, list[str]] = defaultdict(list)
    for name, each in sorted(sides.items()):
        group, _, write = name.partition(".")
        writes[group].append((write or "its batches") + ("" if len(each) > 1 else f" ({', '.join(each)})"))
    return "; ".join(f"{group}: {', '.join(each)}" for group, each in writes.items())
