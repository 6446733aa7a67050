"""How are the figures shown? One table of methods side by side, one of what each part earns."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from rich.table import Table

from bench.quality.protocol import Figures

#: Sources with fewer tests say too little for an average.
ENOUGH = 50


def figures_table(found: Mapping[str, Mapping[str, Figures]], years: str) -> Table:
    """hit@1, hit@10 and MRR of each method, and ours over the reference's."""
    table = Table(title=f"Was the real winner found? Tests in {years}")
    for column in ("source", "tests", "method", "hit@1", "hit@10", "MRR", "hit@10 x", "MRR x"):
        table.add_column(column, justify="left" if column in {"source", "method"} else "right")
    for source, methods in found.items():
        if not methods:
            table.add_row(source, "0", "[dim]no test: no winner had won before[/dim]")
            continue
        reference = methods["reference"]
        for method, each in methods.items():
            ratios = (_times(each.hit10, reference.hit10), _times(each.mrr, reference.mrr))
            table.add_row(source, str(each.tests), method, *_cells(each), *(ratios if method == "exchange" else ()))
        table.add_section()
    many = [methods for methods in found.values() if methods and methods["exchange"].tests >= ENOUGH]
    if many:
        hits = fmean(m["exchange"].hit10 / m["reference"].hit10 for m in many)
        mrrs = fmean(m["exchange"].mrr / m["reference"].mrr for m in many)
        table.add_row("average", "", f"sources with {ENOUGH} tests", "", "", "", f"{hits:.2f}", f"{mrrs:.2f}")
    return table


def ablation_table(found: Mapping[str, Mapping[str, Figures]]) -> Table:
    """MRR / hit@10 of every variant by source, and the mean MRR."""
    table = Table(title="What each part earns: MRR / hit@10 within the train years")
    for column in (
        "variant",
        *(f"{source} ({parts['everything'].tests})" for source, parts in found.items()),
        "mean MRR",
    ):
        table.add_column(column, justify="left" if column == "variant" else "right")
    for part in next(iter(found.values()), {}):
        cells = [f"{parts[part].mrr:.3f} / {parts[part].hit10:.2f}" for parts in found.values()]
        table.add_row(part, *cells, f"{fmean(parts[part].mrr for parts in found.values()):.3f}")
    return table


def _cells(figures: Figures) -> tuple[str, str, str]:
    return f"{figures.hit1:.3f}", f"{figures.hit10:.3f}", f"{figures.mrr:.3f}"


def _times(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.2f}" if theirs else "-"
