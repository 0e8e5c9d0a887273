"""Java's arithmetic, hashing, number parsing and UTF-8, where Python's differ and it shows.

A stored hash, a queue chosen by `hashCode() % n` or a port parsed from text comes out of these.
Strings are Java's: sequences of UTF-16 units. A Python string stands for the same sequence; a lone
surrogate stays one character.
"""

import codecs
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import mul
from typing import TypeVar
from zlib import crc32 as _zlib_crc32

from refimpl.model.errors import InvalidInput

INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1
LONG_MIN, LONG_MAX = -(1 << 63), (1 << 63) - 1

_LAST_BMP = 0xFFFF
_FEW = 24  # keys whose order is worth remembering
_REPLACEMENT = "�"
_POWERS = [pow(31, exponent, 1 << 32) for exponent in range(512)]


def i8(value: int) -> int:
    """`(byte) value`."""
    return ((value + 0x80) & 0xFF) - 0x80


def i16(value: int) -> int:
    """`(short) value`."""
    return ((value + 0x8000) & 0xFFFF) - 0x8000


def i32(value: int) -> int:
    """`(int) value`: the low 32 bits as a signed number."""
    return ((value + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def i64(value: int) -> int:
    """`(long) value`: the low 64 bits as a signed number."""
    return ((value + 0x8000000000000000) & 0xFFFFFFFFFFFFFFFF) - 0x8000000000000000


def divide(dividend: int, divisor: int) -> int:
    """`dividend / divisor`, rounded towards zero. The caller wraps MIN / -1."""
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def remainder(dividend: int, divisor: int) -> int:
    """`dividend % divisor`: the sign is the dividend's."""
    rest = abs(dividend) % abs(divisor)
    return -rest if dividend < 0 else rest


@lru_cache(maxsize=8192)
def string_hash(text: str) -> int:
    """`String.hashCode()`: 31-polynomial over UTF-16 units, i32."""
    units: Iterable[int]
    if text.isascii():
        units = text.encode()[::-1]
    else:
        wide = text.encode("utf-16-be", "surrogatepass")
        units = [wide[at] << 8 | wide[at + 1] for at in range(len(wide) - 2, -1, -2)]
    if len(text) > len(_POWERS) // 2:  # a character may be two units
        total, power = 0, 1
        for unit in units:
            total, power = total + unit * power, power * 31 & 0xFFFFFFFF
        return i32(total)
    return i32(sum(map(mul, units, _POWERS)))


def length(text: str) -> int:
    """`String.length()`: UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-be", "surrogatepass")) // 2


def encode_utf8(text: str) -> bytes:
    """`getBytes(UTF_8)`: a lone surrogate becomes `?`, a pair its character."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        whole = text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")
        return whole.encode("utf-8", "replace")


_FIRST_OF_SURROGATE = 0xED  # its second byte is 0xA0 to 0xBF


def _continues(data: bytes, at: int, low: int) -> bool:
    return at < len(data) and low <= data[at] <= 0xBF  # noqa: PLR2004 - last continuation byte


def _replace(error: UnicodeError) -> tuple[str, int]:
    """One U+FFFD for each malformed part, and for a whole encoded surrogate (Python: three)."""
    assert isinstance(error, UnicodeDecodeError)
    data, start = error.object, error.start
    if data[start] == _FIRST_OF_SURROGATE and _continues(data, start + 1, 0xA0):
        return _REPLACEMENT, start + (3 if _continues(data, start + 2, 0x80) else 2)
    return _REPLACEMENT, error.end


codecs.register_error("java", _replace)


def decode_utf8(data: bytes) -> str:
    """`new String(data, UTF_8)`: what is malformed becomes U+FFFD, never an error."""
    return data.decode("utf-8", "java")


def crc32(data: bytes | bytearray | memoryview) -> int:
    """`UtilAll.crc32`: CRC-32 without its highest bit, so that it is never negative."""
    return _zlib_crc32(data) & 0x7FFFFFFF


def _parse(text: str | None, low: int, high: int, what: str) -> int:
    digits = "" if text is None else text[1:] if text[:1] in {"+", "-"} else text
    # isdecimal: Character.digit knows every decimal digit of the BMP, and no underscore or space
    if text is None or not digits.isdecimal() or ord(max(digits)) > _LAST_BMP:
        raise InvalidInput(what, str(text), "not a number")
    value = int(text)
    if not low <= value <= high:
        raise InvalidInput(what, text, "out of range")
    return value


def parse_int(text: str | None) -> int:
    """`Integer.parseInt`; raises `InvalidInput` where Java throws NumberFormatException."""
    return _parse(text, INT_MIN, INT_MAX, "int")


def parse_long(text: str | None) -> int:
    """`Long.parseLong`; raises `InvalidInput` where Java throws NumberFormatException."""
    return _parse(text, LONG_MIN, LONG_MAX, "long")


def parse_boolean(text: str | None) -> bool:
    """`Boolean.parseBoolean`: true for "true" in any case, false for everything else."""
    return text is not None and text.lower() == "true"


_T = TypeVar("_T")


def hash_order(keys: list[_T], hash_code: Callable[[_T], int], capacity: int = 16) -> list[_T]:
    """`keys`, all different and in order of insertion, as a `HashMap` or `HashSet` iterates.

    `capacity` is the initial table size, a power of two; the table doubles above three quarters.
    Within a bucket the order is that of insertion: exact while no bucket holds eight keys.
    """
    while len(keys) * 4 > capacity * 3:
        capacity *= 2
    buckets: dict[int, list[_T]] = {}
    for key in keys:
        spread = hash_code(key) & 0xFFFFFFFF
        buckets.setdefault((spread ^ spread >> 16) & capacity - 1, []).append(key)
    return [key for bucket in sorted(buckets) for key in buckets[bucket]]


def hash_map_order(keys: Iterable[str], capacity: int = 16) -> list[str]:
    """Strings, in order of insertion, in the order in which a `HashMap` of them iterates."""
    distinct = tuple(dict.fromkeys(keys))
    if len(distinct) > _FEW:
        return hash_order(list(distinct), string_hash, capacity)
    return list(_order_of_few(distinct, capacity))


@lru_cache(maxsize=1024)
def _order_of_few(keys: tuple[str, ...], capacity: int) -> tuple[str, ...]:
    """Names of fields and properties: the same ones in message after message."""
    return tuple(hash_order(list(keys), string_hash, capacity))


def in_hash_map_order(entries: Mapping[str, str], capacity: int = 16) -> dict[str, str]:
    """The same entries, in the order in which Java's `HashMap` iterates."""
    return {key: entries[key] for key in hash_map_order(entries, capacity)}
