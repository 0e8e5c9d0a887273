"""The stored message: what was sent comes back byte by byte, and where it stands."""

import struct
import zlib
from itertools import pairwise

from conformance.case import case
from conformance.channel import ChannelClosed
from conformance.records import BatchMessage, Record, decode_records
from conformance.target import Port
from conformance.wire import Wire
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_COMMIT_LOG_FILE = 1_048_576  # of STANDARD_OPTIONS
_BLANK_BYTES = 8
_BLANK_MAGIC = bytes.fromhex("cbd43194")
_LONGEST_TOPIC = 127
_ADDED_BY_BROKERS = frozenset(("CLUSTER", "MSG_REGION", "TRACE_ON", "WAIT", "UNIQ_KEY"))


def _view(w: Wire, offset: int) -> Record:
    """VIEW_MESSAGE_BY_ID."""
    response = w.broker.request(RequestCode.VIEW_MESSAGE_BY_ID, ext={"offset": offset})
    w.expect(response, code=ResponseCode.SUCCESS)
    (record,) = decode_records(response.body)
    return record


def _own(record: Record) -> dict[str, str]:
    """The properties that the client has sent."""
    return {k: v for k, v in record.properties.items() if k not in _ADDED_BY_BROKERS}


@case("STORE-MESSAGE-1/every-field", rules=["STORE-MESSAGE-1", "STORE-LOG-13", "STORE-MESSAGE-17"])
def every_field(w: Wire) -> None:
    """Every field of a record is what was sent, or what the broker has to say."""
    topic = w.create_topic(queues=3)
    body = bytes(range(256))
    before = w.now()
    sent = w.send(topic, body, queue_id=2, flag=-7, bornTimestamp=12_345, properties={"a": "b"})
    (record,) = w.receive(topic, 2)
    w.equal(record.body, body, "body")
    w.equal(record.body_crc, zlib.crc32(body) & 0x7FFFFFFF, "checksum")
    where = (record.topic, record.queue_id, record.queue_offset)
    w.equal(where, (topic, 2, sent.queue_offset), "topic, queue, offset")
    w.equal((record.flag, record.sys_flag, record.born_timestamp), (-7, 0, 12_345), "flags, born")
    w.equal((record.reconsume_times, record.prepared_transaction_offset), (0, 0), "counters")
    w.check(before - 1000 <= record.store_timestamp <= w.now() + 1000, f"{record.store_timestamp}")
    address = w.target.address(Port.BROKER)
    assert address is not None
    w.equal(record.store_host, (bytes((127, 0, 0, 1)), address.port), "store host")
    w.equal(record.born_host[0], bytes((127, 0, 0, 1)), "born host")
    w.equal(record.message_id, sent.message_id, "message id")
    w.equal(_own(record), {"a": "b"}, "properties")


@case(
    "STORE-MESSAGE-1/bodies",
    rules=["STORE-MESSAGE-1"],
    matrix={
        "zero-byte": {"body": b"\0"},
        "high-checksum-bit": {"body": b"1"},
        "checksum-zero": {"body": bytes.fromhex("9d0ad96d")},
        "magic-code": {"body": bytes.fromhex("daa320a7cbd43194") * 4},
        "separators": {"body": b"\x01\x02" * 8},
        "a-record": {"body": struct.pack(">iI", 91, 0xDAA320A7) + bytes(83)},
    },
)
def bodies(w: Wire, body: bytes) -> None:
    """Bodies that could confuse a reader come back: the lengths decide, not the bytes."""
    topic = w.create_topic(queues=1)
    w.send(topic, body)
    w.send(topic, b"behind")
    w.equal([r.body for r in w.receive(topic, count=2)], [body, b"behind"], "bodies")


@case(
    "STORE-MESSAGE-13/system-flag",
    rules=["STORE-MESSAGE-13"],
    matrix={
        "compressed": {"flag": 1},
        "several-tags": {"flag": 2},
        "compression-method": {"flag": 0x701},
        "unknown-bit": {"flag": 1 << 20},
        "highest-bit": {"flag": -(2**31)},
    },
)
def system_flag(w: Wire, flag: int) -> None:
    """Bits of the system flag that say nothing to the broker are stored as they came."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"as it came", sysFlag=flag)
    (record,) = w.receive(topic)
    w.equal((record.sys_flag, record.body), (flag, b"as it came"), "flag and body")


@case(
    "STORE-LOG-2/inner-batch",
    rules=["STORE-LOG-2", "STORE-LOG-1"],
    matrix={"flag": {"flag": 1 << 7, "name": "a"}, "property": {"flag": 0, "name": "INNER_NUM"}},
)
def inner_batch(w: Wire, flag: int, name: str) -> None:
    """A message that says it is an inner batch is stored by 4.x and illegal for 5.5."""
    topic = w.create_topic(queues=1)
    refused = w.release == "5.5"
    response = w.try_send(topic, sysFlag=flag, properties={name: "2"})
    w.expect(response, code=ResponseCode.MESSAGE_ILLEGAL if refused else ResponseCode.SUCCESS)
    later = w.send(topic, b"later")
    w.equal(later.queue_offset, 0 if refused else 1, "offset of the next message")


@case(
    "STORE-LOG-6/flag-that-lies-about-addresses",
    rules=["STORE-LOG-6", "STORE-MESSAGE-3"],
    fresh=True,
)
def flag_that_lies(w: Wire) -> None:
    """A sender that claims an IPv6 address does not make its message, or the next, unreadable."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"first", sysFlag=0x30)
    w.send(topic, b"second")
    records = w.receive(topic, count=2, within_ms=1500)
    w.equal([r.body for r in records], [b"first", b"second"], "bodies")


