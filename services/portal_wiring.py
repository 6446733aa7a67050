"""What is the portal given of the world? The composition root's part for the one process that people look at."""

from __future__ import annotations

from datetime import timedelta

from fastapi import FastAPI

from services.adapters.regions import parent_of
from services.adapters.settings import Settings
from services.adapters.wire import profile_of
from services.auditing import auditor
from services.bootstrap import World
from services.customer_data import customer_data
from services.explaining import Explaining
from services.operations import operator_actions
from services.portal.app import build
from services.portal.finding import Finder, FinderPorts
from services.portal.ports import OidcOptions, PortalOptions, PortalPorts
from services.profile_keeping import ProfileKeeping
from services.submitting import submissions


def finder_of(world: World) -> Finder:
    """What finds partners; it is empty until its loop runs."""
    stores = world.stores
    return Finder(
        FinderPorts(
            partners=stores.partners,
            pasts=stores.pasts,
            rules=stores.rules,
            feed=world.follower,
            decode_profile=profile_of,
            decode_standing=world.standings.of,
            parent_of=parent_of,
            clock=world.clock,
        )
    )


def portal_ports(world: World, finder: Finder | None = None) -> PortalPorts:
    """The portal's ports, open as the world is; without a finder one that is never loaded."""
    stores = world.stores
    return PortalPorts(
        rfis=stores.rfis,
        referrals=stores.referrals,
        listing=stores.listing,
        looks=stores.looks,
        insights=stores.insights,
        favourites=stores.favourites,
        reveals=stores.reveals,
        foreign_asks=stores.foreign_asks,
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
        suppressions=stores.suppressions,
        commands=world.commands,
        intake=submissions(world),
        operations=operator_actions(world),
        erasures=customer_data(world),
        audits=auditor(world),
        rules=stores.rules,
        explaining=Explaining(world.stores, world.clock),
        profiles=ProfileKeeping(world.stores.partners, world.relay, lambda: world.regions),
        finder=finder or finder_of(world),
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


def portal_app(world: World, finder: Finder | None = None) -> FastAPI:
    """The application that the process `portal` serves."""
    return build(portal_ports(world, finder), portal_options(world.settings), world.registry)
