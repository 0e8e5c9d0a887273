"""Reading messages out of a store: by queue offset, by physical offset, by key, by time.

Requirements  STORE-READ-1..13 in spec/store/read.md
Java          DefaultMessageStore#getMessage, #queryMessage, #lookMessageByOffset,
              #getOffsetInQueueByTime, #getEarliestMessageTime, #checkInDiskByConsumeOffset
              (4.6.1, 4.9.7, 5.5.0)
"""

from typing import NamedTuple

from refimpl.model.config import Config
from refimpl.model.ids import Millis
from refimpl.model.message import MessageExt
from refimpl.model.message_codec import decode_record
from refimpl.model.release import Release
from refimpl.model.status import GetMessageStatus
from refimpl.store.commit_log_view import CommitLogView
from refimpl.store.consume_queue_table import ConsumeQueueTable
from refimpl.store.errors import NegativeSize
from refimpl.store.index_service import IndexService
from refimpl.store.message_filter import MessageFilter
from refimpl.store.queue_reader import (
    MAX_PULL_MSG_SIZE,
    GetMessageResult,
    QueueRead,
    outside,
    read_limits,
)
from refimpl.store.queue_time_search import BoundaryType, offset_in_queue_by_time
from refimpl.store.store_stats import StoreStatsService


class QueryMessageResult(NamedTuple):
    """What a query by key got; Java: store/QueryMessageResult."""

    records: tuple[bytes, ...]
    index_last_update_timestamp: int
    index_last_update_phyoffset: int


