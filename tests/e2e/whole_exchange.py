"""One exchange, real engines and processes: what its people do with it, and what the audit says of it.

test_operating.py collects these tests and has their exchange.
"""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import default
from pathlib import Path

import httpx
import orjson

from services.bootstrap import World
from services.cli.session import portal_address
from services.cli.system import intake_address
from services.cli.watch import TOPICS
from services.core.codes import PolicyName, RfiState, Status, Substatus
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.engines.bundled.spool import MailSpool
from services.processes import PROCESSES
from tests.e2e.exchange import ROOT, Exchange, as_file, eventually, good_rfi


def rfi_of(exchange: Exchange, publisher_id: str) -> Rfi:
    async def work(world: World) -> Rfi:
        return next(r for r in await world.stores.rfis.recent(1000) if r.publisher_id == publisher_id)

    return exchange.run(work)


def referrals_of(exchange: Exchange, rfi: Rfi) -> list[Referral]:
    async def work(world: World) -> list[Referral]:
        return (await world.stores.referrals.of_rfis([rfi.id])).get(rfi.id, [])

    return exchange.run(work)


def submit(exchange: Exchange, *rfis: dict[str, object]) -> None:
    exchange.submit(as_file(exchange, *rfis))
    exchange.quiet()


def test_an_rfi_becomes_referrals_and_mails_in_the_contacts_languages(exchange: Exchange) -> None:
    submit(exchange, good_rfi("first"))
    rfi = rfi_of(exchange, "first")
    assert rfi.state is RfiState.ROUTED
    referrals = referrals_of(exchange, rfi)
    assert referrals
    assert rfi.routing is not None
    assert {r.partner_id for r in referrals} == {c.partner_id for c in rfi.routing.chosen}
    customer = [m for m in exchange.mails() if "elena+first@talleres-quintana.example" in m.rcpt]
    assert [(m.kind, m.language) for m in customer] == [("sent_to_partners", "es")]


def test_the_same_rfi_again_has_no_effect_and_another_with_its_id_is_refused(exchange: Exchange) -> None:
    submit(exchange, good_rfi("again"))
    before = len(exchange.mails())
    submit(exchange, good_rfi("again") | {"submittedAt": rfi_of(exchange, "again").submitted_at.isoformat()})
    stored = referrals_of(exchange, rfi_of(exchange, "again"))
    submit(exchange, good_rfi("again", title="Otra cosa muy distinta con el mismo identificador"))
    assert len(exchange.mails()) == before
    assert referrals_of(exchange, rfi_of(exchange, "again")) == stored
    assert "again" in exchange.cli("rfi", "refused", "--code", "id_reused")


def test_a_refused_rfi_is_shown_with_every_problem_and_replayed_after_a_fix(exchange: Exchange, tmp_path: Path) -> None:
    bad = good_rfi("mend-me")
    bad["channel"] = "pigeon"
    bad["consent"] = {"contact": False, "share": True}
    submit(exchange, bad)
    listed = exchange.cli("rfi", "refused", "-n", "1")
    assert "/channel" in listed
    assert "/consent/contact" in listed
    refusal = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", listed)
    assert refusal
    original = orjson.loads(exchange.cli("rfi", "refusal", refusal[0], "--original"))
    assert original["channel"] == "pigeon"
    mended = tmp_path / "mended.json"
    mended.write_bytes(orjson.dumps(original | {"channel": "sales", "consent": {"contact": True, "share": True}}))
    exchange.cli("rfi", "replay", refusal[0], "--with", str(mended))
    exchange.quiet()
    assert rfi_of(exchange, "mend-me").channel == "sales"


def test_a_partner_accepts_edits_and_wins_through_the_command_line(exchange: Exchange) -> None:
    submit(exchange, good_rfi("deal"))
    found = referrals_of(exchange, rfi_of(exchange, "deal"))
    referral = next(r.id for r in found if r.policy is PolicyName.STANDARD)
    refused = exchange.cli("referral", "accept", referral, code=1)
    assert "/engagementName" in refused
    assert "/dealValue" in refused
    exchange.cli(
        "referral", "accept", referral, "--name", "M365", "--value", "25000 EUR", "--timeframe", "within30days"
    )
    exchange.cli("referral", "edit", referral, "--notes", "call on Monday")
    person = ["--first-name", "Ana", "--last-name", "Sanz", "--email", "ana.sanz@partner.example"]
    exchange.cli("referral", "add-contact", referral, *person)
    today = datetime.now(UTC).date().isoformat()
    exchange.cli("referral", "won", referral, "--value", "24000 EUR", "--closed", today)
    shown = exchange.cli("referral", "show", referral)
    assert "Closed/Won" in shown
    exchange.cli("referral", "undo", referral)
    assert "Active/Accepted" in exchange.cli("referral", "show", referral)
    again = exchange.cli("referral", "decline", referral, "--reason", "noCapacity", code=1)
    assert "Active/Accepted" in again


