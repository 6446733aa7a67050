"""How are the rounds shown: who did how many RFIs per second, and whose CPU went into each?"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from statistics import median

from rich.console import Console
from rich.table import Table

from bench.rounds import Round

Rounds = Sequence[Mapping[str, Round]]

console = Console(width=110)


def show_round(number: int, rounds: Mapping[str, Round]) -> None:
    """One line for a paired round."""
    rates = "   ".join(f"{name} {each.rate:,.0f}/s in {each.seconds:.1f} s" for name, each in rounds.items())
    console.print(f"round {number}: {rates}")


def summary(rounds: Rounds) -> dict[str, float]:
    """Medians of the rates, and of the ratios within each round."""
    return {
        "rfis_per_s": round(median(each["product"].rate for each in rounds), 1),
        "naive_rfis_per_s": round(median(each["naive"].rate for each in rounds), 1),
        "floor_rfis_per_s": round(median(each["floor"].rate for each in rounds), 1),
        "vs_naive": round(median(each["product"].rate / each["naive"].rate for each in rounds), 2),
        "vs_floor": round(median(each["product"].rate / each["floor"].rate for each in rounds), 3),
    }


def show_cpu(rounds: Rounds) -> None:
    """Whose CPU went into an RFI."""
    console.print(_cpu(rounds))


def show(rounds: Rounds) -> None:
    """The tables, and the figures as JSON on the last line."""
    console.print(_rates(rounds))
    show_cpu(rounds)
    print(json.dumps(summary(rounds)), flush=True)


def _rates(rounds: Rounds) -> Table:
    table = Table(title="RFIs per second, from Kafka to 5 referrals stored and 6 mails accepted")
    for column in ("round", "product", "naive", "floor", "vs naive", "vs floor"):
        table.add_column(column, justify="right")
    for number, each in enumerate(rounds, 1):
        product, naive, floor = each["product"].rate, each["naive"].rate, each["floor"].rate
        table.add_row(*_cells(str(number), product, naive, floor, product / naive, product / floor))
    table.add_section()
    found = summary(rounds)
    table.add_row(*_cells("median", *found.values()))
    return table


def _cells(name: str, *figures: float) -> list[str]:
    product, naive, floor, vs_naive, vs_floor = figures
    return [name, f"{product:,.0f}", f"{naive:,.1f}", f"{floor:,.0f}", f"{vs_naive:.1f}", f"{vs_floor:.2f}"]


def _cpu(rounds: Rounds) -> Table:
    table = Table(title="CPU microseconds per RFI (median of the rounds)")
    systems = list(rounds[0])
    for column in ("process", *systems):
        table.add_column(column, justify="left" if column == "process" else "right")
    for process in rounds[0][systems[0]].cpu_s:
        row = [median(each[name].cpu_s[process] / each[name].rfis for each in rounds) * 1e6 for name in systems]
        table.add_row(process, *(f"{value:,.0f}" for value in row))
    table.add_section()
    sums = [median(sum(each[name].cpu_s.values()) / each[name].rfis for each in rounds) * 1e6 for name in systems]
    table.add_row("all", *(f"{value:,.0f}" for value in sums))
    return table
