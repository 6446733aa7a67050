"""Which resources has /v1?"""

from __future__ import annotations

from fastapi import APIRouter

from services.portal.ports import PortalOptions, PortalPorts
from services.portal.profile_work import ProfileWork
from services.portal.team_work import TeamWork
from services.portal.v1 import (
    engagements,
    partners,
    profiles,
    rfis,
    search,
    statistics,
    suggestions,
    users,
    webhooks,
    wishes,
)


def routers(ports: PortalPorts, options: PortalOptions, work: ProfileWork, team: TeamWork) -> list[APIRouter]:
    """A router for each resource."""
    return [
        rfis.router(ports, options),
        search.router(ports, options),
        engagements.router(ports),
        partners.router(ports, options),
        profiles.router(ports, options, work),
        suggestions.router(ports, work),
        statistics.router(ports),
        users.router(ports, options, team),
        webhooks.router(ports, options),
        wishes.router(ports),
    ]
