"""An operator's pages: refused requests, dead letters, parked things, partners, and what became of a request."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import orjson

from schemas.topics import Group, Topic
from services.core.aside import Letters
from services.core.codes import PolicyName, RfiState
from services.core.errors import Problem
from services.core.ids import dead_letter_id, refusal_id
from services.core.mail import Disclosure, JobState, JobUpdate, MailKind
from services.core.ports import DeadLetter, Record
from services.core.rfi import Routing
from services.core.stores import Refusal
from services.matching.choosing import why_nobody
from services.portal.pages.frame import PAGES
from services.portal.pages.operator import ROWS
from services.portal.pages.operator_words import mails_said, policies_said, request_state_said
from services.wording.words import words_of
from tests.builders import START, make_partner, make_profile, make_referral, make_rfi
from tests.contract.job_suite import make_job
from tests.portal.test_customer_page import asked
from tests.portal.world import Browser, PortalWorld

BAD = b'{"id": "crm-7", "customer": {"company": "Canary & Sons"}}'


def record(offset: int = 3) -> Record:
    return Record(
        topic=Topic.RFI_SUBMITTED,
        partition=0,
        offset=offset,
        timestamp=START,
        key=b"crm-7",
        value=BAD,
        headers=(("content-type", b"application/json"),),
    )


async def refused(world: PortalWorld) -> str:
    id_ = refusal_id(Topic.RFI_SUBMITTED, 0, 3)
    problem = Problem("/customer/contact/email", "required", "give the contact's mail address")
    await world.stores.refusals.put(
        [Refusal(id=id_, source="crm", publisher_id="crm-7", problems=(problem,), at=START, record=record())]
    )
    return id_


async def put_aside(world: PortalWorld, offset: int = 3) -> str:
    letter = DeadLetter(
        group=Group.ROUTER,
        record=replace(record(offset), topic=Topic.RFI_ACCEPTED),
        reason="UnknownMessage",
        detail="a type of tomorrow",
        at=START,
    )
    await world.stores.dead_letters.put([letter])
    return dead_letter_id(Group.ROUTER, Topic.RFI_ACCEPTED, 0, offset)


def published(world: PortalWorld, topic: Topic) -> list[Record]:
    return world.log.records(topic)


async def test_nobody_but_an_operator_finds_these_pages(world: PortalWorld) -> None:
    letter, refusal = await put_aside(world), await refused(world)
    rfi = await asked(world, 1)
    paths = ["/operator", "/operator/refused", f"/operator/refused/{refusal}", "/operator/letters"]
    paths += [f"/operator/letters/{letter}", "/operator/parked", "/operator/partners", f"/operator/requests/{rfi.id}"]
    partner, boss = await world.signed_in(partner=1), await world.signed_in(partner=None)
    for path in paths:
        answer = await partner.get(path)
        assert answer.status_code == 404
        assert "Canary" not in answer.text
        assert (await world.client().get(path)).status_code == 303
        assert (await boss.get(path)).status_code == 200


async def test_the_overview_counts_what_waits(world: PortalWorld) -> None:
    await put_aside(world)
    await refused(world)
    rfi = await asked(world, 1)
    page = (await (await world.signed_in(partner=None)).get("/operator")).text
    assert '<a href="/operator/letters">Dead letters</a></dt><dd>1</dd>' in page
    assert rfi.need.title in page


async def test_a_refused_request_is_mended_and_submitted_again(world: PortalWorld) -> None:
    id_, boss = await refused(world), await world.signed_in(partner=None)
    page = (await boss.get(f"/operator/refused/{id_}")).text
    assert "give the contact&#39;s mail address" in page
    assert "Canary &amp; Sons" in page
    answer = await boss.submit(f"/operator/refused/{id_}/replay", {"mended": '{"id": "crm-7", "mended": true}'})
    assert answer.status_code == 303
    (sent,) = published(world, Topic.RFI_SUBMITTED)
    assert orjson.loads(sent.value or b"") == {"id": "crm-7", "mended": True}
    assert (await world.stores.refusals.load([id_]))[id_].replayed_at is not None


async def test_an_original_that_nobody_touched_goes_again_as_it_was(world: PortalWorld) -> None:
    id_, boss = await refused(world), await world.signed_in(partner=None)
    await boss.get(f"/operator/refused/{id_}")
    await boss.submit(f"/operator/refused/{id_}/replay", {"mended": BAD.decode()})
    (sent,) = published(world, Topic.RFI_SUBMITTED)
    assert sent.value == BAD


async def test_a_dead_letter_is_given_to_its_group_again_and_closed(world: PortalWorld) -> None:
    id_, boss = await put_aside(world), await world.signed_in(partner=None)
    await boss.get(f"/operator/letters/{id_}")
    assert (await boss.submit(f"/operator/letters/{id_}/replay")).status_code == 303
    (sent,) = published(world, Topic.RFI_ACCEPTED)
    assert sent.value == BAD
    assert await world.stores.aside.letters(Letters(), 10) == []


async def test_a_dead_letter_is_dropped_only_with_a_reason(world: PortalWorld) -> None:
    id_, boss = await put_aside(world), await world.signed_in(partner=None)
    await boss.get(f"/operator/letters/{id_}")
    await boss.submit(f"/operator/letters/{id_}/drop", {"why": " "})
    assert len(await world.stores.aside.letters(Letters(), 10)) == 1
    await boss.submit(f"/operator/letters/{id_}/drop", {"why": "a test of ours"})
    assert await world.stores.aside.letters(Letters(), 10) == []
    closed = (await world.stores.aside.closings([id_]))[id_]
    assert closed.why.startswith("a test of ours (operator:")


async def test_a_request_shows_who_was_asked_and_where_each_stands(world: PortalWorld) -> None:
    rfi = await asked(world, 1, 2)
    page = (await (await world.signed_in(partner=None)).get(f"/operator/requests/{rfi.id}")).text
    assert make_partner(1).name in page
    assert make_partner(2).name in page
    assert rfi.customer.contact.email not in page


async def walked(boss: Browser, path: str, found: str) -> list[str]:
    """What the pages of a list hold, from the first to the last, by the links between them."""
    rows: list[str] = []
    address: str | None = path
    pages = 0
    while address:
        page = (await boss.get(address)).text
        assert ("First page</a>" in page) is (pages > 0)
        rows += re.findall(found, page)
        following = re.search(r'<a href="([^"]+)" rel="next"', page)
        address, pages = (unescape(following[1]) if following else None), pages + 1
    assert pages > 1
    return rows


async def test_what_is_refused_and_put_aside_can_be_walked_to_the_oldest(world: PortalWorld) -> None:
    most, boss = ROWS + 30, await world.signed_in(partner=None)
    problem = Problem("/x", "odd", "x")
    refusals = [
        Refusal(id=f"r{n:03}", source="crm", publisher_id=f"p{n}", problems=(problem,), at=START, record=record(n))
        for n in range(most)
    ]
    await world.stores.refusals.put(refusals)
    for path in ("/operator/refused", "/operator/refused?code=odd"):
        ids = await walked(boss, path, r'<h2><a href="/operator/refused/(r\d+)"')
        assert ids == sorted((each.id for each in refusals), reverse=True)
    letters = {await put_aside(world, n) for n in range(most)}
    listed = await walked(boss, f"/operator/letters?group={Group.ROUTER}", r'<h2><a href="/operator/letters/([^"]+)"')
    assert (len(listed), set(listed)) == (most, letters)


async def test_what_is_parked_and_given_up_can_be_walked_each_for_itself(world: PortalWorld) -> None:
    most, boss = ROWS + 5, await world.signed_in(partner=None)
    referrals = [make_referral(n) for n in range(most)]
    await world.stores.referrals.add(referrals)
    for each in referrals:
        await world.stores.referrals.defer(each.id, each.version, START, 8, parked=True)
    jobs = [make_job(n) for n in range(most)]
    await world.stores.jobs.add_leased(jobs, "sender", START)
    given_up = [JobUpdate(job_id=job.id, state=JobState.FAILED, attempts=9) for job in jobs]
    await world.stores.jobs.finish(given_up, "sender")
    first = (await boss.get("/operator/parked")).text
    names = [unescape(each) for each in re.findall(r'<a href="([^"]+)" rel="next"', first)]
    assert [each.partition("?")[2].partition("=")[0] for each in names] == ["after", "mails"]
    for address, left in zip(names, ("release", "retry"), strict=True):
        page = (await boss.get(address)).text
        shown = [page.count(f'action="/operator/parked/{what}"') for what in ("release", "retry")]
        assert shown == ([5, ROWS] if left == "release" else [ROWS, 5])


async def test_a_spanish_operator_reads_words_where_the_exchange_has_codes(world: PortalWorld) -> None:
    rfi = await asked(world, 1, 2)
    nobody = make_rfi(9, state=RfiState.NO_MATCH, routing=Routing(at=START, chosen=(), no_match_because="all_paused"))
    await world.stores.rfis.add([nobody])
    job = make_job()
    await world.stores.jobs.add_leased([job], "sender", START)
    await world.stores.jobs.finish([JobUpdate(job_id=job.id, state=JobState.FAILED, attempts=9)], "sender")
    boss = await world.signed_in(partner=None, language="es")
    for path, said in {
        "/operator": "En manos de proveedores",
        f"/operator/requests/{rfi.id}": "En manos de proveedores",
        f"/operator/requests/{nobody.id}": "Para nadie (todos los que encajan están en pausa)",
        "/operator/parked": "Recomendación nueva, a un proveedor",
        "/operator/partners": "Experiencia estándar",
    }.items():
        page = (await boss.get(path)).text
        assert said in page, path
        assert not re.search(r"\b(routed|no_match|all_paused|new_referral|standard)\b", page), path


def test_every_state_kind_and_experience_has_words_for_an_operator() -> None:
    words = words_of("es", PAGES)
    assert mails_said(words).keys() == set(MailKind)
    assert policies_said(words).keys() == set(PolicyName)
    assert len({request_state_said(words, make_rfi(state=state)) for state in RfiState}) == len(RfiState)
    for codes in (("at_capacity",), ("paused",), ("size_excluded",), ("too_far",), ("paused", "inactive"), ()):
        because = why_nobody(anybody_there=True, excluded=set(codes))
        nobody = make_rfi(state=RfiState.NO_MATCH, routing=Routing(at=START, chosen=(), no_match_because=because))
        assert because not in request_state_said(words, nobody)


async def test_partners_are_walked_page_by_page_and_found_by_their_name_wherever_they_stand(
    world: PortalWorld,
) -> None:
    partners = [make_partner(n, name=f"Núria {n}" if n % 60 == 0 else f"Partner {n}") for n in range(2 * ROWS + 5)]
    await world.stores.partners.put_partners(partners)
    await world.stores.partners.put_profiles([make_profile(60), make_profile(60, country="FR")])
    boss = await world.signed_in(partner=None)
    ids = await walked(boss, "/operator/partners", r"<code>([^<]+)</code>")
    assert sorted(ids) == sorted(each.id for each in partners)
    assert len(ids) == len(partners)
    before = len(world.stores.faults.calls)
    found = (await boss.get("/operator/partners?text=nuria")).text
    assert re.findall(r"<h2>([^<]+)</h2>", found) == ["Núria 0", "Núria 120", "Núria 180", "Núria 60"]
    assert found.index("Núria 60") < found.index("Spain") < found.index("France")
    assert not {"MemoryPartners.all_partners", "MemoryPartners.all_profiles"} & set(world.stores.faults.calls[before:])


async def test_a_request_shows_who_was_shown_the_contact_on_pages_and_in_mails(world: PortalWorld) -> None:
    rfi = await asked(world, 1, 2)
    one, two = (await world.stores.referrals.of_rfis([rfi.id]))[rfi.id]
    boss = await world.signed_in(partner=None)
    assert "In a mail" not in (await boss.get(f"/operator/requests/{rfi.id}")).text
    mail = make_job(rfi_id=rfi.id, referral_id=one.id, partner_id=one.partner_id, address="sales@one.example")
    await world.stores.jobs.add_leased([mail], "notifier", START)
    under_way = (await boss.get(f"/operator/requests/{rfi.id}")).text
    assert "sales@one.example</td><td>In a mail, perhaps" in under_way
    done = JobUpdate(job_id=mail.id, state=JobState.SENT, attempts=1, sent_at=START, disclosed=(Disclosure(at=START),))
    await world.stores.jobs.finish([done], "notifier")
    ana = await world.signed_in(partner=2)
    await ana.get(f"/referrals/{two.id}")
    await ana.submit(f"/referrals/{two.id}/contact")
    page = (await boss.get(f"/operator/requests/{rfi.id}")).text
    assert "sales@one.example</td><td>In a mail</td>" in page
    assert "</td><td>On the page</td>" in page
    assert rfi.customer.contact.email not in page


async def test_a_parked_referral_can_be_released(world: PortalWorld) -> None:
    referral = make_referral(1)
    await world.stores.referrals.add([referral])
    await world.stores.referrals.defer(referral.id, referral.version, START, 8, parked=True)
    boss = await world.signed_in(partner=None)
    assert referral.title in (await boss.get("/operator/parked")).text
    await boss.submit("/operator/parked/release", {"id": referral.id})
    assert await world.stores.aside.parked(10) == []
