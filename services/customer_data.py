"""How is a customer's data found and erased in an open world? Part of the composition root."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from services.bootstrap import World
from services.core.erasures import Because, Erasure, ErasureStore, Found
from services.erasure.eraser import Eraser, EraserPorts
from services.erasure.finding import Finder
from services.erasure.retention import Retention


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerData:
    """Port `Erasures` of the portal, and what the command line and the expirer use."""

    finder: Finder
    eraser: Eraser
    erasures: ErasureStore

    async def find(self, *, email: str | None = None, rfi_id: str | None = None) -> Found:
        """What there is of a customer with this address, or of one request."""
        if email is not None:
            return await self.finder.by_email(email)
        return await self.finder.by_rfi(rfi_id or "")

    async def erase(self, found: Found, by: str) -> Erasure | None:
        """Write the order down and begin; the expirer sees to the rest."""
        return await self.eraser.erase(found, by, Because.REQUEST)

    async def listed(self, limit: int) -> list[Erasure]:
        """The newest orders."""
        return await self.erasures.listed(limit)


def customer_data(world: World) -> CustomerData:
    """Finding and erasing, over the world's ports."""
    stores = world.stores
    finder = Finder(
        erasures=stores.erasures,
        rfis=stores.rfis,
        referrals=stores.referrals,
        jobs=stores.jobs,
        reveals=stores.reveals,
        policies=world.policies,
    )
    ports = EraserPorts(
        erasures=stores.erasures,
        rfis=stores.rfis,
        referrals=stores.referrals,
        submitted=world.submitted,
        publish=world.relay.publish_and_clear,
        clock=world.clock,
        policies=world.policies,
    )
    eraser = Eraser(ports, timedelta(seconds=world.settings.erasure_look_again_s))
    return CustomerData(finder=finder, eraser=eraser, erasures=stores.erasures)


def retention(world: World, data: CustomerData) -> Retention | None:
    """What erases by age; None where everything is kept."""
    days = world.settings.retention_days
    if not days:
        return None
    return Retention(
        eraser=data.eraser,
        erasures=world.stores.erasures,
        referrals=world.stores.referrals,
        clock=world.clock,
        kept_for=timedelta(days=days),
    )
