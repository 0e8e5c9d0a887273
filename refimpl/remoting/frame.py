"""Frames: cutting a stream of bytes, and the two length words.

A frame is `int32 length`, then `int32 (serialize type << 24 | header length)`, header, body;
`length` counts what follows it. Java: remoting/netty/NettyDecoder (a LengthFieldBasedFrameDecoder
of 16777216 bytes), RemotingCommand#decode, #encode.
"""

from collections.abc import Iterator
from struct import Struct

from refimpl.model.release import Release
from refimpl.remoting import json_header
from refimpl.remoting.command import RemotingCommand, SerializeType
from refimpl.remoting.errors import FrameFault, FrameRefused

FRAME_MAX_LENGTH = 16_777_216  # with its first four bytes
HEADER_LENGTH_MASK = 0xFFFFFF

_LENGTH = Struct(">I")
_LENGTHS = Struct(">II")


def header_length(word: int) -> int:
    """The lower 24 bits of the second word: RemotingCommand#getHeaderLength."""
    return word & HEADER_LENGTH_MASK


def serialize_type(word: int) -> SerializeType | None:
    """The upper 8 bits of the second word; None for an unknown codec."""
    number = word >> 24 & 0xFF
    return SerializeType(number) if number <= 1 else None


def mark_protocol_type(length: int, codec: SerializeType) -> int:
    """The second word; a header of 2^24 bytes and more loses its high bits, as in Java."""
    return codec << 24 | length & HEADER_LENGTH_MASK


def decode(frame: bytes, release: Release) -> RemotingCommand:
    """Read one frame without its first length word; raises `FrameRefused`.

    REMOTING-FRAME-5, REMOTING-FRAME-6, REMOTING-FRAME-7, REMOTING-FRAME-8.
    """
    length = len(frame)
    if length < _LENGTH.size:
        raise FrameRefused(FrameFault.TOO_SHORT, f"{length} bytes")
    word = int.from_bytes(frame[:4], "big")
    size = word & HEADER_LENGTH_MASK
    if size > length - 4:
        raise FrameRefused(FrameFault.HEADER_LENGTH, f"{size} of {length - 4} bytes")
    codec = word >> 24
    if codec == SerializeType.JSON:
        return json_header.decode(frame[4 : 4 + size], frame[4 + size :], release)
    if codec == SerializeType.ROCKETMQ:
        from refimpl.remoting import rocketmq_header  # noqa: PLC0415 - half the clients never use it

        return rocketmq_header.decode(frame, size, release)
    raise FrameRefused(FrameFault.SERIALIZE_TYPE, str(codec))


def encode(
    command: RemotingCommand,
    release: Release,
    codec: SerializeType | None = None,
    version: int | None = None,
) -> bytes:
    """Write a whole frame. REMOTING-FRAME-1.

    `codec` and `version` override those of the command; without any codec the header is JSON.
    """
    if codec is None:
        codec = command.serialize_type
    if version is None:
        version = command.version
    body = command.body
    if codec == SerializeType.ROCKETMQ:
        from refimpl.remoting import rocketmq_header  # noqa: PLC0415 - half the clients never use it

        header = rocketmq_header.encode(command, version)
        word = 1 << 24 | len(header) & HEADER_LENGTH_MASK
    else:
        header = json_header.encode(command, version, release)
        word = len(header) & HEADER_LENGTH_MASK
    return _LENGTHS.pack(4 + len(header) + len(body), word) + header + body


class FrameDecoder:
    """Cuts a stream into frames: `feed` takes bytes cut anywhere and yields whole frames.

    After a refusal nothing more comes out: the channel must be closed. REMOTING-FRAME-2.
    """

    __slots__ = ("_awaited", "_chunks", "_pending", "_refused")

    def __init__(self, first: int = 4) -> None:
        """`first` bytes must be there before anything is looked at: REMOTING-FRAME-9."""
        self._chunks: list[bytes] = []  # a frame of megabytes arrives in hundreds of pieces
        self._pending = 0
        self._awaited = max(first, _LENGTH.size)
        self._refused = False

    @property
    def pending(self) -> int:
        """How many bytes wait for the rest of their frame."""
        return self._pending

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the frames that `data` completes, without their length word.

        Raises `FrameRefused` at a length above the limit: REMOTING-FRAME-3.
        """
        if self._refused:
            return
        if self._pending:
            self._chunks.append(data)
            self._pending += len(data)
            if self._pending < self._awaited:
                return
            data = b"".join(self._chunks)
            self._chunks.clear()
            self._pending = 0
        elif len(data) < self._awaited:
            self._keep(data)
            return
        at, total = 0, len(data)
        while total - at >= _LENGTH.size:
            size = int.from_bytes(data[at : at + 4], "big")
            if size > FRAME_MAX_LENGTH - 4:
                self._refused = True
                raise FrameRefused(FrameFault.TOO_LONG, f"{size} bytes")
            end = at + 4 + size
            if end > total:
                self._awaited = end - at
                self._keep(data[at:])
                return
            frame = data[at + 4 : end]
            at = end
            yield frame
        self._awaited = _LENGTH.size
        self._keep(data[at:])

    def _keep(self, rest: bytes) -> None:
        if rest:
            self._chunks.append(rest)
            self._pending = len(rest)
