"""What can still be read of records that the Kafka client cannot decode?

One header key that is not UTF-8, a batch whose checksum is wrong or whose codec is unknown: aiokafka raises for each
poll of that partition, for ever, and does not say for which offset. Here the raw bytes of a fetch are read with
patience: what is sound comes out as usual, what is not comes out as `Unreadable` with as many of its bytes as can be had.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from aiokafka import ConsumerRecord
from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode
from aiokafka.record.util import calc_crc32c, decode_varint

_HEADER = struct.Struct(">qiibIhiqqqhii")
_LENGTH = struct.Struct(">qi")
_CRC_FROM = 21
#: The checksum covers everything from the attributes on.
_CONTROL = 0x20
_CODECS: dict[int, Callable[[bytes], bytes]] = {1: gzip_decode, 2: snappy_decode, 3: lz4_decode, 4: zstd_decode}

#: A batch that claims to span more offsets than this has a broken header.
_WIDEST = 1_000_000


@dataclass
class Unreadable(ConsumerRecord):  # type: ignore[misc]  # aiokafka is not typed
    """A record that cannot be decoded, with what could be had of it."""

    reason: str = ""


def salvage(topic: str, partition: int, raw: bytes, position: int) -> list[Any]:
    """Every record of `raw` (the bytes of one fetched partition) from offset `position` on, sound or not."""
    found: list[Any] = []
    for batch in _batches(raw):
        found.extend(r for r in _records(topic, partition, batch, position) if r.offset >= position)
    return found


def _batches(raw: bytes) -> Iterator[bytes]:
    start = 0
    while start + _LENGTH.size <= len(raw):
        _, length = _LENGTH.unpack_from(raw, start)
        end = start + _LENGTH.size + length
        if length < _HEADER.size - _LENGTH.size or end > len(raw):
            return  # The last batch of a fetch may be cut off.
        yield raw[start:end]
        start = end


def _records(topic: str, partition: int, batch: bytes, position: int) -> Iterator[Any]:
    base, _, _, magic, crc, attributes, last_delta, first_ms, _, _, _, _, count = _HEADER.unpack_from(batch)
    if attributes & _CONTROL and magic == 2:
        return
    last = base + min(max(last_delta, 0), _WIDEST)
    reason = None
    if magic != 2:
        reason = f"message format {magic} is too old"
    elif crc != calc_crc32c(batch[_CRC_FROM:]):
        reason = "the checksum is wrong"
    seen = base - 1
    try:
        body = _unpacked(batch[_HEADER.size :], attributes & 0x07)
        cursor = 0
        for _ in range(count):
            record, cursor = _record(topic, partition, body, cursor, base, first_ms, reason)
            seen = record.offset
            yield record
    except (ValueError, IndexError, RuntimeError, OverflowError) as error:
        reason = reason or f"{type(error).__name__} while decoding"
    if reason is None:
        return
    # What the broken batch still claims to hold: an offset each, so that none is passed over in silence.
    for offset in range(max(seen + 1, position), last + 1):
        yield Unreadable(topic, partition, offset, first_ms, 0, None, None, None, -1, -1, (), reason)


def _unpacked(body: bytes, codec: int) -> bytes:
    if codec == 0:
        return body
    if codec not in _CODECS:
        raise ValueError(f"codec {codec}")
    try:
        return bytes(_CODECS[codec](body))
    except Exception as error:
        # Each codec has its own errors, and compiled ones among them that share no base class.
        raise ValueError(f"codec {codec} failed") from error


def _record(
    topic: str, partition: int, body: bytes, cursor: int, base: int, first_ms: int, reason: str | None
) -> tuple[Any, int]:
    length, cursor = decode_varint(body, cursor)
    end = cursor + length
    if length < 0 or end > len(body):
        raise ValueError("a record is longer than its batch")
    cursor += 1  # Attributes; unused.
    ms, cursor = decode_varint(body, cursor)
    delta, cursor = decode_varint(body, cursor)
    key, cursor = _blob(body, cursor)
    value, cursor = _blob(body, cursor)
    headers, sound = _headers(body, cursor)
    place = (topic, partition, base + delta, first_ms + ms, 0, key, value, None, len(key or b""), len(value or b""))
    if reason is None and not sound:
        reason = "a header's key is not UTF-8"
    return (ConsumerRecord(*place, headers) if reason is None else Unreadable(*place, headers, reason)), end


def _blob(body: bytes, cursor: int) -> tuple[bytes | None, int]:
    length, cursor = decode_varint(body, cursor)
    if length < 0:
        return None, cursor
    if cursor + length > len(body):
        raise ValueError("a field is longer than its record")
    return bytes(body[cursor : cursor + length]), cursor + length


def _headers(body: bytes, cursor: int) -> tuple[tuple[tuple[str, bytes | None], ...], bool]:
    count, cursor = decode_varint(body, cursor)
    headers: list[tuple[str, bytes | None]] = []
    sound = True
    for _ in range(count):
        name, cursor = _blob(body, cursor)
        value, cursor = _blob(body, cursor)
        text = (name or b"").decode("utf-8", "backslashreplace")
        sound = sound and text.encode() == name
        headers.append((text, value))
    return tuple(headers), sound
