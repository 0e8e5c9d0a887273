"""JSON and ROCKETMQ headers: what real clients send, what is read, what is refused.

Every header asks for the max offset of queue 1 of a topic with one message there, so that an
answer proves that code, opaque, topic and queue id were understood.
"""

import json
import struct
from collections.abc import Mapping

from conformance.case import case
from conformance.connection import Connection
from conformance.frames import encode_parts
from conformance.wire import Wire
from refimpl.model.ids import JsonValue
from refimpl.remoting.command import SerializeType
from refimpl.remoting.response_code import ResponseCode

_OPAQUE = 7
_TOPIC = "TOPIC"  # stands for the topic in headers
_PLAIN: Mapping[str, JsonValue] = {
    "code": 30,
    "extFields": {"queueId": "1", "topic": _TOPIC},
    "flag": 0,
    "language": "JAVA",
    "opaque": _OPAQUE,
    "serializeTypeCurrentRPC": "JSON",
    "version": 335,
}
_TEXT = json.dumps(_PLAIN)
_ALL, _OLD, _NEW, _NONE = "4.6 4.9 5.5", "4.6 4.9", "5.5", ""


def _with(read: str, **members: JsonValue) -> dict[str, str]:
    """The plain header with these members over it; `read` names the releases that take it."""
    return {"text": json.dumps({**_PLAIN, **members}), "read": read}


def _without(*names: str) -> dict[str, str]:
    return {"text": json.dumps({k: v for k, v in _PLAIN.items() if k not in names}), "read": _ALL}


def _ext(read: str, **fields: JsonValue) -> dict[str, str]:
    return _with(read, extFields={"queueId": "1", "topic": _TOPIC, **fields})


def _changed(read: str, old: str, new: str) -> dict[str, str]:
    assert old in _TEXT, old
    return {"text": _TEXT.replace(old, new), "read": read}


def _around(read: str, before: str, after: str = "") -> dict[str, str]:
    return {"text": before + _TEXT + after, "read": read}


def _prepare(w: Wire) -> str:
    topic = w.create_topic(queues=2)
    w.send(topic, queue_id=1)
    w.await_max_offset(topic, 1, 1)
    return topic


def _judge(w: Wire, connection: Connection, *, read: bool) -> None:
    if read:
        answer = connection.answer(_OPAQUE)
        w.expect(answer, code=ResponseCode.SUCCESS, ext={"offset": "1"})
    else:
        connection.expect_close()
        w.broker.expect_open()


def _ask(w: Wire, text: str, read: str) -> None:
    connection = w.connect()
    header = text.replace(_TOPIC, _prepare(w)).encode()
    connection.send_raw(encode_parts(header, b"", SerializeType.JSON), asks=_OPAQUE)
    _judge(w, connection, read=w.release in read.split())


@case(
    "REMOTING-HEADER-2/what-clients-send",
    rules=["REMOTING-HEADER-2"],
    matrix={
        "number-in-ext": _ext(_ALL, queueId=1),
        "boolean-in-ext": _ext(_ALL, unitMode=False),
        "null-in-ext": _ext(_ALL, other=None),
        "object-in-ext": _ext(_ALL, other={"a": [1, None]}),
        "text-of-a-number": _with(_ALL, code="30"),
        "opaque-as-text": _with(_ALL, opaque="7"),
        "flag-as-text": _with(_ALL, flag="0"),
        "version-as-text": _with(_ALL, version="335"),
        "fraction": _with(_ALL, code=30.9),
        "exponent": _changed(_ALL, '"code": 30', '"code": 3e1'),
        "no-flag": _without("flag"),
        "null-flag": _with(_ALL, flag=None),
        "empty-flag": _with(_ALL, flag=""),
        "no-version": _without("version"),
        "no-language": _without("language"),
        "no-codec": _without("serializeTypeCurrentRPC"),
        "four-members": _without("flag", "version", "language", "serializeTypeCurrentRPC"),
        "other-codec": _with(_ALL, serializeTypeCurrentRPC="ROCKETMQ"),
        "unknown-codec-name": _with(_ALL, serializeTypeCurrentRPC="XML"),
        "empty-remark": _with(_ALL, remark=""),
        "null-remark": _with(_ALL, remark=None),
        "remark-as-object": _with(_ALL, remark={"a": 1}),
        "language-as-ordinal": _with(_ALL, language=9),
        "null-language": _with(_ALL, language=None),
        "newline-behind": _around(_ALL, "", "\n"),
        "newline-before": _around(_ALL, "\r\n"),
        "newlines-inside": _changed(_ALL, ", ", ",\n"),
        "zero-byte-behind": _around(_ALL, "", "\0"),
        "unknown-member": _with(_ALL, colour={"a": [1, {"b": None}]}),
        "escaped-names": _changed(_ALL, '"queueId"', '"\\u0071ueueId"'),
        "negative-version": _with(_ALL, version=-1),
        "double-entry-in-ext": _changed(_ALL, '"queueId": "1"', '"queueId": "0", "queueId": "1"'),
        "arabic-digits": _ext(_ALL, queueId="\u0661"),
        "explicit-plus": _ext(_ALL, queueId="+1"),
    },
)
def what_clients_send(w: Wire, text: str, read: str) -> None:
    """Odd headers that clients in other languages send are understood."""
    _ask(w, text, read)


