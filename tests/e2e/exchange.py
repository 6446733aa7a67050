"""A whole exchange for tests: real engines and real processes in a folder of its own, driven as a person would."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import orjson

from services.adapters.importers.partners_csv import parse_partners
from services.adapters.importers.rfi_files import FileRfi, read_rfis
from services.adapters.mongo.indexes import REFERRALS
from services.adapters.settings import Settings
from services.audit.report import Report
from services.auditing import run_audit
from services.bootstrap import World
from services.cli.demo.script import quiet
from services.cli.importing import store_partners
from services.cli.rfi import submit_all
from services.cli.session import session, settings_for
from services.cli.system import start
from services.engines.bundled.spool import MailEntry, MailSpool
from services.engines.locations import Home
from services.engines.supervisor import down, status
from tests.e2e.prompt import run_command

T = TypeVar("T")

ROOT = Path(__file__).parent.parent.parent
SAMPLES = ROOT / "samples"
SOURCE = "urn:samples"

#: Pause between two looks of a bounded wait on real processes, seconds: they tell nobody when they are ready.
LOOK_EVERY_S = 0.1


class Exchange:
    """Handles on a running exchange."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def settings(self) -> Settings:
        """What a command in front of this exchange is told."""
        return settings_for(self.home)

    def run(self, work: Callable[[World], Awaitable[T]]) -> T:
        """Do something in a world of one's own."""

        async def go() -> T:
            async with session(self.home) as world:
                return await work(world)

        return asyncio.run(go())

    def cli(self, *arguments: str, code: int = 0, timeout_s: float = 60) -> str:
        """Run `referrals …` as a person would; returns what it printed."""
        ended, out, err = run_command(arguments, self.environment, timeout_s)
        assert ended == code, f"exit {ended}: {out[-2000:]}{err[-3000:]}"
        return out + err

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of a person in front of this exchange; wide, so that tables keep their lines."""
        return {**os.environ, "REFERRALS_HOME": str(self.home.root), "COLUMNS": "400", "TERM": "dumb"}

    def pids(self, name: str) -> list[int]:
        """Process ids of a process or of its instances."""
        found = [p for p in status(self.home).processes if p.name == name or p.name.startswith(f"{name}-")]
        return [p.pid for p in found if p.pid is not None]

    def kill(self, name: str) -> None:
        """kill -9 of a process; the supervisor brings it back."""
        pids = self.pids(name)
        assert pids, f"{name} does not run"
        for pid in pids:
            os.kill(pid, signal.SIGKILL)

    def restarts(self, name: str) -> int:
        """How often the supervisor has restarted it."""
        return sum(p.restarts for p in status(self.home).processes if p.name.startswith(name))

    def load_partners(self) -> None:
        """The sample partners."""

        async def work(world: World) -> None:
            text = await asyncio.to_thread((SAMPLES / "partners.csv").read_text, "utf-8")
            await store_partners(world, *parse_partners(text, world.place))

        self.run(work)

    def submit(self, rfis: Sequence[FileRfi], source: str = SOURCE) -> None:
        """Publish RFIs."""
        self.run(lambda world: submit_all(world, rfis, source))

    def sample_rfis(self) -> list[FileRfi]:
        """The sample RFIs, submitted just now."""

        async def work(world: World) -> list[FileRfi]:
            return list(read_rfis(SAMPLES / "rfis.jsonl", world.clock.now()))

        return self.run(work)

    def quiet(self) -> None:
        """Wait until nothing is left to do."""
        self.run(quiet)

    def audit(self) -> Report:
        """The audit's report, with the catcher's mails."""
        return self.run(lambda world: run_audit(world, self.home.mail))

    def mails(self) -> list[MailEntry]:
        """Everything the catcher has."""
        return list(MailSpool(self.home.mail).entries())

    def mails_by_kind(self) -> Counter[str]:
        """How many mails of each kind the catcher has."""
        return Counter(mail.kind for mail in self.mails())


@contextmanager
def running_exchange(
    root: Path,
    *,
    instances: dict[str, int] | None = None,
    settings: Mapping[str, str] | None = None,
    partners: bool = True,
    without: Collection[str] = (),
) -> Iterator[Exchange]:
    """An exchange in a sandbox, for as long as the block lasts; `without` names processes that nobody needs here."""
    home = Home(root)
    exchange = Exchange(home)
    try:
        start(home, sandbox=True, instances=instances, settings=settings, without=without)
        if partners:
            exchange.load_partners()
        yield exchange
    finally:
        down(home)
        # Half a gigabyte for each exchange; logs and mails stay for whoever looks into a failure.
        shutil.rmtree(home.root / "data", ignore_errors=True)


async def changes(world: World) -> int:
    """How many changes there were to referrals; grows with every write of a sweep."""
    total = [{"$group": {"_id": None, "versions": {"$sum": "$version"}}}]
    found = await world.mongo.collection(REFERRALS).aggregate(total, hint="_id_")
    return int(found[0]["versions"]) if found else 0


async def seen_beyond(effects: Callable[[], Awaitable[int]], number: int) -> None:
    """Return as soon as there are more effects than `number`."""
    async with asyncio.timeout(60):
        while await effects() <= number:  # noqa: ASYNC110 - a store sets no event
            await asyncio.sleep(0.002)


def eventually(condition: Callable[[], bool], what: str, within_s: float = 60) -> None:
    """Wait until the condition holds, or fail naming what did not come about."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, f"did not come about within {within_s} s: {what}"
        time.sleep(LOOK_EVERY_S)


def good_rfi(identifier: str, **need: object) -> dict[str, object]:
    """A valid RFI in wire form for a place in Spain."""
    return {
        "id": identifier,
        "channel": "marketing",
        "language": "es",
        "submittedAt": "@now-PT1H",
        "customer": {
            "company": "Talleres Quintana",
            "size": "51to250employees",
            "place": {"country": "ES", "subdivision": "ES-MD", "city": "Madrid"},
            "contact": {
                "firstName": "Elena",
                "lastName": "Quintana",
                "email": f"elena+{identifier}@talleres-quintana.example",
                "language": "es",
            },
        },
        "need": {
            "title": "Migración a Microsoft 365 de sesenta puestos",
            "description": "Queremos pasar el correo y los ficheros a Microsoft 365 antes del verano.",
            "keywords": ["Microsoft 365", "azure", "power bi", "ciberseguridad", "sap"],
            **need,
        },
        "consent": {"contact": True, "share": True},
    }


def as_file(exchange: Exchange, *rfis: Mapping[str, object]) -> list[FileRfi]:
    """RFIs as the lines of a file; `@now…` becomes an instant."""

    async def work(world: World) -> list[FileRfi]:
        path = exchange.home.root / "submitted.jsonl"
        await asyncio.to_thread(path.write_bytes, b"\n".join(orjson.dumps(rfi) for rfi in rfis))
        return list(read_rfis(path, world.clock.now()))

    return exchange.run(work)
