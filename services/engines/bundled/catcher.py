"""How do mails get caught on this machine, as a process of its own?

`python -m services.engines.bundled.catcher PORT FOLDER` listens on loopback and keeps every mail in FOLDER.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.engines.bundled.faults import Faults
from services.engines.bundled.smtp import Keeper, SmtpConversation
from services.engines.bundled.spool import SpoolWriter
from services.engines.locations import LOOPBACK


@asynccontextmanager
async def catching(port: int, folder: Path, *, fsync: bool = False) -> AsyncIterator[int]:
    """A mail catcher in this process; gives the port (a free one when `port` is 0)."""
    spool = SpoolWriter(folder, fsync=fsync)
    keeper, faults = Keeper(spool), Faults(folder)
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(lambda: SmtpConversation(keeper, faults), LOOPBACK, port, backlog=512)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
    finally:
        spool.close()


async def _serve(port: int, folder: Path) -> None:
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, done.set)
    async with catching(port, folder):
        await done.wait()


def main(arguments: list[str]) -> None:
    """Catch until told to stop."""
    with contextlib.suppress(ImportError):
        import uvloop  # Twice as quick where it runs.

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_serve(int(arguments[0]), Path(arguments[1])))


if __name__ == "__main__":
    main(sys.argv[1:])
