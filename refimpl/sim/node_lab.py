"""One real node on a disk, driven call by call: every actor, every force and the clock are inputs.

    lab = BrokerLab(RELEASES["4.9"], {"messageDelayLevel": "1s 2s"})
    lab.start()
    answer = lab.ask(310, header, b"hello")
    lab.jump(1000)
    lab.kill()          # `kill -9`: what was written stays
    lab.start()

Where `sim.world` lets time pass until somebody waits, here nothing happens that was not asked for:
an interleaving that Java's threads permit is a sequence of calls. `jump` moves the clock and runs
what is late once, so that an hour costs as much as a second.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from refimpl.broker.broker import Broker
from refimpl.broker.context import BrokerContext
from refimpl.model.config import Config
from refimpl.model.disk import Disk, DiskError
from refimpl.model.effect import CloseChannel, Connect, Effect, Force, SendBytes, Started, Stopped
from refimpl.model.ids import (
    Actor,
    Address,
    ChannelId,
    Group,
    Millis,
    Opaque,
    QueueId,
    QueueOffset,
    Topic,
)
from refimpl.model.message import MessageExt
from refimpl.model.message_codec import decode_record
from refimpl.model.node import Node
from refimpl.model.override import override
from refimpl.model.prng import Prng
from refimpl.model.release import Release
from refimpl.namesrv.name_server import NameServer
from refimpl.remoting import frame
from refimpl.remoting.command import RPC_ONEWAY, RemotingCommand
from refimpl.remoting.header import Header, encode_header
from refimpl.sim import broker_looks
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import Crash, CrashImage
from refimpl.sim.disk_faults import ForceOutcome
from refimpl.sim.trace_writer import TraceLog
from refimpl.sim.world import EPOCH
from refimpl.store.message_store import ABORT_PATH

BROKER_ADDRESS = Address("127.0.0.1", 10911)
NAMESRV_ADDRESS = Address("127.0.0.1", 9876)
SMALL: Mapping[str, str] = {
    "brokerName": "broker-a",
    "brokerIP1": "127.0.0.1",
    "brokerIP2": "127.0.0.1",
    "mappedFileSizeCommitLog": "65536",
    "mappedFileSizeConsumeQueue": "2000",
    "maxHashSlotNum": "20",
    "maxIndexNum": "80",
    "maxMessageSize": "8192",
    "messageDelayLevel": "1s 2s 3s 4s 5s 6s",
    "defaultTopicQueueNums": "4",
}
_PATIENCE = 10_000  # rounds of actors at one time: more is a defect, not a wait
_PAGE = 32
_READER = Group("lab")


class LabDisk(Disk, Protocol):
    """A disk that is told the time."""

    now: Millis


@dataclass(slots=True)
class Asked:
    """One request and what came back for its opaque."""

    channel: ChannelId
    command: RemotingCommand
    at: Millis
    answers: list[RemotingCommand] = field(default_factory=list)
    answered_at: Millis | None = None

    @property
    def answer(self) -> RemotingCommand | None:
        """The first answer."""
        return self.answers[0] if self.answers else None


@dataclass(slots=True)
class _Line:
    decoder: frame.FrameDecoder
    open: bool = True


Fields: TypeAlias = Header | Mapping[str, str] | None


class NodeLab(ABC):
    """One node of some kind, its channels, and the forces that it wants."""

    listens: Address = BROKER_ADDRESS

    def __init__(self, release: Release, disk: LabDisk, *, seed: int = 0) -> None:
        self.release = release
        self.disk = disk
        self.now = EPOCH
        self.seed = seed
        self.starts = 0
        self.forces: list[Force] = []
        self.forces_complete = True  # False: they wait in `forces` until `complete_force`
        self.forces_fail = False
        self.asked: dict[tuple[ChannelId, Opaque], Asked] = {}
        self.requests: list[tuple[ChannelId, RemotingCommand]] = []  # what the node asked peers
        self.strays: list[RemotingCommand] = []  # answers to nothing
        self.started = False
        self.stopped = False
        self._node: Node | None = None
        self._lines: dict[ChannelId, _Line] = {}
        self._opaque = 0
        self._next_channel = 2

    @abstractmethod
    def make(self) -> Node:
        """The node, made anew at each start."""

    # --- life

    @property
    def node(self) -> Node:
        """The node that runs."""
        assert self._node is not None, "not started"
        return self._node

    @property
    def runs(self) -> bool:
        """True between a start and the end."""
        return self._node is not None

    def start(self) -> None:
        """Start on the disk as it is, forces complete until it serves.

        Raises `StartRefused`, and then nothing runs.
        """
        self.begin_start()
        forces = self.forces_complete, self.forces_fail
        self.forces_complete, self.forces_fail = True, False
        while self.forces:
            self.complete_force(self.forces[0])
        while not self.started:  # no turn more: whoever connects now finds it as it is
            due = self.node.next_timer()
            assert due is not None, "it never serves"
            assert due <= self.now, "it never serves"
            self.perform(self.node.handle_timer(self.now))
        self.forces_complete, self.forces_fail = forces

    def begin_start(self) -> None:
        """Start on the disk as it is, and let the forces that this needs wait.

        Raises `StartRefused`, and then nothing runs.
        """
        assert self._node is None
        self.starts += 1
        self.started = self.stopped = False
        self.disk.now = self.now
        node = self.make()
        effects = node.start(self.now)
        self._node = node
        completes, self.forces_complete = self.forces_complete, False
        self.perform(effects)
        self.forces_complete = completes

    def kill(self) -> None:
        """The process is gone; the disk keeps what was written and gives its lock back."""
        self._node = None
        self._lines.clear()
        self.forces.clear()
        self.disk.unlock("lock")

    def lose_power(self, choose: Callable[[Crash], CrashImage]) -> CrashImage:
        """The machine is gone; the disk is from now on the image that `choose` takes."""
        assert isinstance(self.disk, CrashDisk)
        image = choose(self.disk.crash())
        self.kill()
        self.disk = CrashDisk.from_image(image)
        return image

    def shutdown(self) -> None:
        """The orderly end, every force complete."""
        self.forces_complete, self.forces_fail = True, False
        for pending in list(self.forces):
            self.complete_force(pending)
        self.perform(self.node.shutdown(self.now))
        for _ in range(_PATIENCE):
            if self.stopped:
                break
            due = self.node.next_timer()
            assert due is not None, "the node neither stops nor waits"
            self._move(Millis(max(self.now, due)))
            self.perform(self.node.handle_timer(self.now))
        assert self.stopped
        self.kill()

    # --- wires

    def open(self) -> ChannelId:
        """A new connection of a client."""
        channel = ChannelId(self._next_channel)
        self._next_channel += 2
        self._lines[channel] = _Line(frame.FrameDecoder())
        peer = Address("127.0.0.1", 40_000 + channel)
        self.perform(self.node.accepted(channel, peer, self.listens, self.now))
        return channel

    def is_open(self, channel: ChannelId) -> bool:
        """False once either side has closed it."""
        line = self._lines.get(channel)
        return line is not None and line.open

    def close(self, channel: ChannelId) -> None:
        """The client hangs up."""
        if self.is_open(channel):
            self._lines[channel].open = False
            self.perform(self.node.disconnected(channel, self.now))

    def send(
        self,
        channel: ChannelId,
        code: int,
        header: Fields = None,
        body: bytes = b"",
        *,
        flag: int = 0,
        version: int | None = None,
    ) -> Asked:
        """One request of a client; the answer, now or later, is entered in what comes back."""
        self._opaque += 1
        command = RemotingCommand(
            code=code,
            opaque=Opaque(self._opaque),
            flag=flag,
            version=self.release.header_version if version is None else version,
            ext_fields=encode_header(header) if isinstance(header, Header) else header,
            body=body,
        )
        asked = Asked(channel, command, self.now)
        self.asked[channel, command.opaque] = asked
        assert self.is_open(channel), channel
        data = frame.encode(command, self.release)
        self.perform(self.node.receive_data(channel, data, self.now))
        return asked

    def ask(
        self,
        channel: ChannelId,
        code: int,
        header: Fields = None,
        body: bytes = b"",
    ) -> RemotingCommand:
        """The answer to a request that is answered at once."""
        answer = self.send(channel, code, header, body).answer
        assert answer is not None, code
        return answer

    def answer_faults(self) -> Iterator[str]:
        """AtMostOneAnswer (BROKER-LIFECYCLE-14): whatever was answered twice, or unasked."""
        for (channel, opaque), asked in self.asked.items():
            if len(asked.answers) > 1:
                yield f"AtMostOneAnswer: opaque {opaque} of channel {channel}, {asked.command.code}"
            if asked.answers and asked.command.flag & RPC_ONEWAY:
                yield f"AtMostOneAnswer: one-way {asked.command.code} was answered"
        for stray in self.strays:
            yield f"AtMostOneAnswer: {stray.opaque} was never asked"

    # --- time

    def step(self, actor: Actor) -> None:
        """One step of one actor, due or not; an absent actor does nothing."""
        if actor in self.node.actors():
            self.perform(self.node.step(actor, self.now))

    def jump(self, milliseconds: int) -> None:
        """Move the clock, forwards or back, then run once what is late."""
        self._move(Millis(self.now + milliseconds))
        self.settle()

    def move(self, milliseconds: int) -> None:
        """Move the clock alone: the actors are late."""
        self._move(Millis(self.now + milliseconds))

    def settle(self) -> None:
        """Run what is due until nothing is."""
        for _ in range(_PATIENCE):
            due = self.node.next_timer()
            if due is None or due > self.now:
                return
            self.perform(self.node.handle_timer(self.now))
        raise AssertionError("the node never rests")

    def run(self, milliseconds: int, stride: int) -> None:
        """Let time pass in strides, everything that is due at the end of each."""
        for _ in range(0, milliseconds, stride):
            self.jump(stride)

    def _move(self, when: Millis) -> None:
        self.now = self.disk.now = when

    # --- effects

    def complete_force(self, pending: Force, *, failed: bool = False) -> None:
        """A force ends: the file is durable, or not, and then its dirty bytes are dropped."""
        self.forces.remove(pending)
        disk = self.disk
        failed = failed or not disk.exists(pending.path)
        if isinstance(disk, CrashDisk) and disk.exists(pending.path):
            try:
                disk.force(pending.path, ForceOutcome.FAIL if failed else None, span=pending.span)
            except DiskError:
                failed = True
        self.perform(self.node.forced(pending.token, failed=failed, now=self.now))

    def perform(self, effects: Iterable[Effect]) -> None:
        """Take what the node wants of the world."""
        for effect in effects:
            if isinstance(effect, SendBytes):
                self._received(effect)
            elif isinstance(effect, Force):
                self.forces.append(effect)
                if self.forces_complete:
                    self.complete_force(effect, failed=self.forces_fail)
            elif isinstance(effect, CloseChannel):
                line = self._lines.get(effect.channel)
                if line is not None:
                    line.open = False
                self.perform(self.node.disconnected(effect.channel, self.now))
            elif isinstance(effect, Connect):
                self.perform(self.node.disconnected(effect.channel, self.now))
            elif isinstance(effect, Started):
                self.started = True
            else:
                assert isinstance(effect, Stopped)
                self.stopped = True

    def _received(self, effect: SendBytes) -> None:
        line = self._lines.get(effect.channel)
        if line is None or not line.open:
            return
        for payload in line.decoder.feed(effect.data):
            command = frame.decode(payload, self.release)
            if not command.is_response:
                self.requests.append((effect.channel, command))
                continue
            asked = self.asked.get((effect.channel, command.opaque))
            if asked is None:
                self.strays.append(command)
                continue
            asked.answers.append(command)
            asked.answered_at = self.now


class BrokerLab(NodeLab):
    """One broker without name servers."""

    def __init__(
        self,
        release: Release,
        disk: LabDisk,
        overrides: Mapping[str, str] | None = None,
        *,
        seed: int = 0,
        trace: TraceLog | None = None,
    ) -> None:
        super().__init__(release, disk, seed=seed)
        self.trace = trace
        self.config = Config.strict(release, "broker", {**SMALL, **(overrides or {})})

    @override
    def make(self) -> Broker:
        """The broker of this start."""
        prng = Prng(self.seed).fork(f"start {self.starts}")
        return Broker(self.config, self.release, self.disk, prng, BROKER_ADDRESS, tracer=self.trace)

    @override
    def kill(self) -> None:
        """The process is gone, orderly or not; its trace says so."""
        if self.trace is not None and self.runs:
            if self.stopped:
                self.trace.shutdown(clean=not self.disk.exists(ABORT_PATH))
            else:
                self.trace.crash(power=False, image="")
        super().kill()

    @override
    def lose_power(self, choose: Callable[[Crash], CrashImage]) -> CrashImage:
        """The machine is gone, as everywhere; its trace says so."""
        trace, self.trace = self.trace, None
        before = self.disk
        image = super().lose_power(choose)
        self.trace = trace
        if trace is not None:
            trace.crash(power=True, image=image.label or "sampled")
            assert isinstance(before, CrashDisk)
            assert isinstance(self.disk, CrashDisk)
            trace.image(before, self.disk)
        return image

    @override
    def perform(self, effects: Iterable[Effect]) -> None:
        """Take what the broker wants; its trace says how the store stands then."""
        super().perform(effects)
        if self.trace is not None and self.runs:
            for look in broker_looks.looks(self.trace.unseen(), self.ctx):
                self.trace(look)
            store = self.ctx.store
            self.trace.observe(
                store.commit_log.mapped_file_queue,
                store.reput.reput_from_offset,
                store.flush_manager.under_way(),
            )

    @property
    def ctx(self) -> BrokerContext:
        """The parts of the broker that runs."""
        assert isinstance(self.node, Broker)
        return self.node.ctx

    def records(self, topic: str, queue_id: int, begin: int = 0) -> list[MessageExt]:
        """What a reader without a filter finds in a queue from `begin` on."""
        found: list[MessageExt] = []
        store = self.ctx.store
        offset = max(begin, store.min_offset_in_queue(Topic(topic), QueueId(queue_id)))
        while True:
            result = store.get_message(
                _READER,
                Topic(topic),
                QueueId(queue_id),
                QueueOffset(offset),
                _PAGE,
                None,
                self.now,
            )
            if result is None or not result.records:
                return found
            for record in result.records:
                message = decode_record(record, release=self.release)
                assert message is not None
                found.append(message)
            offset = result.next_begin_offset


class NameServerLab(NodeLab):
    """One name server."""

    listens = NAMESRV_ADDRESS

    def __init__(
        self,
        release: Release,
        disk: LabDisk,
        overrides: Mapping[str, str] | None = None,
        *,
        seed: int = 0,
    ) -> None:
        super().__init__(release, disk, seed=seed)
        self.config = Config.strict(release, "namesrv", overrides or {})

    @override
    def make(self) -> NameServer:
        """The name server of this start."""
        return NameServer(self.config, self.release, self.disk, Prng(self.seed))

    @property
    def server(self) -> NameServer:
        """The name server that runs."""
        assert isinstance(self.node, NameServer)
        return self.node
