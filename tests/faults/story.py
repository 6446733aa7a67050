"""One of everything that makes a process write: what every kill strikes in the middle of."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

import httpx

from schemas.topics import Topic
from services.bootstrap import World
from services.cli.system import intake_address
from services.core.accounts import Notify, User
from services.core.codes import PolicyName
from services.core.digest import with_wish
from services.core.engagement import WithdrawRfi
from services.core.ids import rfi_id, user_id
from services.core.ports import Change, Outgoing
from services.core.referral import Referral
from services.core.wishes import AskPartner
from services.engines.bundled.faults import Fault, FaultRule
from tests.e2e.exchange import eventually, good_rfi
from tests.faults.mongo_faults import an_hour_ago, token_of
from tests.faults.trial import Trial
from tests.journeys import COMMANDS

#: Within this time a process that was killed in the middle of an answer takes requests again.
BACK_WITHIN_S = 90
#: How long a slow mail server takes: leases of four seconds are renewed every 1.3 seconds meanwhile.
SLOW_S = 3.0


def story(trial: Trial, in_hand: Callable[[], None] = lambda: None) -> None:
    """RFIs (good, bad, repeated; by Kafka and over HTTP), poison, a slow mail server, answers, partners asked in the
    place of others, a decision that can't be made final for a while, a request that was kept for long enough, a
    reminder, a digest.

    Args:
        trial: whose exchange it happens on.
        in_hand: called while a mail is in the notifier's hands.
    """
    site = trial.site
    good, onward = trial.send(4), goes_on(trial, 2)
    slow_mail(trial, good[0], in_hand)
    over_http(trial)
    site.publish(trial.ledger, {f"{good[0]}-bad": good_rfi(f"{good[0]}-bad") | {"channel": "pigeon"}})
    site.send(trial.ledger, good[0])
    site.run(poison)
    site.run(partial(wants_digests, trial))
    site.run(untold_profile)
    site.quiet()
    site.run(partial(answers, trial, good))
    site.run(partial(passed_on, trial, onward))
    site.quiet()
    site.run(partial(kept_for_years, trial, good[1]))
    undecidable = site.run(partial(misremembered, trial, good[2]))
    # A day in steps, because a digest that is half a day late is left out.
    for hours in (9, 8, 8):
        site.time_passes(timedelta(hours=hours))
        site.quiet()
    site.run(lambda world: remembered(world, undecidable))
    site.quiet()
    eventually(partial(erased, trial, good[1]), "what was kept for long enough is erased", BACK_WITHIN_S)


def goes_on(trial: Trial, number: int) -> list[str]:
    """RFIs whose customer lets one partner have them after the other; returns their names."""
    names, consent = trial.names(number), {"contact": True, "share": True, "nextBest": True}
    trial.site.publish(trial.ledger, {name: good_rfi(name) | {"consent": consent, "maxPartners": 1} for name in names})
    return names


def slow_mail(trial: Trial, name: str, in_hand: Callable[[], None]) -> None:
    """The server takes its time over a mail, so that its lease is renewed meanwhile."""
    site, address = trial.site, f"+{name}@"
    site.mail_faults(FaultRule(fault=Fault.DELAY, pattern=re.escape(address), delay_s=SLOW_S, times=1))
    eventually(lambda: any(address in to for mail in site.mails() for to in mail.rcpt), "a mail is in hand")
    in_hand()


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
    found = (await world.stores.referrals.of_rfis([ids[2]]))[ids[2]]
    # A partner of the classic policy would have to show interest before.
    accepts = next(each.id for each in found if each.policy is not PolicyName.CLASSIC)
    declines = next(each.id for each in found if each.id != accepts)
    await world.commands.execute_rfi(ids[1], WithdrawRfi(by="customer"))
    await world.commands.execute(accepts, COMMANDS["accept"])
    await world.commands.execute(declines, COMMANDS["decline"])
    await world.commands.execute_rfi(ids[3], await one_more(world, ids[3]))


async def passed_on(trial: Trial, onward: list[str], world: World) -> None:
    """Of two requests that may go on, one is declined, and the other's deadline comes today."""
    declined, lapsing = [rfi_id(trial.ledger.source, name) for name in onward]
    found = await world.stores.referrals.of_rfis([declined, lapsing])
    await world.commands.execute(found[declined][0].id, COMMANDS["decline"])
    for each in found[lapsing][:1]:
        timers = replace(each.timers, expire_at=world.clock.now() + timedelta(hours=1))
        await world.stores.referrals.save([Change(replace(each, timers=timers), each.version)])


async def kept_for_years(trial: Trial, name: str, world: World) -> None:
    """A request that was withdrawn is so old that its customer's data need not be kept."""
    id_, then = rfi_id(trial.ledger.source, name), world.clock.now() - timedelta(days=4 * 365)
    rfi = (await world.stores.rfis.load([id_]))[id_]
    referrals = (await world.stores.referrals.of_rfis([id_]))[id_]
    closed = [Change(replace(each, closed_at=then), each.version) for each in referrals]
    await world.stores.referrals.save(closed)
    await world.stores.rfis.save([Change(replace(rfi, accepted_at=then, closed_at=then), rfi.version)])


def erased(trial: Trial, name: str) -> bool:
    """Whether the customer's data of a request is gone."""
    with trial.site.database() as database:
        found = database["rfis"].find_one({"_id": rfi_id(trial.ledger.source, name)})
    return bool(found and found.get("erased_at"))


async def misremembered(trial: Trial, name: str, world: World) -> list[str]:
    """A bug wrote down a decision that nobody knows, so its end can't be made; returns the referral's id."""
    id_ = rfi_id(trial.ledger.source, name)
    found = (await world.stores.referrals.of_rfis([id_]))[id_]
    accepted = [each for each in found if each.undo is not None and each.undo.command == "accept"]
    await rewritten(world, accepted, "misremembered")
    return [each.id for each in accepted]


async def remembered(world: World, ids: list[str]) -> None:
    """The fix: the decision is known again, and due as before."""
    await rewritten(world, list((await world.stores.referrals.load(ids)).values()), "accept")


async def rewritten(world: World, referrals: list[Referral], command: str) -> None:
    """Write the decision of referrals as another one."""
    changes = [
        Change(replace(each, undo=replace(each.undo, command=command)), each.version)
        for each in referrals
        if each.undo is not None
    ]
    await world.stores.referrals.save(changes)


async def one_more(world: World, id_: str) -> AskPartner:
    """A wish for a partner that does not have the request."""
    routing = (await world.stores.rfis.load([id_]))[id_].routing
    asked = {each.partner_id for each in routing.chosen} if routing else set[str]()
    others = (each.id for each in await world.stores.partners.all_partners() if each.id not in asked)
    return AskPartner(by="customer", partner_id=next(others))
