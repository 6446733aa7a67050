"""To which exchange does a command speak? Addresses in the environment win, else those of the one that runs here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr

from services.adapters.settings import Settings
from services.bootstrap import World, open_world
from services.engines.locations import Home, home_from, read_json, write_json
from services.engines.processes import read_status

T = TypeVar("T")


def home() -> Home:
    """The folder of the exchange that this command means (REFERRALS_HOME, else .referrals here)."""
    return home_from(os.environ, Path.cwd())


#: Name under which the portal's port is kept, so that links in mails lead there after the next start too.
PORTAL_HTTP = "portal-http"


def portal_address(at: Home) -> str | None:
    """Where people reach the portal, or None before the first start."""
    port = read_json(at.state).get("ports", {}).get(PORTAL_HTTP)
    return f"http://127.0.0.1:{port}" if port else None


def remember_mode(at: Home, *, sandbox: bool) -> None:
    """Note how the exchange in this home was started, so that later commands use the same clock."""
    write_json(at.run / "mode.json", {"sandbox": sandbox})


def settings_for(at: Home) -> Settings:
    """Settings from the environment, filled up with the addresses and mode of what runs in `at`."""
    settings = Settings()
    endpoints = read_status(at).endpoints
    found: dict[str, object] = {}
    if endpoints is not None:
        found = {"kafka": endpoints.kafka, "mongo": SecretStr(endpoints.mongo), "smtp": endpoints.smtp}
    if (address := portal_address(at)) is not None:
        found["base_url"] = address
    if read_json(at.run / "mode.json").get("sandbox"):
        found["sandbox"] = True
    missing = {name: value for name, value in found.items() if f"REFERRALS_{name.upper()}" not in os.environ}
    return settings.model_copy(update=missing)


@asynccontextmanager
async def session(at: Home | None = None) -> AsyncIterator[World]:
    """The world of a command: opened, and closed at the end."""
    async with open_world(settings_for(at or home()), "cli") as world:
        yield world


def with_world(work: Callable[[World], Awaitable[T]], at: Home | None = None) -> T:
    """Open a world, do the work in it, close it."""

    async def run() -> T:
        async with session(at) as world:
            return await work(world)

    return asyncio.run(run())
