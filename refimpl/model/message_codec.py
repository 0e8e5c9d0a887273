"""The record of the commit log: one stored message as bytes, and the bytes back as a message.

Everything is big-endian. `RECORD_FIELDS` is the layout; the code below packs it in one piece.
A file of the log ends with a blank record, which says how many bytes are left.
Java: common/message/MessageDecoder, store/CommitLog#checkMessageAndReturnSize (4.9.7),
store/MessageExtEncoder (5.5.0).
"""

import struct
from collections.abc import Callable
from struct import Struct
from typing import Final, NamedTuple, TypeAlias

from refimpl.model import java
from refimpl.model.errors import InvalidInput
from refimpl.model.host_bytes import PORT_MAX, address_to_bytes, bytes_to_address
from refimpl.model.ids import Millis, PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.message import MessageExt, MessageExtBrokerInner
from refimpl.model.message_property import (
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_KEYS,
    PROPERTY_TAGS,
    PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX,
    string_to_properties,
)
from refimpl.model.release import Release
from refimpl.model.sys_flag import COMPRESSED_FLAG

MESSAGE_MAGIC_CODE: Final = -626843481  # 0xDAA320A7
MESSAGE_MAGIC_CODE_V2: Final = -626843477  # 0xDAA320AB: topic length in two bytes
BLANK_MAGIC_CODE: Final = -875286124  # 0xCBD43194
BLANK_HEADER_SIZE: Final = 8  # END_FILE_MIN_BLANK_LENGTH
PROPERTIES_MAX_LENGTH: Final = 32767
SCHEDULE_TOPIC: Final = "SCHEDULE_TOPIC_XXXX"

Buffer: TypeAlias = bytes | bytearray | memoryview
DeliverAt: TypeAlias = Callable[[int, int], int]

# Name, and struct code or what decides the width.
RECORD_FIELDS: Final = (
    ("total_size", "i"),  # of the whole record
    ("magic_code", "i"),
    ("body_crc", "i"),  # without its highest bit
    ("queue_id", "i"),
    ("flag", "i"),
    ("queue_offset", "q"),  # 0 for a prepared or rolled back message
    ("physical_offset", "q"),  # where the record itself begins
    ("sys_flag", "i"),
    ("born_timestamp", "q"),
    ("born_host", "8s or 20s"),  # by BORNHOST_V6_FLAG
    ("store_timestamp", "q"),
    ("store_host", "8s or 20s"),  # by STOREHOSTADDRESS_V6_FLAG
    ("reconsume_times", "i"),
    ("prepared_transaction_offset", "q"),
    ("body", "i and bytes"),
    ("topic", "b and bytes"),  # h in the second version
    ("properties", "h and bytes"),
)

MAGIC_CODE_POSITION: Final = 4
QUEUE_OFFSET_POSITION: Final = 20
PHYSICAL_OFFSET_POSITION: Final = 28
SYS_FLAG_POSITION: Final = 36
BORN_TIMESTAMP_POSITION: Final = 40

# By the two address bits of the system flag: neither, born host, store host, both.
_HEADS = tuple(Struct(f">iiiiiqqiq{born}sq{store}siqi") for store in (8, 20) for born in (8, 20))
_HEAD_SIZES = tuple(head.size for head in _HEADS)
_BEHIND_HOSTS = 16  # bytes of the head: reconsume times, prepared offset, body length
_INT = Struct(">i")
_SHORT = Struct(">h")
_LONG = Struct(">q")
_BLANK = Struct(">ii")
_TOPIC_MAX_LENGTH = {MESSAGE_MAGIC_CODE: 127, MESSAGE_MAGIC_CODE_V2: 32767}


def _head_index(sys_flag: int) -> int:
    return sys_flag >> 4 & 3


def store_timestamp_position(sys_flag: int) -> int:
    """Offset of the store timestamp within a record."""
    return 68 if sys_flag & 16 else 56


