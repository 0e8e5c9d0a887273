"""The half of `MessageStore` that others read: queues, records, times, positions.

Java: store/DefaultMessageStore. Delegates to `MessageReader`; holds no rules.
"""

from typing import Final

from refimpl.model.ids import (
    Group,
    Millis,
    PhysicalOffset,
    QueueId,
    QueueOffset,
    Topic,
)
from refimpl.model.message import MessageExt
from refimpl.model.status import GetMessageStatus
from refimpl.store.commit_log import CommitLog
from refimpl.store.consume_queue import ConsumeQueue
from refimpl.store.consume_queue_table import ConsumeQueueTable
from refimpl.store.message_filter import MessageFilter
from refimpl.store.message_reader import MessageReader, QueryMessageResult
from refimpl.store.queue_reader import MAX_PULL_MSG_SIZE, GetMessageResult
from refimpl.store.queue_time_search import BoundaryType
from refimpl.store.reput import ReputMessageService
from refimpl.store.running_flags import RunningFlags

_OUTSIDE: Final = frozenset(
    {
        GetMessageStatus.OFFSET_OVERFLOW_BADLY,
        GetMessageStatus.NO_MESSAGE_IN_QUEUE,
        GetMessageStatus.NO_MATCHED_LOGIC_QUEUE,
    }
)
_BOUNDARIES: Final = {boundary.name: boundary for boundary in BoundaryType}


