"""Every state of the dispatch within a bound, in the variables of spec/tla/Dispatch.tla.

What dispatches is the real `ReputMessageService` with real consume queues on a disk; the log is a
table of real records, because appending is no part of that model. The model dispatches one record
at a time and writes units in a step of its own: so the parts of `ReputMessageService.step` are
called one by one. A refusal of the model is as many refusals of the code as make both give up
together.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, cast

from refimpl.model.config import Config
from refimpl.model.disk import DiskError
from refimpl.model.ids import Address, Millis, QueueId, Topic
from refimpl.model.message import MessageExtBrokerInner
from refimpl.model.message_codec import blank_record, encode_record
from refimpl.model.preset import MINIMAL
from refimpl.model.release import RELEASE_4_9
from refimpl.model.state_space import Plain, names, number, numbers, record
from refimpl.model.sys_flag import TRANSACTION_PREPARED_TYPE
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.sim.store_fork import copied
from refimpl.store.commit_log import CommitLog
from refimpl.store.consume_queue import UNIT, ConsumeQueue
from refimpl.store.consume_queue_table import ConsumeQueueTable
from refimpl.store.index_service import IndexService
from refimpl.store.reput import ReputMessageService
from refimpl.store.running_flags import RunningFlags
from refimpl.store.store_checkpoint import StoreCheckpoint

_UNIT_OF_SIZE: Final = 128  # bytes of the log for each byte of the model
_ATTEMPTS: Final = 30  # refusals after which the code gives up
_HOST: Final = Address("127.0.0.1", 10911)
_NOW: Final = Millis(1_700_000_000_000)


@dataclass(frozen=True, slots=True)
class DispatchBound:
    """The constants of Dispatch.cfg."""

    queues: tuple[str, ...] = ("q0", "q1")
    sizes: tuple[int, ...] = (1, 2)
    file_size: int = 4
    blank_size: int = 1
    max_records: int = 3
    attempts: int = 2
    max_refusals: int = 2
    sync_flush: bool = True

    @classmethod
    def of(cls, constants: Mapping[str, Plain]) -> "DispatchBound":
        """Return the bound that a configuration states; raises `KeyError`."""
        return cls(
            names(constants, "Queues"),
            numbers(constants, "Sizes"),
            number(constants, "FileSize"),
            number(constants, "BlankSize"),
            number(constants, "MaxRecords"),
            number(constants, "Attempts"),
            number(constants, "MaxRefusals"),
            bool(number(constants, "SyncFlush")),
        )


class Record(NamedTuple):
    """A record as the model has it; offsets and sizes in bytes of the model."""

    at: int
    size: int
    queue: str
    n: int
    unit: bool

    @property
    def end(self) -> int:
        """First offset behind it."""
        return self.at + self.size


class Ends(NamedTuple):
    """Ends of the log, in bytes of the code."""

    flushed_where: int
    max_offset: int


class ScopeLog:
    """Implements `CommitLogView`: real records at the places that the model gives them."""

    __slots__ = ("data", "file_size", "flushed", "limit", "records", "sync_flush")

    def __init__(self, bound: DispatchBound) -> None:
        self.file_size = bound.file_size * _UNIT_OF_SIZE
        self.sync_flush = bound.sync_flush
        self.records: tuple[Record, ...] = ()
        self.data: dict[int, bytes] = {}  # by physical offset
        self.flushed = 0
        self.limit: int | None = None  # the next step comes no further

    @property
    def wrote(self) -> int:
        """End of the log, in bytes of the model."""
        return self.records[-1].end if self.records else 0

    def min_offset(self) -> int:
        """Nothing is ever removed."""
        return 0

    def max_offset(self) -> int:
        """End of what is written."""
        return self.wrote * _UNIT_OF_SIZE

    @property
    def mapped_file_queue(self) -> Ends:
        """How far the log has come."""
        return Ends(self.flushed * _UNIT_OF_SIZE, self.max_offset())

    def confirm_offset(self) -> int:
        """STORE-CQ-18: what the log of a store confirms, and no further than the world wants."""
        end = CommitLog.confirm_offset(cast("CommitLog", self))
        return end if self.limit is None else min(end, self.limit * _UNIT_OF_SIZE)

    def get_message(self, physical_offset: int, size: int) -> bytes | None:
        """A whole record."""
        data = self.data.get(physical_offset, b"")
        return data[:size] if len(data) >= size else None

    def get_data(self, physical_offset: int, limit: int) -> bytes | None:
        """One record, or the blank that ends a file."""
        data = self.data.get(physical_offset)
        if data is None:
            return blank_record(self.roll_next_file(physical_offset) - physical_offset)
        return data[:limit]

    def roll_next_file(self, physical_offset: int) -> int:
        """First offset of the next file."""
        return physical_offset + self.file_size - physical_offset % self.file_size

    def pickup_store_timestamp(self, physical_offset: int, size: int) -> int:
        """Nobody asks."""
        return -1 if self.get_message(physical_offset, size) is None else _NOW


class _RefusingQueues:
    """Stands where the queues were while the disk makes no file."""

    def find_or_create(self, topic: str, _queue_id: int) -> ConsumeQueue:
        raise DiskError("create", topic, "no space left")


class _RefusingQueue:
    """Stands where a queue was while the disk takes nothing."""

    def sync(self) -> None:
        raise DiskError("write", "units", "no space left")


class DispatchWorld:
    """One state: the service, its queues, the log."""

    def __init__(self, bound: DispatchBound) -> None:
        self.bound = bound
        self.log = ScopeLog(bound)
        overrides = {**MINIMAL, "mappedFileSizeConsumeQueue": "200", "messageIndexEnable": "false"}
        config = Config.of(RELEASE_4_9, "broker", overrides)
        disk = MemoryDisk()
        self.flags = RunningFlags()
        self.queues = ConsumeQueueTable(
            disk, mapped_file_size=200, log=self.log, release=RELEASE_4_9
        )
        self.reput = ReputMessageService(
            log=self.log,
            queues=self.queues,
            index=IndexService(disk, hash_slot_num=1, index_num=2, release=RELEASE_4_9),
            flags=self.flags,
            checkpoint=StoreCheckpoint(disk, RELEASE_4_9),
            deliver_at=lambda _level, stored: stored,
            config=config,
            release=RELEASE_4_9,
        )
        self.refusals = 0

    def copy(self) -> "DispatchWorld":
        """An independent state."""
        twin = copied(self)
        assert isinstance(twin, DispatchWorld)
        return twin

    # --- the actions of the model

    def next(self) -> Iterator[tuple[str, "DispatchWorld"]]:
        """Every state that one action leads to."""
        bound, log = self.bound, self.log
        if self.accepts and len(log.records) < bound.max_records:
            for queue in bound.queues:
                for size in bound.sizes:
                    for unit in (False, True):
                        yield "DoAppend", self._append(queue, size, unit=unit)
        if log.sync_flush:
            for end in {r.end for r in log.records if r.end > log.flushed}:
                twin = self.copy()
                twin.log.flushed = end
                yield "Flushed", twin
        found = self._next_record()
        if found is not None and found.end * _UNIT_OF_SIZE <= log.confirm_offset():
            yield "Dispatch", self._dispatch(found)
            if found.unit and self.refusals < bound.max_refusals:
                yield "Refuse", self._refuse(found)
        if self.waiting or any(self.gathered(queue) for queue in bound.queues):
            twin = self.copy()
            twin.log.limit = twin.reput_from  # a step that finds nothing to dispatch
            twin.reput.step(_NOW)
            twin.log.limit = None
            yield "Sync", twin
        gathered = any(self.gathered(queue) for queue in bound.queues)
        if gathered and self.refusals < bound.max_refusals:
            yield "RefuseSync", self._refuse_sync()

    def _append(self, queue: str, size: int, *, unit: bool) -> "DispatchWorld":
        twin = self.copy()
        bound, log = self.bound, twin.log
        wrote = log.wrote
        fits = wrote % bound.file_size + size + bound.blank_size <= bound.file_size
        at = wrote if fits else wrote - wrote % bound.file_size + bound.file_size
        n = sum(r.queue == queue and r.unit for r in log.records) if unit else 0
        log.records = (*log.records, Record(at, size, queue, n, unit))
        log.data[at * _UNIT_OF_SIZE] = _encoded(queue, at, size, n, unit=unit)
        return twin

    def _next_record(self) -> Record | None:
        return next((r for r in self.log.records if r.at >= self.reput_from), None)

    def _dispatch(self, record: Record) -> "DispatchWorld":
        twin = self.copy()
        end = twin.log.confirm_offset()
        while twin.reput_from < record.end:
            data = twin.log.get_data(twin.reput.reput_from_offset, end)
            assert data is not None
            twin.reput._dispatch_data(data, end, _NOW)  # noqa: SLF001 - a part of `step`
        return twin

    def _refuse(self, record: Record) -> "DispatchWorld":
        twin = self.copy()
        twin.refusals += 1
        twin.log.limit = record.end
        refusing = _RefusingQueues()
        twin.reput._queues = refusing  # type: ignore[assignment]  # noqa: SLF001 - full disk
        before = twin.reput.reput_from_offset
        for _ in range(_ATTEMPTS // self.bound.attempts):
            twin.reput.step(_NOW)
        twin.reput._queues = twin.queues  # noqa: SLF001 - and room again
        twin.log.limit = None
        if twin.reput_from <= record.at:  # a blank may have been passed: the model waits
            twin.reput.reput_from_offset = before
        return twin

    def _refuse_sync(self) -> "DispatchWorld":
        twin = self.copy()
        twin.refusals += 1
        twin.log.limit = twin.reput_from  # a step that finds nothing to dispatch
        dirty, twin.reput._dirty = twin.reput._dirty, {_RefusingQueue(): None}  # type: ignore[dict-item]  # noqa: SLF001 - full disk
        for _ in range(_ATTEMPTS // self.bound.attempts):
            twin.reput.step(_NOW)
        twin.reput._dirty = dirty  # noqa: SLF001 - and room again
        twin.log.limit = None
        return twin

    # --- the variables of the model

    @property
    def reput_from(self) -> int:
        """`reputFromOffset`, in bytes of the model."""
        return self.reput.reput_from_offset // _UNIT_OF_SIZE

    @property
    def accepts(self) -> bool:
        """False after too many refusals: no put is accepted any more."""
        return self.flags.is_writeable

    @property
    def waiting(self) -> int:
        """Records that nobody heard of."""
        return self.reput.counts()[0]

    def gathered(self, queue: str) -> tuple[int, ...]:
        """Offsets whose units are not written."""
        found = self.queues.find(queue, 0)
        return () if found is None else _offsets(found.gathered)

    def units(self, queue: str) -> tuple[int, ...]:
        """Offsets whose units are written."""
        found = self.queues.find(queue, 0)
        written = None if found is None else found.mapped_file_queue.read_from(0)
        return _offsets(written or b"")

    def variables(self) -> dict[str, Plain]:
        """The state in the variables of the model."""
        queues = self.bound.queues
        waiting, arrived, attempts = self.reput.counts()
        return {
            "log": tuple([record(**r._asdict()) for r in self.log.records]),
            "wrote": self.log.wrote,
            "flushed": self.log.flushed,
            "reputFromOffset": self.reput_from,
            "gathered": record(**{q: self.gathered(q) for q in queues}),
            "units": record(**{q: self.units(q) for q in queues}),
            "waiting": waiting,
            "arrived": arrived,
            "attempts": attempts * self.bound.attempts // _ATTEMPTS,
            "refusals": self.refusals,
            "logicsQueueError": not self.accepts,
        }

    def hidden(self) -> Hashable:
        """Exact figures, of which the model has whole ones."""
        return self.reput.reput_from_offset, self.reput.counts()


class DispatchScope:
    """The states of `DispatchWorld`."""

    def __init__(self, bound: DispatchBound) -> None:
        self._bound = bound

    def first(self) -> DispatchWorld:
        """Nothing is written."""
        return DispatchWorld(self._bound)

    @staticmethod
    def next(world: DispatchWorld) -> Iterator[tuple[str, DispatchWorld]]:
        """Every state that one action leads to."""
        return world.next()

    @staticmethod
    def variables(world: DispatchWorld) -> dict[str, Plain]:
        """The state in the variables of the model."""
        return world.variables()

    @staticmethod
    def hidden(world: DispatchWorld) -> Hashable:
        """What else decides."""
        return world.hidden()


def _offsets(units: bytes) -> tuple[int, ...]:
    return tuple(offset // _UNIT_OF_SIZE for offset, _, _ in UNIT.iter_unpack(units))


def _encoded(queue: str, at: int, size: int, n: int, *, unit: bool) -> bytes:
    def record(body: bytes) -> bytes:
        inner = MessageExtBrokerInner(
            topic=Topic(queue),
            queue_id=QueueId(0),
            body=body,
            flag=0,
            sys_flag=0 if unit else TRANSACTION_PREPARED_TYPE,
            properties={},
            properties_string="",
            tags_code=0,
            born_timestamp=_NOW,
            born_host=_HOST,
            store_host=_HOST,
        )
        return encode_record(inner, n, at * _UNIT_OF_SIZE, _NOW)

    return record(bytes(size * _UNIT_OF_SIZE - len(record(b""))))
