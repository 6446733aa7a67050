"""A customer's data: an operator looks, counts and erases it; a customer has its own request erased."""

from __future__ import annotations

from services.core.codes import Status
from services.core.erasing import ERASED
from services.core.rfi import Rfi
from tests.builders import make_referral, make_rfi
from tests.portal.test_customer_page import asked
from tests.portal.world import PortalWorld

EMAIL = make_rfi(1).customer.contact.email


async def stored(world: PortalWorld, rfi: Rfi) -> Rfi:
    return (await world.stores.rfis.load([rfi.id]))[rfi.id]  # type: ignore[no-any-return]


async def test_an_operator_looks_what_there_is_before_anything_is_erased(world: PortalWorld) -> None:
    rfi = await asked(world, 1, 2)
    boss = await world.signed_in(None)
    await boss.get("/operator/erasure")
    page = await boss.submit("/operator/erasure/look", {"whose": EMAIL.upper()})
    assert "Erase it for good" in page.text
    assert "<dt>Referrals</dt><dd>2</dd>" in page.text
    assert (await stored(world, rfi)).erased_at is None
    done = await boss.submit("/operator/erasure", {"whose": EMAIL.upper()})
    assert (done.status_code, done.headers["location"]) == (303, "/operator/erasure")
    after = await boss.get("/operator/erasure")
    assert "Erased. What is left in Kafka" in after.text
    assert "under way" in after.text
    assert EMAIL not in after.text
    assert (await stored(world, rfi)).customer.company == ERASED


async def test_one_request_is_erased_by_its_id(world: PortalWorld) -> None:
    one, other = await asked(world, 1), await asked(world, 1, n=2)
    boss = await world.signed_in(None)
    await boss.get("/operator/erasure")
    await boss.submit("/operator/erasure", {"whose": one.id})
    assert (await stored(world, one)).erased_at is not None
    assert (await stored(world, other)).erased_at is None


async def test_an_operator_who_names_nobody_or_nobody_known_hears_so(world: PortalWorld) -> None:
    boss = await world.signed_in(None)
    await boss.get("/operator/erasure")
    nobody = await boss.submit("/operator/erasure/look", {"whose": " "})
    assert nobody.status_code == 422
    assert 'role="alert"' in nobody.text
    unknown = await boss.submit("/operator/erasure/look", {"whose": "who@nowhere.example"})
    assert "There is nothing of this customer." in unknown.text
    assert "Erase it for good" not in unknown.text
    await boss.submit("/operator/erasure", {"whose": "who@nowhere.example"})
    assert "There is nothing of this customer." in (await boss.get("/operator/erasure")).text


async def test_a_customer_has_its_request_erased_after_ticking_that_it_is_sure(world: PortalWorld) -> None:
    rfi, other = await asked(world, 1), await asked(world, 1, n=2)
    browser, path = world.client(), world.customer_path(rfi)
    assert f"{path}/erase" in (await browser.get(path)).text
    assert rfi.need.title in (await browser.get(f"{path}/erase")).text
    unsure = await browser.submit(f"{path}/erase")
    assert unsure.status_code == 422
    assert (await stored(world, rfi)).erased_at is None
    assert (await browser.submit(f"{path}/erase", {"sure": "yes"})).headers["location"] == path
    page = (await browser.get(path)).text
    assert "Your data is erased." in page
    assert rfi.need.title not in page
    assert rfi.customer.company not in page
    assert "Take the request back" not in page
    assert (await stored(world, other)).erased_at is None
    again = await browser.get(f"{path}/erase")
    assert (again.status_code, again.headers["location"]) == (303, path)


async def test_a_request_that_is_stored_no_more_is_gone_on_every_page_of_it(world: PortalWorld) -> None:
    path = world.customer_path(make_rfi(7))
    for page in (path, f"{path}/erase"):
        assert (await world.client().get(page)).status_code == 404


async def test_looking_erases_nothing_however_often_a_scanner_does_it(world: PortalWorld) -> None:
    rfi = await asked(world, 1)
    browser, path = world.client(), world.customer_path(rfi)
    for _ in range(2):
        await browser.get(f"{path}/erase")
        await browser.head(f"{path}/erase")
    assert (await browser.post(f"{path}/erase", data={"sure": "yes"})).status_code == 403
    # With the token of the page, but not from it.
    sent = {"sure": "yes", "csrf": browser.token}
    elsewhere = await browser.post(f"{path}/erase", data=sent, headers={"sec-fetch-site": "cross-site"})
    assert elsewhere.status_code == 403
    assert (await stored(world, rfi)).erased_at is None


async def test_a_partner_sees_that_it_is_erased_and_no_contact(world: PortalWorld) -> None:
    rfi = await asked(world, 1)
    ana = await world.signed_in(1)
    referral = make_referral(1, partner=1)
    await world.ports.erasures.erase(await world.ports.erasures.find(rfi_id=rfi.id), "customer")
    page = await ana.get(f"/referrals/{referral.id}")
    assert "Please erase what you have copied" in page.text
    assert "the customer&#39;s data was erased" in page.text
    assert rfi.customer.company not in page.text
    assert (await world.referral(referral.id)).status is Status.CLOSED
    revealed = await ana.submit(f"/referrals/{referral.id}/contact")
    assert rfi.customer.contact.email not in revealed.text
    listed = await ana.get("/archived")
    assert ERASED in listed.text


async def test_a_partners_program_reads_the_erased_referral_without_its_customer(world: PortalWorld) -> None:
    rfi = await asked(world, 1)
    crm = await world.program(1)
    referral = make_referral(1, partner=1)
    path = f"/v1.0/engagements/referrals/{referral.id}"
    before = await crm.get(path)
    await world.ports.erasures.erase(await world.ports.erasures.find(rfi_id=rfi.id), "customer")
    after = await crm.get(path)
    assert (after.status_code, after.json()["name"], after.json()["status"]) == (200, ERASED, "Closed")
    assert after.headers["etag"] != before.headers["etag"]
    everything = after.text + (await crm.get("/v1.0/engagements/referrals")).text
    for text in (EMAIL, rfi.customer.company, rfi.need.title, rfi.customer.contact.last_name):
        assert text in before.text
        assert text not in everything
