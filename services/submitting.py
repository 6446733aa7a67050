"""How does a request that somebody enters in the portal get to intake? As every RFI does, by intake's own rules.

Part of the composition root: the portal knows the port, intake the rules, and neither knows the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from services.bootstrap import World
from services.core.errors import CommandInvalid, Problem
from services.core.ports import Clock
from services.core.rfi import Rfi
from services.core.stores import Publisher
from services.intake.regions import Regions
from services.intake.submit import Rejected, Submitter
from services.intake.validate import validate


class Submissions:
    """Port `RfiIntake` of the portal."""

    def __init__(self, submitter: Submitter, clock: Clock, regions: Regions) -> None:
        self._submitter, self._clock, self._regions = submitter, clock, regions

    async def submit(self, source: str, data: Mapping[str, Any]) -> Rfi:
        """Checked, and then put on Kafka; the data must have an id."""
        who = Publisher(id=source, source=source, token_hash="")
        try:
            await self._submitter.submit(who, _written(data), (), None)
        except Rejected as rejected:
            raise CommandInvalid(rejected.problems) from None
        checked = validate(dict(data), source, self._clock.now(), self._regions)
        if not isinstance(checked, Rfi):
            raise CommandInvalid(checked)
        return checked

    def problems(self, source: str, data: Mapping[str, Any]) -> list[Problem]:
        """As intake's consumer will find them."""
        checked = validate(dict(data), source, self._clock.now(), self._regions)
        return [] if isinstance(checked, Rfi) else checked


def _written(data: Mapping[str, Any]) -> bytes:
    """The data as JSON that every consumer can read.

    Raises:
        CommandInvalid: it has texts that are no UTF-8 (half a character: a lone surrogate), numbers beyond 64 bits,
            or is nested too deeply. Lenient readers of JSON let these through.
    """
    try:
        return orjson.dumps(dict(data))
    except orjson.JSONEncodeError:
        fields = [name for name, value in data.items() if not _writable({name: value})]
        words = "has half a character, a number of too many digits, or too many brackets within each other"
        # A name that can't be written can't be told either.
        pointers = [f"/{name}" if _writable(name) else "" for name in fields]
        raise CommandInvalid([Problem(each, "not_json", words) for each in pointers]) from None


def _writable(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        return False
    return True


def submissions(world: World) -> Submissions:
    """The port over the open world."""
    stores = world.stores
    submitter = Submitter(stores.rfis, stores.idempotency, world.publisher, world.clock, regions=world.regions)
    return Submissions(submitter, world.clock, world.regions)
