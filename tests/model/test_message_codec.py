"""The record of the commit log, against Java's encoder and decoder.

The names of the rules stand at the tests by hand; the vectors cover STORE-MESSAGE-1 and
STORE-MESSAGE-3 (encoder and size), STORE-MESSAGE-12 (decoder) and STORE-MESSAGE-15 (batches).
"""

import struct
import zlib
from dataclasses import replace

import pytest

from refimpl.model import java
from refimpl.model import message_codec as codec
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import (
    Address,
    JsonValue,
    Millis,
    PhysicalOffset,
    QueueId,
    QueueOffset,
    Topic,
)
from refimpl.model.message import MessageExt, MessageExtBrokerInner
from refimpl.model.message_id import create_message_id
from refimpl.model.message_property import properties_to_string, string_to_properties
from refimpl.model.release import (
    DEFAULT_RELEASE,
    RELEASE_4_6,
    RELEASE_4_9,
    RELEASE_5_5,
    RELEASES,
    Release,
)
from refimpl.model.sys_flag import BORNHOST_V6_FLAG, COMPRESSED_FLAG, STOREHOSTADDRESS_V6_FLAG
from tests import vectors
from tests.vectors import Vector

V4, V6 = Address("10.1.2.3", 4567), Address("2001:db8:0:0:0:0:0:1", 10911)

INNER = MessageExtBrokerInner(
    topic=Topic("TopicTest"),
    queue_id=QueueId(3),
    body=b"hello",
    flag=7,
    sys_flag=0,
    properties={"TAGS": "TagA", "KEYS": "k1 k2", "UNIQ_KEY": "AC11"},
    properties_string="TAGS\x01TagA\x02KEYS\x01k1 k2\x02UNIQ_KEY\x01AC11",
    tags_code=0,
    born_timestamp=Millis(1_600_000_000_000),
    born_host=V4,
    store_host=Address("127.0.0.1", 10911),
    reconsume_times=2,
    prepared_transaction_offset=PhysicalOffset(99),
)
RECORD = codec.encode_record(INNER, 11, 4096, 1_600_000_000_123)


def _address(text: JsonValue) -> Address:
    assert isinstance(text, str)
    host, _, port = text.partition("|")
    return Address(host, int(port))


def _integer(value: JsonValue) -> int:
    assert isinstance(value, int)
    return value


def _pairs(value: JsonValue) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for pair in value if isinstance(value, list) else []:
        assert isinstance(pair, list)
        name, text = pair
        assert isinstance(text, str | None)
        found[str(name)] = text
    return found


def _inner(fields: dict[str, JsonValue], release: Release) -> MessageExtBrokerInner:
    body = bytes.fromhex(str(fields["body"]))
    if fields["needCompress"] and _integer(fields["sysFlag"]) & COMPRESSED_FLAG:
        body = zlib.compress(body, 5)
    return MessageExtBrokerInner(
        topic=Topic(str(fields["topic"])),
        queue_id=QueueId(_integer(fields["queueId"])),
        body=body,
        flag=_integer(fields["flag"]),
        sys_flag=_integer(fields["sysFlag"]),
        properties={},
        properties_string=properties_to_string(_pairs(fields["properties"]), release),
        tags_code=0,
        born_timestamp=Millis(_integer(fields["bornTimestamp"])),
        born_host=_address(fields["bornHost"]),
        store_host=_address(fields["storeHost"]),
        reconsume_times=_integer(fields["reconsumeTimes"]),
        prepared_transaction_offset=PhysicalOffset(_integer(fields["preparedTransactionOffset"])),
    )


