"""A queue of small files on a disk that loses power: append, flush, force, retention, crash.

Driven as the commit log drives it. The model is a string of bytes without zeros, so that what was
never written can be told from what was.
"""

from collections.abc import Mapping
from typing import ClassVar

from hypothesis.stateful import initialize, invariant, precondition, rule
from hypothesis.strategies import integers, sampled_from

from fuzz.stateful.machine import CountedMachine
from fuzz.stateful.registry import Machine
from fuzz.stateful.traces import MODELS
from fuzz.store_rig import FIRST_START, config_of
from refimpl.model.disk import DiskError
from refimpl.model.ids import PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace import (
    Append,
    Flushed,
    ForceFailed,
    ForceLog,
    PutRefused,
    Recovered,
    RemoveFirst,
    TraceEvent,
)
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import DiskContract, Extreme, Names
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint, ForceOutcome
from refimpl.store.errors import StoreLoadRefused
from refimpl.store.mapped_file import offset_to_file_name
from refimpl.store.mapped_file_queue import FlushWanted, MappedFileQueue
from refimpl.store.recovery import blank_tail

_FILE = 64  # bytes
_CONTRACTS = (DiskContract(sector=16), DiskContract(sector=16, names=Names.ANY, garbage=True))
_REFUSALS = {
    "no-space-write": FaultPoint.NO_SPACE_WRITE,
    "no-space-create": FaultPoint.NO_SPACE_CREATE,
    "empty-after-create": FaultPoint.EMPTY_AFTER_CREATE,
}
_EXTREMES = tuple(Extreme)
_SETTINGS = (("mappedFileSizeCommitLog", str(_FILE)),)
_NOBODY = (0, 0, 0)  # waits for a force


