"""What do the ports of a partner's lists promise: `ReferralListing`, `FavouriteStore`, `RevealLog`?"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.core import commands as c
from services.core.cards import card_of
from services.core.codes import Channel, CloseReason, CompanySize, Flame, PolicyName, Stage, Status, Substatus
from services.core.ids import customer_key
from services.core.lifecycle import decide
from services.core.listing import (
    AllOf,
    AnyOf,
    Comparison,
    Cursor,
    Field,
    ListingQuery,
    Op,
    Section,
    Sort,
)
from services.core.policy import POLICIES
from services.core.ports import Change
from services.core.referral import Referral
from services.core.reveals import Reveal, Way
from services.core.rfi import Money, Place
from tests.builders import START, make_partner, make_person, make_referral
from tests.contract.stores import Stores

MINE = make_partner(1).id
MINUTE = timedelta(minutes=1)
EMAIL = make_person().email


def query(**overrides: Any) -> ListingQuery:
    return ListingQuery(**{"partner_id": MINE, **overrides})


def listed(referral: Referral) -> Referral:
    return replace(referral, history=(), why={}, outbox=(), undo=None)


def euros(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="EUR")


def answered(referral: Referral, *commands: c.Command) -> Referral:
    for command in commands:
        referral = decide(referral, command, START + timedelta(hours=1), POLICIES[referral.policy])
    return referral


BY = "partner:ana"
ACCEPT = c.Accept(by=BY, engagement_name="Nube", deal_value=euros("500"), closing_date=START.date(), crm_id="CRM-77")
INTEREST = c.ShowInterest(by=BY)
DECLINE = c.Decline(by=BY, reason=CloseReason.BUDGET)


async def shown(stores: Stores, **overrides: Any) -> list[str]:
    return [each.title for each in (await stores.listing.page(query(**overrides))).referrals]


async def kept(stores: Stores, **of_each: dict[str, Any]) -> dict[str, Referral]:
    """A referral of ours for each name, its title the name, a minute apart."""
    made = {
        name: make_referral(n, title=name, created_at=START + n * MINUTE, **fields)
        for n, (name, fields) in enumerate(of_each.items(), start=1)
    }
    await stores.referrals.add(list(made.values()))
    return made


class ReferralListingSuite:
    async def test_a_list_has_the_partner_s_referrals_and_no_other_s(self, stores: Stores) -> None:
        mine = [make_referral(n, created_at=START + n * MINUTE) for n in (1, 2)]
        await stores.referrals.add([*mine, make_referral(1, partner=2)])
        page = await stores.listing.page(query())
        assert page.referrals == (listed(mine[1]), listed(mine[0]))
        assert page.next is None
        assert (await stores.listing.page(query(partner_id="nobody"))).referrals == ()

    async def test_a_condition_never_leads_out_of_the_partner_s_own(self, stores: Stores) -> None:
        theirs = make_referral(1, partner=2)
        await stores.referrals.add([theirs])
        anything = AnyOf((Comparison(Field.STATUS, Op.EQ, "New"), Comparison(Field.STATUS, Op.NE, "New")))
        assert await shown(stores, condition=anything) == []
        assert await shown(stores, condition=Comparison(Field.RFI, Op.EQ, theirs.rfi_id)) == []
        assert await shown(stores, ids=frozenset({theirs.id})) == []

    @pytest.mark.parametrize("sort", [Sort.UPDATED, Sort.CREATED])
    async def test_cards_are_those_of_the_same_page(self, stores: Stores, sort: Sort) -> None:
        await stores.referrals.add(
            [
                make_referral(1, budget=euros("70.50"), size=CompanySize.S1_9, channel=Channel.SEARCH),
                make_referral(2, created_at=START + MINUTE, flame=Flame.RAISED, place=Place(country="PE")),
                answered(make_referral(3, created_at=START + 2 * MINUTE), ACCEPT),
                answered(make_referral(4, created_at=START + 3 * MINUTE), DECLINE),
                make_referral(1, partner=2),
            ]
        )
        cursor: Cursor | None = None
        for more in (True, False):
            asked = query(sort=sort, limit=2, after=cursor)
            page, cards = await stores.listing.page(asked), await stores.listing.cards(asked)
            assert cards.cards == tuple(map(card_of, page.referrals))
            assert cards.next == page.next
            cursor = cards.next
            assert (cursor is not None) is more

    async def test_a_card_looked_at_again_is_as_it_is_now(self, stores: Stores) -> None:
        seen = make_referral(1)
        await stores.referrals.add([seen, make_referral(2)])
        for change in ({"flame": Flame.RAISED}, {"title": "Another"}, {"budget": euros("7")}, {"flame": Flame.NONE}):
            seen = replace(seen, **change, version=seen.version + 1)
            assert await stores.listing.cards(query()) == await stores.listing.cards(query())
            await stores.referrals.save([Change(seen, seen.version - 1)])
            cards = (await stores.listing.cards(query())).cards
            assert {each.id: each for each in cards}[seen.id] == card_of(seen)

    async def test_lists_asked_for_at_once_are_each_their_own(self, stores: Stores) -> None:
        await stores.referrals.add([make_referral(n, partner=1 + n % 3, title=f"Need {n}") for n in range(12)])
        theirs = [query(partner_id=make_partner(n).id, limit=3) for n in (1, 2, 3, 4)]
        asked = [*theirs, query(text="need 3"), query(section=Section.ACTIVE), query(sort=Sort.UPDATED), *theirs]
        found = await asyncio.gather(*map(stores.listing.cards, asked))
        assert found == [await stores.listing.cards(each) for each in asked]
        ids = [{each.id for each in cards.cards} for cards in found[:4]]
        assert [len(each) for each in ids] == [3, 3, 3, 0]
        assert len(frozenset().union(*ids)) == 9

    async def test_sections_and_their_counts(self, stores: Stores) -> None:
        classic = make_referral(3, policy=PolicyName.CLASSIC, title="asked")
        await stores.referrals.add(
            [
                make_referral(1, title="new"),
                answered(make_referral(2, title="active"), ACCEPT),
                answered(classic, INTEREST),
                answered(make_referral(4, title="closed"), DECLINE),
                make_referral(5, partner=2),
            ]
        )
        found = {section: await shown(stores, section=section) for section in Section}
        assert found == {
            Section.NEW: ["new"],
            Section.EVALUATING: ["asked"],
            Section.ACTIVE: ["active"],
            Section.ARCHIVED: ["closed"],
        }
        assert await stores.listing.counts(MINE) == dict.fromkeys(Section, 1)
        assert await stores.listing.counts("nobody") == dict.fromkeys(Section, 0)

    @pytest.mark.parametrize("descending", [True, False])
    @pytest.mark.parametrize("sort", Sort)
    async def test_pages_put_together_are_the_list(self, stores: Stores, sort: Sort, descending: bool) -> None:
        same = {1: START, 2: START, 3: START, 4: START + MINUTE, 5: START + 2 * MINUTE}
        await stores.referrals.add(
            [make_referral(n, created_at=at, updated_at=at, expires_at=at) for n, at in same.items()]
        )
        all_of = query(sort=sort, descending=descending, section=Section.NEW)
        whole = (await stores.listing.page(all_of)).referrals
        instants = [each.created_at for each in whole]
        assert instants == sorted(instants, reverse=descending)
        pieces: list[Referral] = []
        cursor: Cursor | None = None
        for _ in range(9):
            page = await stores.listing.page(replace(all_of, limit=2, after=cursor))
            pieces += page.referrals
            cursor = page.next
            if cursor is None:
                break
        assert pieces == list(whole)
        assert len(pieces) == 5

    async def test_a_page_that_is_just_full_has_no_next(self, stores: Stores) -> None:
        await stores.referrals.add([make_referral(n) for n in (1, 2)])
        assert (await stores.listing.page(query(limit=2))).next is None
        assert (await stores.listing.page(query(limit=1))).next is not None

    async def test_region_size_channel_and_flame(self, stores: Stores) -> None:
        await kept(
            stores,
            cadiz={"place": Place(country="ES", subdivision="ES-AN"), "size": CompanySize.S1_9},
            lima={"place": Place(country="PE"), "channel": Channel.SEARCH, "size": None},
            hot={"flame": Flame.RAISED, "place": Place(country="ES", subdivision="ES-MD")},
        )
        assert await shown(stores, region="ES") == ["hot", "cadiz"]
        assert await shown(stores, region="ES-AN") == ["cadiz"]
        assert await shown(stores, region="ES-CT", parts=frozenset({"ES-B", "ES-AN"})) == ["cadiz"]
        assert await shown(stores, region="ES-CT", parts=frozenset({"ES-A", "AN", "N"})) == []
        assert await shown(stores, size=CompanySize.S1_9) == ["cadiz"]
        assert await shown(stores, channel=Channel.SEARCH) == ["lima"]
        assert await shown(stores, flame=True) == ["hot"]
        assert await shown(stores, region="ES", size=CompanySize.S1_9, flame=True) == []

    async def test_a_range_of_value_compares_numbers_of_one_currency(self, stores: Stores) -> None:
        await kept(
            stores,
            nine={"budget": euros("9")},
            hundred={"budget": euros("100.50")},
            dollars={"budget": Money(amount=Decimal(50), currency="USD")},
            unknown={"budget": None},
        )
        low, high = Decimal(10), Decimal("100.5")
        assert await shown(stores, worth_from=low, currency="EUR") == ["hundred"]
        assert await shown(stores, worth_to=high, currency="EUR") == ["hundred", "nine"]
        assert await shown(stores, worth_from=low, worth_to=high) == ["dollars", "hundred"]

    async def test_the_partner_s_estimate_counts_before_the_customer_s_budget(self, stores: Stores) -> None:
        await stores.referrals.add([answered(make_referral(1, title="ours", budget=euros("9")), ACCEPT)])
        assert await shown(stores, worth_from=Decimal(400), currency="EUR") == ["ours"]

    async def test_words_are_found_in_part_whatever_their_case_and_marks(self, stores: Stores) -> None:
        await kept(
            stores,
            Migración={"company": "Aceites (del) Sur", "keywords": ("Copia de seguridad",)},
            Other={"company": "Acme", "keywords": ()},
        )
        for text in ("migracion", "MIGRACIÓN aceites", "(del)", "segur", "sur  copia"):
            assert await shown(stores, text=text) == ["Migración"], text
        assert await shown(stores, text=".*") == []
        assert await shown(stores, text="\0migracion\0sur\0") == ["Migración"]
        assert await shown(stores, text="migracion acme") == []

    async def test_the_deal_s_name_and_crm_id_are_found(self, stores: Stores) -> None:
        await stores.referrals.add([answered(make_referral(1, title="t"), ACCEPT)])
        assert await shown(stores, text="nube") == ["t"]
        assert await shown(stores, text="crm-77") == ["t"]

    async def test_only_the_named_ids(self, stores: Stores) -> None:
        made = await kept(stores, a={}, b={}, c={})
        assert await shown(stores, ids=frozenset({made["a"].id, made["c"].id})) == ["c", "a"]
        assert await shown(stores, ids=frozenset()) == []

    async def test_conditions_compare_states_and_instants(self, stores: Stores) -> None:
        await stores.referrals.add(
            [
                make_referral(1, title="old", updated_at=START),
                make_referral(2, title="new", created_at=START + MINUTE, updated_at=START + 3 * MINUTE),
                answered(make_referral(3, title="lost", created_at=START - MINUTE), DECLINE),
            ]
        )

        def status(value: str, op: Op = Op.EQ) -> Comparison:
            return Comparison(Field.STATUS, op, value)

        def substatus(value: str) -> Comparison:
            return Comparison(Field.SUBSTATUS, Op.EQ, value)

        assert await shown(stores, condition=status("New")) == ["new", "old"]
        assert await shown(stores, condition=status("New", Op.NE)) == ["lost"]
        assert await shown(stores, condition=substatus("Declined")) == ["lost"]
        late = Comparison(Field.UPDATED, Op.GT, START)
        assert await shown(stores, condition=late) == ["new", "lost"]
        assert await shown(stores, condition=AllOf((late, status("New")))) == ["new"]
        assert await shown(stores, condition=AnyOf((status("Closed"), substatus("Pending")))) == ["new", "old", "lost"]
        for op, expected in {
            Op.GE: ["new", "old"],
            Op.GT: ["new"],
            Op.LE: ["old", "lost"],
            Op.LT: ["lost"],
            Op.EQ: ["old"],
        }.items():
            assert await shown(stores, condition=Comparison(Field.CREATED, op, START)) == expected, op

    async def test_whether_it_was_ever_accepted(self, stores: Stores) -> None:
        won = c.Win(by=BY, final_value=euros("1"), closed_on=START.date())
        await stores.referrals.add(
            [answered(make_referral(1, title="won"), ACCEPT, won), answered(make_referral(2, title="not"), DECLINE)]
        )
        assert await shown(stores, condition=Comparison(Field.ACCEPTED, Op.EQ, "yes")) == ["won"]
        assert await shown(stores, condition=Comparison(Field.ACCEPTED, Op.NE, "yes")) == ["not"]

    async def test_a_customer_s_address_is_found_only_where_the_contact_may_be_seen(self, stores: Stores) -> None:
        classic = PolicyName.CLASSIC
        made = {
            "new": make_referral(1),
            "active": answered(make_referral(2), ACCEPT),
            "declined": answered(make_referral(3), DECLINE),
            "classic": make_referral(4, policy=classic),
            "evaluating": answered(make_referral(5, policy=classic), INTEREST),
            "lost": make_referral(6, status=Status.CLOSED, substatus=Substatus.LOST, stage=Stage.ARCHIVED),
        }
        await stores.referrals.add([replace(each, title=name) for name, each in made.items()])
        asked = Comparison(Field.CUSTOMER, Op.EQ, customer_key(MINE, EMAIL.upper()))
        assert set(await shown(stores, condition=asked)) == {"new", "active", "evaluating", "lost"}
        other = Comparison(Field.CUSTOMER, Op.NE, customer_key(MINE, "x@y.example"))
        assert set(await shown(stores, condition=other)) == {"new", "active", "evaluating", "lost"}
        assert await shown(stores, condition=Comparison(Field.CUSTOMER, Op.EQ, customer_key("p2", EMAIL))) == []

    async def test_an_engagement_is_found_among_all(self, stores: Stores) -> None:
        made = await kept(stores, a={}, b={})
        asked = Comparison(Field.RFI, Op.EQ, made["a"].rfi_id)
        assert await shown(stores, condition=asked) == ["a"]
        assert await shown(stores, condition=AllOf((asked, Comparison(Field.STATUS, Op.EQ, "Closed")))) == []
        assert await shown(stores, condition=Comparison(Field.RFI, Op.NE, made["a"].rfi_id)) == ["b"]

    async def test_every_shape_of_a_question_gives_a_subset_in_order(self, stores: Stores) -> None:
        await kept(stores, **{f"r{n}": {"size": size} for n, size in enumerate(CompanySize)})
        options = itertools.product(Sort, (True, False), (None, "ES"), ("", "r"), (None, frozenset({"x"})))
        for sort, descending, region, text, ids in options:
            found = await shown(
                stores, sort=sort, descending=descending, region=region, text=text, ids=ids, section=Section.NEW
            )
            assert len(found) == (0 if ids else len(CompanySize))


class FavouriteStoreSuite:
    async def test_a_star_is_given_kept_and_taken(self, stores: Stores) -> None:
        stars = stores.favourites
        await stars.star("p", "r1", START)
        await stars.star("p", "r1", START + MINUTE)
        await stars.star("p", "r2", START)
        assert await stars.of_partner("p") == {"r1", "r2"}
        assert await stars.among("p", ["r1", "r3"]) == {"r1"}
        assert await stars.among("p", []) == frozenset()
        await stars.unstar("p", "r1")
        await stars.unstar("p", "r1")
        assert await stars.of_partner("p") == {"r2"}

    async def test_nobody_sees_or_takes_another_partner_s_star(self, stores: Stores) -> None:
        stars = stores.favourites
        await stars.star("p", "r1", START)
        await stars.unstar("q", "r1")
        assert await stars.of_partner("q") == frozenset()
        assert await stars.among("q", ["r1"]) == frozenset()
        assert await stars.of_partner("p") == {"r1"}

    async def test_partners_who_ask_at_once_are_each_told_of_their_own(self, stores: Stores) -> None:
        stars = stores.favourites
        for partner in ("p", "q"):
            for n in (1, 2):
                await stars.star(partner, f"{partner}{n}", START)
        ids = ["p1", "q1", "p2", "x"]
        found = await asyncio.gather(*(stars.among(partner, ids) for partner in ("p", "q", "r", "q")))
        assert found == [{"p1", "p2"}, {"q1"}, frozenset(), {"q1"}]


class RevealLogSuite:
    async def test_disclosures_are_counted_by_reader_way_and_day(self, stores: Stores) -> None:
        base = Reveal(referral_id="r", rfi_id="i", partner_id="p", by="partner:ana", way=Way.API, at=START)
        later = replace(base, at=START + MINUTE)
        await stores.reveals.record([base, replace(base, by="partner:luis"), replace(base, referral_id="other")])
        await stores.reveals.record([later, replace(base, way=Way.PAGE), replace(base, at=START + timedelta(days=1))])
        await stores.reveals.record([])
        days = await stores.reveals.of_referrals(["r"])
        assert [(day.by, day.way, day.times) for day in days] == [
            ("partner:ana", Way.API, 2),
            ("partner:ana", Way.PAGE, 1),
            ("partner:luis", Way.API, 1),
            ("partner:ana", Way.API, 1),
        ]
        assert (days[0].first_at, days[0].last_at) == (START, START + MINUTE)
        assert {day.referral_id for day in await stores.reveals.of_referrals(["r", "other"])} == {"r", "other"}
        assert await stores.reveals.of_referrals(["none"]) == []
        assert await stores.reveals.of_referrals([]) == []
