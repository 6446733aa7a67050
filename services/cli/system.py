"""Commands that bring the exchange up and down on this machine: up, down, status, logs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from services.cli.console import console, errors, plain_errors, table
from services.cli.doors import show_doors
from services.cli.session import PORTAL_HTTP, home, portal_address, remember_mode
from services.engines.choose import Kind
from services.engines.locations import Home, claim_ports, read_json
from services.engines.processes import Spec
from services.engines.supervisor import Progress, Running, down, log_paths, status, up

PROCESSES = ("intake", "router", "notifier", "expirer", "statistics", "webhooks", "portal")

app = typer.Typer()

Engines = Annotated[str | None, typer.Option(help="bundled, docker or given; without it the first that works.")]


#: Where the portal is looked for first.
PORTAL_PORT = 8400

#: Name under which the port of intake's HTTP side is kept, so that publishers find it where it was.
INTAKE_HTTP = "intake-http"


def intake_address(at: Home) -> str | None:
    """Where publishers reach intake over HTTP, or None before the first start."""
    port = read_json(at.state).get("ports", {}).get(INTAKE_HTTP)
    return f"http://127.0.0.1:{port}" if port else None


def specs(
    *,
    sandbox: bool,
    intake_port: int,
    portal_port: int = 0,
    instances: dict[str, int] | None = None,
    settings: Mapping[str, str] | None = None,
    without: Collection[str] = (),
) -> list[Spec]:
    """The consumers as separate processes, each with a health port of its own.

    Args:
        sandbox: whether the clock may be shifted.
        intake_port: where a single intake takes RFIs over HTTP.
        portal_port: where a single portal serves pages and API, and links in mails lead; 0 takes a free one.
        instances: how many of a process, where not one.
        settings: more of their environment.
        without: processes that are not started.
    """
    environment = {
        "REFERRALS_HEALTH_PORT": "{port}",
        "REFERRALS_INSTANCE": "{instance}",
        # The supervisor starts no second instance of a name.
        "REFERRALS_STATIC_MEMBER": "true",
    }
    if portal_port:
        environment["REFERRALS_BASE_URL"] = f"http://127.0.0.1:{portal_port}"
    environment |= settings or {}
    if sandbox:
        environment["REFERRALS_SANDBOX"] = "true"
    return [
        Spec(
            name=name,
            argv=(sys.executable, "-m", "services.cli", "run", name),
            env=environment | _ports(intake_port, portal_port, alone=(instances or {}).get(name, 1) == 1),
            instances=(instances or {}).get(name, 1),
            preload=("services.cli.running", f"services.processes.{name}"),
        )
        for name in PROCESSES
        if name not in without
    ]


def _ports(intake_port: int, portal_port: int, *, alone: bool) -> dict[str, str]:
    """Several instances can't share a port; then the system chooses."""
    return {
        "REFERRALS_INTAKE_PORT": str(intake_port if alone else 0),
        "REFERRALS_PORTAL_PORT": str(portal_port if alone else 0),
    }


def start(
    at: Home,
    *,
    sandbox: bool,
    engines: Kind | None = None,
    instances: dict[str, int] | None = None,
    settings: Mapping[str, str] | None = None,
    on_progress: Progress | None = None,
    preferred: Mapping[str, int] | None = None,
    without: Collection[str] = (),
) -> Running:
    """Bring everything up in `at`; the processes create topics and indexes themselves.

    `preferred` are ports by name, taken the first time if they are free; `without` are processes that are not started.
    """
    ports = {INTAKE_HTTP: 0, PORTAL_HTTP: 0}
    # Ports are asked for only while nobody of ours has them.
    if not status(at).running:
        ports = claim_ports(at.create(), list(ports), preferred or {})
    running = up(
        at,
        specs(
            sandbox=sandbox,
            intake_port=ports[INTAKE_HTTP],
            portal_port=ports[PORTAL_HTTP],
            instances=instances,
            settings=settings,
            without=without,
        ),
        engines,
        on_progress=on_progress or (lambda _n, _s: None),
    )
    if not running.already:
        remember_mode(at, sandbox=sandbox)
    return running


