"""Speaks to one target on several connections at once and notes all that comes back."""

from dataclasses import dataclass, field

from conformance.channel import Channel, ChannelClosed
from conformance.frames import Frame, FrameReader, MalformedFrame, decode, encode
from conformance.target import Port, Target
from refimpl.remoting.command import RPC_TYPE
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_SLICE_MS = 5
_CANNED_BODY = b"{}"  # what clients of ours answer to a request of the broker


@dataclass(slots=True)
class Outcome:
    """What one request led to: answers in order, whether the target hung up, what did not parse."""

    frames: list[Frame] = field(default_factory=list)
    closed: bool = False
    malformed: str | None = None


@dataclass(slots=True)
class _Stream:
    channel: Channel
    port: Port
    reader: FrameReader = field(default_factory=FrameReader)
    answers: list[Frame] = field(default_factory=list)  # read, and not yet taken
    closed: bool = False
    malformed: str | None = None


@dataclass(slots=True)
class Peer:
    """All connections of one play to one target."""

    target: Target
    requests: list[tuple[str, Frame]] = field(default_factory=list)  # from the target to us
    _streams: dict[str, _Stream] = field(default_factory=dict)

    def ask(
        self, port: Port, name: str, data: bytes, opaque: int | None, timeout_ms: int
    ) -> Outcome:
        """Send one frame; wait for the answer under `opaque` (None: for any), the end, the time."""
        stream = self._stream(port, name)
        outcome = Outcome()
        try:
            stream.channel.send(data)
        except ChannelClosed:
            stream.closed = True
        waited = 0
        while not outcome.frames and not stream.closed and waited < timeout_ms:
            waited += self._read(stream, _key(port, name), _SLICE_MS)
            if len(self._streams) > 1 and not stream.answers:
                self._serve_others(_key(port, name))
            outcome.frames = _taken(stream, opaque)
        outcome.closed = stream.closed
        outcome.malformed = stream.malformed
        if stream.closed or stream.malformed is not None:
            self.hang_up(port, name)
        return outcome

    def collect(self, patience_ms: int) -> list[tuple[str, Frame]]:
        """What else has come on any connection."""
        late: list[tuple[str, Frame]] = []
        waited = 0
        while waited < patience_ms or not self._streams:
            for name, stream in self._streams.items():
                self._read(stream, name, 1)
                late += [(name, frame) for frame in stream.answers]
                stream.answers.clear()
            if not self._streams:
                break
            waited += len(self._streams)
        return late

    def hang_up(self, port: Port, name: str) -> None:
        """Close one connection; the next request on it opens another."""
        stream = self._streams.pop(_key(port, name), None)
        if stream is not None:
            stream.channel.close()

    def close(self) -> None:
        """Close all."""
        for stream in self._streams.values():
            stream.channel.close()
        self._streams.clear()

    def _stream(self, port: Port, name: str) -> _Stream:
        stream = self._streams.get(_key(port, name))
        if stream is None:
            stream = self._streams[_key(port, name)] = _Stream(self.target.open(port), port)
        return stream

    def _serve_others(self, asked: str) -> None:
        for key, other in self._streams.items():
            if key != asked and other.port is Port.BROKER and not other.closed:
                self._read(other, key, 0)

    def _read(self, stream: _Stream, name: str, patience_ms: int) -> int:
        """Read once; the milliseconds that it may have taken."""
        data = stream.channel.receive(patience_ms)
        if data is None:
            return max(patience_ms, 1)
        if data == b"":
            stream.closed = True
            return 0
        stream.reader.feed(data)
        try:
            while (raw := stream.reader.next_raw()) is not None:
                frame = decode(raw)
                if frame.is_response:
                    stream.answers.append(frame)
                else:
                    self._heard(stream, name, frame)
        except MalformedFrame as error:
            stream.malformed = error.reason
            stream.closed = True
        return 0

    def _heard(self, stream: _Stream, name: str, frame: Frame) -> None:
        self.requests.append((name, frame))
        if frame.is_oneway:
            return
        code = ResponseCode.SUCCESS
        body = _CANNED_BODY if frame.code != RequestCode.CHECK_TRANSACTION_STATE else b""
        answer = Frame(
            code=code, opaque=frame.opaque, flag=RPC_TYPE, version=frame.version, body=body
        )
        try:
            stream.channel.send(encode(answer))
        except ChannelClosed:
            stream.closed = True


def _key(port: Port, name: str) -> str:
    return f"{name}@{port.value}"


def _taken(stream: _Stream, opaque: int | None) -> list[Frame]:
    """Take the answers that were asked for out of what was read."""
    taken = [frame for frame in stream.answers if opaque is None or frame.opaque == opaque]
    stream.answers = [frame for frame in stream.answers if frame not in taken]
    return taken
