"""Would an alarm of deploy/alerts.yaml ring now? Prometheus' own rules, over what every process serves on /metrics.

The samples are real; the clock is turned: scrapes follow each other faster than they say. promtool then runs the rules
over them, with their ranges and for as long as they must hold, as a Prometheus does that scraped all of that.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from services.engines.locations import LOOPBACK
from services.engines.supervisor import status
from tests.e2e.exchange import ROOT, Exchange

RULES = ROOT / "deploy/alerts.yaml"
#: Seconds between two scrapes, as Prometheus is told.
EVERY_S = 30
#: A process that does not answer within this time is down.
PATIENCE_S = 3.0
#: What a failed scrape leaves.
STALE = "stale"
#: Metrics that tell an instant; it is turned as the clock is.
INSTANT = "_timestamp_seconds"

Series = tuple[str, tuple[tuple[str, str], ...]]


def promtool() -> str:
    """Where Prometheus' own tool is; without it the test skips, and fails in CI."""
    found = shutil.which("promtool", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if found is None:
        why = "promtool is not here: sh scripts/promtool.sh"
        if os.environ.get("CI"):
            pytest.fail(why, pytrace=False)
        pytest.skip(why)
    return found


def asked() -> set[str]:
    """Every metric that an alarm asks for."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    expressions = " ".join(rule["expr"] for group in groups for rule in group["rules"])
    return set(re.findall(r"\b(?:referrals|process)_\w+", expressions))


def alarms() -> set[str]:
    """Every alarm."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"]}


class Samples:
    """Scrapes, one every `EVERY_S` seconds of a turned clock, and what rings after the last."""

    def __init__(self) -> None:
        self._asked = asked()
        self._values: dict[Series, dict[int, float | str]] = defaultdict(dict)
        #: When each scrape really was, Unix time.
        self._at: list[float] = []

    def scraped(self, at: float, found: Mapping[str, list[Sample] | None]) -> None:
        """Add a scrape: what each process said, or None where none answered.

        Args:
            at: when, Unix time.
            found: samples by the name of the process.
        """
        tick = len(self._at)
        self._at.append(at)
        for name, samples in found.items():
            here = {"job": "referrals", "instance": name}
            self._values["up", tuple(sorted(here.items()))][tick] = float(samples is not None)
            now = {
                (each.name, tuple(sorted({**each.labels, **here}.items()))): self._turned(each)
                for each in samples or ()
                if each.name in self._asked
            }
            gone = [series for series in self._values if series[0] != "up" and ("instance", name) in series[1]]
            for series in gone:
                if series not in now and tick - 1 in self._values[series]:
                    self._values[series][tick] = STALE
            for series, value in now.items():
                self._values[series][tick] = value

    def _turned(self, sample: Sample) -> float:
        """The value; an instant as it is on the turned clock, which begins at 0 with the first scrape."""
        if not sample.name.endswith(INSTANT):
            return float(sample.value)
        at = sample.value
        if at <= self._at[0]:
            return float(at - self._at[0])
        after = min(bisect_right(self._at, at), len(self._at) - 1)
        if after == 0:
            return 0.0
        before = after - 1
        length = self._at[after] - self._at[before]
        return float(EVERY_S * (before + min(1.0, (at - self._at[before]) / length)))

    def ringing(self, lately: int = 1) -> set[str]:
        """The alarms that rang after any of the last scrapes; without a number, after the last one."""
        # Whatever is expected is not what is found: so promtool says what it found.
        questions = [
            {
                "expr": 'sum by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": f"{EVERY_S * tick}s",
                "exp_samples": [{"labels": '{alertname="none"}', "value": -1}],
            }
            for tick in range(len(self._at))[-lately:]
        ]
        test = {"interval": f"{EVERY_S}s", "input_series": self._series(), "promql_expr_test": questions}
        asked = {"rule_files": [str(RULES)], "evaluation_interval": f"{EVERY_S}s", "tests": [test]}
        with TemporaryDirectory() as folder:
            path = Path(folder) / "alarms.yaml"
            path.write_text(yaml.safe_dump(asked), "utf-8")
            done = subprocess.run([promtool(), "test", "rules", str(path)], check=False, capture_output=True, text=True)
        answers = re.findall(r"^\s*got: (.*)$", done.stdout + done.stderr, re.MULTILINE)
        assert len(answers) == len(questions), done.stdout + done.stderr
        return set(re.findall(r'alertname="(\w+)"', "".join(answers)))

    def _series(self) -> list[dict[str, str]]:
        ticks = range(len(self._at))
        return [
            {
                "series": name + "{" + ",".join(f'{key}="{value}"' for key, value in labels) + "}",
                "values": " ".join(_written(values.get(tick)) for tick in ticks),
            }
            for (name, labels), values in self._values.items()
        ]


def _written(value: float | str | None) -> str:
    if value is None:
        return "_"
    return value if isinstance(value, str) else f"{value:.17g}"


class Prometheus:
    """Scrapes an exchange. Real time goes on by `EVERY_S / turn` between two scrapes.

    Args:
        exchange: what is scraped: every process that the supervisor knows, and `more` (names and ports).
        turn: how much faster the clock goes.
    """

    def __init__(self, exchange: Exchange, turn: float = 40.0) -> None:
        self._exchange, self._samples = exchange, Samples()
        self.turn, self.more = turn, dict[str, int]()
        self._ports: dict[str, int] = {}

    def scrape(self) -> None:
        """Wait for the time of the next scrape, and ask everybody."""
        time.sleep(EVERY_S / self.turn)
        for process in status(self._exchange.home).processes:
            if process.health_port is not None:
                self._ports[process.name] = process.health_port
        found = {name: _served(port) for name, port in {**self._ports, **self.more}.items()}
        self._samples.scraped(time.time(), found)

    def ringing(self, lately: int = 1) -> set[str]:
        """What rang after any of the last scrapes."""
        return self._samples.ringing(lately)

    def heard(self, alarm: str, meanwhile: Callable[[], object] = lambda: None, within: int = 240) -> None:
        """Scrape until the alarm rings; `meanwhile` is done between two scrapes."""
        # Whoever replaces a process that is stuck may be faster than we look.
        looks = self._looks(within, meanwhile, lambda: alarm in self.ringing(self._scrapes_a_look))
        assert any(looks), f"{alarm} does not ring"

    def silent(self, alarm: str, within: int = 240) -> None:
        """Scrape until the alarm rings no more."""
        looks = self._looks(within, lambda: None, lambda: alarm not in self.ringing())
        assert any(looks), f"{alarm} still rings"

    def _looks(self, within: int, meanwhile: Callable[[], object], holds: Callable[[], bool]) -> Iterator[bool]:
        for number in range(1, within + 1):
            meanwhile()
            self.scrape()
            if number % self._scrapes_a_look == 0:
                yield holds()

    @property
    def _scrapes_a_look(self) -> int:
        """Running the rules over everything takes as long as some scrapes that follow each other fast."""
        return 5 if EVERY_S / self.turn < PATIENCE_S else 1


def _served(port: int) -> list[Sample] | None:
    """What a process says of itself; None when it does not."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=PATIENCE_S) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, TimeoutError, ConnectionError, OSError):
        return None
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]
