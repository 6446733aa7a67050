"""What does port `RfiStore` promise?"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from services.core.codes import RfiState
from services.core.creation import accepted_event, routed_event
from services.core.engagement import decide_rfi
from services.core.ports import Change
from services.core.rfi import Money, Rfi, Routing, Skipped
from services.core.rounds import Answer, cause_in, with_answer
from services.core.wishes import AskPartner
from tests.builders import START, make_chosen, make_customer, make_need, make_person, make_rfi
from tests.contract.stores import Stores


def routing(n: int = 1, **overrides: object) -> Routing:
    base = Routing(
        at=START + timedelta(seconds=1),
        chosen=(make_chosen(n),),
        near_misses=(Skipped(partner_id="P-9", score=0.25, because="unknown_partner"),),
    )
    return replace(base, **overrides)  # type: ignore[arg-type]


def routed(rfi: Rfi, decision: Routing) -> Rfi:
    return replace(rfi, routing=decision, state=RfiState.ROUTED, version=2)


class RfiStoreSuite:
    async def test_what_is_added_is_loaded_the_same(self, stores: Stores) -> None:
        need = make_need(
            budget=Money(amount=Decimal("12345678901234.0100"), currency="EUR"), description="Año ñandú 🚀"
        )
        rfi = make_rfi(1, need=need, selected_partners=("a", "b"))
        assert await stores.rfis.add([rfi, make_rfi(2)]) == {}
        assert await stores.rfis.load([rfi.id, make_rfi(2).id, "missing"]) == {rfi.id: rfi, make_rfi(2).id: make_rfi(2)}

    async def test_a_wish_and_its_answer_come_back_the_same(self, stores: Stores) -> None:
        rfi = routed(make_rfi(1), routing())
        await stores.rfis.add([rfi])
        wanting = decide_rfi(rfi, AskPartner(by="customer", partner_id="P-7"), START)
        cause = cause_in(wanting.outbox[-1])
        assert cause is not None
        answered = with_answer(wanting, cause, Answer(because="paused", rules="r"), START + timedelta(minutes=1))
        for later in (wanting, answered):
            assert (await stores.rfis.save([Change(later, later.version - 1)])).written == [rfi.id]
            assert await stores.rfis.load([rfi.id]) == {rfi.id: later}

    async def test_only_those_in_the_states_asked_for_are_loaded(self, stores: Stores) -> None:
        open_, withdrawn = make_rfi(1), make_rfi(2, state=RfiState.WITHDRAWN)
        await stores.rfis.add([open_, withdrawn, make_rfi(3, state=RfiState.WITHDRAWN)])
        over = frozenset({RfiState.WITHDRAWN, RfiState.CHOSEN})
        assert await stores.rfis.load([open_.id, withdrawn.id], over) == {withdrawn.id: withdrawn}
        assert await stores.rfis.load([], over) == {}

    async def test_what_is_asked_for_a_source_is_from_there_alone(self, stores: Stores) -> None:
        mine, theirs = make_rfi(1, source="urn:partner:1"), make_rfi(2, source="urn:partner:2")
        await stores.rfis.add([mine, theirs])
        ids = [mine.id, theirs.id, "missing"]
        assert await stores.rfis.load(ids, source="urn:partner:1") == {mine.id: mine}
        assert await stores.rfis.load(ids, [RfiState.ACCEPTED], source="urn:partner:2") == {theirs.id: theirs}
        assert await stores.rfis.load(ids, [RfiState.WITHDRAWN], source="urn:partner:2") == {}
        assert await stores.rfis.load(ids, source="") == {}

    async def test_mails_get_all_of_a_request_but_why_it_went_to_whom(self, stores: Stores) -> None:
        rfi, other = make_rfi(1), make_rfi(2)
        await stores.rfis.add([rfi, other])
        await stores.rfis.route({rfi.id: routing(chosen=(make_chosen(1), make_chosen(2)))})
        found = await stores.rfis.for_mails([rfi.id, other.id, "missing"])
        stored = (await stores.rfis.load([rfi.id]))[rfi.id]
        assert stored.routing is not None
        assert stored.routing.near_misses
        told = tuple(replace(each, reasons=()) for each in stored.routing.chosen)
        less = replace(stored.routing, chosen=told, near_misses=())
        assert found == {rfi.id: replace(stored, routing=less), other.id: other}
        assert await stores.rfis.for_mails([]) == {}

    async def test_customers_are_the_contacts_of_the_requests(self, stores: Stores) -> None:
        rfi, other = make_rfi(1), make_rfi(2, customer=make_customer(contact=make_person(first_name="Noé")))
        await stores.rfis.add([rfi, other])
        found = await stores.rfis.customers([rfi.id, other.id, "missing"])
        assert found == {rfi.id: rfi.customer.contact, other.id: other.customer.contact}
        assert await stores.rfis.customers([]) == {}

    async def test_adding_again_changes_nothing_and_returns_what_is_stored(self, stores: Stores) -> None:
        first = make_rfi(1, content_hash="first")
        await stores.rfis.add([first])
        again = await stores.rfis.add([make_rfi(1, content_hash="second"), make_rfi(2)])
        assert again == {first.id: first}
        assert set(await stores.rfis.load([first.id, make_rfi(2).id])) == {first.id, make_rfi(2).id}

    async def test_two_who_add_the_same_agree_on_who_came_first(self, stores: Stores) -> None:
        ours = [make_rfi(n, content_hash="ours") for n in range(20)]
        theirs = [make_rfi(n, content_hash="theirs") for n in range(20)]
        lost_by_us, lost_by_them = await asyncio.gather(stores.rfis.add(ours), stores.rfis.add(theirs))
        stored = await stores.rfis.load([rfi.id for rfi in ours])
        assert set(lost_by_us) | set(lost_by_them) == set(stored)
        assert all(stored[id_].content_hash == "theirs" for id_ in lost_by_us)
        assert all(stored[id_].content_hash == "ours" for id_ in lost_by_them)

    async def test_empty_batches_do_nothing(self, stores: Stores) -> None:
        assert await stores.rfis.add([]) == {}
        assert await stores.rfis.load([]) == {}
        assert await stores.rfis.route({}) == {}
        assert (await stores.rfis.save([])).written == []
        await stores.rfis.clear_outbox({})

    async def test_routing_is_stored_with_its_state_and_the_next_version(self, stores: Stores) -> None:
        await stores.rfis.add([make_rfi(1), make_rfi(2)])
        nobody = routing(chosen=(), no_match_because="no_partner_in_region")
        assert await stores.rfis.route({make_rfi(1).id: routing(), make_rfi(2).id: nobody}) == {}
        stored = await stores.rfis.load([make_rfi(1).id, make_rfi(2).id])
        assert stored[make_rfi(1).id] == routed(make_rfi(1), routing())
        assert stored[make_rfi(2).id] == replace(make_rfi(2), routing=nobody, state=RfiState.NO_MATCH, version=2)

    async def test_the_first_routing_wins(self, stores: Stores) -> None:
        await stores.rfis.add([make_rfi(1), make_rfi(2)])
        await stores.rfis.route({make_rfi(1).id: routing(1)})
        others = await stores.rfis.route({make_rfi(1).id: routing(7), make_rfi(2).id: routing(2)})
        assert others == {make_rfi(1).id: routed(make_rfi(1), routing(1))}
        assert (await stores.rfis.load([make_rfi(2).id]))[make_rfi(2).id].routing == routing(2)

    async def test_two_routers_agree_on_one_routing(self, stores: Stores) -> None:
        rfis = [make_rfi(n) for n in range(20)]
        await stores.rfis.add(rfis)
        first, second = await asyncio.gather(
            stores.rfis.route({rfi.id: routing(1) for rfi in rfis}),
            stores.rfis.route({rfi.id: routing(2) for rfi in rfis}),
        )
        stored = await stores.rfis.load([rfi.id for rfi in rfis])
        assert set(first) | set(second) == set(stored)
        assert not set(first) & set(second)
        assert all(stored[id_] == rfi for id_, rfi in (first | second).items())
        assert all(rfi.version == 2 for rfi in stored.values())

    async def test_routing_repeated_after_a_lost_answer_is_ours(self, stores: Stores) -> None:
        await stores.rfis.add([make_rfi(1), make_rfi(2)])
        await stores.rfis.route({make_rfi(1).id: routing()})
        assert await stores.rfis.route({make_rfi(1).id: routing(), make_rfi(2).id: routing()}) == {}
        assert (await stores.rfis.load([make_rfi(1).id]))[make_rfi(1).id].version == 2

    async def test_a_withdrawn_rfi_is_not_routed(self, stores: Stores) -> None:
        rfi = make_rfi()
        await stores.rfis.add([rfi])
        withdrawn = replace(rfi, state=RfiState.WITHDRAWN, version=2)
        await stores.rfis.save([Change(withdrawn, 1)])
        assert await stores.rfis.route({rfi.id: routing(), "missing": routing()}) == {rfi.id: withdrawn}
        assert await stores.rfis.load([rfi.id]) == {rfi.id: withdrawn}

    async def test_only_the_expected_version_is_replaced(self, stores: Stores) -> None:
        await stores.rfis.add([make_rfi(1), make_rfi(2)])
        saved = await stores.rfis.save(
            [
                Change(replace(make_rfi(1), version=2, chosen_partner_id="P"), 1),
                Change(replace(make_rfi(2), version=3), 2),
                Change(replace(make_rfi(3), version=2), 1),
            ]
        )
        assert saved.written == [make_rfi(1).id]
        assert sorted(saved.conflicts) == sorted([make_rfi(2).id, make_rfi(3).id])
        assert (await stores.rfis.load([make_rfi(1).id]))[make_rfi(1).id].chosen_partner_id == "P"

    async def test_a_save_repeated_after_a_lost_answer_is_ours_and_another_s_is_not(self, stores: Stores) -> None:
        rfi = make_rfi()
        await stores.rfis.add([rfi])
        ours = replace(rfi, version=2, chosen_partner_id="ours", outbox=(accepted_event(rfi),))
        await stores.rfis.save([Change(ours, 1)])
        await stores.rfis.clear_outbox({rfi.id: [accepted_event(rfi).id]})
        assert (await stores.rfis.save([Change(ours, 1)])).written == [rfi.id]
        assert (await stores.rfis.save([Change(replace(ours, chosen_partner_id="theirs"), 1)])).conflicts == [rfi.id]

    async def test_of_two_racing_writers_one_wins(self, stores: Stores) -> None:
        rfi = make_rfi()
        await stores.rfis.add([rfi])
        results = await asyncio.gather(
            *(stores.rfis.save([Change(replace(rfi, version=2, chosen_partner_id=f"P-{n}"), 1)]) for n in range(8))
        )
        winners = [n for n, saved in enumerate(results) if saved.written]
        assert len(winners) == 1
        assert (await stores.rfis.load([rfi.id]))[rfi.id].chosen_partner_id == f"P-{winners[0]}"
        assert sum(len(saved.conflicts) for saved in results) == 7

    async def test_only_events_named_leave_the_outbox(self, stores: Stores) -> None:
        rfi = routed(make_rfi(), routing())
        rfi = replace(rfi, outbox=(accepted_event(rfi), routed_event(rfi)))
        await stores.rfis.add([rfi])
        await stores.rfis.clear_outbox({rfi.id: [rfi.outbox[0].id, "unknown"], "missing": ["x"]})
        assert (await stores.rfis.load([rfi.id]))[rfi.id].outbox == rfi.outbox[1:]

    async def test_unsent_events_are_found_oldest_first_until_they_are_cleared(self, stores: Stores) -> None:
        rfis = [make_rfi(n, accepted_at=START + timedelta(minutes=n)) for n in (3, 1, 2)]
        rfis = [replace(rfi, outbox=(accepted_event(rfi),)) for rfi in rfis]
        await stores.rfis.add([*rfis, make_rfi(4)])
        assert [rfi.publisher_id for rfi in await stores.rfis.with_outbox(2)] == ["RFI-1", "RFI-2"]
        await stores.rfis.clear_outbox({rfi.id: [rfi.outbox[0].id] for rfi in rfis})
        assert await stores.rfis.with_outbox(10) == []

    async def test_all_can_be_read_page_by_page_in_the_order_of_their_ids(self, stores: Stores) -> None:
        rfis = sorted((make_rfi(n) for n in range(5)), key=lambda rfi: rfi.id)
        await stores.rfis.add(rfis)
        first = await stores.rfis.scan("", 3)
        assert first + await stores.rfis.scan(first[-1].id, 3) == rfis
        assert await stores.rfis.scan(rfis[-1].id, 3) == []

    async def test_the_newest_are_listed_by_state(self, stores: Stores) -> None:
        await stores.rfis.add([make_rfi(n, accepted_at=START + timedelta(minutes=n)) for n in range(5)])
        await stores.rfis.route({make_rfi(1).id: routing(), make_rfi(3).id: routing()})
        assert [rfi.publisher_id for rfi in await stores.rfis.recent(3)] == ["RFI-4", "RFI-3", "RFI-2"]
        routed_ones = await stores.rfis.recent(10, RfiState.ROUTED)
        assert [rfi.publisher_id for rfi in routed_ones] == ["RFI-3", "RFI-1"]
        since = START + timedelta(minutes=2)
        late = [await stores.rfis.recent(10, state, since) for state in (None, RfiState.ROUTED)]
        assert [[rfi.publisher_id for rfi in each] for each in late] == [["RFI-4", "RFI-3", "RFI-2"], ["RFI-3"]]
