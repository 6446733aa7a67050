"""Was an id that somebody was told does not exist another's? Found out, counted and noted behind the answer.

Foreign and unknown ids do the same work before their answer, and get the same one: whose an id is is looked up only
then, away from the request, so neither words nor time tell a stranger anything. What waits is bounded, and so is what
one caller can have noted in an hour; figures and log go on beyond that. A kill loses what waits: some milliseconds.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

import structlog
from fastapi import Request
from starlette.types import Scope

from services.core.foreign_ids import ForeignAsk
from services.portal.identity import Identity, IdentityKind
from services.portal.metrics import PortalMetrics
from services.portal.owners import OWNERS, Owned
from services.portal.ports import PortalPorts

log = structlog.get_logger("portal.foreign_ids")

#: Refused requests that wait to be looked at; more than that at a time are not.
MOST_WAITING = 1000
#: Notes of one caller that are kept in an hour.
MOST_NOTED = 100
#: Pages whose ids are no partner's business, whoever's they are.
_OF_OPERATORS = "/operator"


def foreign_ids_of(request: Request) -> ForeignIds:
    """What looks at refused ids here."""
    found: ForeignIds = request.app.state.foreign_ids
    return found


@dataclass(frozen=True, slots=True)
class _Refused:
    me: Identity
    operation: str
    #: By the name of the parameter.
    ids: Sequence[tuple[str, str]]
    at: datetime


class ForeignIds:
    """Looks at what was refused, in the background; one for an application."""

    def __init__(self, ports: PortalPorts, metrics: PortalMetrics) -> None:
        self._ports, self._metrics = ports, metrics
        self._waiting: deque[_Refused] = deque()
        self._work: asyncio.Task[None] | None = None
        self._noted: dict[str, int] = {}
        #: Notes of this hour by caller.
        self._hour: datetime | None = None

    def met(self, scope: Scope) -> None:
        """A request was answered with 404; called after the answer."""
        me = scope.get("state", {}).get("identity")
        path = getattr(scope.get("route"), "path", _OF_OPERATORS)
        named: Mapping[str, object] = scope.get("path_params") or {}
        ids = [(name, str(value)) for name, value in named.items() if name in OWNERS]
        if b"partnerId=" in (query := scope.get("query_string", b"")):
            ids.append(("partner_id", dict(parse_qsl(query.decode("latin-1"))).get("partnerId", "")))
        if ids and isinstance(me, Identity) and not path.startswith(_OF_OPERATORS):
            self.refused(me, f"{scope['method']} {path}", ids)

    def refused(self, me: Identity, operation: str, ids: Sequence[tuple[str, str]]) -> None:
        """Somebody was told that none of these ids, by parameter, is there; only partners' asking is looked at."""
        if me.kind is not IdentityKind.PARTNER or not ids:
            return
        if len(self._waiting) >= MOST_WAITING:
            log.warning("foreign_ids_not_looked_at", by=me.name, operation=operation)
            return
        self._waiting.append(_Refused(me, operation, ids, self._ports.clock.real_now()))
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._look())

    async def settled(self) -> None:
        """Wait until all that waits was looked at."""
        while self._work is not None and not self._work.done():
            await self._work

    async def until(self, stop: asyncio.Event) -> None:
        """A process's loop: nothing is left behind by an orderly stop."""
        await stop.wait()
        await self.settled()

    async def _look(self) -> None:
        while self._waiting:
            refused = self._waiting.popleft()
            try:
                found = [await self._foreign(refused.me, *pair) for pair in refused.ids]
                await self._note(refused, [each for each in found if each is not None])
            except Exception as error:  # noqa: BLE001 - one that can't be looked at must not keep the others waiting
                by, operation = refused.me.name, refused.operation
                log.warning("foreign_ids_not_looked_at", by=by, operation=operation, why=type(error).__name__)

    async def _foreign(self, me: Identity, name: str, id_: str) -> Owned | None:
        """The thing, if there is one and it is another's."""
        found = await OWNERS[name](self._ports, me, id_)
        return None if found is None or found.partner_id == me.partner_id else found

    async def _note(self, refused: _Refused, foreign: Sequence[Owned]) -> None:
        by, operation = refused.me.name, refused.operation
        for each in foreign:
            self._metrics.foreign_ids.labels(each.thing.value).inc()
            log.warning("foreign_id_refused", by=by, operation=operation, thing=each.thing.value, id=each.id)
        room = self._room(refused.me.counted_as, refused.at, len(foreign))
        asks = [
            ForeignAsk(
                by=by,
                partner_id=refused.me.partner_id or "",
                operation=operation,
                thing=each.thing,
                thing_id=each.id,
                at=refused.at,
            )
            for each in foreign[:room]
        ]
        if asks:
            await self._ports.foreign_asks.note(asks)

    def _room(self, subject: str, at: datetime, wanted: int) -> int:
        """How many more notes of a caller there is room for in this hour; they are taken."""
        hour = at.replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour, self._noted = hour, {}
        before = self._noted.get(subject, 0)
        self._noted[subject] = min(before + wanted, MOST_NOTED)
        return self._noted[subject] - before
