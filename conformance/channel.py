"""One byte stream to a target, whatever carries it."""

import contextlib
import socket
from typing import Protocol

from refimpl.model.ids import Address

CONNECT_SECONDS = 3.0
CHUNK = 1 << 18


class ChannelClosed(Exception):
    """The target closed the stream while the case wanted to write."""


class Channel(Protocol):
    """What a case speaks through. Times are the target's: virtual where its clock is."""

    def send(self, data: bytes) -> None:
        """Write all of `data`; raises `ChannelClosed`."""

    def receive(self, timeout_ms: int) -> bytes | None:
        """What arrived: bytes, `b""` when the target has closed, None when the time is over."""

    def close(self) -> None:
        """Close our end; closing twice is nothing."""


class TcpChannel:
    """A channel over a loopback socket and the real clock."""

    def __init__(self, address: Address) -> None:
        self._socket = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes) -> None:
        """Write all of `data`."""
        self._socket.settimeout(10)
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ChannelClosed from error

    def receive(self, timeout_ms: int) -> bytes | None:
        """Wait for bytes, the end of the stream, or the end of the time."""
        self._socket.settimeout(max(timeout_ms, 1) / 1000)
        try:
            return self._socket.recv(CHUNK)
        except TimeoutError:
            return None
        except OSError:
            return b""

    def close(self) -> None:
        """Close the socket."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
