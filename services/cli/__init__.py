"""The command line: `referrals`. Each file is a group of commands; what they do lies in the rooms and adapters."""

from __future__ import annotations


def main() -> None:
    """Run the command line; errors that we foresaw are told in words, without a traceback."""
    from services.cli.app import run

    run()
