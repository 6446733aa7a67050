"""Do the promises of the life cycle hold under any sequence of commands, ticks, outages and publications?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.core.codes import PolicyName, Status
from services.core.errors import Refused
from services.core.events import Event, EventType
from services.core.referral import HISTORY_LIMIT, Referral, Timers
from tests.builders import START, make_referral
from tests.journeys import COMMANDS, do, tick

TERMINAL = {
    EventType.DECLINED,
    EventType.WON,
    EventType.LOST,
    EventType.EXPIRED,
    EventType.WITHDRAWN,
    EventType.ERROR_CLOSED,
}
UNDOABLE = {EventType.ACCEPTED, EventType.DECLINED, EventType.WON, EventType.LOST}
DUE_FIELD = {
    EventType.REMINDER_DUE: "remind_at",
    EventType.EXPIRING_SOON: "warn_at",
    EventType.FLAME_CHANGED: "flame_at",
    EventType.EXPIRED: "expire_at",
}


def causes(events: Sequence[Event], kind: EventType) -> list[object]:
    """Ids of the decisions that events of this kind name as their cause."""
    found = [event.facts["cause"] for event in events if event.type is kind]
    return [cause["eventId"] for cause in found if isinstance(cause, dict)]


class Life(RuleBasedStateMachine):
    """One referral; `log` is everything that ever reached Kafka or waits in the outbox, in order."""

    @initialize(policy=st.sampled_from(PolicyName), contact_requested=st.booleans())
    def begin(self, policy: PolicyName, contact_requested: bool) -> None:
        self.referral = make_referral(policy=policy, contact_requested=contact_requested)
        self.now = START
        self.log: list[Event] = []

    def _changed(self, after: Referral) -> None:
        before = self.referral
        assert after.version == before.version + 1
        assert after.outbox[: len(before.outbox)] == before.outbox or before.version == 1
        fresh = after.outbox[len(before.outbox) :]
        assert fresh, "no change goes untold"
        assert all(event.sequence == after.version for event in fresh if event.type is not EventType.CREATED)
        self.log.extend(fresh)
        self.referral = after

    @rule(name=st.sampled_from(sorted(COMMANDS)))
    def command(self, name: str) -> None:
        before = self.referral
        try:
            after = do(before, name, self.now)
        except Refused:
            return
        if after is before:
            return
        if before.status is Status.CLOSED:
            assert name == "undo" or after.status is Status.CLOSED, "closed is terminal but for undo"
        self._changed(after)

    @rule(seconds=st.one_of(st.integers(0, 400), st.integers(0, 20 * 86_400)))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def the_next_instant_comes(self) -> None:
        due = self.referral.timers.next_due()
        if due is not None and due > self.now:
            self.now = due
        self.the_expirer_comes()

    @rule()
    def the_expirer_comes(self) -> None:
        before = self.referral
        due = before.timers.next_due()
        after = tick(before, self.now)
        assert (after is None) is (due is None or due > self.now), "what is due happens, and nothing early"
        if after is None:
            return
        for event in after.outbox[len(before.outbox) :]:
            instant = getattr(before.timers, DUE_FIELD[event.type]) if event.type in DUE_FIELD else None
            assert instant is None or instant <= self.now
        assert tick(after, self.now) is None, "the same instant again changes nothing"
        self._changed(after)

    @rule()
    def the_outbox_is_published(self) -> None:
        self.referral = replace(self.referral, outbox=())

    @invariant()
    def created_comes_first_and_sequences_never_fall(self) -> None:
        if self.log:
            assert self.log[0].type is EventType.CREATED
        sequences = [event.sequence for event in self.log]
        assert sequences == sorted(sequences)

    @invariant()
    def event_ids_are_unique(self) -> None:
        assert len({event.id for event in self.log}) == len(self.log)

    @invariant()
    def a_closed_referral_has_exactly_one_ending_that_was_not_undone_and_an_open_one_none(self) -> None:
        undone = causes(self.log, EventType.UNDONE)
        endings = [event for event in self.log if event.type in TERMINAL and event.id not in undone]
        assert len(endings) == (1 if self.referral.status is Status.CLOSED else 0)

    @invariant()
    def each_decision_is_settled_or_undone_at_most_once(self) -> None:
        settled, undone = causes(self.log, EventType.SETTLED), causes(self.log, EventType.UNDONE)
        assert len(set(settled) | set(undone)) == len(settled) + len(undone)
        assert set(settled) | set(undone) <= {event.id for event in self.log if event.type in UNDOABLE}

    @invariant()
    def timers_fit_the_state(self) -> None:
        timers = self.referral.timers
        if self.referral.status is not Status.NEW:
            assert (timers.remind_at, timers.warn_at, timers.expire_at) == (None, None, None)
        if self.referral.status is Status.NEW:
            assert timers.expire_at == self.referral.expires_at is not None
            assert timers.settle_at is None
        if self.referral.status is Status.CLOSED:
            assert timers == Timers(settle_at=timers.settle_at)
        assert (timers.settle_at is None) is (self.referral.undo is None)

    @invariant()
    def history_is_capped_and_in_order(self) -> None:
        history = self.referral.history
        assert len(history) <= HISTORY_LIMIT
        assert [entry.version for entry in history] == sorted(entry.version for entry in history)
        assert history[-1].version == self.referral.version

    @invariant()
    def instants_of_the_state_fit_it(self) -> None:
        assert (self.referral.closed_at is not None) is (self.referral.status is Status.CLOSED)
        if self.referral.status is Status.ACTIVE:
            assert self.referral.accepted_at is not None


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=2 * settings().max_examples, stateful_step_count=40)
