"""Does each stage happen at its instant: once, never early, in order, and with the right end after any outage?"""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.codes import Flame, PolicyName
from services.core.events import EventType
from services.core.referral import Referral
from tests.builders import START, make_referral
from tests.journeys import LATER, at, tick, ticked, travel

STANDARD, CLASSIC = PolicyName.STANDARD, PolicyName.CLASSIC
H, D = timedelta(hours=1), timedelta(days=1)
JUST_BEFORE = timedelta(milliseconds=-1)


def walk(referral: Referral, *instants: datetime) -> Referral:
    for instant in instants:
        referral = tick(referral, instant) or referral
    return referral


def story(referral: Referral) -> list[str]:
    """What time did, in order, without the commands."""
    return [entry.what.removeprefix("referral.") for entry in referral.history if entry.by == "system"][1:]


@pytest.mark.parametrize(
    ("referral", "instants"),
    [
        pytest.param(make_referral(), [24 * H, 12 * D, 14 * D], id="standard"),
        pytest.param(make_referral(contact_requested=True), [24 * H, 72 * H, 12 * D, 14 * D], id="standard-flame"),
        pytest.param(make_referral(policy=CLASSIC), [24 * H, 72 * H], id="classic"),
        pytest.param(at(CLASSIC, "evaluating"), [H + 5 * D, H + 7 * D], id="classic-evaluating"),
        pytest.param(
            at(STANDARD, "accepted+undo", contact_requested=True), [H + timedelta(minutes=5), 72 * H], id="accepted"
        ),
    ],
)
def test_each_stage_happens_at_its_instant_and_not_before(referral: Referral, instants: list[timedelta]) -> None:
    for after in instants:
        assert tick(referral, START + after + JUST_BEFORE) is None
        referral = ticked(referral, START + after)
        assert tick(referral, START + after) is None
    assert tick(referral, START + 1000 * D) is None


@pytest.mark.parametrize(
    ("referral", "outage", "expected"),
    [
        pytest.param(make_referral(), 23 * H, [], id="nothing-due"),
        pytest.param(make_referral(), 13 * D, ["skipped reminder", "expiring_soon"], id="warning-overtakes-reminder"),
        pytest.param(
            make_referral(), 20 * D, ["skipped reminder", "skipped warning", "expired"], id="expiry-overtakes-both"
        ),
        pytest.param(
            make_referral(contact_requested=True),
            4 * D,
            ["skipped reminder", "flame_changed"],
            id="flame-overtakes-reminder",
        ),
        pytest.param(
            make_referral(contact_requested=True),
            13 * D,
            ["skipped reminder", "flame_changed", "expiring_soon"],
            id="flame-and-warning-both-stand",
        ),
        pytest.param(
            make_referral(contact_requested=True),
            20 * D,
            ["skipped reminder", "skipped flame change", "skipped warning", "expired"],
            id="expiry-overtakes-all",
        ),
        pytest.param(
            make_referral(policy=CLASSIC, contact_requested=True),
            72 * H,
            ["skipped reminder", "expired"],
            id="classic-expiry-before-flame",
        ),
        pytest.param(
            at(CLASSIC, "evaluating", contact_requested=True),
            6 * D + 2 * H,
            ["flame_changed", "expiring_soon"],
            id="classic-evaluating",
        ),
        pytest.param(
            at(STANDARD, "accepted+undo", contact_requested=True), 20 * D, ["settled", "flame_changed"], id="accepted"
        ),
        pytest.param(at(STANDARD, "declined+undo", contact_requested=True), 20 * D, ["settled"], id="declined"),
    ],
)
def test_after_an_outage_overtaken_stages_are_recorded_and_not_told(
    referral: Referral, outage: timedelta, expected: list[str]
) -> None:
    after = walk(referral, START + outage)
    assert story(after) == expected
    assert after.status != "Closed" or after.timers.next_due() is None
    told = [event.type.removeprefix("referral.") for event in after.outbox if event.sequence > referral.version]
    assert told == [what for what in expected if not what.startswith("skipped")]


def test_the_event_that_overtook_names_what_was_skipped() -> None:
    expired = ticked(make_referral(contact_requested=True), START + 20 * D)
    assert expired.outbox[-1].facts["skipped"] == ["reminder", "flame change", "warning"]
    assert "skipped" not in ticked(make_referral(), START + D).outbox[-1].facts


def test_expiry_closes_and_says_when() -> None:
    late = START + 14 * D + H
    expired = ticked(make_referral(), late)
    assert (expired.status, expired.substatus, expired.stage) == ("Closed", "Expired", "Archived")
    assert (expired.closed_at, expired.expires_at) == (late, START + 14 * D)
    assert (expired.undo, expired.timers.next_due()) == (None, None)


def test_the_flame_changes_while_the_referral_stays_open() -> None:
    changed = ticked(make_referral(contact_requested=True), START + 72 * H)
    assert (changed.status, changed.flame) == ("New", Flame.OVERDUE)
    assert changed.outbox[-1].facts["flame"] == "overdue"


def test_a_classic_flame_changes_in_evaluating_and_in_active() -> None:
    for place in ("evaluating", "accepted"):
        assert ticked(at(CLASSIC, place, contact_requested=True), START + 72 * H).flame is Flame.OVERDUE


def test_closed_for_good_no_time_changes_anything() -> None:
    for place in ("declined", "won", "lost", "expired", "withdrawn", "error"):
        assert tick(at(STANDARD, place, contact_requested=True), START + 1000 * D) is None


OPEN_ROADS = [
    *((STANDARD, steps) for steps in [(), ("open",), ("accept",), ("decline",), ("accept", "win"), ("accept", "undo")]),
    *((CLASSIC, steps) for steps in [(), ("open",), ("no_thanks",), ("interest",), ("interest", "accept")]),
]


@given(
    road=st.sampled_from(OPEN_ROADS),
    contact_requested=st.booleans(),
    hours=st.lists(st.integers(0, 24 * 20), max_size=12),
)
def test_however_time_is_cut_the_end_is_the_same(
    road: tuple[PolicyName, tuple[str, ...]], contact_requested: bool, hours: list[int]
) -> None:
    policy, steps = road
    start = travel(make_referral(policy=policy, contact_requested=contact_requested), *steps)
    end = LATER + 21 * D
    in_steps = walk(start, *(START + h * H for h in sorted(hours)), end)
    at_once = walk(start, end)

    def state(r: Referral) -> tuple[object, ...]:
        return r.status, r.substatus, r.stage, r.flame, r.timers, r.undo, r.details

    assert state(in_steps) == state(at_once)
    kinds = [event.type for event in in_steps.outbox[len(start.outbox) :]]
    assert len(kinds) == len(set(kinds)), "each stage once"
    assert {e.type for e in at_once.outbox[len(start.outbox) :]} <= set(kinds), "an outage tells less, never more"
    assert EventType.EXPIRED not in kinds or kinds[-1] is EventType.EXPIRED
