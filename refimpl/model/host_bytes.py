"""Host addresses as bytes: 4 or 16 of the address, then 4 of the port.

Java: InetAddress.getByAddress, Inet4Address and Inet6Address#getHostAddress, InetSocketAddress.
"""

from functools import lru_cache
from struct import Struct

from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Address
from refimpl.model.java import i32

PORT_MAX = 65535

_IPV4_LENGTH = 4
_GROUPS = 8  # of an IPv6 address, 16 bits each
_MAPPED = b"\x00" * 10 + b"\xff\xff"  # an IPv4 address in IPv6 form
_PORT = Struct(">i")
_V6 = Struct(">8H")


def _parse_v4(host: str) -> bytes:
    parts = host.split(".")
    if len(parts) != _IPV4_LENGTH or not all(p.isascii() and p.isdigit() for p in parts):
        raise InvalidInput("host", host, "not a numeric address")
    numbers = [int(part) for part in parts]
    if max(numbers) > 0xFF:  # noqa: PLR2004 - a byte
        raise InvalidInput("host", host, "a byte of an IPv4 address is at most 255")
    return bytes(numbers)


def _groups(text: str, host: str) -> list[int]:
    groups: list[int] = []
    for part in text.split(":") if text else []:
        if "." in part:
            quad = _parse_v4(part)
            groups += [quad[0] << 8 | quad[1], quad[2] << 8 | quad[3]]
            continue
        try:
            groups.append(int(part, 16))
        except ValueError:
            raise InvalidInput("host", host, "not a numeric address") from None
    return groups


def _parse_v6(host: str) -> bytes:
    head, gap, tail = host.partition("%")[0].partition("::")
    before, after = _groups(head, host), _groups(tail, host)
    missing = _GROUPS - len(before) - len(after)
    fits = missing > 0 if gap else missing == 0
    if not fits or not all(0 <= group <= 0xFFFF for group in before + after):  # noqa: PLR2004
        raise InvalidInput("host", host, "not a numeric address")
    packed = _V6.pack(*before, *[0] * missing, *after)
    return packed[12:] if packed.startswith(_MAPPED) else packed


@lru_cache(maxsize=4096)
def host_to_bytes(host: str) -> bytes:
    """4 or 16 bytes of a numeric address; raises `InvalidInput` for a name.

    An IPv4 address written as IPv6 is IPv4, as in Java.
    """
    return _parse_v6(host) if ":" in host else _parse_v4(host)


@lru_cache(maxsize=4096)
def bytes_to_host(packed: bytes) -> str:
    """The text of `getHostAddress`: IPv6 in full, without `::` (STORE-MESSAGE-5)."""
    if len(packed) == _IPV4_LENGTH:
        return f"{packed[0]}.{packed[1]}.{packed[2]}.{packed[3]}"
    if packed.startswith(_MAPPED):
        return bytes_to_host(packed[12:])
    return ":".join(f"{group:x}" for group in _V6.unpack(packed))


def bytes_to_padded_host(packed: bytes) -> str:
    """The text of `UtilAll.ipToIPv4Str` and `ipToIPv6Str`: four digits for each IPv6 group."""
    if len(packed) == _IPV4_LENGTH:
        return bytes_to_host(packed)
    return ":".join(f"{group:04x}" for group in _V6.unpack(packed))


@lru_cache(maxsize=4096)
def address_to_bytes(address: Address) -> bytes:
    """8 or 20 bytes: address, and the port as i32."""
    return host_to_bytes(address.host) + _PORT.pack(i32(address.port))


@lru_cache(maxsize=4096)
def bytes_to_address(packed: bytes) -> Address:
    """The address in 8 or 20 bytes; raises `InvalidInput` for an impossible port."""
    (port,) = _PORT.unpack_from(packed, len(packed) - 4)
    if not 0 <= port <= PORT_MAX:
        raise InvalidInput("port", str(port), "out of range")
    return Address(bytes_to_host(packed[:-4]), port)


def is_v6(host: str) -> bool:
    """True where `host` takes 16 bytes, so that the record or id needs the longer form."""
    return len(host_to_bytes(host)) != _IPV4_LENGTH
