# ruff: noqa: E402 - rewriting comes before importing
"""Do alarms ring when they should, and stop? promtool runs the rules over samples whose values are known.

That the drills of alarm_faults.py can be trusted: what they scrape goes the same way.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

import pytest
from prometheus_client.samples import Sample

pytest.register_assert_rewrite("tests.faults.alarms")

from tests.faults.alarms import EVERY_S, RULES, Samples, promtool

#: When the first scrape was, Unix time; each second of it counts as EVERY_S.
BEGAN = 1_790_000_000.0


def sample(name: str, value: float, **labels: str) -> Sample:
    return Sample(name, labels, value)


def scraped(*scrapes: Iterable[Sample] | None) -> Samples:
    """What one process said at each scrape; None where it did not answer."""
    samples = Samples()
    for number, said in enumerate(scrapes):
        samples.scraped(BEGAN + number, {"expirer": list(said) if said is not None else None})
    return samples


def test_prometheus_reads_the_alarms() -> None:
    done = subprocess.run([promtool(), "check", "rules", str(RULES)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alarm_rings_once_its_condition_has_held_for_as_long_as_it_says() -> None:
    here: list[Sample] = []
    assert scraped(here, None, None).ringing() == set()
    assert scraped(here, None, None, None).ringing() == {"ReferralsProcessDown"}
    assert scraped(here, None, None, None, here).ringing() == set()
    assert scraped(here, None, None, None, here).ringing(2) == {"ReferralsProcessDown"}


def test_a_figure_of_a_process_that_is_gone_counts_no_more() -> None:
    parked = [sample("referrals_parked_referrals", 1)]
    assert scraped(*[parked] * 11).ringing() == {"ReferralsParked"}
    assert "ReferralsParked" not in scraped(*[parked] * 11, None).ringing()


def test_a_range_looks_back_as_far_as_it_says_and_knows_a_counter_that_began_anew() -> None:
    def retries(number: float) -> list[Sample]:
        return [sample("referrals_batch_retries_total", number, group="g", waiting_on="mongo")]

    rising = [retries(n) for n in range(22)]
    assert scraped(*rising).ringing() == {"ReferralsBatchesRetried"}
    assert scraped(*rising, *([retries(21)] * 4)).ringing() == {"ReferralsBatchesRetried"}
    assert scraped(*rising, *([retries(21)] * 8)).ringing() == set()
    assert scraped(*rising[:11], *rising[:11]).ringing() == {"ReferralsBatchesRetried"}


def test_records_that_are_put_aside_all_at_once_are_heard_though_their_counter_was_not_there_before() -> None:
    burst = [sample("referrals_dead_letters_total", 25, group="g", reason="KeyError")]
    assert scraped([], [], burst).ringing() == {"ReferralsDeadLettersRise"}
    assert scraped([], [], *[burst] * 10).ringing() == {"ReferralsDeadLettersRise"}
    assert scraped([], [], *[burst] * 25).ringing() == set()


def test_an_instant_is_turned_as_the_clock_is() -> None:
    def seen(at: float) -> list[Sample]:
        return [sample("referrals_store_seen_timestamp_seconds", BEGAN + at)]

    assert scraped(*(seen(n) for n in range(12))).ringing() == set()
    # Two minutes, and one for which it must hold: six scrapes after it was last seen.
    assert scraped(*(seen(min(n, 4)) for n in range(4 + 180 // EVERY_S + 1))).ringing() == set()
    assert scraped(*(seen(min(n, 4)) for n in range(4 + 180 // EVERY_S + 2))).ringing() == {"ReferralsDatabaseNotSeen"}
    # What was before the first scrape is as long ago as it was.
    assert scraped(*[seen(-60.0)] * 5).ringing() == set()
    assert scraped(*[seen(-60.0)] * 6).ringing() == {"ReferralsDatabaseNotSeen"}
