"""What does a router process consist of? Wiring; the adapters come in as ports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from schemas.topics import Topic
from services.core.codes import PolicyName
from services.core.events import Event, EventType
from services.core.partner import RoutableProfile
from services.core.pasts import PastStore
from services.core.policy import POLICIES, Policy
from services.core.ports import Clock, Outgoing, Publisher, Record
from services.core.rfi import Rfi
from services.core.rounds import MAX_ROUNDS
from services.core.rules import RuleStore
from services.core.standing import Standing
from services.core.stores import PartnerStore, ReferralStore, RfiStore
from services.matching.capacity import Capacity
from services.matching.growing import GrowingMatcher
from services.matching.matcher import Matcher
from services.matching.pasts import stored_standings
from services.matching.regions import ParentOf
from services.matching.view import Feed, View
from services.router.answering import Answering, AnsweringPorts
from services.router.asking import Asking, PolicyNames
from services.router.closing import Closing, PublishReferrals
from services.router.handler import PORTION, RouterHandler
from services.router.next_best import NextBestHandler
from services.router.ruling import Ruling
from services.router.siblings import SiblingsHandler

#: Profiles read at a time when a router starts.
PAGE = 2000
#: How often it is asked whether the compiled matcher is ready, while it is made ready and otherwise, seconds.
_SOON_S, _LATER_S = 0.1, 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterPorts:
    """What a router needs of the world."""

    rfis: RfiStore
    referrals: ReferralStore
    partners: PartnerStore
    pasts: PastStore
    rules: RuleStore
    publisher: Publisher
    publish_referrals: PublishReferrals
    publish_rfis: Callable[[Sequence[Rfi]], Awaitable[None]]
    #: Both publish the whole outboxes of what was changed, then clear them.
    clock: Clock
    feed: Feed
    #: Reads `partner.profiles` and `partner.stats` without a consumer group.
    decode_event: Callable[[Record], Event]
    encode_event: Callable[[Event], Outgoing]
    type_of: Callable[[Record], EventType | None]
    #: By the header alone, without reading the record.
    decode_profile: Callable[[Record], RoutableProfile]
    decode_standing: Callable[[Record], Standing]
    parent_of: ParentOf
    #: Which subdivision lies in which.
    policies: Mapping[PolicyName, Policy] = field(default_factory=lambda: POLICIES)
    max_rounds: int = MAX_ROUNDS
    #: Rounds of asking for one RFI at most, the first included.


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """A router, not started: `prepare` first, then consume and run the loops.

    `handler` takes `rfi.accepted` (group router), `siblings` takes `engagement.events` (group router-engagements: what
    customers say), `next_best` takes `referral.events` (group router-next-best). `view.follow` and `standings.follow`
    are loops as `grow` is, `refresh_capacity` and `ruling.look` are to be repeated every few seconds.
    """

    matcher: GrowingMatcher
    capacity: Capacity
    ruling: Ruling
    view: View[RoutableProfile]
    standings: View[Standing]
    handler: RouterHandler
    siblings: SiblingsHandler
    next_best: NextBestHandler

    async def prepare(self) -> None:
        """Load rules, standings, profiles and open counts; only then may RFIs be routed.

        Raises:
            DependencyUnavailable: try again.
            RulesChanged: rules were published meanwhile; start anew.
        """
        await self.ruling.take_up()
        # What profiles have learned comes first: whoever comes after its profile makes it be read twice.
        await self.standings.load()
        await self.view.load()
        await self.refresh_capacity()

    async def refresh_capacity(self) -> None:
        """Set the open counts right; to be repeated every few seconds.

        Raises:
            DependencyUnavailable: the old counts stay.
        """
        await self.capacity.refresh(self.matcher.limited())

    async def grow(self, stop: asyncio.Event) -> None:
        """Go over to the compiled matcher when it is ready, while nobody waits for an answer; until stopped."""
        while not stop.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _SOON_S if self.matcher.grow() else _LATER_S)


def build(ports: RouterPorts, *, portion: int = PORTION) -> Router:
    """Put a router together; opens nothing. `portion` RFIs are stored and told together."""
    capacity = Capacity(ports.referrals)
    matcher = GrowingMatcher(capacity, ports.parent_of)
    closing = Closing(
        referrals=ports.referrals, publish=ports.publish_referrals, clock=ports.clock, policies=ports.policies
    )
    asking = Asking(
        rfis=ports.rfis,
        referrals=ports.referrals,
        policy_names=policy_names(matcher, ports.partners),
        policies=ports.policies,
        closing=closing,
    )
    handler = RouterHandler(
        rfis=ports.rfis,
        publisher=ports.publisher,
        clock=ports.clock,
        matcher=matcher,
        capacity=capacity,
        asking=asking,
        decode=ports.decode_event,
        encode=ports.encode_event,
        portion=portion,
    )
    answering = _answering(ports, matcher, capacity, asking)
    siblings = SiblingsHandler(closing=closing, answering=answering, decode=ports.decode_event)
    next_best = NextBestHandler(answering=answering, decode=ports.decode_event, type_of=ports.type_of)
    return Router(
        matcher=matcher,
        capacity=capacity,
        ruling=Ruling(ports.rules, matcher),
        view=_profiles(ports, matcher),
        standings=_standings(ports, matcher),
        handler=handler,
        siblings=siblings,
        next_best=next_best,
    )


def _profiles(ports: RouterPorts, matcher: GrowingMatcher) -> View[RoutableProfile]:
    async def fill() -> AsyncGenerator[int, None]:
        async with aclosing(ports.partners.stored_profiles(PAGE)) as pages:
            async for page in pages:
                yield matcher.put_stored(page)
                await matcher.ready()
        # Takes seconds in a large network: who asks whether this process lives is answered meanwhile.
        await asyncio.to_thread(matcher.settle)

    return View(
        what="profile",
        topic=Topic.PARTNER_PROFILES,
        feed=ports.feed,
        fill=fill,
        decode=ports.decode_profile,
        take=matcher.put,
    )


def _standings(ports: RouterPorts, matcher: Matcher) -> View[Standing]:
    def take(standing: Standing) -> bool:
        return matcher.learn(standing.profile_id, standing)

    async def fill() -> AsyncGenerator[int, None]:
        async for page in stored_standings(ports.pasts, ports.clock.now()):
            yield sum(map(take, page))

    return View(
        what="standing",
        topic=Topic.PARTNER_STATS,
        feed=ports.feed,
        fill=fill,
        decode=ports.decode_standing,
        take=take,
    )


def _answering(ports: RouterPorts, matcher: Matcher, capacity: Capacity, asking: Asking) -> Answering:
    world = AnsweringPorts(
        rfis=ports.rfis,
        publisher=ports.publisher,
        publish_rfis=ports.publish_rfis,
        clock=ports.clock,
        encode=ports.encode_event,
    )
    return Answering(ports=world, matcher=matcher, capacity=capacity, asking=asking, max_rounds=ports.max_rounds)


def policy_names(matcher: Matcher, partners: PartnerStore) -> PolicyNames:
    """Where policies of profiles are looked up: in the matcher, and in the store for what another router knew first."""

    async def look_up(ids: Sequence[str]) -> Mapping[str, PolicyName]:
        names = {id_: profile.policy for id_ in ids if (profile := matcher.profile(id_)) is not None}
        unknown = [id_ for id_ in ids if id_ not in names]
        if unknown:
            names |= {id_: profile.policy for id_, profile in (await partners.load_profiles(unknown)).items()}
        return names

    return look_up
