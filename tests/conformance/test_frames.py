"""The judge's own codecs, held against the reference's: two authors, one format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import lenient_json
from conformance.frames import Frame, FrameReader, MalformedFrame, decode, encode, encode_parts
from conformance.records import BatchMessage, decode_records, encode_batch, parse_properties
from conformance.verdict import Failure
from refimpl.model.release import RELEASES
from refimpl.remoting.command import SerializeType
from refimpl.remoting.frame import FrameDecoder
from refimpl.remoting.frame import decode as remoting_decode

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=8)
FRAMES = st.builds(
    Frame,
    code=st.integers(0, 32767),
    opaque=st.integers(-(2**31), 2**31 - 1),
    flag=st.integers(0, 3),
    version=st.integers(0, 1000),
    remark=st.one_of(st.none(), TEXT.filter(bool)),
    # Java takes an empty value of the ROCKETMQ codec for none: not what this file is about.
    ext=st.dictionaries(TEXT.filter(bool), TEXT.filter(bool), min_size=1, max_size=3),
    body=st.binary(max_size=20),
    serialize=st.sampled_from(SerializeType),
)


@given(FRAMES)
def test_what_is_written_is_read(frame: Frame) -> None:
    again = decode(encode(frame))
    assert (again.code, again.opaque, again.flag) == (frame.code, frame.opaque, frame.flag)
    assert (again.ext, again.remark, again.body) == (frame.ext, frame.remark, frame.body)


@given(FRAMES)
def test_the_reference_reads_what_the_judge_writes(frame: Frame) -> None:
    (raw,) = FrameDecoder().feed(encode(frame))
    command = remoting_decode(raw, RELEASES["4.9"])
    assert (command.code, command.opaque, command.flag) == (frame.code, frame.opaque, frame.flag)
    assert (command.ext_fields, command.body) == (frame.ext, frame.body)


def test_frames_are_cut_at_every_byte() -> None:
    raw = encode(Frame(code=1, opaque=2, body=b"x"))
    reader = FrameReader()
    cut = []
    for byte in raw + raw:
        reader.feed(bytes([byte]))
        cut.append(reader.next_raw())
    assert [frame for frame in cut if frame is not None] == [raw, raw]
    assert cut[len(raw) - 1] == raw


@pytest.mark.parametrize(
    "raw",
    [
        encode_parts(b"[]", b"", SerializeType.JSON),
        encode_parts(b'{"code":1}', b"", SerializeType.JSON),
        encode_parts(b'{"code":1,"opaque":true,"flag":1,"version":1}', b"", SerializeType.JSON),
        encode_parts(b"{}", b"", 7),
        encode_parts(b"\x00" * 12, b"", SerializeType.ROCKETMQ),
        encode(Frame(code=1, opaque=1, serialize=SerializeType.ROCKETMQ))[:4]
        + b"\x01\x7f\xff\xff"
        + bytes(21),
    ],
)
def test_a_target_that_sends_these_has_failed(raw: bytes) -> None:
    with pytest.raises(MalformedFrame):
        decode(raw)


@pytest.mark.parametrize("length", [0, -1, 2**31 - 1])
def test_impossible_lengths_are_malformed(length: int) -> None:
    reader = FrameReader()
    reader.feed(length.to_bytes(4, "big", signed=True))
    with pytest.raises(MalformedFrame):
        reader.next_raw()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'{0:"a:1",1:"b:2"}', {"0": "a:1", "1": "b:2"}),
        (b'{"t":{{"topic":"T","q":1}:{"min":0}}}', {"t": {'{"topic":"T","q":1}': {"min": 0}}}),
        (b'[{1:null},-2.5,true,"a\\"b"]', [{"1": None}, -2.5, True, 'a"b']),
        (b"{}", {}),
    ],
)
def test_json_as_brokers_write_it(text: bytes, value: object) -> None:
    assert lenient_json.parse(text) == value


@pytest.mark.parametrize("text", [b"{1:}", b"{1 2}", b"[1,", b"{1:2}x", b"nope", b"\xff", b""])
def test_what_is_no_json_at_all(text: bytes) -> None:
    with pytest.raises(lenient_json.NotJson):
        lenient_json.parse(text)


def test_records_that_do_not_fit_are_failures() -> None:
    batch = encode_batch([BatchMessage(b"body", {"a": "b"})])
    assert batch[:4] == len(batch).to_bytes(4, "big")
    for data in (batch, bytes(100), b"\x00"):
        with pytest.raises(Failure):
            decode_records(data)
    assert parse_properties("a\x01b\x02c\x01\x02bad\x02") == {"a": "b", "c": ""}
