"""What figures tell of requests: how many, how they ended, how long they took; never whose."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from services.portal.metrics import PortalMetrics
from tests.portal.test_customer_page import asked
from tests.portal.world import PortalWorld, portal_world


def figures(registry: CollectorRegistry, method: str, route: str, status: str) -> tuple[float | None, float | None]:
    """How many there were, and how many of the method and route were timed."""
    place = {"method": method, "route": route}
    return (
        registry.get_sample_value("referrals_http_requests_total", place | {"status": status}),
        registry.get_sample_value("referrals_http_request_seconds_count", place),
    )


async def measured() -> tuple[PortalWorld, CollectorRegistry]:
    registry = CollectorRegistry()
    return portal_world(registry=registry), registry


async def test_requests_are_counted_by_route_and_class_of_status() -> None:
    world, registry = await measured()
    browser = world.client()
    for path in ("/sign-in", "/sign-in", "/inbox", "/nowhere/at/all"):
        await browser.get(path)
    assert figures(registry, "GET", "/sign-in", "2xx") == (2, 2)
    assert figures(registry, "GET", "/inbox", "3xx") == (1, 1)
    assert figures(registry, "GET", "-", "4xx") == (1, 1)
    await world.close()


async def test_no_id_and_no_signed_link_stands_in_a_figure() -> None:
    world, registry = await measured()
    rfi = await asked(world, 1)
    path = world.customer_path(rfi)
    await world.client().get(path)
    told = generate_latest(registry).decode()
    assert 'route="/requests/{signed}"' in told
    assert rfi.id not in told
    assert path not in told
    await world.close()


def test_a_method_that_nobody_knows_makes_no_figure_of_its_own() -> None:
    registry = CollectorRegistry()
    metrics = PortalMetrics(registry)
    for method in ("BREW", "WHEN", "get"):
        metrics.answered(method, "-", 405, 0.001)
    assert figures(registry, "other", "-", "4xx") == (3, 3)
