"""A command line that is ready at once: a process that has loaded `referrals`, and forks for each command.

A command is a process of its own with its own environment, as for a person; what is spared is a second of loading for
each of the hundreds that tests run. Run as a program this is that process.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parent.parent.parent


class Prompt:
    """The process in front of which commands are typed; started with the environment that consoles are made from."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.prompt"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )

    def run(self, arguments: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a command.

        Raises:
            TimeoutExpired: it takes longer; it is killed, and everything that it started in its group.
        """
        asked, told = self._process.stdin, self._process.stdout
        assert asked is not None
        assert told is not None
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            wish = {"arguments": arguments, "environment": dict(environment), "out": str(out), "err": str(err)}
            asked.write(json.dumps(wish).encode() + b"\n")
            asked.flush()
            if not select.select([told], [], [], timeout_s)[0]:
                self.end()
                raise subprocess.TimeoutExpired(["referrals", *arguments], timeout_s)
            code = told.readline()
            assert code, "the prompt ended"
            return int(code), out.read_text("utf-8"), err.read_text("utf-8")

    def end(self) -> None:
        """Kill it, with a command that is under way."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    @property
    def ended(self) -> bool:
        """Whether it is of no more use."""
        return self._process.poll() is not None


@functools.cache
def _prompts() -> list[Prompt]:
    kept: list[Prompt] = []

    def end() -> None:
        for prompt in kept:
            prompt.end()

    atexit.register(end)
    return kept


def run_command(arguments: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> tuple[int, str, str]:
    """Run `referrals …`; exit code, standard output and standard error.

    Raises:
        TimeoutExpired: it takes longer.
    """
    kept = _prompts()
    if not kept or kept[-1].ended:
        kept.append(Prompt(environment))
    return kept[-1].run(arguments, environment, timeout_s)


def _serve() -> None:
    """Fork for each command that is asked for, and tell how it ended."""
    import services.cli.app  # noqa: F401 - loaded here, so that no command has to

    for line in sys.stdin.buffer:
        child = os.fork()
        if not child:
            _become(**json.loads(line))
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


def _become(arguments: Sequence[str], environment: Mapping[str, str], out: str, err: str) -> NoReturn:
    """Be the command, to its end."""
    code: object = 1
    try:
        for path, number in ((os.devnull, 0), (out, 1), (err, 2)):
            os.dup2(os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT, 0o600), number)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["referrals", *arguments]
        from services.cli import main

        main()
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as the interpreter would
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    _serve()