def test_encode_record() -> None:
    """Java's client encoder takes the checksum and the size from the message; ours makes them."""

    def encode(release: Release, vector: Vector) -> JsonValue:
        fields = vector.fields()
        if vector.error is None and len(str(fields["topic"])) > 127:
            # A client writes a wrapped topic length that nobody can read; we refuse, as a store
            # does before it encodes (STORE-MESSAGE-7).
            with pytest.raises(InvalidInput):
                codec.encode_record(_inner(fields, release), 0, 0, 0)
            return vector.output
        record = bytearray(
            codec.encode_record(
                _inner(fields, release),
                _integer(fields["queueOffset"]),
                _integer(fields["commitLogOffset"]),
                _integer(fields["storeTimestamp"]),
            )
        )
        struct.pack_into(">i", record, 8, _integer(fields["bodyCRC"]))
        wanted = _integer(fields["storeSize"])
        if wanted > 0:
            if wanted < len(record):
                raise InvalidInput("storeSize", str(wanted), "Java overflows its buffer")
            struct.pack_into(">i", record, 0, wanted)
            record += bytes(wanted - len(record))
        return record.hex()

    assert vectors.mismatches("record_encode", encode) == []


def _shown(message: MessageExt | None, expected: JsonValue) -> JsonValue:
    if message is None:
        return None
    assert isinstance(expected, dict) or expected is None
    null_properties = expected is not None and expected["properties"] is None
    null_body = expected is not None and expected["body"] is None
    shown: JsonValue = {
        "topic": message.topic,
        "flag": message.flag,
        "properties": None
        if null_properties and not message.properties
        else dict(message.properties),
        "body": None if null_body and not message.body else message.body.hex(),
        "queueId": message.queue_id,
        "storeSize": message.store_size,
        "queueOffset": message.queue_offset,
        "sysFlag": message.sys_flag,
        "bornTimestamp": message.born_timestamp,
        "bornHost": "{}|{}".format(*message.born_host),
        "storeTimestamp": message.store_timestamp,
        "storeHost": "{}|{}".format(*message.store_host),
        "msgId": create_message_id(message.store_host, message.physical_offset),
        "commitLogOffset": message.physical_offset,
        "bodyCRC": message.body_crc,
        "reconsumeTimes": message.reconsume_times,
        "preparedTransactionOffset": message.prepared_transaction_offset,
    }
    return shown


def test_decode_record() -> None:
    """clientDecode and decodeProperties are other paths of Java to the same fields."""

    def decode(release: Release, vector: Vector) -> JsonValue:
        data = bytes.fromhex(str(vector.input))
        expected = vector.result()
        message = codec.decode_record(data, release=release)
        bare = codec.decode_record(data, release=release, read_body=False)
        packed = codec.decode_record(data, release=release, decompress=False)
        answer = dict(expected)
        answer["decode"] = _shown(message, expected["decode"])
        answer["noBody"] = None if bare is None else {"body": None, "topic": bare.topic}
        body = None if packed is None else packed.body.hex()
        unpacked = expected["noUnzip"]
        if isinstance(unpacked, dict) and unpacked["body"] is None:
            body = body or None
        answer["noUnzip"] = None if packed is None else {"body": body}
        if bare is not None:
            assert bare.body == b""
        return answer

    assert vectors.mismatches("record_decode", decode) == []


def test_decode_records() -> None:
    def decode(release: Release, vector: Vector) -> JsonValue:
        data = bytes.fromhex(str(vector.input))
        messages = codec.decode_records(data, release=release)
        assert isinstance(vector.output, dict)
        return {
            "messages": [[m.topic, m.queue_offset, len(m.body) or -1] for m in messages],
            "position": vector.output["position"],
        }

    assert vectors.mismatches("records_decodes", decode) == []


def test_record_size() -> None:
    def sizes(_release: Release, vector: Vector) -> JsonValue:
        fields = vector.fields()
        names = ("sysFlag", "body", "topic", "properties")
        a, b, c, d = (_integer(fields[name]) for name in names)
        if isinstance(vector.output, dict):
            return {
                "V1": codec.record_size(a, b, c, d),
                "V2": codec.record_size(a, b, c, d, codec.MESSAGE_MAGIC_CODE_V2),
            }
        return codec.record_size(a, b, c, d)

    assert vectors.mismatches("cal_msg_length", sizes) == []