def _kind(text: str | None) -> Kind | None:
    match text:
        case None | "bundled" | "docker" | "given":
            return text
        case _:
            errors.print(f"[red]--engines {escape(text)}[/red]: use bundled, docker or given")
            raise typer.Exit(2)


@app.command("up")
def up_command(
    engines: Engines = None,
    sandbox: Annotated[bool, typer.Option(help="A clock that `referrals clock advance` can shift.")] = False,
    samples: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Fill an empty exchange with these samples.")
    ] = None,
    scale: Annotated[list[str] | None, typer.Option(help="Instances of a process, for example router=3.")] = None,
) -> None:
    """Start engines and processes, and leave them running."""
    instances: dict[str, int] = {}
    for wish in scale or []:
        name, _, number = wish.partition("=")
        if name not in PROCESSES or not number.isdecimal() or not int(number):
            errors.print(f"[red]--scale {escape(wish)}[/red]: write one of {', '.join(PROCESSES)}, =, and a number")
            raise typer.Exit(2)
        instances[name] = int(number)
    with plain_errors(), console.status("Starting ...") as spinner:
        running = start(
            home(),
            sandbox=sandbox,
            engines=_kind(engines),
            instances=instances,
            on_progress=lambda name, state: spinner.update(f"{name}: {state}"),
            preferred={PORTAL_HTTP: PORTAL_PORT},
        )
    console.print("The exchange was up already." if running.already else "The exchange is up.")
    show_status()
    with plain_errors():
        show_doors(samples)
    console.print("Submit an RFI:  referrals rfi submit FILE      Watch:  referrals watch      Stop:  referrals down")


@app.command("down")
def down_command() -> None:
    """Stop everything; the data stays for the next `up`."""
    with plain_errors(), console.status("Stopping ...") as spinner:
        stopped = down(home(), lambda name, state: spinner.update(f"{name}: {state}"))
    console.print("Stopped." if stopped.was_running else "Nothing was running here.")


@app.command("status")
def status_command() -> None:
    """What runs, where it listens, how often it was restarted. Exit code 1 when not everything is ready."""
    if not show_status():
        raise typer.Exit(1)


def show_status() -> bool:
    """Print the status table; true when everything is ready."""
    at = home()
    now = status(at)
    rows = [
        (p.name, p.state, p.pid or "", p.restarts, f"http://127.0.0.1:{p.health_port}" if p.health_port else "", p.why)
        for p in now.processes
    ]
    console.print(table(f"Processes ({at.root})", ["name", "state", "pid#", "restarts#", "health", "why"], rows))
    if now.endpoints:
        known = {"Kafka": now.endpoints.kafka, "MongoDB": now.endpoints.mongo, "SMTP": now.endpoints.smtp}
        known["mails"] = str(now.endpoints.mail_dir or "with the mail server")
        known["portal"] = str(portal_address(at))
        known["submit over HTTP"] = f"{intake_address(at)}/v1/rfis"
        console.print(table("Addresses", ["what", "where"], known.items()))
    return now.ready


@app.command("logs")
def logs_command(
    name: Annotated[str | None, typer.Argument(help="A process or engine; without it, all.")] = None,
    lines: Annotated[int, typer.Option("-n", help="Lines from the end.")] = 20,
    follow: Annotated[bool, typer.Option("-f", help="Go on as lines come.")] = False,
) -> None:
    """The last lines of the logs."""
    paths = log_paths(home())
    chosen = {n: p for n, p in paths.items() if name is None or n == name or n.startswith(f"{name}-")}
    if not chosen:
        errors.print(f"There is no log of {escape(name or 'anything')} here. Known: {', '.join(paths) or 'none yet'}")
        raise typer.Exit(1)
    command = ["tail", f"-n{lines}", *(["-F"] if follow else []), *map(str, chosen.values())]
    raise typer.Exit(subprocess.run(command, check=False).returncode)  # noqa: S603 - our own words