@case(
    "REMOTING-HEADER-2/what-closes",
    rules=["REMOTING-HEADER-2", "REMOTING-FRAME-4"],
    matrix={
        "code-as-word": _with(_NONE, code="thirty"),
        "code-with-blank": _with(_NONE, code=" 30"),
        "code-as-array": _with(_NONE, code=[]),
        "code-of-33-bits": _with(_NONE, code=2**31),
        "code-hexadecimal": _changed(_NONE, '"code": 30', '"code": 0x1E'),
        "opaque-of-33-bits": _with(_NONE, opaque=2**31),
        "opaque-as-word": _with(_NONE, opaque="seven"),
        "flag-of-80-bits": _with(_NONE, flag=2**80),
        "version-as-word": _with(_NONE, version="x"),
        "ext-as-text": _with(_NONE, extFields="x"),
        "ext-as-number": _with(_NONE, extFields=0),
        "ext-as-array": _with(_NONE, extFields=["queueId", "1"]),
        "ext-as-boolean": _with(_NONE, extFields=True),
        "language-as-boolean": _with(_NONE, language=True),
        "language-as-object": _with(_NONE, language={}),
        "codec-ordinal": _with(_NONE, serializeTypeCurrentRPC=2),
        "codec-as-boolean": _with(_NONE, serializeTypeCurrentRPC=True),
        "body-as-number": _with(_NONE, body=1),
        "body-as-object": _with(_NONE, body={}),
    },
)
def what_closes(w: Wire, text: str, read: str) -> None:
    """A member of a type that Java cannot put into its field closes the connection."""
    _ask(w, text, read)


@case(
    "REMOTING-HEADER-5/leniency",
    rules=["REMOTING-HEADER-5"],
    matrix={
        "single-quotes": _changed(_ALL, '"', "'"),
        "line-comment": _around(_ALL, "// hi\n"),
        "plus": _changed(_ALL, '"code": 30', '"code": +30'),
        "java-long": _changed(_ALL, '"code": 30', '"code": 30L'),
        "comma-at-the-end": _changed(_ALL, "335}", "335,}"),
        "comment-at-the-start": _around(_ALL, "/* hi */"),
        "hexadecimal-escape": _changed(_ALL, '"JAVA"', '"\\x4AAVA"'),
        "name-without-quotes": _changed(_OLD, '"flag"', "flag"),
        "many-commas": _changed(_OLD, ", ", ",, "),
        "byte-order-mark": _around(_OLD, "\ufeff"),
        "control-character-behind": _around(_OLD, "", "\x01"),
        "control-character-before-value": _changed(_OLD, '"flag": ', '"flag": \x01'),
        "control-character-behind-value": _changed(_OLD, "335}", "335\x0b}"),
        "control-character-at-name": _changed(_NONE, '"flag": ', '"flag"\x01: '),
        "comma-in-number-text": _with(_OLD, code="3,0"),
        "body-as-text": _with(_OLD, body="aGk="),
        "number-as-object": _with(_NEW, version={}),
        "number-as-array": _with(_NEW, version=[335]),
        "language-as-fraction": _with(_NEW, language=0.5),
        "type-in-header": _changed(_NEW, '{"code"', '{"@type": "java.lang.Object", "code"'),
        "comma-behind": _around(_NEW, "", ","),
        "no-break-space": _changed(_NONE, ", ", ",\u00a0"),
        "two-braces": _around(_NONE, "", "}"),
    },
)
def leniency(w: Wire, text: str, read: str) -> None:
    """What fastjson 1 and 2 read beside JSON; whoever does not read it closes the connection."""
    _ask(w, text, read)


