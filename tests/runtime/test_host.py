"""The interpreter of effects on real sockets: order, coalescing, ends, threads, defects."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from unittest.mock import patch

import pytest

from refimpl.model.effect import CloseChannel, Connect, Effect, Force, SendBytes, Started, Stopped
from refimpl.model.errors import StartRefused
from refimpl.model.ids import Actor, Address, ChannelId, ForceToken, Millis
from refimpl.runtime.directory_disk import DirectoryDisk
from refimpl.runtime.event_loop import EventLoop
from refimpl.runtime.host import Host, wall_clock

PATIENCE = 10.0
BIG = 8 << 20


class Scripted:
    """A node that does what it is told by the bytes that it gets, and keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, object]] = []
        self.timer: Millis | None = None
        self.later: Sequence[Effect] = ()

    def start(self, now: Millis) -> Sequence[Effect]:
        return (Started(),)

    def shutdown(self, now: Millis) -> Sequence[Effect]:
        return (Stopped(),)

    def accepted(
        self, channel: ChannelId, peer: Address, local: Address, now: Millis
    ) -> Sequence[Effect]:
        self.heard.append(("accepted", (channel, local.port)))
        return ()

    def connected(self, channel: ChannelId, local: Address, now: Millis) -> Sequence[Effect]:
        self.heard.append(("connected", channel))
        return (SendBytes(channel, b"hello"),)

    def receive_data(self, channel: ChannelId, data: bytes, now: Millis) -> Sequence[Effect]:
        self.heard.append(("data", data))
        match data:
            case b"twice":
                return (SendBytes(channel, b"one"), SendBytes(channel, b"two"))
            case b"big":
                return (SendBytes(channel, b"b" * BIG), CloseChannel(channel))
            case b"bye":
                return (SendBytes(channel, b"bye"), CloseChannel(channel))
            case b"defect":
                raise AssertionError("as scripted")
            case b"timer":
                self.timer, self.later = now, (SendBytes(channel, b"fired"),)
                return ()
            case b"force":
                self.later = (SendBytes(channel, b"durable"),)
                return (Force(ForceToken(7), "file"), Force(ForceToken(8), "absent"))
            case _:
                return (SendBytes(channel, data),)

    def disconnected(self, channel: ChannelId, now: Millis) -> Sequence[Effect]:
        self.heard.append(("disconnected", channel))
        return ()

    def forced(self, token: ForceToken, *, failed: bool, now: Millis) -> Sequence[Effect]:
        self.heard.append(("forced", (token, failed)))
        return () if failed else self.later

    def actors(self) -> Mapping[Actor, Millis]:
        return {}

    def step(self, actor: Actor, now: Millis) -> Sequence[Effect]:
        return ()

    def next_timer(self) -> Millis | None:
        return self.timer

    def handle_timer(self, now: Millis) -> Sequence[Effect]:
        self.timer = None
        return self.later


class Hosted:
    """A scripted node that listens, and the loop it runs on."""

    def __init__(self, root: Path) -> None:
        self.loop = EventLoop()
        self.node = Scripted()
        self.disk = DirectoryDisk(root)
        self.host = Host(self.node, self.disk, self.loop)
        self.bound = socket.socket()
        self.bound.bind(("127.0.0.1", 0))
        self.port = self.bound.getsockname()[1]
        self.host.start([self.bound])

    def connect(self) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        client.settimeout(0)
        return client

    def answer(self, client: socket.socket, length: int) -> bytes:
        """Run the loop until so many bytes came, or the end of the stream."""
        got = bytearray()
        over = False

        def enough() -> bool:
            nonlocal over
            try:
                data = client.recv(1 << 20)
                got.extend(data)
                over = not data
            except BlockingIOError:
                pass
            return over or len(got) >= length

        self.host.due()
        while not enough():
            assert not self.loop.run(lambda: False, 0.01)
        return bytes(got)

    def hears(self, *what: tuple[str, object]) -> bool:
        return self.loop.run(lambda: all(item in self.node.heard for item in what), PATIENCE)


