"""The world with a node that echoes: order, time, closing, killing."""

from collections.abc import Mapping, Sequence

import pytest

from refimpl.model.effect import CloseChannel, Connect, Effect, Force, SendBytes, Started, Stopped
from refimpl.model.ids import Actor, Address, ChannelId, ForceToken, Millis
from refimpl.model.override import override
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.sim.world import EPOCH, World, WorldStuck

HERE = Address("127.0.0.1", 1000)
THERE = Address("127.0.0.1", 2000)
SELF = Actor("self")


class Echo:
    """Echoes after `delay` ms; `x` closes; `f` forces a file and reports; `c` connects to THERE."""

    def __init__(self, delay: int = 0) -> None:
        self.delay = delay
        self.owed: list[tuple[Millis, Effect]] = []
        self.seen: list[str] = []

    def start(self, now: Millis) -> Sequence[Effect]:
        self.seen.append(f"start {now - EPOCH}")
        return (Started(),)

    def shutdown(self, now: Millis) -> Sequence[Effect]:
        self.seen.append(f"shutdown {now - EPOCH}")
        return (Stopped(),)

    def accepted(
        self, channel: ChannelId, peer: Address, local: Address, now: Millis
    ) -> Sequence[Effect]:
        assert channel % 2 == 0
        assert peer.port != local.port
        return ()

    def connected(self, channel: ChannelId, local: Address, now: Millis) -> Sequence[Effect]:
        self.seen.append(f"connected {channel}")
        return (SendBytes(channel, b"hello"),)

    def receive_data(self, channel: ChannelId, data: bytes, now: Millis) -> Sequence[Effect]:
        self.seen.append(f"{data.decode()} {now - EPOCH}")
        if data == b"x":
            return (SendBytes(channel, b"bye"), CloseChannel(channel))
        if data == b"f":
            return (Force(ForceToken(7), "a"), Force(ForceToken(8), "none"))
        if data == b"hello":
            return ()
        if data == b"c":
            return (Connect(ChannelId(1), THERE),)
        self.owed.append((Millis(now + self.delay), SendBytes(channel, data)))
        return ()

    def disconnected(self, channel: ChannelId, now: Millis) -> Sequence[Effect]:
        self.seen.append(f"disconnected {channel}")
        return ()

    def forced(self, token: ForceToken, *, failed: bool, now: Millis) -> Sequence[Effect]:
        self.seen.append(f"forced {token} {failed}")
        return ()

    def actors(self) -> Mapping[Actor, Millis]:
        return {SELF: self.owed[0][0]} if self.owed else {}

    def step(self, actor: Actor, now: Millis) -> Sequence[Effect]:
        assert actor == SELF
        return (self.owed.pop(0)[1],)

    def next_timer(self) -> Millis | None:
        return self.owed[0][0] if self.owed else None

    def handle_timer(self, now: Millis) -> Sequence[Effect]:
        return self.step(SELF, now)


class Busy(Echo):
    """Always due, never done."""

    @override
    def next_timer(self) -> Millis | None:
        return Millis(0)

    @override
    def handle_timer(self, now: Millis) -> Sequence[Effect]:
        return ()


def world_with(node: Echo) -> World:
    world = World()
    world.start("echo", node, MemoryDisk({"a": b""}), [HERE])
    return world


def test_time_moves_only_while_somebody_waits() -> None:
    world = world_with(Echo(delay=50))
    pipe = world.connect(HERE)
    assert pipe is not None
    pipe.send(b"one")
    assert world.now == EPOCH
    assert pipe.receive(49) is None
    assert world.now == EPOCH + 49
    assert pipe.receive(49) == b"one"
    assert world.now == EPOCH + 50


def test_bytes_arrive_in_order() -> None:
    world = world_with(Echo())
    pipe = world.connect(HERE)
    assert pipe is not None
    for text in (b"1", b"2", b"3"):
        pipe.send(text)
    assert [pipe.receive(10) for _ in range(3)] == [b"1", b"2", b"3"]


def test_a_close_delivers_what_was_sent_before() -> None:
    node = Echo()
    world = world_with(node)
    pipe = world.connect(HERE)
    assert pipe is not None
    pipe.send(b"x")
    assert pipe.receive(10) == b"bye"
    assert pipe.receive(10) is None
    assert pipe.closed
    world.advance(1)
    assert f"disconnected {pipe.channel}" in node.seen


def test_forces_complete_and_a_missing_file_fails() -> None:
    node = Echo()
    world = world_with(node)
    pipe = world.connect(HERE)
    assert pipe is not None
    pipe.send(b"f")
    world.advance(1)
    assert node.seen[-2:] == ["forced 7 False", "forced 8 True"]


def test_nodes_reach_each_other_or_learn_that_they_do_not() -> None:
    node, other = Echo(), Echo()
    world = world_with(node)
    pipe = world.connect(HERE)
    assert pipe is not None
    pipe.send(b"c")
    world.advance(1)
    assert node.seen[-1] == "disconnected 1"
    world.start("other", other, MemoryDisk(), [THERE])
    pipe.send(b"c")
    world.advance(1)
    assert "connected 1" in node.seen
    assert other.seen[-1].startswith("hello")
    world.kill("other")
    world.advance(1)
    assert node.seen[-1] == "disconnected 1"


def test_shutdown_waits_for_stopped_and_nobody_listens_after() -> None:
    node = Echo()
    world = world_with(node)
    world.shutdown("echo")
    assert node.seen[-1].startswith("shutdown")
    assert world.connect(HERE) is None


def test_a_node_that_never_rests_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refimpl.sim.world._STEPS_WITHOUT_TIME_MAX", 100)
    world = world_with(Busy())
    with pytest.raises(WorldStuck):
        world.advance(1)
