"""Half messages and operations in the log: what is open, and what does not belong together.

Requirements  BROKER-TRANS-1, BROKER-TRANS-6, BROKER-TRANS-8, BROKER-TRANS-9
"""

from refimpl.inspect.commit_log_reading import CommitLogReading
from refimpl.inspect.finding import Findings
from refimpl.model.message_codec import DispatchRequest, decode_record
from refimpl.model.message_property import PROPERTY_TAGS
from refimpl.model.release import Release
from refimpl.model.sys_flag import (
    TRANSACTION_COMMIT_TYPE,
    TRANSACTION_NOT_TYPE,
    transaction_value,
)
from refimpl.model.topic_validator import RMQ_SYS_TRANS_HALF_TOPIC, RMQ_SYS_TRANS_OP_HALF_TOPIC

_REMOVE_TAG = "d"


class TransactionCheck:
    """Feeds on records; `open_halves` has what no operation has ended."""

    __slots__ = ("_ended", "_findings", "_halves", "_log", "_release", "committed", "operations")

    def __init__(self, log: CommitLogReading, release: Release, findings: Findings) -> None:
        self._log = log
        self._release = release
        self._findings = findings
        self._halves: dict[tuple[int, int], int] = {}  # (queue, offset) -> place
        self._ended: dict[tuple[int, int], int] = {}  # (queue, offset) -> place of the operation
        self.operations = 0
        self.committed = 0

    @property
    def halves(self) -> int:
        """How many half messages the log has."""
        return len(self._halves)

    @property
    def open_halves(self) -> list[tuple[int, int, int]]:
        """(queue, queue offset, place) of half messages that no operation names, in order."""
        return [(*key, at) for key, at in sorted(self._halves.items()) if key not in self._ended]

    def take(self, record: DispatchRequest) -> None:
        """Look at one record."""
        place = record.commit_log_offset
        if record.topic == RMQ_SYS_TRANS_HALF_TOPIC:
            self._halves[record.queue_id, record.consume_queue_offset] = place
            if transaction_value(record.sys_flag) != TRANSACTION_NOT_TYPE:
                self._findings.violated(
                    "BROKER-TRANS-1",
                    "commitlog",
                    "a half message has transaction bits",
                    place=place,
                )
        elif record.topic == RMQ_SYS_TRANS_OP_HALF_TOPIC:
            self._take_operation(record)
        elif transaction_value(record.sys_flag) == TRANSACTION_COMMIT_TYPE:
            self._take_commit(record)

    def finish(self) -> None:
        """Operations must name half messages that are in the log or were."""
        for (queue_id, offset), place in self._ended.items():
            if (queue_id, offset) in self._halves:
                continue
            known = [half for queue, half in self._halves if queue == queue_id]
            if self._log.holes or (known and offset < min(known)) or self._log.files.start > 0:
                continue  # expired, or lost with a hole
            self._findings.violated(
                "BROKER-TRANS-8",
                "commitlog",
                "an operation names no half message",
                place=place,
                detail=f"queue {queue_id} offset {offset}",
            )

    def _take_operation(self, record: DispatchRequest) -> None:
        place = record.commit_log_offset
        if (record.properties or {}).get(PROPERTY_TAGS) != _REMOVE_TAG:
            return
        self.operations += 1
        data = self._log.files.read(place, record.msg_size)
        message = decode_record(data, release=self._release)
        body = b"" if message is None else message.body
        for word in body.decode("ascii", "replace").rstrip(",").split(","):
            if not (word.isascii() and word.isdigit()):
                self._findings.violated(
                    "BROKER-TRANS-9", "commitlog", "an operation is no list of offsets", place=place
                )
                return
            self._ended[record.queue_id, int(word)] = place

    def _take_commit(self, record: DispatchRequest) -> None:
        self.committed += 1
        half = record.prepared_transaction_offset
        log = self._log
        if half < log.files.start or log.in_hole(half):
            return
        found = log.record_at(half)
        if found is None or found.topic != RMQ_SYS_TRANS_HALF_TOPIC:
            self._findings.violated(
                "BROKER-TRANS-6",
                "commitlog",
                "a committed message names no half message",
                place=record.commit_log_offset,
                detail=f"at {half}",
            )