def record_size(
    sys_flag: int,
    body_length: int,
    topic_length: int,
    properties_length: int,
    magic_code: int = MESSAGE_MAGIC_CODE,
) -> int:
    """Bytes of a record (STORE-MESSAGE-3); a negative body or properties length counts as none.

    Lengths are in bytes. CommitLog#calMsgLength, MessageExtEncoder#calMsgLength.
    """
    return (
        _HEAD_SIZES[_head_index(sys_flag)]
        + max(body_length, 0)
        + (1 if magic_code == MESSAGE_MAGIC_CODE else 2)
        + topic_length
        + 2
        + max(properties_length, 0)
    )


def blank_record(length: int) -> bytes:
    """The 8 bytes that stand for the `length` bytes left in a file (STORE-MESSAGE-4)."""
    assert length >= BLANK_HEADER_SIZE
    return _BLANK.pack(length, BLANK_MAGIC_CODE)


def _encode(
    inner: MessageExtBrokerInner,
    entry: "BatchEntry",
    places: tuple[int, int, int],
    magic_code: int,
) -> bytes:
    queue_offset, physical_offset, store_timestamp = places
    flag, body, properties = entry
    topic = java.encode_utf8(inner.topic)
    if len(topic) > _TOPIC_MAX_LENGTH[magic_code]:
        raise InvalidInput("topic", inner.topic, "longer than its length field can say")
    if len(properties) > PROPERTIES_MAX_LENGTH:
        raise InvalidInput("properties", str(len(properties)), "longer than 32767 bytes")
    index = _head_index(inner.sys_flag)
    born, store = address_to_bytes(inner.born_host), address_to_bytes(inner.store_host)
    assert (len(born) - 8) // 12 | (len(store) - 8) // 12 << 1 == index, "address bits"
    one_byte = magic_code == MESSAGE_MAGIC_CODE
    size = _HEAD_SIZES[index] + len(body) + len(topic) + len(properties) + (3 if one_byte else 4)
    head = _HEADS[index].pack(
        size,
        magic_code,
        java.crc32(body),
        inner.queue_id,
        flag,
        queue_offset,
        physical_offset,
        inner.sys_flag,
        inner.born_timestamp,
        born,
        store_timestamp,
        store,
        inner.reconsume_times,
        0 if inner.encoded_batch is not None else inner.prepared_transaction_offset,
        len(body),
    )
    topic_length = len(topic).to_bytes(1 if one_byte else 2, "big")
    tail = _SHORT.pack(len(properties))
    return b"".join((head, body, topic_length, topic, tail, properties))


def encode_record(
    inner: MessageExtBrokerInner,
    queue_offset: int,
    physical_offset: int,
    store_timestamp: int,
    magic_code: int = MESSAGE_MAGIC_CODE,
) -> bytes:
    """The bytes of one stored message (STORE-MESSAGE-1).

    The size depends on nothing but `inner`, so that a record may be made for one place, measured,
    and made again for the next file. Raises `InvalidInput` where a length does not fit its field
    (STORE-MESSAGE-7).
    """
    assert inner.encoded_batch is None
    entry = BatchEntry(inner.flag, inner.body, java.encode_utf8(inner.properties_string))
    places = (queue_offset, physical_offset, store_timestamp)
    return _encode(inner, entry, places, magic_code)


# --- reading for the index and for recovery


class DispatchRequest(NamedTuple):
    """What the derived files are told of one record. Java: store/DispatchRequest.

    `success` and a size above 0: a message. `success` and size 0: the blank end of a file.
    Not `success`: a size above 0 says that the lengths within the record disagree, -1 says that
    there is no record here.
    """

    success: bool
    msg_size: int
    topic: Topic = Topic("")
    queue_id: QueueId = QueueId(0)
    commit_log_offset: PhysicalOffset = PhysicalOffset(0)
    tags_code: int = 0
    store_timestamp: Millis = Millis(0)
    consume_queue_offset: QueueOffset = QueueOffset(0)
    keys: str | None = ""
    uniq_key: str | None = None
    sys_flag: int = 0
    prepared_transaction_offset: PhysicalOffset = PhysicalOffset(0)
    properties: dict[str, str] | None = None


NO_RECORD: Final = DispatchRequest(success=False, msg_size=-1)
END_OF_FILE: Final = DispatchRequest(success=True, msg_size=0)