def test_encode_batch() -> None:
    def encode(release: Release, vector: Vector) -> JsonValue:
        entries: list[codec.BatchEntry] = []
        assert isinstance(vector.input, list)
        for message in vector.input:
            assert isinstance(message, dict)
            text = properties_to_string(_pairs(message["properties"]), release)
            body = bytes.fromhex(str(message["body"]))
            flag = _integer(message["flag"])
            entries.append(codec.BatchEntry(flag, body, java.encode_utf8(text)))
        return codec.encode_batch(entries, release).hex()

    assert vectors.mismatches("batch_encode", encode) == []


def test_decode_batch() -> None:
    def decode(release: Release, vector: Vector) -> JsonValue:
        messages: list[JsonValue] = []
        for flag, body, properties in codec.decode_batch(bytes.fromhex(str(vector.input))):
            found = string_to_properties(java.decode_utf8(properties), release)
            messages.append({"flag": flag, "body": body.hex(), "properties": dict(found)})
        return messages

    assert vectors.mismatches("batch_decode", decode) == []


# --- by hand


def test_the_layout_is_the_table() -> None:
    """STORE-MESSAGE-1: every field where `RECORD_FIELDS` puts it."""
    heads = [width for _, width in codec.RECORD_FIELDS[:9]]
    assert struct.calcsize(">" + "".join(heads)) == codec.BORN_TIMESTAMP_POSITION + 8
    assert struct.unpack_from(">iiiiiqqiq", RECORD) == (
        len(RECORD), codec.MESSAGE_MAGIC_CODE, zlib.crc32(b"hello") & 0x7FFFFFFF, 3, 7, 11, 4096,
        0, 1_600_000_000_000,
    )  # fmt: skip
    assert RECORD[48:56] == bytes([10, 1, 2, 3]) + struct.pack(">i", 4567)
    assert struct.unpack_from(">q", RECORD, 56) == (1_600_000_000_123,)
    assert RECORD[64:72] == bytes([127, 0, 0, 1]) + struct.pack(">i", 10911)
    assert struct.unpack_from(">iqi", RECORD, 72) == (2, 99, 5)
    assert RECORD[88:] == b"hello\x09TopicTest" + b"\x00\x22" + INNER.properties_string.encode()


@pytest.mark.parametrize("sys_flag", [0, 16, 32, 48])
@pytest.mark.parametrize("release", RELEASES.values(), ids=lambda r: r.name)
def test_a_record_reads_back(sys_flag: int, release: Release) -> None:
    """STORE-MESSAGE-1, STORE-MESSAGE-3: each address has its own length bit."""
    inner = replace(
        INNER,
        sys_flag=sys_flag,
        born_host=V6 if sys_flag & BORNHOST_V6_FLAG else V4,
        store_host=V6 if sys_flag & STOREHOSTADDRESS_V6_FLAG else V4,
    )
    record = codec.encode_record(inner, 11, 4096, 17)
    assert len(record) == codec.record_size(sys_flag, 5, 9, len(inner.properties_string))
    at = codec.store_timestamp_position(sys_flag)
    assert struct.unpack_from(">q", record, at) == (17,)
    message = codec.decode_record(b"xyz" + record, 3, release=release)
    assert message is not None
    assert message.born_host == inner.born_host
    assert message.store_host == inner.store_host
    assert (message.body, message.topic, message.flag) == (b"hello", "TopicTest", 7)
    assert message.properties == INNER.properties
    request = codec.check_record(memoryview(record), release=release)
    assert request == codec.DispatchRequest(
        True, len(record), Topic("TopicTest"), QueueId(3), PhysicalOffset(4096),
        java.string_hash("TagA"), Millis(17), QueueOffset(11), "k1 k2", "AC11", sys_flag,
        PhysicalOffset(99), dict(INNER.properties),
    )  # fmt: skip


