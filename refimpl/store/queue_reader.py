"""One pull from one consume queue: which units are looked at, and which records are handed over.

Requirements  STORE-READ-1..10 in spec/store/read.md
Java          DefaultMessageStore#getMessage, #isTheBatchFull, #nextOffsetCorrection
              (4.6.1, 4.9.7, 5.5.0)
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from refimpl.model.config import Config
from refimpl.model.errors import InvalidInput
from refimpl.model.java import i32
from refimpl.model.message_codec import decode_record
from refimpl.model.override import override
from refimpl.model.release import Release
from refimpl.model.status import GetMessageStatus
from refimpl.store.commit_log_view import CommitLogView
from refimpl.store.consume_queue import CQ_STORE_UNIT_SIZE, UNIT, ConsumeQueue
from refimpl.store.message_filter import MessageFilter

MAX_PULL_MSG_SIZE: Final = 128 * 1024 * 1024  # DefaultMessageStore, 5.5
_MIN_PULL_MSG_SIZE: Final = 100
_MAX_FILTER_MESSAGE_SIZE: Final = 16000  # bytes of units; a setting since 5.x
_READ_AHEAD: Final = 64  # units whose records are fetched with one read
_WINDOW: Final = 64 * 1024  # bytes of that read
_EARLIEST_TIME_SIZE: Final = 64  # of a record, up to its store timestamp, IPv4


class GetMessageResult(NamedTuple):
    """What a pull got; offsets are queue offsets, sizes bytes. Java: store/GetMessageResult."""

    status: GetMessageStatus
    next_begin_offset: int
    min_offset: int = 0
    max_offset: int = 0
    records: tuple[bytes, ...] = ()
    queue_offsets: tuple[int, ...] = ()  # of `records`
    total_size: int = 0
    suggest_pulling_from_slave: bool = False
    filter_message_count: int = 0  # left out by the second point of the filter


class ReadLimits(NamedTuple):
    """The configuration that a read obeys, ready for use."""

    memory: int  # distance from the end of the log beyond which a message counts as on disk
    bytes_in_memory: int
    count_in_memory: int
    bytes_on_disk: int
    count_on_disk: int
    filter_bytes: int
    queue_files: int
    corrects_offsets: bool
    max_msgs_num_batch: int
    earliest_time_size: int


def read_limits(config: Config, release: Release, physical_memory: int) -> ReadLimits:
    """Take out of the configuration what a read obeys; `physical_memory` in bytes."""
    travels = release.read_travels_queue_files
    slave = config.text("brokerRole") == "SLAVE"
    ratio = config.integer("accessMessageInMemoryMaxRatio")
    return ReadLimits(
        memory=int(physical_memory * (ratio / 100.0)),
        bytes_in_memory=config.integer("maxTransferBytesOnMessageInMemory"),
        count_in_memory=config.integer("maxTransferCountOnMessageInMemory"),
        bytes_on_disk=config.integer("maxTransferBytesOnMessageInDisk"),
        count_on_disk=config.integer("maxTransferCountOnMessageInDisk"),
        filter_bytes=(
            config.integer("maxFilterMessageSize") if travels else _MAX_FILTER_MESSAGE_SIZE
        ),
        queue_files=config.integer("travelCqFileNumWhenGetMessage") if travels else 1,
        corrects_offsets=not slave or config.boolean("offsetCheckInSlave"),
        max_msgs_num_batch=config.integer("maxMsgsNumBatch"),
        earliest_time_size=(
            config.integer("maxMessageSize") * 2
            if release.earliest_time_needs_two_messages
            else _EARLIEST_TIME_SIZE
        ),
    )


class _RecordProperties(Mapping[str, str]):
    """Properties of a record, decoded when somebody looks: a filter by tags never does."""

    __slots__ = ("_found", "_record", "_release")

    def __init__(self, record: bytes, release: Release) -> None:
        self._record = record
        self._release = release
        self._found: Mapping[str, str] | None = None

    def _properties(self) -> Mapping[str, str]:
        if self._found is None:
            message = decode_record(self._record, release=self._release, read_body=False)
            self._found = {} if message is None else message.properties
        return self._found

    @override
    def __getitem__(self, name: str) -> str:
        return self._properties()[name]

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._properties())

    @override
    def __len__(self) -> int:
        return len(self._properties())


class _LogWindow:
    """Records that lie side by side in the log, fetched with one read."""

    __slots__ = ("_data", "_log", "_start")

    def __init__(self, log: CommitLogView) -> None:
        self._log = log
        self._start = 0
        self._data = b""

    def fetch(self, units: list[tuple[int, int, int]]) -> None:
        """Read ahead what the first units cover, gaps of other queues included."""
        start = end = units[0][0]
        for offset, size, _ in units:
            if offset < end or size < 0 or offset + size - start > _WINDOW:
                break
            end = offset + size
        if end > start >= self._log.min_offset():
            self._data = self._log.get_data(start, end - start) or b""
            self._start = start

    def message(self, offset: int, size: int) -> bytes | None:
        """One record, as `CommitLogView.get_message` gives it."""
        position = offset - self._start
        if position >= 0 and position + size <= len(self._data) and size >= 0:
            return self._data[position : position + size]
        return self._log.get_message(offset, size)


def outside(offset: int, min_offset: int, max_offset: int) -> tuple[GetMessageStatus, int] | None:
    """What to say of an offset that is not in the queue, and where to go on.

    STORE-READ-2, STORE-READ-3, STORE-READ-4 and STORE-READ-5, in this order. None for an offset of
    a message that is there.
    """
    if max_offset == 0:
        return GetMessageStatus.NO_MESSAGE_IN_QUEUE, 0
    if offset < min_offset:
        return GetMessageStatus.OFFSET_TOO_SMALL, min_offset
    if offset == max_offset:
        return GetMessageStatus.OFFSET_OVERFLOW_ONE, offset
    if offset > max_offset:
        return GetMessageStatus.OFFSET_OVERFLOW_BADLY, max_offset
    return None


class QueueRead:
    """One read that begins at an offset of the queue: the question, and what it got so far."""

    __slots__ = (
        "_filter",
        "_limits",
        "_log",
        "_max_msg_nums",
        "_max_offset",
        "_max_physical",
        "_max_total_size",
        "_offset",
        "_queue",
        "_release",
        "_skip_below",
        "filtered",
        "max_physical_pulling",
        "next_offset",
        "offsets",
        "records",
        "size",
        "status",
    )

    def __init__(
        self,
        *,
        log: CommitLogView,
        queue: ConsumeQueue,
        offset: int,
        max_msg_nums: int,
        message_filter: MessageFilter | None,
        max_total_size: int,
        limits: ReadLimits,
        release: Release,
    ) -> None:
        self._log = log
        self._queue = queue
        self._offset = offset
        self._max_msg_nums = max_msg_nums
        self._filter = message_filter
        self._max_total_size = min(max(max_total_size, _MIN_PULL_MSG_SIZE), MAX_PULL_MSG_SIZE)
        self._limits = limits
        self._release = release
        self._max_offset = queue.max_offset_in_queue
        self._max_physical = log.max_offset()
        self.records: list[bytes] = []
        self.offsets: list[int] = []  # in the queue, of `records`
        self.size = 0
        self.status = GetMessageStatus.NO_MATCHED_MESSAGE
        self.max_physical_pulling = 0
        self.next_offset = offset
        self.filtered = 0
        self._skip_below = 0  # physical offset: what lies below it is gone

    def run(self) -> GetMessageResult:
        """Read as the release reads; raises `InvalidInput` (STORE-READ-9)."""
        travels = self._release.read_travels_queue_files
        if travels:
            self._travel()
        else:
            self._read_one_file()
        computes = travels or self.status is not GetMessageStatus.OFFSET_FOUND_NULL
        far = self._max_physical - self.max_physical_pulling > self._limits.memory
        return GetMessageResult(
            self.status,
            self.next_offset,
            self._queue.min_offset_in_queue,
            self._max_offset,
            tuple(self.records),
            tuple(self.offsets),
            self.size,
            computes and far,
            self.filtered,
        )

    def _read_one_file(self) -> None:
        """Release 4.x: units of one file of the queue, up to the filter's limit."""
        scan = self._scan_bytes()
        buffer = self._queue.index_buffer(self._offset, scan)
        if buffer is None:
            self._offset_found_null()
            return
        count = self._max_msg_nums
        if count < 0 and self._release.read_prepares_requested_count:
            raise InvalidInput("maxMsgNums", str(count), f"Illegal Capacity: {count}")
        units = list(UNIT.iter_unpack(buffer))
        window = self._window(units)
        at = self._offset
        for physical, size, tags_code in units:
            self.max_physical_pulling = physical
            if physical >= self._skip_below:
                if self.records and self._is_full(size, self._max_physical - physical):
                    break
                self._take(window, at, physical, size, tags_code)
            at += 1
        self.next_offset = at

    def _travel(self) -> None:
        """Release 5.5: on into the next files of the queue while nothing is found."""
        scan = self._scan_bytes()
        for _ in range(self._limits.queue_files):
            if self.size > 0 or self.next_offset >= self._max_offset:
                return
            first = self.next_offset
            left = max(0, scan - (first - self._offset) * CQ_STORE_UNIT_SIZE)
            buffer = self._queue.index_buffer(first, left + CQ_STORE_UNIT_SIZE)
            if buffer is None:
                self._offset_found_null()
                return
            units = list(UNIT.iter_unpack(buffer))
            window = self._window(units)
            self._skip_below = 0
            for at, (physical, size, tags_code) in enumerate(units, start=first):
                if at >= self._max_offset or (at - self._offset) * CQ_STORE_UNIT_SIZE >= scan:
                    break
                if self.records and (
                    self.size + size > self._max_total_size
                    or self._is_full(size, self._max_physical - physical)
                ):
                    break
                self.max_physical_pulling = physical
                self.next_offset = at + 1
                if physical >= self._skip_below:
                    self._take(window, at, physical, size, tags_code)

    def _scan_bytes(self) -> int:
        """Bytes of units that one read looks at; the product wraps as Java's int does."""
        scan = max(self._limits.filter_bytes, i32(self._max_msg_nums * CQ_STORE_UNIT_SIZE))
        return -(-scan // CQ_STORE_UNIT_SIZE) * CQ_STORE_UNIT_SIZE

    def _window(self, units: list[tuple[int, int, int]]) -> _LogWindow:
        window = _LogWindow(self._log)
        window.fetch(units[: max(1, min(self._max_msg_nums, _READ_AHEAD))])
        return window

    def _is_full(self, size: int, distance: int) -> bool:
        """STORE-READ-7: the batch has as much as may be handed over; the first always fits."""
        count = len(self.records)
        if self._max_msg_nums <= count:
            return True
        limits = self._limits
        if distance > limits.memory:
            return self.size + size > limits.bytes_on_disk or count > limits.count_on_disk - 1
        return self.size + size > limits.bytes_in_memory or count > limits.count_in_memory - 1

    def _take(self, window: _LogWindow, at: int, physical: int, size: int, tags_code: int) -> None:
        """STORE-READ-8: filter by the unit, read the record, filter by its properties.

        STORE-READ-10: after a record that is gone the rest of its file is passed over.
        """
        outcome = GetMessageStatus.NO_MATCHED_MESSAGE
        message_filter = self._filter
        if message_filter is None or message_filter.matches_consume_queue(tags_code):
            record = window.message(physical, size)
            if record is None:
                outcome = GetMessageStatus.MESSAGE_WAS_REMOVING
                self._skip_below = self._log.roll_next_file(physical)
            elif message_filter is not None and not message_filter.matches_commit_log(
                _RecordProperties(record, self._release)
            ):
                self.filtered += 1
            else:
                self.records.append(record)
                self.offsets.append(at)
                self.size += size
                self.status = GetMessageStatus.FOUND
                self._skip_below = 0
                return
        if not self.records:
            self.status = outcome

    def _offset_found_null(self) -> None:
        """STORE-READ-10: the file of the units is missing: go on with the next one."""
        self.status = GetMessageStatus.OFFSET_FOUND_NULL
        if self._limits.corrects_offsets:
            self.next_offset = self._queue.roll_next_file(self.next_offset)
