"""`python -m bench.quality FOLDER`: who is found, per source, beside popularity and nearest neighbours.

The last line is JSON. `--ablation` tells what each part earns, measured within the train years; `--train` stays within
them altogether: for tuning, so that the test years are looked at once, at the end.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from bench.quality.ablation import PARTS
from bench.quality.baselines import Neighbours, Popularity
from bench.quality.data import Request, load
from bench.quality.exchange import Exchange
from bench.quality.protocol import TRAIN, Figures, Ranker, run, split
from bench.quality.tables import ablation_table, figures_table

console = Console(width=110)

#: Where tests begin within the train years.
_TUNE = 0.45


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every source of the folder and print the tables."""
    parser = argparse.ArgumentParser(prog="bench.quality", description=__doc__)
    parser.add_argument("folder", type=Path, help="with requests.jsonl.xz (and suppliers.jsonl.xz)")
    parser.add_argument("--train", action="store_true", help="stay within the train years (for tuning)")
    parser.add_argument("--ablation", action="store_true", help="what each part earns, within the train years")
    parser.add_argument("--sources", nargs="*", default=[], help="these sources alone")
    chosen = parser.parse_args(arguments)
    if not (chosen.folder / "requests.jsonl.xz").is_file():
        parser.error(
            f"{chosen.folder} has no requests.jsonl.xz; name a folder of that form: make bench-quality DATA=folder"
        )
    sources = {name: rows for name, rows in load(chosen.folder).items() if not chosen.sources or name in chosen.sources}
    if chosen.ablation:
        measured = {name: _ablated(name, *_train_years(rows)) for name, rows in sources.items()}
        console.print(ablation_table({name: found for name, found in measured.items() if found}))
    within = {name: _train_years(rows) if chosen.train else (rows, split(rows)) for name, rows in sources.items()}
    figures = {name: _beside(name, *rows) for name, rows in within.items()}
    console.print(figures_table(figures, "the train years" if chosen.train else "the last fifth, unseen in tuning"))
    print(json.dumps({name: _plain(found) for name, found in figures.items() if found}), flush=True)


def _train_years(requests: Sequence[Request]) -> tuple[Sequence[Request], int]:
    return requests[: split(requests, TRAIN)], split(requests, _TUNE)


def _beside(source: str, requests: Sequence[Request], first: int) -> dict[str, Figures]:
    """Popularity, neighbours and the exchange on the same tests; nothing for a source without a test."""
    popularity = _run(f"{source} popularity", requests, first, Popularity())
    if not popularity.tests:
        return {}
    return {
        "popularity": popularity,
        "reference": _run(f"{source} reference", requests, first, Neighbours(requests[:first])),
        "exchange": _run(f"{source} exchange", requests, first, Exchange()),
    }


def _ablated(source: str, requests: Sequence[Request], first: int) -> dict[str, Figures]:
    found = {part: _run(f"{source} {part}", requests, first, make()) for part, make in PARTS.items()}
    return {part: figures for part, figures in found.items() if figures.tests}


def _run(title: str, requests: Sequence[Request], first: int, ranker: Ranker) -> Figures:
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=len(requests) - first)
        return run(requests, first, ranker, lambda n, _of: bar.update(task, completed=n))


def _plain(figures: Mapping[str, Figures]) -> dict[str, float]:
    ours, reference = figures["exchange"], figures["reference"]
    rounded = {
        "hit1": ours.hit1,
        "hit10": ours.hit10,
        "mrr": ours.mrr,
        "reference_hit10": reference.hit10,
        "reference_mrr": reference.mrr,
        "popularity_hit10": figures["popularity"].hit10,
    }
    return {"tests": ours.tests, **{name: round(value, 4) for name, value in rounded.items()}}


if __name__ == "__main__":
    main()
