"""What is the portal given of the world? The composition root's part for the one process that people look at."""

from __future__ import annotations

from datetime import timedelta

from fastapi import FastAPI

from services.adapters.settings import Settings
from services.bootstrap import World
from services.operations import operator_actions
from services.portal.app import build
from services.portal.ports import OidcOptions, PortalOptions, PortalPorts
from services.profile_keeping import ProfileKeeping
from services.submitting import submissions


def portal_ports(world: World) -> PortalPorts:
    """The portal's ports, open as the world is."""
    stores = world.stores
    return PortalPorts(
        rfis=stores.rfis,
        referrals=stores.referrals,
        listing=stores.listing,
        favourites=stores.favourites,
        reveals=stores.reveals,
        partners=stores.partners,
        jobs=stores.jobs,
        idempotency=stores.idempotency,
        refusals=stores.refusals,
        dead_letters=stores.dead_letters,
        aside=stores.aside,
        users=stores.users,
        sign_ins=stores.sign_ins,
        tokens=stores.tokens,
        webhooks=stores.webhooks,
        commands=world.commands,
        intake=submissions(world),
        operations=operator_actions(world),
        profiles=ProfileKeeping(world.stores.partners, world.relay, lambda: world.regions),
        clock=world.clock,
        signer=world.links,
        policies=world.policies,
    )


def portal_options(settings: Settings) -> PortalOptions:
    """What the operator chose."""
    oidc = None
    if settings.oidc_issuer:
        oidc = OidcOptions(
            issuer=settings.oidc_issuer,
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret.get_secret_value(),
            name=settings.oidc_name,
        )
    return PortalOptions(
        base_url=settings.base_url.rstrip("/"),
        requests_per_minute=settings.portal_requests_per_minute,
        session=timedelta(seconds=settings.session_s),
        sign_in_link=timedelta(seconds=settings.sign_in_link_s),
        oauth_token=timedelta(seconds=settings.oauth_token_s),
        oidc=oidc,
        webhook_private_addresses=settings.webhook_private_addresses,
    )


def portal_app(world: World) -> FastAPI:
    """The application that the process `portal` serves."""
    return build(portal_ports(world), portal_options(world.settings))
