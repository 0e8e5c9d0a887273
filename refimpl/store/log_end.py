"""Where the records of a log end, as a reader of its bytes sees it; told to a tracer at a start."""

from refimpl.model.ids import PhysicalOffset
from refimpl.store.commit_log import CommitLog
from refimpl.store.recovery import LogScan, deliver_at


def last_record_end(log: CommitLog) -> PhysicalOffset:
    """Return the end of the last record behind `flushed_where`, or that; blanks do not count."""
    queue = log.mapped_file_queue
    end = queue.flushed_where
    if queue.mapped_files:
        scan = LogScan(queue, max(end, queue.min_offset), log.release, check_crc=True)
        for request in scan.records(deliver_at(log.delay_levels)):
            end = request.commit_log_offset + request.msg_size
    return PhysicalOffset(end)
