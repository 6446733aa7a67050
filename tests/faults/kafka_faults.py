"""What happens while Kafka, or the way to it, is away, slow, or lies about what it has done?"""

from __future__ import annotations

import pytest

from services.engines.supervisor import status
from tests.faults.disk import small_disk
from tests.faults.mongo_faults import an_hour_ago, posted, token_of
from tests.faults.proxy import Net
from tests.faults.site import Site
from tests.faults.trial import Trial, long_only

#: What a network does, by name; for how long in the short and in the long form, seconds.
NETWORKS = {
    "cut": (Net.CUT, 0.0, 2, 15),
    "half-open (blackhole)": (Net.BLACKHOLE, 0.0, 3, 15),
    "replies lost": (Net.REPLIES_LOST, 0.0, 3, 15),
    "latency of 2 s": (Net.LATENCY, 2.0, 3, 30),
    "7 bytes at a time": (Net.SLICED, 0.0, 2, 15),
    "1 KB/s": (Net.SLOW, 0.0, 2, 30),
}


#: Those that `make test` tries; the others take long because everything is slow under them.
IN_SHORT = ("cut", "replies lost")


@long_only  # `make test` has tests/e2e/test_kill.py.
def test_a_broker_that_dies_and_comes_back(trial: Trial) -> None:
    kafka = trial.site.engines["kafka"]
    for away_s in (5, 120) if trial.long else (1,):
        with trial.whole(10, f"kill -9 of the broker, away for {away_s} s"):
            trial.send(trial.number(10, 100))
            kafka.kill()
            trial.lasts(away_s)
            kafka.start()
            trial.send(5)


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in IN_SHORT else long_only) for name in NETWORKS])
def test_a_network_that_fails_between_us_and_kafka(trial: Trial, name: str) -> None:
    mode, delay_s, short_s, long_s = NETWORKS[name]
    net = trial.site.nets["kafka"]
    with trial.whole(12, f"network to Kafka: {name}"):
        trial.send(trial.number(5, 50))
        net.set(mode, delay_s)
        trial.lasts(trial.number(short_s, long_s))
        if mode in {Net.BLACKHOLE, Net.REPLIES_LOST}:
            net.reset()  # Connections that wait for ever are cut when the partition ends.


def test_connections_to_kafka_are_reset(trial: Trial) -> None:
    with trial.whole(12, "network to Kafka: reset", times=trial.number(3, 20)):
        for _ in range(trial.number(3, 20)):
            trial.send(3)
            trial.site.nets["kafka"].reset()


def test_a_publish_without_an_answer_is_repeated_and_known_again(trial: Trial) -> None:
    """The events of a change stay in its outbox until Kafka has acknowledged them, and are then known by their ids."""
    site = trial.site
    trial.send(3)
    site.quiet()
    with trial.whole(13, "publish times out after Kafka has written", times=3):
        for _ in range(3):
            trial.send(2)
            site.nets["kafka"].set(Net.REPLIES_LOST)
            trial.lasts(trial.number(1, 8))  # Beyond the producer's patience of 5 s in the long form.
            site.nets["kafka"].reset()
            site.nets["kafka"].set(Net.PASS)
    assert ready(site)


@long_only  # Its data has to go to another disk and back; `make test` has the 503 in tests/unit/test_intake_http.py.
def test_a_full_disk_under_kafka(trial: Trial) -> None:
    """A broker that cannot write ends itself. What it has acknowledged it has; the rest was answered with 503."""
    site = trial.site
    token, at = token_of(site, trial.ledger.source), an_hour_ago(site)
    with small_disk(site, "kafka") as disk, trial.whole(27, f"the disk under Kafka is full ({disk.kind})"):
        trial.send(trial.number(5, 50))
        disk.fill()
        answers = posted(trial, token, at, trial.number(4, 20))
        trial.lasts(trial.number(2, 30))
        disk.empty()
        trial.send(5)
    assert set(answers) <= {202, 503}
    assert answers[503]


def ready(site: Site) -> bool:
    return status(site.home).ready
