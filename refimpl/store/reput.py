"""Reput: read the log behind its writers and tell the queues, the index and the readers.

Requirements  STORE-CQ-1, STORE-CQ-2, STORE-CQ-13..18 in spec/store/consume_queue.md
Java          DefaultMessageStore$ReputMessageService, CommitLogDispatcherBuildConsumeQueue,
              CommitLogDispatcherBuildIndex (4.6.1, 4.9.7, 5.5.0)

An actor: one `step` dispatches a bounded part of the log. The units and entries of a step are
written at its end, and only then does anybody hear of its messages.
"""

from collections.abc import Callable
from typing import Final

from refimpl.model.config import Config
from refimpl.model.disk import DiskError
from refimpl.model.ids import Millis, PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.message_codec import DispatchRequest, check_record
from refimpl.model.release import Release
from refimpl.model.sys_flag import TRANSACTION_COMMIT_TYPE, TRANSACTION_ROLLBACK_TYPE
from refimpl.model.trace import Dispatch, RefuseDispatch, Sync, Tracer
from refimpl.store.commit_log_view import CommitLogView
from refimpl.store.consume_queue import ConsumeQueue
from refimpl.store.consume_queue_table import ConsumeQueueTable
from refimpl.store.index_service import IndexService
from refimpl.store.log_records import CHUNK, records
from refimpl.store.message_arriving import MessageArrived
from refimpl.store.running_flags import RunningFlags
from refimpl.store.store_checkpoint import StoreCheckpoint

_BATCH: Final = 512 * 1024  # bytes of the log in one step
_TRANSACTION_MASK: Final = TRANSACTION_ROLLBACK_TYPE
_QUEUE_ATTEMPTS: Final = 30  # ConsumeQueue#putMessagePositionInfoWrapper
_RETRY_AFTER: Final = 1000  # milliseconds

DeliverAt = Callable[[int, int], int]


