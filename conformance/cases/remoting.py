"""Frames: the two length words, cutting, limits, and what closes a connection."""

import struct

from conformance.case import case
from conformance.connection import Connection
from conformance.frames import Frame, encode, encode_parts
from conformance.verdict import Failure
from conformance.wire import Wire
from refimpl.remoting.command import SerializeType
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_FRAME_MAX = 16_777_216  # with the first length word
_CODECS = {"json": {"codec": 0}, "rocketmq": {"codec": 1}}


def _max_offset_frame(topic: str, opaque: int, codec: int = 0, body: bytes = b"") -> bytes:
    """GET_MAX_OFFSET of queue 0."""
    return encode(
        Frame(
            code=RequestCode.GET_MAX_OFFSET,
            opaque=opaque,
            version=1,
            ext={"topic": topic, "queueId": "0"},
            serialize=SerializeType(codec),
            body=body,
        )
    )


def _with_one_message(w: Wire) -> str:
    topic = w.create_topic(queues=1)
    w.send(topic, b"kept")
    w.await_max_offset(topic, 0, 1)
    return topic


@case(
    "REMOTING-FRAME-3/length-above-the-limit",
    rules=["REMOTING-FRAME-3", "REMOTING-FRAME-4"],
    matrix={
        "one-more": {"length": _FRAME_MAX - 3},
        "the-limit-itself": {"length": _FRAME_MAX},
        "largest": {"length": 2**31 - 1},
        "minus-one": {"length": 2**32 - 1},
        "least": {"length": 2**31},
    },
)
def length_above_the_limit(w: Wire, length: int) -> None:
    """A length above the limit closes the connection before the bytes are there."""
    connection = w.connect()
    connection.send_raw(length.to_bytes(4, "big") + bytes(64))
    connection.expect_close()
    w.broker.expect_open()


@case("REMOTING-FRAME-3/largest-frame", rules=["REMOTING-FRAME-3", "REMOTING-FRAME-1"])
def largest_frame(w: Wire) -> None:
    """A frame of exactly 16 MiB with its length word is read and answered."""
    topic = _with_one_message(w)
    empty = _max_offset_frame(topic, 5)
    connection = w.connect()
    connection.send_raw(_max_offset_frame(topic, 5, body=bytes(_FRAME_MAX - len(empty))), asks=5)
    w.expect(connection.answer(5, timeout_ms=5000), code=ResponseCode.SUCCESS, ext={"offset": "1"})


@case(
    "REMOTING-FRAME-5/no-room-for-a-header-length",
    rules=["REMOTING-FRAME-5", "REMOTING-FRAME-4"],
    matrix={str(length): {"length": length} for length in range(4)},
)
def no_room_for_a_header_length(w: Wire, length: int) -> None:
    """A frame of 0 to 3 bytes closes the connection."""
    connection = w.connect()
    connection.send_raw(length.to_bytes(4, "big") + bytes(length) + bytes(12))
    connection.expect_close()


@case(
    "REMOTING-FRAME-6/header-longer-than-its-frame",
    rules=["REMOTING-FRAME-6", "REMOTING-FRAME-4"],
    matrix={
        f"{name}-by-{more}": {**codec, "more": more}
        for name, codec in _CODECS.items()
        for more in (1, 1000, 0xFFFF00)
    },
)
def header_longer_than_its_frame(w: Wire, codec: int, more: int) -> None:
    """A header length that leads out of the frame closes the connection."""
    topic = w.create_topic(queues=1)
    raw = _max_offset_frame(topic, 5, codec)
    header = raw[8:]
    mark = codec << 24 | min(len(header) + more, 0xFFFFFF)
    connection = w.connect()
    connection.send_raw(struct.pack(">II", 4 + len(header), mark) + header + bytes(2000))
    connection.expect_close()
    w.broker.expect_open()


@case(
    "REMOTING-FRAME-6/header-shorter-than-its-text",
    rules=["REMOTING-FRAME-6", "REMOTING-FRAME-1", "REMOTING-FRAME-4"],
    matrix={
        f"{name}-{less}": {**codec, "less": less}
        for name, codec in _CODECS.items()
        for less in ("one", "all")
    },
)
def header_shorter_than_its_text(w: Wire, codec: int, less: str) -> None:
    """Where the header length cuts the header, the rest is body and the header is refused."""
    topic = w.create_topic(queues=1)
    header = _max_offset_frame(topic, 5, codec)[8:]
    length = len(header) - 1 if less == "one" else 0
    connection = w.connect()
    connection.send_raw(struct.pack(">II", 4 + len(header), codec << 24 | length) + header)
    connection.expect_close()


@case(
    "REMOTING-FRAME-7/unknown-codec",
    rules=["REMOTING-FRAME-7", "REMOTING-FRAME-4"],
    matrix={str(codec): {"codec": codec} for codec in (2, 3, 127, 128, 255)},
)
def unknown_codec(w: Wire, codec: int) -> None:
    """A codec other than JSON and ROCKETMQ closes the connection; nothing is guessed."""
    topic = w.create_topic(queues=1)
    connection = w.connect()
    connection.send_raw(encode_parts(_max_offset_frame(topic, 5)[8:], b"", codec))
    connection.expect_close()


