"""What does port `PartnerStore` promise?"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from services.adapters import roster, wire
from services.core.codes import CompanySize
from services.core.errors import Outdated
from tests.builders import START, make_partner, make_profile
from tests.contract.stores import Stores


class PartnerStoreSuite:
    async def test_what_is_put_is_loaded_the_same(self, stores: Stores) -> None:
        partner, profile = make_partner(), make_profile(sizes=(CompanySize.S20001,), paused_until=START, capacity=3)
        await stores.partners.put_partners([partner])
        await stores.partners.put_profiles([profile])
        assert await stores.partners.load_partners([partner.id, "missing"]) == {partner.id: partner}
        assert await stores.partners.load_profiles([profile.id, "missing"]) == {profile.id: profile}
        assert await stores.partners.load_profiles([profile.id], partner_id=profile.partner_id) == {profile.id: profile}
        assert await stores.partners.load_profiles([profile.id], partner_id="another's") == {}
        assert await stores.partners.load_profiles([]) == {}

    async def test_a_higher_version_replaces_and_a_lower_or_equal_one_does_not(self, stores: Stores) -> None:
        second = make_partner(1, name="second", version=2)
        await stores.partners.put_partners([second])
        await stores.partners.put_partners([make_partner(1, name="first"), make_partner(2)])
        await stores.partners.put_partners([make_partner(1, name="other second", version=2)])
        assert await stores.partners.load_partners([second.id]) == {second.id: second}
        third = make_partner(1, name="third", version=3)
        await stores.partners.put_partners([third])
        assert await stores.partners.all_partners() == sorted([third, make_partner(2)], key=lambda each: each.id)

    async def test_profiles_of_several_partners_are_found_at_once_by_partner_and_country(self, stores: Stores) -> None:
        spain, france, other, none = make_profile(1), make_profile(1, country="FR"), make_profile(2), make_profile(3)
        await stores.partners.put_profiles([spain, france, other, none])
        one, two = make_partner(1).id, make_partner(2).id
        found = await stores.partners.profiles_of_each([two, one, make_partner(4).id])
        assert found == {one: [spain, france], two: [other]}
        assert found[one] == await stores.partners.profiles_of(one)
        assert await stores.partners.profiles_of_each([]) == {}

    async def test_versions_put_at_once_end_with_the_highest(self, stores: Stores) -> None:
        versions = [make_profile(1, version=n) for n in (2, 5, 3, 1)]
        await asyncio.gather(*(stores.partners.put_profiles([each]) for each in versions))
        await stores.partners.put_profiles([make_profile(2, version=1), make_profile(2, version=4)])
        found = {profile.id: profile.version for profile in await stores.partners.all_profiles()}
        assert found == {make_profile(1).id: 5, make_profile(2).id: 4}

    async def test_a_writer_is_told_which_of_its_writes_took_place_though_others_wrote_later(
        self, stores: Stores
    ) -> None:
        ours, theirs = make_profile(1, version=2, capacity=1), make_profile(1, version=2, capacity=2)
        assert await stores.partners.put_profiles([ours, make_profile(2)]) == {ours.id, make_profile(2).id}
        assert await stores.partners.put_profiles([theirs]) == set()
        assert await stores.partners.put_profiles([make_profile(1, version=3)]) == {ours.id}
        assert await stores.partners.put_profiles([theirs]) == set()
        # As after a lost answer.
        assert await stores.partners.put_profiles([ours]) == {ours.id}
        assert (await stores.partners.load_profiles([ours.id]))[ours.id].version == 3
        names = [make_partner(1, name=name) for name in ("$version", "b")]
        assert [await stores.partners.put_partners([each]) for each in names] == [{names[0].id}, set()]
        assert await stores.partners.all_partners() == names[:1]

    async def test_of_two_who_write_the_same_profile_at_once_the_later_is_a_version_of_its_own(
        self, stores: Stores
    ) -> None:
        await stores.partners.put_profiles([make_profile()])
        changes = [make_profile(capacity=n) for n in range(1, 5)]
        await asyncio.gather(*(roster.put_profiles(stores.partners, [change]) for change in changes))
        [found] = await stores.partners.all_profiles()
        # Nobody was left out: the first made version 2, and each of the others one of its own.
        assert found.version == 1 + len(changes)
        await roster.put_profiles(stores.partners, [make_profile(capacity=9)])
        await roster.put_partners(stores.partners, [make_partner()])
        await roster.put_partners(stores.partners, [make_partner(name="renamed")])
        assert [each.capacity for each in await stores.partners.all_profiles()] == [9]
        assert [(each.name, each.version) for each in await stores.partners.all_partners()] == [("renamed", 2)]

    async def test_every_profile_is_listed_inactive_ones_too(self, stores: Stores) -> None:
        profiles = [make_profile(n, active=n % 2 == 0) for n in range(5)]
        await stores.partners.put_profiles(profiles)
        assert await stores.partners.all_profiles() == sorted(profiles, key=lambda each: each.id)

    async def test_partners_are_walked_in_the_order_of_ids_inactive_ones_too(self, stores: Stores) -> None:
        partners = sorted((make_partner(n, active=n % 2 == 0) for n in range(5)), key=lambda each: each.id)
        await stores.partners.put_partners(partners)
        first = await stores.partners.scan_partners("", 2)
        assert first == partners[:2]
        assert await stores.partners.scan_partners(first[-1].id, 100) == partners[2:]
        assert await stores.partners.scan_partners(partners[-1].id, 2) == []

    async def test_profiles_are_walked_without_their_people(self, stores: Stores) -> None:
        profiles = sorted((make_profile(n, active=n % 2 == 0) for n in range(3)), key=lambda each: each.id)
        await stores.partners.put_profiles(profiles)
        pages = [page async for page in stores.partners.stored_profiles(2)]
        assert [len(page.begins()) for page in pages] == [2, 1]
        assert not any(b"contact" in page.documents for page in pages)
        found = sorted((each for page in pages for each in page.profiles()), key=lambda each: each.id)
        assert [wire.profile_outgoing(each) for each in found] == [wire.profile_outgoing(each) for each in profiles]
        assert not any(hasattr(office, "contact") for each in found for office in each.locations)

    async def test_who_walks_no_further_holds_nobody_up(self, stores: Stores) -> None:
        await stores.partners.put_profiles([make_profile(n) for n in range(5)])
        async with aclosing(stores.partners.stored_profiles(2)) as pages:
            assert len((await anext(pages)).begins()) == 2
        assert len(await stores.partners.all_profiles()) == 5

    async def test_where_there_are_no_profiles_there_is_no_page(self, stores: Stores) -> None:
        assert [page async for page in stores.partners.stored_profiles(2)] == []

    async def test_a_partners_profiles_are_listed_by_country_and_nobody_elses(self, stores: Stores) -> None:
        spain, france, other = make_profile(1), make_profile(1, country="FR", active=False), make_profile(2)
        await stores.partners.put_profiles([spain, other, france])
        assert await stores.partners.profiles_of(spain.partner_id) == [spain, france]
        assert await stores.partners.profiles_of("nobody") == []

    async def test_of_two_who_change_what_they_read_one_is_told_that_it_is_outdated(self, stores: Stores) -> None:
        first = make_profile()
        await roster.change_profile(stores.partners, first, expected=0)
        changed = await roster.change_profile(stores.partners, replace(first, capacity=3), expected=1)
        assert changed == replace(first, capacity=3, version=2)
        with pytest.raises(Outdated) as late:
            await roster.change_profile(stores.partners, replace(first, capacity=4), expected=1)
        with pytest.raises(Outdated):
            await roster.change_profile(stores.partners, replace(first, capacity=4), expected=0)
        assert late.value.version == 2
        assert await stores.partners.profiles_of(first.partner_id) == [changed]

    async def test_a_change_repeated_after_a_lost_answer_is_the_same_change(self, stores: Stores) -> None:
        first = await roster.change_profile(stores.partners, make_profile(), expected=0)
        again = await roster.change_profile(stores.partners, make_profile(), expected=0)
        assert first == again == make_profile()

    async def test_a_change_is_unpublished_until_that_version_is_marked(self, stores: Stores) -> None:
        one, two = make_profile(1), make_profile(2)
        await stores.partners.put_profiles([one, two])
        assert {each.id for each in await stores.partners.unpublished(10)} == {one.id, two.id}
        assert len(await stores.partners.unpublished(1)) == 1
        await stores.partners.put_profiles([replace(two, version=2)])
        await stores.partners.mark_published({one.id: 1, two.id: 1, "missing": 1})
        assert await stores.partners.unpublished(10) == [replace(two, version=2)]
        await stores.partners.mark_published({two.id: 2})
        assert await stores.partners.unpublished(10) == []

    async def test_a_put_repeated_after_a_lost_answer_does_not_publish_again(self, stores: Stores) -> None:
        await stores.partners.put_profiles([make_profile()])
        await stores.partners.mark_published({make_profile().id: 1})
        await stores.partners.put_profiles([make_profile()])
        assert await stores.partners.unpublished(10) == []
