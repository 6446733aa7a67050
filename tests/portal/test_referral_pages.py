"""The page of one referral: what it shows, what it hides, what can be done on it, and what becomes of a race."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from icalendar import Calendar

from services.core import commands as c
from services.core.accounts import Role
from services.core.codes import CloseReason, ErrorReason, Flame, PolicyName, Stage, Status, Substatus
from services.core.ids import user_id
from services.core.policy import STANDARD
from services.core.ports import Change
from services.core.referral import Referral
from services.core.reveals import Way
from services.core.rfi import Money
from services.core.tick import advance
from services.portal.pages.downloads import vcard
from tests.builders import START, make_person, make_rfi
from tests.portal.world import Browser, PortalWorld, portal_world

ACCEPTANCE = {
    "engagementName": "Azure for Acme",
    "dealValue.amount": "48,000.50",
    "dealValue.currency": "eur",
    "closingDate": "2027-01-31",
}
CONTACT = make_rfi(1).customer.contact


@pytest.fixture
async def ana(world: PortalWorld) -> Browser:
    return await world.signed_in(1)


@pytest.fixture
async def referral(world: PortalWorld) -> Referral:
    return await world.add_referral(1)


async def test_the_page_shows_the_need_the_deadline_and_why(ana: Browser, referral: Referral) -> None:
    page = (await ana.get(f"/referrals/{referral.id}")).text
    need = make_rfi(1).need
    for expected in (need.title, need.description.split("\n")[0], "Answer by", "Keyword: cloud migration", "Accept"):
        assert expected in page, expected


async def test_looking_changes_nothing_and_shows_no_contact(
    world: PortalWorld, ana: Browser, referral: Referral
) -> None:
    before = await world.referral(referral.id)
    for _ in range(3):
        page = (await ana.get(f"/referrals/{referral.id}")).text
        assert CONTACT.email not in page
        assert CONTACT.last_name not in page
    assert await world.referral(referral.id) == before
    assert await world.stores.reveals.of_referrals([referral.id]) == []


async def test_the_page_tells_that_a_person_has_it_on_the_screen(
    world: PortalWorld, ana: Browser, referral: Referral
) -> None:
    assert f'hx-post="/referrals/{referral.id}/open"' in (await ana.get(f"/referrals/{referral.id}")).text
    assert (await ana.submit(f"/referrals/{referral.id}/open")).status_code == 204
    assert (await world.referral(referral.id)).substatus is Substatus.RECEIVED
    assert "hx-trigger" not in (await ana.get(f"/referrals/{referral.id}")).text


async def test_the_contact_is_shown_to_who_asks_and_each_reader_is_written_down(
    world: PortalWorld, ana: Browser, referral: Referral
) -> None:
    await ana.get(f"/referrals/{referral.id}")
    assert (await ana.submit(f"/referrals/{referral.id}/contact")).status_code == 303
    assert CONTACT.email in (await ana.get(f"/referrals/{referral.id}")).text
    assert (await world.referral(referral.id)).substatus is Substatus.RECEIVED
    colleague = await world.signed_in(1, email="bea@partner1.example", role=Role.VIEWER)
    assert CONTACT.email not in (await colleague.get(f"/referrals/{referral.id}")).text
    await colleague.submit(f"/referrals/{referral.id}/contact")
    assert CONTACT.email in (await colleague.get(f"/referrals/{referral.id}")).text
    readers = await world.stores.reveals.of_referrals([referral.id])
    assert len({each.by for each in readers}) == 2
    assert {each.way for each in readers} == {Way.PAGE}


async def test_a_contact_is_hidden_again_after_some_hours(world: PortalWorld, ana: Browser, referral: Referral) -> None:
    await ana.submit(f"/referrals/{referral.id}/contact")
    world.clock.shift(timedelta(hours=11))
    assert CONTACT.email in (await ana.get(f"/referrals/{referral.id}")).text
    world.clock.shift(timedelta(hours=1))
    assert CONTACT.email not in (await ana.get(f"/referrals/{referral.id}")).text
    await ana.submit(f"/referrals/{referral.id}/contact")
    assert sum(day.times for day in await world.stores.reveals.of_referrals([referral.id])) == 2


async def test_a_contact_that_the_policy_hides_is_not_shown_even_to_who_saw_it(
    world: PortalWorld, ana: Browser, referral: Referral
) -> None:
    await ana.submit(f"/referrals/{referral.id}/contact")
    await ana.submit(f"/referrals/{referral.id}/decline", {"reason": "noCapacity"})
    page = (await ana.get(f"/referrals/{referral.id}")).text
    assert CONTACT.email not in page
    assert "The contact is not shown in this state." in page
    for path in ("contact", "contact.vcf"):
        assert (await ana.submit(f"/referrals/{referral.id}/{path}")).status_code == 403
    assert len(await world.stores.reveals.of_referrals([referral.id])) == 1


async def test_a_masked_contact_is_shown_after_the_accept_alone() -> None:
    world = portal_world()
    masked = {**world.ports.policies, PolicyName.STANDARD: replace(STANDARD, mask_contact_until_accept=True)}
    world = portal_world(world.stores, policies=masked)
    ana, referral = await world.signed_in(1), await world.add_referral(1)
    assert (await ana.submit(f"/referrals/{referral.id}/contact")).status_code == 403
    await ana.submit(f"/referrals/{referral.id}/accept", ACCEPTANCE)
    assert (await ana.submit(f"/referrals/{referral.id}/contact")).status_code == 303
    await world.close()


async def test_accepting_says_what_the_form_said(world: PortalWorld, ana: Browser, referral: Referral) -> None:
    person = {"person.firstName": "Bea", "person.lastName": "Gil", "person.email": "bea@partner1.example"}
    answer = await ana.submit(f"/referrals/{referral.id}/accept", {**ACCEPTANCE, **person, "crmId": " 77 "})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/referrals/{referral.id}")
    stored = await world.referral(referral.id)
    assert (stored.status, stored.details.engagement_name) == (Status.ACTIVE, "Azure for Acme")
    assert stored.details.deal_value == Money(amount=Decimal("48000.50"), currency="EUR")
    assert (stored.details.crm_id, [each.email for each in stored.team]) == ("77", ["bea@partner1.example"])
    page = (await ana.get(f"/referrals/{referral.id}")).text
    assert "Accepted. The customer is told" in page
    assert "€48,000.50" in page
    assert "Ana Ruiz" in page
    assert "Accepted. The customer is told" not in (await ana.get(f"/referrals/{referral.id}")).text


async def test_every_problem_is_told_at_once_at_its_field_and_what_was_entered_is_kept(
    world: PortalWorld, ana: Browser, referral: Referral
) -> None:
    wrong = {
        "engagementName": "",
        "dealValue.amount": "a lot",
        "dealValue.currency": "Euro",
        "closingDate": "soon",
        "notes": "kept <as entered>",
        "person.firstName": "Bea",
        "person.email": "no address",
    }
    answer = await ana.submit(f"/referrals/{referral.id}/accept", wrong)
    assert answer.status_code == 422
    assert (await world.referral(referral.id)).status is Status.NEW
    for field in ("engagementName", "dealValue-amount", "closingDate", "person-lastName", "person-email"):
        assert f'id="accept-{field}-problem"' in answer.text, field
    assert "Enter an amount, for example 48000." in answer.text
    assert "kept &lt;as entered&gt;" in answer.text
    assert 'value="a lot"' in answer.text
    assert '<details class="answer" id="accept" open>' in answer.text


def named(at: str, first_name: str, email: str) -> dict[str, str]:
    return {f"{at}.firstName": first_name, f"{at}.lastName": "Gil", f"{at}.email": email, f"{at}.phone": ""}


async def test_several_people_are_named_with_an_accept_wherever_they_stand(
    world: PortalWorld, ana: Browser, referral: Referral
) -> None:
    bea, carl, dan = (f"{name}@partner1.example" for name in ("bea", "carl", "dan"))
    path = f"/referrals/{referral.id}/accept"
    # The first fieldset is empty; what is wrong with the last one is told where the page shows it again.
    people = (
        named("person", "", "") | {"person.lastName": " "} | named("team.1", "Bea", bea) | named("team.2", "", carl)
    )
    wrong = await ana.submit(path, {**ACCEPTANCE, **people})
    assert wrong.status_code == 422
    assert 'id="accept-team-1-firstName-problem"' in wrong.text
    assert wrong.text.count("-problem") == wrong.text.count("accept-team-1-firstName-problem")
    assert re.search(rf'id="accept-person-email"[^>]* value="{bea}"', wrong.text)
    assert re.search(rf'id="accept-team-1-email"[^>]* value="{carl}"', wrong.text)
    assert "<details open>" in wrong.text
    people = named("person", "Bea", bea) | named("team.1", "Carl", carl) | named("team.2", "Dan", dan)
    assert (await ana.submit(path, {**ACCEPTANCE, **people})).status_code == 303
    stored = await world.referral(referral.id)
    assert [(each.first_name, each.email) for each in stored.team] == [("Bea", bea), ("Carl", carl), ("Dan", dan)]


async def test_problems_are_said_in_the_readers_language(world: PortalWorld, referral: Referral) -> None:
    ana = await world.signed_in(1, language="es")
    answer = await ana.submit(f"/referrals/{referral.id}/accept", {"dealValue.amount": "48.000,50"})
    assert "Dé un nombre al negocio." in answer.text
    assert 'value="48.000,50"' in answer.text


@pytest.mark.parametrize(
    ("action", "fields", "field"),
    [
        ("decline", {}, "reason"),
        ("decline", {"reason": "other"}, "notes"),
        ("decline", {"reason": "nonsense"}, "reason"),
        ("error", {}, "reason"),
    ],
)
async def test_a_decline_needs_its_reason(
    ana: Browser, referral: Referral, action: str, fields: dict[str, str], field: str
) -> None:
    answer = await ana.submit(f"/referrals/{referral.id}/{action}", fields)
    assert answer.status_code == 422
    assert f'id="{action}-{field}-problem"' in answer.text


async def test_a_decision_can_be_undone_while_the_window_is_open(
    world: PortalWorld, ana: Browser, referral: Referral
) -> None:
    await ana.submit(f"/referrals/{referral.id}/decline", {"reason": "noCapacity"})
    assert "You can take this back until" in (await ana.get(f"/referrals/{referral.id}")).text
    assert (await ana.submit(f"/referrals/{referral.id}/undo")).status_code == 303
    assert (await world.referral(referral.id)).status is Status.NEW
    await ana.submit(f"/referrals/{referral.id}/decline", {"reason": "noCapacity"})
    world.clock.advance(timedelta(minutes=5))
    assert "You can take this back until" not in (await ana.get(f"/referrals/{referral.id}")).text
    assert (await ana.submit(f"/referrals/{referral.id}/undo")).status_code == 409
    assert (await world.referral(referral.id)).status is Status.CLOSED


async def test_who_comes_too_late_sees_what_won_and_since_when(
    world: PortalWorld, ana: Browser, referral: Referral
) -> None:
    await world.ports.commands.execute(referral.id, c.Withdraw(by="customer"))
    answer = await ana.submit(f"/referrals/{referral.id}/accept", ACCEPTANCE)
    assert answer.status_code == 409
    assert "Withdrawn by the customer" in answer.text
    assert "came too late" in answer.text
    also = await ana.submit(f"/referrals/{referral.id}/accept", {"dealValue.amount": "a lot"})
    assert also.status_code == 409


#: The customer, a colleague, the reader, an operator.
QUICKER = {
    "en": (
        "The customer did that.",
        "Luis Vega of your team did that.",
        "You did that yourself.",
        "An operator of the exchange did that.",
    ),
    "es": (
        "Lo hizo el cliente.",
        "Lo hizo Luis Vega, de su equipo.",
        "Lo hizo usted.",
        "Lo hizo un operador de la plataforma.",
    ),
}


@pytest.mark.parametrize("language", QUICKER)
async def test_who_comes_too_late_is_told_who_was_quicker(world: PortalWorld, language: str) -> None:
    eve = await world.signed_in(1, email="eve@partner1.example", language=language)
    luis = await world.add_user(1, "luis@partner1.example", name="Luis Vega")
    commands = (
        c.Withdraw(by="customer"),
        c.Decline(by=f"partner:{luis.id}", reason=CloseReason.BUDGET),
        c.Decline(by=f"partner:{user_id('eve@partner1.example')}", reason=CloseReason.BUDGET),
        c.CloseAsError(by="operator:boss", reason=ErrorReason.DATA_ERROR),
    )
    for n, (command, words) in enumerate(zip(commands, QUICKER[language], strict=True), start=1):
        late = await world.add_referral(n)
        await world.ports.commands.execute(late.id, command, partner_id=late.partner_id)
        answer = await eve.submit(f"/referrals/{late.id}/accept", ACCEPTANCE)
        assert answer.status_code == 409
        assert words in answer.text
        assert "boss" not in answer.text


async def test_the_deadline_that_was_quicker_is_said(world: PortalWorld, ana: Browser, referral: Referral) -> None:
    assert referral.expires_at is not None
    lapsed = advance(referral, referral.expires_at, STANDARD)
    assert lapsed is not None
    await world.stores.referrals.save([Change(lapsed, referral.version)])
    answer = await ana.submit(f"/referrals/{referral.id}/accept", ACCEPTANCE)
    assert answer.status_code == 409
    assert "Nobody of your team had answered by the deadline." in answer.text


@pytest.mark.parametrize("action", ["accept", "decline"])
async def test_notes_of_an_answer_that_comes_too_late_can_be_copied(
    world: PortalWorld, ana: Browser, referral: Referral, action: str
) -> None:
    await world.ports.commands.execute(referral.id, c.Withdraw(by="customer"))
    notes = "Called <twice>,\nnobody there"
    answer = await ana.submit(f"/referrals/{referral.id}/{action}", {**ACCEPTANCE, "reason": "other", "notes": notes})
    assert answer.status_code == 409
    assert "Your notes were not saved." in answer.text
    assert "readonly>Called &lt;twice&gt;,\nnobody there</textarea>" in answer.text.replace("\r", "")
    assert "Your notes" not in (await ana.submit(f"/referrals/{referral.id}/{action}", ACCEPTANCE)).text


async def test_an_active_deal_is_edited_staffed_and_won(world: PortalWorld, ana: Browser, referral: Referral) -> None:
    at = f"/referrals/{referral.id}"
    await ana.submit(f"{at}/accept", ACCEPTANCE)
    edited = await ana.submit(f"{at}/edit", {**ACCEPTANCE, "engagementName": "Azure, wider", "notes": "call Mon"})
    assert edited.status_code == 303
    bea = {
        "person.firstName": "Bea",
        "person.lastName": "Gil",
        "person.email": "b@c.example",
        "person.phone": "+34 955 000 001",
    }
    assert (await ana.submit(f"{at}/contact-person", bea)).status_code == 303
    won = {"finalValue.amount": "50000", "finalValue.currency": "EUR", "closedOn": START.date().isoformat()}
    assert (await ana.submit(f"{at}/won", {**won, "closedOn": "2031-01-01"})).status_code == 422
    assert (await ana.submit(f"{at}/won", won)).status_code == 303
    stored = await world.referral(referral.id)
    assert (stored.substatus, stored.details.engagement_name) == (Substatus.WON, "Azure, wider")
    assert stored.team[0].phone == "+34955000001"
    page = (await ana.get(at)).text
    for said in ("Won", "Contact added", "Edited", "Accepted", "b@c.example"):
        assert said in page


async def test_a_lost_deal_says_why_with_a_reason_for_losing(
    world: PortalWorld, ana: Browser, referral: Referral
) -> None:
    at = f"/referrals/{referral.id}"
    await ana.submit(f"{at}/accept", ACCEPTANCE)
    assert (await ana.submit(f"{at}/lost", {"reason": CloseReason.NO_CAPACITY.value})).status_code == 422
    assert (await ana.submit(f"{at}/lost", {"reason": CloseReason.BUDGET.value})).status_code == 303
    assert "The budget is not adequate" in (await ana.get(at)).text


async def test_a_classic_partner_shows_interest_first(world: PortalWorld, ana: Browser) -> None:
    referral = await world.add_referral(3, policy=PolicyName.CLASSIC)
    at = f"/referrals/{referral.id}"
    page = (await ana.get(at)).text
    assert "I’m interested" in page
    assert 'id="accept"' not in page
    assert (await ana.submit(f"{at}/contact")).status_code == 403
    assert (await ana.submit(f"{at}/interest")).status_code == 303
    assert (await world.referral(referral.id)).stage is Stage.EVALUATING
    assert 'id="accept"' in (await ana.get(at)).text
    other = await world.add_referral(4, policy=PolicyName.CLASSIC)
    await ana.submit(f"/referrals/{other.id}/no-thanks")
    assert (await world.referral(other.id)).substatus is Substatus.DECLINED


@pytest.mark.parametrize(
    ("flame", "said"), [(Flame.RAISED, "flame.svg"), (Flame.OVERDUE, "waiting.svg"), (Flame.NONE, None)]
)
async def test_the_flame_stands_on_top_and_changes(
    world: PortalWorld, ana: Browser, flame: Flame, said: str | None
) -> None:
    referral = await world.add_referral(5, flame=flame)
    main = (await ana.get(f"/referrals/{referral.id}")).text.split("<main")[1]
    assert ('class="alert"' in main.split("<h1")[0]) is bool(said)
    assert said is None or said in main.split("<h1")[0]


async def test_a_foreign_referral_is_as_none_whatever_is_asked(world: PortalWorld, ana: Browser) -> None:
    theirs = await world.add_referral(1, partner=2, title="CANARY")
    before = await world.referral(theirs.id)
    paths = ["", "/deadline.ics"]
    posts = ["/open", "/contact", "/contact.vcf", "/star", "/accept", "/decline", "/undo", "/edit", "/won", "/error"]
    answers = [await ana.get(f"/referrals/{theirs.id}{path}") for path in paths]
    answers += [await ana.submit(f"/referrals/{theirs.id}{path}", ACCEPTANCE) for path in posts]
    none = await ana.get("/referrals/00000000-0000-5000-8000-000000000000")
    assert {answer.status_code for answer in answers} == {404}
    assert all("CANARY" not in answer.text and CONTACT.email not in answer.text for answer in answers)
    assert answers[0].text.replace(theirs.id, "") == none.text.replace("00000000-0000-5000-8000-000000000000", "")
    assert await world.referral(theirs.id) == before


async def test_a_viewer_sees_everything_and_does_nothing(world: PortalWorld, referral: Referral) -> None:
    viewer = await world.signed_in(1, role=Role.VIEWER)
    page = (await viewer.get(f"/referrals/{referral.id}")).text
    assert 'id="accept"' not in page
    for action in ("open", "accept", "decline", "undo", "star"):
        assert (await viewer.submit(f"/referrals/{referral.id}/{action}", ACCEPTANCE)).status_code == 403
    assert (await world.referral(referral.id)).substatus is Substatus.PENDING


async def test_the_customer_is_taken_along_as_a_vcard_and_that_is_written_down(
    world: PortalWorld, ana: Browser, referral: Referral
) -> None:
    answer = await ana.submit(f"/referrals/{referral.id}/contact.vcf")
    assert answer.headers["content-type"].startswith("text/vcard")
    assert "attachment" in answer.headers["content-disposition"]
    assert f"EMAIL:{CONTACT.email}\r\n" in answer.text
    (day,) = await world.stores.reveals.of_referrals([referral.id])
    assert day.way is Way.DOWNLOAD
    assert CONTACT.email not in (await ana.get(f"/referrals/{referral.id}")).text


@pytest.mark.parametrize("name", ["A\r\nEND:VCARD\r\nBEGIN:VCARD", "Ñ" * 200, "x;y,z\\w", "\x00tab\tline\u2028sep"])
def test_a_vcard_is_one_card_whatever_a_customer_wrote(name: str) -> None:
    text = vcard(make_person(first_name=name), name).decode()
    lines = re.sub(r"\r\n ", "", text).split("\r\n")
    assert [line for line in lines if line.startswith(("BEGIN", "END"))] == ["BEGIN:VCARD", "END:VCARD"]
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert len(lines) <= 10


async def test_the_deadline_is_taken_along_as_a_calendar_entry(
    world: PortalWorld, ana: Browser, referral: Referral
) -> None:
    answer = await ana.get(f"/referrals/{referral.id}/deadline.ics")
    (entry,) = Calendar.from_ical(answer.text).walk("VEVENT")
    assert entry.decoded("dtstart") == referral.expires_at
    assert f"/referrals/{referral.id}" in str(entry["url"])
    assert CONTACT.email not in answer.text
    await ana.submit(f"/referrals/{referral.id}/accept", ACCEPTANCE)
    assert (await ana.get(f"/referrals/{referral.id}/deadline.ics")).status_code == 404


async def test_when_the_answer_of_the_save_is_lost_the_person_is_told_to_look(
    world: PortalWorld, ana: Browser, referral: Referral
) -> None:
    world.stores.faults.fail_call(len(world.stores.faults.calls) + 5, after=True)
    answer = await ana.submit(f"/referrals/{referral.id}/accept", ACCEPTANCE)
    assert answer.status_code in {303, 503}
    if answer.status_code == 503:
        assert "Load the page again" in answer.text
