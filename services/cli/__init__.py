"""The command line: `referrals`. Each file is a group of commands; what they do lies in the rooms and adapters."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; errors that we foresaw are told in words, without a traceback."""
    if sys.argv[1:2] == ["run"]:
        from services.cli.running import alone as run
    else:
        from services.cli.app import run

    run()
