"""Every state of ASYNC_FLUSH within a bound, in the variables of spec/tla/AsyncFlush.tla.

The flush manager, its rhythms, the log and the pool are the real ones; a unit of the model is as
many bytes as make its pages those of the code. The world has a page cache and what of it a power
failure leaves, and decides when a round is made, how a force ends, and where a recovery begins.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from refimpl.model.config import Config
from refimpl.model.disk import DiskError
from refimpl.model.ids import Millis
from refimpl.model.override import override
from refimpl.model.preset import MINIMAL
from refimpl.model.release import RELEASE_4_9
from refimpl.model.state_space import Plain, number, numbers
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.sim.store_fork import copied
from refimpl.store.commit_log import COMMIT_LOG_DIRECTORY, CommitLog
from refimpl.store.consume_queue_table import ConsumeQueueTable
from refimpl.store.flush_manager import FlushManager
from refimpl.store.flush_real_time import age
from refimpl.store.index_service import IndexService
from refimpl.store.mapped_file import OS_PAGE_SIZE, MappedFile, offset_to_file_name
from refimpl.store.mapped_file_queue import FlushWanted
from refimpl.store.store_checkpoint import StoreCheckpoint
from refimpl.store.store_event import ForceWanted, StoreEvent

_BYTE: Final = b"x"
_START: Final = Millis(1000)  # longer than every interval after the beginning of time
FAIR: Final = frozenset({"Tick", "StepCommit", "StepFlush", "Flushed"})  # as FairSpec has it
_Next = Iterator[tuple[str, "AsyncFlushWorld"]]


@dataclass(frozen=True, slots=True)
class AsyncFlushBound:
    """The constants of AsyncFlush.cfg, in its units."""

    file_size: int
    page_size: int
    flush_least_pages: int
    commit_least_pages: int
    flush_interval: int
    commit_interval: int
    pool_size: int
    sizes: tuple[int, ...]
    max_offset: int

    @classmethod
    def of(cls, constants: Mapping[str, Plain]) -> "AsyncFlushBound":
        """Return the bound that a configuration states; raises `KeyError`."""
        assert number(constants, "MinBlank") == 0, "a record of the model leaves no room"
        assert OS_PAGE_SIZE % number(constants, "PageSize") == 0
        return cls(
            number(constants, "FileSize"),
            number(constants, "PageSize"),
            number(constants, "FlushLeastPages"),
            number(constants, "CommitLeastPages"),
            number(constants, "FlushInterval"),
            number(constants, "CommitInterval"),
            number(constants, "PoolSize"),
            numbers(constants, "Sizes"),
            number(constants, "MaxOffset"),
        )

    @property
    def unit(self) -> int:
        """Bytes of a unit."""
        return OS_PAGE_SIZE // self.page_size

    def config(self) -> Config:
        """Settings of a broker that has this bound."""
        settings = {
            "flushDiskType": "ASYNC_FLUSH",
            "mappedFileSizeCommitLog": str(self.file_size * self.unit),
            "flushCommitLogLeastPages": str(self.flush_least_pages),
            "commitCommitLogLeastPages": str(self.commit_least_pages),
            "flushCommitLogThoroughInterval": str(self.flush_interval),
            "commitCommitLogThoroughInterval": str(self.commit_interval),
            "transientStorePoolEnable": "true" if self.pool_size else "false",
            "transientStorePoolSize": str(self.pool_size),
        }
        return Config.of(RELEASE_4_9, "broker", {**MINIMAL, **settings})


class RefusingDisk(MemoryDisk):
    """Refuses the next write where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses = False

    @override
    def write(self, path: str, offset: int, data: bytes) -> None:
        """Write, or refuse once."""
        if self.refuses:
            self.refuses = False
            raise DiskError("write", path, "no space left on device")
        super().write(path, offset, data)


class ScopeLog(CommitLog):
    """A log of records of which only the length matters."""

    def append(self, size: int) -> None:
        """Append so many bytes where the log would append a record; they fit."""
        assert self._writable_file().append_message(_BYTE * size)


class ScopeManager(FlushManager):
    """A flush manager that takes the steps of its orderly end one by one."""

    def force_all(self) -> bool:
        """Begin the force that `drain` begins; False where there is nothing to force."""
        return self._force_log(0) is not None

    @property
    def forcing(self) -> FlushWanted | None:
        """The force under way."""
        return None if self._log_force is None else self._log_force[1]

    def ages(self, flush: int, commit: int, now: Millis) -> tuple[int, int]:
        """Time since the last thorough rounds, up to the intervals."""
        return age(self._flush_rhythm, flush, now), age(self._commit_rhythm, commit, now)


