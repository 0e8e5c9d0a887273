"""The commit log: every message of every topic, one behind the other, and the queue offsets.

Requirements  STORE-LOG-1..14 in spec/store/commit_log.md
Java          store/CommitLog (4.6.1, 4.9.7, 5.5.0)

Implements `commit_log_view.CommitLogView` for what derives from it. Java serialises appends with a
lock; here a put is one call, and only one whose write hangs in a busy page cache holds the lock
after it (STORE-LOG-2).
"""

from typing import Final

from refimpl.model.config import Config
from refimpl.model.delay_level import parse_delay_levels
from refimpl.model.disk import Disk, DiskError
from refimpl.model.ids import Millis, PhysicalOffset
from refimpl.model.message import MessageExtBrokerInner
from refimpl.model.message_codec import (
    MESSAGE_MAGIC_CODE,
    SYS_FLAG_POSITION,
    BatchEntry,
    store_timestamp_position,
)
from refimpl.model.message_property import PROPERTY_DELAY_TIME_LEVEL
from refimpl.model.release import Release
from refimpl.model.status import AppendMessageStatus, PutMessageStatus
from refimpl.model.sys_flag import (
    TRANSACTION_COMMIT_TYPE,
    TRANSACTION_ROLLBACK_TYPE,
    transaction_value,
)
from refimpl.model.trace import Append, PutRefused
from refimpl.store.append_message import (
    AppendMessageResult,
    PutMessageResult,
    QueueOffsets,
    batch_entries,
    batch_exceeds_file,
    delayed,
    do_append,
    do_append_batch,
    encode_refusal,
    magic_code_of,
    with_address_flags,
)
from refimpl.store.mapped_file import MappedFile
from refimpl.store.mapped_file_queue import MappedFileQueue
from refimpl.store.transient_store_pool import TransientStorePool

COMMIT_LOG_DIRECTORY: Final = "commitlog"
MIN_MESSAGE_SIZE_LIMIT: Final = 10  # a smaller maxMessageSize is not obeyed while running
_HEAD_MAX: Final = 128  # more than the fixed fields of any record
_PROPERTIES_SURELY_SHORT: Final = 32767 // 3  # characters, of three bytes at most
_TOPIC_SURELY_SHORT: Final = 127 // 3

_ILLEGAL = PutMessageResult(PutMessageStatus.MESSAGE_ILLEGAL)
_BATCH_EXCEEDS = PutMessageResult(
    PutMessageStatus.MESSAGE_ILLEGAL, AppendMessageResult(AppendMessageStatus.MESSAGE_SIZE_EXCEEDED)
)
_CREATE_FAILED = PutMessageResult(PutMessageStatus.CREATE_MAPPED_FILE_FAILED)


