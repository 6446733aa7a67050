"""Which partition does a key belong to? The same one as for every other Kafka client."""

from __future__ import annotations

from struct import unpack_from

_SEED = 0x9747B28C
_MIX = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit hash that Kafka's Java client takes of a key (unsigned)."""
    length = len(data)
    words, rest = divmod(length, 4)
    h = _SEED ^ length
    for word in unpack_from(f"<{words}I", data):
        k = (word * _MIX) & _MASK
        k = ((k ^ (k >> 24)) * _MIX) & _MASK
        h = ((h * _MIX) & _MASK) ^ k
    if rest:
        h = ((h ^ int.from_bytes(data[-rest:], "little")) * _MIX) & _MASK
    h = ((h ^ (h >> 13)) * _MIX) & _MASK
    return h ^ (h >> 15)


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of `key` in a topic of `partitions` partitions."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions
