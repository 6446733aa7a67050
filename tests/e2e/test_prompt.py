"""Is a command at the tests' prompt what it is for a person: its own environment, exit code, output?"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.prompt import run_command

WIDE = {**os.environ, "COLUMNS": "400", "TERM": "dumb"}


def test_a_command_has_the_environment_that_it_is_given_and_tells_how_it_ended(tmp_path: Path) -> None:
    for name, code in (("one", 1), ("two", 1)):
        home = tmp_path / name
        ended, out, err = run_command(["status"], {**WIDE, "REFERRALS_HOME": str(home)}, 60)
        # The path is folded to the width of its table.
        assert (ended, str(home) in "".join(out.split()), err) == (code, True, "")
    ended, out, err = run_command(["no-such-command"], WIDE, 60)
    assert (ended, out) == (2, "")
    assert "no-such-command" in err
    assert run_command(["--help"], WIDE, 60)[0] == 0


def test_a_command_that_takes_too_long_is_ended_and_the_next_one_runs(tmp_path: Path) -> None:
    environment = {**WIDE, "REFERRALS_HOME": str(tmp_path)}
    log = tmp_path / "logs/router.log"
    log.parent.mkdir()
    log.touch()
    with pytest.raises(subprocess.TimeoutExpired):
        run_command(["logs", "-f"], environment, 3)
    assert run_command(["--help"], WIDE, 60)[0] == 0