def test_a_customers_withdrawal_closes_all_its_referrals(exchange: Exchange) -> None:
    submit(exchange, good_rfi("withdrawn"))
    rfi = rfi_of(exchange, "withdrawn")
    exchange.cli("rfi", "withdraw", rfi.id)
    exchange.quiet()
    states = {(r.status, r.substatus) for r in referrals_of(exchange, rfi)}
    assert states == {(Status.CLOSED, Substatus.WITHDRAWN)}


def test_a_router_follows_a_profile_that_changes_while_it_runs(exchange: Exchange, tmp_path: Path) -> None:
    text = (ROOT / "samples/partners.csv").read_text("utf-8").splitlines()
    columns = text[0].split(",")
    row = dict.fromkeys(columns, "") | {
        "partner_id": "NEW-1",
        "partner_name": "Zepelín Datos",
        "policy": "standard",
        "admin_email": "jefa@zepelin.example",
        "country": "ES",
        "serves": "ES",
        "location_city": "Madrid",
        "contact_first_name": "Jimena",
        "contact_last_name": "Roldán",
        "contact_email": "jimena@zepelin.example",
        "keywords": "dirigibles postales",
        "active": "true",
    }
    file = tmp_path / "new.csv"
    file.write_text(f"{text[0]}\n{','.join(row[c] for c in columns)}\n")
    exchange.cli("import", "partners", str(file))

    def routed_to_the_newcomer() -> bool:
        number = len(exchange.mails())
        submit(exchange, good_rfi(f"airship-{number}", keywords=["dirigibles postales"], title="Dirigibles postales"))
        return any(m.rcpt == ("jimena@zepelin.example",) for m in exchange.mails())

    eventually(routed_to_the_newcomer, "an RFI reaches the new partner")


