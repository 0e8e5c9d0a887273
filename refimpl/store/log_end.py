"""Where log and queues end at a start, as a reader of their bytes sees it; told to a tracer."""

from collections.abc import Iterable, Iterator

from refimpl.model.ids import PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.trace import ForgetFrom
from refimpl.store.commit_log import CommitLog
from refimpl.store.consume_queue import ConsumeQueue
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


def queue_ends(queues: Iterable[ConsumeQueue]) -> Iterator[ForgetFrom]:
    """Say where each queue ends that has units, before anything is dispatched again."""
    for queue in queues:
        if end := queue.max_offset_in_queue:
            yield ForgetFrom(Topic(queue.topic), QueueId(queue.queue_id), QueueOffset(end))