class StoreReads:
    """What processors ask of a store without changing it."""

    __slots__ = (
        "commit_log",
        "queues",
        "reader",
        "recovered_to",
        "reput",
        "running_flags",
        "shut_down",
    )

    commit_log: CommitLog
    queues: ConsumeQueueTable
    reader: MessageReader
    recovered_to: int  # end of what the last recovery read
    reput: ReputMessageService
    running_flags: RunningFlags
    shut_down: bool
    _last_exit_ok: bool

    @property
    def last_exit_ok(self) -> bool:
        """False where the start found the mark of an end that was none."""
        return self._last_exit_ok

    def next_offset(self, topic: Topic, queue_id: QueueId) -> int:
        """Offset that the next message of a queue gets.

        It is behind what can be read, and behind what was recovered and is not shown yet.
        """
        given = self.commit_log.topic_queue_table.get((topic, queue_id), 0)
        return max(given, self.max_offset_in_queue(topic, queue_id))

    def get_message(  # noqa: PLR0917 - the order of Java
        self,
        _group: Group,
        topic: Topic,
        queue_id: QueueId,
        offset: QueueOffset,
        max_msg_nums: int,
        message_filter: MessageFilter | None,
        _now: Millis,
        max_total_size: int = MAX_PULL_MSG_SIZE,
    ) -> GetMessageResult | None:
        """Messages of a queue from `offset` on; None while the store is shut down or unreadable.

        The group and the time are for statistics that Apache keeps of cold reads. Raises
        `InvalidInput` for a negative number where the release fails so (STORE-READ-9).
        """
        if self.shut_down or not self.running_flags.is_readable:
            return None
        result = self.reader.get_message(
            topic,
            queue_id,
            offset,
            max_msg_nums,
            message_filter=message_filter,
            max_total_size=max_total_size,
        )
        if result.status in _OUTSIDE and 0 < offset <= self._recovered_offset(topic, queue_id):
            return result._replace(
                status=GetMessageStatus.OFFSET_OVERFLOW_ONE, next_begin_offset=offset
            )
        return result

    def _recovered_offset(self, topic: Topic, queue_id: QueueId) -> int:
        """STORE-PROMISE-8: how far a queue will reach when what was recovered is shown; 0 then.

        Who has read as far in another life waits, and is not sent back.
        """
        if self.reput.reput_from_offset >= self.recovered_to:
            return 0
        return self.commit_log.topic_queue_table.get((topic, queue_id), 0)

    def max_offset_in_queue(self, topic: Topic, queue_id: QueueId) -> QueueOffset:
        """Offset that the next visible message gets; 0 for an unknown queue."""
        return QueueOffset(self.reader.max_offset_in_queue(topic, queue_id))

    def min_offset_in_queue(self, topic: Topic, queue_id: QueueId) -> QueueOffset:
        """Offset of the first message; 0 for an unknown queue."""
        return QueueOffset(self.reader.min_offset_in_queue(topic, queue_id))

    def message_total_in_queue(self, topic: Topic, queue_id: QueueId) -> int:
        """How many messages a queue has."""
        return self.reader.message_total_in_queue(topic, queue_id)

    def commit_log_offset_in_queue(
        self, topic: Topic, queue_id: QueueId, queue_offset: QueueOffset
    ) -> PhysicalOffset:
        """Physical offset of a message; 0 where there is none."""
        return PhysicalOffset(self.reader.commit_log_offset_in_queue(topic, queue_id, queue_offset))

    def offset_in_queue_by_time(
        self, topic: Topic, queue_id: QueueId, timestamp: Millis, boundary: str = "LOWER"
    ) -> QueueOffset:
        """Queue offset that belongs to a time; `boundary` is LOWER or UPPER, and else LOWER."""
        side = _BOUNDARIES.get(boundary.upper(), BoundaryType.LOWER)
        return QueueOffset(self.reader.offset_in_queue_by_time(topic, queue_id, timestamp, side))

    def message_store_timestamp(
        self, topic: Topic, queue_id: QueueId, queue_offset: QueueOffset
    ) -> Millis:
        """Store time of a message; -1 where there is none."""
        return Millis(self.reader.message_store_timestamp(topic, queue_id, queue_offset))

    def earliest_message_time(
        self, topic: Topic | None = None, queue_id: QueueId | None = None
    ) -> Millis:
        """Store time of the first message of a queue, or of the log; -1 for none."""
        return Millis(self.reader.earliest_message_time(topic, queue_id or 0))

    def look_message_by_offset(
        self, physical_offset: PhysicalOffset, size: int | None = None
    ) -> MessageExt | None:
        """Decode the message at an offset; None where there is none."""
        return self.reader.look_message_by_offset(physical_offset, size)

    def select_one_message_by_offset(
        self, physical_offset: PhysicalOffset, size: int | None = None
    ) -> bytes | None:
        """Bytes of the message at an offset; None where there is none."""
        return self.reader.select_one_message_by_offset(physical_offset, size)

    def query_message(  # noqa: PLR0917 - the order of Java
        self,
        topic: Topic,
        key: str,
        max_num: int,
        begin: int,
        end: int,
        index_type: str | None = None,
    ) -> QueryMessageResult:
        """Records that the index names for a key between two times in milliseconds."""
        return self.reader.query_message(topic, key, max_num, begin, end, index_type=index_type)

    def check_in_disk_by_consume_offset(
        self, topic: Topic, queue_id: QueueId, queue_offset: QueueOffset
    ) -> bool:
        """True where a message lies farther from the end of the log than memory reaches."""
        return self.reader.check_in_disk_by_consume_offset(topic, queue_id, queue_offset)

    def check_in_mem_by_consume_offset(
        self, topic: Topic, queue_id: QueueId, queue_offset: QueueOffset, _batch_size: int = 1
    ) -> bool:
        """True where a message is there and memory reaches it (5.5)."""
        queue = self.queues.find(topic, queue_id)
        if queue is None or queue.get(queue_offset) is None:
            return False
        return not self.reader.check_in_disk_by_consume_offset(topic, queue_id, queue_offset)

    def consume_queue(self, topic: Topic, queue_id: QueueId) -> ConsumeQueue | None:
        """Return a queue; None for one that never had a message."""
        return self.queues.find(topic, queue_id)

    @property
    def consume_queue_table(self) -> ConsumeQueueTable:
        """All queues."""
        return self.queues

    @property
    def min_phy_offset(self) -> PhysicalOffset:
        """First offset of the log; -1 for an empty one."""
        return PhysicalOffset(self.commit_log.min_offset())

    @property
    def max_phy_offset(self) -> PhysicalOffset:
        """End of the log."""
        return PhysicalOffset(self.commit_log.max_offset())

    @property
    def dispatch_behind_bytes(self) -> int:
        """Bytes of the log that are not dispatched yet."""
        return self.reput.behind()