def test_a_publisher_with_a_token_submits_over_http_and_reads_the_status(exchange: Exchange) -> None:
    address = intake_address(exchange.home)
    printed = exchange.cli("publisher", "Marketing", "https://marketing.example.com")
    token = re.search(r"now\): (\S+)", printed)
    assert token
    rfi = as_file(exchange, good_rfi("over-http"))[0]

    def ask(path: str, body: bytes | None = None) -> tuple[int, dict[str, object]]:
        request = urllib.request.Request(
            f"{address}{path}",
            data=body,
            headers={"Authorization": f"Bearer {token[1]}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, orjson.loads(answer.read())

    status, receipt = ask("/v1/rfis", rfi.value)
    assert status == 202
    exchange.quiet()
    status, told = ask(f"/v1/rfis/{receipt['id']}")
    assert status == 200
    assert told["status"] == "routed"


def test_a_customer_searches_asks_two_and_later_one_more(exchange: Exchange) -> None:
    ours = {"sec-fetch-site": "same-origin"}
    with httpx.Client(base_url=portal_address(exchange.home) or "", timeout=30, headers=ours) as browser:
        looked = {"q": "Microsoft 365", "country": "ES"}

        def found() -> list[str]:
            page = browser.get("/search", params=looked).text
            return re.findall(r'name="partner" value="([^"]+)"', page)

        eventually(lambda: len(found()) > 3, "the portal knows the partners")
        picks = found()[:2]
        form = browser.get("/search/request", params={**looked, "partner": picks}).text
        (token,) = re.findall(r'name="token" value="([^"]+)"', form)
        fields = {
            "token": token,
            "partner": picks,
            "country": "ES",
            "q": "Microsoft 365",
            "need.title": "Buscado y encontrado",
            "customer.company": "Talleres Quintana",
            "customer.contact.firstName": "Elena",
            "customer.contact.lastName": "Quintana",
            "customer.contact.email": "elena+search@talleres-quintana.example",
            "consent.contact": "on",
            "consent.share": "on",
        }
        for _ in range(2):
            assert browser.post("/search/request", data=fields).headers["location"] == "/search/sent"
        exchange.quiet()
        (mail,) = [m for m in exchange.mails() if m.rcpt == ("elena+search@talleres-quintana.example",)]
        text = BytesParser(policy=default).parsebytes(MailSpool(exchange.home.mail).read(mail)).get_body(("plain",))
        assert text is not None
        (link,) = re.findall(r"/requests/\S+", text.get_content())
        page = browser.get(link).text
        (csrf, *_) = re.findall(r'name="csrf" value="([^"]+)"', page)
        other = re.findall(r'name="partner" value="([^"]+)">[^<]*(?:<span[^>]*>[^<]*</span>)?</button>', page)[-1]
        assert other not in picks
        assert browser.post(f"{link}/ask", data={"csrf": csrf, "partner": other}).status_code == 303
        exchange.quiet()
    referrals = {r.partner_id: r for r in referrals_of(exchange, rfi_of(exchange, token.partition(".")[0]))}
    assert set(referrals) == {*picks, other}
    assert [referrals[partner].round for partner in (*picks, other)] == [1, 1, 2]
    assert all(r.picked for r in referrals.values())


def test_watch_shows_an_rfi_as_it_happens(exchange: Exchange) -> None:
    submit(exchange, good_rfi("watched"))
    shown = exchange.cli("watch", "--all", "--until", "3")
    assert "rfi.accepted" in shown


def events_until_now(exchange: Exchange) -> int:
    """How many events `watch --all` can show at this moment."""

    async def work(world: World) -> int:
        ends = await world.admin.end_offsets([*TOPICS])
        return sum([len(batch) async for batch in world.follower.read_all(TOPICS, ends)])

    return exchange.run(work)


def test_time_passes_everything_unanswered_expires_once_and_watch_shows_it(exchange: Exchange) -> None:
    submit(exchange, good_rfi("forgotten"))
    rfi = rfi_of(exchange, "forgotten")
    exchange.cli("clock", "advance", "25h")
    exchange.quiet()
    assert exchange.mails_by_kind()["reminder"] > 0
    exchange.cli("clock", "advance", "14d")
    exchange.quiet()
    assert {r.substatus for r in referrals_of(exchange, rfi)} == {Substatus.EXPIRED}
    told = [m.kind for m in exchange.mails() if "elena+forgotten@talleres-quintana.example" in m.rcpt]
    assert sorted(told) == ["expired_at"] * len(referrals_of(exchange, rfi)) + ["sent_to_partners"]
    shown = exchange.cli("watch", "--all", "-n", "1", "--until", str(events_until_now(exchange)))
    seen = shown.rpartition("Seen so far")[2]
    for what in ("partner.profile_changed", "rfi.accepted", "referral.expired"):
        assert re.search(rf"\b{re.escape(what)}\b\W+[1-9]", seen), seen


def test_the_audit_of_all_this_is_clean(exchange: Exchange) -> None:
    report = exchange.audit()
    assert report.clean, report.findings[:5]
    assert "nothing missing, nothing doubled" in exchange.cli("audit")


def test_an_operator_has_it_audited_on_the_page(exchange: Exchange) -> None:
    exchange.cli("user", "add", "auditor@exchange.example", "--operator")
    (link,) = re.findall(r"/sign-in/link/\S+", exchange.cli("user", "link", "auditor@exchange.example"))
    address, page = portal_address(exchange.home) or "", "/operator/audit"
    with httpx.Client(base_url=address, timeout=30, headers={"accept": "text/html"}) as browser:

        def press(at: str) -> None:
            (token, *_) = re.findall(r'name="csrf" value="([^"]+)"', browser.get(at).text)
            answer = browser.post(at, data={"csrf": token}, headers={"sec-fetch-site": "same-origin"})
            assert answer.status_code == 303, answer.text

        press(link)
        assert "has not run one" in browser.get(page).text
        press(page)
        eventually(lambda: "Looked at on" in browser.get(page).text, "the audit has ended")
        said = browser.get(page).text
    assert "Nothing is missing, and nothing is doubled." in said
    (accepted,) = re.findall(r"<dt>RFIs accepted</dt><dd>([\d,]+)</dd>", said)
    assert int(accepted.replace(",", "")) > 1


def test_status_lag_and_logs_tell_an_operator(exchange: Exchange) -> None:
    engines = 3
    assert exchange.cli("status").count("ready") == engines + len(PROCESSES)
    assert "referrals-router" in exchange.cli("lag")
    for line in exchange.cli("logs", "router", "-n", "5").splitlines():
        if line.startswith("{"):
            assert "event" in orjson.loads(line)


def test_no_log_holds_a_mail_address_of_a_customer(exchange: Exchange) -> None:
    for log in exchange.home.logs.glob("*.log"):
        if log.stem in {"intake", "router", "notifier", "expirer"}:
            assert "talleres-quintana.example" not in log.read_text("utf-8"), log.name


def test_a_module_of_ours_runs_as_a_person_would_call_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "--help"], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert "referral exchange" in done.stdout