def _patched(at: int, data: bytes) -> bytes:
    record = bytearray(RECORD)
    record[at : at + len(data)] = data
    return bytes(record)


PROPERTIES_AT = len(RECORD) - 34 - 2


@pytest.mark.parametrize("release", RELEASES.values(), ids=lambda r: r.name)
@pytest.mark.parametrize(
    ("data", "size"),
    [
        (b"", -1),
        (RECORD[:7], -1),
        (RECORD[:87], -1),
        (RECORD[:-1], -1),
        (_patched(4, b"\x00\x00\x00\x00"), -1),  # magic code
        (_patched(8, b"\x00\x00\x00\x01"), -1),  # checksum
        (_patched(88, b"j"), -1),  # body
        (_patched(84, b"\x7f\xff\xff\xff"), -1),  # body length
        (_patched(93, b"\xff"), -1),  # topic length below 0
        (_patched(93, b"\x7e"), -1),  # topic length past the end
        (_patched(0, b"\x00\x00\x00\x20"), -1),  # shorter than its own topic and properties
        (_patched(PROPERTIES_AT, b"\x7f\xff"), -1),  # properties past the end
        (_patched(PROPERTIES_AT, b"\x00\x01"), len(RECORD)),  # lengths disagree
        (_patched(84, b"\xff\xff\xff\xff\x00\x00\x00"), len(RECORD)),  # nothing but the head
    ],
)
def test_what_is_no_record_is_said_to_be_none(data: bytes, size: int, release: Release) -> None:
    """STORE-MESSAGE-6: reput and recovery stop here."""
    request = codec.check_record(data, release=release)
    assert (request.success, request.msg_size) == (False, size)


def test_a_size_past_the_end() -> None:
    """STORE-MESSAGE-6: 5.5 sees it first; the others find that the lengths disagree."""
    data = _patched(0, b"\x00\x00\x01\x00")
    assert codec.check_record(data, release=RELEASE_5_5) == codec.NO_RECORD
    for release in (RELEASE_4_6, RELEASE_4_9):
        request = codec.check_record(data, release=release)
        assert (request.success, request.msg_size) == (False, 256)


def test_the_checksum_may_be_left_out() -> None:
    """STORE-MESSAGE-6: recovery with checkCRCOnRecover=false."""
    data = _patched(88, b"j")
    assert codec.check_record(data, release=DEFAULT_RELEASE, check_crc=False).success
    assert not codec.check_record(data, release=DEFAULT_RELEASE, check_crc=True).success


@pytest.mark.parametrize("release", RELEASES.values(), ids=lambda r: r.name)
def test_the_end_of_a_file(release: Release) -> None:
    """STORE-MESSAGE-4: the blank record, with nothing or with anything behind it."""
    blank = codec.blank_record(300)
    assert blank == struct.pack(">iI", 300, 0xCBD43194)
    assert codec.check_record(blank + bytes(292), release=release) == codec.END_OF_FILE
    assert codec.check_record(blank + RECORD * 3, release=release) == codec.END_OF_FILE
    assert codec.check_record(bytes(300), release=release) == codec.NO_RECORD


def test_a_blank_record_that_is_cut_off() -> None:
    """STORE-MESSAGE-6: 5.5 holds the length against the bytes first."""
    blank = codec.blank_record(300) + bytes(200)
    assert codec.check_record(blank, release=RELEASE_4_6) == codec.END_OF_FILE
    assert codec.check_record(blank, release=RELEASE_4_9) == codec.END_OF_FILE
    assert codec.check_record(blank, release=RELEASE_5_5) == codec.NO_RECORD


def test_the_second_version_is_known_to_5_5_only() -> None:
    """STORE-MESSAGE-2: a long topic takes a length of two bytes."""
    inner = replace(INNER, topic=Topic("%RETRY%" + "g" * 200))
    record = codec.encode_record(inner, 0, 0, 0, codec.MESSAGE_MAGIC_CODE_V2)
    request = codec.check_record(record, release=RELEASE_5_5)
    assert request.success
    assert (request.topic, request.msg_size) == (inner.topic, len(record))
    message = codec.decode_record(record, release=RELEASE_5_5)
    assert message is not None
    assert message.topic == inner.topic
    assert codec.check_record(record, release=RELEASE_4_9) == codec.NO_RECORD


