"""Message ids: where a message is stored, and the id that its client gave it.

Offset id: store host, port, physical offset; 32 or 56 hexadecimal digits.
Unique id: client's address, process, class loader, milliseconds of the month, counter.
Java: common/message/MessageDecoder#createMessageId, #decodeMessageId, MessageClientIDSetter.
"""

from struct import Struct
from typing import NamedTuple

from refimpl.model.errors import InvalidInput
from refimpl.model.hex_string import bytes_to_hex, hex_to_bytes
from refimpl.model.host_bytes import address_to_bytes, bytes_to_address, bytes_to_padded_host
from refimpl.model.ids import Address, PhysicalOffset
from refimpl.model.java import i16, i32, i64

_LONG = Struct(">q")
_UNIQUE_TAIL = Struct(">hiih")  # process, class loader, milliseconds, counter
_SPAN = Struct(">I")
_PROCESS = Struct(">H")

_ID_V4_DIGITS = 32
_ID_V4_BYTES, _ID_V6_BYTES = 16, 28
_UNIQUE_V6_BYTES = 28
_IPV4_BYTES, _IPV6_BYTES = 4, 16
_TAIL_BYTES = _UNIQUE_TAIL.size


class MessageId(NamedTuple):
    """What an offset id says."""

    address: Address
    offset: PhysicalOffset


def create_message_id(store_host: Address, physical_offset: int) -> str:
    """The offset id of the record at `physical_offset` of `store_host` (STORE-MESSAGE-17)."""
    return bytes_to_hex(address_to_bytes(store_host) + _LONG.pack(i64(physical_offset)))


def decode_message_id(text: str | None) -> MessageId:
    """Read an offset id (STORE-MESSAGE-18); raises `InvalidInput`.

    32 characters are IPv4, every other length is IPv6; what is too long is cut.
    """
    data = hex_to_bytes(text)
    assert text is not None
    size = _ID_V4_BYTES if len(text) == _ID_V4_DIGITS else _ID_V6_BYTES
    if len(data) < size:
        raise InvalidInput("message id", text, "too short")
    (offset,) = _LONG.unpack_from(data, size - 8)
    return MessageId(bytes_to_address(data[: size - 8]), PhysicalOffset(offset))


def create_unique_id(ip: bytes, process: int, loader_hash: int, span: int, counter: int) -> str:
    """A client's unique id (STORE-MESSAGE-20).

    `ip` is 4 or 16 bytes, `span` milliseconds since the month began; all are cut to their width.
    """
    assert len(ip) in {_IPV4_BYTES, _IPV6_BYTES}
    tail = _UNIQUE_TAIL.pack(i16(process), i32(loader_hash), i32(span), i16(counter))
    return bytes_to_hex(ip + tail)


def _unique_id_bytes(text: str | None, needed: int) -> tuple[bytes, int]:
    data = hex_to_bytes(text)
    width = _IPV6_BYTES if len(data) == _UNIQUE_V6_BYTES else _IPV4_BYTES
    if len(data) < width + needed:
        raise InvalidInput("unique id", str(text), "too short")
    return data, width


def unique_id_ip(text: str | None) -> bytes:
    """4 or 16 bytes of the client's address; raises `InvalidInput`."""
    data, width = _unique_id_bytes(text, 0)
    return data[:width]


def unique_id_host(text: str | None) -> str:
    """The client's address as text; raises `InvalidInput`."""
    return bytes_to_padded_host(unique_id_ip(text))


def unique_id_process(text: str | None) -> int:
    """The low 16 bits of the client's process id, counted from the end; raises `InvalidInput`."""
    data = hex_to_bytes(text)
    if len(data) < _TAIL_BYTES:
        raise InvalidInput("unique id", str(text), "too short")
    (process,) = _PROCESS.unpack_from(data, len(data) - _TAIL_BYTES)
    assert isinstance(process, int)
    return process


def unique_id_span(text: str | None) -> int:
    """Milliseconds between the start of the month and the send; raises `InvalidInput`."""
    data, width = _unique_id_bytes(text, 10)
    (span,) = _SPAN.unpack_from(data, width + 6)
    assert isinstance(span, int)
    return span
