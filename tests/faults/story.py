"""One of everything that makes a process write: what every kill strikes in the middle of."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import httpx

from schemas.topics import Topic
from services.bootstrap import World
from services.cli.system import intake_address
from services.core.accounts import Notify, User
from services.core.codes import Status
from services.core.digest import with_wish
from services.core.engagement import WithdrawRfi
from services.core.errors import Refused
from services.core.ids import rfi_id, user_id
from services.core.ports import Outgoing
from services.core.wishes import AskPartner
from tests.e2e.exchange import eventually, good_rfi
from tests.faults.mongo_faults import an_hour_ago, token_of
from tests.faults.trial import Trial
from tests.journeys import COMMANDS

#: Within this time a process that was killed in the middle of an answer takes requests again.
BACK_WITHIN_S = 90


def story(trial: Trial) -> None:
    """RFIs (good, bad, repeated; by Kafka and over HTTP), poison, answers, a partner that a customer wants as well, a
    reminder, a digest."""
    site = trial.site
    good = trial.send(4)
    over_http(trial)
    site.publish(trial.ledger, {f"{good[0]}-bad": good_rfi(f"{good[0]}-bad") | {"channel": "pigeon"}})
    site.send(trial.ledger, good[0])
    site.run(poison)
    site.run(partial(wants_digests, trial))
    site.run(untold_profile)
    site.quiet()
    site.run(partial(answers, trial, good))
    site.quiet()
    # A day in steps, because a digest that is half a day late is left out.
    for hours in (9, 8, 8):
        site.time_passes(timedelta(hours=hours))
        site.quiet()


def over_http(trial: Trial) -> None:
    """A publisher posts an RFI under a key, again and again until it is answered."""
    site, [name] = trial.site, trial.names(1)
    rfi = good_rfi(name) | {"submittedAt": an_hour_ago(site)}
    headers = {"authorization": f"Bearer {token_of(site, trial.ledger.source)}", "idempotency-key": name}

    def taken() -> bool:
        with suppress(httpx.TransportError), httpx.Client(base_url=str(intake_address(site.home))) as client:
            return client.post("/v1/rfis", json=rfi, headers=headers).status_code == httpx.codes.ACCEPTED
        return False

    eventually(taken, f"{name} is taken", BACK_WITHIN_S)
    trial.ledger.took([name])


async def poison(world: World) -> None:
    """A record on each topic of events that nobody can read."""
    topics = (Topic.RFI_ACCEPTED, Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS)
    await world.publisher.publish([Outgoing(topic=topic, key="poison", value=b"{not json") for topic in topics])


async def untold_profile(world: World) -> None:
    """A change of a profile that whoever made it died before telling."""
    profile = (await world.stores.partners.all_profiles())[0]
    await world.stores.partners.put_profiles([replace(profile, version=profile.version + 1)])


async def wants_digests(trial: Trial, world: World) -> None:
    """Somebody who gets a mail each morning, and nothing else."""
    email = trial.ledger.reader
    partner = (await world.stores.partners.all_partners())[0]
    reader = User(id=user_id(email), email=email, name="Rita", partner_id=partner.id)
    await world.stores.users.add([with_wish(reader, Notify.DIGEST, world.clock.now())])


async def answers(trial: Trial, good: list[str], world: World) -> None:
    """A request is withdrawn, another one accepted and declined, and a third goes to one more partner."""
    ids = [rfi_id(trial.ledger.source, name) for name in good]

    async def asked(number: int) -> list[str]:
        return [
            r.id for r in (await world.stores.referrals.of_rfis([ids[number]]))[ids[number]] if r.status is Status.NEW
        ]

    # Killed and repeated: the first time counted.
    with suppress(Refused, IndexError):
        await world.commands.execute_rfi(ids[1], WithdrawRfi(by="customer"))
        await world.commands.execute((await asked(2))[0], COMMANDS["accept"])
        await world.commands.execute((await asked(2))[1], COMMANDS["decline"])
        await world.commands.execute_rfi(ids[3], await one_more(world, ids[3]))


async def one_more(world: World, id_: str) -> AskPartner:
    """A wish for a partner that does not have the request."""
    routing = (await world.stores.rfis.load([id_]))[id_].routing
    asked = {each.partner_id for each in routing.chosen} if routing else set[str]()
    others = (each.id for each in await world.stores.partners.all_partners() if each.id not in asked)
    return AskPartner(by="customer", partner_id=next(others))