@case(
    "REMOTING-HEADER-5/spelling-of-names",
    rules=["REMOTING-HEADER-5", "REMOTING-HEADER-2"],
    matrix={
        "other-case": {"name": "EXTFIELDS"},
        "underscore": {"name": "ext_fields"},
        "dash": {"name": "ext-fields"},
    },
)
def spelling_of_names(w: Wire, name: str) -> None:
    """`extFields` in another spelling: fastjson 1 does not mind, fastjson 2 misses the fields."""
    topic = _prepare(w)
    connection = w.connect()
    header = _TEXT.replace("extFields", name).replace(_TOPIC, topic).encode()
    connection.send_raw(encode_parts(header, b"", SerializeType.JSON), asks=_OPAQUE)
    answer = connection.answer(_OPAQUE)
    if w.switch.oldest_json:
        w.expect(answer, code=ResponseCode.SUCCESS, ext={"offset": "1"})
    else:
        w.expect(answer, code=ResponseCode.SYSTEM_ERROR)


@case(
    "REMOTING-CODES-3/language",
    rules=["REMOTING-CODES-3"],
    matrix={
        "first-unknown-name": _with(_ALL, language="KLINGON"),
        "name-in-other-case": _with(_ALL, language="java"),
        "empty-name": _with(_ALL, language=""),
        "node-by-name": _with(_ALL, language="NODE_JS"),
        "last-of-4.6": _with(_ALL, language=11),
        "rust": _with("4.9 5.5", language=12),
        "node": _with(_NEW, language=13),
        "nobody": _with(_NONE, language=99),
        "negative": _with(_NONE, language=-1),
    },
)
def language(w: Wire, text: str, read: str) -> None:
    """An unknown name of a language is served, an unknown ordinal closes the connection."""
    _ask(w, text, read)


# --- the ROCKETMQ header


def _entry(
    key: bytes, value: bytes, key_length: int | None = None, length: int | None = None
) -> bytes:
    """One entry of the fields; lengths other than the true ones where given."""
    return (
        struct.pack(">h", len(key) if key_length is None else key_length)
        + key
        + struct.pack(">i", len(value) if length is None else length)
        + value
    )


