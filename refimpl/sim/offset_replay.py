"""A behaviour of spec/tla/ConsumeOffset.tla, played to a real broker: file by file, step by step.

    reached = follow_offsets(constants(BOUND), behaviour(STEPS))

The consumer is the world's, one that commits the least offset that it has not consumed. What it
is shown, which offset it begins at, and in which steps the file is replaced the broker decides. A
table is written in one call of the code: the disk keeps how the files were behind each of its
steps, and where the model lets the power fail in between, that is the disk that fails. Each table
bears its number, as a row of another group.

Held against the model: the queue, the consumer, the row, the files, and whether the broker takes
the main file for durable. Not held: a temporary file that nobody writes any more, which nobody
reads; and `step`, which the names of the steps say.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from refimpl.broker.broker import PERSIST_CONSUMER_OFFSET
from refimpl.model.ids import QueueId, Topic
from refimpl.model.message_codec import decode_record
from refimpl.model.release import RELEASE_4_9
from refimpl.model.state_space import Plain, Step, number, record
from refimpl.model.sys_flag import FLAG_SUBSCRIPTION
from refimpl.remoting.header import decode_header
from refimpl.remoting.header.offset import (
    QueryConsumerOffsetRequestHeader,
    UpdateConsumerOffsetRequestHeader,
)
from refimpl.remoting.header.pull import PullMessageRequestHeader, PullMessageResponseHeader
from refimpl.remoting.response_code import ResponseCode
from refimpl.sim.broker_replay import (
    TOPIC,
    Refused,
    ReplayedBroker,
    State,
    StepDisk,
    follow,
    offset_table,
    row,
)
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import Extreme
from refimpl.sim.found_records import found_records

PULL_MESSAGE = 11
QUERY_CONSUMER_OFFSET = 14
UPDATE_CONSUMER_OFFSET = 15
_FILE: Final = "config/consumerOffset.json"
_PATHS: Final = {"tmp": f"{_FILE}.tmp", "main": _FILE, "bak": f"{_FILE}.bak"}
_GROUP: Final = "g"
_NUMBERS: Final = "number@of"  # whose row is the number of the table: no group, so never corrected
_STEPS: Final = ("Persist", "RenameToBackup", "DeleteMain", "RenameToMain")


class _Held(NamedTuple):
    """What a text says: which table it is, and the row of the group."""

    number: int
    table: int


def follow_offsets(constants: Mapping[str, Plain], steps: Sequence[Step]) -> int:
    """How many states of the behaviour a broker and a careful consumer reach."""
    return follow(_Replay(constants), steps)


class _Replay:
    """One broker through all its lives, and the consumer of its one queue."""

    def __init__(self, constants: Mapping[str, Plain]) -> None:
        self.none = number(constants, "MaxMessages") + 1
        self.broker = ReplayedBroker(RELEASE_4_9, StepDisk(_FILE), {})
        self.up = True
        self.tables = 0
        self.torn: dict[str, _Held] = {}  # files that a power failure tore, as they had been
        self.shown: CrashDisk | None = None  # how the files are, while a table is written
        self.pull_offset = self.none
        self.processing: set[int] = set()
        self.consumed: set[int] = set()

    # --- what the world does

    def play(self, action: str, before: State, after: State) -> None:
        """One action; of what the broker decides nothing is forced on it."""
        if action in _STEPS:
            self._file_step(action, before)
        elif action == "DoAppend":
            self.broker.produce(b"body", {}, 0)
            ctx = self.broker.lab.ctx
            ctx.store.reput.step(self.broker.lab.now)  # it may come at any time
        elif action == "Flushed":
            self.broker.flush()
        elif action == "QueryOffset":
            self._query()
        elif action == "PullMessage":
            self._pull()
        elif action == "ConsumeMessage":
            (message,) = self.processing - _members(after["processing"])
            self.processing.remove(message)
            self.consumed.add(message)
        elif action == "CommitOffset":
            self._commit(_GROUP, min(self.processing, default=self.pull_offset))
        elif action == "RestartConsumer":
            self.pull_offset, self.processing = self.none, set()
        elif action == "Forced":
            self._forced()
        elif action == "Load":
            self.broker.start()
            self.up = True
        else:
            self._end(action, after)

    def _query(self) -> None:
        header = QueryConsumerOffsetRequestHeader(consumer_group=_GROUP, topic=TOPIC, queue_id=0)
        answer = self.broker.ask(QUERY_CONSUMER_OFFSET, header)
        found = answer.code == ResponseCode.SUCCESS
        self.pull_offset = int((answer.ext_fields or {})["offset"]) if found else 0

    def _pull(self) -> None:
        header = PullMessageRequestHeader(
            consumer_group=_GROUP,
            topic=TOPIC,
            queue_id=0,
            queue_offset=self.pull_offset,
            max_msg_nums=1,
            sys_flag=FLAG_SUBSCRIPTION,
            commit_offset=0,
            suspend_timeout_millis=0,
            subscription="*",
            sub_version=0,
            expression_type="TAG",
        )
        answer = self.broker.ask(PULL_MESSAGE, header)
        release = self.broker.lab.release
        if answer.code == ResponseCode.SUCCESS:
            message = decode_record(answer.body or b"", release=release)
            assert message is not None
            self.processing.add(message.queue_offset)
        told = decode_header(PullMessageResponseHeader, answer.ext_fields, release)
        self.pull_offset = told.next_begin_offset

    def _commit(self, group: str, offset: int) -> None:
        header = UpdateConsumerOffsetRequestHeader(
            consumer_group=group, topic=TOPIC, queue_id=0, commit_offset=offset
        )
        self.broker.ask(UPDATE_CONSUMER_OFFSET, header)

    def _file_step(self, action: str, before: State) -> None:
        """The next step of the call that replaces the file, and the call with its first."""
        disk = self.broker.disk
        if action == "Persist":
            self._commit(_NUMBERS, self.tables + 1)
            disk.passed.clear()
            self.broker.lab.step(PERSIST_CONSUMER_OFFSET)
        nothing_to_delete = action == "DeleteMain" and not _is_there(before["main"])
        if nothing_to_delete:
            return
        if not disk.passed or disk.passed[0][0] != action:
            raise Refused
        self.tables += action == "Persist"
        _, self.shown = disk.passed.pop(0)
        if action == "Persist":
            self.torn.pop("tmp", None)
        elif action == "RenameToBackup":
            self.torn.pop("bak", None)
        elif action == "RenameToMain":
            self.torn.pop("main", None)
        if not disk.passed:
            self.shown = None  # the disk is as far as the model

    def _forced(self) -> None:
        for force in [f for f in self.broker.lab.forces if f.path.startswith(_FILE)]:
            self.broker.lab.complete_force(force)
        self.broker.serve()

    def _end(self, action: str, after: State) -> None:
        """The process, or the machine, dies where the model is."""
        disk = self.shown or self.broker.disk
        if action == "Crash":
            disk = CrashDisk(files=self._image(disk, after))
        else:
            assert action == "Kill", action
        self.broker.fall(disk)
        self.up, self.shown = False, None

    def _image(self, disk: CrashDisk, after: State) -> dict[str, bytes]:
        """The log up to where the model has it, and each file whole or torn as there."""
        queue = self.broker.lab.ctx.store.consume_queue_table.find(Topic(TOPIC), QueueId(0))
        end = _number(after["maxOffset"])
        ends = [0] if queue is None else [0, *_ends(self.broker)]
        files = self.broker.log_cut_at(disk, ends[end])
        for variable, path in _PATHS.items():
            if not disk.exists(path):
                files.pop(path, None)
                continue
            written = disk.read(path, 0, disk.size(path))
            whole = dict(_pairs(after[variable]))["whole"]
            if not whole and written and files.get(path) != written:
                self.torn[variable] = self._held(written)
                written = written[: len(written) // 2].ljust(len(written), b"\0")
            files[path] = written
        self.processing = {m for m in self.processing if m < end}
        self.consumed = {m for m in self.consumed if m < end}
        return files

    # --- what is held against the model

    def differs(self, after: State) -> str:
        """The first variable that is otherwise."""
        mine = {
            "up": self.up,
            "persists": self.tables,
            "pullOffset": self.pull_offset,
            "processing": frozenset(self.processing),
            "consumed": frozenset(self.consumed),
            "main": self._file("main"),
            "bak": self._file("bak"),
        }
        if self.shown is not None:
            mine["tmp"] = self._file("tmp")
        if self.up:
            mine |= self._of_a_life()
        return next((name for name, value in mine.items() if after[name] != value), "")

    def _of_a_life(self) -> dict[str, Plain]:
        ctx = self.broker.lab.ctx
        ends = _ends(self.broker)
        flushed = ctx.store.commit_log.mapped_file_queue.flushed_where
        mine: dict[str, Plain] = {
            "maxOffset": len(ends),
            "forced": sum(end <= flushed for end in ends),
            "offsetTable": row(ctx.consumer_offset_manager.offset_table, TOPIC, _GROUP, self.none),
        }
        if self.shown is None:
            (file,) = [one for one in ctx.config_files if one.path == _FILE]
            _, _, durable, loaded = file.stands()
            forces = any(force.path == _FILE for force in self.broker.lab.forces)
            mine["mainDurable"] = durable
            mine["forcing"] = "loaded" if loaded else "written" if forces else "none"
        return mine

    def _file(self, variable: str) -> Plain:
        """One file in the words of the model; an empty one is none."""
        disk = self.shown or (self.broker.lab.disk)
        assert isinstance(disk, CrashDisk)
        path = _PATHS[variable]
        data = disk.read(path, 0, disk.size(path)) if disk.exists(path) else b""
        if not data:
            return record(number=0, table=self.none, whole=False, durable=True, there=False)
        kept = disk.crash().extreme(Extreme.NAMES).files
        durable = path in kept and kept[path].read(0, kept[path].size) == data
        whole = variable not in self.torn
        held = self._held(data) if whole else self.torn[variable]
        return record(
            number=held.number, table=held.table, whole=whole, durable=durable, there=True
        )

    def _held(self, data: bytes) -> _Held:
        table = offset_table(data, self.broker.lab.release)
        return _Held(row(table, TOPIC, _NUMBERS, 0), row(table, TOPIC, _GROUP, self.none))


def _ends(broker: ReplayedBroker) -> list[int]:
    """Where each record of the queue ends in the log."""
    found = found_records(broker.lab.ctx.store)
    return [one.offset + one.size for one in found if one.topic == TOPIC]


def _members(value: Plain) -> set[int]:
    assert isinstance(value, frozenset)
    return {_number(item) for item in value}


def _number(value: Plain) -> int:
    assert isinstance(value, int)
    return value


def _pairs(value: Plain) -> frozenset[tuple[str, Plain]]:
    assert isinstance(value, frozenset)
    return value  # type: ignore[return-value]


def _is_there(file: Plain) -> bool:
    return bool(dict(_pairs(file))["there"])
