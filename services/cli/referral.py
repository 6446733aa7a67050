"""Commands on referrals: list, show, and everything a partner can answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from services.bootstrap import World
from services.cli.console import console, plain_errors, table
from services.cli.people import person_of
from services.cli.reasons import all_said
from services.cli.session import with_world
from services.core.codes import CloseReason, ErrorReason, Status, Timeframe
from services.core.commands import (
    Accept,
    AddContact,
    CloseAsError,
    Command,
    Decline,
    Edit,
    Lose,
    NoThanks,
    Open,
    ShowInterest,
    Undo,
    Win,
    Withdraw,
)
from services.core.errors import CommandInvalid, NotFound, Problem
from services.core.referral import Referral
from services.core.reveals import by_mail, in_order
from services.core.rfi import Money

app = typer.Typer(help="Referrals: list, show, and answer as a partner.", no_args_is_help=True)

Value = Annotated[str | None, typer.Option(help="Amount and currency, for example '25000.00 EUR'.")]
Day = Annotated[str | None, typer.Option(help="A date, for example 2026-12-31.")]
Notes = Annotated[str | None, typer.Option(help="Free text.")]
ACTOR = "partner:cli"


def money(text: str | None) -> Money | None:
    """`25000.00 EUR` as money.

    Raises:
        CommandInvalid: it is something else.
    """
    if text is None:
        return None
    amount, _, currency = text.strip().partition(" ")
    try:
        return Money(amount=Decimal(amount), currency=currency.strip().upper())
    except InvalidOperation as error:
        raise CommandInvalid(
            [Problem("/dealValue", "money", "write an amount and a currency: '25000.00 EUR'")]
        ) from error


def day(text: str | None, field: str) -> date | None:
    """`2026-12-31` as a date.

    Raises:
        CommandInvalid: it is something else.
    """
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise CommandInvalid([Problem(field, "date", "write a date like 2026-12-31")]) from error


def _execute(referral_id: str, command: Command) -> None:
    async def work(world: World) -> None:
        referral = await world.commands.execute(referral_id, command)
        console.print(f"{referral.id} is {referral.status}/{referral.substatus} (version {referral.version}).")
        if referral.undo:
            console.print(
                f"Until {referral.undo.until.isoformat(timespec='seconds')}: referrals referral undo {referral.id}"
            )

    with_world(work)


@app.command("list")
def list_command(
    partner: Annotated[str | None, typer.Option(help="Only this partner's.")] = None,
    rfi: Annotated[str | None, typer.Option(help="Only of this RFI.")] = None,
    status: Annotated[Status | None, typer.Option(help="Only in this status.")] = None,
    limit: Annotated[int, typer.Option("-n", min=1, max=1000)] = 20,
) -> None:
    """Referrals, newest first."""

    async def work(world: World) -> None:
        found = await world.stores.referrals.listed(partner_id=partner, rfi_id=rfi, status=status, limit=limit)
        console.print(_table(found))

    with plain_errors():
        with_world(work)


def _table(found: Sequence[Referral]) -> object:
    rows = [(r.id, r.status, r.substatus, r.stage, r.title, r.company, str(r.expires_at or "")[:16]) for r in found]
    return table("Referrals", ["id", "status", "substatus", "stage", "title", "customer", "expires (UTC)"], rows)


@app.command("show")
def show_command(referral_id: str) -> None:
    """One referral: state, deadlines, deal, why this partner, history, and who was shown the customer's contact."""

    async def work(world: World) -> None:
        referral = (await world.stores.referrals.load([referral_id])).get(referral_id)
        if referral is None:
            raise NotFound(f"there is no referral {referral_id}; `referrals referral list` shows the newest")
        console.print(table(f"Referral {referral.id}", ["what", ""], _facts(referral)))
        rows = [(h.at.isoformat(timespec="seconds"), h.version, h.what, h.by, h.note) for h in referral.history]
        console.print(table("History", ["at", "version#", "what", "by", "note"], rows))
        days = await world.stores.reveals.of_referrals([referral.id])
        days += by_mail(await world.stores.jobs.of_rfis([referral.rfi_id]), [referral], world.policies)
        shown = [
            (day.by, day.way if day.sure else f"{day.way}, perhaps", f"{day.last_at:%Y-%m-%d %H:%M}", day.times)
            for day in in_order(days)
        ]
        console.print(table("Who was shown the contact", ["who", "how", "last at (UTC)", "times#"], shown))

    with plain_errors():
        with_world(work)


def _facts(r: Referral) -> list[tuple[str, object]]:
    details = r.details
    return [
        ("status", f"{r.status}/{r.substatus}, stage {r.stage}, policy {r.policy}, flame {r.flame}"),
        ("title", r.title),
        ("customer", r.company),
        ("partner, profile", f"{r.partner_id}, {r.profile_id}"),
        ("expires", r.expires_at),
        ("next due", r.timers.next_due()),
        ("engagement", details.engagement_name),
        ("deal value", f"{details.deal_value.amount} {details.deal_value.currency}" if details.deal_value else None),
        ("closing", details.closing_date or details.timeframe),
        ("reason", details.reason),
        ("notes", details.notes or details.reason_notes),
        ("team", ", ".join(f"{p.first_name} {p.last_name}" for p in r.team)),
        ("why this partner", all_said(_reasons(r))),
    ]