def _without_head(buffer: Buffer, offset: int) -> DispatchRequest:
    """What stands where fewer bytes are left than a record has."""
    if len(buffer) - offset < BLANK_HEADER_SIZE:
        return NO_RECORD
    (magic_code,) = _INT.unpack_from(buffer, offset + MAGIC_CODE_POSITION)
    return END_OF_FILE if magic_code == BLANK_MAGIC_CODE else NO_RECORD


def _tags_code(
    properties: dict[str, str], topic: str, store_timestamp: int, deliver_at: DeliverAt | None
) -> int:
    """Hash of the tag; for a delayed message the time at which it is due.

    Raises `InvalidInput` for a delay level that is no number.
    """
    tags = properties.get(PROPERTY_TAGS)
    code = java.string_hash(tags) if tags else 0
    if topic == SCHEDULE_TOPIC and deliver_at is not None:
        text = properties.get(PROPERTY_DELAY_TIME_LEVEL)
        level = 0 if text is None else java.parse_int(text)
        if level > 0:
            return deliver_at(level, store_timestamp)
    return code


def check_record(
    buffer: Buffer,
    offset: int = 0,
    *,
    release: Release,
    check_crc: bool = True,
    deliver_at: DeliverAt | None = None,
) -> DispatchRequest:
    """Read the record at `offset` for reput or recovery (STORE-MESSAGE-6); never raises.

    `buffer` ends where the readable part of the log ends. `deliver_at(level, store_timestamp)`
    gives the delivery time of a delay level above 0; the callable lowers a level that is too high.
    """
    try:
        index = buffer[offset + 39] >> 4 & 3
        (
            size, magic_code, body_crc, queue_id, _flag, queue_offset, physical_offset, sys_flag,
            _born, _born_host, store_timestamp, _store_host, _reconsume, prepared, body_length,
        ) = _HEADS[index].unpack_from(buffer, offset)  # fmt: skip
    except (IndexError, struct.error):
        return _without_head(buffer, offset)
    end = len(buffer)
    if release.record_length_first and end - offset < size:
        return NO_RECORD
    if magic_code != MESSAGE_MAGIC_CODE:
        if magic_code == BLANK_MAGIC_CODE:
            return END_OF_FILE
        if magic_code != MESSAGE_MAGIC_CODE_V2 or not release.record_versions:
            return NO_RECORD
    at = offset + _HEAD_SIZES[index]
    if body_length > 0:
        if body_length > size or at + body_length > end:
            return NO_RECORD
        if check_crc and java.crc32(buffer[at : at + body_length]) != body_crc:
            return NO_RECORD
        at += body_length
    try:
        if magic_code == MESSAGE_MAGIC_CODE:
            topic_length, topic_at = buffer[at], at + 1
        else:
            topic_length, topic_at = buffer[at] << 8 | buffer[at + 1], at + 2
        at = topic_at + topic_length
        (properties_length,) = _SHORT.unpack_from(buffer, at)
    except (IndexError, struct.error):
        return NO_RECORD
    if topic_length > _TOPIC_MAX_LENGTH[magic_code] or topic_length > size:  # negative in Java
        return NO_RECORD
    topic = java.decode_utf8(bytes(buffer[topic_at:at]))
    tags_code = 0
    keys: str | None = ""
    uniq_key: str | None = None
    properties: dict[str, str] | None = None
    if properties_length > 0:
        at += 2 + properties_length
        if properties_length > size or at > end:
            return NO_RECORD
        text = java.decode_utf8(bytes(buffer[at - properties_length : at]))
        properties = string_to_properties(text, release)
        keys = properties.get(PROPERTY_KEYS)
        uniq_key = properties.get(PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX)
        try:
            tags_code = _tags_code(properties, topic, store_timestamp, deliver_at)
        except InvalidInput:
            return NO_RECORD
    if size != record_size(sys_flag, body_length, topic_length, properties_length, magic_code):
        return DispatchRequest(success=False, msg_size=size)
    return DispatchRequest(
        True, size, Topic(topic), queue_id, physical_offset, tags_code, store_timestamp,
        queue_offset, keys, uniq_key, sys_flag, prepared, properties,
    )  # fmt: skip


