"""The Bloom filter that marks which filtering groups a message may concern.

Java 4.9.7: filter/util/BloomFilter, BloomFilterData; the hash is Guava's murmur3_128, seed 0. Here
the positions only stand in `consumerFilter.json` and in answers of administration.
"""

from math import ceil, e, log
from struct import Struct
from typing import NamedTuple

from refimpl.model.errors import InvalidInput
from refimpl.model.java import i32

_MASK = 0xFFFFFFFFFFFFFFFF
_C1 = 0x87C37B91114253D5
_C2 = 0x4CF5AD432745937F
_BLOCK = Struct("<QQ")


class BloomFilterData(NamedTuple):
    """The bits of one group and topic in a filter of `bit_num` bits."""

    bit_pos: tuple[int, ...]
    bit_num: int


class BloomFilter:
    """`k` hashes over `m` bits, from the allowed error `f` in percent and `n` expected entries."""

    __slots__ = ("f", "k", "m", "n")

    def __init__(self, f: int, n: int) -> None:
        if not 1 <= f < 100:  # noqa: PLR2004 - percent
            raise InvalidInput("maxErrorRateOfBloomFilter", str(f), "must be 1 to 99")
        if n < 1:
            raise InvalidInput("expectConsumerNumUseFilter", str(n), "must be at least 1")
        error_rate = f / 100.0
        self.f = f
        self.n = n
        self.k = ceil(log(error_rate) / log(0.5))
        bits = ceil(n * (log(1 / error_rate) / log(2)) * (log(e) / log(2)))
        self.m = 8 * ceil(bits / 8.0)

    def calc_bit_positions(self, text: str) -> tuple[int, ...]:
        """`k` bit numbers below `m` for a text. Java: BloomFilter#calcBitPositions."""
        hash64 = murmur3_128_low(text.encode("utf-8", "replace"))
        hash1, hash2 = i32(hash64), i32(hash64 >> 32)
        positions = []
        for i in range(1, self.k + 1):
            combined = i32(hash1 + i * hash2)
            positions.append((~combined if combined < 0 else combined) % self.m)
        return tuple(positions)

    def generate(self, text: str) -> BloomFilterData:
        """The positions of a text with the size of this filter."""
        return BloomFilterData(self.calc_bit_positions(text), self.m)

    def is_valid(self, data: BloomFilterData | None) -> bool:
        """True for data that a filter of this size made."""
        return data is not None and data.bit_num == self.m and len(data.bit_pos) == self.k


def _rotl(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def _mix_k1(k1: int) -> int:
    return _rotl(k1 * _C1 & _MASK, 31) * _C2 & _MASK


def _mix_k2(k2: int) -> int:
    return _rotl(k2 * _C2 & _MASK, 33) * _C1 & _MASK


def _final(value: int) -> int:
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & _MASK
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ (value >> 33)


def murmur3_128_low(data: bytes) -> int:
    """The first 64 bits of MurmurHash3 x64 128, unsigned. Guava: Hashing.murmur3_128()."""
    h1 = h2 = 0
    whole = len(data) & ~15
    for at in range(0, whole, 16):
        k1, k2 = _BLOCK.unpack_from(data, at)
        h1 ^= _mix_k1(k1)
        h1 = (_rotl(h1, 27) + h2) * 5 + 0x52DCE729 & _MASK
        h2 ^= _mix_k2(k2)
        h2 = (_rotl(h2, 31) + h1) * 5 + 0x38495AB5 & _MASK
    if whole != len(data):
        k1, k2 = _BLOCK.unpack(data[whole:].ljust(16, b"\0"))
        h1 ^= _mix_k1(k1)
        h2 ^= _mix_k2(k2)
    h1 ^= len(data)
    h2 ^= len(data)
    h1 = h1 + h2 & _MASK
    h2 = h2 + h1 & _MASK
    return _final(h1) + _final(h2) & _MASK
