"""What does a process do that starts as a router: loads all profiles of a database, and tells what each phase took.

`python -m bench.match.starting URI DATABASE`; see `bench.match.start`. There is no Kafka: its topics are empty, and
nothing is consumed afterwards.
"""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import sys
import threading
import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence

from services.adapters.clock import SystemClock
from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.stores import stores_of
from services.core.ports import Outgoing, Record
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.processes.router_ports import router_ports
from services.router.app import Router, build


class Nothing:
    """Topics without a record, and nobody to tell."""

    async def end_offsets(self, _topics: Collection[str]) -> Mapping[tuple[str, int], int]:
        """No partition."""
        return {}

    async def follow(
        self, _topics: Collection[str], _start: Mapping[tuple[str, int], int]
    ) -> AsyncIterator[list[Record]]:
        """No batch."""
        for batch in list[list[Record]]():
            yield batch

    async def publish(self, _messages: Sequence[Outgoing]) -> None:
        """To nobody."""

    async def publish_and_clear(self, documents: Sequence[Rfi | Referral]) -> None:
        """To nobody."""


class Watch:
    """What has been used since it was made or read last: seconds of the clock, of this process, of its main thread."""

    def __init__(self) -> None:
        self._last = self._now()

    def read(self, phase: str) -> dict[str, float]:
        """The seconds of a phase that ends now."""
        before, self._last = self._last, self._now()
        names = ("wall_s", "cpu_s", "main_thread_s")
        return {f"{phase}_{name}": now - was for name, now, was in zip(names, self._last, before, strict=True)}

    @staticmethod
    def _now() -> tuple[float, float, float]:
        main = time.clock_gettime(time.pthread_getcpuclockid(threading.main_thread().ident or 0))
        return time.monotonic(), time.process_time(), main


def router_of(mongo: Mongo) -> Router:
    """A router over this database alone."""
    nothing = Nothing()
    return build(router_ports(stores_of(mongo), publisher=nothing, outboxes=nothing, clock=SystemClock(), feed=nothing))


async def start(mongo: Mongo) -> dict[str, float]:
    """Load as the router's process does (`services.processes.router`), and tell what it took."""
    router, watch, figures = router_of(mongo), Watch(), dict[str, float]()
    settle = router.matcher.settle

    def settled() -> None:
        figures.update(watch.read("profiles"))
        settle()

    # The one step that tells where reading ends and making postings begins.
    setattr(router.matcher, "settle", settled)  # noqa: B010 - a type checker would not have it assigned
    began = time.monotonic()
    gc.disable()
    await router.prepare()
    gc.enable()
    figures |= watch.read("postings")
    return {**figures, "ready_s": time.monotonic() - began, "compiled": float(router.matcher.compiled)}


def main() -> None:
    imported = time.process_time()
    uri, database = sys.argv[1:]
    with Mongo(uri, database) as mongo:
        figures = asyncio.run(start(mongo))
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"import_cpu_s": imported, **figures, "cpu_s": time.process_time(), "most_memory_mb": most}))


if __name__ == "__main__":
    main()
