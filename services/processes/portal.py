"""What the process `portal` consists of: pages and API, and the partners it finds; it consumes nothing."""

from __future__ import annotations

import structlog

from services.adapters.health import Health
from services.adapters.kafka.delivery import Delivery
from services.adapters.mongo import cards, listing, sign_ins
from services.adapters.process import http_loop, repeat
from services.bootstrap import World
from services.portal.pages import rows
from services.portal_wiring import finder_of, portal_app
from services.running import Parts, parts_of

log = structlog.get_logger("process")

#: How long what was read for one page may lie in memory for the next ones, seconds: erased data is gone as soon.
KEPT_S = 60.0


def assemble(world: World, delivery: Delivery, health: Health) -> Parts:
    """Pages and API; it consumes nothing."""
    parts = parts_of(world, delivery, health)
    finder = finder_of(world)
    settings, app = world.settings, portal_app(world, finder)
    if not (settings.sandbox or settings.store_keys.get_secret_value()):
        # Said by this process alone, so that an exchange says it once.
        log.warning("secrets_are_readable_in_the_database", set="REFERRALS_STORE_KEYS")
    # Like a router it follows topics without a group; nobody waits for it.
    parts.loops["finder"] = finder.follow
    parts.loops["foreign_ids"] = app.state.foreign_ids.until
    parts.loops["forgetting"] = repeat(forget, KEPT_S)
    parts.loops["http"] = http_loop(
        app, settings.portal_host, settings.portal_port, connections=settings.portal_connections
    )
    return parts


async def forget() -> None:
    """Let go of what pages keep of referrals and people; it is never out of date, but it may have been erased."""
    for each in (rows, cards, listing, sign_ins):
        each.forget()
