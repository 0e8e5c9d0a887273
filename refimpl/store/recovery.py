"""Recovery: where the log really ends, and what must be dispatched again.

Requirements  STORE-RECOVERY-1..9 in spec/store/recovery.md
Java          store/CommitLog#recoverNormally, #recoverAbnormally (4.6.1, 4.9.7, 5.5.0)

A log file is as long on the first day as on the last: what was written is found by reading records
until one is not a record. `LogScan` reads; the two functions decide where to begin and what to cut.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final, NamedTuple

from refimpl.model.delay_level import DelayLevels
from refimpl.model.disk import DiskError
from refimpl.model.message_codec import (
    BLANK_HEADER_SIZE,
    DeliverAt,
    DispatchRequest,
    blank_record,
    check_record,
    has_possible_ports,
)
from refimpl.model.release import Release
from refimpl.model.sys_flag import TRANSACTION_PREPARED_TYPE
from refimpl.store.commit_log import CommitLog
from refimpl.store.consume_queue import is_possible
from refimpl.store.mapped_file import MappedFile
from refimpl.store.mapped_file_queue import MappedFileQueue
from refimpl.store.store_checkpoint import SAFETY_MARGIN, StoreCheckpoint

NORMAL_RECOVERY_FILES: Final = 3
_WINDOW: Final = 1 << 20  # bytes read at a time
_SILENCE: Final = 16 << 20  # so many zeros behind the cut end the search for old records
_SIZE_FIELD: Final = 4


class Growth(NamedTuple):
    """What dispatch of some records will do to the end of their queue, wherever that is.

    It becomes the greater of `end + more` and `least`.
    """

    more: int = 0
    least: int = 0

    def appended(self) -> "Growth":
        """A record more that stands where the queue ends (STORE-CQ-3, STORE-CQ-20)."""
        return Growth(self.more + 1, self.least + 1)

    def placed(self, queue_offset: int) -> "Growth":
        """A record more that stands at its queue offset, or is there already (STORE-CQ-19)."""
        return Growth(self.more, max(self.least, queue_offset + 1))

    def of(self, end: int) -> int:
        """Next queue offset of a queue that ends there."""
        return max(end + self.more, self.least)


class Recovered(NamedTuple):
    """What recovery after a crash found, besides where the log ends."""

    start: int  # offset of the first record that was read
    first_offsets: Mapping[tuple[str, int], int]  # by topic and queue, of its first record there
    growths: Mapping[tuple[str, int], Growth]  # what all of its records do to its end
    begins: Mapping[tuple[str, int], int]  # physical: what a queue had before was deleted with it


def deliver_at(levels: DelayLevels) -> DeliverAt:
    """Return the delivery time of a delayed message: a level above the highest counts as it.

    STORE-RECOVERY-9: recovery uses the same table as the running store.
    """

    def at(level: int, store_timestamp: int) -> int:
        return levels.deliver_timestamp(min(level, levels.max_level), store_timestamp)

    return at


class LogScan:
    """Records from `start` on, file after file; `end` is where the valid ones end.

    `closed`: there stands the blank record of the last file.

    STORE-RECOVERY-2: a record is valid when its lengths agree, its body has the checksum and it
    stands where it says that it stands. A blank record leads to the next file.
    """

    __slots__ = ("_check_crc", "_files", "_release", "closed", "end")

    def __init__(
        self, queue: MappedFileQueue, start: int, release: Release, *, check_crc: bool
    ) -> None:
        self.end = start
        self.closed = False
        files = queue.mapped_files
        first = bisect_right(files, start - queue.file_size, key=_file_from_offset)
        self._files = files[first:]
        self._release = release
        self._check_crc = check_crc

    def records(self, at: DeliverAt) -> Iterator[DispatchRequest]:
        """Every valid record, in order; afterwards `end` and `closed` are final."""
        for i, mapped_file in enumerate(self._files):
            position = max(0, self.end - mapped_file.file_from_offset)
            blank = False
            for request in self._records_of(mapped_file, position, at):
                if request.msg_size == 0:
                    blank = True
                else:
                    self.end += request.msg_size
                    yield request
            if not blank or i + 1 == len(self._files):
                self.closed = blank
                return
            self.end = self._files[i + 1].file_from_offset

    def _records_of(
        self, mapped_file: MappedFile, position: int, at: DeliverAt
    ) -> Iterator[DispatchRequest]:
        """Records of one file; the last one is the blank, where the file has it."""
        size = mapped_file.file_size
        window, base = b"", position
        while position < size:
            left = size - position
            if len(window) - (position - base) < min(_SIZE_FIELD, left):
                window, base = _bytes(mapped_file, position, _WINDOW), position
            claimed = min(_claimed_size(window, position - base), left)
            if len(window) - (position - base) < claimed:
                window, base = _bytes(mapped_file, position, max(_WINDOW, claimed)), position
            request = check_record(
                window,
                position - base,
                release=self._release,
                check_crc=self._check_crc,
                deliver_at=at,
            )
            if not request.success:
                return
            if request.msg_size == 0:
                yield request
                return
            if request.commit_log_offset != mapped_file.file_from_offset + position:
                return
            if "\0" in request.topic:
                return  # no name of a topic, but what a sector without its bytes makes of one
            if not has_possible_ports(window, position - base):
                return  # STORE-RECOVERY-12: nobody reads it, nor what stands behind it
            yield request
            position += request.msg_size


def _file_from_offset(mapped_file: MappedFile) -> int:
    return mapped_file.file_from_offset


def _bytes(mapped_file: MappedFile, position: int, length: int) -> bytes:
    return mapped_file.disk.read(mapped_file.path, position, length)


def _claimed_size(window: bytes, position: int) -> int:
    """Size that the record there claims to have; it may be nonsense."""
    return int.from_bytes(window[position : position + _SIZE_FIELD], "big", signed=True)


def recover_normally(log: CommitLog, *, check_crc: bool) -> None:
    """STORE-RECOVERY-1: after an orderly end, read the last three files to find the end.

    Nothing is dispatched: what the queues miss is put again when the store starts.
    [Modified in 5.5]: begins at a file that the queues cover, at most ten back; the same end.
    """
    queue = log.mapped_file_queue
    files = queue.mapped_files
    if not files:
        _nothing_left(queue)
        return
    start = files[max(0, len(files) - NORMAL_RECOVERY_FILES)].file_from_offset
    scan = LogScan(queue, start, log.release, check_crc=check_crc)
    for _ in scan.records(deliver_at(log.delay_levels)):
        pass
    end = scan.end
    if scan.closed:  # no file could be made behind it; it was forced with everything else
        end = log.roll_next_file(end)
    queue.truncate_dirty_files(end)
    _close_dirty_tail(queue)
    queue.flushed_where = end
    queue.committed_where = queue.max_wrote_position


def recover_abnormally(
    log: CommitLog,
    checkpoint: StoreCheckpoint,
    *,
    check_crc: bool,
    index_safe: bool,
) -> Recovered:
    """STORE-RECOVERY-4: after a crash, begin where the checkpoint is sure.

    STORE-RECOVERY-7: nothing that was read counts as durable until it is forced again. The caller
    lets the queues forget what lies behind `start`, and dispatch goes on from there.
    """
    queue = log.mapped_file_queue
    files = queue.mapped_files
    if not files:
        _nothing_left(queue)
        return Recovered(0, {}, {}, {})
    index = len(files) - 1
    while index > 0 and not _is_covered(log, files[index], checkpoint, index_safe=index_safe):
        index -= 1
    scan, found, newest = _read(log, files[index].file_from_offset, check_crc=check_crc)
    if checkpoint.min_timestamp > newest:  # it promises more than was ever stored
        checkpoint.forget()
        if index > 0:
            index = 0
            scan, found, _ = _read(log, files[0].file_from_offset, check_crc=check_crc)
    queue.truncate_dirty_files(scan.end)
    _close_dirty_tail(queue)
    queue.committed_where = queue.max_wrote_position
    queue.flushed_where = found.start
    for mapped_file in queue.mapped_files[index:]:
        mapped_file.flushed_position = 0
    return found


def _read(log: CommitLog, start: int, *, check_crc: bool) -> tuple[LogScan, Recovered, int]:
    """Read everything from `start` on: where it ends, what was found, the newest store time.

    One record alone does not say where its queue stood, for its head may be torn; two that follow
    one another do. STORE-RECOVERY-5: where dispatch will put each record, true or not, is counted.
    """
    scan = LogScan(log.mapped_file_queue, start, log.release, check_crc=check_crc)
    first_offsets: dict[tuple[str, int], int] = {}
    begins: dict[tuple[str, int], int] = {}
    latest: dict[tuple[str, int], int] = {}
    growths: dict[tuple[str, int], Growth] = {}
    again: dict[tuple[str, int], int] = {}  # where a queue that had records has offset 0 once more
    newest = 0
    for request in scan.records(deliver_at(log.delay_levels)):
        newest = max(newest, request.store_timestamp)
        if request.sys_flag & TRANSACTION_PREPARED_TYPE:
            continue
        key, offset = (request.topic, request.queue_id), request.consume_queue_offset
        before = latest.get(key)
        growth = growths.get(key, Growth())
        if not is_possible(offset, request.commit_log_offset, log.file_size):
            growths[key] = growth.appended()
            continue
        growths[key] = growth.placed(offset) if offset else growth.appended()
        if before is not None and offset == before + 1:
            first_offsets.setdefault(key, before)
            if offset == 1 and key in again:
                begins[key] = again[key]
                growths[key] = Growth().appended().placed(1)
        elif before is not None and offset == 0:
            again[key] = request.commit_log_offset
        latest[key] = offset
    return scan, Recovered(start, first_offsets, growths, begins), newest


def _is_covered(
    log: CommitLog, mapped_file: MappedFile, checkpoint: StoreCheckpoint, *, index_safe: bool
) -> bool:
    """STORE-RECOVERY-3: true where all that lies before this file was dispatched and forced.

    The store time of the first record is compared with the checkpoint, less three seconds. 5.5
    remembers an offset of the queues, and needs the time for the log alone. A torn record would
    tell a time that never was, so it is checked like any other.
    """
    start = mapped_file.file_from_offset
    scan = LogScan(log.mapped_file_queue, start, log.release, check_crc=True)
    first = next(scan.records(deliver_at(log.delay_levels)), None)
    if first is None or first.commit_log_offset != start or first.store_timestamp == 0:
        return False
    if checkpoint.release.checkpoint_has_offsets and checkpoint.logics_physical_offset > 0:
        return (
            start <= checkpoint.logics_physical_offset
            and first.store_timestamp <= checkpoint.physic_msg_timestamp - SAFETY_MARGIN
        )
    limit = checkpoint.min_timestamp_index if index_safe else checkpoint.min_timestamp
    return first.store_timestamp <= limit


def _nothing_left(queue: MappedFileQueue) -> None:
    """STORE-RECOVERY-8: without a log there is nothing to flush; the caller drops the queues."""
    queue.flushed_where = 0
    queue.committed_where = 0


def _close_dirty_tail(queue: MappedFileQueue) -> None:
    """STORE-RECOVERY-6: go on in a new file where something stands behind the cut.

    Zeros that are not forced yet and new records over what was cut off would be a second chance
    for it: a power failure may leave the head of a new record and the body of an old one. The
    blank record that ends the file is forced before anything in the next file counts as durable.
    It comes first: a start that the disk refuses in between leaves what the next one sees. Where
    there is no space for the new file, the first put asks for it.
    """
    last = queue.last_mapped_file
    if last is None or not _is_dirty_behind(last):
        return
    position = last.wrote_position
    left = last.file_size - position
    if left < BLANK_HEADER_SIZE:
        blank_tail(last, position)
        return
    last.write_at(position, blank_record(left))
    last.set_positions(last.file_size)
    last.flushed_position = position
    blank_tail(last, position + BLANK_HEADER_SIZE)
    with suppress(DiskError):
        queue.roll()


def _is_dirty_behind(last: MappedFile) -> bool:
    return any(data.strip(b"\0") for _, data in _tail(last, last.wrote_position))


def blank_tail(last: MappedFile, position: int) -> None:
    """STORE-RECOVERY-6: zero what lies behind `position`.

    Old records behind the cut could stand exactly where new ones end, and come back to life
    (fault S06). The search ends after sixteen mebibytes of zeros.
    """
    for at, data in _tail(last, position):
        used = len(data.rstrip(b"\0"))
        if used:
            last.write_at(at, bytes(used))


def _tail(last: MappedFile, position: int) -> Iterator[tuple[int, bytes]]:
    """What stands behind `position`, piece by piece, up to a long silence."""
    silence = 0
    while position < last.file_size and silence < _SILENCE:
        data = last.disk.read(last.path, position, min(_WINDOW, last.file_size - position))
        yield position, data
        silence = 0 if data.strip(b"\0") else silence + len(data)
        position += len(data)
