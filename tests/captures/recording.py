"""One recording of a Java client against an Apache release: frames, decoded, in recorded order."""

import json
import lzma
from functools import cache
from typing import NamedTuple, cast

from refimpl.model.ids import Address, JsonValue
from refimpl.model.release import RELEASES, Release
from refimpl.remoting import frame
from refimpl.remoting.command import RemotingCommand, SerializeType
from tests import vectors

FOLDER = vectors.ROOT / "captures"
NAMES = sorted(path.name.removesuffix(".jsonl.xz") for path in FOLDER.glob("java-client-*.xz"))
_BY_APACHE = {release.apache: release for release in RELEASES.values()}


class Frame(NamedTuple):
    """One frame; `t` is in milliseconds since the recording began."""

    n: int
    to_server: bool  # by who opened the connection
    conn: int
    t: int
    step: str | None
    data: bytes
    command: RemotingCommand
    request_n: int | None

    @property
    def is_request(self) -> bool:
        return not self.command.is_response


class Recording(NamedTuple):
    """A whole file. `links` says for each connection who opened it to whom."""

    name: str
    release: Release
    links: dict[int, str]
    serialize_type: SerializeType  # of both processes: rocketmq.serialize.type
    frames: tuple[Frame, ...]

    def broker_address(self) -> Address:
        """The broker's address, from its own registration."""
        return _address(self.first(103).ext_fields, "brokerAddr")

    def namesrv_address(self) -> Address:
        """The name server's address, from the broker's own configuration."""
        return _address(self.settings(), "namesrvAddr")

    def settings(self) -> dict[str, str]:
        """The broker's configuration as it answered GET_BROKER_CONFIG."""
        asked = next(one.n for one in self.frames if one.is_request and one.command.code == 26)
        answer = next(one.command for one in self.frames if one.request_n == asked)
        return dict(line.split("=", 1) for line in answer.body.decode().splitlines())

    def first(self, code: int) -> RemotingCommand:
        """The first request of a code."""
        return next(
            one.command for one in self.frames if one.is_request and one.command.code == code
        )

    def epoch(self) -> int:
        """The wall clock of `t` 0: no message was born after it was recorded."""
        sends = [one for one in self.frames if one.is_request and one.command.code == 310]
        return max(int((one.command.ext_fields or {})["g"]) - one.t for one in sends)

    def boot(self) -> int:
        """The wall clock of the broker's start, from its runtime information."""
        asked = next(one.n for one in self.frames if one.is_request and one.command.code == 28)
        answer = next(one.command for one in self.frames if one.request_n == asked)
        return int(json.loads(answer.body)["table"]["bootTimestamp"])

    def checked_although_ended(self) -> bool:
        """True where the broker asked for the state of a message that its client had committed."""
        checks = [one.command for one in self.frames if one.is_request and one.command.code == 39]
        return any(b"tx unknown" not in one.body for one in checks)


def _address(fields: object, name: str) -> Address:
    assert isinstance(fields, dict)
    host, port = str(fields[name]).rsplit(":", 1)
    return Address(host, int(port))


@cache
def load(name: str) -> Recording:
    """Read a recording of `NAMES`."""
    text = lzma.decompress((FOLDER / f"{name}.jsonl.xz").read_bytes())
    lines = [cast("dict[str, JsonValue]", json.loads(line)) for line in text.splitlines()]
    release = _BY_APACHE[str(lines[0]["version"])]
    links = cast("dict[str, str]", lines[0]["connections"])
    frames = [_frame(line, release) for line in lines[1:]]
    assert [one.n for one in frames] == sorted(one.n for one in frames)
    codec = SerializeType[str(lines[0]["serialize"])]
    by_number = {int(key): link for key, link in links.items()}
    return Recording(name, release, by_number, codec, tuple(frames))


def _frame(line: dict[str, JsonValue], release: Release) -> Frame:
    n, conn, t, step, request = (line.get(key) for key in ("n", "conn", "t", "step", "request_n"))
    assert isinstance(n, int)
    assert isinstance(conn, int | str)
    assert isinstance(t, int | float)
    assert request is None or isinstance(request, int)
    data = bytes.fromhex(str(line["frame"]))
    return Frame(
        n,
        line["dir"] == "c2s",
        int(conn),
        int(t),
        None if step is None else str(step),
        data,
        frame.decode(data[4:], release),
        request,
    )
