"""A fault strikes where it was ordered, once; and without a folder there is nothing to strike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from services.adapters.fault_points import FaultPoints, OrderedFailure
from services.adapters.memory.refusals import MemoryRefusals
from services.adapters.memory.rfis import MemoryRfis
from services.adapters.settings import Settings
from services.bootstrap import fault_points
from services.core.errors import Misconfigured
from services.core.ports import Failure, Record
from tests.builders import START, make_rfi


def order(folder: Path, name: str) -> None:
    (folder / name).write_text("fail")


async def test_a_write_fails_before_its_effect_or_after_it_once(tmp_path: Path) -> None:
    rfis = MemoryRfis()
    port = FaultPoints(tmp_path, "intake").port("rfis", rfis)
    order(tmp_path, "intake.rfis.add.before")
    with pytest.raises(OrderedFailure):
        await port.add([make_rfi()])
    assert rfis.stored == {}
    order(tmp_path, "intake.rfis.add.after")
    with pytest.raises(OrderedFailure):
        await port.add([make_rfi()])
    assert list(rfis.stored) == [make_rfi().id]
    assert await port.add([make_rfi()]) == {make_rfi().id: make_rfi()}


async def test_another_process_and_another_write_are_left_alone(tmp_path: Path) -> None:
    port = FaultPoints(tmp_path, "router").port("rfis", MemoryRfis())
    order(tmp_path, "intake.rfis.add.before")
    order(tmp_path, "router.rfis.save.before")
    assert await port.add([make_rfi()]) == {}
    assert await port.load([make_rfi().id]) == {make_rfi().id: make_rfi()}


async def test_what_was_passed_is_noted(tmp_path: Path) -> None:
    await FaultPoints(tmp_path, "intake").port("refusals", MemoryRefusals()).put([])
    assert {path.name for path in (tmp_path / "passed").iterdir()} == {
        "intake.beside.refusals.put.before",
        "intake.beside.refusals.put.after",
    }


async def test_a_write_of_one_consumer_is_told_from_the_same_of_another(tmp_path: Path) -> None:
    points, rfis = FaultPoints(tmp_path, "router"), MemoryRfis()
    port = points.port("rfis", rfis)

    async def handler(_records: Sequence[Record]) -> Sequence[Failure]:
        await port.add([make_rfi()])
        return []

    order(tmp_path, "router.next-best.rfis.add.before")
    await port.add([make_rfi()])
    await points.handler("routing", handler)([])
    with pytest.raises(OrderedFailure):
        await points.handler("next-best", handler)([])
    order(tmp_path, "router.beside.rfis.add.after")
    await points.handler("next-best", handler)([])
    with pytest.raises(OrderedFailure):
        await port.add([make_rfi()])
    assert {f"router.{who}.rfis.add.before" for who in ("beside", "routing", "next-best")} <= {
        path.name for path in (tmp_path / "passed").iterdir()
    }


async def test_a_handler_fails_around_its_batch_or_for_one_key(tmp_path: Path) -> None:
    seen: list[bytes | None] = []

    async def handler(records: Sequence[Record]) -> Sequence[Failure]:
        seen.extend(record.key for record in records)
        return []

    def record(key: bytes) -> Record:
        return Record(topic="t", partition=0, offset=0, timestamp=START, key=key, value=b"")

    handle = FaultPoints(tmp_path, "router").handler("group", handler)
    order(tmp_path, "router.group.after")
    with pytest.raises(OrderedFailure):
        await handle([record(b"a")])
    assert seen == [b"a"]
    (tmp_path / "router.group.reject").write_bytes(b"bad")
    for _ in range(2):
        with pytest.raises(OrderedFailure):
            await handle([record(b"good"), record(b"bad")])
    assert await handle([record(b"good")]) == []
    assert seen == [b"a", b"good"]


def made(**values: Any) -> Settings:
    return Settings(mongo=SecretStr("mongodb://127.0.0.1/"), **values)


def test_without_a_folder_there_are_no_points(tmp_path: Path) -> None:
    assert fault_points(made(), "intake") is None
    assert fault_points(made(sandbox=True, fault_points=tmp_path), "intake") is not None


def test_production_refuses_ordered_faults(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="REFERRALS_FAULT_POINTS"):
        fault_points(made(fault_points=tmp_path), "intake")
