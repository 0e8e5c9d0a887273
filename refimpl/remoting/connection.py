"""One channel as the protocol sees it: frames in, frames out, and the requests that are open.

Sans-IO: bytes and `now` are arguments, bytes and events are results. Java:
remoting/netty/NettyRemotingAbstract (response table, scanResponseTable), NettyRemotingServer and
NettyRemotingClient (IdleStateHandler).
"""

from collections.abc import Iterator
from typing import NamedTuple

from refimpl.model.ids import Address, Millis, Opaque
from refimpl.model.release import Release
from refimpl.remoting import frame
from refimpl.remoting.command import RPC_TYPE
from refimpl.remoting.events import (
    Event,
    FailureReason,
    RequestFailed,
    RequestReceived,
    ResponseReceived,
)

PROXY_DETECTION_BYTES = 12


class OpenRequest(NamedTuple):
    """A request of ours without an answer yet. `deadline` is when it fails."""

    context: object
    deadline: Millis


class Connection:
    """The state of one channel; `local` is None until an outgoing channel is open."""

    __slots__ = ("_decoder", "_release", "last_activity", "local", "open_requests", "peer")

    def __init__(
        self, release: Release, peer: Address, local: Address | None, now: Millis, *, server: bool
    ) -> None:
        self._release = release
        awaited = PROXY_DETECTION_BYTES if server and release.detects_proxy_protocol else 0
        self._decoder = frame.FrameDecoder(awaited)
        self.peer = peer
        self.local = local
        self.last_activity = now
        self.open_requests: dict[Opaque, OpenRequest] = {}

    def receive_data(self, data: bytes, now: Millis) -> Iterator[Event]:
        """Yield what `data` completes; raises `FrameRefused` after the events before the fault.

        Bit 0 of the flag tells a response: REMOTING-CONNECTION-1. A response that nothing waits
        for is dropped: REMOTING-CONNECTION-2. Only this channel is asked: REMOTING-CONNECTION-10.
        """
        self.last_activity = now
        for whole in self._decoder.feed(data):
            command = frame.decode(whole, self._release)
            if not command.flag & RPC_TYPE:
                yield RequestReceived(command)
                continue
            waiting = self.open_requests.pop(command.opaque, None)
            if waiting is not None:
                yield ResponseReceived(waiting.context, command)

    def expect(self, opaque: Opaque, context: object, deadline: Millis) -> None:
        """Remember a request that has just been written."""
        self.open_requests[opaque] = OpenRequest(context, deadline)

    def next_deadline(self) -> Millis | None:
        """When the first open request fails."""
        return min((r.deadline for r in self.open_requests.values()), default=None)

    def expire(self, now: Millis) -> list[Event]:
        """Fail the requests that have waited too long. REMOTING-CONNECTION-8."""
        late = [o for o, request in self.open_requests.items() if request.deadline <= now]
        return [self._fail(opaque, FailureReason.TIMEOUT) for opaque in late]

    def closed(self) -> list[Event]:
        """The channel is gone: everything open fails. REMOTING-CONNECTION-9."""
        reason = FailureReason.NOT_CONNECTED if self.local is None else FailureReason.CLOSED
        return [self._fail(opaque, reason) for opaque in list(self.open_requests)]

    def _fail(self, opaque: Opaque, reason: FailureReason) -> RequestFailed:
        return RequestFailed(self.open_requests.pop(opaque).context, opaque, reason)
