"""Everything that went over the wire in one case, for the report."""

from collections.abc import Callable
from dataclasses import dataclass

from conformance.frames import PREFIX_BYTES, Frame, MalformedFrame, decode
from refimpl.model.ids import JsonValue
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

KEPT_BYTES = 2048
KEPT_EVENTS = 200


@dataclass(frozen=True, slots=True)
class WireEvent:
    """Bytes in one direction, or a remark (`data` empty) such as "closed by the target"."""

    at: int  # milliseconds since the case began
    connection: str
    direction: str  # ">" to the target, "<" from it, "-" a remark
    data: bytes
    note: str = ""

    def to_json(self) -> JsonValue:
        """The event as the result file holds it: hexadecimal bytes beside the decoded command."""
        members: dict[str, JsonValue] = {
            "at": self.at,
            "connection": self.connection,
            "direction": self.direction,
            "size": len(self.data),
            "hex": self.data[:KEPT_BYTES].hex(),
            "note": self.note,
        }
        decoded = describe_bytes(self.data)
        if decoded is not None:
            members["decoded"] = decoded
        return members


class Recorder:
    """Collects the events of one case; later events beyond a bound are only counted."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._start = now()
        self.events: list[WireEvent] = []
        self.dropped = 0

    def record(self, connection: str, direction: str, data: bytes, note: str = "") -> None:
        """Keep one event."""
        if len(self.events) >= KEPT_EVENTS:
            del self.events[KEPT_EVENTS // 2]  # the beginning and the end tell most
            self.dropped += 1
        at = self._now() - self._start
        self.events.append(WireEvent(at, connection, direction, data, note))

    def to_json(self) -> list[JsonValue]:
        """All kept events in order."""
        return [event.to_json() for event in self.events]


def describe_bytes(data: bytes) -> JsonValue:
    """The command in `data` if it is exactly one frame, else None."""
    if len(data) < PREFIX_BYTES or int.from_bytes(data[:4], "big") != len(data) - 4:
        return None
    try:
        return describe_frame(decode(data))
    except MalformedFrame:
        return None


def describe_frame(frame: Frame) -> JsonValue:
    """A command as JSON for people: code with its name, body as text where it is text."""
    members: dict[str, JsonValue] = {
        "kind": "response" if frame.is_response else "one-way" if frame.is_oneway else "request",
        "code": f"{frame.code} {code_name(frame.code, response=frame.is_response)}".strip(),
        "opaque": frame.opaque,
        "flag": frame.flag,
        "language": frame.language,
        "version": frame.version,
        "serialize": frame.serialize.name,
    }
    if frame.remark is not None:
        members["remark"] = frame.remark
    if frame.ext is not None:
        members["extFields"] = dict(frame.ext)
    if frame.body:
        members["body"] = describe_body(frame.body)
    return members


def describe_body(body: bytes) -> str:
    """Text where the body is printable UTF-8, else hexadecimal; shortened."""
    try:
        text = body[:KEPT_BYTES].decode()
    except UnicodeDecodeError:
        return f"{len(body)} bytes: {body[:256].hex()}"
    if text.isprintable():
        return text
    return f"{len(body)} bytes: {body[:256].hex()}"


def code_name(code: int, *, response: bool) -> str:
    """Java's name of a code, or the empty string."""
    codes: type[RequestCode | ResponseCode] = ResponseCode if response else RequestCode
    try:
        return codes(code).name
    except ValueError:
        return ""
