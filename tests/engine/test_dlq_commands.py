"""Does an operator see how far a long work on dead letters has come? On a real database, in a terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.stores import stores_of
from services.core.aside import Letters
from tests.contract.dead_letter_suite import make_letter

#: More than are closed at a time, so that the work has a middle.
LETTERS = 1200


def in_a_terminal(words: list[str], environment: dict[str, str]) -> str:
    """What a command shows to somebody who looks at it."""
    ours, its = pty.openpty()
    command = [sys.executable, "-m", "services.cli", *words]
    told = bytearray()
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env={**os.environ, **environment}) as process:
        os.close(its)
        try:
            while some := os.read(ours, 65536):
                told += some
        except OSError:
            # What Linux says when the other end is closed.
            process.wait()
    os.close(ours)
    assert process.returncode == 0, told
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", told.decode())


def test_dropping_many_shows_how_far_it_is_and_says_at_the_end_how_many(
    mongo_server: str, mongo_database: str, tmp_path: Path
) -> None:
    async def put() -> None:
        with Mongo(mongo_server, mongo_database) as mongo:
            await stores_of(mongo).dead_letters.put([make_letter(n) for n in range(LETTERS)])

    async def left() -> int:
        with Mongo(mongo_server, mongo_database) as mongo:
            return len(await stores_of(mongo).aside.letters(Letters(), LETTERS))

    asyncio.run(put())
    told = in_a_terminal(
        ["dlq", "drop", "--all", "--why", "a test"],
        {
            "REFERRALS_MONGO": mongo_server,
            "REFERRALS_MONGO_DATABASE": mongo_database,
            "REFERRALS_HOME": str(tmp_path),
            "TERM": "xterm",
        },
    )
    assert re.search(rf"Dropping .*\b\d+/{LETTERS}\b", told), told
    assert f"{LETTERS} dropped." in told
    assert asyncio.run(left()) == 0
