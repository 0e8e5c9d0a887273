"""One node on the real clock, real sockets and a real directory.

Feed bytes, perform effects, re-arm one timer: there are no rules here. Answers of one input that
go to one channel leave in one write. `force` runs in a worker thread; all else on the event loop.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import assert_never

from refimpl.model.disk import DiskError
from refimpl.model.effect import CloseChannel, Connect, Effect, Force, SendBytes, Stopped
from refimpl.model.errors import StartRefused
from refimpl.model.ids import Address, ChannelId, ForceToken, Millis
from refimpl.model.node import Node
from refimpl.model.override import override
from refimpl.runtime.directory_disk import DirectoryDisk

CONNECT_TIMEOUT_SECONDS = 3.0  # NettyClientConfig.connectTimeoutMillis


def wall_clock() -> Millis:
    """Milliseconds since the epoch, as Java's `currentTimeMillis`."""
    return Millis(time.time_ns() // 1_000_000)


class _Channel(asyncio.Protocol):
    """One connection: hands what arrives to the host."""

    def __init__(self, host: "Host", channel: ChannelId | None) -> None:
        self._host = host
        self.channel = channel  # None: accepted, so the host chooses
        self.transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = transport.get_extra_info("peername")
        local = transport.get_extra_info("sockname")
        self._host.made(self, Address(peer[0], peer[1]), Address(local[0], local[1]))

    @override
    def data_received(self, data: bytes) -> None:
        assert self.channel is not None
        self._host.received(self.channel, data)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        assert self.channel is not None
        del exc  # why it ended makes no difference: Java closes either way
        self._host.lost(self.channel)


class Host:
    """Runs one `Node`. All methods belong to the thread of the event loop."""

    def __init__(self, node: Node, disk: DirectoryDisk) -> None:
        self.node = node
        self._disk = disk
        self._loop = asyncio.get_running_loop()
        self._channels: dict[ChannelId, asyncio.Transport] = {}
        self._servers: list[asyncio.Server] = []
        self._connecting: set[asyncio.Task[None]] = set()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="force")
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0
        self._soon = False
        self._next_channel = 2
        self._over = False
        self.stopped = asyncio.Event()
        self._changed = asyncio.Event()  # set by every input while somebody waits in `until`

    async def start(self, listeners: Iterable[socket.socket]) -> None:
        """Start the node, then accept on sockets that are bound already. Raises `StartRefused`."""
        self._perform(self.node.start(wall_clock()))
        for listener in listeners:
            try:
                server = await self._loop.create_server(
                    lambda: _Channel(self, None), sock=listener, backlog=1024
                )
            except OSError as error:  # bound by two, and the other listened first
                raise StartRefused(f"cannot listen: {error.strerror}") from error
            self._servers.append(server)
        self._arm()

    async def until(self, satisfied: Callable[[], bool], patience_seconds: float) -> bool:
        """Wait until inputs made `satisfied` true, at most so long; tells whether it is."""
        deadline = self._loop.time() + patience_seconds
        while not satisfied() and (left := deadline - self._loop.time()) > 0:
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)
        return satisfied()

    async def shutdown(self, patience_seconds: float = 30.0) -> bool:
        """Orderly end. False: the node did not finish in time and was dropped."""
        for server in self._servers:
            server.close()
        self._perform(self.node.shutdown(wall_clock()))
        self._arm()
        finished = True
        try:
            await asyncio.wait_for(self.stopped.wait(), patience_seconds)
        except TimeoutError:
            finished = False
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        for task in self._connecting:
            task.cancel()
        for transport in list(self._channels.values()):
            transport.close()
        self._worker.shutdown(wait=True)
        self._disk.close()
        return finished

    def made(self, protocol: _Channel, peer: Address, local: Address) -> None:
        """A connection exists, accepted or opened by us."""
        assert protocol.transport is not None
        now = wall_clock()
        if protocol.channel is None:
            channel = protocol.channel = ChannelId(self._next_channel)
            self._next_channel += 2
            self._channels[channel] = protocol.transport
            self._perform(self.node.accepted(channel, peer, local, now))
        else:
            self._channels[protocol.channel] = protocol.transport
            self._perform(self.node.connected(protocol.channel, local, now))
        self._arm()

    def received(self, channel: ChannelId, data: bytes) -> None:
        """Bytes for the node."""
        if not self._over:
            self._perform(self.node.receive_data(channel, data, wall_clock()))
            self._arm()

    def lost(self, channel: ChannelId) -> None:
        """A connection is gone."""
        self._channels.pop(channel, None)
        if not self._over:
            self._perform(self.node.disconnected(channel, wall_clock()))
            self._arm()

    def _perform(self, effects: Sequence[Effect]) -> None:
        if len(effects) == 1 and isinstance(effects[0], SendBytes):  # nearly always
            transport = self._channels.get(effects[0].channel)
            if transport is not None:
                transport.write(effects[0].data)
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
                    task = self._loop.create_task(self._connect(channel, address))
                    self._connecting.add(task)
                    task.add_done_callback(self._connecting.discard)
                case Force(token, path):
                    self._force(token, path)
                case Stopped():
                    self.stopped.set()
                case _:
                    assert_never(effect)
        for channel, parts in pending.items():
            self._write(channel, parts)

    def _write(self, channel: ChannelId, parts: list[bytes]) -> None:
        transport = self._channels.get(channel)
        if transport is not None and parts:
            transport.write(b"".join(parts))

    async def _connect(self, channel: ChannelId, address: Address) -> None:
        try:
            await asyncio.wait_for(
                self._loop.create_connection(
                    lambda: _Channel(self, channel), address.host, address.port
                ),
                CONNECT_TIMEOUT_SECONDS,
            )
        except (OSError, TimeoutError):
            self.lost(channel)

    def _force(self, token: ForceToken, path: str) -> None:
        def done(future: asyncio.Future[bool]) -> None:
            if not self._over:
                effects = self.node.forced(token, failed=future.result(), now=wall_clock())
                self._perform(effects)
                self._arm()

        self._loop.run_in_executor(self._worker, self._force_failed, path).add_done_callback(done)

    def _force_failed(self, path: str) -> bool:
        try:
            self._disk.force(path)
        except DiskError:
            return True
        return False

    def _arm(self) -> None:
        """One timer for the earliest due actor; what is due already runs on the next turn."""
        self._changed.set()
        due = self.node.next_timer()
        if due is None or self._over or self._soon:
            return
        delay = due - time.time() * 1000
        if delay <= 0:
            self._soon = True
            self._loop.call_soon(self._fire)
        elif self._timer is None or due < self._timer_due:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_due = due
            self._timer = self._loop.call_later(delay / 1000, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        self._fire()

    def _fire(self) -> None:
        self._soon = False
        if not self._over:
            self._perform(self.node.handle_timer(wall_clock()))
            self._arm()