def _binary(
    topic: str,
    *,
    language: int = 0,
    version: int = 335,
    remark: bytes = b"",
    remark_length: int | None = None,
    fields_longer: int = 0,
    key_length: int | None = None,
    value_length: int | None = None,
    more: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    """GET_MAX_OFFSET of queue 1; the lengths belong to the last entry."""
    fields = _entry(b"topic", topic.encode()) + more
    fields += _entry(b"queueId", b"1", key_length, value_length)
    head = struct.pack(">hbhii", 30, language, version, _OPAQUE, 0)
    length = len(remark) if remark_length is None else remark_length
    return (
        head
        + struct.pack(">i", length)
        + remark
        + struct.pack(">i", len(fields) + fields_longer)
        + fields
        + tail
    )


def _ask_binary(w: Wire, header: bytes, *, read: bool, body: bytes = b"") -> None:
    connection = w.connect()
    connection.send_raw(encode_parts(header, body, SerializeType.ROCKETMQ), asks=_OPAQUE)
    _judge(w, connection, read=read)


@case(
    "REMOTING-HEADER-7/lengths",
    rules=["REMOTING-HEADER-7", "REMOTING-FRAME-4"],
    matrix={
        f"{field.replace('_', '-')}-{name}": {"field": field, "value": value}
        for field, values in {
            "remark_length": {"one": 1, "hundred": 100, "megabyte": 1 << 20, "largest": 2**31 - 1},
            "fields_longer": {"by-one": 1, "by-four": 4, "largest": 2**31 - 1000},
            "key_length": {"minus-one": -1, "least": -(2**15), "one-more": 8, "largest": 2**15 - 1},
            "value_length": {"minus-one": -1, "least": -(2**31), "two": 2, "largest": 2**31 - 1},
        }.items()
        for name, value in values.items()
    },
)
def lengths(w: Wire, field: str, value: int) -> None:
    """A length that is negative or leads out of the frame closes the connection."""
    topic = _prepare(w)
    wrong = {field: value}
    header = _binary(
        topic,
        remark_length=wrong.get("remark_length"),
        fields_longer=wrong.get("fields_longer", 0),
        key_length=wrong.get("key_length"),
        value_length=wrong.get("value_length"),
    )
    _ask_binary(w, header, read=False)


@case("REMOTING-HEADER-7/lengths-into-the-body", rules=["REMOTING-HEADER-7"])
def lengths_into_the_body(w: Wire) -> None:
    """A value or a remark longer than the whole header closes the connection, body or not."""
    topic = _prepare(w)
    for header in (_binary(topic, value_length=1000), _binary(topic, remark_length=1000)):
        _ask_binary(w, header, read=False, body=b"1" * 3000)


@case("REMOTING-HEADER-7/negative-remark", rules=["REMOTING-HEADER-7"])
def negative_remark(w: Wire) -> None:
    """A negative length of the remark is none in 4.6, and closes the connection later."""
    _ask_binary(w, _binary(_prepare(w), remark_length=-1), read=w.release == "4.6")


@case("REMOTING-HEADER-7/cut-at-every-byte", rules=["REMOTING-HEADER-7", "REMOTING-FRAME-4"])
def cut_at_every_byte(w: Wire) -> None:
    """A ROCKETMQ header that ends anywhere before its end closes the connection."""
    topic = _prepare(w)
    header = _binary(topic)
    for length in range(len(header)):
        connection = w.connect()
        connection.send_raw(encode_parts(header[:length], b"", 1) + bytes(4))
        connection.expect_close()
        connection.close()
    _ask_binary(w, header, read=True)


@case(
    "REMOTING-HEADER-7/what-is-read",
    rules=["REMOTING-HEADER-7"],
    matrix={
        "empty-key": {"more": _entry(b"", b"x")},
        "empty-value": {"more": _entry(b"x", b"")},
        "remark": {"remark": b"a remark"},
        "remark-that-is-no-text": {"remark": b"\xff\xfe"},
        "unknown-field": {"more": _entry(b"colour", b"red")},
        "last-entry-wins": {"more": _entry(b"queueId", b"0")},
        "unknown-language": {"language": 99},
        "negative-language": {"language": -1},
        "negative-version": {"version": -1},
    },
)
def what_is_read(
    w: Wire, more: bytes = b"", remark: bytes = b"", language: int = 0, version: int = 335
) -> None:
    """Odd ROCKETMQ headers that are read; an unknown language is no reason to close here."""
    topic = _prepare(w)
    header = _binary(topic, more=more, remark=remark, language=language, version=version)
    _ask_binary(w, header, read=True)


@case("REMOTING-HEADER-7/empty-value-is-null", rules=["REMOTING-HEADER-7"])
def empty_value_is_null(w: Wire) -> None:
    """An empty topic is a text in 4.6, and no topic at all later."""
    fields = _entry(b"topic", b"") + _entry(b"queueId", b"0")
    head = struct.pack(">hbhii", 30, 0, 335, _OPAQUE, 0)
    header = head + struct.pack(">ii", 0, len(fields)) + fields
    connection = w.connect()
    connection.send_raw(encode_parts(header, b"", 1), asks=_OPAQUE)
    code = w.by_release({"4.6": 0, "4.9": 1, "5.5": 1})
    w.expect(connection.answer(_OPAQUE), code=code)


@case("REMOTING-HEADER-8/padded-header", rules=["REMOTING-HEADER-8"])
def padded_header(w: Wire) -> None:
    """Bytes behind the fields are passed over in 4.6, and begin the body from 4.9 on."""
    topic = w.create_topic(queues=1)
    fields = b"".join(
        _entry(name.encode(), str(value).encode()) for name, value in w.send_ext(topic).items()
    )
    head = struct.pack(">hbhii", 10, 0, 335, _OPAQUE, 0) + struct.pack(">ii", 0, len(fields))
    connection = w.connect()
    connection.send_raw(encode_parts(head + fields + b"PAD", b"body", 1), asks=_OPAQUE)
    w.expect(connection.answer(_OPAQUE), code=ResponseCode.SUCCESS)
    expected = b"body" if w.switch.header_in_own_array else b"PADb"
    w.equal(w.receive(topic)[0].body, expected, "body")


@case(
    "REMOTING-HEADER-6/sixteen-bits",
    rules=["REMOTING-HEADER-6", "REMOTING-CONNECTION-5"],
    releases=["4.9", "5.5"],
    matrix={
        "3442": {"code": 3442},
        "minus-one": {"code": -1},
        "least": {"code": -32768},
        "largest": {"code": 32767},
    },
)
def sixteen_bits(w: Wire, code: int) -> None:
    """The code of a ROCKETMQ header is signed and has 16 bits."""
    header = struct.pack(">hbhii", code, 0, 335, _OPAQUE, 0) + struct.pack(">ii", 0, 0)
    connection = w.connect()
    connection.send_raw(encode_parts(header, b"", 1), asks=_OPAQUE)
    w.expect(
        connection.answer(_OPAQUE),
        code=ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
        remark=f" request type {code} not supported",
    )
