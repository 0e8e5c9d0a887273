"""Ten thousand frames at random: every one ends in an answer, in silence or in a closed channel."""

import random
import struct

from conformance.case import case
from conformance.connection import Connection
from conformance.frames import Frame, encode_binary_header, encode_parts
from conformance.verdict import Failure
from conformance.wire import Wire
from refimpl.remoting.command import SerializeType
from refimpl.remoting.request_code import RequestCode

_FRAMES = 500  # of each of twenty seeds
_LIMIT = 16_777_212
_BINARY_OPAQUE = slice(5, 9)  # of the header: kept, for it says who is answered


class _Generator:
    """Frames from one seed.

    Their lengths are right unless they are far too large, so that what follows them on the
    connection is found again.
    """

    def __init__(self, seed: int, topic: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self._topic = topic

    def frame(self, opaque: int) -> tuple[bytes, bool]:
        """The bytes, and whether they cannot be a frame in any release."""
        kind = self._random.choice(
            (self._noise, self._length, self._json, self._json, self._binary)
        )
        return kind(opaque)

    def _bytes(self, most: int) -> bytes:
        return self._random.randbytes(self._random.randrange(most))

    def _noise(self, _opaque: int) -> tuple[bytes, bool]:
        content = self._bytes(60)
        # Where the codec byte happens to be known the header may still be read.
        impossible = len(content) < struct.calcsize(">I") or content[0] > SerializeType.ROCKETMQ
        return struct.pack(">I", len(content)) + content + bytes(12), impossible

    def _length(self, _opaque: int) -> tuple[bytes, bool]:
        length = self._random.randrange(_LIMIT + 1, 1 << 32)
        return struct.pack(">I", length) + self._bytes(60) + bytes(12), True

    def _json(self, opaque: int) -> tuple[bytes, bool]:
        kept = f'{{"opaque":{opaque},'.encode()
        text = (
            f'"code":30,"extFields":{{"queueId":"0","topic":"{self._topic}"}},"flag":0,'
            '"language":"JAVA","serializeTypeCurrentRPC":"JSON","version":335}'
        ).encode()
        return encode_parts(kept + self._mutated(text), self._bytes(20), 0), False

    def _binary(self, opaque: int) -> tuple[bytes, bool]:
        ext = {"queueId": "0", "topic": self._topic}
        header = encode_binary_header(
            Frame(code=RequestCode.GET_MAX_OFFSET, opaque=opaque, version=1, ext=ext)
        )
        mutated = bytearray(header)
        for _ in range(self._random.randint(1, 3)):
            mutated[self._random.randrange(len(mutated))] = self._random.choice(
                (0, 1, 127, 128, 255)
            )
        mutated[_BINARY_OPAQUE] = header[_BINARY_OPAQUE]
        return encode_parts(bytes(mutated), self._bytes(20), 1), False

    def _mutated(self, text: bytes) -> bytes:
        mutated = bytearray(text)
        for _ in range(self._random.randint(1, 3)):
            at = self._random.randrange(len(mutated))
            match self._random.randrange(4):
                case 0:
                    mutated[at] = self._random.randrange(256)
                case 1:
                    mutated[at] = self._random.choice(b'{}[]:,"\\0123456789eE+-. tfn')
                case 2:
                    del mutated[at]
                case _:
                    mutated.insert(at, self._random.randrange(256))
        return bytes(mutated)


@case(
    "REMOTING-FRAME-8/random-frames",
    rules=["REMOTING-FRAME-8", "REMOTING-FRAME-4"],
    matrix={f"seed-{seed}": {"seed": seed} for seed in range(1, 21)},
)
def random_frames(w: Wire, seed: int) -> None:
    """Five hundred random frames change nothing and stop nobody: the request behind is answered."""
    topic = w.create_topic(queues=1)
    w.send(topic, b"kept")
    w.await_max_offset(topic, 0, 1)
    generator = _Generator(seed, topic)
    with w.unchanged(topic):
        connection = w.connect()
        for number in range(_FRAMES):
            opaque = 100_000 + number
            raw, impossible = generator.frame(opaque)
            if not _survives(connection, raw, opaque):
                connection.close()
                connection = w.connect()
            elif impossible:
                raise Failure(f"frame {number} of seed {seed} did not close: {raw.hex()}")
    w.equal(w.receive(topic)[0].body, b"kept", "body")


def _survives(connection: Connection, raw: bytes, opaque: int) -> bool:
    """Send the frame and a good request behind it; False if the target closed."""
    connection.send_raw(raw, asks=opaque)
    try:
        connection.probe()
    except Failure:
        if connection.closed:
            return False
        raise
    return True
