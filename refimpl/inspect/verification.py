"""Every structural rule held against one store, in one pass over its log.

Requirements  STORE-INSPECT-1, STORE-INSPECT-3, STORE-FILES-6, STORE-RECOVERY-8, STORE-FLUSH-12
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from refimpl.inspect.commit_log_reading import CommitLogReading
from refimpl.inspect.config_reading import check_offsets
from refimpl.inspect.finding import Findings, NotAStore
from refimpl.inspect.index_check import IndexCheck
from refimpl.inspect.queue_reading import QueueCheck, QueueKey
from refimpl.inspect.store_reading import StoreReading
from refimpl.inspect.transaction_check import TransactionCheck
from refimpl.model.disk import DiskError
from refimpl.model.message_codec import DispatchRequest
from refimpl.store.store_checkpoint import CHECKPOINT_PATH, SAFETY_MARGIN

_ROCKSDB_QUEUES: Final = "consumequeue_rocksdb"
_QUEUE_TYPE: Final = "queue.type"
_BATCH_QUEUES: Final = "BatchCQ"


@dataclass(frozen=True, slots=True, eq=False)
class Verified:
    """What one pass over the log found out."""

    reading: StoreReading
    log: CommitLogReading
    transactions: TransactionCheck
    queue_ends: dict[QueueKey, int]  # queue offset that the next message would get
    times: dict[QueueKey, tuple[int, int]]  # store time of the first and of the last message
    counts: dict[QueueKey, int]  # records in the log
    findings: Findings


def verify(reading: StoreReading) -> Verified:
    """Check everything; raises `NotAStore` where a file cannot be read at all."""
    try:
        return _verify(reading)
    except DiskError as error:
        raise NotAStore(f"{error.path} cannot be read: {error.reason}") from error


def _verify(reading: StoreReading) -> Verified:
    findings, checkpoint, queues = reading.findings, reading.checkpoint, dict(reading.queues)
    limit = reading.log.limit
    log = CommitLogReading(
        reading.log,
        reading.release,
        reading.deliver_at,
        findings,
        dispatched_end=_dispatched_end(reading, limit),
        flushed_time=checkpoint.physic_msg_timestamp,
    )
    queue_check = QueueCheck(
        queues,
        log,
        findings,
        durable=_durable(reading, log),
    )
    index_check = IndexCheck(
        reading.index, reading.shape, log, findings, covered_time=checkpoint.index_msg_timestamp
    )
    transactions = TransactionCheck(log, reading.release, findings)
    times: dict[QueueKey, tuple[int, int]] = {}
    counts: dict[QueueKey, int] = {}
    elsewhere = _topics_elsewhere(reading)
    for record in log.records():
        if not elsewhere(record.topic):
            queue_check.take(record)
        index_check.take(record)
        transactions.take(record)
        _count(record, times, counts)
    for check in (queue_check, index_check, transactions):
        check.finish()
    queue_ends = {key: queue.end for key, queue in queues.items()}
    for key, last in queue_check.last_in_log.items():
        queue_ends[key] = max(queue_ends.get(key, 0), last + 1)
    check_offsets(reading.config, queue_ends, elsewhere, findings)
    _check_checkpoint(reading, log)
    if not reading.log.files and any(queue.end for queue in queues.values()):
        findings.violated("STORE-RECOVERY-8", "consumequeue", "there are queues without a log")
    return Verified(reading, log, transactions, queue_ends, times, counts, findings)


def _topics_elsewhere(reading: StoreReading) -> Callable[[str], bool]:
    """Topics of 5.5 whose queues are of another kind, which is not read.

    In RocksDB, or in files of batches; their messages in the log are read like all others.
    """
    if reading.files.exists(_ROCKSDB_QUEUES):
        reading.findings.note("STORE-CQ-2", _ROCKSDB_QUEUES, "queues in RocksDB are not read")
        return lambda _: True
    batches = set()
    for topic, row in reading.config.topics.items():
        attributes = row.get("attributes")
        if isinstance(attributes, dict) and attributes.get(_QUEUE_TYPE) == _BATCH_QUEUES:
            batches.add(topic)
    if batches:
        reading.findings.note(
            "STORE-CQ-2",
            "batchconsumequeue",
            "queues of batches are not read",
            detail=", ".join(sorted(batches)),
        )
    return batches.__contains__


def _durable(reading: StoreReading, log: CommitLogReading) -> Callable[[DispatchRequest], bool]:
    """Which units the checkpoint vouches for.

    In a closed store, those of records up to its time. After a crash recovery writes the units of
    all records from some file on again, and a crash of the recovery may take them: what lies
    before that file is left (STORE-RECOVERY-3).
    """
    checkpoint = reading.checkpoint
    if not reading.unclean:
        return lambda record: record.store_timestamp <= checkpoint.logics_msg_timestamp
    flushed = checkpoint.physic_msg_timestamp - SAFETY_MARGIN
    limit = min(flushed, checkpoint.logics_msg_timestamp - SAFETY_MARGIN)
    start = reading.log.start
    for held in reading.log.files:
        first = log.record_at(held.start)
        if first is None:
            continue
        if checkpoint.logics_physical_offset > 0:
            covered = held.start <= checkpoint.logics_physical_offset
            covered = covered and first.store_timestamp <= flushed
        else:
            covered = first.store_timestamp <= limit
        if covered:
            start = held.start
    return lambda record: record.commit_log_offset < start


def _dispatched_end(reading: StoreReading, limit: int) -> int:
    """Up to where two witnesses say that there were records: queues and index files.

    One alone may be a damaged unit, which is told as such.
    """
    ends = [queue.record_end(limit) for queue in reading.queues.values()]
    ends += [
        found.header.end_phy_offset + 1
        for found in reading.index
        if 0 < found.header.end_phy_offset < limit
    ]
    ends.sort()
    return ends[-2] if len(ends) > 1 else 0


def _count(
    record: DispatchRequest,
    times: dict[QueueKey, tuple[int, int]],
    counts: dict[QueueKey, int],
) -> None:
    key = (record.topic, record.queue_id)
    first = times.get(key, (record.store_timestamp, 0))[0]
    times[key] = (first, record.store_timestamp)
    counts[key] = counts.get(key, 0) + 1


def _check_checkpoint(reading: StoreReading, log: CommitLogReading) -> None:
    """STORE-FLUSH-12: no mark is ahead of what the log has."""
    checkpoint = reading.checkpoint
    if log.is_cut_short:
        return
    for name, time in checkpoint._asdict().items():
        if name.endswith("timestamp") and time > log.last_time:
            reading.findings.interrupted(
                "STORE-FLUSH-12",
                CHECKPOINT_PATH,
                "the checkpoint is ahead of the log",
                detail=f"{name} {time}, and the newest record is of {log.last_time}",
            )
        if name.endswith("offset") and time > log.end:
            reading.findings.interrupted(
                "STORE-FLUSH-12",
                CHECKPOINT_PATH,
                "the checkpoint is ahead of the log",
                detail=f"{name} {time}, and the log ends at {log.end}",
            )