@case(
    "STORE-MESSAGE-8/properties",
    rules=["STORE-MESSAGE-8", "STORE-MESSAGE-10"],
    matrix={
        "one": {"text": "a\x01b\x02", "own": "a=b"},
        "no-end": {"text": "a\x01b", "own": "a=b"},
        "two": {"text": "a\x01b\x02c\x01d\x02", "own": "a=b c=d"},
        "empty-items": {"text": "\x02a\x01b\x02\x02", "own": "a=b"},
        "only-separators": {"text": "\x02\x02", "own": ""},
        "no-separator": {"text": "ab\x02c\x01d\x02", "own": "c=d"},
        "empty-value": {"text": "a\x01\x02c\x01d\x02", "own": "c=d"},
        "last-one-wins": {"text": "a\x01b\x02a\x01c\x02", "own": "a=c"},
        "not-ascii": {"text": "\u00e4\x01\u20ac\U0001f600\x02", "own": "\u00e4=\u20ac\U0001f600"},
        "case-matters": {"text": "a\x01b\x02A\x01B\x02", "own": "a=b A=B"},
    },
)
def properties(w: Wire, text: str, own: str) -> None:
    """The text of the properties is read item by item; what has no name or value is left out."""
    _expect_properties(w, text, own)


@case(
    "STORE-MESSAGE-9/value-with-a-separator",
    rules=["STORE-MESSAGE-9"],
)
def value_with_a_separator(w: Wire) -> None:
    """From 4.9 on a value may hold the separator of names; 4.6 drops the property."""
    topic = w.create_topic(queues=1)
    text = "a\x01b\x01c\x02d\x01e\x02"
    response = w.broker.request(
        RequestCode.SEND_MESSAGE, ext={**w.send_ext(topic), "properties": text}, body=b"m"
    )
    w.expect(response, code=ResponseCode.SUCCESS)
    (record,) = w.receive(topic)
    w.equal("a\x01b\x01c" in record.properties_text, w.release != "4.6", "the property is there")
    w.equal(record.properties.get("d"), "e", "the other property")


def _expect_properties(w: Wire, text: str, own: str) -> None:
    topic = w.create_topic(queues=1)
    response = w.broker.request(
        RequestCode.SEND_MESSAGE, ext={**w.send_ext(topic), "properties": text}, body=b"m"
    )
    w.expect(response, code=ResponseCode.SUCCESS)
    (record,) = w.receive(topic)
    wanted = dict(item.split("=") for item in own.split())
    w.equal(_own(record), wanted, "properties")


@case("STORE-MESSAGE-8/end-of-the-text", rules=["STORE-MESSAGE-8", "STORE-MESSAGE-11"])
def end_of_the_text(w: Wire) -> None:
    """A separator ends the stored text in 4.6 and 5.5, and stands only between items in 4.9."""
    topic = w.create_topic(queues=1)
    w.send(topic, properties={"z": "1", "a": "2", "m": "3"})
    (record,) = w.receive(topic)
    text = record.properties_text
    w.equal(text.endswith("\x02"), w.release != "4.9", "ends with a separator")
    w.check("\x02\x02" not in text, f"two separators in {text!r}")
    order = "amz" if w.release == "5.5" else "azm"
    places = [text.index(f"{name}\x01") for name in order]
    w.equal(places, sorted(places), f"order of Java's map: {', '.join(order)}")


