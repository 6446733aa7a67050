"""What the fault tests share: one site for all of them, and a trial for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bundled import need_bundled
from tests.faults.plugin import RESULTS
from tests.faults.site import Site, running_site
from tests.faults.trial import Trial

SITE = pytest.StashKey[Site]()


def is_long(config: pytest.Config) -> bool:
    """Whether this is `make faults`."""
    return bool(config.getoption("--long", default=False))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """All of them share a site, so one worker runs them; the long forms take their time."""
    for item in items:
        if "tests/faults/" in item.path.as_posix():
            item.add_marker(pytest.mark.xdist_group("faults"))
            item.add_marker(pytest.mark.timeout(1800 if is_long(config) else 300))


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running exchange with a single mongod, everything behind proxies; each test leaves it healed."""
    root = tmp_path_factory.mktemp("faults")
    need_bundled(root)
    with running_site(root) as made:
        request.config.stash[SITE] = made
        yield made


@pytest.fixture
def trial(site: Site, request: pytest.FixtureRequest) -> Iterator[Trial]:
    """A fault to be tried on the site."""
    results = request.config.stash.get(RESULTS, [])
    seed = int(request.config.getoption("--seed", default=1))
    yield Trial(site, is_long(request.config), seed, results)
    site.heal()


@pytest.fixture(scope="module", autouse=True)
def audited(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each file of faults the product's own audit must find nothing."""
    yield
    running = request.config.stash.get(SITE, None)
    if running is not None:
        report = running.audit()
        assert report.clean, report.findings[:5]
