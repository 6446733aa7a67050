"""What does the port of a look at a list promise: `ReferralLooks`?"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from services.core.accounts import Session, User
from services.core.listing import ListingQuery, Section
from services.core.looking import Wanted
from services.core.ports import Change
from services.core.referral import Referral
from tests.builders import START, make_partner, make_referral
from tests.contract.stores import Stores

HOUR = timedelta(hours=1)


def new_ones(user: User) -> ListingQuery | None:
    """What a page of new referrals shows to somebody of a partner."""
    return ListingQuery(partner_id=user.partner_id, section=Section.NEW, limit=2) if user.partner_id else None


async def come(stores: Stores, name: str, partner: int | None) -> User:
    """Somebody with a session of the same name."""
    of = make_partner(partner).id if partner else None
    user = User(id=f"u-{name}", email=f"{name}@x.example", name=name, partner_id=of, operator=partner is None)
    await stores.users.add([user])
    session = Session(id=name, user_id=user.id, csrf=f"c-{name}", created_at=START, expires_at=START + HOUR)
    await stores.sign_ins.put_session(session)
    return user


async def kept(stores: Stores, partner: int, number: int) -> list[Referral]:
    made = [
        replace(make_referral(n, partner=partner), created_at=START - n * HOUR)
        for n in range(partner * 10, partner * 10 + number)
    ]
    await stores.referrals.add(made)
    return made


class ReferralLookSuite:
    async def test_person_list_and_stars_come_as_if_each_were_asked_for(self, stores: Stores) -> None:
        ana = await come(stores, "ana", 1)
        mine = await kept(stores, 1, 3)
        await kept(stores, 2, 2)
        await stores.favourites.star(mine[1].partner_id, mine[1].id, START)
        await stores.favourites.star(mine[2].partner_id, mine[2].id, START)
        look = await stores.looks.look("ana", START, new_ones)
        assert look is not None
        assert (look.session, look.user) == await stores.sign_ins.holder("ana", START)
        assert look.user == ana
        query = new_ones(ana)
        assert query is not None
        assert look.page == await stores.listing.cards(query)
        assert look.page is not None
        assert [each.id for each in look.page.cards] == [mine[0].id, mine[1].id]
        assert look.page.next is not None
        # The third one is starred too, but on another page.
        assert look.starred == {mine[1].id}

    async def test_nobody_sees_anything_without_a_session_that_holds(self, stores: Stores) -> None:
        await come(stores, "ana", 1)
        asked: list[User] = []

        def wanted(user: User) -> None:
            asked.append(user)

        assert await stores.looks.look("nobody", START, wanted) is None
        assert await stores.looks.look("ana", START + HOUR, wanted) is None
        await stores.sign_ins.end_session("ana")
        assert await stores.looks.look("ana", START, wanted) is None
        assert not asked

    async def test_whatever_has_changed_is_seen_at_the_next_look(self, stores: Stores) -> None:
        ana = await come(stores, "ana", 1)
        (mine,) = await kept(stores, 1, 1)
        assert (before := await stores.looks.look("ana", START, new_ones)) is not None
        await stores.favourites.star(mine.partner_id, mine.id, START)
        renamed = replace(mine, title="Another title", version=mine.version + 1)
        await stores.referrals.save([Change(renamed, mine.version)])
        left = replace(ana, active=False, version=2)
        await stores.users.save([Change(left, 1)])
        assert (after := await stores.looks.look("ana", START, new_ones)) is not None
        assert before.page is not None
        assert after.page is not None
        assert (before.page.cards[0].title, before.starred, before.user) == (mine.title, frozenset(), ana)
        assert (after.page.cards[0].title, after.starred, after.user) == ("Another title", frozenset({mine.id}), left)

    async def test_who_wants_no_list_is_told_who_it_is(self, stores: Stores) -> None:
        boss = await come(stores, "boss", None)
        look = await stores.looks.look("boss", START, new_ones)
        assert look is not None
        assert (look.user, look.page, look.starred) == (boss, None, frozenset())

    async def test_a_list_of_another_partner_is_refused(self, stores: Stores) -> None:
        await come(stores, "ana", 1)
        await come(stores, "boss", None)
        theirs = ListingQuery(partner_id=make_partner(2).id, section=Section.NEW)
        for who in ("ana", "boss"):
            with pytest.raises(ValueError, match="their own partner"):
                await stores.looks.look(who, START, lambda _user: theirs)

    async def test_many_who_look_at_once_each_see_their_own(self, stores: Stores) -> None:
        people = {f"p{n}": await come(stores, f"p{n}", n % 3 + 1) for n in range(12)}
        mine = {partner: await kept(stores, partner, 2) for partner in (1, 2)}
        for first, *_ in mine.values():
            await stores.favourites.star(first.partner_id, first.id, START)

        def broken(_user: User) -> ListingQuery:
            raise ValueError("no such list")

        def wanted(name: str) -> Wanted:
            return broken if name == "p3" else new_ones

        names = [*people, "nobody"]
        looks = await asyncio.gather(
            *(stores.looks.look(name, START, wanted(name)) for name in names), return_exceptions=True
        )
        told = dict(zip(names, looks, strict=True))
        assert told.pop("nobody") is None
        # What goes wrong for one of them is told to nobody else.
        assert isinstance(wrong := told.pop("p3"), ValueError), wrong
        for n, look in ((int(name[1:]), look) for name, look in told.items()):
            assert look is not None
            assert not isinstance(look, BaseException)
            assert look.user == people[f"p{n}"]
            own = mine.get(n % 3 + 1, [])
            assert look.page is not None
            assert [each.id for each in look.page.cards] == [each.id for each in own]
            assert look.starred == {each.id for each in own[:1]}