@case(
    "STORE-LOG-3/longest-topic",
    rules=["STORE-LOG-3", "STORE-MESSAGE-22", "STORE-LOG-1"],
    matrix={"127": {"length": 127}, "128": {"length": 128}},
)
def longest_topic(w: Wire, length: int) -> None:
    """A topic of 127 characters is stored and read; one of 128 is neither made nor sent to."""
    topic = w.unique("T").ljust(length, "x")
    made = w.try_create_topic(topic)
    if length > _LONGEST_TOPIC:
        w.check(made.code != ResponseCode.SUCCESS, "the topic was made")
        w.check(w.try_send(topic).code != ResponseCode.SUCCESS, "the message was stored")
        w.equal(w.max_offset(topic), 0, "max offset")
        return
    w.create_topic(queues=1, name=topic)
    w.send(topic, b"long name")
    (record,) = w.receive(topic)
    w.equal((record.topic, record.body), (topic, b"long name"), "topic and body")


@case("STORE-LOG-4/largest-record", rules=["STORE-LOG-4", "STORE-LOG-1"])
def largest_record(w: Wire) -> None:
    """4.6 limits the whole record to maxMessageSize, later releases the body: to the byte."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"x")
    (small,) = w.receive(topic)
    limit = 65536 if w.release != "4.6" else 65536 - (small.store_size - len(small.body))
    refused = w.try_send(topic, bytes(limit + 1))
    w.expect(refused, code=ResponseCode.MESSAGE_ILLEGAL)
    w.equal(w.send(topic, b"y" * limit).queue_offset, 1, "offset: the refusal took none")
    w.equal(w.receive(topic, 0, 1)[0].body, b"y" * limit, "body")


@case(
    "STORE-LOG-9/what-fits-no-file",
    rules=["STORE-LOG-9"],
    options={
        "mapedFileSizeCommitLog": "16384",
        "mappedFileSizeCommitLog": "16384",
        "maxMessageSize": "65536",
    },
)
def what_fits_no_file(w: Wire) -> None:
    """A message that is larger than a file of the log is refused, and not lost after an OK."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"before")
    refused = w.try_send(topic, bytes(20_000))
    w.check(refused.code != ResponseCode.SUCCESS, "acknowledged, but there is no place for it")
    w.equal(w.send(topic, b"after").queue_offset, 1, "offset of the next message")


@case("STORE-MESSAGE-16/records-of-a-batch", rules=["STORE-MESSAGE-16", "STORE-LOG-11"])
def records_of_a_batch(w: Wire) -> None:
    """Messages of a batch are records of their own, one behind the other, stored at one time."""
    topic = w.create_topic(queues=1)
    messages = [BatchMessage(b"m" * n, {"n": str(n)}, flag=n) for n in range(1, 11)]
    w.send_batch(topic, messages)
    records = w.receive(topic, count=10)
    w.equal([r.body for r in records], [m.body for m in messages], "bodies")
    w.equal([r.flag for r in records], [m.flag for m in messages], "flags")
    w.equal([r.properties["n"] for r in records], [m.properties["n"] for m in messages], "n")
    w.equal(len({r.store_timestamp for r in records}), 1, "number of store times")
    w.equal({(r.sys_flag, r.prepared_transaction_offset) for r in records}, {(0, 0)}, "flags")
    for one, next_one in pairwise(records):
        w.equal(next_one.physical_offset, one.physical_offset + one.store_size, "place")


@case("STORE-MESSAGE-17/ids-lead-to-messages", rules=["STORE-MESSAGE-17", "STORE-READ-11"])
def ids_lead_to_messages(w: Wire) -> None:
    """The offset in a message id leads to exactly that message."""
    topic = w.create_topic(queues=2)
    for number in range(6):
        body = f"m{number}".encode()
        sent = w.send(topic, body, queue_id=number % 2)
        record = _view(w, int(sent.message_id[-16:], 16))
        found = (record.body, record.message_id, record.queue_offset)
        w.equal(found, (body, sent.message_id, sent.queue_offset), "body, id, queue offset")


@case(
    "STORE-READ-11/no-message-there",
    rules=["STORE-READ-11"],
    matrix={
        "negative": {"offset": -1},
        "least": {"offset": -(2**63)},
        "two-gigabytes": {"offset": 2**31},
        "far-behind": {"offset": 2**62},
    },
)
def no_message_there(w: Wire, offset: int) -> None:
    """An offset where the log is not is refused, and the broker goes on."""
    w.send(w.create_topic(queues=1))
    response = w.broker.request(RequestCode.VIEW_MESSAGE_BY_ID, ext={"offset": offset})
    w.expect(
        response,
        code=ResponseCode.SYSTEM_ERROR,
        remark=f"can not find message by the offset, {offset}",
    )


