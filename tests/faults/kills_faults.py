"""Does a kill -9 lose or double anything, at whichever write it strikes?"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from schemas.topics import Topic
from services.bootstrap import World
from services.core.codes import Status
from services.core.engagement import WithdrawRfi
from services.core.errors import Refused
from services.core.ids import rfi_id
from services.core.ports import Outgoing
from tests.e2e.exchange import eventually, good_rfi
from tests.faults.site import CONSUMERS, Site
from tests.faults.trial import Trial
from tests.journeys import COMMANDS

#: Points that every run passes; more are found by running, so that a new write is killed at without a line here.
KNOWN = {
    "intake": {"referrals-intake", "rfis.add", "refusals.put", "publisher.publish"},
    "router": {"referrals-router", "rfis.route", "referrals.add", "publisher.publish", "referrals.save"},
    "notifier": {"referrals-notifier", "jobs.add_leased", "mailer.send", "jobs.finish", "dead_letters.put"},
    "expirer": {"referrals-expirer", "referrals.save", "publisher.publish", "referrals.clear_outbox"},
    "webhooks": {"referrals-webhooks", "webhooks.add_deliveries", "webhooks.finish_deliveries", "caller.post"},
}

#: Leases are renewed by time, not by work: a kill there is one at any moment.
BY_TIME = ("jobs.renew",)

#: One mail in flight per connection may be cut; what one portion holds may be sent and not yet noted.
IN_HAND = 200


def story(trial: Trial) -> None:
    """One of everything that makes a process write: good, bad and repeated RFIs, poison, answers, a reminder."""
    site = trial.site
    good = trial.send(4)
    site.publish(trial.ledger, {f"{good[0]}-bad": good_rfi(f"{good[0]}-bad") | {"channel": "pigeon"}})
    site.send(trial.ledger, good[0])
    site.run(poison)
    site.quiet()

    async def answers(world: World) -> None:
        async def referrals_of(name: str) -> list[str]:
            id_ = rfi_id(trial.ledger.source, name)
            return [r.id for r in (await world.stores.referrals.of_rfis([id_]))[id_] if r.status is Status.NEW]

        try:
            await world.commands.execute_rfi(rfi_id(trial.ledger.source, good[1]), WithdrawRfi(by="customer"))
            await world.commands.execute((await referrals_of(good[2]))[0], COMMANDS["accept"])
            await world.commands.execute((await referrals_of(good[2]))[1], COMMANDS["decline"])
        except (Refused, IndexError):
            return  # Killed and repeated: the first time counted.

    site.run(answers)
    site.quiet()
    site.time_passes(timedelta(hours=25))
    site.quiet()


async def poison(world: World) -> None:
    """A record on each topic of events that nobody can read."""
    topics = (Topic.RFI_ACCEPTED, Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS)
    await world.publisher.publish([Outgoing(topic=topic, key="poison", value=b"{not json") for topic in topics])


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
        words = ", ".join(f"{process} at {point}" for process, point in sorted(at.items()))
        with trial.whole(1, f"kill -9: {words}", times=len(at), most_again=IN_HAND):
            for process, point in at.items():
                trial.site.order(process, point)
            story(trial)
            # What only a clean-up passes may come a little later.
            eventually(partial(all_struck, trial.site, at), f"kills at {words}", within_s=60)


def all_struck(site: Site, at: Mapping[str, str]) -> bool:
    return all(site.struck(process, point) for process, point in at.items())
