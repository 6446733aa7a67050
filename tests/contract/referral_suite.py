"""What does port `ReferralStore` promise?"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from services.core.codes import Stage, Status, Substatus, Timeframe
from services.core.creation import created_event
from services.core.ports import Change
from services.core.referral import Details, HistoryEntry, Referral, Timers, UndoPoint
from services.core.rfi import Money
from tests.builders import START, make_person, make_referral
from tests.contract.stores import Stores

DAY = timedelta(days=1)


def changed(referral: Referral, by: str = "partner:ana", **fields: object) -> Referral:
    version = referral.version + 1
    entry = HistoryEntry(at=START, version=version, what="referral.edited", by=by)
    base = replace(referral, version=version, history=(*referral.history, entry))
    return replace(base, **fields)  # type: ignore[arg-type]


def closed(referral: Referral) -> Referral:
    return changed(referral, status=Status.CLOSED, substatus=Substatus.DECLINED, stage=Stage.ARCHIVED, timers=Timers())


class ReferralStoreSuite:
    async def test_what_is_added_is_loaded_the_same(self, stores: Stores) -> None:
        details = Details(
            engagement_name="Nube",
            deal_value=Money(amount=Decimal("0.10"), currency="EUR"),
            closing_date=date(2026, 5, 1),
            timeframe=Timeframe.LATER,
            notes="",
        )
        undo = UndoPoint(
            command="accept",
            status=Status.NEW,
            substatus=Substatus.RECEIVED,
            stage=Stage.NEW,
            timers=Timers(expire_at=START + DAY),
            details=Details(),
            team=(),
            until=START + timedelta(minutes=5),
            event_id="e",
        )
        why = {"score": 0.5, "reasons": ["región ES-AN"], "absent": None, "deep": {"n": [1, 2.5, True]}}
        referral = make_referral(details=details, undo=undo, team=(make_person(phone=None),), why=why)
        referral = replace(referral, outbox=(created_event(referral),))
        assert await stores.referrals.add([referral]) == set()
        assert await stores.referrals.load([referral.id, "missing"]) == {referral.id: referral}

    async def test_what_is_asked_for_a_partner_is_that_partners_alone(self, stores: Stores) -> None:
        mine, theirs = make_referral(1, partner=1), make_referral(1, partner=2)
        await stores.referrals.add([mine, theirs])
        ids = [mine.id, theirs.id, "missing"]
        assert await stores.referrals.load(ids, partner_id=mine.partner_id) == {mine.id: mine}
        assert await stores.referrals.load([theirs.id], partner_id=mine.partner_id) == {}
        assert await stores.referrals.load(ids, partner_id="") == {}

    async def test_mails_get_all_of_a_referral_but_its_timers_history_and_outbox(self, stores: Stores) -> None:
        referral = make_referral(1, team=(make_person(),), accepted_at=START)
        referral = replace(referral, outbox=(created_event(referral),))
        await stores.referrals.add([referral, make_referral(2)])
        found = await stores.referrals.for_mails([referral.id, "missing"])
        assert referral.history
        assert referral.timers.expire_at
        assert found == {referral.id: replace(referral, timers=Timers(), history=(), outbox=())}
        assert await stores.referrals.for_mails([]) == {}

    async def test_adding_again_changes_nothing_and_says_so(self, stores: Stores) -> None:
        await stores.referrals.add([make_referral(1, title="first")])
        there = await stores.referrals.add([make_referral(1, title="second"), make_referral(2)])
        assert there == {make_referral(1).id}
        assert (await stores.referrals.load([make_referral(1).id]))[make_referral(1).id].title == "first"

    async def test_two_who_add_the_same_make_one_of_each(self, stores: Stores) -> None:
        referrals = [make_referral(n) for n in range(30)]
        there = await asyncio.gather(*(stores.referrals.add(referrals) for _ in range(3)))
        assert sum(len(each) for each in there) == 60
        assert len(await stores.referrals.load([each.id for each in referrals])) == 30

    async def test_empty_batches_do_nothing(self, stores: Stores) -> None:
        assert await stores.referrals.add([]) == set()
        assert await stores.referrals.load([]) == {}
        assert await stores.referrals.of_rfis([]) == {}
        assert (await stores.referrals.save([])).conflicts == []
        assert await stores.referrals.due([], START, 10) == []
        assert await stores.referrals.open_counts([]) == {}

    async def test_all_referrals_of_an_rfi_oldest_first(self, stores: Stores) -> None:
        first, second = make_referral(1, partner=1), make_referral(1, partner=2, created_at=START + DAY)
        await stores.referrals.add([second, make_referral(2), first])
        assert await stores.referrals.of_rfis([first.rfi_id, "missing"]) == {first.rfi_id: [first, second]}

    async def test_only_the_expected_version_is_replaced(self, stores: Stores) -> None:
        one, two = make_referral(1), make_referral(2)
        await stores.referrals.add([one, two])
        saved = await stores.referrals.save([Change(closed(one), 1), Change(changed(two), 2)])
        assert (saved.written, saved.conflicts) == ([one.id], [two.id])
        assert await stores.referrals.load([one.id, two.id]) == {one.id: closed(one), two.id: two}

    async def test_of_two_racing_writers_one_wins(self, stores: Stores) -> None:
        referral = make_referral()
        await stores.referrals.add([referral])
        writers = [changed(referral, by=f"partner:{n}") for n in range(8)]
        results = await asyncio.gather(*(stores.referrals.save([Change(each, 1)]) for each in writers))
        winners = [writer for writer, saved in zip(writers, results, strict=True) if saved.written]
        assert [(await stores.referrals.load([referral.id]))[referral.id]] == winners
        assert [saved.conflicts for saved in results].count([referral.id]) == 7

    async def test_batches_that_overlap_each_win_some(self, stores: Stores) -> None:
        referrals = [make_referral(n) for n in range(40)]
        await stores.referrals.add(referrals)
        ours, theirs = await asyncio.gather(
            stores.referrals.save([Change(changed(each, by="ours"), 1) for each in referrals]),
            stores.referrals.save([Change(changed(each, by="theirs"), 1) for each in referrals]),
        )
        stored = await stores.referrals.load([each.id for each in referrals])
        assert sorted(ours.written) == sorted(theirs.conflicts)
        assert sorted(theirs.written) == sorted(ours.conflicts)
        assert all(stored[id_].history[-1].by == "ours" for id_ in ours.written)
        assert all(stored[id_].history[-1].by == "theirs" for id_ in theirs.written)

    async def test_a_save_repeated_after_a_lost_answer_is_ours(self, stores: Stores) -> None:
        referral = make_referral()
        await stores.referrals.add([referral])
        ours = replace(changed(referral), outbox=(created_event(referral),))
        await stores.referrals.save([Change(ours, 1)])
        await stores.referrals.clear_outbox({referral.id: [created_event(referral).id]})
        assert (await stores.referrals.save([Change(ours, 1)])).written == [referral.id]
        later = changed(replace(ours, outbox=()))
        await stores.referrals.save([Change(later, 2)])
        assert (await stores.referrals.save([Change(ours, 1)])).written == [referral.id]
        assert await stores.referrals.load([referral.id]) == {referral.id: later}

    async def test_another_s_write_of_the_same_version_is_a_conflict(self, stores: Stores) -> None:
        referral = make_referral()
        await stores.referrals.add([referral])
        await stores.referrals.save([Change(changed(referral, by="theirs"), 1)])
        assert (await stores.referrals.save([Change(changed(referral, by="ours"), 1)])).conflicts == [referral.id]
        theirs = changed(referral, by="theirs")
        await stores.referrals.save([Change(changed(theirs), 2)])
        assert (await stores.referrals.save([Change(changed(referral, by="ours"), 1)])).conflicts == [referral.id]

    async def test_due_referrals_of_the_shards_come_most_overdue_first(self, stores: Stores) -> None:
        def at(n: int, hours: int, shard: int) -> Referral:
            return make_referral(n, shard=shard, timers=Timers(expire_at=START + timedelta(hours=hours)))

        late, later, other, future = at(1, 1, 3), at(2, 2, 4), at(3, 1, 5), at(4, 9, 3)
        never = make_referral(5, shard=3, timers=Timers())
        await stores.referrals.add([later, future, other, late, never])
        now = START + timedelta(hours=2)
        assert await stores.referrals.due([3, 4], now, 10) == [late, later]
        assert await stores.referrals.due([3, 4], now, 1) == [late]
        assert await stores.referrals.due(list(range(64)), now - timedelta(milliseconds=1), 10) in (
            [late, other],
            [other, late],
        )

    async def test_what_is_due_follows_every_change(self, stores: Stores) -> None:
        referral = make_referral(shard=1)
        await stores.referrals.add([referral])
        later = changed(referral, timers=Timers(remind_at=START + 9 * DAY))
        await stores.referrals.save([Change(later, 1)])
        assert await stores.referrals.due([1], START + 8 * DAY, 10) == []
        assert await stores.referrals.due([1], START + 9 * DAY, 10) == [later]
        await stores.referrals.save([Change(closed(later), 2)])
        assert await stores.referrals.due([1], START + 99 * DAY, 10) == []

    async def test_a_deferred_referral_waits_and_a_parked_one_stays_out(self, stores: Stores) -> None:
        one, two = make_referral(1, shard=1), make_referral(2, shard=1)
        await stores.referrals.add([one, two])
        await stores.referrals.defer(one.id, 1, START + 30 * DAY, 1, parked=False)
        await stores.referrals.defer(two.id, 1, START + 30 * DAY, 5, parked=True)
        assert await stores.referrals.due([1], START + 29 * DAY, 10) == []
        assert await stores.referrals.due([1], START + 31 * DAY, 10) == [one]
        assert await stores.referrals.load([one.id, two.id]) == {one.id: one, two.id: two}

    async def test_a_change_ends_the_deferral_and_a_stale_deferral_does_nothing(self, stores: Stores) -> None:
        referral = make_referral(shard=1)
        await stores.referrals.add([referral])
        await stores.referrals.defer(referral.id, 1, START + 30 * DAY, 5, parked=True)
        await stores.referrals.save([Change(changed(referral), 1)])
        await stores.referrals.defer(referral.id, 1, START + 30 * DAY, 5, parked=True)
        assert await stores.referrals.due([1], START + 20 * DAY, 10) == [changed(referral)]

    async def test_unsent_events_are_found_oldest_change_first_until_they_are_cleared(self, stores: Stores) -> None:
        referrals = [make_referral(n, updated_at=START + timedelta(minutes=n)) for n in (3, 1, 2)]
        unsent = [replace(each, outbox=(created_event(each),)) for each in referrals]
        await stores.referrals.add([*unsent, make_referral(4)])
        assert await stores.referrals.with_outbox(2) == [unsent[1], unsent[2]]
        await stores.referrals.clear_outbox({each.id: [each.outbox[0].id] for each in unsent})
        assert await stores.referrals.with_outbox(10) == []
        assert await stores.referrals.load([referrals[0].id]) == {referrals[0].id: referrals[0]}

    async def test_an_event_added_meanwhile_stays_when_others_are_cleared(self, stores: Stores) -> None:
        referral = make_referral()
        first, second = replace(created_event(referral), id="first"), replace(created_event(referral), id="second")
        await stores.referrals.add([replace(referral, outbox=(first,))])
        await stores.referrals.save([Change(changed(referral, outbox=(first, second)), 1)])
        await stores.referrals.clear_outbox({referral.id: ["first"]})
        assert (await stores.referrals.load([referral.id]))[referral.id].outbox == (second,)

    async def test_lists_are_newest_first_and_keep_to_what_was_asked(self, stores: Stores) -> None:
        mine = [make_referral(n, partner=1, created_at=START + timedelta(minutes=n)) for n in range(4)]
        theirs = make_referral(1, partner=2, created_at=START + DAY)
        await stores.referrals.add([*mine, theirs])
        await stores.referrals.save([Change(closed(mine[0]), 1)])
        listed = stores.referrals.listed
        assert await listed(limit=2) == [theirs, mine[3]]
        assert await listed(partner_id=theirs.partner_id) == [theirs]
        assert await listed(partner_id=mine[0].partner_id, status=Status.NEW) == [mine[3], mine[2], mine[1]]
        assert await listed(rfi_id=mine[1].rfi_id) == [theirs, mine[1]]
        assert await listed(partner_id=mine[0].partner_id, rfi_id=mine[1].rfi_id) == [mine[1]]
        assert await listed(status=Status.CLOSED) == [closed(mine[0])]
        assert await listed(partner_id="nobody") == []

    async def test_open_referrals_are_counted_by_profile(self, stores: Stores) -> None:
        one, two, other = make_referral(1), make_referral(2), make_referral(3, partner=2)
        await stores.referrals.add([one, two, other])
        assert await stores.referrals.open_counts([one.profile_id, other.profile_id]) == {
            one.profile_id: 2,
            other.profile_id: 1,
        }
        await stores.referrals.save([Change(closed(other), 1), Change(changed(one, status=Status.ACTIVE), 1)])
        assert await stores.referrals.open_counts([one.profile_id, other.profile_id]) == {one.profile_id: 2}
