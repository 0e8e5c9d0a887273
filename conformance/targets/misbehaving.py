"""Targets that are wrong on purpose: the harness must catch each of them.

Each wraps another target and tampers with whole frames on their way to the case.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from conformance.channel import Channel
from conformance.frames import Frame, FrameReader, MalformedFrame, decode, encode
from conformance.target import Capability, Port, Target
from refimpl.model.ids import Address
from refimpl.remoting.command import RPC_TYPE
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

# (request that is answered, the answer) -> the frames that the case gets instead.
Tamper: TypeAlias = Callable[[Frame, Frame], list[Frame]]


def _drops(request: Frame, response: Frame) -> list[Frame]:
    """Swallows every answer to a send."""
    return [] if request.code == RequestCode.SEND_MESSAGE else [response]


def _answers_twice(request: Frame, response: Frame) -> list[Frame]:
    """Answers every send twice."""
    return [response] * (2 if request.code == RequestCode.SEND_MESSAGE else 1)


def _wrong_opaque(request: Frame, response: Frame) -> list[Frame]:
    """Answers under an opaque that was never asked."""
    if request.code == RequestCode.SEND_MESSAGE:
        return [replace(response, opaque=response.opaque + 500_000)]
    return [response]


def _offset_backwards(_: Frame, response: Frame) -> list[Frame]:
    """Every offset in an answer is one too small: what was 5 becomes 4."""
    ext = dict(response.ext or {})
    for name in ("offset", "nextBeginOffset", "queueOffset"):
        value = ext.get(name)
        if isinstance(value, str) and value.isdecimal() and value != "0":
            ext[name] = str(int(value) - 1)
    return [replace(response, ext=ext or None)]


def _accepts_refused(_: Frame, response: Frame) -> list[Frame]:
    """Says success where it refused."""
    return [replace(response, code=ResponseCode.SUCCESS)]


def _forgets_remark(_: Frame, response: Frame) -> list[Frame]:
    """Leaves out why it refused."""
    return [replace(response, remark=None)]


def _honest(_: Frame, response: Frame) -> list[Frame]:
    """Leaves answers alone."""
    return [response]


MISBEHAVIOURS: Mapping[str, Tamper] = {
    "drops": _drops,
    "answers-twice": _answers_twice,
    "wrong-opaque": _wrong_opaque,
    "offset-backwards": _offset_backwards,
    "accepts-refused": _accepts_refused,
    "forgets-remark": _forgets_remark,
    "garbles": _honest,  # the frame is whole, its header is not: see `_garbled`
    "answers-oneway": _honest,
}
ANSWERS_ONEWAY = "answers-oneway"
GARBLES = "garbles"


class _TamperedChannel:
    """A channel whose incoming frames go through a `Tamper`."""

    def __init__(self, inner: Channel, how: str) -> None:
        self._inner = inner
        self._how = how
        self._requests: dict[int, Frame] = {}
        self._incoming = FrameReader()
        self._outgoing = FrameReader()
        self._ready = bytearray()

    def send(self, data: bytes) -> None:
        """Remember what was asked; answer one-way requests ourselves where that is the fault."""
        with suppress(MalformedFrame):  # a case may send what is no frame
            self._observe(data)
        self._inner.send(data)

    def receive(self, timeout_ms: int) -> bytes | None:
        """Tampered bytes; None as well where an answer was swallowed."""
        if not self._ready:
            data = self._inner.receive(timeout_ms)
            if not data:
                return data
            self._take(data)
        out = bytes(self._ready)
        self._ready.clear()
        return out or None

    def close(self) -> None:
        """Hang up."""
        self._inner.close()

    def _observe(self, data: bytes) -> None:
        self._outgoing.feed(data)
        while (raw := self._outgoing.next_raw()) is not None:
            request = decode(raw)
            self._requests[request.opaque] = request
            if request.is_oneway and self._how == ANSWERS_ONEWAY:
                self._ready += encode(Frame(code=0, opaque=request.opaque, flag=RPC_TYPE))

    def _take(self, data: bytes) -> None:
        self._incoming.feed(data)
        while (raw := self._incoming.next_raw()) is not None:
            response = decode(raw)
            request = self._requests.get(response.opaque)
            if request is None or not response.is_response:
                self._ready += raw
                continue
            if self._how == GARBLES:
                self._ready += _garbled(raw)
                continue
            for frame in MISBEHAVIOURS[self._how](request, response):
                self._ready += encode(frame)


def _garbled(raw: bytes) -> bytes:
    """The first byte of the header is wrong: neither codec reads it."""
    return raw[:8] + b"\xff" + raw[9:]


class MisbehavingTarget:
    """`misbehaving:HOW:TARGET`."""

    def __init__(self, inner: Target, how: str) -> None:
        assert how in MISBEHAVIOURS
        self._inner = inner
        self._how = how

    @property
    def name(self) -> str:
        """As on the command line."""
        return f"misbehaving:{self._how}:{self._inner.name}"

    @property
    def release(self) -> str:
        """The inner target's."""
        return self._inner.release

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The inner target's."""
        return self._inner.capabilities

    @property
    def cases_per_start(self) -> int | None:
        """As the target inside."""
        return self._inner.cases_per_start

    def start(self, options: Mapping[str, str]) -> None:
        """Start the inner target."""
        self._inner.start(options)

    def stop(self) -> None:
        """Stop the inner target."""
        self._inner.stop()

    def restart(self, *, kill: bool) -> None:
        """Restart the inner target."""
        self._inner.restart(kill=kill)

    def stop_broker(self, *, kill: bool) -> None:
        """Stop the inner target's broker."""
        self._inner.stop_broker(kill=kill)

    def start_broker(self) -> None:
        """Start the inner target's broker."""
        self._inner.start_broker()

    def store_directory(self) -> Path | None:
        """The inner target's."""
        return self._inner.store_directory()

    def address(self, port: Port) -> Address | None:
        """The inner target's."""
        return self._inner.address(port)

    def open(self, port: Port) -> Channel:
        """A channel with the fault in it."""
        return _TamperedChannel(self._inner.open(port), self._how)

    def now(self) -> int:
        """The inner target's clock."""
        return self._inner.now()

    def pause(self, milliseconds: int) -> None:
        """The inner target's clock."""
        self._inner.pause(milliseconds)
