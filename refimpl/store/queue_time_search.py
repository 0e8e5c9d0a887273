"""Find the queue offset that belongs to a time.

Requirements  STORE-CQ-11 in spec/store/consume_queue.md
Java          ConsumeQueue#getOffsetInQueueByTime (4.6.1, 4.9.7), #binarySearchInQueueByTime (5.5.0)

Release 4.x chooses a file by its modification and a unit by the nearest store time. Release 5.5
chooses both by store times, and knows a lower and an upper boundary.
"""

from enum import Enum

from refimpl.model.release import Release
from refimpl.store.commit_log_view import CommitLogView
from refimpl.store.consume_queue import CQ_STORE_UNIT_SIZE, UNIT, ConsumeQueue
from refimpl.store.mapped_file import MappedFile


class BoundaryType(Enum):
    """Which of several possible offsets is wanted; Java: common/BoundaryType (5.5)."""

    LOWER = "lower"
    UPPER = "upper"


def offset_in_queue_by_time(
    queue: ConsumeQueue,
    log: CommitLogView,
    timestamp: int,
    boundary: BoundaryType,
    release: Release,
) -> int:
    """Queue offset for `timestamp` in milliseconds; 0 for a queue without files.

    Release 4.x does not know `boundary`. In 5.5 the answer lies between minimum and maximum.
    """
    queue.sync_or_wait()
    if not release.search_by_time_has_boundaries:
        mapped_file = queue.mapped_file_queue.mapped_file_by_time(timestamp)
        return 0 if mapped_file is None else _Search(queue, log, mapped_file).nearest(timestamp)
    mapped_file = _file_by_store_time(queue, log, timestamp, boundary)
    offset = (
        0 if mapped_file is None else _Search(queue, log, mapped_file).bound(timestamp, boundary)
    )
    return min(max(offset, queue.min_offset_in_queue), queue.max_offset_in_queue)


def _file_by_store_time(
    queue: ConsumeQueue, log: CommitLogView, timestamp: int, boundary: BoundaryType
) -> MappedFile | None:
    """Choose the file: first whose last message is not older, or last whose first is not newer.

    Times are remembered by the files (MappedFileQueue#getConsumeQueueMappedFileByTime).
    """
    files = queue.mapped_file_queue.mapped_files
    if not files:
        return None
    for mapped_file in files:
        if mapped_file.start_timestamp < 0:
            time = _time_of(log, mapped_file.select(0, CQ_STORE_UNIT_SIZE))
            mapped_file.start_timestamp = time if time > 0 else mapped_file.start_timestamp
        if mapped_file is not files[-1] and mapped_file.stop_timestamp < 0:
            position = mapped_file.file_size - CQ_STORE_UNIT_SIZE
            time = _time_of(log, mapped_file.select(position, CQ_STORE_UNIT_SIZE))
            mapped_file.stop_timestamp = time if time > 0 else mapped_file.stop_timestamp
    if boundary is BoundaryType.LOWER:
        return next((f for f in files[:-1] if f.stop_timestamp >= timestamp), files[-1])
    return next((f for f in reversed(files) if f.start_timestamp <= timestamp), None)


def _time_of(log: CommitLogView, raw: bytes | None) -> int:
    if raw is None:
        return -1
    offset, size, _ = UNIT.unpack(raw)
    return log.pickup_store_timestamp(offset, size)


class _Search:
    """The units of one file, by index; -1 as a time says that the record is gone."""

    def __init__(self, queue: ConsumeQueue, log: CommitLogView, mapped_file: MappedFile) -> None:
        self.file = mapped_file
        self.log = log
        self.first = mapped_file.file_from_offset // CQ_STORE_UNIT_SIZE  # queue offset of unit 0
        self.low = max(0, queue.min_logic_offset - mapped_file.file_from_offset)
        self.low //= CQ_STORE_UNIT_SIZE
        self.high = mapped_file.read_position // CQ_STORE_UNIT_SIZE - 1
        self.min_physical_offset = log.min_offset()

    def unit(self, index: int) -> tuple[int, int, int]:
        raw = self.file.disk.read(self.file.path, index * CQ_STORE_UNIT_SIZE, CQ_STORE_UNIT_SIZE)
        return UNIT.unpack(raw)

    def time(self, index: int) -> int:
        offset, size, _ = self.unit(index)
        return self.log.pickup_store_timestamp(offset, size)

    def nearest(self, timestamp: int) -> int:
        """Release 4.x: the exact time, else the nearer neighbour, the earlier one on a tie."""
        if self.high < 0:
            return 0
        low, high = self.low, self.high
        left, right = -1, -1
        left_time, right_time = -1, -1
        while high >= low:
            middle = (low + high) // 2
            if self.unit(middle)[0] < self.min_physical_offset:
                low, left = middle + 1, middle
                continue
            time = self.time(middle)
            if time < 0:
                return 0
            if time == timestamp:
                return self.first + middle
            if time > timestamp:
                high, right, right_time = middle - 1, middle, time
            else:
                low, left, left_time = middle + 1, middle, time
        if left_time == -1:
            chosen = right
        elif right_time == -1:
            chosen = left
        else:
            farther_left = abs(timestamp - left_time) > abs(timestamp - right_time)
            chosen = right if farther_left else left
        # Java adds -1 bytes where it found nothing, and divides by the unit towards zero
        return self.first + chosen if chosen >= 0 else max(0, self.first - 1)

    def bound(self, timestamp: int, boundary: BoundaryType) -> int:
        """Release 5.5: first message not older, or last message not newer, than `timestamp`."""
        lower = boundary is BoundaryType.LOWER
        ceiling, floor = self.high, self.low
        if ceiling < 0:
            return 0
        if self.time(ceiling) < timestamp:
            return self.first + ceiling + (1 if lower else 0)
        if floor <= ceiling and self.time(floor) > timestamp:
            return self.first if lower else 0
        low, high, left, right = floor, ceiling, -1, -1
        while high >= low:
            middle = (low + high) // 2
            if self.unit(middle)[0] < self.min_physical_offset:
                low, left = middle + 1, middle
                continue
            time = self.time(middle)
            if time < 0:
                return 0
            if time == timestamp:
                step = -1 if lower else 1
                while floor <= middle + step <= ceiling and self.time(middle + step) == timestamp:
                    middle += step
                return self.first + middle
            if time > timestamp:
                high, right = middle - 1, middle
            else:
                low, left = middle + 1, middle
        chosen = right if lower else left
        return self.first + chosen if chosen >= 0 else max(0, self.first - 1)