class ReputMessageService:
    """Dispatches what lies between `reput_from_offset` and the log's confirmed end."""

    __slots__ = (
        "_arrived",
        "_attempts",
        "_builds_index",
        "_checkpoint",
        "_deliver_at",
        "_dirty",
        "_flags",
        "_index",
        "_index_dirty",
        "_is_slave",
        "_log",
        "_master",
        "_notifies",
        "_queues",
        "_release",
        "_synced_to",
        "_tracer",
        "_waiting",
        "reput_from_offset",
    )

    def __init__(
        self,
        *,
        log: CommitLogView,
        queues: ConsumeQueueTable,
        index: IndexService,
        flags: RunningFlags,
        checkpoint: StoreCheckpoint,
        deliver_at: DeliverAt,
        config: Config,
        release: Release,
        tracer: Tracer | None = None,
    ) -> None:
        self._tracer = tracer
        self.reput_from_offset = 0
        self._synced_to = 0  # reput_from_offset at the last `sync`
        self._log = log
        self._queues = queues
        self._index = index
        self._flags = flags
        self._checkpoint = checkpoint
        self._deliver_at = deliver_at
        self._release = release
        self._dirty: dict[ConsumeQueue, None] = {}
        self._index_dirty = False
        self._waiting: list[MessageArrived] = []  # dispatched in this step, not written yet
        self._arrived: list[MessageArrived] = []  # for `take_arrived`
        self._attempts = 0
        self._is_slave = self._notifies = self._master = self._builds_index = False
        self.update_config(config)

    def update_config(self, config: Config) -> None:
        """Obey what a running broker may change: longPollingEnable, messageIndexEnable."""
        self._is_slave = config.text("brokerRole") == "SLAVE"
        self._master = not self._is_slave
        self._notifies = self._master and config.boolean("longPollingEnable")
        self._builds_index = config.boolean("messageIndexEnable") and (
            not config.knows("indexFileWriteEnable") or config.boolean("indexFileWriteEnable")
        )

    # --- the actor

    def begin_at(self, offset: int | None) -> None:
        """STORE-CQ-14: begin where the queues end, or after a crash where all of them do.

        After an orderly end every queue is complete, so the newest record of any is the place.
        """
        end = self._queues.max_physic_offset() if offset is None else offset
        self.reput_from_offset = max(end, self._log.min_offset(), 0)
        self._synced_to = self.reput_from_offset

    def start(self, now: Millis) -> None:
        """STORE-INDEX-11: before anything is dispatched, build the index again up to here."""
        if self._index.rebuild_from is not None:
            self._index.forget_from(self._log.max_offset())
            self._rebuild_index(self._index.rebuild_from, now)

    def behind(self) -> int:
        """Bytes of the log that are confirmed and not dispatched (dispatchBehindBytes)."""
        return self._log.confirm_offset() - self.reput_from_offset

    def step(self, now: Millis) -> Millis | None:
        """Dispatch up to a batch; when to come again, or None when there is nothing to do.

        STORE-CQ-18: no further than the log is confirmed.
        STORE-CQ-15: where the disk refuses, the step ends before the message that was refused
        and is tried again; nothing is skipped.
        """
        log = self._log
        self.reput_from_offset = max(self.reput_from_offset, log.min_offset())
        end = log.confirm_offset()
        begun = self.reput_from_offset
        try:
            while self.reput_from_offset < end and self.reput_from_offset - begun < _BATCH:
                offset = self.reput_from_offset
                data = log.get_data(offset, min(CHUNK, end - offset))
                if data is None or not self._dispatch_data(data, end, now):
                    break
            self.sync()
        except DiskError:
            self._attempts += 1
            if self._attempts >= _QUEUE_ATTEMPTS:
                self._flags.make_logics_queue_error()
            if self._tracer is not None:
                self._tracer(RefuseDispatch(PhysicalOffset(self.reput_from_offset), self._attempts))
            return Millis(now + _RETRY_AFTER)
        self._attempts = 0
        if self.reput_from_offset < end and self.reput_from_offset > begun:
            return now
        return None

    def take_arrived(self) -> list[MessageArrived]:
        """Messages that became visible since the last call, in the order of the log."""
        arrived = self._arrived
        self._arrived = []
        return arrived

    def counts(self) -> tuple[int, int, int]:
        """Messages dispatched and not told yet, those told and not taken, refusals in a row."""
        return len(self._waiting), len(self._arrived), self._attempts

    # --- dispatch

    def dispatch(self, request: DispatchRequest, now: Millis) -> None:
        """Tell the queue, then the index; recovery calls this too. Raises `DiskError`.

        STORE-CQ-1: a prepared or rolled back transaction has no unit.
        """
        if request.sys_flag & _TRANSACTION_MASK in {0, TRANSACTION_COMMIT_TYPE}:
            queue = self._queues.find_or_create(request.topic, request.queue_id)
            queue.put_message_position_info(
                request.commit_log_offset,
                request.msg_size,
                request.tags_code,
                request.consume_queue_offset,
            )
            self._dirty[queue] = None
            self._checkpoint.tmp_logics_msg_timestamp = request.store_timestamp
            self._checkpoint.tmp_logics_physical_offset = request.commit_log_offset
            if self._is_slave:
                self._checkpoint.physic_msg_timestamp = request.store_timestamp
        if self._builds_index:
            self._build_index(request, now)
        if self._tracer is not None:
            self._tracer(
                Dispatch(
                    PhysicalOffset(request.commit_log_offset),
                    request.msg_size,
                    Topic(request.topic),
                    QueueId(request.queue_id),
                    QueueOffset(request.consume_queue_offset),
                )
            )

    def sync(self) -> None:
        """Write what dispatch gathered; then what was dispatched has arrived."""
        while self._dirty:
            queue = next(iter(self._dirty))
            queue.sync()
            del self._dirty[queue]
        if self._index_dirty:
            self._index.sync()
            self._index_dirty = False
        if self._waiting:
            self._arrived += self._waiting
            self._waiting.clear()
        if self._tracer is not None and self._synced_to != self.reput_from_offset:
            self._tracer(Sync(PhysicalOffset(self.reput_from_offset)))
        self._synced_to = self.reput_from_offset

    def _build_index(self, request: DispatchRequest, now: Millis) -> None:
        self._index.build_index(request, now)
        self._index_dirty = True

    def _dispatch_data(self, data: bytes, end: int, now: Millis) -> bool:
        """Dispatch the records of `data`, which begins at `reput_from_offset`.

        False to end the step: the next record is not confirmed as a whole.
        """
        position, length = 0, len(data)
        release, deliver_at = self._release, self._deliver_at
        while position < length:
            request = check_record(
                data, position, release=release, check_crc=False, deliver_at=deliver_at
            )
            size = request.msg_size
            if request.success:
                if size == 0:  # STORE-CQ-16: the blank end of a file
                    self.reput_from_offset = self._log.roll_next_file(self.reput_from_offset)
                    return True
                self.dispatch(request, now)
                if self._notifies:
                    self._waiting.append(
                        MessageArrived(
                            request.topic,
                            request.queue_id,
                            request.consume_queue_offset + 1,
                            request.tags_code,
                            request.store_timestamp,
                            None,
                            request.properties,
                        )
                    )
            elif size <= 0:
                return self._no_record(data, position, end, now)
            self.reput_from_offset += size
            position += size
        return True

    def _no_record(self, data: bytes, position: int, end: int, now: Millis) -> bool:
        """Decide what stands where no record could be read: half of one, or nothing.

        STORE-CQ-17: what cannot be a record is skipped to the end of what may be read.
        """
        whole = self._readable(end)
        if len(data) - position < whole:
            if position > 0:
                return True  # cut by our own read: read again from here
            needed = int.from_bytes(data[:4], "big", signed=True)
            if len(data) < needed <= whole:
                more = self._log.get_data(self.reput_from_offset, needed)
                assert more is not None
                return self._dispatch_data(more, end, now)
        if self.reput_from_offset + whole < self._readable_end(self._log.max_offset()):
            return False  # its other part is not confirmed yet
        if self._master:
            self.reput_from_offset += whole
            return True
        return False

    def _readable(self, end: int) -> int:
        """Bytes from `reput_from_offset` to `end` or to the end of its file."""
        return self._readable_end(end) - self.reput_from_offset

    def _readable_end(self, end: int) -> int:
        return min(end, self._log.roll_next_file(self.reput_from_offset))

    def _rebuild_index(self, rebuild_from: int, now: Millis) -> None:
        """STORE-INDEX-11: index again what a crash took, up to where dispatch goes on."""
        log, end = self._log, self.reput_from_offset
        files = self._index.index_files
        if not self._is_record(rebuild_from):
            rebuild_from = files[-1].end_phy_offset if files else 0
        offset = max(rebuild_from, log.min_offset(), 0)
        self._index.rebuilt()
        if self._builds_index:
            for request in records(log, offset, end, self._release):
                self._build_index(request, now)
            self._index.sync()

    def _is_record(self, offset: int) -> bool:
        found = next(records(self._log, offset, offset + 1, self._release), None)
        return found is not None and found.commit_log_offset == offset
