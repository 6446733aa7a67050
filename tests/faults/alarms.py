"""Does an alarm of deploy/alerts.yaml ring now? Its own expression, asked of what every process serves on /metrics.

Only what an expression says of one moment is asked: what it says of a stretch of time (`increase`, `delta`) needs a
Prometheus, and counts as not ringing.
"""

from __future__ import annotations

import operator
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import yaml
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from services.engines.locations import LOOPBACK
from services.engines.supervisor import status
from tests.e2e.exchange import ROOT, Exchange

_COMPARED: Final = re.compile(
    r"(?:max|min)?\(?(?P<metric>[a-z_]+)(?:\{(?P<labels>.*)\})?\)? (?P<how>==|>|<) (?P<bound>[\d.]+)"
)
_HOW: Mapping[str, Callable[[float, float], bool]] = {"==": operator.eq, ">": operator.gt, "<": operator.lt}


def rings(exchange: Exchange, alarm: str) -> bool:
    """Whether the alarm's condition holds at some process; for how long it must hold is left to Prometheus."""
    expression = expressions()[alarm]
    return any(_holds(expression, samples) for samples in _served(exchange))


def expressions() -> dict[str, str]:
    """What each alarm asks, by its name."""
    groups = yaml.safe_load((ROOT / "deploy/alerts.yaml").read_text("utf-8"))["groups"]
    return {rule["alert"]: rule["expr"] for group in groups for rule in group["rules"]}


def _served(exchange: Exchange) -> Iterator[list[Sample]]:
    for process in status(exchange.home).processes:
        if process.health_port is None:
            continue
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{process.health_port}/metrics", timeout=10) as answer:
                text = answer.read().decode()
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            continue  # Gone or hung: other alarms tell of that.
        yield [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def _holds(expression: str, samples: list[Sample]) -> bool:
    return any(all(_compared(each.strip(), samples) for each in way.split(" and ")) for way in expression.split(" or "))


def _compared(clause: str, samples: list[Sample]) -> bool:
    if "[" in clause:
        return False
    found = _COMPARED.fullmatch(clause)
    assert found is not None, f"this part of an alarm is not understood here: {clause}"
    labels = dict(re.findall(r'(\w+)="([^"]*)"', found["labels"] or ""))
    values = [s.value for s in samples if s.name == found["metric"] and labels.items() <= s.labels.items()]
    return any(_HOW[found["how"]](value, float(found["bound"])) for value in values)
