"""What the fault tests share: one site for all of them, and a trial for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.bundled import need_bundled
from tests.faults.plugin import RESULTS
from tests.faults.running import TIMING, running_site
from tests.faults.site import Site
from tests.faults.trial import Trial

SITE = pytest.StashKey[Site]()


def is_long(config: pytest.Config) -> bool:
    """Whether this is `make faults`."""
    return bool(config.getoption("--long", default=False))


def only_long(item: pytest.Item) -> bool:
    """Whether the fault is tried in the long form alone."""
    return any(mark.kwargs.get("long_only") for mark in item.iter_markers("slow"))


#: Tests whose place matters: one lets days pass again and again, and early there is little that grows old with it; one
#: leaves more behind than later tests should have to let grow old; erasures delete what others would read again. The
#: first two take as long as all others together.
PLACES = {
    "test_a_kill_at_every_point_loses_and_doubles_nothing": -1,
    "test_an_erasure_is_carried_out_whatever_dies": 1,
    "test_an_erasure_is_carried_out_when_engines_come_back": 1,
    "test_a_backlog_drains_in_memory_that_does_not_grow_with_it": 2,
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """All of them share a site, so one worker runs them; the long forms take their time."""
    late = [] if is_long(config) else [item for item in items if only_long(item)]
    if late:
        config.hook.pytest_deselected(items=late)
        items[:] = [item for item in items if item not in late]
    ours = [number for number, item in enumerate(items) if "tests/faults/" in item.path.as_posix()]
    in_order = sorted((items[number] for number in ours), key=lambda item: PLACES.get(item.name, 0))
    for number, item in zip(ours, in_order, strict=True):
        items[number] = item
        item.add_marker(pytest.mark.xdist_group("faults"))
        most_s = 7200 if item.name in PLACES else 1800
        item.add_marker(pytest.mark.timeout(most_s if is_long(config) else 300))


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running exchange with a single mongod, everything behind proxies; each test leaves it healed."""
    root = tmp_path_factory.mktemp("faults")
    need_bundled(root)
    # The short form does not wait for what production waits for.
    quick = {} if is_long(request.config) else {"REFERRALS_BATCH_LIMIT_S": "8"}
    timing = TIMING if is_long(request.config) else replace(TIMING, hung_after_s=10.0)
    with running_site(root, settings=quick, timing=timing) as made:
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
        assert not (found := running.audited()), found[:5]