# --- reading the whole message


def has_possible_ports(buffer: Buffer, offset: int = 0) -> bool:
    """True where a reader of whole messages can take the hosts of the record (STORE-RECOVERY-12).

    `check_record` has found a record there, and does not look at them.
    """
    sys_flag = int.from_bytes(buffer[offset + SYS_FLAG_POSITION : offset + BORN_TIMESTAMP_POSITION])
    store_timestamp = offset + store_timestamp_position(sys_flag)
    store_host = _HEAD_SIZES[_head_index(sys_flag)] - _BEHIND_HOSTS
    ends = store_timestamp, offset + store_host
    return all(int.from_bytes(buffer[end - 4 : end]) <= PORT_MAX for end in ends)


def _decompress(body: bytes, sys_flag: int, release: Release) -> bytes:
    from refimpl.model.compression import decompress  # noqa: PLC0415 - rare

    return decompress(body, sys_flag, release)


def _take(buffer: Buffer, at: int, length: int) -> bytes:
    if length < 0 or at + length > len(buffer):
        raise InvalidInput("record", str(length), "a length points past the end")
    return bytes(buffer[at : at + length])


def _decode(
    buffer: Buffer, offset: int, release: Release, *, read_body: bool, decompress: bool
) -> tuple[MessageExt, int]:
    try:
        index = buffer[offset + 39] >> 4 & 3
        (
            size, magic_code, body_crc, queue_id, flag, queue_offset, physical_offset, sys_flag,
            born_timestamp, born_host, store_timestamp, store_host, reconsume_times, prepared,
            body_length,
        ) = _HEADS[index].unpack_from(buffer, offset)  # fmt: skip
    except (IndexError, struct.error):
        raise InvalidInput("record", str(len(buffer) - offset), "cut off") from None
    second = release.record_versions and magic_code == MESSAGE_MAGIC_CODE_V2
    if release.record_versions and not second and magic_code != MESSAGE_MAGIC_CODE:
        raise InvalidInput("magic code", str(magic_code), "unknown")
    at, body = offset + _HEAD_SIZES[index], b""
    if body_length > 0:
        body = _take(buffer, at, body_length)
        at += body_length
        if not read_body:
            body = b""
        elif decompress and sys_flag & COMPRESSED_FLAG:
            body = _decompress(body, sys_flag, release)
            sys_flag &= ~COMPRESSED_FLAG if release.clears_compressed_flag else -1
    width = 2 if second else 1
    topic_length = int.from_bytes(_take(buffer, at, width), "big", signed=True)
    topic = java.decode_utf8(_take(buffer, at + width, topic_length))
    at += width + topic_length
    properties_length = int.from_bytes(_take(buffer, at, 2), "big", signed=True)
    text = _take(buffer, at + 2, max(properties_length, 0))
    message = MessageExt(
        topic=Topic(topic),
        queue_id=QueueId(queue_id),
        queue_offset=QueueOffset(queue_offset),
        physical_offset=PhysicalOffset(physical_offset),
        store_size=size,
        body_crc=body_crc,
        body=body,
        flag=flag,
        sys_flag=sys_flag,
        properties=string_to_properties(java.decode_utf8(text), release),
        born_timestamp=Millis(born_timestamp),
        born_host=bytes_to_address(born_host),
        store_timestamp=Millis(store_timestamp),
        store_host=bytes_to_address(store_host),
        reconsume_times=reconsume_times,
        prepared_transaction_offset=PhysicalOffset(prepared),
    )
    return message, at + 2 + max(properties_length, 0)


def decode_record(
    buffer: Buffer,
    offset: int = 0,
    *,
    release: Release,
    read_body: bool = True,
    decompress: bool = True,
) -> MessageExt | None:
    """The message at `offset`, or None where there is none (STORE-MESSAGE-12).

    Neither the size nor, before 5.5, the magic code is looked at: the lengths inside decide.
    """
    try:
        message, _ = _decode(buffer, offset, release, read_body=read_body, decompress=decompress)
    except InvalidInput:
        return None
    return message


