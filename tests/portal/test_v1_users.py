"""/v1/users: a program sees the team, lets people in and changes what they may do; the team keeps an admin."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.memory.accounts import MemoryUsers
from services.core.accounts import Role, User
from services.core.errors import VersionConflict
from services.core.ids import user_id
from services.core.mail import MailKind
from services.portal.doors import person
from services.portal.pace import Pace
from services.portal.sign_in import SignIn
from services.portal.team_work import LastAdmin, TeamWork
from tests.builders import make_partner
from tests.portal.world import Browser, PortalWorld, portal_world

PATH = "/v1/users"
BEA = {"name": " Bea Soler ", "email": " Bea@Partner1.example ", "role": "viewer"}


@pytest.fixture
async def crm(world: PortalWorld) -> Browser:
    await world.stores.partners.put_partners([make_partner(1), make_partner(2)])
    return await world.program(1, ("users.write",))


async def stored(world: PortalWorld, id_: str) -> User:
    return (await world.stores.users.load([id_]))[id_]  # type: ignore[no-any-return]


async def mailed(world: PortalWorld) -> list[str]:
    return [job.address for job in world.stores.jobs.stored.values() if job.kind is MailKind.SIGN_IN_LINK]


async def test_who_is_invited_is_in_the_team_and_gets_a_link(world: PortalWorld, crm: Browser) -> None:
    first, again = [await crm.post(PATH, json=BEA) for _ in range(2)]
    id_ = user_id("bea@partner1.example")
    assert (first.status_code, first.json(), again.json()) == (202, {"id": id_}, {"id": id_})
    assert first.headers["location"] == f"http://portal.test{PATH}/{id_}"
    told = await crm.get(f"{PATH}/{id_}")
    assert (told.headers["etag"], told.json()) == (
        '"1"',
        {
            "id": id_,
            "email": "bea@partner1.example",
            "name": "Bea Soler",
            "role": "viewer",
            "active": True,
            "language": "en",
            "timeZone": "UTC",
        },
    )
    assert await mailed(world) == ["bea@partner1.example"] * 2


async def test_every_problem_of_an_invitation_is_told(world: PortalWorld, crm: Browser) -> None:
    answer = await crm.post(PATH, json={"name": " ", "email": "no address"})
    assert [each["pointer"] for each in answer.json()["errors"]] == ["/name", "/email"]
    shapes = await crm.post(PATH, json={"name": 1, "email": "a@b.example", "role": "king"})
    assert {each["pointer"] for each in shapes.json()["errors"]} == {"/name", "/role"}
    assert not await mailed(world)


async def test_an_address_of_another_partner_stays_theirs_and_the_answer_does_not_tell(
    world: PortalWorld, crm: Browser
) -> None:
    theirs = await world.add_user(2, email="bea@partner1.example", name="Zebrafinch")
    answer = await crm.post(PATH, json=BEA)
    assert (answer.status_code, answer.json()) == (202, {"id": theirs.id})
    for request in (crm.get(f"{PATH}/{theirs.id}"), crm.put(f"{PATH}/{theirs.id}", json={"role": "viewer"})):
        refused = await request
        assert refused.status_code == 404
        assert "Zebrafinch" not in refused.text
    assert await stored(world, theirs.id) == theirs
    assert not await mailed(world)


async def test_the_team_is_walked_page_by_page_and_a_cursor_of_something_else_is_none(
    world: PortalWorld, crm: Browser
) -> None:
    people = [await world.add_user(1, email=f"p{n}@partner1.example", active=n != 3) for n in range(5)]
    await world.add_user(2)
    seen: list[str] = []
    address: str | None = f"{PATH}?limit=2"
    while address:
        page = (await crm.get(address)).json()
        assert len(page["value"]) <= 2
        seen += [each["id"] for each in page["value"]]
        address = page.get("next")
    assert seen == sorted(user.id for user in people)
    cursor = (await crm.get(f"{PATH}?limit=1")).json()["next"].partition("cursor=")[2]
    for wrong in ("x", f"{people[0].id}", cursor[:-2] + "AA", world.ports.signer.sign("cursor-partners", "x")):
        told = await crm.get(PATH, params={"cursor": wrong})
        assert (told.status_code, told.json()["errors"][0]["pointer"]) == (422, "/cursor")
    assert (await crm.get(f"{PATH}?limit=0")).status_code == 422


async def test_a_role_is_changed_on_what_was_read(world: PortalWorld, crm: Browser) -> None:
    user = await world.add_user(1, role=Role.MEMBER)
    at = f"{PATH}/{user.id}"
    changed = await crm.put(at, json={"role": "admin"}, headers={"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"], changed.json()["role"]) == (200, '"2"', "admin")
    assert (await crm.put(at, json={"role": "viewer"}, headers={"If-Match": '"1"'})).status_code == 412
    same = await crm.put(at, json={"role": "admin"})
    assert (same.status_code, same.headers["etag"]) == (200, '"2"')


async def test_who_is_shut_out_is_signed_out_at_once(world: PortalWorld, crm: Browser) -> None:
    bea = await world.signed_in(1, email="bea@partner1.example", role=Role.MEMBER)
    assert (await bea.get(PATH)).status_code == 200
    at = f"{PATH}/{user_id('bea@partner1.example')}"
    assert (await crm.put(at, json={"role": "member", "active": False})).json()["active"] is False
    assert (await bea.get(PATH)).status_code == 401


async def test_the_last_admin_stays_until_there_is_another(world: PortalWorld, crm: Browser) -> None:
    ana = await world.add_user(1)
    bea = await world.add_user(1, email="bea@partner1.example", active=False)
    for rights in ({"role": "member"}, {"role": "admin", "active": False}):
        refused = await crm.put(f"{PATH}/{ana.id}", json=rights)
        assert refused.status_code == 409
        assert "make somebody else one first" in refused.json()["detail"]
    await crm.put(f"{PATH}/{bea.id}", json={"role": "admin", "active": True})
    assert (await crm.put(f"{PATH}/{ana.id}", json={"role": "member"})).status_code == 200
    assert (await stored(world, bea.id)).role is Role.ADMIN


async def test_nobody_changes_what_they_may_do_themselves(world: PortalWorld, crm: Browser) -> None:
    ana = await world.signed_in(1)
    await world.add_user(1, email="bea@partner1.example")
    at = f"{PATH}/{user_id('ana@partner1.example')}"
    refused = await ana.put(at, json={"role": "member"}, headers={"x-csrf-token": ana.token})
    assert refused.status_code == 403
    assert (await stored(world, user_id("ana@partner1.example"))).role is Role.ADMIN


async def test_the_scope_of_profiles_lets_nobody_in_and_members_only_look(world: PortalWorld, crm: Browser) -> None:
    keeper = await world.program(1, ("profiles.write",))
    member = await world.signed_in(1, email="m@partner1.example", role=Role.MEMBER)
    assert (await keeper.get(PATH)).status_code == 403
    assert (await member.get(PATH)).status_code == 200
    for each in (keeper, member):
        sent = await each.post(PATH, json=BEA, headers={"x-csrf-token": each.token})
        assert sent.status_code == 403
    assert user_id("bea@partner1.example") not in world.stores.users.stored


#: Who takes whose right, each on what it reads itself.
_TAKING = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=4)


@given(takings=_TAKING, crash=st.none() | st.integers(0, 20), seed=st.randoms(use_true_random=False))
def test_admins_who_take_each_others_right_at_once_leave_one_whatever_dies(
    takings: list[tuple[int, int]], crash: int | None, seed: Any
) -> None:
    asyncio.run(_taken(takings, crash, seed))


@cache
def _portal() -> PortalWorld:
    return portal_world()


async def _taken(takings: list[tuple[int, int]], crash: int | None, seed: Any) -> None:
    world = _portal()
    users = MemoryUsers()
    ports = replace(world.ports, users=users)
    work = TeamWork(ports, SignIn(ports, world.options, Pace(100)))
    partner = make_partner(1).id
    admins = [
        User(id=f"a{n}", email=f"a{n}@x.example", name="A", partner_id=partner, role=Role.ADMIN) for n in range(3)
    ]
    await users.add(admins)

    async def take(by: User, of: User) -> None:
        me = person(by, "session", "csrf")
        for _ in range(seed.randrange(5)):
            await asyncio.sleep(0)
        await work.change(me, await work.member(me, of.id), Role.MEMBER, active=True)

    if crash is not None:
        users.faults.fail_call(1 + crash, RuntimeError("killed"), after=seed.random() < 0.5)
    asked = [take(admins[by], admins[of]) for by, of in takings if by != of]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert all(result is None or isinstance(result, LastAdmin | VersionConflict | RuntimeError) for result in results)
    assert [user for user in users.stored.values() if user.role is Role.ADMIN and user.active]


async def test_two_admins_who_take_each_others_right_at_once_do_not_both_succeed(world: PortalWorld) -> None:
    ana, bea = await world.signed_in(1), await world.signed_in(1, email="bea@partner1.example")
    ids = {ana: user_id("bea@partner1.example"), bea: user_id("ana@partner1.example")}
    answers = await asyncio.gather(*(each.submit(f"/team/{id_}", {"role": "member"}) for each, id_ in ids.items()))
    assert {answer.status_code for answer in answers} <= {303, 409}
    admins = [user for user in world.stores.users.stored.values() if user.role is Role.ADMIN]
    assert admins


async def test_a_witness_that_was_written_is_as_it_was(world: PortalWorld, crm: Browser) -> None:
    ana, bea = await world.add_user(1), await world.add_user(1, email="bea@partner1.example")
    await crm.put(f"{PATH}/{bea.id}", json={"role": "viewer"})
    assert await stored(world, ana.id) == replace(ana, version=2)
    assert await stored(world, bea.id) == replace(bea, version=2, role=Role.VIEWER)
