"""Runs the benchmark of the index: `make bench-match`, or `python -m bench.match --ten-million`.

Rates are of CPU time of one core, so that neighbours on the machine disturb them less; the two-thread figure and the
latencies are of the clock. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json

from bench.match.measured import Figures, measure
from bench.match.model import SPARSE
from services.matching.index.warm import warm_up

#: What the last line holds of each size.
NAMES = (
    "matches_per_s",
    "p50_ms",
    "p99_ms",
    "bytes_per_profile",
    "build_s",
    "update_us",
    "vs_full_scan",
    "vs_pyroaring",
    "vs_tantivy",
    "exact",
    "search_ms",
    "reasons_per_s",
)


def shown(value: float | bool | None) -> str:
    if value is None or isinstance(value, bool):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(figures: Figures) -> None:
    print(f"\n{figures.profiles:,} profiles, {figures.shape} model")
    for name, value in figures.values.items():
        print(f"  {name:20} {shown(value):>12}")


def main() -> None:
    options = argparse.ArgumentParser(description="How fast does the index match?")
    options.add_argument("--ten-million", action="store_true", help="a network of ten million too (about 10 GB)")
    options.add_argument("--only", type=int, help="one size alone")
    options.add_argument("--no-sparse", action="store_true", help="without the network of 50,000 regions")
    chosen = options.parse_args()
    warm_up()
    sizes = [chosen.only] if chosen.only else [100_000, 1_000_000]
    results = {}
    for size in sizes:
        table(found := measure(size, engine=size <= 1_000_000))
        results[str(size)] = found.values
    if not chosen.no_sparse:
        table(measure(max(sizes), shape=SPARSE, checks=100, engine=False))
    if chosen.ten_million:
        table(found := measure(10_000_000, checks=50, engine=False))
        results["10000000"] = found.values
    print(json.dumps({size: {name: plain(values[name]) for name in NAMES} for size, values in results.items()}))


def plain(value: float | bool | None) -> float | bool | None:
    return round(value, 4) if isinstance(value, float) else value


if __name__ == "__main__":
    main()