@pytest.fixture
def hosted(tmp_path: Path) -> Iterator[Hosted]:
    hosted = Hosted(tmp_path)
    yield hosted
    assert hosted.host.shutdown(PATIENCE)
    hosted.loop.close()


def test_answers_come_back_in_order(hosted: Hosted) -> None:
    with hosted.connect() as client:
        client.send(b"first")
        assert hosted.answer(client, 5) == b"first"
        client.send(b"twice")
        assert hosted.answer(client, 6) == b"onetwo"
    assert hosted.node.heard[:2] == [("accepted", (2, hosted.port)), ("data", b"first")]
    assert hosted.hears(("disconnected", ChannelId(2)))


def test_what_was_sent_goes_out_before_the_end(hosted: Hosted) -> None:
    with hosted.connect() as client:
        client.send(b"big")
        assert hosted.answer(client, BIG + 1) == b"b" * BIG
    assert hosted.hears(("disconnected", ChannelId(2)))
    with hosted.connect() as client:
        client.send(b"bye")
        assert hosted.answer(client, 4) == b"bye"
    assert hosted.hears(("disconnected", ChannelId(4)))
    assert [what for what, _ in hosted.node.heard].count("disconnected") == 2


def test_a_defect_ends_one_connection(hosted: Hosted, capsys: pytest.CaptureFixture[str]) -> None:
    with hosted.connect() as victim, hosted.connect() as other:
        victim.send(b"defect")
        assert hosted.answer(victim, 1) == b""
        other.send(b"alive")
        assert hosted.answer(other, 5) == b"alive"
    assert "as scripted" in capsys.readouterr().err
    assert hosted.hears(("disconnected", ChannelId(2)))


def test_what_is_due_is_called(hosted: Hosted) -> None:
    with hosted.connect() as client:
        client.send(b"timer")
        assert hosted.answer(client, 5) == b"fired"


def test_forces_end_in_the_loop(hosted: Hosted) -> None:
    hosted.disk.create("file", 4)
    with hosted.connect() as client:
        client.send(b"force")
        assert hosted.answer(client, 7) == b"durable"
        assert hosted.hears(("forced", (7, False)), ("forced", (8, True)))


def test_a_defect_in_a_force_is_a_force_that_failed(
    hosted: Hosted, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the thread goes on to the next one."""
    hosted.disk.create("file", 4)
    defect = patch.object(DirectoryDisk, "force", side_effect=AssertionError("as scripted"))
    with defect, hosted.connect() as client:
        client.send(b"force")
        assert hosted.hears(("forced", (7, True)), ("forced", (8, True)))
    assert capsys.readouterr().err.count("AssertionError: as scripted") == 2


def test_connections_of_the_node(hosted: Hosted) -> None:
    with socket.socket() as peer, socket.socket() as dead:
        peer.bind(("127.0.0.1", 0))
        peer.listen()
        dead.bind(("127.0.0.1", 0))  # nobody listens
        hosted.node.timer = wall_clock()
        hosted.node.later = (
            Connect(ChannelId(1), Address("localhost", peer.getsockname()[1])),
            Connect(ChannelId(3), Address("127.0.0.1", dead.getsockname()[1])),
        )
        hosted.host.fire()
        assert hosted.hears(("connected", ChannelId(1)), ("disconnected", ChannelId(3)))
        accepted, _ = peer.accept()
        with accepted:
            accepted.settimeout(PATIENCE)
            assert accepted.recv(100) == b"hello"
        assert hosted.hears(("disconnected", ChannelId(1)))


def test_a_port_where_another_listens(hosted: Hosted, tmp_path: Path) -> None:
    with socket.socket() as second:
        disk = DirectoryDisk(tmp_path / "other")
        second.connect(("127.0.0.1", hosted.port))  # a connected socket cannot listen
        with pytest.raises(StartRefused, match="cannot listen"):
            Host(Scripted(), disk, hosted.loop).start([second])
        disk.close()
