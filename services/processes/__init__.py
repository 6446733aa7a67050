"""Which processes are there, and how is one run? Each file here puts one together from the world and a room.

A process imports its own file alone: the rooms of all of them take seconds to import.
"""

from __future__ import annotations

import gc
from importlib import import_module
from typing import cast

from services.adapters.settings import Settings
from services.running import Assemble, run

#: Names of the processes, in the order in which they are started.
PROCESSES = ("intake", "router", "notifier", "expirer", "statistics", "webhooks", "portal")


def assembly_of(process: str) -> Assemble:
    """What puts a process together."""
    # As in `services.cli`: what is loaded is no garbage.
    gc.disable()
    try:
        return cast("Assemble", import_module(f"services.processes.{process}").assemble)
    finally:
        gc.freeze()
        gc.enable()


async def run_process(process: str, settings: Settings) -> int:
    """Run one of PROCESSES until it is told to stop; returns the exit code."""
    return await run(process, assembly_of(process), settings)
