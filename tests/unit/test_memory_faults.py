"""Twins fail when a test wants them to, before their effect or after it."""

from __future__ import annotations

import pytest

from services.adapters.memory.faults import Faults
from services.adapters.memory.rfis import MemoryRfis
from services.adapters.memory.stores import MemoryStores
from services.core.errors import DependencyUnavailable
from tests.builders import make_rfi


async def test_a_failure_has_no_effect_and_an_unknown_outcome_has_one() -> None:
    rfis = MemoryRfis()
    rfis.faults.fail_next(2)
    for _ in range(2):
        with pytest.raises(DependencyUnavailable, match="mongo"):
            await rfis.add([make_rfi(1)])
    assert rfis.stored == {}
    rfis.faults.unknown_outcome()
    with pytest.raises(DependencyUnavailable):
        await rfis.add([make_rfi(1)])
    assert set(rfis.stored) == {make_rfi(1).id}
    assert set(await rfis.add([make_rfi(1)])) == {make_rfi(1).id}


@pytest.mark.parametrize("after", [False, True])
async def test_a_test_can_break_the_database_at_any_call(after: bool) -> None:
    stores = MemoryStores(Faults())
    stores.faults.fail_call(1, OSError("cable cut"), after=after)
    await stores.rfis.add([make_rfi(1)])
    with pytest.raises(OSError, match="cable cut"):
        await stores.referrals.add([])
    await stores.rfis.load([])
    assert stores.faults.calls == ["MemoryRfis.add", "MemoryReferrals.add", "MemoryRfis.load"]


async def test_faults_can_be_called_off() -> None:
    rfis = MemoryRfis()
    rfis.faults.fail_next(3)
    rfis.faults.fail_call(0)
    rfis.faults.clear()
    assert await rfis.add([make_rfi(1)]) == {}
