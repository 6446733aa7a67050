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
            await self._submitter.submit(who, orjson.dumps(dict(data)), (), None)
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


def submissions(world: World) -> Submissions:
    """The port over the open world."""
    stores = world.stores
    submitter = Submitter(stores.rfis, stores.idempotency, world.publisher, world.clock, regions=world.regions)
    return Submissions(submitter, world.clock, world.regions)
