"""What holds of every store at rest, checked from the bytes: for tests, simulation and operators.

Requirements  STORE-LOG-7, STORE-LOG-8, STORE-FLUSH-1, STORE-FLUSH-2, STORE-RECOVERY-5
Model         spec/tla: the invariants of the same names

Nothing here repairs anything. It does not check what was acknowledged: only the sender knows that.
"""

from collections.abc import Container, Iterator
from typing import Final

from refimpl.store.commit_log import CommitLog
from refimpl.store.consume_queue import CQ_STORE_UNIT_SIZE, PRE_BLANK_SIZE, ConsumeQueue
from refimpl.store.message_store import MessageStore
from refimpl.store.recovery import LogScan, deliver_at

UNITS_ARE_WHOLE: Final = "UnitsAreWhole"


def violations(store: MessageStore) -> list[str]:
    """Every violated invariant, as `name: what`; empty for a store that is as it should be."""
    log = store.commit_log
    found = [*positions(log), *log_is_whole(log, log.mapped_file_queue.min_offset)]
    for queue in store.queues:
        found += of_queue(queue, log)
    return found


def of_queue(
    queue: ConsumeQueue, log: CommitLog, start: int = 0, unplaced: Container[int] = ()
) -> Iterator[str]:
    """What is broken in the units from number `start` on, and in what the queue gives next.

    `unplaced`: physical offsets of records that may name another queue offset than they stand at.
    """
    if queue.mapped_file_queue.max_wrote_position % CQ_STORE_UNIT_SIZE:
        yield f"{UNITS_ARE_WHOLE}: {queue.topic}-{queue.queue_id}"
        return
    yield from _units_point_to_their_records(queue, log, start, unplaced)
    yield from _next_offset_follows(queue, log)


def positions(log: CommitLog) -> Iterator[str]:
    """Flushed before readable before written, in every file and in the whole log."""
    queue = log.mapped_file_queue
    if not queue.is_contiguous():
        yield "FilesMeet: two neighbours of the log do not"
    for f in queue.mapped_files:
        if not 0 <= f.flushed_position <= f.read_position <= f.wrote_position <= f.file_size:
            yield f"PositionsOrdered: {f.path}"
    if not queue.flushed_where <= queue.max_offset <= queue.max_wrote_position:
        yield f"PositionsOrdered: flushed {queue.flushed_where}, readable {queue.max_offset}"
    if log.confirm_offset() > queue.max_offset:
        yield "ConfirmedIsReadable: readers are promised what is not there"
    if log.sync_flush and log.confirm_offset() > queue.flushed_where:
        yield "ShownIsDurable: readers are shown what is not durable"


def log_is_whole(log: CommitLog, start: int) -> Iterator[str]:
    """Records and blanks follow one another from `start`, where one begins, to the end of the log.

    With a pool the page cache is whole up to what was committed; behind it files may have rolled.
    """
    queue = log.mapped_file_queue
    if not queue.mapped_files:
        return
    readable = queue.max_offset if log.pool is None else queue.committed_where
    scan = LogScan(queue, start, log.release, check_crc=True)
    for _ in scan.records(deliver_at(log.delay_levels)):
        pass
    last = queue.mapped_files[-1]
    ends = {queue.max_offset, last.file_from_offset if last.read_position == 0 else -1}
    if scan.end < readable and not last.is_full and scan.end not in ends:
        yield f"LogIsWhole: records end at {scan.end}, the log at {readable}"


def _units_point_to_their_records(
    queue: ConsumeQueue, log: CommitLog, start: int, unplaced: Container[int]
) -> Iterator[str]:
    """Unit n of a queue names a record of that queue with queue offset n, in growing order.

    STORE-CQ-5: before 5.5 a queue whose records are all gone may begin before its first file.
    """
    first = queue.mapped_file_queue.first_mapped_file
    begin = 0 if first is None else first.file_from_offset // CQ_STORE_UNIT_SIZE
    begin = max(queue.min_offset_in_queue, begin)
    earlier = queue.get(start - 1) if begin < start else None
    before = -1 if earlier is None else earlier[0]
    for n in range(max(begin, start), queue.max_offset_in_queue):
        unit = queue.get(n)
        where = f"{queue.topic}-{queue.queue_id}[{n}]"
        if unit is None:
            yield f"UnitsAreThere: {where}"
            continue
        offset, size, _ = unit
        if size == PRE_BLANK_SIZE and offset == 0:
            continue  # STORE-CQ-19
        if offset <= before:
            yield f"UnitsGrow: {where} points back to {offset}"
        before = offset
        if offset < log.min_offset():
            continue  # retention took the record
        record = log.get_message(offset, size)
        if record is None or int.from_bytes(record[:4], "big") != size:
            yield f"UnitsPointToRecords: {where} -> {offset}"
        elif int.from_bytes(record[20:28], "big") != n and offset not in unplaced:
            yield f"UnitsPointToTheirRecords: {where} -> {offset}"


def _next_offset_follows(queue: ConsumeQueue, log: CommitLog) -> Iterator[str]:
    """The offset that the next message gets is behind every unit (STORE-RECOVERY-5)."""
    given = log.topic_queue_table.get((queue.topic, queue.queue_id), 0)
    if given < queue.max_offset_in_queue:
        yield f"OffsetsAreGivenOnce: {queue.topic}-{queue.queue_id} gives {given} again"
