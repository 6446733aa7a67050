"""How long does a partner wait for the inbox, and how many can look at it a second?

`make bench-portal` (or `python -m bench.portal`): the bundled engines in a temporary folder, a million referrals, the
portal as its own process, and beside it a bare handler that asks the same of the database. First 50 requests a second,
each wait counted from when it was due, a quarter of them second pages and lists of one region; then as many first
pages as go, both servers in turn. The last line is JSON: `rps` of the portal, `p99_ms` of all visits at the steady
pace, `vs_bare` the ratio of the two throughputs (median of the rounds).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import uvloop

from bench.portal.data import fill, people, utc_now
from bench.portal.visitors import Visit, busy, next_page, page_of, quantile, steady
from bench.report import console
from bench.stage import BenchFailed, Stage, all_run, cpu_of, free_port, stage, until
from bench.systems import inherited
from services.adapters.mongo.driver import Mongo, Timing
from services.adapters.mongo.indexes import ensure_indexes
from services.adapters.mongo.stores import stores_of
from services.engines.children import Child, Command

_DATABASE = "bench_portal"
_READY_S = 120.0
#: Until the indexes of a million referrals are built.
_INDEXED_S = 900.0
_LOOK_AGAIN_S = 0.2
#: A list that somebody has filtered.
_REGION = {"path": "/inbox?region=ES&subdivision=ES-AN", "kind": "one region"}


def main() -> None:
    """Parse the flags, run, report."""
    flags = _flags()
    for name in inherited():
        del os.environ[name]
    home = Path(tempfile.mkdtemp(prefix="referrals-bench-portal-"))
    try:
        with stage(home) as ground:
            found = uvloop.run(_measure(ground, flags))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    print(json.dumps(found))


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.portal", description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--referrals", type=int, default=1_000_000, help="referrals in the database (default 1,000,000)"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="of the steady pace; rounds take half of it")
    parser.add_argument("--pace", type=float, default=50.0, help="requests a second of the steady pace (default 50)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each server (default 3)")
    parser.add_argument("--at-once", type=int, default=8, help="visitors at a time in the rounds (default 8)")
    parser.add_argument("--profile", action="store_true", help="run the portal in cProfile, and show where time goes")
    return parser.parse_args()


async def _measure(ground: Stage, flags: argparse.Namespace) -> dict[str, float]:
    visits = await _filled(ground, flags.referrals)
    ports = {"portal": free_port(), "bare": free_port()}
    children = _children(ground, ports, profiled=flags.profile)
    try:
        for child in children.values():
            child.start()
        await until(lambda: all_run(children), what="the processes run")
        for name, port in ports.items():
            await _answers(children, port, visits[name][0])
            await busy(port, visits[name], 3.0, flags.at_once)
        mixed = await _mixed(ports["portal"], visits["portal"])
        waits = await steady(ports["portal"], mixed, flags.seconds, flags.pace)
        rounds = [await _round(children, ports, visits, flags, number) for number in range(flags.rounds)]
    except (OSError, asyncio.IncompleteReadError, ExceptionGroup):
        # A server that has gone says more in its log than a broken connection does.
        all_run(children)
        raise
    finally:
        for child in children.values():
            child.terminate()
        for child in children.values():
            child.stop(20.0)
    if flags.profile:
        print((ground.logs / "portal.profile").read_text())
    return {
        "rps": round(median(each["portal"] for each in rounds), 1),
        "p99_ms": round(_told(waits, flags.pace), 1),
        "vs_bare": round(median(each["portal"] / each["bare"] for each in rounds), 3),
    }


async def _mixed(port: int, visits: Sequence[Visit]) -> list[Visit]:
    """Of four visits one goes on to the second page, or to the list of one region, in turn.

    Raises:
        BenchFailed: somebody has no second page.
    """
    mixed = []
    for number, visit in enumerate(visits):
        first = [visits[(number + step) % len(visits)] for step in (0, 17, 34)]
        # Two and two, since of two people one reads Spanish.
        mixed += [*first, await _further(port, visit) if number % 4 < 2 else replace(visit, **_REGION)]
    return mixed


async def _further(port: int, visit: Visit) -> Visit:
    path = next_page(await page_of(port, visit))
    if path is None:
        raise BenchFailed("an inbox has no second page: take more referrals")
    return replace(visit, path=path, kind="second page")


def _told(waits: Mapping[str, Sequence[float]], pace: float) -> float:
    """Print how long visitors waited, all of them and each kind; the 99th of a hundred of all, milliseconds."""
    every = sorted(itertools.chain.from_iterable(waits.values()))
    for kind, rising in {f"{pace:g} requests a second": every, **waits}.items():
        p50, p99, longest = (quantile(rising, share) * 1000 for share in (0.5, 0.99, 1.0))
        console.print(f"{kind}: {len(rising):,} visits, p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {longest:.1f} ms")
    return quantile(every, 0.99) * 1000


async def _filled(ground: Stage, number: int) -> Mapping[str, list[Visit]]:
    """A database with referrals and people; the visits of each server."""
    now = utc_now()
    database: Any = ground.client[_DATABASE]
    with console.status("referrals …") as status:
        await asyncio.to_thread(fill, database, number, now, lambda done: status.update(f"{done:,} referrals"))
    with Mongo(ground.mongo, _DATABASE, timing=Timing(operation_s=_INDEXED_S)) as mongo:
        with console.status("indexes …"):
            await ensure_indexes(mongo)
        stores = stores_of(mongo)
        partners, users, sessions, lookers = people(now)
        await stores.partners.put_partners(partners)
        await stores.users.add(users)
        for session in sessions:
            await stores.sign_ins.put_session(session)
    ground.client.admin.command("fsync")
    return {
        "portal": [Visit("/inbox", each.cookie) for each in lookers],
        "bare": [Visit(f"/inbox/{each.partner_id}", "") for each in lookers],
    }


def _children(ground: Stage, ports: Mapping[str, int], *, profiled: bool) -> dict[str, Child]:
    env = {
        "REFERRALS_KAFKA": ground.kafka,
        "REFERRALS_MONGO": ground.mongo,
        "REFERRALS_MONGO_DATABASE": _DATABASE,
        "REFERRALS_PORTAL_PORT": str(ports["portal"]),
        "REFERRALS_HEALTH_PORT": "0",
        # The limit is for one person's programs; here few persons stand for many.
        "REFERRALS_PORTAL_REQUESTS_PER_MINUTE": "100000000",
    }
    profiler = ("-m", "bench.profiled", str(ground.logs / "portal.profile"), "services.cli")
    portal = (*(profiler if profiled else ("-m", "services.cli")), "run", "portal")
    bare = ("-m", "bench.portal.bare", str(ports["bare"]))
    return {
        name: Child(name, Command(argv=(sys.executable, *words), env=env), ground.logs / f"{name}.log")
        for name, words in (("portal", portal), ("bare", bare))
    }


async def _answers(children: Mapping[str, Child], port: int, visit: Visit) -> None:
    """Wait until a server answers a visit."""

    def listening() -> bool:
        return all_run(children) and _open(port)

    await until(listening, what=f"port {port} answers", within_s=_READY_S)
    async with asyncio.timeout(_READY_S):
        # It listens before it has found its engines, and says 503 until then.
        while not await _served(port, visit):  # noqa: ASYNC110 - processes have no event to wait on
            await asyncio.sleep(_LOOK_AGAIN_S)


async def _served(port: int, visit: Visit) -> bool:
    try:
        await busy(port, [visit], 0.1, 1)
    except BenchFailed:
        return False
    return True


def _open(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1.0):
            return True
    except OSError:
        return False


async def _round(
    children: Mapping[str, Child],
    ports: Mapping[str, int],
    visits: Mapping[str, list[Visit]],
    flags: argparse.Namespace,
    number: int,
) -> dict[str, float]:
    """Both servers, in alternating order; tells the CPU of a visit too, which suffers less from neighbours."""
    found, cpu = {}, {}
    for name in sorted(ports, reverse=bool(number % 2)):
        before, seconds = cpu_of(children)[name], flags.seconds / 2
        found[name] = await busy(ports[name], visits[name], seconds, flags.at_once)
        cpu[name] = (cpu_of(children)[name] - before) / (found[name] * seconds) * 1e6
    said = ", ".join(f"{name} {found[name]:,.0f}/s ({cpu[name]:,.0f} us CPU)" for name in ("portal", "bare"))
    console.print(f"round {number + 1}: {said}")
    return found


if __name__ == "__main__":
    main()
