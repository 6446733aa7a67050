"""Where does a process spend its time? `python -m bench.profiled FILE MODULE ARGS…` runs a module under cProfile.

Every thread is measured (the MongoDB driver works in threads) in CPU time, so that waiting does not count; when the
process ends, the top of the account is printed to FILE.
"""

from __future__ import annotations

import cProfile
import pstats
import runpy
import sys
import threading
from contextlib import suppress
from pathlib import Path
from time import thread_time
from typing import Any

_profiles: list[cProfile.Profile] = []


def _begin(*_: Any) -> None:
    """Called at the first event of a new thread: measure this one from here on."""
    profile = cProfile.Profile(thread_time)
    _profiles.append(profile)
    with suppress(ValueError):
        profile.enable()


def main() -> None:
    """Run the module, then write the account."""
    target, module, *words = sys.argv[1:]
    sys.argv = [module, *words]
    threading.setprofile(_begin)
    _begin()
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        threading.setprofile(None)
        for profile in _profiles:
            profile.disable()
        _write(Path(target))


def _write(target: Path) -> None:
    with target.open("w") as out:
        for order in ("tottime", "cumtime"):
            stats = pstats.Stats(_profiles[0], stream=out)
            for profile in _profiles[1:]:
                with suppress(TypeError):  # A thread that called nothing has no account.
                    stats.add(profile)
            stats.sort_stats(order).print_stats(45)


if __name__ == "__main__":
    main()
