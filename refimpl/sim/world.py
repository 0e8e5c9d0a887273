"""A world without sockets: nodes, byte pipes between them, one virtual clock.

Everything that happens is an entry of one queue, ordered by time and then by arrival, so the same
inputs give the same run. Time moves only while somebody waits. Bytes are delivered whole, in
order and without delay; a lossy network is another interpreter's business.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, assert_never

from refimpl.model.disk import Disk, DiskError
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
from refimpl.model.ids import Address, ChannelId, Millis
from refimpl.model.node import Node
from refimpl.sim.disk_faults import ForceNeverEnds

EPOCH = Millis(1_700_000_000_000)  # a fixed, plausible date: 2023-11-14
_STEPS_WITHOUT_TIME_MAX = 1_000_000  # a node that never comes to rest is a defect, not a hang
_EPHEMERAL_FIRST = 50_001
_EPHEMERAL_LAST = 65_000


class SimulatedDisk(Disk, Protocol):
    """A disk whose clock is the world's, and that forces on demand: `MemoryDisk`, `CrashDisk`."""

    now: Millis

    def force(self, path: str, *, span: Span | None = None) -> None:
        """Make the bytes durable that the file has now in `span`; raises `DiskError`."""


class WorldStuck(AssertionError):
    """The nodes keep each other busy without time passing."""


@dataclass(slots=True, eq=False)
class Pipe:
    """The harness's end of one connection."""

    world: "World"
    host: str
    channel: ChannelId
    local: Address
    inbox: deque[bytes] = field(default_factory=deque)
    closed: bool = False

    def send(self, data: bytes) -> None:
        """Bytes towards the node; nothing happens before somebody waits."""
        if not self.closed:
            self.world.later(lambda: self.world.deliver(self.host, self.channel, data))

    def receive(self, patience: int) -> bytes | None:
        """The next bytes, waiting at most `patience` milliseconds of virtual time.

        None: nothing came, or the node closed the channel (`closed` tells).
        """
        self.world.run_until(lambda: bool(self.inbox) or self.closed, patience)
        return self.inbox.popleft() if self.inbox else None

    def close(self) -> None:
        """Hang up."""
        if not self.closed:
            self.closed = True
            self.world.later(lambda: self.world.hang_up(self.host, self.channel))


@dataclass(slots=True, eq=False)
class _Host:
    """One running node and its connections."""

    name: str
    node: Node
    disk: SimulatedDisk
    addresses: tuple[Address, ...]
    started: bool = False
    stopped: bool = False
    ends: dict[ChannelId, "Pipe | tuple[str, ChannelId]"] = field(default_factory=dict)


