"""What the replays of broker models share: a real broker, its disk step by step, and its client.

    follow(replay, steps)      # how many states of a behaviour the broker reaches

A replay does what the world does in each step and lets the broker decide the rest; then it holds
what the broker has against the variables of the model.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from refimpl.broker.consumer_offset_manager import TOPIC_GROUP_SEPARATOR
from refimpl.model.ids import ChannelId
from refimpl.model.message_property import properties_to_string
from refimpl.model.override import override
from refimpl.model.release import Release
from refimpl.model.state_space import Plain, Step
from refimpl.remoting.body.java_json import parse
from refimpl.remoting.command import RemotingCommand
from refimpl.remoting.header import Header
from refimpl.remoting.header.send import SendMessageRequestHeaderV2
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import Extreme
from refimpl.sim.node_lab import Asked, BrokerLab
from refimpl.store.message_store import FLUSH_COMMIT_LOG, REPUT

TOPIC = "T"
PRODUCERS = "PG"
SEND_MESSAGE_V2 = 310

LOG = "commitlog/"

State = Mapping[str, Plain]


class Refused(Exception):
    """The broker does not take the step that the model took."""


class Replay(Protocol):
    """One module on a real broker."""

    def play(self, action: str, before: State, after: State, /) -> None:
        """Do what the world does in this step. Raises `Refused`."""
        ...

    def differs(self, after: State, /) -> str:
        """Name a variable that the broker has otherwise than the model; "" where none is."""
        ...


def follow(replay: Replay, steps: Sequence[Step]) -> int:
    """Go along with a behaviour of a model; how many of its states were reached."""
    before: State = dict(steps[0][1])
    if replay.differs(before):
        return 0
    for reached, (action, variables) in enumerate(steps[1:], 1):
        after = dict(variables)
        try:
            replay.play(action, before, after)
        except Refused:
            return reached
        if replay.differs(after):
            return reached
        before = after
    return len(steps)


class StepDisk(CrashDisk):
    """Keeps what one file with its temporary and its backup was after each step of a change."""

    def __init__(self, path: str, files: Mapping[str, bytes] | None = None) -> None:
        super().__init__(files=files)
        self.path = path
        self.passed: list[tuple[str, CrashDisk]] = []  # step, and the disk behind it

    def again(self, disk: CrashDisk) -> "StepDisk":
        """The same file on a disk as it was at some step."""
        twin = StepDisk(self.path)
        for base in CrashDisk.__slots__:
            setattr(twin, base, getattr(disk, base))
        for path in tuple(twin._locked):
            twin.unlock(path)
        return twin

    def _step(self, name: str) -> None:
        self.passed.append((name, self.fork()))

    @override
    def write(self, path: str, offset: int, data: bytes) -> None:
        """Write; to the temporary file it is the first step."""
        super().write(path, offset, data)
        if path == self.path + ".tmp":
            self._step("Persist")

    @override
    def rename(self, source: str, target: str) -> None:
        """Move a file; the main file goes, or is replaced."""
        super().rename(source, target)
        if source == self.path:
            self._step("RenameToBackup")
        elif target == self.path:
            self._step("RenameToMain")

    @override
    def unlink(self, path: str) -> None:
        """Remove a file, perhaps the main one."""
        super().unlink(path)
        if path == self.path:
            self._step("DeleteMain")


class ReplayedBroker:
    """A broker whose log is forced when the model says so, and its one client."""

    def __init__(self, release: Release, disk: StepDisk, settings: Mapping[str, str]) -> None:
        self.lab = BrokerLab(release, disk, {"flushDiskType": "SYNC_FLUSH", **settings})
        self.lab.forces_complete = False
        self._line: ChannelId | None = None
        self.start()

    @property
    def disk(self) -> StepDisk:
        """The disk of this life."""
        assert isinstance(self.lab.disk, StepDisk)
        return self.lab.disk

    def start(self) -> None:
        """A broker begins; of the forces only that of the file waits."""
        self.lab.begin_start()
        self.serve()

    def serve(self) -> None:
        """Let it begin to serve, if it does not wait for the file."""
        lab = self.lab
        self.settle()
        while not lab.started and not lab.forces:
            due = lab.node.next_timer()
            assert due is not None, "it never serves"
            assert due <= lab.now, "it never serves"
            lab.perform(lab.node.handle_timer(lab.now))
            self.settle()

    @property
    def line(self) -> ChannelId:
        """The channel of the client, one for each life."""
        if self._line is None or not self.lab.is_open(self._line):
            self._line = self.lab.open()
        return self._line

    def settle(self, *, log: bool = True) -> None:
        """Complete every force but those of the file, and perhaps those of the log."""
        while waiting := [
            force
            for force in self.lab.forces
            if not force.path.startswith(self.disk.path) and (log or not force.path.startswith(LOG))
        ]:
            self.lab.complete_force(waiting[0])

    def flush(self) -> None:
        """Force the log, answer who waits, dispatch what is confirmed."""
        self.lab.step(FLUSH_COMMIT_LOG)
        self.settle()
        self.lab.step(FLUSH_COMMIT_LOG)
        self.lab.step(REPUT)
        self.settle()

    def produce(self, body: bytes, properties: Mapping[str, str], sys_flag: int) -> Asked:
        """SEND_MESSAGE_V2."""
        header = SendMessageRequestHeaderV2(
            a=PRODUCERS,
            b=TOPIC,
            c="TBW102",
            d=4,
            e=0,
            f=sys_flag,
            g=self.lab.now,
            h=0,
            i=properties_to_string(dict(properties), self.lab.release),
            j=0,
            k=False,
            m=False,
        )
        return self.send(SEND_MESSAGE_V2, header, body)

    def send(self, code: int, header: Header | None, body: bytes = b"") -> Asked:
        """One request, and the forces of all files that it changed but the log and the one."""
        asked = self.lab.send(self.line, code, header, body)
        self.settle(log=False)
        return asked

    def ask(self, code: int, header: Header) -> RemotingCommand:
        """The answer to a request that waits for neither."""
        answer = self.send(code, header).answer
        assert answer is not None, code
        return answer

    def fall(self, disk: CrashDisk) -> None:
        """The process is gone; the next one finds this disk."""
        self.lab.kill()
        again = self.disk.again(disk)
        again.now = self.lab.now
        self.lab.disk = again

    def log_cut_at(self, disk: CrashDisk, end: int) -> dict[str, bytes]:
        """What a power failure may leave: what is durable, and of the log all below `end`.

        Raises `Refused` where more of the log is durable.
        """
        held = disk.crash().extreme(Extreme.NAMES).files
        files = {path: file.read(0, file.size) for path, file in held.items()}
        if end < self.lab.ctx.store.commit_log.mapped_file_queue.flushed_where:
            raise Refused
        for path, written in disk.files().items():
            if path.startswith(LOG):
                at = end - int(path.removeprefix(LOG))
                assert at >= 0, "the log of a replay has one file"
                files[path] = written[:at].ljust(len(written), b"\0")
        return files


def offset_table(data: bytes, release: Release) -> Mapping[str, object]:
    """The rows of a file of offsets, as text; none where it is empty."""
    if not data:
        return {}
    tree = parse(data.decode(), release)
    assert isinstance(tree, dict)
    table = tree["offsetTable"]
    assert isinstance(table, dict)
    return table


def row(table: Mapping[str, object], topic: str, group: str, none: int) -> int:
    """The offset of a group in the first queue of a topic, in memory or in a file."""
    rows = table.get(f"{topic}{TOPIC_GROUP_SEPARATOR}{group}", {})
    assert isinstance(rows, dict)
    offset = rows.get(0, rows.get("0", none))
    assert isinstance(offset, int)
    return offset