@pytest.mark.parametrize(
    "inner",
    [
        replace(INNER, topic=Topic("t" * 128)),
        replace(INNER, topic=Topic("中" * 43)),  # 129 bytes in 43 characters
        replace(INNER, properties_string="p" * 32768),
    ],
)
def test_a_length_that_does_not_fit_its_field_is_refused(inner: MessageExtBrokerInner) -> None:
    """STORE-MESSAGE-7: a wrapped length would stop reput for every topic."""
    with pytest.raises(InvalidInput):
        codec.encode_record(inner, 0, 0, 0)


def test_the_longest_topic_and_properties_fit() -> None:
    """STORE-MESSAGE-7."""
    inner = replace(INNER, topic=Topic("t" * 127), properties_string="p" * 32767)
    record = codec.encode_record(inner, 0, 0, 0)
    assert codec.check_record(record, release=DEFAULT_RELEASE).msg_size == len(record)


def _delayed(level: str) -> codec.DispatchRequest:
    inner = replace(
        INNER, topic=Topic(codec.SCHEDULE_TOPIC), properties_string=f"TAGS\x01a\x02DELAY\x01{level}"
    )
    record = codec.encode_record(inner, 0, 0, 1000)
    return codec.check_record(
        record, release=DEFAULT_RELEASE, deliver_at=lambda level, stored: stored + level
    )


@pytest.mark.parametrize(("level", "code"), [("3", 1003), ("0", 97), ("-1", 97)])
def test_a_delayed_message_has_its_due_time_for_a_tag(level: str, code: int) -> None:
    """STORE-MESSAGE-6: the tag's hash gives way to the time of delivery."""
    assert _delayed(level).tags_code == code


def test_a_delay_that_is_no_number_is_no_record() -> None:
    """STORE-MESSAGE-6."""
    assert _delayed("x") == codec.NO_RECORD


# --- batches

BATCH = codec.encode_batch(
    [
        codec.BatchEntry(1, b"one", b"TAGS\x01a"),
        codec.BatchEntry(2, b"two", b""),
        codec.BatchEntry(3, b"", b"TAGS\x01c\x02"),
    ],
    DEFAULT_RELEASE,
)


def test_an_entry_of_a_batch_may_lie_about_itself() -> None:
    """STORE-MESSAGE-15: size, magic code and checksum are not looked at."""
    assert codec.decode_batch(b"\xff" * 12 + BATCH[12:]) == codec.decode_batch(BATCH)


@pytest.mark.parametrize(
    ("data", "thrown"),
    [
        (BATCH[:19], "java.nio.BufferUnderflowException"),
        (BATCH[:-1], "java.lang.IllegalArgumentException: newPosition > limit: ("),
        (BATCH + b"\x00", "java.nio.BufferUnderflowException"),
        (struct.pack(">iiiii", 0, 0, 0, 0, 0), "java.nio.BufferUnderflowException"),
        (struct.pack(">iiiii", 0, 0, 0, 0, 1), "java.lang.ArrayIndexOutOfBoundsException"),
        (struct.pack(">iiiii", 0, 0, 0, 0, -1), "java.lang.ArrayIndexOutOfBoundsException"),
        (struct.pack(">iiiiih", 0, 0, 0, 0, 0, -22), "java.lang.IllegalArgumentException"),
    ],
)
def test_a_broken_batch_is_refused_as_a_whole(data: bytes, thrown: str) -> None:
    """STORE-MESSAGE-15: a negative properties length would make Java read an entry again."""
    with pytest.raises(InvalidInput) as error:
        codec.decode_batch(data)
    assert error.value.reason.startswith(thrown)


