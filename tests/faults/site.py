"""An exchange to be broken: real processes under the supervisor, real engines in the test's hands, proxies between."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
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
from services.core.errors import DependencyUnavailable
from services.core.webhooks import Webhook
from services.engines.bundled.faults import FaultRule, set_faults
from services.engines.bundled.together import BundledEngines
from services.engines.choose import KAFKA_VARIABLE, MONGO_VARIABLE, SMTP_VARIABLE
from services.engines.locations import LOOPBACK, Home
from services.engines.supervisor import down, status
from tests.e2e.exchange import ROOT, Exchange, T, eventually, good_rfi
from tests.faults.ledger import Books, Ledger, Told, business_now, counted_in
from tests.faults.proxy import Net, Proxy
from tests.faults.receiver import SECRET, Receiver
from tests.faults.records import Log, submitted, told_by

CONSUMERS = ("intake", "router", "notifier", "expirer", "statistics", "webhooks")

#: Shorter than in production, so that a test need not wait for what a crash left behind.
QUICK = {
    "REFERRALS_MAIL_LEASE_S": "4",
    "REFERRALS_RELAY_EVERY_S": "1",
    "REFERRALS_TICK_EVERY_S": "0.25",
    "REFERRALS_PUBLISH_TIMEOUT_S": "5",
    "REFERRALS_SHUTDOWN_GRACE_S": "3",
    "REFERRALS_WEBHOOK_LEASE_S": "4",
    "REFERRALS_ERASURE_LOOK_AGAIN_S": "5",
    "REFERRALS_ERASURE_SWEEP_EVERY_S": "1",
    "REFERRALS_RETENTION_SWEEP_EVERY_S": "1",
    "REFERRALS_MAIL_BOUNCES": "bounces@exchange.example",
    # The receiver is on this machine.
    "REFERRALS_WEBHOOK_PRIVATE_ADDRESSES": "true",
}


class Site(Exchange):
    """Handles on a running exchange and on everything around it that may fail."""

    def __init__(
        self,
        home: Home,
        engines: BundledEngines,
        nets: Mapping[str, Proxy],
        addresses: Mapping[str, str],
        start: Callable[[], object],
        *,
        receiver: Receiver,
    ) -> None:
        super().__init__(home)
        self.receiver = receiver
        self.engines, self.nets, self.addresses, self.start_services = engines, nets, addresses, start
        self.orders = home.root / "orders"
        self._extra: list[subprocess.Popen[bytes]] = []
        self._now = datetime.now(UTC)
        #: RFIs that events were sent of though they never were here: the audit is right to name them.
        self.strangers: set[str] = set()
        self._events, self._told = Log([Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS]), list[Told]()

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
        self.receiver.heal()
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

    def join(self, process: str, number: int, intake_port: int = 0, **more: str) -> subprocess.Popen[bytes]:
        """One more instance of a process, beside the supervisor's; an intake listens where it is told to."""
        own = {"REFERRALS_INSTANCE": f"extra-{number}", "REFERRALS_TICK_EVERY_S": "0.25"}
        env = {**self.environment, **own, "REFERRALS_INTAKE_PORT": str(intake_port), **more}
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
        """Every event on Kafka, repetitions included, as its header says; its facts only as far as books need them."""

        async def work(world: World) -> None:
            async for records in self._events.news(world):
                self._told += [event for record in records if (event := told_by(record))]

        self.run(work)
        return list(self._told)

    def settle(self) -> None:
        """Wait until nothing is left to do, mails and calls that wait for another attempt included."""
        self.quiet()
        eventually(lambda: self.run(nothing_retried), "no mail waits for another attempt", within_s=120)
        eventually(self.called, "no call waits for another attempt", within_s=120)
        self.quiet()

    def called(self) -> bool:
        """Whether every call to a webhook has ended; what waits for another attempt is made due."""
        self.call_now()
        with self.database() as database:
            unfinished = {"state": {"$in": ["pending", "leased"]}}
            return not database["webhook_deliveries"].count_documents(unfinished, limit=1)

    def call_now(self) -> None:
        """Let the time come for calls that wait: theirs is real time, which nobody can shift."""
        with self.database() as database:
            now = datetime.now(UTC)
            database["webhook_deliveries"].update_many(
                {"state": "pending", "due_at": {"$gt": now}}, {"$set": {"due_at": now}}
            )
            database["webhooks"].update_many({}, {"$unset": {"paused_until": ""}})

    def register_webhooks(self) -> None:
        """A webhook of every other partner, at the receiver."""

        async def work(world: World) -> None:
            partners = sorted(await world.mongo.collection("partners").distinct("_id"))
            for partner in partners[::2]:
                url = f"http://{LOOPBACK}:{self.nets['webhooks'].port}/{partner}"
                hook = Webhook(
                    id=f"of {partner}", partner_id=partner, url=url, secret=SECRET, created_at=world.clock.real_now()
                )
                assert await world.stores.webhooks.put_webhook(hook)

        self.run(work)

    def audited(self) -> list[Finding]:
        """What the product's own audit finds, but for what tests made up."""
        return [finding for finding in self.audit().findings if finding.subject not in self.strangers]

    def balance(self, ledger: Ledger) -> Books:
        """The books of one source after everything has settled."""
        with self.database() as database:
            counted = counted_in(database)
            told = self.told()
            self.quiet()
            return ledger.balance(database, told, self.mails(), self.receiver.calls, counted)

    def now(self) -> datetime:
        """Business time; while MongoDB is away as it was when it was last asked."""
        with suppress(PyMongoError), self.database(patience_s=1.0) as database:
            self._now = business_now(database)
        return self._now


def told(home: Home) -> dict[str, str]:
    """What the processes of a site are told beyond the addresses."""
    return QUICK | {"REFERRALS_FAULT_POINTS": str(home.root / "orders")}


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
