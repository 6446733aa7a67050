"""Commands on who may use the portal: people, tokens of programs, OAuth clients."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Annotated

import typer

from services.bootstrap import World
from services.cli.console import console, errors, plain_errors, table
from services.cli.session import with_world
from services.core.accounts import SCOPES, Role, User, folded
from services.core.errors import NotFound
from services.core.ids import user_id
from services.core.mail import is_mailbox
from services.portal.pace import Pace
from services.portal.program_work import client_for, token_for
from services.portal.sign_in import SignIn
from services.portal_wiring import portal_options, portal_ports

users = typer.Typer(help="People who sign in: add, list, make a link.", no_args_is_help=True)
tokens = typer.Typer(help="Tokens of programs: create, list, revoke.", no_args_is_help=True)
clients = typer.Typer(help="OAuth clients of programs: create, revoke.", no_args_is_help=True)

PartnerId = Annotated[str | None, typer.Option("--partner", help="Id of the partner; `referrals user list` shows it.")]
Operator = Annotated[bool, typer.Option("--operator", help="For whoever runs the exchange.")]
Scopes = Annotated[list[str] | None, typer.Option("--scope", help=f"One or more of: {', '.join(SCOPES)}.")]


def _one_side(partner: str | None, operator: bool) -> None:
    if (partner is None) == (not operator):
        errors.print("Say for whom: either --partner ID or --operator.")
        raise typer.Exit(2)


async def _check_partner(world: World, partner: str | None) -> None:
    if partner is not None and not await world.stores.partners.load_partners([partner]):
        raise NotFound(f"there is no partner {partner}")


def _scopes(asked: list[str] | None, operator: bool) -> tuple[str, ...]:
    scopes = tuple(asked or (["operator"] if operator else ["referrals.write"]))
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        errors.print(f"There is no scope {', '.join(unknown)}: use {', '.join(SCOPES)}")
        raise typer.Exit(2)
    return scopes


@users.command("add")
def add_command(
    email: str,
    name: Annotated[str, typer.Option(help="As colleagues call the person.")] = "",
    partner: PartnerId = None,
    operator: Operator = False,
    role: Annotated[Role, typer.Option(help="What a partner's person may do.")] = Role.MEMBER,
    language: Annotated[str, typer.Option(help="en or es.")] = "en",
    time_zone: Annotated[str, typer.Option(help="IANA name, for example Europe/Madrid.")] = "UTC",
) -> None:
    """Let a person sign in. Who is there already is left as is."""
    _one_side(partner, operator)
    if not is_mailbox(email):
        errors.print(f"{email!r} is no mail address")
        raise typer.Exit(2)

    async def work(world: World) -> None:
        await _check_partner(world, partner)
        user = User(
            id=user_id(email),
            email=folded(email),
            name=name or email,
            partner_id=partner,
            operator=operator,
            role=role,
            language=language,
            time_zone=time_zone,
        )
        there = await world.stores.users.add([user])
        console.print(f"{email} was there already." if there else f"{email} may sign in.")

    with plain_errors():
        with_world(work)


@users.command("list")
def list_command(partner: PartnerId = None) -> None:
    """The people of a partner; without one, the operators and every partner with its id."""

    async def work(world: World) -> None:
        found = await (world.stores.users.of_partner(partner) if partner else world.stores.users.operators())
        rows = [(u.email, u.name, "operator" if u.operator else u.role.value, u.language, u.active) for u in found]
        console.print(table("People", ["mail", "name", "role", "language", "active"], rows))
        if partner is None:
            partners = [(each.id, each.name) for each in await world.stores.partners.all_partners()]
            console.print(table("Partners", ["id", "name"], partners))

    with plain_errors():
        with_world(work)


@users.command("link")
def link_command(email: str, hours: Annotated[int, typer.Option(min=1, max=168)] = 1) -> None:
    """Print a link that signs this person in once: for the first operator, or when mail is down."""

    async def work(world: World) -> None:
        await world.links.load()
        sign_in = SignIn(portal_ports(world), portal_options(world.settings), Pace(1))
        user = await sign_in.user(email)
        if user is None:
            raise NotFound(f"nobody with the address {email} may sign in; `referrals user add` lets them")
        path = await sign_in.link_path(user, "/", timedelta(hours=hours))
        console.print(f"{world.settings.base_url.rstrip('/')}{path}", soft_wrap=True)

    with plain_errors():
        with_world(work)


@tokens.command("create")
def token_command(
    name: Annotated[str, typer.Argument(help="Which program, in words.")],
    partner: PartnerId = None,
    operator: Operator = False,
    scope: Scopes = None,
    days: Annotated[int | None, typer.Option(min=1, help="Days until it ends; without it, never.")] = None,
) -> None:
    """Make a token for a program; it is shown once. Only a hash of it is stored."""
    _one_side(partner, operator)
    scopes = _scopes(scope, operator)

    async def work(world: World) -> None:
        await _check_partner(world, partner)
        lasts, now = timedelta(days=days) if days else None, world.clock.real_now()
        key, made = token_for(name, scopes, now, partner_id=partner, lasts=lasts)
        await world.stores.tokens.add_token(made)
        console.print(f"Token {made.id} of {name} (shown only now): {key}", soft_wrap=True)
        console.print("Use it as: Authorization: Bearer TOKEN")

    with plain_errors():
        with_world(work)


@tokens.command("list")
def tokens_command(partner: PartnerId = None) -> None:
    """A partner's tokens; without one, those of operators."""

    async def work(world: World) -> None:
        found = await world.stores.tokens.tokens_of(partner)
        rows = [(t.id, t.name, " ".join(t.scopes), t.created_at, t.last_used_at, t.revoked_at) for t in found]
        console.print(table("Tokens", ["id", "name", "scopes", "made", "last used", "revoked"], rows))

    with plain_errors():
        with_world(work)


@tokens.command("revoke")
def revoke_command(token_id: str) -> None:
    """End a token at once."""

    async def work(world: World) -> None:
        if not await world.stores.tokens.revoke_token(token_id, None, world.clock.real_now()):
            raise NotFound(f"there is no token {token_id}")
        console.print(f"Token {token_id} is revoked.")

    with plain_errors():
        with_world(work)


@clients.command("create")
def client_command(
    name: Annotated[str, typer.Argument(help="Which program, in words.")],
    partner: PartnerId = None,
    operator: Operator = False,
    scope: Scopes = None,
) -> None:
    """Make an OAuth client, which fetches short-lived tokens at /oauth/token; its secret is shown once."""
    _one_side(partner, operator)
    scopes = _scopes(scope, operator)

    async def work(world: World) -> None:
        await _check_partner(world, partner)
        id_ = f"client-{secrets.token_hex(8)}"
        secret, made = client_for(id_, name, scopes, world.clock.real_now(), partner_id=partner)
        await world.stores.tokens.add_client(made)
        console.print(f"client_id {id_}   client_secret (shown only now): {secret}", soft_wrap=True)

    with plain_errors():
        with_world(work)


@clients.command("revoke")
def revoke_client_command(client_id: str) -> None:
    """End a client and every token issued to it."""

    async def work(world: World) -> None:
        if not await world.stores.tokens.revoke_client(client_id, None, world.clock.real_now()):
            raise NotFound(f"there is no client {client_id}")
        console.print(f"Client {client_id} is revoked.")

    with plain_errors():
        with_world(work)
