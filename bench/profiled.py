"""Where does a process spend its CPU? `python -m bench.profiled FILE MODULE ARGS…` runs a module and samples it.

A timer of the kernel's counts the CPU time of all threads and interrupts every few milliseconds of it; what each
working thread does then is noted, imports excepted. Sampling hardly slows the process down, as a tracing profiler would
(fourfold, measured), and does not favour long functions. When the process ends, the account is written to FILE.
"""

from __future__ import annotations

import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType

EVERY_S = 0.004
#: Innermost functions of a thread that only waits.
_WAITING = frozenset({"_worker", "wait", "recv_into", "receive_data", "run_until_complete", "run", "_run", "sleep"})

_own: Counter[str] = Counter()
_with_callees: Counter[str] = Counter()


def _sample(_number: int, frame: FrameType | None) -> None:
    busy = [frame] if frame is not None and frame.f_code.co_name not in _WAITING else []
    # While the event loop waits, whoever else works (the database driver has threads) used the time.
    for other in busy or sys._current_frames().values():  # noqa: SLF001
        if other.f_code.co_name not in _WAITING and other.f_code.co_filename != __file__:
            _note(other)
            return


def _note(frame: FrameType) -> None:
    seen: set[str] = set()
    walker: FrameType | None = frame
    while walker is not None:
        if walker.f_code.co_filename.startswith("<frozen importlib"):
            return  # What a start costs is paid once, and would hide what a record costs.
        seen.add(_place(walker))
        walker = walker.f_back
    _own[_place(frame)] += 1
    _with_callees.update(seen)


def _place(frame: FrameType) -> str:
    code = frame.f_code
    return f"{'/'.join(Path(code.co_filename).parts[-2:])}:{code.co_qualname}"


def main() -> None:
    """Run the module, then write the account."""
    target, module, *words = sys.argv[1:]
    sys.argv = [module, *words]
    signal.signal(signal.SIGPROF, _sample)
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(Path(target))


def _write(target: Path) -> None:
    total = sum(_own.values()) or 1
    with target.open("w") as out:
        for title, counts in (("itself", _own), ("with what it calls", _with_callees)):
            print(f"\nCPU of {total} samples, {title}:", file=out)
            for name, number in counts.most_common(110):
                print(f"{number / total:7.1%}  {name}", file=out)


if __name__ == "__main__":
    main()
