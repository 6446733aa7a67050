"""An exchange to be broken: real processes under the supervisor, real engines in the test's hands, proxies between."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pymongo
from pydantic import SecretStr
from pymongo.errors import PyMongoError

from schemas.topics import Topic
from services.adapters.settings import Settings
from services.audit.report import Finding
from services.bootstrap import World, open_world, unopened_world
from services.cli.clock import advance
from services.cli.session import remember_mode
from services.cli.system import INTAKE_HTTP, specs
from services.core.errors import DependencyUnavailable
from services.core.ports import Outgoing, Record
from services.engines.bundled.faults import FaultRule, set_faults
from services.engines.bundled.kafka import KafkaBroker
from services.engines.bundled.mail import MailCatcher
from services.engines.bundled.mongod import replica_set
from services.engines.bundled.together import BundledEngines
from services.engines.choose import KAFKA_VARIABLE, MONGO_VARIABLE, SMTP_VARIABLE
from services.engines.locations import LOOPBACK, Home, claim_ports
from services.engines.processes import Timing
from services.engines.supervisor import down, status, up
from tests.e2e.exchange import ROOT, Exchange, T, eventually, good_rfi
from tests.faults.ledger import Books, Ledger, Told, business_now
from tests.faults.proxy import Net, Proxy, proxied

CONSUMERS = ("intake", "router", "notifier", "expirer", "statistics")

#: Shorter than in production, so that a test need not wait for what a crash left behind.
QUICK = {
    "REFERRALS_MAIL_LEASE_S": "4",
    "REFERRALS_RELAY_EVERY_S": "1",
    "REFERRALS_PUBLISH_TIMEOUT_S": "5",
    "REFERRALS_SHUTDOWN_GRACE_S": "3",
}
TIMING = Timing(poll_s=0.5, backoff_most_s=1.0)


class Site(Exchange):
    """Handles on a running exchange and on everything around it that may fail."""

    def __init__(
        self,
        home: Home,
        engines: BundledEngines,
        nets: Mapping[str, Proxy],
        addresses: Mapping[str, str],
        start: Callable[[], object],
    ) -> None:
        super().__init__(home)
        self.engines, self.nets, self.addresses, self.start_services = engines, nets, addresses, start
        self.orders = home.root / "orders"
        self._extra: list[subprocess.Popen[bytes]] = []
        self._now = datetime.now(UTC)
        self.strangers: set[str] = set()
        #: RFIs that events were sent of though they never were here: the audit is right to name them.

    # -- what is asked of it

    def settings(self) -> Settings:
        """What everything here is told, whether or not processes run."""
        kafka, mongo, smtp = (self.addresses[name] for name in (KAFKA_VARIABLE, MONGO_VARIABLE, SMTP_VARIABLE))
        return Settings(kafka=kafka, mongo=SecretStr(mongo), smtp=smtp, sandbox=True)

    def run(self, work: Callable[[World], Awaitable[T]]) -> T:
        """Do something in a world of one's own."""

        async def go() -> T:
            async with open_world(self.settings(), "cli") as world:
                return await work(world)

        return asyncio.run(go())

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of a person, and of one more process."""
        return {**super().environment, **self.addresses, **told(self.home), "REFERRALS_SANDBOX": "true"}

    def send(self, ledger: Ledger, *names: str, **need: object) -> None:
        """Publish good RFIs as a publisher does: again and again until Kafka has them."""
        self.publish(ledger, {name: good_rfi(name, **need) for name in names})

    def publish(self, ledger: Ledger, rfis: Mapping[str, Mapping[str, object]]) -> None:
        """Publish RFIs in any form; all of them count as accepted by the log."""

        at = (self.now() - timedelta(hours=1)).isoformat(timespec="seconds")
        made = [submitted(ledger.source, name, {**rfi, "submittedAt": at}) for name, rfi in rfis.items()]

        async def go() -> None:
            async with unopened_world(self.settings(), "publisher") as world, asyncio.timeout(120):
                while True:
                    with suppress(DependencyUnavailable):
                        return await world.publisher.publish(made)

        asyncio.run(go())
        ledger.took(rfis)

    def time_passes(self, by: timedelta) -> None:
        """Shift the sandbox's clock."""
        self.run(lambda world: advance(world, by))

    # -- faults

    def order(self, process: str, point: str, action: str = "kill") -> None:
        """Order a fault at a point, to strike once."""
        self.orders.mkdir(parents=True, exist_ok=True)
        (self.orders / f"{process}.{point}.struck").unlink(missing_ok=True)
        (self.orders / f"{process}.{point}").write_text(action, "utf-8")

    def struck(self, process: str, point: str) -> bool:
        """Whether the ordered fault has struck."""
        return (self.orders / f"{process}.{point}.struck").exists()

    def passed(self) -> set[str]:
        """Every point that a process has passed so far."""
        folder = self.orders / "passed"
        return {path.name for path in folder.iterdir()} if folder.exists() else set()

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process and all its instances."""
        for pid in self.pids(name):
            os.kill(pid, number)

    def mail_faults(self, *rules: FaultRule) -> None:
        """How the mail server misbehaves from now on."""
        set_faults(self.home.mail, *rules)

    def heal(self) -> None:
        """Nothing fails any more; returns when all serve."""
        for net in self.nets.values():
            net.set(Net.PASS)
        self.mail_faults()
        for order in self.orders.glob("*"):
            if order.is_file():
                order.unlink()
        eventually(lambda: status(self.home).ready, "everything serves again", within_s=90)

    def back(self, name: str, restarts: int) -> None:
        """Wait until a process was restarted and everything serves."""
        eventually(lambda: self.restarts(name) > restarts and status(self.home).ready, f"{name} is back", within_s=90)

    def stop_services(self) -> None:
        """Stop the processes, not the engines; `start_services` starts them again."""
        down(self.home)

    # -- more instances than the supervisor has

    def join(self, process: str, number: int) -> subprocess.Popen[bytes]:
        """One more instance of a process, beside the supervisor's."""
        own = {"REFERRALS_INSTANCE": f"extra-{number}", "REFERRALS_INTAKE_PORT": "0", "REFERRALS_TICK_EVERY_S": "0.25"}
        env = {**self.environment, **own}
        with self.home.log(f"{process}-extra-{number}").open("ab") as log:
            joined = subprocess.Popen(
                [sys.executable, "-m", "services.cli", "run", process], env=env, stdout=log, stderr=log, cwd=ROOT
            )
        self._extra.append(joined)
        return joined

    def leave(self, joined: subprocess.Popen[bytes], within_s: float = 120) -> int:
        """SIGTERM, and wait for the end; returns the exit code."""
        joined.send_signal(signal.SIGCONT)
        joined.terminate()
        self._extra.remove(joined)
        return joined.wait(within_s)

    def close(self) -> None:
        """End what `join` started."""
        for joined in self._extra:
            joined.kill()
            joined.wait()

    # -- what became of it

    @contextmanager
    def database(self, patience_s: float = 30.0) -> Iterator[Any]:
        """The documents themselves, past the proxy."""
        name = self.settings().mongo_database
        members = ",".join(f"{LOOPBACK}:{port}" for port in self.mongo_ports)
        options = "directConnection=true" if len(self.mongo_ports) == 1 else "replicaSet=rs0"
        uri = f"mongodb://{members}/?{options}&timeoutMS={int(patience_s * 1000)}"
        with pymongo.MongoClient[dict[str, Any]](uri, tz_aware=True) as client:
            yield client[name]

    @property
    def mongo_ports(self) -> Sequence[int]:
        """Where the members of MongoDB listen, in order."""
        ports = claimed(self.home)
        return [port for name, port in sorted(ports.items()) if name.startswith("mongo-")]

    def told(self) -> list[Told]:
        """Every event on Kafka, repetitions included."""

        async def work(world: World) -> list[Told]:
            topics = [Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS]
            ends = await world.admin.end_offsets(topics)
            return [
                event
                async for records in world.follower.read_all(topics, ends)
                for record in records
                if (event := told_by(record))
            ]

        return self.run(work)

    def settle(self) -> None:
        """Wait until nothing is left to do, mails that wait for another attempt included."""
        self.quiet()
        eventually(lambda: self.run(nothing_retried), "no mail waits for another attempt", within_s=120)

    def audited(self) -> list[Finding]:
        """What the product's own audit finds, but for what tests made up."""
        return [finding for finding in self.audit().findings if finding.subject not in self.strangers]

    def balance(self, ledger: Ledger) -> Books:
        """The books of one source after everything has settled."""
        told = self.told()
        with self.database() as database:
            return ledger.balance(database, told, self.mails())

    def now(self) -> datetime:
        """Business time; while MongoDB is away as it was when it was last asked."""
        with suppress(PyMongoError), self.database(patience_s=1.0) as database:
            self._now = business_now(database)
        return self._now


