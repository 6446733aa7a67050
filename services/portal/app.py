"""How is the portal put together from its ports: doors, pages, API?"""

from __future__ import annotations

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from services.portal import oauth, openapi, static_files
from services.portal.doors import PortalDoors
from services.portal.engagements import routes as engagements
from services.portal.engagements import sheet_routes
from services.portal.foreign_ids import ForeignIds
from services.portal.guard import Guard
from services.portal.metrics import PortalMetrics
from services.portal.pace import Pace
from services.portal.pages import (
    customer,
    customer_erasure,
    inbox,
    insights,
    operator,
    operator_aside,
    operator_audit,
    operator_erasure,
    operator_rules,
    profiles,
    programs,
    referral,
    search,
    search_request,
    sheets,
    sign_in,
    team,
)
from services.portal.pages.frame import Frame
from services.portal.ports import PortalOptions, PortalPorts
from services.portal.problems import add_problem_handlers
from services.portal.profile_work import ProfileWork
from services.portal.sign_in import SignIn
from services.portal.team_work import TeamWork
from services.portal.v1.mounted import routers


def build(
    ports: PortalPorts, options: PortalOptions | None = None, registry: CollectorRegistry | None = None
) -> FastAPI:
    """The application; it holds no connections of its own.

    Args:
        ports: open, and closed by the caller.
        options: what the operator chose; None for the defaults.
        registry: for the figures.
    """
    options = options or PortalOptions()
    app = FastAPI(title="Referral exchange", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    pace = Pace(options.requests_per_minute)
    app.state.doors, app.state.frame = PortalDoors(ports, options, pace), Frame(options)
    app.state.ports = ports
    metrics = PortalMetrics(registry or CollectorRegistry())
    app.state.foreign_ids = ForeignIds(ports, metrics)
    work, people = ProfileWork(ports), TeamWork(ports, SignIn(ports, options, pace))
    add_problem_handlers(app)
    # One route after the other is compared, at some microseconds each: what is asked for most comes first.
    app.include_router(inbox.router(ports, options))
    app.include_router(referral.router(ports, options))
    app.include_router(static_files.router())
    app.include_router(oauth.router(ports, options, pace))
    app.include_router(sign_in.router(ports, options, pace))
    app.include_router(customer.router(ports, options))
    app.include_router(search.router(ports, options, pace))
    app.include_router(search_request.router(ports, options, pace))
    app.include_router(customer_erasure.router(ports, options))
    app.include_router(profiles.router(ports, work))
    app.include_router(sheets.router(ports, options))
    app.include_router(insights.router(ports, options))
    app.include_router(team.router(ports, people))
    app.include_router(programs.router(ports, options))
    app.include_router(operator.router(ports, options))
    app.include_router(operator_aside.router(ports, options))
    app.include_router(operator_erasure.router(ports, options))
    app.include_router(operator_audit.router(ports, options))
    app.include_router(operator_rules.router(ports, options))
    app.include_router(engagements.router(ports, options))
    app.include_router(sheet_routes.router(ports, options))
    for resource in routers(ports, options, work, people):
        app.include_router(resource)
    app.include_router(openapi.router())
    # The outermost, so that its headers are on every answer.
    app.add_middleware(Guard, secure=options.secure, metrics=metrics, absent=app.state.foreign_ids.met)
    return app