class MappedFileQueueMachine(CountedMachine):
    """One queue, through many lives."""

    FAULTS: ClassVar[tuple[str, ...]] = (*_REFUSALS, "force-fails")
    ESSENTIAL: ClassVar[tuple[str, ...]] = ("append", "flush", "force")

    WEIGHTS: ClassVar[Mapping[str, int]] = {"append": 4, "flush": 4, "force": 4}

    @initialize(contract=sampled_from(_CONTRACTS))
    def start(self, contract: DiskContract) -> None:
        """Begin with an empty directory."""
        self.disk = CrashDisk(contract)
        self.queue = MappedFileQueue(self.disk, "log", _FILE)
        self.begin = 0  # first offset that is there
        self.model = bytearray()  # everything that was ever appended, from offset 0
        self.wanted: FlushWanted | None = None
        self.durable = 0  # what was forced, whatever life the queue is in
        self.flushed = 0  # flushed_where as it was last seen in this life
        self.next_byte = 1
        self.trace = self.trace_of(config_of(RELEASE_4_9.name, _SETTINGS), RELEASE_4_9)
        self._note(FIRST_START)

    def _note(self, event: TraceEvent) -> None:
        """Tell the trace, as a commit log that has this queue would be told of."""
        if self.trace is not None:
            self.trace(event)

    def _bytes(self, count: int) -> bytes:
        data = bytes((self.next_byte + n) % 255 + 1 for n in range(count))
        self.next_byte += count
        return data

    @rule(count=integers(1, 40), refusal=sampled_from(("", "", "", *_REFUSALS)))
    def append(self, count: int, refusal: str) -> None:
        """Append, filling the file first where the bytes do not fit, as a blank record does."""
        queue = self.queue
        last = queue.last_mapped_file
        room = 0 if last is None else _FILE - last.wrote_position
        if 0 < room < count:
            if queue.append_message(b"x" * count):
                self.broken("STORE-FILES-5", f"{count} bytes were taken where {room} are free")
            self._append(room, "")
        begin = len(self.model)
        if self._append(count, refusal):
            place = PhysicalOffset(begin), count, Topic("T"), QueueId(0), QueueOffset(0), 1
            self._note(Append(*place))
        else:
            self._note(PutRefused(PhysicalOffset(begin)))

    def _append(self, count: int, refusal: str) -> bool:
        data = self._bytes(count)
        if refusal and self.allows(refusal):
            self.disk.faults = DiskFaults([DiskFault(_REFUSALS[refusal])])
        before = self.queue.max_wrote_position
        try:
            assert self.queue.append_message(data), "it fits"
        except DiskError:
            self.fault(refusal)
            if max(before, self.begin) != max(self.queue.max_wrote_position, self.begin):
                self.broken("STORE-FILES-5", f"{before} became {self.queue.max_wrote_position}")
            return False
        else:
            self.model += data
            return True
        finally:
            self.disk.faults = None

    @precondition(lambda self: self.wanted is None)
    @rule(pages=sampled_from((0, 0, 1)))
    def flush(self, pages: int) -> None:
        """Ask what to force."""
        self.wanted = self.queue.flush(pages)
        if self.wanted is None:
            return
        if self.wanted.where - 1 < self.queue.flushed_where:
            self.broken("STORE-FLUSH-3", f"{self.wanted} is behind {self.queue.flushed_where}")
        self._note(ForceLog(PhysicalOffset(self.wanted.where)))
        start = int(self.wanted.path.rpartition("/")[2])
        if not start < self.wanted.where <= start + _FILE:
            self.broken("STORE-FLUSH-3", f"{self.wanted} is not in its file")

    @precondition(lambda self: self.wanted is not None)
    @rule(failed=sampled_from((0, 0, 1)))
    def force(self, failed: int) -> None:
        """Perform what was asked for."""
        wanted, self.wanted = self.wanted, None
        assert wanted is not None
        where = PhysicalOffset(wanted.where)
        if not self.disk.exists(wanted.path):
            self._note(ForceFailed(where))
            return  # retention took it
        outcome = ForceOutcome.OK
        if failed and self.allows("force-fails"):
            self.fault("force-fails")
            outcome = ForceOutcome.FAIL
        try:
            self.disk.force(wanted.path, outcome, span=wanted.span)
        except DiskError:
            self.queue.dirty_again(wanted)
            self._note(ForceFailed(where))
        else:
            self.queue.flushed(wanted)
            self._note(Flushed(where))
            self.durable = max(self.durable, self.queue.flushed_where)

    @precondition(lambda self: len(self.queue.mapped_files) > 1 and self.allows("expire"))
    @rule()
    def expire(self) -> None:
        """Let retention take the oldest file: never the last."""
        self.queue.delete_expired_files_by_time(0, 1 << 40, clean_immediately=True)
        self.begin = self.queue.min_offset
        self._note(RemoveFirst(PhysicalOffset(self.begin)))

    @precondition(lambda self: self.wanted is None and self.allows("settle"))
    @rule()
    def settle(self) -> None:
        """Force until nothing is dirty: every byte is durable then."""
        while (wanted := self.queue.flush(0)) is not None:
            where = PhysicalOffset(wanted.where)
            self._note(ForceLog(where))
            self.disk.force(wanted.path, span=wanted.span)
            self.queue.flushed(wanted)
            self._note(Flushed(where))
        self.durable = max(self.durable, self.queue.flushed_where)
        if self.queue.mapped_files and self.queue.flushed_where != self.queue.max_offset:
            self.broken("STORE-FLUSH-7", f"flushing ends at {self.queue.flushed_where}")

    @rule(offset=integers(0, 400), length=integers(0, 70))
    def read(self, offset: int, length: int) -> None:
        """Read what one file has, or hear that it has not."""
        offset = self.begin + offset % (len(self.model) - self.begin + 2)
        data = self.queue.read(offset, length)
        inside = (
            self.begin <= offset < self.queue.max_offset or (length == 0 and data == b"")
        ) and offset % _FILE + length <= _FILE
        if inside and offset + length <= self.queue.max_offset:
            if data != bytes(self.model[offset : offset + length]):
                self.broken("STORE-FILES-4", f"{offset}+{length} is {data!r}")
        elif data is not None:
            self.broken("STORE-FILES-4", f"{offset}+{length} is not there and is {data!r}")

    @rule(which=integers(0, 7), draw=integers(0, 1 << 16))
    def crash(self, which: int, draw: int) -> None:
        """Lose power, open what is left, cut behind what is whole: nothing durable is gone."""
        crash = self.disk.crash()
        if which < len(_EXTREMES):
            image = crash.extreme(_EXTREMES[which])
        else:
            image = crash.sample(Prng(draw))
        self.image()
        self.disk = CrashDisk.from_image(image)
        if self.trace is not None:
            self.trace.crash(power=True, image=image.label)
        self._reopen(f"after {image.label}")

    @rule()
    def kill(self) -> None:
        """End the process: the page cache stays."""
        self.disk = self.disk.image()
        end = self.queue.max_offset
        if self.trace is not None:
            self.trace.crash(power=False, image="")
        self._reopen("after kill")
        if self.queue.max_offset < end:
            self.broken("STORE-PROMISE-2", f"{end} became {self.queue.max_offset}")

    def _reopen(self, how: str) -> None:
        queue = self.queue = MappedFileQueue(self.disk, "log", _FILE)
        self.wanted = None
        try:
            queue.load(after_crash=True)
        except StoreLoadRefused as error:
            self.broken("STORE-FILES-3", f"{how}: {error}")
        begin = max(queue.min_offset, 0) if queue.mapped_files else self.begin
        end = begin
        for mapped_file in queue.mapped_files:
            stored = self.disk.read(mapped_file.path, 0, _FILE)
            wanted = self.model[mapped_file.file_from_offset :][:_FILE].ljust(_FILE, b"\0")
            same = next((n for n in range(_FILE) if stored[n] != wanted[n]), _FILE)
            end = min(mapped_file.file_from_offset + same, len(self.model))
            if same < _FILE:
                break
        if end < self.durable or begin > self.begin:
            self.broken("STORE-PROMISE-1", f"{how}: {self.durable} was durable, {end} is left")
        queue.truncate_dirty_files(end)
        if (last := queue.last_mapped_file) is not None:
            blank_tail(last, last.wrote_position)
        queue.committed_where = end
        queue.flushed_where = self.flushed = begin
        for mapped_file in queue.mapped_files:
            mapped_file.flushed_position = 0
        self.begin = begin
        del self.model[end:]
        first, cut = PhysicalOffset(queue.min_offset), PhysicalOffset(end)
        self._note(Recovered(False, first, cut, PhysicalOffset(begin), cut, cut))

    @invariant()
    def positions_are_ordered(self) -> None:
        """Flushed, readable, written; neighbours meet; names are offsets."""
        queue = self.queue
        if self.trace is not None:
            forcing = 0 if self.wanted is None else self.wanted.where
            self.trace.observe(queue, 0, (forcing, *_NOBODY))
        if not queue.is_contiguous():
            self.broken("FilesMeet", str([f.path for f in queue.mapped_files]))
        if not self.flushed <= queue.flushed_where:
            self.broken("STORE-FLUSH-1", f"{self.flushed} became {queue.flushed_where}")
        self.flushed = queue.flushed_where
        if queue.mapped_files:
            if not queue.flushed_where <= queue.max_offset <= queue.max_wrote_position:
                self.broken("PositionsOrdered", f"{queue.flushed_where}, {queue.max_offset}")
            if queue.max_offset != len(self.model):
                self.broken("STORE-FILES-5", f"{queue.max_offset} of {len(self.model)}")
        for mapped_file in queue.mapped_files:
            name = offset_to_file_name(mapped_file.file_from_offset)
            if mapped_file.path != f"log/{name}" or mapped_file.file_from_offset % _FILE:
                self.broken("STORE-FILES-1", mapped_file.path)
        behind = len(self.model) - queue.flushed_where
        self.visit((len(queue.mapped_files), behind, len(self.model) % _FILE, self.wanted is None))


MACHINE = Machine(
    name="MappedFileQueue",
    machine=MappedFileQueueMachine,
    subject="refimpl.store.mapped_file_queue",
    invariants=(
        "FilesMeet",
        "PositionsOrdered",
        "STORE-FILES-1",
        "STORE-FILES-3",
        "STORE-FILES-4",
        "STORE-FILES-5",
        "STORE-FLUSH-1",
        "STORE-FLUSH-3",
        "STORE-FLUSH-7",
        "STORE-PROMISE-1",
        "STORE-PROMISE-2",
    ),
    not_held={
        name: "there are files, and no log above them"
        for name in MODELS
        if name != "MappedFileQueue"
    },
)
