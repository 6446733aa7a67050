"""Is this process getting on (/live), can it do its work now (/ready), and what are its figures (/metrics)?

/live turns bad when replacing the process would help: a consumer that makes no progress, a loop that died. Waiting for
Kafka or MongoDB is progress. /ready turns bad while the process waits for anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import orjson
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

#: Says what is wrong, or None.
Check = Callable[[], str | None]


class Health:
    """Collects the checks of a process."""

    def __init__(self, process: str) -> None:
        self.process = process
        self._live: list[Check] = []
        self._ready: list[Check] = []

    def add(self, *, live: Check | None = None, ready: Check | None = None) -> None:
        """Add checks; each is asked at every request and must be quick."""
        if live is not None:
            self._live.append(live)
        if ready is not None:
            self._ready.append(ready)

    def stuck(self) -> Sequence[str]:
        """Why the process should be replaced; empty when it is alive."""
        return [reason for check in self._live if (reason := check())]

    def unready(self) -> Sequence[str]:
        """Why it can't work now; empty when it can."""
        return [*self.stuck(), *(reason for check in self._ready if (reason := check()))]


def _none(problems: Callable[[], Sequence[str]]) -> float:
    return float(not problems())


def health_app(health: Health, registry: CollectorRegistry) -> Starlette:
    """The three routes as an ASGI application; the figures tell what the other two answer, too."""
    for name, words, problems in (
        ("live", "1 when /live answers 200: the process gets on.", health.stuck),
        ("ready", "1 when /ready answers 200: the process waits for nothing.", health.unready),
    ):
        gauge = Gauge(f"referrals_process_{name}", words, registry=registry)
        gauge.set_function(partial(_none, problems))

    def answer(problems: Sequence[str]) -> Response:
        body = {"process": health.process, "ok": not problems, "problems": list(problems)}
        return Response(orjson.dumps(body), 503 if problems else 200, media_type="application/json")

    async def live(_request: Request) -> Response:
        return answer(health.stuck())

    async def ready(_request: Request) -> Response:
        return answer(health.unready())

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/live", live), Route("/ready", ready), Route("/metrics", metrics)])
