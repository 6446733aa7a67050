"""Does what the README tells newcomers to do work? Its snippets are run as they stand.

test_operating.py collects these tests and has their exchange.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from services.bootstrap import World
from services.cli.system import intake_address
from services.core.codes import RfiState
from services.engines.supervisor import status
from tests.e2e.exchange import ROOT, SAMPLES, Exchange

SNIPPET = re.compile(r"<!-- test: (\w+) -->\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)
SNIPPETS: dict[str, str] = dict(SNIPPET.findall((ROOT / "README.md").read_text("utf-8")))


@pytest.fixture
def folder(exchange: Exchange, tmp_path: Path) -> Path:
    """Where a newcomer works: the RFI of the README is written there."""
    run(exchange, tmp_path, "rfi")
    return tmp_path


def run(exchange: Exchange, folder: Path, name: str, **instead: str) -> str:
    """Run a snippet with this exchange's addresses in place of the README's; returns what it printed."""
    text = SNIPPETS[name]
    for written, real in instead.items():
        assert written in text
        text = text.replace(written, real)
    endpoints = status(exchange.home).endpoints
    assert endpoints is not None
    text = text.replace("127.0.0.1:9092", endpoints.kafka)
    text = text.replace("http://127.0.0.1:8401", str(intake_address(exchange.home)))
    command = [sys.executable, "-c", text] if text.startswith("import") else ["bash", "-euc", text]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env={**exchange.environment, "PATH": path, "KAFKA": endpoints.kafka},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def need(program: str) -> None:
    if shutil.which(program):
        return
    why = f"{program} is not installed: sudo apt-get install {program}"
    if os.environ.get("CI"):
        pytest.fail(why, pytrace=False)
    pytest.skip(why)


def states_of(exchange: Exchange, source: str) -> list[RfiState]:
    """The states of the RFIs of a source, when nothing is left to do."""
    exchange.quiet()

    async def work(world: World) -> list[RfiState]:
        return [rfi.state for rfi in await world.stores.rfis.recent(1000) if rfi.source == source]

    return exchange.run(work)


def test_up_shows_a_way_in_for_a_partner_a_customer_and_an_operator(exchange: Exchange, tmp_path: Path) -> None:
    shutil.copy(SAMPLES / "partners.csv", tmp_path)
    few = (SAMPLES / "rfis.jsonl").read_text("utf-8").splitlines(keepends=True)[:8]
    (tmp_path / "rfis.jsonl").write_text("".join(few), "utf-8")
    said = exchange.cli("up", "--samples", str(tmp_path), timeout_s=120)
    doors = dict(re.findall(r"^ *(partner|customer|operator) .*: (http\S+)$", said, re.MULTILINE))
    assert doors.keys() == {"partner", "customer", "operator"}, said
    for who, address in doors.items():
        page = httpx.get(address, headers={"accept": "text/html"})
        assert (page.status_code, "<form" in page.text) == (200, True), who


def test_an_rfi_in_a_file_reaches_partners(exchange: Exchange, folder: Path) -> None:
    run(exchange, folder, "file")
    assert states_of(exchange, "urn:example:files") == [RfiState.ROUTED]


def test_an_rfi_sent_with_kcat_reaches_partners(exchange: Exchange, folder: Path) -> None:
    need("kcat")
    run(exchange, folder, "kcat")
    assert states_of(exchange, "urn:example:kcat") == [RfiState.ROUTED]


def test_an_rfi_sent_from_python_reaches_partners_once_however_often_it_is_sent(
    exchange: Exchange, folder: Path
) -> None:
    run(exchange, folder, "python")
    run(exchange, folder, "python")
    assert states_of(exchange, "https://marketing.example.com") == [RfiState.ROUTED]


def test_an_rfi_sent_over_http_reaches_partners_and_its_status_can_be_asked(exchange: Exchange, folder: Path) -> None:
    need("curl")
    token = re.search(r"now\): (\S+)", run(exchange, folder, "publisher"))
    assert token
    answer = run(exchange, folder, "http", **{"the-token-it-printed": token[1]})
    assert " 202 " in answer.splitlines()[0]
    assert re.search(r"^location: /v1/rfis/", answer, re.IGNORECASE | re.MULTILINE)
    assert states_of(exchange, "https://www.example.com") == [RfiState.ROUTED]


def test_what_became_of_it_can_be_looked_up_explained_and_answered(exchange: Exchange, folder: Path) -> None:
    run(exchange, folder, "file")
    exchange.quiet()
    listed = exchange.cli("rfi", "list", "--state", "routed")
    rfi = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", listed)
    assert rfi
    assert "Sent to" in exchange.cli("rfi", "show", rfi[0])
    assert "chosen" in exchange.cli("match", "explain", rfi[0])
    referral = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", exchange.cli("referral", "list", "--rfi", rfi[0]))
    assert referral
    exchange.cli("referral", "decline", referral[0], "--reason", "noCapacity")
    assert "Closed/Declined" in exchange.cli("referral", "show", referral[0])
    exchange.cli("referral", "undo", referral[0])
    assert "New/" in exchange.cli("referral", "show", referral[0])


def test_every_snippet_of_the_readme_is_run_here() -> None:
    here = Path(__file__).read_text("utf-8")
    assert SNIPPETS
    assert [name for name in SNIPPETS if f'folder, "{name}"' not in here and f'tmp_path, "{name}"' not in here] == []
