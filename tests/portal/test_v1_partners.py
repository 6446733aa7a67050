"""/v1/partners: operators walk all of them; a partner sees itself."""

from __future__ import annotations

from services.core.accounts import Role
from tests.builders import make_partner
from tests.portal.world import PortalWorld

PATH = "/v1/partners"


async def test_an_operator_walks_all_of_them(world: PortalWorld) -> None:
    partners = [make_partner(n, active=n != 2) for n in range(1, 6)]
    await world.stores.partners.put_partners(partners)
    operator, seen = await world.program(None, ("operator",)), []
    address: str | None = f"{PATH}?limit=2"
    while address:
        page = (await operator.get(address)).json()
        seen += page["value"]
        address = page.get("next")
    assert [each["id"] for each in seen] == sorted(each.id for each in partners)
    one = await operator.get(f"{PATH}/{partners[0].id}")
    assert one.json() in seen
    assert one.json()["admin"]["email"] == "admin@partner1.example"
    assert (await operator.get(f"{PATH}/nobody")).status_code == 404


async def test_a_partner_sees_itself_and_nobody_else(world: PortalWorld) -> None:
    await world.stores.partners.put_partners([make_partner(1), make_partner(2)])
    program = await world.program(1, ("profiles.read",))
    viewer = await world.signed_in(1, role=Role.VIEWER)
    for each in (program, viewer):
        assert (await each.get(f"{PATH}/{make_partner(1).id}")).json()["name"] == "Partner 1"
        assert (await each.get(f"{PATH}/{make_partner(2).id}")).status_code == 404
        assert (await each.get(PATH)).status_code == 404
    assert (await (await world.program(1)).get(f"{PATH}/{make_partner(1).id}")).status_code == 403
