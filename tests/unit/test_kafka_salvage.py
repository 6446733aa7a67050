"""What is still read of records that the client cannot decode; and that no bytes at all can break the reading."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.kafka.records import first_offsets, next_offsets, to_record
from services.adapters.kafka.salvage import Unreadable, salvage

PLACE = ("topic", 3)
CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
Item = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]


def batch_of(items: list[Item], base: int = 0, codec: int = 0) -> bytes:
    builder: Any = DefaultRecordBatchBuilder(
        2, codec, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=0, batch_size=10**7
    )
    for number, (key, value, headers) in enumerate(items):
        builder.append(number, 1_700_000_000_000 + number, key, value, headers)
    raw = bytearray(builder.build())
    raw[:8] = base.to_bytes(8)  # The broker writes the first offset; the checksum does not cover it.
    return bytes(raw)


def sealed(raw: bytes) -> bytes:
    """The same bytes with a right checksum."""
    checksum: int = calc_crc32c(raw[21:])
    return raw[:17] + checksum.to_bytes(4) + raw[21:]


def plain(number: int, base: int = 0, codec: int = 0) -> bytes:
    return batch_of([(b"k", b"v%d" % n, [("h", b"x")]) for n in range(number)], base, codec)


def seen(records: list[Any]) -> list[tuple[int, bool]]:
    return [(r.offset, not isinstance(r, Unreadable)) for r in records]


def reason_of(record: Any) -> str:
    return str(record.reason)


items = st.lists(
    st.tuples(
        st.none() | st.binary(max_size=300),
        st.none() | st.binary(max_size=300),
        st.lists(st.tuples(st.text(max_size=9), st.binary(max_size=20)), max_size=3),
    ),
    min_size=1,
    max_size=8,
)


@given(items=items, codec=st.sampled_from(sorted(CODECS.values())), base=st.integers(0, 2**40))
def test_sound_records_come_out_as_they_went_in(items: list[Item], codec: int, base: int) -> None:
    found = salvage(PLACE, batch_of(items, base, codec), base)
    assert [(r.key, r.value, list(r.headers)) for r in found] == items
    assert [(r.topic, r.partition, r.offset, r.timestamp) for r in found] == [
        (*PLACE, base + n, 1_700_000_000_000 + n) for n in range(len(items))
    ]
    assert not any(isinstance(r, Unreadable) for r in found)


def test_only_the_record_with_the_bad_header_key_is_unreadable_and_keeps_its_bytes() -> None:
    raw = batch_of([(b"a", b"1", []), (b"b", b"2", [("ZZZZ", b"v")]), (b"c", b"3", [])], 10)
    found = salvage(PLACE, sealed(raw.replace(b"ZZZZ", b"\xff\xfe\xfd\xfc")), 10)
    assert seen(found) == [(10, True), (11, False), (12, True)]
    assert (found[1].key, found[1].value) == (b"b", b"2")
    assert found[1].headers == (("\\xff\\xfe\\xfd\\xfc", b"v"),)


def test_a_wrong_checksum_condemns_the_batch_and_no_offset_beyond_it() -> None:
    broken = bytearray(plain(3, 10))
    broken[-2] ^= 1
    found = salvage(PLACE, bytes(broken) + plain(2, 13), 10)
    assert seen(found) == [(10, False), (11, False), (12, False), (13, True), (14, True)]
    assert reason_of(found[0]) == "the checksum is wrong"


def test_a_broken_header_at_the_end_condemns_one_offset_at_a_time() -> None:
    broken = bytearray(plain(3, 10))
    broken[23:27] = (2**30).to_bytes(4)  # It claims to hold a milliard of offsets.
    assert seen(salvage(PLACE, bytes(broken), 10))[:1] == [(10, False)]
    assert max(r.offset for r in salvage(PLACE, bytes(broken), 10)) <= 12


@pytest.mark.parametrize(("codec", "reason"), [(5, "unknown codec 5"), (4, "codec 4 failed")])
def test_a_codec_that_cannot_be_read_condemns_every_offset_of_the_batch(codec: int, reason: str) -> None:
    raw = bytearray(plain(4, 20))
    raw[21:23] = codec.to_bytes(2)
    found = salvage(PLACE, sealed(bytes(raw)), 21)
    assert seen(found) == [(21, False), (22, False), (23, False)]
    assert reason in reason_of(found[0])


def test_records_before_the_position_are_left_out() -> None:
    assert seen(salvage(PLACE, plain(5, 10), 13)) == [(13, True), (14, True)]


def test_a_batch_that_is_cut_off_is_left_for_the_next_fetch() -> None:
    assert seen(salvage(PLACE, plain(2, 0) + plain(2, 2)[:-1], 0)) == [(0, True), (1, True)]


def test_control_batches_hold_nothing_for_a_reader() -> None:
    raw = bytearray(plain(1, 5))
    raw[22] |= 0x20
    assert salvage(PLACE, sealed(bytes(raw)), 5) == []


@given(data=st.data(), count=st.integers(1, 4), seal=st.booleans())
def test_no_damage_whatever_raises_or_passes_over_what_follows(data: st.DataObject, count: int, seal: bool) -> None:
    damaged = bytearray(plain(count, 100))
    for _ in range(data.draw(st.integers(1, 6))):
        # Base offset and length stay: without them nobody knows where the next batch begins.
        damaged[data.draw(st.integers(12, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    raw = sealed(bytes(damaged)) if seal else bytes(damaged)
    offsets = [r.offset for r in salvage(PLACE, raw + plain(1, 100 + count), 100)]
    if seal:
        # With a right checksum the damage may spell another batch, one with gaps or a control batch.
        assert offsets == sorted(set(offsets))
        assert offsets[-1] == 100 + count
    else:
        assert offsets == list(range(100, 101 + count))


@given(raw=st.binary(max_size=400))
def test_noise_is_read_without_an_error(raw: bytes) -> None:
    salvage(PLACE, raw, 0)


def test_a_time_outside_the_calendar_counts_as_unknown() -> None:
    (raw,) = salvage(PLACE, plain(1), 0)
    for odd in (-1, 253_402_300_800_000, 2**62):
        raw.timestamp = odd
        assert to_record(raw).timestamp.year == 1970


def test_offsets_of_a_batch_are_kept_for_each_partition() -> None:
    raws = [*salvage(("t", 0), plain(3, 10), 10), *salvage(("t", 1), plain(2, 7), 7)]
    assert first_offsets(raws) == {("t", 0): 10, ("t", 1): 7}
    assert next_offsets(raws) == {("t", 0): 13, ("t", 1): 9}
