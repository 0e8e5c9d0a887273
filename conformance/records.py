"""Stored messages as bodies of pull answers: a second, independent decoder, and batch encoding.

Java 4.9.7: common/message/MessageDecoder.
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conformance.verdict import Failure

MAGIC = 0xDAA320A7
SYS_FLAG_COMPRESSED = 0x1
SYS_FLAG_BORN_V6 = 0x10
SYS_FLAG_STORE_V6 = 0x20
_HEAD = struct.Struct(">iIIiiqqiq")


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One message as a consumer gets it; `body` as stored, not decompressed."""

    topic: str
    queue_id: int
    queue_offset: int
    physical_offset: int
    store_size: int
    body: bytes
    body_crc: int
    flag: int
    sys_flag: int
    born_timestamp: int
    born_host: tuple[bytes, int]
    store_timestamp: int
    store_host: tuple[bytes, int]
    reconsume_times: int
    prepared_transaction_offset: int
    properties: Mapping[str, str]
    properties_text: str

    @property
    def message_id(self) -> str:
        """The offset message id: store host, port and physical offset in upper-case hex."""
        host, port = self.store_host
        return (host + struct.pack(">iq", port, self.physical_offset)).hex().upper()


def decode_records(body: bytes) -> list[Record]:
    """All records of a pull answer; raises `Failure` where the bytes do not fit."""
    records: list[Record] = []
    at = 0
    while at < len(body):
        try:
            record = _decode_record(body, at)
        except (struct.error, UnicodeDecodeError, IndexError) as error:
            raise Failure(f"record at {at} of {len(body)} bytes: {error}") from error
        records.append(record)
        at += record.store_size
    return records


def _decode_record(data: bytes, start: int) -> Record:
    size, magic, crc, queue_id, flag, queue_offset, physical, sys_flag, born = _HEAD.unpack_from(
        data, start
    )
    if magic != MAGIC or size < _HEAD.size or start + size > len(data):
        raise Failure(f"record at {start}: size {size}, magic {magic:#x}")
    at = start + _HEAD.size
    born_host, at = _host(data, at, v6=bool(sys_flag & SYS_FLAG_BORN_V6))
    (store_timestamp,) = struct.unpack_from(">q", data, at)
    store_host, at = _host(data, at + 8, v6=bool(sys_flag & SYS_FLAG_STORE_V6))
    reconsume, prepared, body_length = struct.unpack_from(">iqi", data, at)
    at += 16
    body = data[at : at + body_length]
    at += body_length
    topic_length = data[at]
    topic = data[at + 1 : at + 1 + topic_length].decode()
    at += 1 + topic_length
    (properties_length,) = struct.unpack_from(">H", data, at)
    text = data[at + 2 : at + 2 + properties_length].decode()
    at += 2 + properties_length
    if at != start + size:
        raise Failure(f"record at {start}: size {size}, but its fields take {at - start}")
    if zlib.crc32(body) & 0x7FFFFFFF != crc:
        raise Failure(f"record at {start}: body CRC {crc}")
    return Record(
        topic=topic,
        queue_id=queue_id,
        queue_offset=queue_offset,
        physical_offset=physical,
        store_size=size,
        body=body,
        body_crc=crc,
        flag=flag,
        sys_flag=sys_flag,
        born_timestamp=born,
        born_host=born_host,
        store_timestamp=store_timestamp,
        store_host=store_host,
        reconsume_times=reconsume,
        prepared_transaction_offset=prepared,
        properties=parse_properties(text),
        properties_text=text,
    )


def _host(data: bytes, at: int, *, v6: bool) -> tuple[tuple[bytes, int], int]:
    length = 16 if v6 else 4
    (port,) = struct.unpack_from(">i", data, at + length)
    return (data[at : at + length], port), at + length + 4


def properties_text(properties: Mapping[str, str]) -> str:
    """Name, U+0001, value, U+0002 for every entry, as the Java clients write it."""
    return "".join(f"{name}\x01{value}\x02" for name, value in properties.items())


def parse_properties(text: str) -> dict[str, str]:
    """The other direction, for well-formed text; other entries are left out."""
    entries = (entry.split("\x01") for entry in text.split("\x02"))
    return dict(entry for entry in entries if len(entry) == len(("name", "value")))


@dataclass(frozen=True, slots=True)
class BatchMessage:
    """One message inside a SEND_BATCH_MESSAGE body."""

    body: bytes
    properties: Mapping[str, str]
    flag: int = 0


def encode_batch(messages: Sequence[BatchMessage]) -> bytes:
    """A SEND_BATCH_MESSAGE body: size, magic, CRC, flag, body, properties for each message."""
    out = bytearray()
    for message in messages:
        text = properties_text(message.properties).encode()
        rest = struct.pack(">iiii", 0, 0, message.flag, len(message.body)) + message.body
        rest += struct.pack(">h", len(text)) + text
        out += struct.pack(">i", 4 + len(rest)) + rest
    return bytes(out)
