"""How are caught mails kept, so that writing is quick, nothing accepted is lost, and a person can read them?

Two append-only files: `mails.mbox`, which mail programs open, and `index.jsonl` with one line per mail, which says
where in it the mail lies. A mail counts once its line is there; a line cut by a crash is removed at the next start.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.header import decode_header, make_header
from pathlib import Path
from typing import IO

import orjson

_SEPARATOR = b"From catcher@localhost Thu Jan  1 00:00:00 1970\r\n"
_END = b"\r\n"
_WANTED = re.compile(
    rb"^(message-id|subject|x-referral-kind|x-referral-job|content-language):[ \t]*([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """A mail as it came over SMTP: envelope, bytes, and when (ISO 8601, UTC)."""

    sender: str
    rcpt: tuple[str, ...]
    content: bytes
    received_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailEntry:
    """What the index says of one mail; texts are empty where the mail has no such header."""

    id: int
    message_id: str
    sender: str
    rcpt: tuple[str, ...]
    subject: str
    kind: str
    language: str
    job: str
    received_at: str
    file: str
    offset: int
    length: int


class SpoolWriter:
    """Appends mails; one writer per folder at a time.

    Raises:
        OSError: another catcher writes this folder, or the disk is full.
    """

    def __init__(self, folder: Path, *, fsync: bool = False) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._fsync = fsync
        self._mails = (folder / "mails.mbox").open("ab", buffering=0)
        self._index = (folder / "index.jsonl").open("ab+", buffering=0)
        try:
            fcntl.flock(self._index, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise OSError(f"another mail catcher writes to {folder}") from error
        self._offset = self._mails.seek(0, os.SEEK_END)
        self._next_id = _cut_torn_line(self._index)

    def append(self, mails: Sequence[Caught]) -> None:
        """Write the mails and then their index lines; when this returns they outlive the process.

        With `fsync` they also outlive the machine.
        """
        parts: list[bytes] = []
        lines: list[bytes] = []
        for number, mail in enumerate(mails, self._next_id):
            start = self._offset + len(_SEPARATOR)
            parts += (_SEPARATOR, mail.content, _END)
            lines.append(_index_line(number, mail, start))
            self._offset = start + len(mail.content) + len(_END)
        _write_all(self._mails, b"".join(parts), sync=self._fsync)
        _write_all(self._index, b"".join(lines), sync=self._fsync)
        self._next_id += len(mails)

    def close(self) -> None:
        """Close the files and let the next writer in."""
        self._mails.close()
        self._index.close()


def _write_all(file: IO[bytes], data: bytes, *, sync: bool) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    if sync:
        os.fdatasync(file.fileno())


def _cut_torn_line(index: IO[bytes]) -> int:
    """Remove a last line without its end; the number of whole lines."""
    index.seek(0)
    content = index.read()
    whole = content.rfind(b"\n") + 1
    if whole != len(content):
        index.truncate(whole)
    return content.count(b"\n")


def _index_line(number: int, mail: Caught, offset: int) -> bytes:
    end_of_headers = mail.content.find(b"\r\n\r\n")
    headers = mail.content[:end_of_headers] if end_of_headers >= 0 else mail.content
    found = {name.lower(): value for name, value in reversed(_WANTED.findall(headers))}

    def text(name: bytes) -> str:
        return str(found.get(name, b""), "utf-8", "replace").replace("\r\n", "").strip()

    return orjson.dumps(
        {
            "id": number,
            "message_id": text(b"message-id"),
            "sender": mail.sender,
            "rcpt": mail.rcpt,
            "subject": text(b"subject"),
            "kind": text(b"x-referral-kind"),
            "language": text(b"content-language"),
            "job": text(b"x-referral-job"),
            "received_at": mail.received_at,
            "file": "mails.mbox",
            "offset": offset,
            "length": len(mail.content),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


class MailSpool:
    """Reads what a catcher keeps in a folder, also while it writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._counted_bytes = 0
        self._counted = 0

    def count(self) -> int:
        """How many mails there are; reads only what came since the last call."""
        try:
            with (self.path / "index.jsonl").open("rb") as index:
                index.seek(self._counted_bytes)
                new = index.read()
        except FileNotFoundError:
            return 0
        whole = new.rfind(b"\n") + 1
        self._counted_bytes += whole
        self._counted += new.count(b"\n")
        return self._counted

    def entries(self, start: int = 0) -> Iterator[MailEntry]:
        """The mails in the order of their coming, from the `start`-th on."""
        try:
            index = (self.path / "index.jsonl").open("rb")
        except FileNotFoundError:
            return
        with index:
            for number, line in enumerate(index):
                if not line.endswith(b"\n"):
                    return  # Being written.
                if number >= start:
                    yield _entry(line)

    def read(self, entry: MailEntry) -> bytes:
        """The mail's bytes as they were sent: the content of an .eml file."""
        with (self.path / entry.file).open("rb") as mails:
            mails.seek(entry.offset)
            return mails.read(entry.length)

    def export(self, entry: MailEntry, folder: Path) -> Path:
        """Write the mail as an .eml file into `folder` and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{entry.id:06d}-{re.sub('[^a-z0-9_-]+', '-', entry.kind.lower()) or 'mail'}.eml"
        path.write_bytes(self.read(entry))
        return path


def _entry(line: bytes) -> MailEntry:
    fields = json.loads(line)
    fields["rcpt"] = tuple(fields["rcpt"])
    if "=?" in fields["subject"]:
        fields["subject"] = str(make_header(decode_header(fields["subject"])))
    return MailEntry(**fields)