def told(home: Home) -> dict[str, str]:
    """What the processes of a site are told beyond the addresses."""
    return QUICK | {"REFERRALS_FAULT_POINTS": str(home.root / "orders")}


def submitted(source: str, name: str, rfi: Mapping[str, object]) -> Outgoing:
    """An RFI as a plain JSON record whose header names the source."""
    headers = (("content-type", b"application/json"), ("x-referrals-source", source.encode()))
    return Outgoing(topic=Topic.RFI_SUBMITTED, key=name, value=orjson.dumps(rfi), headers=headers)


def told_by(record: Record) -> Told | None:
    """What a record says in its headers; None for poison."""
    said = {name: value.decode("utf-8", "replace") for name, value in record.headers}
    if not {"ce_id", "ce_type", "ce_subject", "ce_sequence"} <= said.keys():
        return None
    try:
        return Told(said["ce_id"], said["ce_type"], said["ce_subject"], int(said["ce_sequence"]))
    except ValueError:
        return None


async def nothing_retried(world: World) -> bool:
    """Let the time come for mails that wait; true when none does."""
    from services.cli.demo.script import quiet

    if await world.stores.jobs.next_due() is None:
        return True
    await advance(world, timedelta(minutes=5))
    await quiet(world)
    return False


def claimed(home: Home) -> dict[str, int]:
    """The ports that engines have in this home."""
    ports: dict[str, int] = orjson.loads(home.state.read_bytes())["ports"]
    return ports