def _reasons(referral: Referral) -> Sequence[object]:
    reasons = referral.why.get("reasons")
    return reasons if isinstance(reasons, list | tuple) else ()


@app.command("open")
def open_command(referral_id: str) -> None:
    """Note that a person of the partner has opened it: Pending becomes Received."""
    with plain_errors():
        _execute(referral_id, Open(by=ACTOR))


@app.command("interest")
def interest_command(referral_id: str) -> None:
    """Classic policy: I'm interested."""
    with plain_errors():
        _execute(referral_id, ShowInterest(by=ACTOR))


@app.command("no-thanks")
def no_thanks_command(referral_id: str) -> None:
    """Classic policy: no thanks."""
    with plain_errors():
        _execute(referral_id, NoThanks(by=ACTOR))


@app.command("accept")
def accept_command(
    referral_id: str,
    name: Annotated[str | None, typer.Option(help="Name of the engagement.")] = None,
    value: Value = None,
    closing: Day = None,
    timeframe: Annotated[Timeframe | None, typer.Option(help="Instead of a closing date.")] = None,
    notes: Notes = None,
    crm_id: Annotated[str | None, typer.Option(help="Your own id of the deal.")] = None,
) -> None:
    """Accept: needs a name, a value, and a closing date or a time frame."""
    with plain_errors():
        command = Accept(
            by=ACTOR,
            engagement_name=name,
            deal_value=money(value),
            closing_date=day(closing, "/closingDate"),
            timeframe=timeframe,
            notes=notes,
            crm_id=crm_id,
        )
        _execute(referral_id, command)


@app.command("decline")
def decline_command(
    referral_id: str, reason: Annotated[CloseReason | None, typer.Option()] = None, notes: Notes = None
) -> None:
    """Decline: needs a reason; the reason `other` needs notes."""
    with plain_errors():
        _execute(referral_id, Decline(by=ACTOR, reason=reason, notes=notes))


@app.command("edit")
def edit_command(
    referral_id: str,
    name: Annotated[str | None, typer.Option(help="Name of the engagement.")] = None,
    value: Value = None,
    closing: Day = None,
    timeframe: Annotated[Timeframe | None, typer.Option()] = None,
    notes: Notes = None,
    crm_id: Annotated[str | None, typer.Option()] = None,
) -> None:
    """Change what is known of an active deal; options left out stay as they are."""
    with plain_errors():
        command = Edit(
            by=ACTOR,
            engagement_name=name,
            deal_value=money(value),
            closing_date=day(closing, "/closingDate"),
            timeframe=timeframe,
            notes=notes,
            crm_id=crm_id,
        )
        _execute(referral_id, command)


@app.command("add-contact")
def add_contact_command(
    referral_id: str,
    first_name: Annotated[str | None, typer.Option()] = None,
    last_name: Annotated[str | None, typer.Option()] = None,
    email: Annotated[str | None, typer.Option()] = None,
    phone: Annotated[str | None, typer.Option()] = None,
    file: Annotated[
        typer.FileText | None,
        typer.Option(help="The person as JSON, - for standard input; options are public."),
    ] = None,
) -> None:
    """Add a person of the partner to an active deal: with --file nobody else on the machine sees who it is."""
    with plain_errors():
        options = {"first_name": first_name, "last_name": last_name, "email": email, "phone": phone}
        person = person_of(file.read() if file else None, options)
        _execute(referral_id, AddContact(by=ACTOR, person=person))


@app.command("won")
def won_command(referral_id: str, value: Value = None, closed: Day = None, notes: Notes = None) -> None:
    """Close as won: needs the final value and date."""
    with plain_errors():
        command = Win(by=ACTOR, final_value=money(value), closed_on=day(closed, "/closedOn"), notes=notes)
        _execute(referral_id, command)


@app.command("lost")
def lost_command(
    referral_id: str, reason: Annotated[CloseReason | None, typer.Option()] = None, notes: Notes = None
) -> None:
    """Close as lost: needs a reason."""
    with plain_errors():
        _execute(referral_id, Lose(by=ACTOR, reason=reason, notes=notes))


@app.command("error")
def error_command(
    referral_id: str, reason: Annotated[ErrorReason | None, typer.Option()] = None, notes: Notes = None
) -> None:
    """Close as an error: it should never have come; left out of statistics."""
    with plain_errors():
        _execute(referral_id, CloseAsError(by=ACTOR, reason=reason, notes=notes))


@app.command("withdraw")
def withdraw_command(referral_id: str) -> None:
    """Withdraw one referral on the customer's behalf (`referrals rfi withdraw` takes back all of an RFI)."""
    with plain_errors():
        _execute(referral_id, Withdraw(by="operator:cli"))


@app.command("undo")
def undo_command(referral_id: str) -> None:
    """Take back the last accept, decline, won or lost while its undo window is open."""
    with plain_errors():
        _execute(referral_id, Undo(by=ACTOR))
