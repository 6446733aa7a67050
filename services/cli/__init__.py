"""The command line: `referrals`. Each file is a group of commands; what they do lies in the rooms and adapters."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Run the command line; errors that we foresaw are told in words, without a traceback."""
    # What is loaded stays for good: to look for garbage in it meanwhile is a seventh of the time of a start.
    gc.disable()
    if sys.argv[1:2] == ["run"]:
        import services.processes  # noqa: F401 - the command loads it anyhow
        from services.cli.running import alone as run
    else:
        from services.cli.app import run
    gc.freeze()
    gc.enable()

    run()
