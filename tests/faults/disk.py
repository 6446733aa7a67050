"""A disk that is full: a small file system under an engine where that may be mounted, else a limit per file."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pymongo
from pymongo.errors import PyMongoError

from services.engines.locations import LOOPBACK
from tests.faults.site import Site

_MIB = 1024 * 1024


class Disk:
    """What an engine writes to. `fill` takes its room away, `empty` gives it back."""

    def __init__(self, site: Site, engine: str, folder: Path, *, mounted: bool) -> None:
        self._site, self._name, self._folder, self.mounted = site, engine, folder, mounted

    @property
    def kind(self) -> str:
        """What stands for the full disk, in words."""
        return "a full tmpfs" if self.mounted else "a limit of its files"

    def fill(self) -> None:
        """No more room. MongoDB's journals are allocated ahead, so its next checkpoint finds out; it is asked for."""
        if self.mounted:
            with (self._folder / "filler").open("wb", buffering=0) as filler, suppress(OSError):
                while True:
                    filler.write(b"\0" * _MIB)
        else:
            pid = self._site.engines[self._name].pid
            assert pid is not None
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
        if self._name == "mongo":
            self._checkpoint()

    def leave_free(self, share: float) -> None:
        """Only this share of a mounted disk is free."""
        room = os.statvfs(self._folder)
        with (self._folder / "filler").open("wb", buffering=0) as filler:
            for _ in range(int((room.f_bavail - share * room.f_blocks) * room.f_frsize / _MIB)):
                filler.write(b"\0" * _MIB)

    def enlarge(self) -> None:
        """A mounted disk gets twice the room."""
        room = os.statvfs(self._folder)
        assert _run("mount", "-o", f"remount,size={2 * room.f_blocks * room.f_frsize}", str(self._folder))

    def _checkpoint(self) -> None:
        port = self._site.mongo_ports[0]
        with (
            suppress(PyMongoError),
            pymongo.MongoClient[dict[str, object]](LOOPBACK, port, directConnection=True, timeoutMS=5000) as client,
        ):
            client.admin.command("fsync")

    def empty(self) -> None:
        """Room again, and an engine that uses it: one that could not write has ended by itself, or is ended now."""
        engine = self._site.engines[self._name]
        engine.kill()
        (self._folder / "filler").unlink(missing_ok=True)
        engine.start()


@contextmanager
def small_disk(site: Site, name: str = "mongo") -> Iterator[Disk]:
    """Give an engine a small disk for as long as the block lasts; its data goes there and back."""
    engine, folder = site.engines[name], site.home.kafka if name == "kafka" else site.home.mongo(1)
    engine.stop()
    used = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    aside = folder.with_name("aside")
    folder.rename(aside)
    folder.mkdir()
    mounted = _mount(folder, used + 64 * _MIB)
    shutil.copytree(aside, folder, dirs_exist_ok=True)
    engine.start()
    try:
        yield Disk(site, name, folder, mounted=mounted)
    finally:
        engine.stop()
        shutil.rmtree(aside)
        shutil.copytree(folder, aside)
        if mounted:
            _run("umount", str(folder))
        shutil.rmtree(folder)
        aside.rename(folder)
        engine.start()


def _mount(folder: Path, size: int) -> bool:
    return os.geteuid() == 0 and _run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))


def _run(*command: str) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
