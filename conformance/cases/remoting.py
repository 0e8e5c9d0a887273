"""Frames and headers: what is read, what closes the connection."""

from conformance.case import case
from conformance.frames import Frame, encode, encode_parts
from conformance.wire import Wire
from refimpl.remoting.command import SerializeType
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode


@case("REMOTING-FRAME-3/length-above-the-limit", rules=["REMOTING-FRAME-3"])
def length_above_the_limit(w: Wire) -> None:
    """A frame that announces more than 16 MiB closes the connection."""
    connection = w.connect()
    connection.send_raw((16_777_216 + 1).to_bytes(4, "big") + bytes(64))
    connection.expect_close()


@case("REMOTING-FRAME-2/header-that-is-no-json", rules=["REMOTING-FRAME-2"])
def header_that_is_no_json(w: Wire) -> None:
    """A header that does not parse closes the connection, and hurts no other."""
    connection = w.connect()
    connection.send_raw(encode_parts(b"{no json", b"", SerializeType.JSON))
    connection.expect_close()
    w.broker.expect_open()


@case("REMOTING-FRAME-1/split-at-every-byte", rules=["REMOTING-FRAME-1"])
def split_at_every_byte(w: Wire) -> None:
    """A frame that arrives in single bytes is the same frame."""
    connection = w.connect()
    raw = encode(Frame(code=RequestCode.GET_ALL_TOPIC_CONFIG, opaque=77, version=1))
    for at in range(len(raw)):
        connection.send_raw(raw[at : at + 1], asks=77 if at == 0 else None)
    w.expect(connection.answer(77), code=ResponseCode.SUCCESS)


@case("REMOTING-CONNECTION-5/unknown-code", rules=["REMOTING-CONNECTION-5"])
def unknown_code(w: Wire) -> None:
    """A code that nobody knows is refused by the broker; older ones do not answer it at all."""
    opaque = w.broker.submit(9_876)
    if not w.switch.answers_unknown_code:
        w.broker.expect_silence(opaque)
        return
    w.expect(
        w.broker.answer(opaque),
        code=ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
        remark=" request type 9876 not supported",
    )