class MessageReader:
    """Everything that reads a store and changes nothing but statistics."""

    __slots__ = ("_index", "_limits", "_log", "_physical_memory", "_queues", "_release", "_stats")

    def __init__(
        self,
        *,
        log: CommitLogView,
        queues: ConsumeQueueTable,
        index: IndexService,
        stats: StoreStatsService,
        config: Config,
        release: Release,
        physical_memory: int,
    ) -> None:
        self._log = log
        self._queues = queues
        self._index = index
        self._stats = stats
        self._release = release
        self._physical_memory = physical_memory  # bytes; StoreUtil.TOTAL_PHYSICAL_MEMORY_SIZE
        self._limits = read_limits(config, release, physical_memory)

    def update_config(self, config: Config) -> None:
        """Obey what a running broker may change."""
        self._limits = read_limits(config, self._release, self._physical_memory)

    # --- by queue offset

    def get_message(
        self,
        topic: str,
        queue_id: int,
        offset: int,
        max_msg_nums: int,
        *,
        message_filter: MessageFilter | None = None,
        max_total_size: int = MAX_PULL_MSG_SIZE,
    ) -> GetMessageResult:
        """STORE-READ-1: messages of a queue from `offset` on, or how to go on without any.

        STORE-READ-9: raises `InvalidInput` for a negative number where the release fails so.
        """
        queue = self._queues.find(topic, queue_id)
        if queue is None:
            corrected = outside(offset, 0, 0)
        else:
            corrected = outside(offset, queue.min_offset_in_queue, queue.max_offset_in_queue)
        stats = self._stats
        if queue is None or corrected is not None:
            assert corrected is not None, "a queue that is not there has no messages"
            status, next_offset = corrected
            stats.get_message_times_total_miss += 1
            return GetMessageResult(
                status,
                next_offset if self._limits.corrects_offsets else offset,
                0 if queue is None else queue.min_offset_in_queue,
                0 if queue is None else queue.max_offset_in_queue,
            )
        result = QueueRead(
            log=self._log,
            queue=queue,
            offset=offset,
            max_msg_nums=max_msg_nums,
            message_filter=message_filter,
            max_total_size=max_total_size,
            limits=self._limits,
            release=self._release,
        ).run()
        if result.status is GetMessageStatus.FOUND:
            stats.get_message_times_total_found += 1
            stats.get_message_transferred_msg_count += len(result.records)
        else:
            stats.get_message_times_total_miss += 1
        return result

    def max_offset_in_queue(self, topic: str, queue_id: int) -> int:
        """Offset that the next visible message gets; 0 for an unknown queue."""
        queue = self._queues.find(topic, queue_id)
        return 0 if queue is None else queue.max_offset_in_queue

    def min_offset_in_queue(self, topic: str, queue_id: int) -> int:
        """Offset of the first message; 0 for an unknown queue, as for the empty one it becomes."""
        queue = self._queues.find(topic, queue_id)
        return 0 if queue is None else queue.min_offset_in_queue

    def message_total_in_queue(self, topic: str, queue_id: int) -> int:
        """How many messages a queue has."""
        queue = self._queues.find(topic, queue_id)
        return 0 if queue is None else queue.message_total_in_queue

    def commit_log_offset_in_queue(self, topic: str, queue_id: int, queue_offset: int) -> int:
        """Physical offset of a message; 0 where there is none."""
        queue = self._queues.find(topic, queue_id)
        unit = None if queue is None else queue.get(queue_offset)
        return 0 if unit is None else unit[0]

    def check_in_disk_by_consume_offset(self, topic: str, queue_id: int, queue_offset: int) -> bool:
        """True where a message lies farther from the end of the log than memory reaches."""
        queue = self._queues.find(topic, queue_id)
        unit = None if queue is None else queue.get(queue_offset)
        return unit is not None and self._log.max_offset() - unit[0] > self._limits.memory

    # --- by time

    def offset_in_queue_by_time(
        self,
        topic: str,
        queue_id: int,
        timestamp: int,
        boundary: BoundaryType = BoundaryType.LOWER,
    ) -> int:
        """STORE-CQ-11: the queue offset that belongs to a time; 0 for an unknown queue."""
        queue = self._queues.find(topic, queue_id)
        if queue is None:
            return 0
        return offset_in_queue_by_time(queue, self._log, timestamp, boundary, self._release)

    def message_store_timestamp(self, topic: str, queue_id: int, queue_offset: int) -> int:
        """Store time of a message in milliseconds; -1 where there is none."""
        queue = self._queues.find(topic, queue_id)
        return -1 if queue is None else queue.store_time(queue_offset)

    def earliest_message_time(self, topic: str | None = None, queue_id: int = 0) -> int:
        """STORE-READ-12: store time of the first message, of a queue or of the log; -1 for none."""
        if topic is not None:
            return self.message_store_timestamp(
                topic, queue_id, self.min_offset_in_queue(topic, queue_id)
            )
        return self._log.pickup_store_timestamp(
            self._log.min_offset(), self._limits.earliest_time_size
        )

    # --- by physical offset

    def look_message_by_offset(
        self, physical_offset: int, size: int | None = None
    ) -> MessageExt | None:
        """Return the message at an offset, its body as it was stored; None where there is none.

        STORE-READ-16: what is read to be stored again must not be inflated.
        """
        record = self.select_one_message_by_offset(physical_offset, size)
        if record is None:
            return None
        return decode_record(record, release=self._release, decompress=False)

    def select_one_message_by_offset(
        self, physical_offset: int, size: int | None = None
    ) -> bytes | None:
        """STORE-READ-11: the bytes at an offset, as many as the first four of them say.

        Raises `NegativeSize` where they say less than none.
        """
        if size is None:
            head = self._log.get_message(physical_offset, 4)
            if head is None:
                return None
            size = int.from_bytes(head, "big", signed=True)
        if size < 0:
            raise NegativeSize(size)
        return self._log.get_message(physical_offset, size)

    # --- by key

    def query_message(
        self,
        topic: str,
        key: str,
        max_num: int,
        begin: int,
        end: int,
        *,
        index_type: str | None = None,
    ) -> QueryMessageResult:
        """STORE-READ-13: records that the index names for a key, oldest first.

        Times in milliseconds. A record that retention took is left out, and so is an entry of the
        index that leads to no record. Java asks the index twice more where all are, with the same
        window.
        """
        found = self._index.query_offset(
            topic,
            key,
            max_num,
            begin,
            end,
            max_msgs_num_batch=self._limits.max_msgs_num_batch,
            store_time=self._store_time,
            index_type=index_type,
        )
        if not found.phy_offsets:
            return QueryMessageResult((), 0, 0)
        records = map(self._record_of_entry, sorted(found.phy_offsets))
        return QueryMessageResult(
            tuple(record for record in records if record is not None),
            found.index_last_update_timestamp,
            found.index_last_update_phyoffset,
        )

    def _record_of_entry(self, physical_offset: int) -> bytes | None:
        try:
            return self.select_one_message_by_offset(physical_offset)
        except NegativeSize:
            return None

    def _store_time(self, physical_offset: int) -> Millis:
        record = self._record_of_entry(physical_offset)
        if record is None:
            return Millis(-1)
        message = decode_record(record, release=self._release, decompress=False)
        return Millis(-1) if message is None else message.store_timestamp
