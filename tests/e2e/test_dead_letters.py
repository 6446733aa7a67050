"""What can an operator do with a record that a consumer could not use?"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from schemas.topics import Group, Topic
from services.bootstrap import World
from services.core.ports import Outgoing
from tests.e2e.exchange import Exchange, eventually, running_exchange

LETTER = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    with running_exchange(tmp_path_factory.mktemp("letters"), partners=False) as running:
        yield running


def letters(exchange: Exchange) -> list[str]:
    """Ids of the open dead letters, newest first."""
    return LETTER.findall(exchange.cli("dlq", "list", "--group", Group.ROUTER))


def test_a_dead_letter_is_listed_shown_replayed_to_its_group_and_dropped(exchange: Exchange) -> None:
    async def send(world: World) -> None:
        await world.publisher.publish([Outgoing(topic=Topic.RFI_ACCEPTED, key="k", value=b"no event at all")])

    exchange.run(send)
    eventually(lambda: len(letters(exchange)) == 1, "the record is a dead letter")
    first = letters(exchange)[0]
    assert "rfi.accepted/" in exchange.cli("dlq", "show", first)
    assert "no event at all" in exchange.cli("dlq", "show", first, "--original")

    # Nothing was mended, so the group puts it aside again, as another record.
    exchange.cli("dlq", "replay", first)
    eventually(lambda: len(letters(exchange)) == 1 and letters(exchange) != [first], "the group had it again")
    second = letters(exchange)[0]
    exchange.cli("dlq", "drop", second, "--why", "a test record")
    assert letters(exchange) == []
    assert "there is no dead letter" in exchange.cli("dlq", "replay", "nonsense", code=1)
