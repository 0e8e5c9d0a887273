"""Frames: cutting, limits, and one typed error for everything else."""

from itertools import pairwise

import pytest

from refimpl.model.ids import JsonValue, Opaque
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASE_4_9, RELEASES, Release
from refimpl.remoting import frame
from refimpl.remoting.command import RemotingCommand, SerializeType
from refimpl.remoting.errors import FrameFault, FrameRefused
from tests import vectors
from tests.vectors import Vector

ALL = list(RELEASES.values())
COMMAND = RemotingCommand(
    code=310,
    opaque=Opaque(7),
    version=407,
    ext_fields={"a": "PID", "b": "TopicTest", "e": "0"},
    body=b"Hello",
)
CODECS = list(SerializeType)


def whole(codec: SerializeType, release: Release = RELEASE_4_9) -> bytes:
    return frame.encode(COMMAND, release, codec)


def test_the_two_length_words_as_java_computes_them() -> None:
    def computed(_release: Release, vector: Vector) -> dict[str, JsonValue]:
        word = vector.input
        assert isinstance(word, int)
        kind = frame.serialize_type(word)
        return {
            "getHeaderLength": frame.header_length(word),
            "getProtocolType": None if kind is None else kind.name,
            "markJSON": f"{frame.mark_protocol_type(word, SerializeType.JSON):08x}",
            "markROCKETMQ": f"{frame.mark_protocol_type(word, SerializeType.ROCKETMQ):08x}",
        }

    assert vectors.mismatches("rc_lengths", computed) == []


@pytest.mark.parametrize("codec", CODECS)
def test_the_first_word_counts_what_follows(codec: SerializeType) -> None:
    """REMOTING-FRAME-1: without itself; the second has the codec above the header length."""
    data = whole(codec)
    assert int.from_bytes(data[:4], "big") == len(data) - 4
    word = int.from_bytes(data[4:8], "big")
    assert word >> 24 == codec
    assert data[8 + (word & 0xFFFFFF) :] == b"Hello"


@pytest.mark.parametrize("codec", CODECS)
def test_split_at_every_byte(codec: SerializeType) -> None:
    """REMOTING-FRAME-2."""
    data = whole(codec) * 2
    for cut in range(len(data) + 1):
        decoder = frame.FrameDecoder()
        frames = [*decoder.feed(data[:cut]), *decoder.feed(data[cut:])]
        assert frames == [data[4 : len(data) // 2]] * 2
        assert decoder.pending == 0


def test_one_byte_at_a_time_and_in_three_pieces() -> None:
    """REMOTING-FRAME-2: how the bytes are cut changes nothing."""
    data = whole(SerializeType.JSON) * 3
    decoder = frame.FrameDecoder()
    single = [f for at in range(len(data)) for f in decoder.feed(data[at : at + 1])]
    rng = Prng(1)
    for _ in range(200):
        cuts = [0, *sorted(rng.below(len(data)) for _ in range(2)), len(data)]
        decoder = frame.FrameDecoder()
        assert [f for a, b in pairwise(cuts) for f in decoder.feed(data[a:b])] == single


@pytest.mark.parametrize(
    ("length", "refused"),
    [
        (16_777_212, False),
        (16_777_213, True),
        (16_777_216, True),
        (0x7FFFFFFF, True),
        (0x80000000, True),
        (0xFFFFFFFF, True),
    ],
)
def test_the_limit_counts_the_length_word(length: int, *, refused: bool) -> None:
    """REMOTING-FRAME-3: 16777216 with the word itself; a negative length is a large one."""
    decoder = frame.FrameDecoder()
    if refused:
        with pytest.raises(FrameRefused) as error:
            list(decoder.feed(length.to_bytes(4, "big")))
        assert error.value.fault is FrameFault.TOO_LONG
        assert list(decoder.feed(whole(SerializeType.JSON))) == []
    else:
        assert list(decoder.feed(length.to_bytes(4, "big"))) == []
        assert list(decoder.feed(bytes(length))) == [bytes(length)]


@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
@pytest.mark.parametrize("size", [0, 1, 3])
def test_no_room_for_the_header_length(size: int, release: Release) -> None:
    """REMOTING-FRAME-5."""
    with pytest.raises(FrameRefused) as error:
        frame.decode(bytes(size), release)
    assert error.value.fault is FrameFault.TOO_SHORT


@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
def test_a_header_longer_than_its_frame(release: Release) -> None:
    """REMOTING-FRAME-6: one byte too long is refused, the exact length is not."""
    header = b'{"code":1}'
    assert frame.decode((10).to_bytes(4, "big") + header, release).code == 1
    for size in (11, 0xFFFFFF):
        with pytest.raises(FrameRefused) as error:
            frame.decode(size.to_bytes(4, "big") + header, release)
        assert error.value.fault is FrameFault.HEADER_LENGTH


@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
@pytest.mark.parametrize("codec", [2, 3, 127, 128, 255])
def test_an_unknown_codec(codec: int, release: Release) -> None:
    """REMOTING-FRAME-7."""
    with pytest.raises(FrameRefused) as error:
        frame.decode(bytes([codec, 0, 0, 2]) + b"{}", release)
    assert error.value.fault is FrameFault.SERIALIZE_TYPE


def test_twelve_bytes_are_awaited_first() -> None:
    """REMOTING-FRAME-9: then the frames come as if they had never waited."""
    data = b"\0\0\0\6\0\0\0\2{}"
    assert len(data) < 12
    waiting, plain = frame.FrameDecoder(12), frame.FrameDecoder()
    assert list(plain.feed(data)) == [data[4:]]
    assert list(waiting.feed(data)) == []
    assert list(waiting.feed(data)) == [data[4:], data[4:]]
    assert list(waiting.feed(data)) == [data[4:]]


def some_bytes(rng: Prng, count: int) -> bytes:
    return bytes(rng.below(256) for _ in range(count))


def decode_or_refuse(data: bytes, release: Release) -> bool:
    try:
        frame.decode(data, release)
    except FrameRefused:
        return False
    return True


@pytest.mark.parametrize("release", ALL, ids=list(RELEASES))
def test_random_frames_end_in_a_command_or_in_one_error(release: Release) -> None:
    """REMOTING-FRAME-8: never another exception, for bytes at random and for mutations."""
    rng = Prng(20)
    seeds = [whole(codec, release)[4:] for codec in CODECS]
    read = refused = 0
    for _ in range(3000):
        data = bytearray(seeds[rng.below(len(seeds))])
        for _ in range(1 + rng.below(4)):
            at = rng.below(len(data))
            match rng.below(4):
                case 0:
                    data[at] = rng.below(256)
                case 1:
                    del data[at:]
                    data += b"\0"
                case 2:
                    data[at:at] = some_bytes(rng, 1 + rng.below(6))
                case _:
                    del data[at : at + 1 + rng.below(6)]
                    data += b"\0"
        if decode_or_refuse(bytes(data), release):
            read += 1
        else:
            refused += 1
    for _ in range(2000):
        refused += not decode_or_refuse(some_bytes(rng, rng.below(61)), release)
    assert read > 100
    assert refused > 2000


@pytest.mark.parametrize("depth", [50, 100_000])
def test_deep_nesting_is_no_other_exception(depth: int) -> None:
    """REMOTING-FRAME-8: a stack is not a limit that a client may reach."""
    header = b'{"code":1,"x":' + b"[" * depth + b"]" * depth + b"}"
    data = len(header).to_bytes(4, "big") + header
    assert decode_or_refuse(data, RELEASE_4_9) is (depth == 50)