class Process:
    """A store that is open: its log, what flushes it, and the page cache."""

    def __init__(self, config: Config, ends: int, wrote: int, flushed: int) -> None:
        """Open a log of `wrote` bytes, of which a start flushes from `flushed` on."""
        self.now = _START
        self.events: list[StoreEvent] = []
        self.disk = RefusingDisk()
        self.disk.make_directory(COMMIT_LOG_DIRECTORY)
        for begin in range(0, wrote, ends):
            path = f"{COMMIT_LOG_DIRECTORY}/{offset_to_file_name(begin)}"
            self.disk.create(path, ends)
            self.disk.write(path, 0, _BYTE * min(ends, wrote - begin))
        self.log = ScopeLog(self.disk, config, RELEASE_4_9)
        self.flush = self._manager(config)
        queue = self.log.mapped_file_queue
        queue.load(after_crash=True)
        queue.truncate_dirty_files(wrote)
        queue.committed_where, queue.flushed_where = wrote, flushed
        for file in queue.mapped_files:  # STORE-RECOVERY-1, STORE-RECOVERY-7
            position = min(file.wrote_position, max(0, flushed - file.file_from_offset))
            file.flushed_position = position
        self.flush.recovered()

    def _manager(self, config: Config) -> ScopeManager:
        disk, size = self.disk, config.integer("mappedFileSizeConsumeQueue")
        queues = ConsumeQueueTable(disk, mapped_file_size=size, log=self.log, release=RELEASE_4_9)
        index = IndexService(disk, hash_slot_num=1, index_num=2, release=RELEASE_4_9)
        checkpoint = StoreCheckpoint(disk, RELEASE_4_9)
        self.idle = (queues, index, checkpoint)
        return ScopeManager(
            log=self.log,
            queues=queues,
            index=index,
            checkpoint=checkpoint,
            events=self.events,
            config=config,
            release=RELEASE_4_9,
        )

    def cached(self, file: MappedFile) -> int:
        """Bytes from the front of a file that are in the page cache."""
        data = self.disk.read(file.path, 0, file.file_size)
        return len(data) - len(data.lstrip(_BYTE))

    def readable(self) -> int:
        """End of what is in the page cache from the front on."""
        end = 0
        for file in self.log.mapped_file_queue.mapped_files:
            end = file.file_from_offset + self.cached(file)
            if end < file.file_from_offset + file.file_size:
                break
        return end


class AsyncFlushWorld:
    """One state: a process, or what the last one left; and what the power cannot take."""

    def __init__(self) -> None:
        self.process: Process | None = None
        self.left = 0
        self.durable = 0

    @property
    def running(self) -> Process:
        """The process that runs."""
        assert self.process is not None
        return self.process

    @property
    def readable(self) -> int:
        """What a reader that goes from the front may see."""
        return self.left if self.process is None else self.process.readable()


