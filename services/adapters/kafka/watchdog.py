"""What ends a process that cannot stop by itself?"""

from __future__ import annotations

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hard_exit_after(limit_s: float) -> Iterator[None]:
    """End the process with status 1, and every thread's stack on stderr, if the block takes longer than `limit_s`.

    It works from a thread of the interpreter, so neither a blocked event loop nor a task that ignores its
    cancellation can hinder it. Nothing is lost by it: what is not committed comes again.
    """
    faulthandler.dump_traceback_later(limit_s, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