@case(
    "STORE-MESSAGE-18/ids-of-another-form",
    rules=["STORE-MESSAGE-18", "STORE-READ-11"],
    matrix={"in-a-record": {"more": 5}, "behind-the-length": {"more": 4}},
)
def ids_of_another_form(w: Wire, more: int) -> None:
    """An offset into the middle of a record gives no message."""
    sent = w.send(w.create_topic(queues=1), b"whole")
    offset = int(sent.message_id[-16:], 16) + more
    response = w.broker.request(RequestCode.VIEW_MESSAGE_BY_ID, ext={"offset": offset})
    w.expect(response, code=ResponseCode.SYSTEM_ERROR)
    w.broker.expect_open()


@case("STORE-LOG-8/files-roll", rules=["STORE-LOG-8", "STORE-MESSAGE-4", "STORE-CQ-16"])
def files_roll(w: Wire) -> None:
    """Messages of more than two files are read in order; no record crosses the end of a file.

    Other topics have records between them, of this case and maybe of what others have left behind
    (delays, transaction checks): every byte between two messages belongs to records or to the end
    of a file, and what begins a file did not fit the one before.
    """
    topic, other = w.create_topic(queues=1), w.create_topic(queues=1)
    count = 40
    for number in range(count):
        w.send(topic, bytes((number,)) * 60_000)
        if number % 3 == 0:
            w.send(other, b"between" * (number + 1))
    records = [w.receive(topic, 0, number)[0] for number in range(count)]
    w.equal([r.body[:1] for r in records], [bytes((n,)) for n in range(count)], "bodies")
    files = {_file_of(w, record) for record in records}
    w.equal(sorted(files)[2] - min(files), 2, "three files in a row")
    for one, next_one in pairwise(records):
        _expect_whole_log(w, one, next_one)


def _expect_whole_log(w: Wire, one: Record, last: Record) -> None:
    """From `one` to `last` of the same topic each record begins where the one before ends."""
    while one.physical_offset != last.physical_offset:
        end = one.physical_offset + one.store_size
        next_one = _record_at(w, end) if end % _COMMIT_LOG_FILE else None
        if next_one is None:
            left = -end % _COMMIT_LOG_FILE
            next_one = _view(w, end + left)
            w.check(next_one.store_size + _BLANK_BYTES > left, f"{left} bytes were enough")
        _file_of(w, next_one)
        w.check(next_one.physical_offset <= last.physical_offset, f"no message at {end}")
        one = next_one


def _record_at(w: Wire, offset: int) -> Record | None:
    """The record that begins there; None for the blank record that ends a file."""
    response = w.broker.request(RequestCode.VIEW_MESSAGE_BY_ID, ext={"offset": offset})
    if response.code != ResponseCode.SUCCESS or response.body[4:8] == _BLANK_MAGIC:
        return None
    (record,) = decode_records(response.body)
    return record


def _file_of(w: Wire, record: Record) -> int:
    """The number of the record's file; fails where the record leaves no room for a blank."""
    first = record.physical_offset // _COMMIT_LOG_FILE
    last_byte = record.physical_offset + record.store_size + _BLANK_BYTES - 1
    w.equal(last_byte // _COMMIT_LOG_FILE, first, "file of the last byte, with room for a blank")
    return first


@case("STORE-LOG-11/batch-at-the-end-of-a-file", rules=["STORE-LOG-11", "STORE-LOG-8"])
def batch_at_the_end_of_a_file(w: Wire) -> None:
    """Whole batches are sent over several files: each lies in one file, in order."""
    topic = w.create_topic(queues=1)
    batches = 60
    for number in range(batches):
        w.send_batch(topic, [BatchMessage(bytes((number,)) * 9_000, {}) for _ in range(4)])
    w.await_max_offset(topic, 0, 4 * batches)
    crossed = set()
    for number in range(batches):
        records = w.receive(topic, 0, 4 * number, count=4)
        w.equal([r.body[0] for r in records], [number] * 4, "first bytes")
        files = {_file_of(w, record) for record in records}
        w.equal(len(files), 1, f"files of batch {number}")
        crossed |= files
    w.check(len(crossed) > 1, "no file came to its end")


@case(
    "STORE-LOG-1/client-hangs-up",
    rules=["STORE-LOG-1", "STORE-LOG-7"],
)
def client_hangs_up(w: Wire) -> None:
    """A sender that is gone before its answer leaves a whole message, or none."""
    topic = w.create_topic(queues=1)
    for number in range(10):
        connection = w.connect()
        try:
            connection.submit(
                RequestCode.SEND_MESSAGE, ext=w.send_ext(topic), body=f"m{number}".encode()
            )
        except ChannelClosed:
            w.note("closed early")
        connection.close()
    last = w.send(topic, b"last").queue_offset
    records = w.receive(topic, count=last + 1)
    w.equal(records[-1].body, b"last", "body of the last message")
    w.equal([r.queue_offset for r in records], list(range(last + 1)), "offsets")
    w.equal(len({r.body for r in records}), last + 1, "number of different bodies")
