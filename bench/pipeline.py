"""How fast is the whole pipeline, beside what a newcomer would write and beside the fastest that these engines allow?

`make bench` (or `python -m bench.pipeline`): the bundled engines in a temporary folder, three systems in paired rounds
and alternating order. The last line is JSON. docs/benchmarks.md says what is measured and what came out.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.report import console, show, show_cpu, show_round
from bench.rounds import Round, run_round
from bench.stage import Stage, stage
from bench.systems import FLOOR, NAIVE, PROCESSES, PRODUCT, System, inherited, smaller
from bench.templates import copy_templates, keeping_sink

_WARM_UP = 4
#: The warm-up has so much less to do than a round.


def main() -> None:
    """Parse the flags, run, report."""
    flags = _flags()
    systems = [PRODUCT, NAIVE, FLOOR]
    if flags.quick:
        systems = [smaller(system, 3) for system in systems]
    systems[0] = replace(systems[0], profiled=tuple(flags.profile))
    for name in inherited():
        del os.environ[name]
    home = Path(tempfile.mkdtemp(prefix="referrals-bench-"))
    try:
        with stage(home) as ground:
            rounds = asyncio.run(_measure(ground, systems, 1 if flags.quick else flags.rounds, flags.only))
            for process in flags.profile:
                console.print(f"[bold]{process}[/bold]")
                print((ground.logs / f"{process}.profile").read_text())
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if flags.only:
        show_cpu(rounds)
    else:
        show(rounds)


def _flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.pipeline", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="paired rounds that count (default 5)")
    parser.add_argument("--quick", action="store_true", help="one short round: does it work?")
    parser.add_argument("--only", choices=["product", "naive", "floor"], help="one system alone, without a summary")
    parser.add_argument(
        "--profile", action="append", default=[], choices=PROCESSES, help="run this process of the product in cProfile"
    )
    return parser.parse_args()


async def _measure(ground: Stage, systems: Sequence[System], count: int, only: str | None) -> list[dict[str, Round]]:
    await _warm_up(ground, systems)
    rounds: list[dict[str, Round]] = []
    for number in range(1, count + 1):
        # Back and forth, so that no system always runs behind the same other one.
        order = systems if number % 2 else list(reversed(systems))
        found = {s.name: await _one(ground, s, number) for s in order if only in {None, s.name}}
        rounds.append({system.name: found[system.name] for system in systems if system.name in found})
        show_round(number, rounds[-1])
    return rounds


async def _warm_up(ground: Stage, systems: Sequence[System]) -> None:
    """Rounds that do not count: they warm the engines, and leave what the floor copies."""
    console.print("warming up …")
    for system in systems:
        if system.name == NAIVE.name:
            continue
        short, database = smaller(replace(system, profiled=()), _WARM_UP), f"bench_{system.name}_warm"
        if system.name == PRODUCT.name:
            async with keeping_sink() as port:
                await run_round(ground, short, database, port)
            await copy_templates(ground, database, ground.logs.parent / "templates.bson")
        else:
            await run_round(ground, short, database)
        ground.forget(database)


async def _one(ground: Stage, system: System, number: int) -> Round:
    database = f"bench_{system.name}_{number}"
    try:
        return await run_round(ground, system, database)
    finally:
        ground.forget(database)


if __name__ == "__main__":
    main()
