"""Where can a test kill, freeze or break a process: before and after each write, and around each batch?

Nothing of this exists unless `REFERRALS_FAULT_POINTS` names a folder, which only a sandbox accepts: without it nothing
is wrapped and a write costs what it costs. An order is a file in that folder, named `<process>.<point>.<side>`, with
the action in it; a point is `<port>.<write>`, or `<group>.<port>.<write>` for that write in one consumer's handler
alone (`beside` in the group's place: in none). The first process that passes the point takes the order by renaming the
file, so it strikes once, however many instances and restarts there are. A point that was passed is noted, with its
consumer, as an empty file in `passed/`.
"""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

from services.adapters.mongo.stores import MongoStores
from services.core.ports import BatchHandler, Failure, Record

T = TypeVar("T")

#: Every write of every port; reads have no effect, so a kill at a read is one at the write before it. A test finds what
#: writes in the adapters' source and holds this list to it. (`due` puts off what it can't read.)
WRITES: Mapping[str, frozenset[str]] = {
    "rfis": frozenset({"add", "route", "save", "clear_outbox"}),
    "referrals": frozenset({"add", "save", "clear_outbox", "due", "defer"}),
    "insights": frozenset({"put_medians"}),
    "favourites": frozenset({"star", "unstar"}),
    "reveals": frozenset({"record"}),
    "foreign_asks": frozenset({"note"}),
    "partners": frozenset({"put_partners", "put_profiles", "mark_published"}),
    "pasts": frozenset({"save", "mark_published"}),
    "rules": frozenset({"publish"}),
    "jobs": frozenset({"add_leased", "claim", "trying", "finish", "renew", "came_back"}),
    "refusals": frozenset({"put", "mark_replayed"}),
    "dead_letters": frozenset({"put", "drop"}),
    "aside": frozenset({"close", "release", "retry"}),
    "idempotency": frozenset({"claim"}),
    "publishers": frozenset({"put"}),
    "sandbox_clock": frozenset({"advance"}),
    "users": frozenset({"add", "save"}),
    "sign_ins": frozenset({"put_link", "take_link", "put_session", "end_session", "end_sessions_of"}),
    "tokens": frozenset({"add_token", "revoke_token", "used", "add_client", "revoke_client"}),
    "secrets": frozenset({"keep"}),
    "webhooks": frozenset(
        {
            *("put_webhook", "remove_webhook", "pause_webhook", "disable_webhook"),
            *("add_deliveries", "claim_deliveries", "finish_deliveries", "replay_deliveries"),
        }
    ),
    "suppressions": frozenset({"add", "lift"}),
    "erasures": frozenset({"put", "forget_originals", "forget_recipients"}),
    "publisher": frozenset({"publish"}),
    "submitted": frozenset({"delete_before"}),
    "mailer": frozenset({"send"}),
    "caller": frozenset({"post"}),
}
BEFORE, AFTER = "before", "after"

#: Whose handler a write is made in: its consumer group, or beside all of them (senders, sweeps, requests).
BESIDE = "beside"
_WHERE: ContextVar[str] = ContextVar("where", default=BESIDE)


class OrderedFailure(Exception):
    """A test asked for this error: a bug in a handler, as far as anybody can tell."""


class FaultPoints:
    """The points of one process. Actions: kill, freeze (SIGSTOP), hang (the task), block (the event loop), fail."""

    def __init__(self, folder: Path, process: str) -> None:
        self._folder, self._process = folder, process
        self._passed: set[str] = set()

    def port(self, name: str, port: T) -> T:
        """The port with a point before and after each of its writes."""
        return cast("T", _Port(self, name, port))

    def stores(self, stores: MongoStores) -> MongoStores:
        """All stores, each with its points."""
        wrapped: dict[str, Any] = {
            name: self.port(name, getattr(stores, name)) for name in WRITES if hasattr(stores, name)
        }
        return replace(stores, **wrapped)

    def handler(self, group: str, handler: BatchHandler) -> BatchHandler:
        """The handler with a point before it (all committed that came before) and after (effects done, no commit)."""

        async def handle(records: Sequence[Record]) -> Sequence[Failure]:
            self._reject(group, records)
            await self.passing(f"{group}.{BEFORE}")
            token = _WHERE.set(group)
            try:
                failures = await handler(records)
            finally:
                _WHERE.reset(token)
            await self.passing(f"{group}.{AFTER}")
            return failures

        return handle

    async def passing(self, point: str) -> None:
        """Strike if a test ordered it at this point."""
        self._note(point)
        await self._obey(point)

    async def passing_write(self, write: str) -> None:
        """Strike if a test ordered it at this write, or at this write of the consumer at work."""
        point = f"{_WHERE.get()}.{write}"
        self._note(point)
        for each in (point, write):
            await self._obey(each)

    def _note(self, point: str) -> None:
        name = f"{self._process}.{point}"
        if name not in self._passed:
            self._passed.add(name)
            (self._folder / "passed").mkdir(parents=True, exist_ok=True)
            (self._folder / "passed" / name).touch()

    async def _obey(self, point: str) -> None:
        name = f"{self._process}.{point}"
        taken = self._folder / f"{name}.struck"
        try:
            (self._folder / name).rename(taken)
        except FileNotFoundError:
            return
        await _strike(taken.read_text("utf-8").strip())

    def _reject(self, group: str, records: Sequence[Record]) -> None:
        """A handler that fails whenever a record of this key is in its batch; the order stays in force."""
        try:
            key = (self._folder / f"{self._process}.{group}.reject").read_bytes()
        except FileNotFoundError:
            return
        if any(key in (record.key or b"") for record in records):
            raise OrderedFailure("a record of the ordered key")


class _Port:
    """Passes everything on; writes pass their points."""

    def __init__(self, points: FaultPoints, name: str, port: object) -> None:
        self._points, self._name, self._port = points, name, port

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self._port, attribute)
        return self._pointed(attribute, found) if attribute in WRITES[self._name] else found

    def _pointed(self, method: str, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        async def pointed(*args: Any, **kwargs: Any) -> Any:
            await self._points.passing_write(f"{self._name}.{method}.{BEFORE}")
            result = await call(*args, **kwargs)
            await self._points.passing_write(f"{self._name}.{method}.{AFTER}")
            return result

        return pointed


async def _strike(action: str) -> None:
    match action:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "freeze":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "hang":
            await asyncio.Event().wait()
        case "block":
            while True:  # What a handler does that computes for ever, or calls something that blocks.
                time.sleep(1)  # noqa: ASYNC251 - on purpose
        case _:
            raise OrderedFailure(action)