@contextmanager
def running_site(
    root: Path,
    *,
    members: int = 1,
    partners: bool = True,
    settings: Mapping[str, str] | None = None,
    timing: Timing = TIMING,
) -> Iterator[Site]:
    """A site for as long as the block lasts. With several members clients find MongoDB without a proxy."""
    home = Home(root).create()
    with ExitStack() as stack:
        names = ["kafka", "kafka-controller", *(f"mongo-{n}" for n in range(1, members + 1)), "mail", INTAKE_HTTP]
        ports = claim_ports(home, names)
        nets = {name: stack.enter_context(proxied(ports[port])) for name, port in PROXIED.items()}
        mongos = replica_set(home, [ports[f"mongo-{n}"] for n in range(1, members + 1)])
        engines = BundledEngines(
            home,
            [
                KafkaBroker(
                    home=home,
                    port=ports["kafka"],
                    controller_port=ports["kafka-controller"],
                    advertised_port=nets["kafka"].port,
                ),
                *mongos,
                MailCatcher(home=home, port=ports["mail"]),
            ],
        )
        engines.start()
        stack.callback(engines.stop)
        single = f"mongodb://{LOOPBACK}:{nets['mongo'].port}/?directConnection=true"
        addresses = {
            KAFKA_VARIABLE: f"{LOOPBACK}:{nets['kafka'].port}",
            MONGO_VARIABLE: single if members == 1 else mongos[0].address,
            SMTP_VARIABLE: f"{LOOPBACK}:{nets['smtp'].port}",
        }
        more = told(home) | dict(settings or {})
        wanted = specs(sandbox=True, intake_port=ports[INTAKE_HTTP], settings=more)
        start = partial(up, home, wanted, environ={**os.environ, **addresses}, timing=timing)
        site = Site(home, engines, nets, addresses, start)
        stack.callback(site.close)
        stack.callback(down, home)
        start()
        remember_mode(home, sandbox=True)
        if partners:
            site.load_partners()
        yield site


#: Which engine each proxy stands before.
PROXIED = {"kafka": "kafka", "mongo": "mongo-1", "smtp": "mail"}
