"""What happens while MongoDB, or the way to it, is away, slow, full, or changes its primary?"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from services.cli.system import intake_address
from services.core.ids import partner_id, rfi_id
from services.core.stores import Publisher
from services.engines.locations import LOOPBACK, claim_ports
from services.engines.supervisor import status
from services.intake.access import token_hash
from tests.e2e.exchange import eventually, good_rfi
from tests.faults.alarms import Prometheus
from tests.faults.disk import small_disk
from tests.faults.proxy import Net
from tests.faults.site import CONSUMERS, Site
from tests.faults.trial import Trial, long_only

NETWORKS = {
    "cut": (Net.CUT, 0.0, 2, 15),
    "half-open (blackhole)": (Net.BLACKHOLE, 0.0, 3, 15),
    "replies lost": (Net.REPLIES_LOST, 0.0, 3, 15),
    "7 bytes at a time": (Net.SLICED, 0.0, 2, 15),
}


#: Those that `make test` tries.
IN_SHORT = ("half-open (blackhole)",)


def killed_in_the_middle(trial: Trial, away_s: float) -> None:
    mongod = trial.site.engines["mongo"]
    trial.send(trial.number(10, 100))
    mongod.kill()
    trial.lasts(away_s)
    mongod.start()
    trial.send(3)


@long_only  # `make test` has tests/e2e/test_kill.py.
def test_mongod_killed_in_the_middle_of_writes(trial: Trial) -> None:
    for away_s in (0, 5, 60) if trial.long else (1,):
        with trial.whole(14, f"kill -9 of mongod in the middle of writes, away for {away_s} s"):
            killed_in_the_middle(trial, away_s)


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in IN_SHORT else long_only) for name in NETWORKS])
def test_a_network_that_fails_between_us_and_mongod(trial: Trial, name: str) -> None:
    mode, delay_s, short_s, long_s = NETWORKS[name]
    net = trial.site.nets["mongo"]
    with trial.whole(14, f"network to mongod: {name}"):
        trial.send(trial.number(5, 50))
        net.set(mode, delay_s)
        trial.lasts(trial.number(short_s, long_s))
        net.reset()


def test_a_slow_mongod_slows_us_down_and_nothing_else(trial: Trial) -> None:
    site = trial.site
    restarts = {name: site.restarts(name) for name in CONSUMERS}
    with trial.whole(15, "each answer of mongod takes 1 s to 5 s longer"):
        # A second each way is what every call can bear; beyond that calls fail and are repeated with pauses.
        for delay_s in (2.5, 1.0) if trial.long else (0.5,):
            trial.send(trial.number(5, 50))
            site.nets["mongo"].set(Net.LATENCY, delay_s)
            if delay_s > 1:
                Prometheus(site).heard("ReferralsProcessWaits")
            trial.lasts(trial.number(4, 60))
            site.nets["mongo"].set(Net.PASS)
    assert {name: site.restarts(name) for name in CONSUMERS} == restarts, "slow is no reason to be replaced"


def test_two_intakes_with_one_id_make_one_rfi(trial: Trial) -> None:
    site = trial.site
    token = token_of(site, trial.ledger.source)
    addresses, more = [str(intake_address(site.home))], []
    if trial.long:
        port = claim_ports(site.home, ["intake-extra-http"])["intake-extra-http"]
        more.append(site.join("intake", 16, port))
        addresses.append(f"http://{LOOPBACK}:{port}")
        eventually(lambda: "kafka.assigned" in site.home.log("intake-extra-16").read_text("utf-8"), "it has joined", 90)
    words = f"one id over HTTP many times at once, {1 + len(more)} instances of intake"
    with trial.whole(16, words, times=trial.number(8, 100)):
        [name] = trial.names(1)
        answers = asyncio.run(posts(addresses, token, name, an_hour_ago(site), trial.number(8, 100)))
        assert {status for status, _ in answers} == {202}
        assert len({body["id"] for _, body in answers}) == 1
        trial.ledger.took([name])
        site.quiet()
        assert [site.leave(instance) for instance in more] == [0] * len(more)
    with site.database() as database:
        assert database["rfis"].count_documents({"_id": rfi_id(trial.ledger.source, name)}) == 1


def token_of(site: Site, source: str) -> str:
    """A token for a publisher of the source."""
    token = f"token of {source}"
    publisher = Publisher(id=partner_id("publisher", source), source=source, token_hash=token_hash(token))
    site.run(lambda world: world.stores.publishers.put(publisher))
    return token


#: Connections of a publisher to one address: more than a server takes at a time are told to come again.
AT_A_TIME = 20


async def posts(
    addresses: Sequence[str], token: str, name: str, at: str, times: int
) -> list[tuple[int, dict[str, object]]]:
    """The same RFI so many times at once, at each of the addresses in turn."""
    rfi = good_rfi(name) | {"submittedAt": at}
    headers = {"authorization": f"Bearer {token}"}
    limits = httpx.Limits(max_connections=AT_A_TIME * len(addresses))
    async with httpx.AsyncClient(timeout=60, limits=limits, headers=headers) as client:
        urls = [f"{addresses[number % len(addresses)]}/v1/rfis" for number in range(times)]
        found = await asyncio.gather(*[client.post(url, json=rfi) for url in urls])
    return [(answer.status_code, answer.json()) for answer in found]


def an_hour_ago(site: Site) -> str:
    """In business time."""
    return (site.now() - timedelta(hours=1)).isoformat(timespec="seconds")


@pytest.mark.parametrize("engine", ["mongo", pytest.param("kafka", marks=long_only)])
def test_intake_says_503_and_loses_nothing_while_an_engine_is_away(trial: Trial, engine: str) -> None:
    """Whatever was answered with 202 is there afterwards; what was not was answered with 503, and may be sent again."""
    site = trial.site
    token, at = token_of(site, trial.ledger.source), an_hour_ago(site)
    answers: Counter[int] = Counter()
    with trial.whole(27, f"RFIs over HTTP while {engine} is away", times=trial.number(6, 60)):
        site.engines[engine].kill()
        with httpx.Client(base_url=str(intake_address(site.home)), timeout=60) as client:
            with ThreadPoolExecutor(10) as senders:
                names = trial.names(trial.number(3, 30))
                answers.update(senders.map(lambda name: post(client, trial, token, at, name), names))
            site.engines[engine].start()
            eventually(lambda: status(site.home).ready, "intake is ready again", 90)
            for name in trial.names(trial.number(3, 30)):
                answers[post(client, trial, token, at, name)] += 1
    assert answers[202] >= trial.number(3, 30)
    assert set(answers) <= {202, 503}
    assert answers[503]


def post(client: httpx.Client, trial: Trial, token: str, at: str, name: str) -> int:
    answer = client.post(
        "/v1/rfis", json=good_rfi(name) | {"submittedAt": at}, headers={"authorization": f"Bearer {token}"}
    )
    if answer.status_code == 202:
        trial.ledger.took([name])
    return answer.status_code


def posted(trial: Trial, token: str, at: str, number: int) -> Counter[int]:
    """So many RFIs over HTTP, one after the other; how often each status was answered."""
    with httpx.Client(base_url=str(intake_address(trial.site.home)), timeout=60) as client:
        return Counter(post(client, trial, token, at, name) for name in trial.names(number))


@long_only  # Its data has to go to another disk and back; `make test` has the 503 above.
def test_a_full_disk_under_mongod(trial: Trial) -> None:
    """mongod ends when it cannot write its journal. We wait, intake says 503, and with room again all goes on."""
    site = trial.site
    token, at = token_of(site, trial.ledger.source), an_hour_ago(site)
    answers = Counter[int]()

    def refused() -> bool:
        answers.update(posted(trial, token, at, 1))
        return answers[503] > 0

    with small_disk(site) as disk, trial.whole(27, f"the disk under mongod is full ({disk.kind})"):
        trial.send(3)
        site.quiet()
        disk.fill()
        trial.send(trial.number(5, 50))
        # mongod ends at its first write; until then intake takes what it can keep.
        eventually(refused, "intake says 503", 60)
        answers.update(posted(trial, token, at, trial.number(2, 10)))
        trial.lasts(trial.number(2, 30))
        disk.empty()
    assert set(answers) <= {202, 503}