@pytest.mark.parametrize("release", RELEASES.values(), ids=lambda r: r.name)
def test_the_records_of_a_batch(release: Release) -> None:
    """STORE-MESSAGE-16: offsets follow one another; 4.9 adds the properties of the request."""
    inner = replace(INNER, encoded_batch=BATCH, properties_string="WAIT\x01true")
    entries = codec.decode_batch(BATCH)
    records = codec.encode_batch_records(inner, entries, (5, 1000, 77), release)
    joined = b"".join(records)
    assert [m.body for m in codec.decode_records(joined, release=release)] == [b"one", b"two", b""]
    at, found = 0, []
    for number, record in enumerate(records):
        request = codec.check_record(joined, at, release=release)
        assert request.success
        assert request.msg_size == len(record)
        assert request.consume_queue_offset == 5 + number
        assert request.commit_log_offset == 1000 + at
        assert request.store_timestamp == 77
        assert request.prepared_transaction_offset == 0
        found.append(request.properties)
        at += len(record)
    common = {"WAIT": "true"} if release is RELEASE_4_9 else {}
    assert found == [{"TAGS": "a", **common}, common or None, {"TAGS": "c", **common}]
    if release is RELEASE_4_9:
        assert joined.endswith(b"TAGS\x01c\x02WAIT\x01true")
        assert b"TAGS\x01a\x02WAIT\x01true" in joined


def test_properties_that_grow_too_long_in_a_batch_are_refused() -> None:
    """STORE-MESSAGE-7: the sum of both is what has to fit."""
    entries = [codec.BatchEntry(0, b"", b"a\x01" + b"b" * 32_760)]
    inner = replace(INNER, encoded_batch=b"", properties_string="WAIT\x01true")
    assert codec.encode_batch_records(inner, entries, (0, 0, 0), RELEASE_4_6)
    with pytest.raises(InvalidInput):
        codec.encode_batch_records(inner, entries, (0, 0, 0), RELEASE_4_9)


# --- compression


@pytest.mark.parametrize("release", RELEASES.values(), ids=lambda r: r.name)
def test_a_packed_body_is_unpacked(release: Release) -> None:
    """STORE-MESSAGE-14: and 5.5 takes the flag away."""
    inner = replace(INNER, body=zlib.compress(b"x" * 5000), sys_flag=COMPRESSED_FLAG)
    record = codec.encode_record(inner, 0, 0, 0)
    message = codec.decode_record(record, release=release)
    assert message is not None
    assert message.body == b"x" * 5000
    assert message.sys_flag == (0 if release is RELEASE_5_5 else COMPRESSED_FLAG)
    torn = replace(inner, body=inner.body[:-6])
    assert codec.decode_record(codec.encode_record(torn, 0, 0, 0), release=release) is None


@pytest.mark.parametrize(("method", "name"), [(1, "lz4.frame"), (2, "zstandard")])
def test_methods_of_4_9(method: int, name: str) -> None:
    """STORE-MESSAGE-14: 4.6 takes every packed body for ZLIB."""
    module = pytest.importorskip(name)
    body = module.compress(b"x" * 5000)
    inner = replace(INNER, body=body, sys_flag=COMPRESSED_FLAG | method << 8)
    record = codec.encode_record(inner, 0, 0, 0)
    message = codec.decode_record(record, release=RELEASE_4_9)
    assert message is not None
    assert message.body == b"x" * 5000
    assert codec.decode_record(record, release=RELEASE_4_6) is None


def test_an_unknown_method_is_no_message() -> None:
    """STORE-MESSAGE-14."""
    inner = replace(INNER, body=zlib.compress(b"x"), sys_flag=COMPRESSED_FLAG | 4 << 8)
    record = codec.encode_record(inner, 0, 0, 0)
    assert codec.decode_record(record, release=RELEASE_4_9) is None
    assert codec.decode_record(record, release=RELEASE_4_6) is not None
