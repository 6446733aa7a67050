"""What can still be read of records that the Kafka client cannot decode?

One header key that is not UTF-8, a batch whose checksum is wrong or whose codec is unknown: aiokafka raises for each
poll of that partition, for ever, and does not say for which offset. Here the raw bytes of a fetch are read with
patience: what is sound comes out as usual, what is not as `Unreadable` with as many of its bytes as can be had.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from aiokafka import ConsumerRecord
from aiokafka.codec import gzip_decode, lz4_decode, snappy_decode, zstd_decode
from aiokafka.record.util import calc_crc32c

_HEADER = struct.Struct(">qiibIhiqqqhii")
_LENGTH = struct.Struct(">qi")
#: The checksum covers everything from the attributes on.
_CRC_FROM = 21
_MAGIC = 2
_CODEC = 0x07
_CONTROL = 0x20
_CODECS: dict[int, Callable[[bytes], bytes]] = {1: gzip_decode, 2: snappy_decode, 3: lz4_decode, 4: zstd_decode}
#: Unreadable offsets that one fetch may yield; the rest follows with the next one.
_MOST = 10_000
_CONTINUED = 0x80
_LONGEST_VARINT = 63

Raw: TypeAlias = ConsumerRecord[bytes, bytes]


@dataclass
class Unreadable(ConsumerRecord[bytes, bytes]):  # type: ignore[misc, unused-ignore]  # aiokafka is not typed
    """A record that cannot be decoded, with what could be had of it."""

    reason: str = ""


class _Batch(NamedTuple):
    """What a batch's header says that its records need."""

    topic: str
    partition: int
    base: int
    first_ms: int
    fault: str | None


def salvage(partition: tuple[str, int], raw: bytes, position: int) -> list[Raw]:
    """Every record of `raw` (the bytes of one fetched partition) from offset `position` on, sound or not."""
    found: list[Raw] = []
    for batch, next_base in _batches(raw):
        found.extend(r for r in _records(partition, batch, position, next_base) if r.offset >= position)
        if len(found) >= _MOST:
            break
    return found


def _batches(raw: bytes) -> Iterator[tuple[bytes, int | None]]:
    """Each whole batch, and the first offset of the batch behind it if that is known."""
    start = 0
    while start + _LENGTH.size <= len(raw):
        _, length = _LENGTH.unpack_from(raw, start)
        end = start + _LENGTH.size + length
        if length < _HEADER.size - _LENGTH.size or end > len(raw):
            return  # The last batch of a fetch may be cut off.
        next_base = _LENGTH.unpack_from(raw, end)[0] if end + _LENGTH.size <= len(raw) else None
        yield raw[start:end], next_base
        start = end


def _records(place: tuple[str, int], raw: bytes, position: int, next_base: int | None) -> Iterator[Raw]:
    base, _, _, magic, crc, attributes, last_delta, first_ms, _, _, _, _, count = _HEADER.unpack_from(raw)
    fault = _fault(magic, crc, raw) or ("the header is wrong" if min(last_delta, count) < 0 else None)
    if fault is None and attributes & _CONTROL:
        return
    # One offset too many would be a loss, one too few comes again; a wrong checksum makes the header a rumour.
    claimed = base + last_delta if fault is None else next_base or max(base, position)
    last = claimed if next_base is None else min(claimed, next_base - 1)
    batch = _Batch(*place, base, first_ms, fault)
    seen, broken = base - 1, fault
    try:
        body, cursor = _unpacked(raw[_HEADER.size :], attributes & _CODEC), 0
        for _ in range(count):
            record, cursor = _record(batch, body, cursor)
            seen = _in_order(seen, record.offset, last, gaps=fault is None)
            yield record
        _at_end(body, cursor)
    except (ValueError, IndexError) as error:
        broken = broken or f"{error} while decoding"
    if broken is not None:
        # What the broken batch still claims to hold: an offset each, so that none is passed over in silence.
        start, end = max(seen + 1, position), last + 1 if next_base is None else next_base
        for offset in range(start, min(end, start + _MOST)):
            yield Unreadable(*place, offset, first_ms, 0, None, None, None, -1, -1, (), broken)


def _in_order(seen: int, offset: int, last: int, *, gaps: bool) -> int:
    """The offset, if it follows `seen`; only a sound batch may have gaps (compaction leaves them)."""
    if not seen < offset <= last or (offset > seen + 1 and not gaps):
        raise ValueError("offsets out of order")
    return offset


def _at_end(body: bytes, cursor: int) -> None:
    if cursor != len(body):
        raise ValueError("more bytes than records")


def _fault(magic: int, crc: int, raw: bytes) -> str | None:
    if magic != _MAGIC:
        return f"message format {magic} is not supported"
    if crc != calc_crc32c(raw[_CRC_FROM:]):
        return "the checksum is wrong"
    return None


def _unpacked(body: bytes, codec: int) -> bytes:
    if codec == 0:
        return body
    if codec not in _CODECS:
        raise ValueError(f"unknown codec {codec}")
    try:
        return bytes(_CODECS[codec](body))
    except Exception as error:
        # Each codec has its own errors, and compiled ones among them that share no base class.
        raise ValueError(f"codec {codec} failed") from error


def _record(batch: _Batch, body: bytes, cursor: int) -> tuple[Raw, int]:
    length, cursor = _varint(body, cursor)
    end = cursor + length
    if length < 0 or end > len(body):
        raise ValueError("a record is longer than its batch")
    ms, cursor = _varint(body, cursor + 1)  # One byte of attributes, unused.
    delta, cursor = _varint(body, cursor)
    key, cursor = _blob(body, cursor)
    value, cursor = _blob(body, cursor)
    headers, sound, cursor = _headers(body, cursor)
    if cursor != end:
        raise ValueError("a record is not as long as it says")
    place = (batch.topic, batch.partition, batch.base + delta, batch.first_ms + ms, 0)
    sizes = (None, len(key or b""), len(value or b""))  # The first is a checksum, no longer used.
    if fault := batch.fault or (None if sound else "a header's key is not UTF-8"):
        return Unreadable(*place, key, value, *sizes, headers, fault), end
    return ConsumerRecord(*place, key, value, *sizes, headers), end


def _blob(body: bytes, cursor: int) -> tuple[bytes | None, int]:
    length, cursor = _varint(body, cursor)
    if length < 0:
        return None, cursor
    if cursor + length > len(body):
        raise ValueError("a field is longer than its record")
    return body[cursor : cursor + length], cursor + length


def _headers(body: bytes, cursor: int) -> tuple[tuple[tuple[str, bytes], ...], bool, int]:
    count, cursor = _varint(body, cursor)
    headers: list[tuple[str, bytes]] = []
    sound = True
    for _ in range(count):
        name, cursor = _blob(body, cursor)
        value, cursor = _blob(body, cursor)
        text = (name or b"").decode("utf-8", "backslashreplace")
        sound = sound and text.encode() == name
        headers.append((text, value or b""))
    return tuple(headers), sound, cursor


def _varint(body: bytes, cursor: int) -> tuple[int, int]:
    """Kafka's zigzag integer at `cursor`, and the place behind it."""
    result = shift = 0
    while True:
        byte = body[cursor]
        cursor += 1
        result |= (byte & 0x7F) << shift
        if byte < _CONTINUED:
            return (result >> 1) ^ -(result & 1), cursor
        shift += 7
        if shift > _LONGEST_VARINT:
            raise ValueError("an integer is too long")
