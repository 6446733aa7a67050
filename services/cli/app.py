"""Which commands there are: the groups and single commands put together."""

from __future__ import annotations

import typer

from services.cli import (
    accounts,
    clock,
    customer,
    dlq,
    importing,
    mail,
    match,
    parked,
    partner,
    referral,
    rfi,
    system,
    webhooks,
    what_if,
)
from services.cli.audit import audit_command
from services.cli.demo.command import demo_command
from services.cli.foreign_ids import foreign_ids_command
from services.cli.indexes import indexes_command
from services.cli.operating import init_command, lag_command, publisher_command
from services.cli.running import run_command
from services.cli.watch import watch_command

app = typer.Typer(
    name="referrals",
    help="The referral exchange: RFIs in, the right partners asked, everyone told.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command("demo")(demo_command)
for command in system.app.registered_commands:
    app.registered_commands.append(command)
app.command("watch")(watch_command)
app.command("audit")(audit_command)
app.command("foreign-ids")(foreign_ids_command)
app.command("indexes")(indexes_command)
app.command("lag")(lag_command)
app.add_typer(rfi.app, name="rfi")
app.add_typer(referral.app, name="referral")
match.app.registered_commands += what_if.app.registered_commands
app.add_typer(match.app, name="match")
app.add_typer(partner.app, name="partner")
app.add_typer(importing.app, name="import")
app.add_typer(dlq.app, name="dlq")
app.add_typer(parked.app, name="parked")
app.add_typer(mail.app, name="mail")
app.add_typer(customer.app, name="customer")
app.add_typer(webhooks.app, name="webhook")
app.add_typer(clock.app, name="clock")
app.add_typer(accounts.users, name="user")
app.add_typer(accounts.tokens, name="token")
app.add_typer(accounts.clients, name="client")
app.command("publisher")(publisher_command)
app.command("init")(init_command)
app.command("run")(run_command)


def run() -> None:
    """Run the command line."""
    app()
