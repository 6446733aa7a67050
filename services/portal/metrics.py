"""What is counted about requests to the portal? By route, never by path: paths hold ids and signed links."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

#: Bounds of the histogram, seconds: pages are meant to take less than the second, imports may take the last.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
#: Methods that have a name of their own in the figures; anybody may send any word.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: The route of what leads nowhere.
NO_ROUTE = "-"


class PortalMetrics:
    """Requests, how long they took, and those for what is another's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "referrals_http_requests_total",
            "Requests answered by the portal, by method, route template and class of the status (2xx to 5xx).",
            ["method", "route", "status"],
            registry=registry,
        )
        self.seconds = Histogram(
            "referrals_http_request_seconds",
            "How long requests to the portal took until the last byte was handed over, by method and route template.",
            ["method", "route"],
            buckets=BUCKETS,
            registry=registry,
        )

        self.foreign_ids = Counter(
            "referrals_foreign_ids_refused_total",
            "Ids of other partners' things that somebody asked for and was told that there is none, by kind of thing.",
            ["thing"],
            registry=registry,
        )

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        named = method if method in _METHODS else "other"
        self.requests.labels(named, route, f"{status // 100}xx").inc()
        self.seconds.labels(named, route).observe(seconds)
