"""Which doors into the portal does `referrals up` show: its address, and a sign-in link for one of each kind of person?

The links are good once, for a day. An exchange filled with samples has a sample operator; else somebody adds one.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from services.adapters.importers.partners_csv import parse_partners
from services.adapters.importers.rfi_files import read_rfis
from services.bootstrap import World
from services.cli.console import console
from services.cli.demo.script import SOURCE, quiet
from services.cli.importing import store_partners
from services.cli.rfi import submit_all
from services.cli.session import with_world
from services.core.account_stores import CUSTOMER_LINK
from services.core.accounts import Role, User
from services.core.codes import RfiState
from services.core.ids import user_id
from services.portal.pace import Pace
from services.portal.sign_in import SignIn
from services.portal_wiring import portal_options, portal_ports

SAMPLE_OPERATOR = "operator@exchange.example"
_LIFE = timedelta(days=1)


def show_doors(samples: Path | None) -> None:
    """Print the portal's address and the links; fill an empty exchange with samples first, if there are any."""

    async def work(world: World) -> None:
        await world.links.load()
        if samples is not None and not await world.stores.rfis.recent(1):
            with console.status("Loading the samples ..."):
                await _fill(world, samples)
        base = world.settings.base_url.rstrip("/")
        console.print(f"Portal: {base}")
        for who, path in await _paths(world):
            console.print(f"  {who}: {base}{path}", soft_wrap=True)
        if not await world.stores.users.operators():
            console.print("  No operator yet:  referrals user add EMAIL --operator   then   referrals user link EMAIL")

    with_world(work)


async def _fill(world: World, samples: Path) -> None:
    text = await asyncio.to_thread((samples / "partners.csv").read_text, "utf-8")
    await store_partners(world, *parse_partners(text, world.place))
    operator = User(id=user_id(SAMPLE_OPERATOR), email=SAMPLE_OPERATOR, name="Sample operator", operator=True)
    await world.stores.users.add([operator])
    await submit_all(world, read_rfis(samples / "rfis.jsonl", world.clock.now()), SOURCE)
    await quiet(world)


async def _paths(world: World) -> list[tuple[str, str]]:
    """(who, path) of a partner with a referral, of its customer, and of an operator, as far as there are any."""
    sign_in = SignIn(portal_ports(world), portal_options(world.settings), Pace(1))
    found: list[tuple[str, str]] = []
    for rfi in await world.stores.rfis.recent(1, RfiState.ROUTED):
        chosen = rfi.routing.chosen if rfi.routing else ()
        for each in chosen:
            people = await world.stores.users.of_partner(each.partner_id)
            admins = [user for user in people if user.role is Role.ADMIN and user.active]
            if admins:
                path = await sign_in.link_path(admins[0], "/inbox", _LIFE)
                found.append((f"partner {admins[0].email}", path))
                break
        signed = world.links.sign(CUSTOMER_LINK, rfi.id)
        found.append((f"customer {rfi.customer.company}", f"/requests/{signed}"))
    if operators := await world.stores.users.operators():
        found.append((f"operator {operators[0].email}", await sign_in.link_path(operators[0], "/", _LIFE)))
    return found