@case(
    "REMOTING-FRAME-4/header-that-is-no-header",
    rules=["REMOTING-FRAME-4", "REMOTING-HEADER-2"],
    matrix={
        "text": {"header": b"{no json"},
        "nothing": {"header": b""},
        "blank": {"header": b" "},
        "null": {"header": b"null"},
        "true": {"header": b"true"},
        "number": {"header": b"30"},
        "string": {"header": b'"header"'},
        "array": {"header": b"[]"},
        "array-of-a-header": {"header": b'[{"code":21,"opaque":5}]'},
        "two-headers": {"header": b'{"code":21,"opaque":5}{"code":21,"opaque":5}'},
        "no-end": {"header": b'{"code":21,"opaque":5'},
        "open-string": {"header": b'{"code":21,"remark":"x'},
        "text-behind": {"header": b'{"code":21,"opaque":5}x'},
        "utf-16": {"header": '{"code":21,"opaque":5}'.encode("utf-16-le")},
        "bad-escape": {"header": b'{"code":21,"opaque":5,"remark":"\\q"}'},
        "short-escape": {"header": b'{"code":21,"opaque":5,"remark":"\\u12"}'},
        "bytes-that-are-no-text": {"header": b"\xff\xfe\xfd"},
        "deep-arrays": {"header": b"[" * 100_000},
        "deep-objects": {"header": b'{"a":' * 20_000},
    },
)
def header_that_is_no_header(w: Wire, header: bytes) -> None:
    """A header that cannot be read closes the connection without an answer, and hurts no other."""
    connection = w.connect()
    connection.send_raw(encode_parts(header, b"", SerializeType.JSON) + bytes(8))
    connection.expect_close()
    w.broker.expect_open()


@case(
    "REMOTING-FRAME-2/single-bytes",
    rules=["REMOTING-FRAME-2", "REMOTING-FRAME-1"],
    matrix=_CODECS,
)
def single_bytes(w: Wire, codec: int) -> None:
    """A frame that arrives in single bytes is the same frame."""
    topic = _with_one_message(w)
    connection = w.connect()
    raw = _max_offset_frame(topic, 77, codec, body=b"a body that nobody reads")
    for at in range(len(raw)):
        connection.send_raw(raw[at : at + 1], asks=77 if at == 0 else None)
    w.expect(connection.answer(77), code=ResponseCode.SUCCESS, ext={"offset": "1"})


@case("REMOTING-FRAME-2/split-at-every-byte", rules=["REMOTING-FRAME-2"], matrix=_CODECS)
def split_at_every_byte(w: Wire, codec: int) -> None:
    """Frames cut in two at every place, the rest with the beginning of the next one."""
    topic = _with_one_message(w)
    connection = w.connect()
    size = len(_max_offset_frame(topic, 1000, codec))
    rest = b""
    for at in range(1, size):
        raw = _max_offset_frame(topic, 1000 + at, codec)
        connection.send_raw(rest + raw[:at], asks=1000 + at)
        rest = raw[at:]
    connection.send_raw(rest)
    for at in range(1, size):
        w.expect(connection.answer(1000 + at), code=ResponseCode.SUCCESS, ext={"offset": "1"})


@case("REMOTING-FRAME-2/many-frames-in-one-write", rules=["REMOTING-FRAME-2"], matrix=_CODECS)
def many_frames_in_one_write(w: Wire, codec: int) -> None:
    """Two hundred frames in one write are two hundred requests, each answered once."""
    topic = _with_one_message(w)
    connection = w.connect()
    opaques = range(5000, 5200)
    for opaque in opaques:
        connection.send_raw(b"", asks=opaque)
    connection.send_raw(b"".join(_max_offset_frame(topic, opaque, codec) for opaque in opaques))
    for opaque in opaques:
        w.expect(connection.answer(opaque), code=ResponseCode.SUCCESS, ext={"offset": "1"})


@case(
    "REMOTING-FRAME-4/what-came-before-counts",
    rules=["REMOTING-FRAME-4", "REMOTING-FRAME-2"],
    matrix={
        "bad-header": {"bad": encode_parts(b"{no json", b"", 0)},
        "too-long": {"bad": b"\x7f\xff\xff\xff"},
        "bad-codec": {"bad": encode_parts(b"{}", b"", 9)},
    },
)
def what_came_before_counts(w: Wire, bad: bytes) -> None:
    """A whole request in front of bytes that are no frame is served; the connection is closed."""
    topic = w.create_topic(queues=1)
    send = Frame(
        code=RequestCode.SEND_MESSAGE,
        opaque=5,
        version=1,
        ext={name: str(value) for name, value in w.send_ext(topic).items()},
        body=b"before",
    )
    connection = w.connect()
    connection.send_raw(encode(send) + bad, asks=5)
    connection.expect_close()
    w.equal(w.receive(topic)[0].body, b"before", "body")


@case("REMOTING-FRAME-1/body-behind-the-header", rules=["REMOTING-FRAME-1"], matrix=_CODECS)
def body_behind_the_header(w: Wire, codec: int) -> None:
    """Bodies with bytes of every value arrive as they were sent."""
    topic = w.create_topic(queues=1)
    bodies = [b"\0", bytes(range(256)) * 240, b"last"]
    for body in bodies:
        w.send(topic, body, serialize=SerializeType(codec))
    w.equal([r.body for r in w.receive(topic, count=len(bodies))], bodies, "bodies")


@case("REMOTING-FRAME-9/first-twelve-bytes", rules=["REMOTING-FRAME-9"])
def first_twelve_bytes(w: Wire) -> None:
    """Eight malformed bytes close the connection at once in 4.x, with four more in 5.5."""
    connection = w.connect()
    connection.send_raw(struct.pack(">II", 4, 9 << 24))  # an unknown codec, no header
    if w.switch.detects_proxy_protocol:
        _still_open(connection)
        connection.send_raw(bytes(4))
    connection.expect_close()


def _still_open(connection: Connection) -> None:
    """Raise `Failure` if the target closes within a moment in which it closes elsewhere."""
    try:
        connection.expect_close(within_ms=100)
    except Failure:
        return
    raise Failure("closed before twelve bytes were there")