def decode_records(buffer: Buffer, *, release: Release, read_body: bool = True) -> list[MessageExt]:
    """Records one behind the other, as a pull response has them; ends at the first bad one."""
    messages: list[MessageExt] = []
    offset = 0
    while offset < len(buffer):
        try:
            message, offset = _decode(buffer, offset, release, read_body=read_body, decompress=True)
        except InvalidInput:
            break
        messages.append(message)
    return messages


# --- batches


class BatchEntry(NamedTuple):
    """One message within the body of SEND_BATCH_MESSAGE."""

    flag: int
    body: bytes
    properties: bytes  # text in UTF-8


_ENTRY = Struct(">iiiii")  # total size, magic code, body crc, flag, body length


def encode_batch(entries: list[BatchEntry], release: Release) -> bytes:
    """The body of SEND_BATCH_MESSAGE, as a client makes it: magic code and checksum are 0."""
    parts: list[bytes] = []
    for flag, body, properties in entries:
        length = len(properties)
        if length > PROPERTIES_MAX_LENGTH and release.refuses_long_batch_properties:
            raise InvalidInput("properties", str(length), "longer than 32767 bytes")
        size = _ENTRY.size + len(body) + 2 + java.i16(length)
        parts += (_ENTRY.pack(size, 0, 0, flag, len(body)), body)
        parts += (_SHORT.pack(java.i16(length)), properties)
    return b"".join(parts)


def decode_batch(body: bytes) -> list[BatchEntry]:
    """Take the body of SEND_BATCH_MESSAGE apart (STORE-MESSAGE-15); raises `InvalidInput`.

    Total size, magic code and checksum of an entry are not looked at. The `reason` of a refusal is
    the exception that Java meets: at the end of the buffer, in the checksum, behind the limit.
    """
    entries: list[BatchEntry] = []
    at, end = 0, len(body)
    while at < end:
        if end - at < _ENTRY.size:
            raise InvalidInput("batch", str(end - at), "java.nio.BufferUnderflowException")
        *_, flag, length = _ENTRY.unpack_from(body, at)
        at += _ENTRY.size
        if not 0 <= length <= end - at:
            raise InvalidInput("batch", str(length), "java.lang.ArrayIndexOutOfBoundsException")
        inside = body[at : at + length]
        at += length
        if end - at < _SHORT.size:
            raise InvalidInput("batch", str(end - at), "java.nio.BufferUnderflowException")
        (width,) = _SHORT.unpack_from(body, at)
        at += _SHORT.size
        if not 0 <= width <= end - at:
            thrown = "java.lang.IllegalArgumentException"
            reason = f"{thrown}: newPosition > limit: ({at + width} > {end})"
            raise InvalidInput("batch", str(width), reason)
        entries.append(BatchEntry(flag, inside, body[at : at + width]))
        at += width
    return entries


def _joined(properties: bytes, common: bytes) -> bytes:
    if not common or not properties or properties.endswith(b"\x02"):
        return properties + common
    return properties + b"\x02" + common


def encode_batch_records(
    inner: MessageExtBrokerInner,
    entries: list[BatchEntry],
    places: tuple[int, int, int],
    release: Release,
    magic_code: int = MESSAGE_MAGIC_CODE,
) -> list[bytes]:
    """One record for each entry, with offsets that follow one another (STORE-MESSAGE-16).

    `places` is queue offset and physical offset of the first, and the store timestamp of all.
    """
    common = b""
    if release.appends_batch_properties and inner.properties_string:
        common = java.encode_utf8(inner.properties_string)
    queue_offset, physical_offset, store_timestamp = places
    records: list[bytes] = []
    for flag, body, properties in entries:
        entry = BatchEntry(flag, body, _joined(properties, common))
        here = (queue_offset, physical_offset, store_timestamp)
        records.append(_encode(inner, entry, here, magic_code))
        queue_offset, physical_offset = queue_offset + 1, physical_offset + len(records[-1])
    return records