class World:
    """The interpreter: performs effects of nodes on virtual wires, disks and time."""

    def __init__(self, start: Millis = EPOCH) -> None:
        self.now = start
        self._hosts: dict[str, _Host] = {}
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._sequence = 0
        self._next_channel = 2  # even: ids of accepted channels; a node's own are odd
        self._next_port = _EPHEMERAL_FIRST

    def start(
        self,
        name: str,
        node: Node,
        disk: SimulatedDisk,
        addresses: Iterable[Address],
        patience: int = 60_000,
    ) -> None:
        """Start a node and wait until it listens on `addresses`; raises `StartRefused`."""
        assert name not in self._hosts, name
        disk.now = self.now
        host = _Host(name, node, disk, tuple(addresses))
        effects = node.start(self.now)
        self._hosts[name] = host
        self._perform(host, effects)
        if not self.run_until(lambda: host.started, patience):
            self.kill(name)
            raise StartRefused(f"{name} does not serve after {patience} milliseconds")

    def shutdown(self, name: str, patience: int = 60_000) -> None:
        """Ask a node to stop and wait for `Stopped`."""
        host = self._hosts[name]
        self._perform(host, host.node.shutdown(self.now))
        self.run_until(lambda: host.stopped, patience)
        assert host.stopped, f"{name} did not stop"
        self.kill(name)

    def runs(self, name: str) -> bool:
        """True between a start and the end of the node."""
        return name in self._hosts

    def kill(self, name: str) -> None:
        """The process is gone: peers see closed connections, its disk keeps what was written."""
        host = self._hosts.pop(name)
        for end in host.ends.values():
            if isinstance(end, Pipe):
                end.closed = True
            else:
                self.later(lambda end=end: self.hang_up(*end))  # type: ignore[misc]
        host.disk.unlock("lock")

    def connect(self, address: Address) -> Pipe | None:
        """A new connection of the harness; None where nobody listens."""
        host = self._listener(address)
        if host is None:
            return None
        channel, local = self._new_channel()
        pipe = Pipe(self, host.name, channel, local)
        host.ends[channel] = pipe
        self._perform(host, host.node.accepted(channel, local, address, self.now))
        return pipe

    def run_until(self, satisfied: Callable[[], bool], patience: int) -> bool:
        """Let things happen until `satisfied`, or `patience` milliseconds have passed."""
        deadline = self.now + patience
        idle_steps = 0
        while not satisfied():
            idle_steps += 1
            if idle_steps > _STEPS_WITHOUT_TIME_MAX:
                raise WorldStuck(f"no progress at {self.now}")
            if self._queue and self._queue[0][0] <= self.now:
                heapq.heappop(self._queue)[2]()
                continue
            when = self._next_time()
            if when is None or when > deadline:
                self._move(Millis(max(self.now, deadline)))
                return satisfied()
            if when > self.now:
                self._move(when)
                idle_steps = 0
            self._fire_timers()
        return True

    def advance(self, milliseconds: int) -> None:
        """Let `milliseconds` pass, with everything that is due in them."""
        self.run_until(lambda: False, milliseconds)

    def later(self, action: Callable[[], None]) -> None:
        """Queue something for now, behind what is queued already."""
        self._sequence += 1
        heapq.heappush(self._queue, (self.now, self._sequence, action))

    def deliver(self, name: str, channel: ChannelId, data: bytes) -> None:
        """Bytes reach a node, if it and the channel still exist."""
        host = self._hosts.get(name)
        if host is not None and channel in host.ends:
            self._perform(host, host.node.receive_data(channel, data, self.now))

    def hang_up(self, name: str, channel: ChannelId) -> None:
        """A node learns that a channel is gone."""
        host = self._hosts.get(name)
        if host is not None and host.ends.pop(channel, None) is not None:
            self._perform(host, host.node.disconnected(channel, self.now))

    def _perform(self, host: _Host, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case SendBytes(channel, data):
                    self._send(host, channel, data)
                case CloseChannel(channel):
                    self._close(host, channel)
                case Connect(channel, address):
                    self.later(
                        lambda channel=channel, address=address: self._connect(  # type: ignore[misc]
                            host, channel, address
                        )
                    )
                case Force():
                    self.later(lambda force=effect: self._force(host, force))  # type: ignore[misc]
                case Started():
                    host.started = True
                case Stopped():
                    host.stopped = True
                case _:
                    assert_never(effect)

    def _send(self, host: _Host, channel: ChannelId, data: bytes) -> None:
        end = host.ends.get(channel)
        if isinstance(end, Pipe):
            end.inbox.append(data)
        elif end is not None:
            name, theirs = end
            self.later(lambda: self.deliver(name, theirs, data))

    def _close(self, host: _Host, channel: ChannelId) -> None:
        end = host.ends.pop(channel, None)
        if isinstance(end, Pipe):
            end.closed = True
        elif end is not None:
            self.later(lambda: self.hang_up(*end))
        if end is not None:
            self.later(lambda: self._disconnected(host, channel))

    def _disconnected(self, host: _Host, channel: ChannelId) -> None:
        if self._hosts.get(host.name) is host:
            self._perform(host, host.node.disconnected(channel, self.now))

    def _connect(self, host: _Host, channel: ChannelId, address: Address) -> None:
        if self._hosts.get(host.name) is not host:
            return
        peer = self._listener(address)
        if peer is None:
            self._perform(host, host.node.disconnected(channel, self.now))
            return
        theirs, local = self._new_channel()
        host.ends[channel] = (peer.name, theirs)
        peer.ends[theirs] = (host.name, channel)
        self._perform(peer, peer.node.accepted(theirs, local, address, self.now))
        self._perform(host, host.node.connected(channel, local, self.now))

    def _force(self, host: _Host, force: Force) -> None:
        """Let the disk do it, and tell the node; of a force that never ends nobody hears."""
        if self._hosts.get(host.name) is not host:
            return
        failed = False
        try:
            host.disk.force(force.path, span=force.span)
        except ForceNeverEnds:
            return
        except DiskError:
            failed = True
        self._perform(host, host.node.forced(force.token, failed=failed, now=self.now))

    def _fire_timers(self) -> None:
        for host in list(self._hosts.values()):
            due = host.node.next_timer()
            if due is not None and due <= self.now:
                self._perform(host, host.node.handle_timer(self.now))

    def _next_time(self) -> Millis | None:
        times = [due for h in self._hosts.values() if (due := h.node.next_timer()) is not None]
        if self._queue:
            times.append(Millis(self._queue[0][0]))
        return min(times) if times else None

    def _move(self, when: Millis) -> None:
        self.now = when
        for host in self._hosts.values():
            host.disk.now = when

    def _listener(self, address: Address) -> _Host | None:
        listeners = (h for h in self._hosts.values() if h.started and address in h.addresses)
        return next(listeners, None)

    def _new_channel(self) -> tuple[ChannelId, Address]:
        channel = ChannelId(self._next_channel)
        self._next_channel += 2
        local = Address("127.0.0.1", self._next_port)
        self._next_port = (
            self._next_port + 1 if self._next_port < _EPHEMERAL_LAST else _EPHEMERAL_FIRST
        )
        return channel, local
