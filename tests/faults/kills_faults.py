"""Does a kill -9 lose or double anything, at whichever write it strikes?"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from functools import partial

from tests.e2e.exchange import eventually
from tests.faults.site import CONSUMERS, Site
from tests.faults.story import story
from tests.faults.trial import Trial

#: Points that every run passes; more are found by running, so that a new write is killed at without a line here.
KNOWN = {
    "intake": {"referrals-intake", "rfis.add", "refusals.put", "publisher.publish", "idempotency.claim"},
    "router": {"referrals-router", "rfis.route", "referrals.add", "publisher.publish", "referrals.save", "rfis.save"},
    "notifier": {"referrals-notifier", "jobs.add_leased", "mailer.send", "jobs.finish", "dead_letters.put"},
    "expirer": {
        *("referrals-expirer", "referrals.save", "publisher.publish", "referrals.clear_outbox"),
        *("jobs.add_leased", "jobs.finish", "users.save"),
    },
    "webhooks": {"referrals-webhooks", "webhooks.add_deliveries", "webhooks.finish_deliveries", "caller.post"},
}

#: Leases are renewed and medians are made by time, not by work: a kill there is one at any moment.
BY_TIME = ("jobs.renew", "insights.put_medians")
#: Router and expirer both look for profiles and events that nobody told of: who comes first meets the kill.
BY_CHANCE = ("partners.mark_published", "rfis.clear_outbox")

#: One mail in flight per connection may be cut; what one portion holds may be sent and not yet noted.
IN_HAND = 200


def points_of(site: Site) -> dict[str, list[str]]:
    """The points that each process has passed so far."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in sorted(site.passed()):
        process, _, point = name.partition(".")
        if process in CONSUMERS and not point.startswith(BY_TIME):
            found[process].append(point)
    return found


def test_a_kill_at_every_point_loses_and_doubles_nothing(trial: Trial) -> None:
    with trial.whole(1, "the story of a request without a fault"):
        story(trial)
    points = points_of(trial.site)
    for process, known in KNOWN.items():
        assert {f"{point}.{side}" for point in known for side in ("before", "after")} <= set(points[process])
    dice = random.Random(trial.seed)
    for found in points.values():
        dice.shuffle(found)
    rounds = max(map(len, points.values())) if trial.long else 1
    for number in range(rounds):
        at = {process: found[number % len(found)] for process, found in points.items()}
        with trial.whole(1, f"kill -9: {said(at)}", most_again=IN_HAND) as result:
            for process, point in at.items():
                trial.site.order(process, point)
            story(trial)
            # What only a clean-up passes may come a little later.
            sure = {process: point for process, point in at.items() if not point.startswith(BY_CHANCE)}
            eventually(partial(all_struck, trial.site, sure), f"kills at {said(sure)}", within_s=60)
            struck = {process: point for process, point in at.items() if trial.site.struck(process, point)}
            result.what, result.times = f"kill -9: {said(struck)}", len(struck)


def said(at: Mapping[str, str]) -> str:
    return ", ".join(f"{process} at {point}" for process, point in sorted(at.items()))


def all_struck(site: Site, at: Mapping[str, str]) -> bool:
    return all(site.struck(process, point) for process, point in at.items())