class CommitLog:
    """The log of one store. Offsets are physical."""

    __slots__ = (
        "_fast_fail",
        "_max_message_size",
        "_stalled_until",
        "_surely_small",
        "begin_time_in_lock",
        "delay_levels",
        "mapped_file_queue",
        "pool",
        "release",
        "sync_flush",
        "topic_queue_table",
    )

    def __init__(self, disk: Disk, config: Config, release: Release) -> None:
        self.release = release
        self.mapped_file_queue = MappedFileQueue(
            disk, COMMIT_LOG_DIRECTORY, config.integer("mappedFileSizeCommitLog")
        )
        self.sync_flush = config.text("flushDiskType") == "SYNC_FLUSH"
        self.delay_levels = parse_delay_levels(config.text("messageDelayLevel"))
        self.topic_queue_table: QueueOffsets = {}
        self.begin_time_in_lock = Millis(0)
        self._stalled_until = Millis(0)
        self.pool: TransientStorePool | None = None
        if config.boolean("transientStorePoolEnable"):
            size = config.integer("transientStorePoolSize")
            self.pool = TransientStorePool(size, self.file_size)
        self._fast_fail = config.boolean("fastFailIfNoBufferInStorePool")
        self._set_max_message_size(config.integer("maxMessageSize"))

    def update_config(self, config: Config) -> None:
        """Obey what a running broker may change: the greatest message (STORE-LOG-4)."""
        limit = config.integer("maxMessageSize")
        if self.release.max_message_size_is_live and limit >= MIN_MESSAGE_SIZE_LIMIT:
            self._set_max_message_size(limit)

    def _set_max_message_size(self, limit: int) -> None:
        self._max_message_size = limit
        # A message that is smaller than this however its text is encoded passes every limit.
        self._surely_small = min(limit, self.file_size - 8) - _HEAD_MAX

    # --- growth

    def put_message(self, inner: MessageExtBrokerInner, now: Millis) -> PutMessageResult:
        """Append one message; refused input changes nothing (STORE-LOG-1).

        Raises `InvalidInput` for a delay level that is no number.
        """
        if PROPERTY_DELAY_TIME_LEVEL in inner.properties:
            inner = delayed(inner, self.delay_levels, self.release)
        if ":" in inner.born_host.host or ":" in inner.store_host.host or inner.sys_flag & 0x30:
            inner = with_address_flags(inner)
        text, topic = len(inner.properties_string), len(inner.topic)
        magic_code = MESSAGE_MAGIC_CODE
        if (
            text > _PROPERTIES_SURELY_SHORT
            or topic > _TOPIC_SURELY_SHORT
            or len(inner.body) + 3 * (text + topic) > self._surely_small
        ):
            status = encode_refusal(inner, self.release, self._max_message_size, self.file_size)
            if status is not None:
                return PutMessageResult(status)
            magic_code = magic_code_of(inner.topic, self.release)
        table = self.topic_queue_table
        try:
            mapped_file = self._writable_file()
        except DiskError:
            return _CREATE_FAILED
        try:
            result = do_append(mapped_file, inner, magic_code, table, now)
            if result.status is AppendMessageStatus.END_OF_FILE:
                self._hold_while_stalled(mapped_file, now)
                try:
                    mapped_file = self._writable_file()
                except DiskError:
                    return PutMessageResult(PutMessageStatus.CREATE_MAPPED_FILE_FAILED, result)
                result = do_append(mapped_file, inner, magic_code, table, now)
        except DiskError:
            return PutMessageResult(PutMessageStatus.UNKNOWN_ERROR)
        assert result.status is AppendMessageStatus.PUT_OK, "it was measured against a whole file"
        self._hold_while_stalled(mapped_file, now)
        return PutMessageResult(PutMessageStatus.PUT_OK, result)

    def stored_as(self, inner: MessageExtBrokerInner) -> MessageExtBrokerInner:
        """What `put_message` stores of it: a delayed message stands in the queue of its level."""
        if PROPERTY_DELAY_TIME_LEVEL in inner.properties:
            return delayed(inner, self.delay_levels, self.release)
        return inner

    def put_event(
        self, inner: MessageExtBrokerInner, result: PutMessageResult
    ) -> Append | PutRefused:
        """Say what came of a put, for a tracer."""
        append = result.append
        if not result.is_ok or append is None:
            return PutRefused(PhysicalOffset(self.mapped_file_queue.max_wrote_position))
        stored = self.stored_as(inner)
        return Append(
            append.wrote_offset,
            append.wrote_bytes,
            stored.topic,
            stored.queue_id,
            append.logics_offset,
            append.msg_num,
            transaction_value(stored.sys_flag) in {0, TRANSACTION_COMMIT_TYPE},
        )

    def put_messages(self, inner: MessageExtBrokerInner, now: Millis) -> PutMessageResult:
        """Append a batch, all of it or nothing (STORE-LOG-11, STORE-LOG-12).

        Raises `AppendRefused` where Java throws.
        """
        if inner.sys_flag & TRANSACTION_ROLLBACK_TYPE:
            return _ILLEGAL
        level = inner.properties.get(PROPERTY_DELAY_TIME_LEVEL)
        if level is not None and delayed(inner, self.delay_levels, self.release) is not inner:
            return _ILLEGAL
        inner = with_address_flags(inner)
        entries = batch_entries(inner, self.release, self._max_message_size)
        if batch_exceeds_file(inner, entries, self.release, self.file_size):
            return _BATCH_EXCEEDS
        try:
            result = self._append_batch(inner, entries, now)
            if result.status is AppendMessageStatus.END_OF_FILE:
                result = self._append_batch(inner, entries, now)
        except DiskError as error:
            return (
                _CREATE_FAILED
                if error.operation == "create"
                else PutMessageResult(PutMessageStatus.UNKNOWN_ERROR)
            )
        return PutMessageResult(PutMessageStatus.PUT_OK, result)

    def _append_batch(
        self, inner: MessageExtBrokerInner, entries: list[BatchEntry], now: Millis
    ) -> AppendMessageResult:
        mapped_file, table = self._writable_file(), self.topic_queue_table
        result = do_append_batch(mapped_file, inner, entries, table, now, self.release)
        self._hold_while_stalled(mapped_file, now)
        return result

    def _writable_file(self) -> MappedFile:
        """Return the file that takes the next append; a new one may borrow from the pool.

        STORE-FLUSH-9: `DiskError` where a broker that fails fast has no buffer for a new one.
        """
        queue = self.mapped_file_queue
        if queue.mapped_files:
            last = queue.mapped_files[-1]
            if last.wrote_position < last.file_size:
                return last
        if self._fast_fail and self.pool is not None and self.pool.available_buffer_nums == 0:
            raise DiskError("create", COMMIT_LOG_DIRECTORY, "the pool has no buffer")
        mapped_file = queue.roll()
        if self.pool is not None:
            mapped_file.write_buffer = self.pool.borrow_buffer()
            self.pool.reserve_buffer()
        return mapped_file

    # --- the view of what derives from the log

    @property
    def file_size(self) -> int:
        """Bytes of one mapped file."""
        return self.mapped_file_queue.file_size

    def min_offset(self) -> int:
        """First offset that is there; -1 for no file."""
        return self.mapped_file_queue.min_offset

    def max_offset(self) -> int:
        """First offset that cannot be read yet."""
        return self.mapped_file_queue.max_offset

    def confirm_offset(self) -> int:
        """STORE-FLUSH-2: what may be shown; with SYNC_FLUSH only what is durable (fault B16)."""
        return (
            self.mapped_file_queue.flushed_where
            if self.sync_flush
            else self.mapped_file_queue.max_offset
        )

    def get_message(self, physical_offset: int, size: int) -> bytes | None:
        """`size` bytes of one file; None where they are not all readable."""
        queue = self.mapped_file_queue
        mapped_file = queue.find_mapped_file_by_offset(physical_offset)
        if mapped_file is None:
            return None
        return mapped_file.select(physical_offset % queue.file_size, size)

    def get_data(self, physical_offset: int, limit: int) -> bytes | None:
        """Readable bytes from there to the end of the file, at most `limit`; None for none."""
        queue = self.mapped_file_queue
        mapped_file = queue.find_mapped_file_by_offset(physical_offset, physical_offset == 0)
        if mapped_file is None:
            return None
        position = physical_offset % queue.file_size
        length = min(mapped_file.read_position - position, limit)
        return mapped_file.select(position, length) if length > 0 else None

    def roll_next_file(self, physical_offset: int) -> int:
        """First offset of the next file."""
        return physical_offset + self.file_size - physical_offset % self.file_size

    def pickup_store_timestamp(self, physical_offset: int, size: int) -> int:
        """Store time of the record there, in milliseconds; -1 where it is gone or not there yet."""
        if physical_offset < self.min_offset():
            return -1
        record = self.get_message(physical_offset, size)
        if record is None:
            return -1
        sys_flag = int.from_bytes(record[SYS_FLAG_POSITION : SYS_FLAG_POSITION + 4], "big")
        at = store_timestamp_position(sys_flag)
        return int.from_bytes(record[at : at + 8], "big", signed=True)

    # --- queue offsets

    def remove_queue_from_topic_queue_table(self, topic: str, queue_id: int) -> None:
        """Forget the offset of a queue whose consume queue was removed: it begins at 0 again."""
        self.topic_queue_table.pop((topic, queue_id), None)

    # --- durability

    def commit(self, least_pages: int) -> bool:
        """Move the pool's bytes of one file to the page cache; True where nothing moved.

        STORE-FLUSH-10: a file that is copied to its end gives its buffer back.
        """
        nothing_moved, finished = self.mapped_file_queue.commit(least_pages)
        if finished is not None:
            self._give_back(finished)
        return nothing_moved

    def _give_back(self, mapped_file: MappedFile) -> None:
        if mapped_file.write_buffer is not None:
            assert self.pool is not None
            self.pool.return_buffer(mapped_file.write_buffer)
            mapped_file.write_buffer = None

    def delete_expired_files(
        self, expired_time: int, now: Millis, *, clean_immediately: bool
    ) -> int:
        """Delete from the oldest file on (`MappedFileQueue.delete_expired_files_by_time`).

        STORE-FLUSH-10: a file that goes before it is committed gives its buffer back as well.
        """
        queue = self.mapped_file_queue
        files = queue.mapped_files
        deleted = queue.delete_expired_files_by_time(
            expired_time, now, clean_immediately=clean_immediately
        )
        for mapped_file in files[:deleted]:
            self._give_back(mapped_file)
        return deleted

    def _hold_while_stalled(self, mapped_file: MappedFile, now: Millis) -> None:
        """STORE-LOG-2: an append whose write hangs keeps the lock until the write is over.

        Java lets others wait for the lock; here they append behind it until it is held too long.
        """
        if mapped_file.write_buffer is not None:
            return  # a buffer of the pool never hangs
        until = mapped_file.disk.stalled_until(mapped_file.path)
        if until > now:
            if self.lock_time_millis(now) == 0:
                self.begin_time_in_lock = now
            self._stalled_until = until

    def lock_time_millis(self, now: Millis) -> int:
        """How long the append that is under way has held the lock; 0 for none."""
        if 0 < self._stalled_until <= now:  # it is over
            self.begin_time_in_lock = self._stalled_until = Millis(0)
        return max(0, now - self.begin_time_in_lock) if self.begin_time_in_lock > 0 else 0