class AsyncFlushScope:
    """The actions of the model on the real rounds."""

    def __init__(self, bound: AsyncFlushBound) -> None:
        self._bound = bound
        self._config = bound.config()
        self._file = bound.file_size * bound.unit

    @staticmethod
    def first() -> AsyncFlushWorld:
        """Nothing is written, and no process runs."""
        return AsyncFlushWorld()

    def _copy(self, world: AsyncFlushWorld) -> AsyncFlushWorld:
        idle = () if world.process is None else world.process.idle
        twin = copied(world, (self._config, RELEASE_4_9, *idle))
        assert isinstance(twin, AsyncFlushWorld)
        return twin

    def next(self, world: AsyncFlushWorld) -> _Next:
        """Every state that one action leads to."""
        for keep in range(world.durable, world.readable + 1, self._bound.unit):
            yield "PowerFails", self._ended(world, keep)
        if world.process is None:
            yield from self._recovered(world)
            return
        wrote = world.running.log.mapped_file_queue.max_wrote_position
        yield "Kill", self._ended(world, world.readable)
        if world.durable == wrote:
            yield "Shutdown", self._ended(world, wrote)
        yield from self._appends(world, wrote)
        yield from self._rounds(world)
        yield from self._drains(world)
        if world.running.flush.forcing is not None:
            yield "Flushed", self._forced(world, failed=False)
            yield "ForceFailed", self._forced(world, failed=True)

    def _appends(self, world: AsyncFlushWorld, wrote: int) -> _Next:
        for size in self._bound.sizes:
            length = size * self._bound.unit
            assert wrote % self._file + length <= self._file, "a record of the bound fits its file"
            if wrote + length <= self._bound.max_offset * self._bound.unit:
                twin = self._copy(world)
                twin.running.log.append(length)
                yield "DoAppend", twin

    def _rounds(self, world: AsyncFlushWorld) -> _Next:
        if self._ages(world) != (self._bound.flush_interval, self._bound.commit_interval):
            twin = self._copy(world)
            twin.running.now = Millis(twin.running.now + 1)
            yield "Tick", twin
        twin = self._copy(world)
        twin.running.flush.step_flush(twin.running.now)
        yield "StepFlush", twin
        if self._bound.pool_size == 0:
            return
        twin = self._copy(world)
        twin.running.flush.step_commit(twin.running.now)
        yield "StepCommit", twin
        twin = self._copy(world)
        twin.running.disk.refuses = True
        twin.running.flush.step_commit(twin.running.now)
        if not twin.running.disk.refuses:
            yield "CommitFailed", twin

    def _drains(self, world: AsyncFlushWorld) -> _Next:
        """What `FlushManager.drain` does, one file at a time."""
        if self._bound.pool_size > 0:
            twin = self._copy(world)
            twin.running.flush.commit_log(0)
            yield "Drain", twin
        if world.running.flush.forcing is None:
            twin = self._copy(world)
            if twin.running.flush.force_all():
                yield "Drain", twin

    def _forced(self, world: AsyncFlushWorld, *, failed: bool) -> AsyncFlushWorld:
        twin = self._copy(world)
        process, wanted = twin.running, twin.running.flush.forcing
        assert wanted is not None
        (event,) = process.events
        assert isinstance(event, ForceWanted)
        process.events.clear()
        if not failed:
            begin = (wanted.where - 1) // self._file * self._file
            file = process.log.mapped_file_queue.find_mapped_file_by_offset(begin)
            assert file is not None
            if begin <= twin.durable:  # a force makes no hole below it
                end = begin + min(wanted.span.end, process.cached(file))
                twin.durable = max(twin.durable, end)
        process.flush.forced(event.token, failed=failed, now=process.now)
        return twin

    def _ended(self, world: AsyncFlushWorld, keep: int) -> AsyncFlushWorld:
        twin = AsyncFlushWorld()
        twin.left, twin.durable = keep, world.durable
        return twin

    def _recovered(self, world: AsyncFlushWorld) -> _Next:
        """Flushes begin at what is durable, or at a blank that ends it, or where a file begins."""
        for start in range(0, world.durable + 1, self._bound.unit):
            blank_ends = start // self._file * self._file + self._file
            if start % self._file == 0 or world.durable in {start, blank_ends}:
                twin = self._ended(world, world.left)
                twin.process = Process(self._config, self._file, world.left, start)
                yield "Recovered", twin

    # --- the variables of the model

    def _ages(self, world: AsyncFlushWorld) -> tuple[int, int]:
        bound, process = self._bound, world.running
        return process.flush.ages(bound.flush_interval, bound.commit_interval, process.now)

    def variables(self, world: AsyncFlushWorld) -> dict[str, Plain]:
        """The projection, in units."""
        unit, bound, process = self._bound.unit, self._bound, world.process
        if process is None:
            where = world.left, world.left, 0, 0
            ages = bound.flush_interval, bound.commit_interval
            buffered: frozenset[int] = frozenset()
        else:
            queue, wanted = process.log.mapped_file_queue, process.flush.forcing
            forcing = 0 if wanted is None else wanted.where
            where = queue.max_wrote_position, queue.committed_where, queue.flushed_where, forcing
            ages = self._ages(world)
            lent = (f for f in queue.mapped_files if f.write_buffer is not None)
            buffered = frozenset(f.file_from_offset // unit for f in lent)
        assert all(offset % unit == 0 for offset in (*where, world.durable))
        wrote, committed, flushed, forcing = (offset // unit for offset in where)
        return {
            "wrote": wrote,
            "buffered": buffered,
            "committed": committed,
            "flushed": flushed,
            "durable": world.durable // unit,
            "forcing": forcing,
            "flushAge": ages[0],
            "commitAge": ages[1],
            "up": process is not None,
        }

    @staticmethod
    def hidden(world: AsyncFlushWorld) -> Hashable:
        """The positions of every file, and what the page cache has."""
        process = world.process
        if process is None:
            return ()
        files = process.log.mapped_file_queue.mapped_files
        return (
            process.flush.forcing,
            process.readable(),
            tuple([(f.path, f.wrote_position, f.committed_position) for f in files]),
            tuple([f.flushed_position for f in files]),
        )
