"""One TCP connection on the event loop: bytes in as they come, bytes out in order, one end."""

import contextlib
import socket
from collections import deque
from typing import Protocol

from refimpl.model.ids import Address, ChannelId
from refimpl.runtime.event_loop import READ, WRITE, EventLoop

_CHUNK = 1 << 17


class Receiver(Protocol):
    """Who hears of a stream."""

    def received(self, channel: ChannelId, data: bytes) -> None:
        """Bytes arrived."""

    def lost(self, channel: ChannelId) -> None:
        """The stream is gone; called once, never from within a call of ours."""


class Stream:
    """A connected socket, watched from its making until its end."""

    __slots__ = ("_channel", "_closing", "_ended", "_loop", "_receiver", "_socket", "_unsent")

    def __init__(
        self, loop: EventLoop, connected: socket.socket, channel: ChannelId, receiver: Receiver
    ) -> None:
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._loop = loop
        self._socket = connected
        self._channel = channel
        self._receiver = receiver
        self._unsent: deque[bytes | memoryview] = deque()
        self._closing = False
        self._ended = False
        loop.watch(connected, READ, self._ready)

    def write(self, data: bytes) -> None:
        """Send now what the socket takes, the rest when it can; nothing once it is closing."""
        if self._closing:
            return
        if self._unsent:
            self._unsent.append(data)
            return
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._end()
            return
        if sent < len(data):
            self._unsent.append(memoryview(data)[sent:])
            self._loop.rewatch(self._socket, READ | WRITE, self._ready)

    def close(self) -> None:
        """Take no more input; end when what was written is sent."""
        if self._closing:
            return
        self._closing = True
        if self._unsent:
            self._loop.rewatch(self._socket, WRITE, self._ready)
        else:
            self._end()

    def abort(self) -> None:
        """End now; nobody is told."""
        if not self._ended:
            self._ended = True
            self._release()

    def _ready(self, events: int) -> None:
        if events & WRITE:
            self._flush()
        if events & READ and not self._closing:
            self._read()

    def _read(self) -> None:
        try:
            data = self._socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self._end()
            return
        if not data:
            self.close()
            return
        try:
            self._receiver.received(self._channel, data)
        except BaseException:  # its input is lost: the peer must not wait for an answer
            self._end()
            raise

    def _flush(self) -> None:
        while self._unsent:
            data = self._unsent[0]
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                return
            except OSError:
                self._end()
                return
            if sent < len(data):
                self._unsent[0] = memoryview(data)[sent:]
                return
            self._unsent.popleft()
        if self._closing:
            self._end()
        else:
            self._loop.rewatch(self._socket, READ, self._ready)

    def _end(self) -> None:
        if self._ended:
            return
        self._closing = self._ended = True
        self._release()
        self._loop.post(lambda: self._receiver.lost(self._channel))

    def _release(self) -> None:
        self._unsent.clear()
        self._loop.unwatch(self._socket)
        self._socket.close()


class Listener:
    """A bound socket that accepts; `accepted` gets every connection, blocking as it came."""

    def __init__(self, loop: EventLoop, bound: socket.socket, accepted: "Accepted") -> None:
        """Raises `OSError` where another process listens already."""
        bound.listen(1024)
        bound.setblocking(False)
        self._loop = loop
        self._socket = bound
        self._accepted = accepted
        loop.watch(bound, READ, self._ready)

    def close(self) -> None:
        """Accept no more."""
        self._loop.unwatch(self._socket)
        self._socket.close()

    def _ready(self, _events: int) -> None:
        with contextlib.suppress(OSError):  # nobody waits any more, or it hung up meanwhile
            while True:
                connected, _ = self._socket.accept()
                self._accepted(connected)


class Accepted(Protocol):
    """Who takes a new connection."""

    def __call__(self, connected: socket.socket, /) -> None:
        """It is connected."""


def ends(connected: socket.socket) -> tuple[Address, Address]:
    """The peer's and our own address; raises `OSError` where it is gone again."""
    peer, local = connected.getpeername(), connected.getsockname()
    return Address(peer[0], peer[1]), Address(local[0], local[1])
