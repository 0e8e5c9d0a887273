"""One node on the real clock, real sockets and a real directory.

Feed bytes, perform effects, ask when it is due: there are no rules here. Answers of one input that
go to one channel leave in one write. `force` runs in a worker thread, connections are opened in
threads of their own; all else on the event loop.
"""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from queue import SimpleQueue
from typing import assert_never

from refimpl.model.disk import DiskError
from refimpl.model.effect import (
    CloseChannel,
    Connect,
    Effect,
    Force,
    SendBytes,
    Span,
    Started,
    Stopped,
)
from refimpl.model.errors import StartRefused
from refimpl.model.ids import Address, ChannelId, ForceToken, Millis
from refimpl.model.node import Node
from refimpl.runtime.directory_disk import DirectoryDisk
from refimpl.runtime.event_loop import EventLoop, wall_clock_ms
from refimpl.runtime.stream import Listener, Stream, ends

START_SECONDS = 60.0
CONNECT_TIMEOUT_SECONDS = 3.0  # NettyClientConfig.connectTimeoutMillis


def wall_clock() -> Millis:
    """Milliseconds since the epoch."""
    return Millis(wall_clock_ms())


class Host:
    """Runs one `Node`. All methods belong to the thread of the event loop."""

    def __init__(self, node: Node, disk: DirectoryDisk, loop: EventLoop) -> None:
        self.node = node
        self.started = False
        self.stopped = False
        self._disk = disk
        self._loop = loop
        self._channels: dict[ChannelId, Stream] = {}
        self._listeners: list[Listener] = []
        self._worker: _ForceWorker | None = None
        self._next_channel = 2
        self._over = False
        self._due: Millis | None = None
        self._asked = False  # whether `_due` is what the node says now

    def start(self, bound: Iterable[socket.socket]) -> None:
        """Start the node, then accept on sockets that are bound already. Raises `StartRefused`."""
        self._perform(self.node.start(wall_clock()))
        self._loop.add_timed(self)
        try:
            self._listen(bound)
        except StartRefused:
            self._give_up()
            raise

    def _listen(self, bound: Iterable[socket.socket]) -> None:
        """Once the node serves, which may need a force of what it recovered."""
        if not self._loop.run(lambda: self.started, START_SECONDS):
            raise StartRefused(f"what was recovered is not durable after {START_SECONDS:g} seconds")
        for one in bound:
            try:
                self._listeners.append(Listener(self._loop, one, self._accepted))
            except OSError as error:  # bound by two, and the other listened first
                raise StartRefused(f"cannot listen: {error.strerror}") from error

    def shutdown(self, patience_seconds: float = 30.0) -> bool:
        """Orderly end. False: the node did not finish in time and was dropped."""
        for listener in self._listeners:
            listener.close()
        self._perform(self.node.shutdown(wall_clock()))
        finished = self._loop.run(lambda: self.stopped, patience_seconds)
        self._give_up()
        self._disk.close()
        return finished

    def _give_up(self) -> None:
        """Hear nothing any more."""
        self._over = True
        self._loop.remove_timed(self)
        for stream in list(self._channels.values()):
            stream.abort()
        if self._worker is not None:
            self._worker.close()

    # --- what the loop reports

    def due(self) -> Millis | None:
        """When the node wants to be called; asked once an input."""
        if not self._asked:
            self._due = self.node.next_timer()
            self._asked = True
        return self._due

    def fire(self) -> None:
        """It is due."""
        self._perform(self.node.handle_timer(wall_clock()))

    def received(self, channel: ChannelId, data: bytes) -> None:
        """Bytes for the node."""
        if not self._over:
            self._perform(self.node.receive_data(channel, data, wall_clock()))

    def lost(self, channel: ChannelId) -> None:
        """A connection is gone."""
        self._channels.pop(channel, None)
        if not self._over:
            self._perform(self.node.disconnected(channel, wall_clock()))

    def _accepted(self, connected: socket.socket) -> None:
        try:
            peer, local = ends(connected)
        except OSError:
            connected.close()
            return
        channel = ChannelId(self._next_channel)
        self._next_channel += 2
        self._channels[channel] = Stream(self._loop, connected, channel, self)
        self._perform(self.node.accepted(channel, peer, local, wall_clock()))

    # --- what the node wants

    def _perform(self, effects: Sequence[Effect]) -> None:
        self._asked = False
        if len(effects) == 1 and isinstance(effects[0], SendBytes):  # nearly always
            stream = self._channels.get(effects[0].channel)
            if stream is not None:
                stream.write(effects[0].data)
            return
        pending: dict[ChannelId, list[bytes]] = {}
        for effect in effects:
            match effect:
                case SendBytes(channel, data):
                    pending.setdefault(channel, []).append(data)
                case CloseChannel(channel):
                    self._write(channel, pending.pop(channel, []))
                    if channel in self._channels:
                        self._channels[channel].close()
                case Connect(channel, address):
                    self._connect(channel, address)
                case Force(token, path, span):
                    self._force(token, path, span)
                case Started():
                    self.started = True
                case Stopped():
                    self.stopped = True
                case _:
                    assert_never(effect)
        for channel, parts in pending.items():
            self._write(channel, parts)

    def _write(self, channel: ChannelId, parts: list[bytes]) -> None:
        stream = self._channels.get(channel)
        if stream is not None and parts:
            stream.write(b"".join(parts))

    def _connect(self, channel: ChannelId, address: Address) -> None:
        """In a thread: names are looked up, several addresses tried, and all of it may hang."""

        def work() -> None:
            connected: socket.socket | None = None
            with contextlib.suppress(OSError):
                connected = socket.create_connection(
                    (address.host, address.port), CONNECT_TIMEOUT_SECONDS
                )
            self._loop.post_from_thread(lambda: self._connected(channel, connected))

        threading.Thread(target=work, name=f"connect {address}", daemon=True).start()

    def _connected(self, channel: ChannelId, connected: socket.socket | None) -> None:
        if connected is None or self._over:
            if connected is not None:
                connected.close()
            self.lost(channel)
            return
        try:
            _, local = ends(connected)
        except OSError:
            connected.close()
            self.lost(channel)
            return
        self._channels[channel] = Stream(self._loop, connected, channel, self)
        self._perform(self.node.connected(channel, local, wall_clock()))

    def _force(self, token: ForceToken, path: str, span: Span | None) -> None:
        def failed() -> bool:
            try:
                self._disk.force(path, span=span)
            except DiskError:
                return True
            return False

        def done(*, failed: bool) -> None:
            if not self._over:
                self._perform(self.node.forced(token, failed=failed, now=wall_clock()))

        if self._worker is None:
            self._worker = _ForceWorker(self._loop)
        self._worker.submit(failed, lambda result: done(failed=result))


class _ForceWorker:
    """One thread that does one job after the other and reports each to the loop."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._jobs: SimpleQueue[tuple[Callable[[], bool], Callable[[bool], None]] | None]
        self._jobs = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="force", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], bool], done: Callable[[bool], None]) -> None:
        """Do `job` there, then call `done(its result)` here: true where it failed, or raised."""
        self._jobs.put((job, done))

    def close(self) -> None:
        """Return when everything submitted is done."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (work := self._jobs.get()) is not None:
            job, done = work
            try:
                failed = job()
            except Exception as error:  # noqa: BLE001 - a defect here must not end the forces
                failed = True
                self._loop.post_from_thread(_raising(error))
            self._loop.post_from_thread(_bound(done, failed))


def _bound(done: Callable[[bool], None], result: bool) -> Callable[[], None]:
    return lambda: done(result)


def _raising(error: Exception) -> Callable[[], None]:
    def report() -> None:
        raise error

    return report
