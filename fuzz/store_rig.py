"""What machines of the store share: messages, settings, and a disk that knows what is durable.

`ForgetfulDisk` is the page cache of one process over a platter. A force that fails drops what it
should have written, as Linux does: the page cache still shows it, the platter never gets it.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

from refimpl.model.config import Config
from refimpl.model.disk import DiskError
from refimpl.model.effect import Span
from refimpl.model.ids import Address, Millis, PhysicalOffset, QueueId, Topic
from refimpl.model.message import MessageExtBrokerInner
from refimpl.model.message_property import properties_to_string
from refimpl.model.override import override
from refimpl.model.preset import MINIMAL
from refimpl.model.release import RELEASE_4_9, RELEASES, Release
from refimpl.model.trace import Recovered, RemoveFirst
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.sim.trace_writer import TraceLog
from refimpl.store.append_message import PutMessageResult
from refimpl.store.commit_log import CommitLog
from refimpl.store.consume_queue_table import ConsumeQueueTable
from refimpl.store.flush_manager import FlushManager
from refimpl.store.index_service import IndexService
from refimpl.store.recovery import deliver_at
from refimpl.store.reput import ReputMessageService
from refimpl.store.running_flags import RunningFlags
from refimpl.store.store_checkpoint import StoreCheckpoint
from refimpl.store.store_event import StoreEvent

_ZERO: Final = PhysicalOffset(0)
FIRST_START: Final = Recovered(True, PhysicalOffset(-1), _ZERO, _ZERO, _ZERO, _ZERO)
HOST: Final = Address("127.0.0.1", 10911)
START: Final = Millis(1_700_000_000_000)
RELEASE_NAMES: Final = tuple(RELEASES)


class ForgetfulDisk(MemoryDisk):
    """A memory disk with a platter below it. `refuse` makes one operation fail once."""

    def __init__(self) -> None:
        super().__init__()
        self.refuse: str | None = None  # "create" or "write": the next one finds no space
        self._platter: dict[str, bytearray] = {}
        self._dirty: dict[str, list[tuple[int, bytes]]] = {}

    @override
    def create(self, path: str, size: int) -> None:
        """Make the file, on the platter too: names and lengths are not this disk's subject."""
        self._refused("create", path)
        super().create(path, size)
        self._platter[path] = bytearray(size)
        self._dirty[path] = []

    @override
    def write(self, path: str, offset: int, data: bytes) -> None:
        """Write into the page cache."""
        self._refused("write", path)
        super().write(path, offset, data)
        if path in self._dirty:
            self._dirty[path].append((offset, bytes(data)))

    def _refused(self, operation: str, path: str) -> None:
        if self.refuse == operation:
            self.refuse = None
            raise DiskError(operation, path, "no space left on device")

    @override
    def force(self, path: str, *, span: Span | None = None) -> None:
        """Bring what is dirty in `span`, byte by byte, to the platter."""
        platter, left = self._platter[path], []
        for offset, data in self._dirty[path]:
            start, end = (offset, offset + len(data)) if span is None else span
            first, last = max(offset, start), min(offset + len(data), end)
            if first >= last:
                left.append((offset, data))
                continue
            platter[first:last] = data[first - offset : last - offset]
            left += [(offset, data[: first - offset]), (last, data[last - offset :])]
        self._dirty[path] = [(offset, data) for offset, data in left if data]

    def fail_force(self, path: str) -> None:
        """Lose what is dirty: readers see it, no later force writes it."""
        self._dirty[path].clear()

    def is_durable(self, path: str, start: int, end: int) -> bool:
        """Tell whether the platter has what the page cache shows from `start` to `end`."""
        return self.read(path, start, end - start) == self._platter[path][start:end]


@cache
def config_of(release: str, overrides: tuple[tuple[str, str], ...]) -> Config:
    """Make the configuration of a broker with small files; one value for equal arguments."""
    return Config.of(RELEASES[release], "broker", {**MINIMAL, **dict(overrides)})


def message(
    body: bytes = b"body",
    *,
    topic: str = "T",
    queue_id: int = 0,
    properties: Mapping[str, str] | None = None,
    sys_flag: int = 0,
    encoded_batch: bytes | None = None,
) -> MessageExtBrokerInner:
    """Build a message as a processor hands it to the store."""
    given = dict(properties or {})
    return MessageExtBrokerInner(
        topic=Topic(topic),
        queue_id=QueueId(queue_id),
        body=body,
        flag=0,
        sys_flag=sys_flag,
        properties=given,
        properties_string=properties_to_string(given, RELEASE_4_9) if given else "",
        tags_code=0,
        born_timestamp=START,
        born_host=HOST,
        store_host=HOST,
        encoded_batch=encoded_batch,
    )


class StoreRig:
    """The parts of a store without the store: log, queues, index, reput and flush manager.

    A trace hears of it what it would hear of a store; `look` notes how it stands.
    """

    def __init__(
        self, release: Release, config: Config, disk: MemoryDisk, trace: TraceLog | None = None
    ) -> None:
        self.release = release
        self.trace = trace
        self.disk = disk
        self.events: list[StoreEvent] = []
        self.log = CommitLog(disk, config, release)
        self.queues = ConsumeQueueTable(
            disk,
            mapped_file_size=config.integer("mappedFileSizeConsumeQueue"),
            log=self.log,
            release=release,
        )
        self.index = IndexService(
            disk,
            hash_slot_num=config.integer("maxHashSlotNum"),
            index_num=config.integer("maxIndexNum"),
            release=release,
        )
        self.checkpoint = StoreCheckpoint(disk, release)
        self.checkpoint.load()
        self.flags = RunningFlags()
        self.flush = FlushManager(
            log=self.log,
            queues=self.queues,
            index=self.index,
            checkpoint=self.checkpoint,
            events=self.events,
            config=config,
            release=release,
            tracer=trace,
        )
        self.reput = ReputMessageService(
            log=self.log,
            queues=self.queues,
            index=self.index,
            flags=self.flags,
            checkpoint=self.checkpoint,
            deliver_at=deliver_at(self.log.delay_levels),
            config=config,
            release=release,
            tracer=trace,
        )
        self.flush.recovered()
        if trace is not None:
            trace(FIRST_START)

    def put_message(self, inner: MessageExtBrokerInner, now: Millis) -> PutMessageResult:
        """Append one message."""
        return self._told(inner, self.log.put_message(inner, now))

    def put_messages(self, inner: MessageExtBrokerInner, now: Millis) -> PutMessageResult:
        """Append a batch."""
        return self._told(inner, self.log.put_messages(inner, now))

    def _told(self, inner: MessageExtBrokerInner, result: PutMessageResult) -> PutMessageResult:
        if self.trace is not None:
            self.trace(self.log.put_event(inner, result))
        return result

    def expire(self, now: Millis) -> None:
        """Let retention take all files of the log that it may, but the newest."""
        begin = self.log.min_offset()
        self.log.delete_expired_files(0, now, clean_immediately=True)
        if self.trace is not None and begin != self.log.min_offset():
            self.trace(RemoveFirst(PhysicalOffset(self.log.min_offset())))

    def look(self) -> None:
        """Let the trace note how the parts stand, where one did something."""
        if self.trace is not None:
            queue, reput = self.log.mapped_file_queue, self.reput.reput_from_offset
            self.trace.observe(queue, reput, self.flush.under_way())

    def take_events(self) -> list[StoreEvent]:
        """Drain what the flush manager asks and tells."""
        events = self.events.copy()
        self.events.clear()
        return events
