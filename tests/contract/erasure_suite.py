"""What does the port of erasures promise?"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from services.core import ids
from services.core.codes import RfiState
from services.core.erasing import ERASED, NOBODY, erased_rfi
from services.core.erasures import Because, Erasure
from services.core.errors import Problem
from services.core.mail import JobState, JobUpdate, MailKind, Role, SendJob
from services.core.ports import DeadLetter, Record
from services.core.stores import Refusal
from tests.builders import SOURCE, START, make_customer, make_person, make_rfi
from tests.contract.stores import Stores

HOUR = timedelta(hours=1)


def order(n: int = 1, **overrides: object) -> Erasure:
    base = Erasure(
        id=ids.erasure_id(START, str(n)),
        at=START + n * HOUR,
        by="customer",
        because=Because.REQUEST,
        rfi_ids=(make_rfi(n).id,),
        submitted_upto={"0": 4, "3": 0},
        look_again_at=START,
    )
    return replace(base, **overrides)  # type: ignore[arg-type]


def record(n: int) -> Record:
    headers = (("content-type", b"application/json"),)
    return Record(topic="rfi.submitted", partition=0, offset=n, timestamp=START, key=b"k", value=b"{}", headers=headers)


def refusal(n: int, publisher_id: str = "RFI-1") -> Refusal:
    return Refusal(
        id=ids.refusal_id("rfi.submitted", 0, n),
        source=SOURCE,
        publisher_id=publisher_id,
        problems=(Problem("/id", "missing", "name it"),),
        at=START,
        record=record(n),
    )


def letter(n: int) -> DeadLetter:
    return DeadLetter(group="referrals-intake", record=record(n), reason="UnreadableRecord", detail="no", at=START)


def job(n: int, state: JobState, role: Role = Role.CUSTOMER) -> SendJob:
    return SendJob(
        id=ids.job_id(str(n), "x", role.value),
        event_id=str(n),
        kind=MailKind.SENT_TO_PARTNERS,
        role=role,
        rfi_id=make_rfi(1).id,
        address="ana@customer.example",
        name="Ana",
        language="en",
        at=START,
        due_at=START,
        state=state,
    )


class ErasureStoreSuite:
    async def test_an_order_is_unfinished_until_it_is_done(self, stores: Stores) -> None:
        for n in (2, 1):
            await stores.erasures.put(order(n))
        assert await stores.erasures.unfinished(9) == [order(1), order(2)]
        assert await stores.erasures.unfinished(1) == [order(1)]
        await stores.erasures.put(done := order(1, done_at=START))
        assert await stores.erasures.unfinished(9) == [order(2)]
        assert await stores.erasures.listed(9) == [order(2), done]
        assert await stores.erasures.listed(1) == [order(2)]

    async def test_requests_are_found_by_mail_address_whatever_its_case(self, stores: Stores) -> None:
        contact = make_person(email="Ana@Customer.example")
        await stores.rfis.add([make_rfi(1), make_rfi(2, customer=make_customer(contact=contact))])
        assert await stores.erasures.rfi_ids_of("ana@customer.EXAMPLE") == [make_rfi(2).id]
        assert await stores.erasures.rfi_ids_of("ana@customer") == []

    async def test_old_requests_come_in_pages_of_whole_instants(self, stores: Stores) -> None:
        at = [START, START + HOUR, START + HOUR, START + 2 * HOUR, START + 3 * HOUR]
        rfis = [make_rfi(n, accepted_at=each, state=RfiState.ROUTED) for n, each in enumerate(at, 1)]
        await stores.rfis.add(rfis)
        first = await stores.erasures.accepted_before(START + 3 * HOUR, None, 2)
        assert {rfi.id for rfi in first} == {rfi.id for rfi in rfis[:3]}
        then = await stores.erasures.accepted_before(START + 3 * HOUR, START + HOUR, 2)
        assert [rfi.id for rfi in then] == [rfis[3].id]

    async def test_what_is_erased_or_not_routed_is_not_old(self, stores: Stores) -> None:
        await stores.rfis.add([make_rfi(1), erased_rfi(make_rfi(2), "customer", START, withdraw=True)])
        assert await stores.erasures.accepted_before(START + HOUR, None, 9) == []

    async def test_all_refusals_of_an_rfi_are_found(self, stores: Stores) -> None:
        await stores.refusals.put([refusal(1), refusal(2), refusal(3, "RFI-3")])
        assert await stores.erasures.refusals_of(SOURCE, "RFI-1") == sorted([refusal(1).id, refusal(2).id])
        assert await stores.erasures.refusals_of("urn:other", "RFI-1") == []

    async def test_originals_of_refusals_and_of_dead_letters_come_in_pages(self, stores: Stores) -> None:
        await stores.refusals.put([refusal(1)])
        await stores.dead_letters.put([letter(2), letter(3)])
        found = await stores.erasures.originals("", 2)
        found += await stores.erasures.originals(found[-1].id, 9)
        wanted = {refusal(1).id, *(ids.dead_letter_id("referrals-intake", "rfi.submitted", 0, n) for n in (2, 3))}
        assert [each.id for each in found] == sorted(wanted)
        assert (found[0].key, found[0].value, found[0].headers) == (b"k", b"{}", record(1).headers)

    async def test_an_original_goes_and_what_is_said_of_it_stays(self, stores: Stores) -> None:
        await stores.refusals.put([refusal(1), refusal(2)])
        await stores.dead_letters.put([letter(3)])
        gone = [refusal(1).id, ids.dead_letter_id("referrals-intake", "rfi.submitted", 0, 3)]
        assert await stores.erasures.forget_originals([*gone, "unknown"]) == 2
        assert await stores.erasures.forget_originals(gone) == 0
        kept = (await stores.refusals.load([refusal(1).id]))[refusal(1).id]
        assert (kept.problems, kept.record.key, kept.record.value) == (refusal(1).problems, None, None)
        assert (await stores.dead_letters.load([gone[1]]))[gone[1]].record.value is None
        assert [each.id for each in await stores.erasures.originals("", 9)] == [refusal(2).id]
        # A redelivery of the same records brings nothing back.
        await stores.refusals.put([refusal(1), refusal(2)])
        await stores.dead_letters.put([letter(3)])
        assert [each.id for each in await stores.erasures.originals("", 9)] == [refusal(2).id]

    async def test_no_mail_keeps_its_customer_and_none_goes_out(self, stores: Stores) -> None:
        waiting, sent = job(1, JobState.PENDING), job(2, JobState.PENDING)
        partners = job(3, JobState.PENDING, Role.PARTNER)
        await stores.jobs.add_leased([waiting, sent, partners], "sender", START + HOUR)
        result = JobUpdate(job_id=sent.id, state=JobState.SENT, attempts=1, sent_at=START)
        await stores.jobs.finish([result], "sender")
        assert await stores.erasures.forget_recipients([make_rfi(1).id], "erased") == 2
        assert await stores.erasures.forget_recipients([make_rfi(1).id], "erased") == 0
        found = await stores.jobs.load([waiting.id, sent.id, partners.id])
        assert [(each.address, each.name) for each in (found[waiting.id], found[sent.id])] == [
            (NOBODY.email, ERASED)
        ] * 2
        given_up = found[waiting.id]
        assert (given_up.state, given_up.last_error, given_up.lease_owner) == (JobState.OBSOLETE, "erased", None)
        assert (found[sent.id].state, found[sent.id].sent_at) == (JobState.SENT, START)
        assert (found[partners.id].state, found[partners.id].address) == (JobState.LEASED, partners.address)
        assert await stores.jobs.renew([waiting.id], "sender", START + HOUR) == set()
        assert await stores.erasures.forget_recipients([], "erased") == 0
