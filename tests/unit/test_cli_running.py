"""A process is started without the other commands, which take longer to import than what it consists of."""

from __future__ import annotations

import subprocess
import sys

ALONE = """
import sys
from services.cli import main
sys.argv = ["referrals", "run", "nothing"]
try:
    main()
except SystemExit as end:
    print("ended with", end.code, "other commands", "services.cli.app" in sys.modules)
"""


def test_a_process_that_does_not_exist_is_an_error_that_names_those_that_do() -> None:
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=120, check=True)
    assert "ended with 2 other commands False" in done.stdout
    assert "intake, router, notifier" in done.stderr
