"""Which systems are compared: what each runs, which topics and groups are its own, how many RFIs make a round of it?"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from schemas.topics import Group, Topic
from services.engines.children import Command

PROCESSES = ("intake", "router", "notifier")

#: Topics between the processes, and those that a production run has besides.
PIPELINE = (Topic.RFI_SUBMITTED, Topic.RFI_ACCEPTED, Topic.ENGAGEMENT_EVENTS, Topic.REFERRAL_EVENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One of the systems that are compared."""

    name: str
    module: tuple[str, ...]
    #: `python -m` these words, then the process.
    prefix: str
    #: In front of its topics' names, so that each system has its own.
    groups: tuple[str, ...]
    rfis: int
    #: In one round.
    stored: Mapping[str, int]
    #: Documents that one RFI leaves in each collection.
    profiled: tuple[str, ...] = ()
    #: Processes that run under the profiler.

    def topic(self, topic: Topic) -> str:
        """This system's name for a topic."""
        return f"{self.prefix}{topic.value}"

    def command(self, process: str, env: Mapping[str, str], logs: Path) -> Command:
        """How one of its processes is run."""
        words = ("-m", *self.module, process)
        if process in self.profiled:
            words = ("-m", "bench.profiled", str(logs / f"{process}.profile"), *words[1:])
        return Command(argv=(sys.executable, *words), env={**env, "BENCH_PREFIX": self.prefix})


PRODUCT = System(
    name="product",
    module=("services.cli", "run"),
    prefix="",
    groups=(Group.INTAKE, Group.ROUTER, Group.ROUTER_ENGAGEMENTS, Group.NOTIFIER),
    rfis=3000,
    stored={"rfis": 1, "referrals": 5, "send_jobs": 6},
)
NAIVE = System(
    name="naive",
    module=("bench.naive",),
    prefix="naive.",
    groups=("naive-intake", "naive-router", "naive-notifier", "naive-customer"),
    rfis=100,
    stored={"rfis": 1, "referrals": 5},
)
FLOOR = System(
    name="floor",
    module=("bench.floor",),
    prefix="floor.",
    groups=("floor-intake", "floor-router", "floor-notifier"),
    rfis=6000,
    stored={"rfis": 1, "referrals": 5, "send_jobs": 6},
)


def smaller(system: System, divisor: int) -> System:
    """The same system with a shorter round."""
    return replace(system, rfis=max(50, system.rfis // divisor))


def inherited() -> dict[str, str]:
    """Settings of the caller's exchange must not reach the systems that are measured."""
    return {name: "" for name in os.environ if name.startswith("REFERRALS_")}
