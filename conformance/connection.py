"""One connection of a case: requests with bounded waits, answers counted per opaque.

Laws that hold for every case without being asked for: an answer belongs to a request of this
connection, comes once, never to a one-way request, and parses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from conformance.channel import Channel, ChannelClosed
from conformance.frames import Frame, FrameReader, MalformedFrame, decode, encode
from conformance.recording import Recorder, code_name
from conformance.response import Response
from conformance.verdict import Failure
from refimpl.model.ids import JsonValue
from refimpl.remoting.command import RPC_ONEWAY, RPC_TYPE, SerializeType
from refimpl.remoting.header import Header, encode_header

DEFAULT_TIMEOUT_MS = 3000

ExtValue: TypeAlias = "str | int | bool | None"


@dataclass(slots=True)
class _Asked:
    """What this connection sent under one opaque."""

    label: str
    oneway: bool
    answers: list[Response] = field(default_factory=list)


class Connection:
    """A stream to one port of the target. Cases get it from `Wire`, never build it."""

    def __init__(
        self,
        channel: Channel,
        recorder: Recorder,
        clock: Callable[[], int],
        *,
        name: str,
        version: int,
        first_opaque: int,
        probe: tuple[int, Mapping[str, str]],
    ) -> None:
        self._channel = channel
        self._recorder = recorder
        self._clock = clock
        self._reader = FrameReader()
        self._asked: dict[int, _Asked] = {}
        self._next_opaque = first_opaque
        self._server_requests: list[Frame] = []
        self._raw_was_sent = False
        self._probe = probe
        self.name = name
        self.version = version
        self.closed = False  # by the target

    # --- asking

    def request(
        self,
        code: int,
        header: Header | None = None,
        *,
        ext: Mapping[str, ExtValue] | None = None,
        json_ext: Mapping[str, JsonValue] | None = None,
        body: bytes = b"",
        serialize: SerializeType = SerializeType.JSON,
        version: int | None = None,
        language: str = "JAVA",
        flag: int = 0,
        remark: str | None = None,
        opaque: int | None = None,
        timeout_ms: int = DEFAULT_TIMEOUT_MS,
    ) -> Response:
        """Send a request and return its answer; raises `Failure` if none comes in time.

        `header` is a typed header of `refimpl.remoting.header`; `ext` adds to it or overrides it
        (None takes a field out); `json_ext` puts JSON values into the header as they are.
        """
        number = self.submit(
            code,
            header,
            ext=ext,
            json_ext=json_ext,
            body=body,
            serialize=serialize,
            version=version,
            language=language,
            flag=flag,
            remark=remark,
            opaque=opaque,
        )
        return self.answer(number, timeout_ms=timeout_ms)

    def submit(
        self,
        code: int,
        header: Header | None = None,
        *,
        ext: Mapping[str, ExtValue] | None = None,
        json_ext: Mapping[str, JsonValue] | None = None,
        body: bytes = b"",
        serialize: SerializeType = SerializeType.JSON,
        version: int | None = None,
        language: str = "JAVA",
        flag: int = 0,
        remark: str | None = None,
        opaque: int | None = None,
    ) -> int:
        """Send a request without waiting; the opaque goes to `answer` or `expect_silence`."""
        frame = Frame(
            code=code,
            opaque=self.new_opaque() if opaque is None else opaque,
            flag=flag,
            language=language,
            version=self.version if version is None else version,
            remark=remark,
            ext=_ext_fields(header, ext, json_ext),
            body=body,
            serialize=serialize,
        )
        return self.send_frame(frame)

    def oneway(
        self,
        code: int,
        header: Header | None = None,
        *,
        ext: Mapping[str, ExtValue] | None = None,
        body: bytes = b"",
        serialize: SerializeType = SerializeType.JSON,
    ) -> int:
        """Send a one-way request; an answer to it is a failure whenever it comes."""
        return self.submit(code, header, ext=ext, body=body, serialize=serialize, flag=RPC_ONEWAY)

    def send_frame(self, frame: Frame) -> int:
        """Send a frame of the case's own making; its opaque is registered as asked."""
        name = code_name(frame.code, response=frame.is_response)
        label = f"{frame.code} {name}".strip() + f" (opaque {frame.opaque} on {self.name})"
        if not frame.is_response:
            asked = self._asked.get(frame.opaque)
            if asked is None or asked.answers:
                self._asked[frame.opaque] = _Asked(label, frame.is_oneway)
        self._write(encode(frame))
        return frame.opaque

    def send_raw(self, data: bytes, *, asks: int | None = None) -> None:
        """Send bytes as they are. `asks`: the opaque under which they may be answered."""
        self._raw_was_sent = True
        if asks is not None:
            self._asked[asks] = _Asked(f"raw bytes (opaque {asks} on {self.name})", oneway=False)
        self._write(data)

    def new_opaque(self) -> int:
        """An opaque that this connection has not used."""
        self._next_opaque += 1
        return self._next_opaque

    # --- hearing

    def answer(self, opaque: int, *, timeout_ms: int = DEFAULT_TIMEOUT_MS) -> Response:
        """The answer to what was submitted under `opaque`; raises `Failure` if none comes."""
        asked = self._asked[opaque]
        self._wait(lambda: bool(asked.answers), timeout_ms)
        if asked.answers:
            return asked.answers[0]
        if self.closed:
            raise Failure(f"{asked.label}: the connection was closed instead of an answer")
        raise Failure(f"{asked.label}: no answer within {timeout_ms} ms")

    def answered(self, opaque: int) -> bool:
        """True if an answer to `opaque` has been read already; does not wait."""
        return bool(self._asked[opaque].answers)

    def server_request(self, code: int, *, timeout_ms: int = DEFAULT_TIMEOUT_MS) -> Frame:
        """The next request with `code` that the target sent to us, in order of arrival.

        Raises `Failure` if none comes in time.
        """
        self._wait(lambda: any(f.code == code for f in self._server_requests), timeout_ms)
        frame = self.arrived(code)
        if frame is None:
            wanted = f"{code} {code_name(code, response=False)}".strip()
            raise Failure(
                f"{self.name}: the target sent no request {wanted} within {timeout_ms} ms"
            )
        return frame

    def arrived(self, code: int) -> Frame | None:
        """The next request with `code` of the target that was read already; does not wait."""
        for at, frame in enumerate(self._server_requests):
            if frame.code == code:
                return self._server_requests.pop(at)
        return None

    def respond(
        self,
        request: Frame,
        code: int = 0,
        *,
        ext: Mapping[str, ExtValue] | None = None,
        body: bytes = b"",
        remark: str | None = None,
    ) -> None:
        """Answer a request of the target (see `server_request`)."""
        self.send_frame(
            Frame(
                code=code,
                opaque=request.opaque,
                flag=RPC_TYPE,
                version=self.version,
                remark=remark,
                ext=_ext_fields(None, ext, None),
                body=body,
                serialize=request.serialize,
            )
        )

    def expect_close(self, within_ms: int = DEFAULT_TIMEOUT_MS) -> None:
        """Raise `Failure` unless the target closes the connection."""
        self._wait(lambda: self.closed, within_ms)
        if not self.closed:
            raise Failure(f"{self.name}: still open after {within_ms} ms, expected to be closed")

    def expect_open(self) -> None:
        """Raise `Failure` unless the target still answers on this connection."""
        self.probe()

    def expect_silence(self, opaque: int | None = None, *, probes: int = 2) -> None:
        """Raise `Failure` if `opaque` (or anything unasked) is answered.

        Bounded by requests that follow on the same connection and must be answered: what has not
        come before the answers to those is taken as silence. Nothing sleeps.
        """
        for _ in range(probes):
            self.probe()
        if opaque is not None and self._asked[opaque].answers:
            response = self._asked[opaque].answers[0]
            raise Failure(f"{response.label}: answered with code {response.code}, expected silence")

    def probe(self) -> Response:
        """One cheap request that every target answers; the answer's content is not judged."""
        code, ext = self._probe
        return self.request(code, ext=ext)

    def close_out(self) -> None:
        """The end of a case: look once more for answers that nobody asked for, then hang up.

        Raises `Failure`. Where the case wrote raw bytes or the target closed, only what has
        arrived already is looked at: the stream may be out of step.
        """
        try:
            if self._asked and not self.closed:
                if self._raw_was_sent:
                    self._pump(0)
                else:
                    self.probe()
        finally:
            self._channel.close()

    def close(self) -> None:
        """Hang up now; the target sees a closed connection."""
        self.closed = True
        self._recorder.record(self.name, "-", b"", "closed by the case")
        self._channel.close()

    def hang_up(self) -> None:
        """The end of a failed case: nothing is looked at or recorded any more."""
        self.closed = True
        self._channel.close()

    # --- inside

    def _write(self, data: bytes) -> None:
        self._recorder.record(self.name, ">", data)
        try:
            self._channel.send(data)
        except ChannelClosed:
            self._mark_closed()

    def _wait(self, satisfied: Callable[[], bool], timeout_ms: int) -> None:
        deadline = self._clock() + timeout_ms
        while not satisfied() and not self.closed:
            left = deadline - self._clock()
            if left <= 0:
                return
            self._pump(left)

    def _pump(self, timeout_ms: int) -> None:
        data = self._channel.receive(timeout_ms)
        if data is None:
            return
        if not data:
            self._mark_closed()
            return
        self._reader.feed(data)
        try:
            while (raw := self._reader.next_raw()) is not None:
                self._recorder.record(self.name, "<", raw)
                self._take(raw)
        except MalformedFrame as error:
            raise Failure(
                f"{self.name}: malformed frame from the target: {error.reason}"
            ) from error

    def _take(self, raw: bytes) -> None:
        frame = decode(raw)
        if not frame.is_response:
            self._server_requests.append(frame)
            return
        asked = self._asked.get(frame.opaque)
        if asked is None:
            raise Failure(
                f"{self.name}: an answer (code {frame.code}) with opaque {frame.opaque},"
                " which was never asked"
            )
        if asked.oneway:
            raise Failure(f"{asked.label}: a one-way request was answered with code {frame.code}")
        if asked.answers:
            raise Failure(f"{asked.label}: answered a second time, with code {frame.code}")
        asked.answers.append(Response(asked.label, frame, raw))

    def _mark_closed(self) -> None:
        if not self.closed:
            self.closed = True
            self._recorder.record(self.name, "-", b"", "closed by the target")


def _ext_fields(
    header: Header | None,
    ext: Mapping[str, ExtValue] | None,
    json_ext: Mapping[str, JsonValue] | None,
) -> dict[str, JsonValue] | None:
    if header is None and ext is None and json_ext is None:
        return None
    fields: dict[str, JsonValue] = dict(encode_header(header)) if header is not None else {}
    for name, value in (ext or {}).items():
        if value is None:
            fields.pop(name, None)
        elif isinstance(value, bool):
            fields[name] = "true" if value else "false"
        else:
            fields[name] = str(value)
    fields.update(json_ext or {})
    return fields
