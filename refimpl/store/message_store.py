"""The message store: one object that holds the log, all that derives from it, and their actors.

Requirements  spec/store; the order of start and end is STORE-RECOVERY-5, STORE-FILES-7..9
Java          store/DefaultMessageStore (4.6.1, 4.9.7, 5.5.0)

Contains no rules of its own: it routes puts to the log, reads to the reader, and steps to the
actors. The owner drains `poll`, performs the forces and reports them with `forced`.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Final

from refimpl.model.config import Config
from refimpl.model.disk import Disk, DiskError
from refimpl.model.ids import (
    Actor,
    Address,
    ForceToken,
    Millis,
    PhysicalOffset,
    Topic,
)
from refimpl.model.java import parse_boolean
from refimpl.model.java_double import double_to_string
from refimpl.model.message import MessageExtBrokerInner
from refimpl.model.message_property import PROPERTY_WAIT_STORE_MSG_OK
from refimpl.model.release import Release
from refimpl.model.status import PutMessageStatus
from refimpl.model.trace import Recovered, RemoveFirst, Tracer
from refimpl.store.append_message import PutMessageResult, put_refusal
from refimpl.store.commit_log import CommitLog
from refimpl.store.consume_queue_table import ConsumeQueueTable
from refimpl.store.errors import StoreDamaged, StoreLoadRefused, StoreLocked
from refimpl.store.flush_manager import FlushManager
from refimpl.store.index_service import IndexService
from refimpl.store.log_end import last_record_end, queue_ends
from refimpl.store.message_reader import MessageReader
from refimpl.store.recovery import Growth, deliver_at, recover_abnormally, recover_normally
from refimpl.store.reput import ReputMessageService
from refimpl.store.retention import CleanService
from refimpl.store.running_flags import RunningFlags
from refimpl.store.store_checkpoint import CHECKPOINT_PATH, StoreCheckpoint
from refimpl.store.store_event import StoreEvent, StoreStopped
from refimpl.store.store_reads import StoreReads
from refimpl.store.store_stats import StoreStatsService

ABORT_PATH: Final = "abort"
LOCK_PATH: Final = "lock"
PHYSICAL_MEMORY: Final = 8 << 30  # bytes, where the owner does not know better

FLUSH_COMMIT_LOG: Final = Actor("store.flush_commit_log")
COMMIT_COMMIT_LOG: Final = Actor("store.commit_commit_log")
FLUSH_DISK_WATCHER: Final = Actor("store.flush_disk_watcher")
FLUSH_CONSUME_QUEUE: Final = Actor("store.flush_consume_queue")
REPUT: Final = Actor("store.reput")
STORE_STATS: Final = Actor("store.stats")
CLEAN_FILES: Final = Actor("store.clean_files")
CHECK_DISK: Final = Actor("store.check_disk")
SHUTDOWN_WATCHER: Final = Actor("store.shutdown_watcher")

_SAMPLE_INTERVAL: Final = 1000  # milliseconds
_FIRST_CLEAN: Final = 60_000
_CHECK_DISK_INTERVAL: Final = 10_000
SHUTDOWN_PATIENCE: Final = 300_000  # milliseconds: FlushRealTimeService#getJointime
_BUSY_AT_MOST: Final = 10_000_000  # milliseconds: a longer time in the lock is no measurement
_WRITE_BITS: Final = 0x7E  # any of these flags: not writable
_ONLY_SHORT_TOPICS: Final = 42  # characters that cannot take more than 127 bytes
_ONLY_SHORT_PROPERTIES: Final = 32767 // 2  # characters, of at most two UTF-16 units

_NOT_AVAILABLE = PutMessageResult(PutMessageStatus.SERVICE_NOT_AVAILABLE)


class MessageStore(StoreReads):
    """One store on one disk."""

    __slots__ = (
        "_due",
        "_events",
        "_is_slave",
        "_last_exit_ok",
        "_physical_memory",
        "_steps",
        "_stopping",
        "_sync_master",
        "_tracer",
        "checkpoint",
        "clean_service",
        "config",
        "disk",
        "flush_manager",
        "index_service",
        "release",
        "store_host",
        "store_stats",
    )

    def __init__(
        self,
        disk: Disk,
        config: Config,
        release: Release,
        store_host: Address,
        *,
        physical_memory: int = PHYSICAL_MEMORY,
        tracer: Tracer | None = None,
    ) -> None:
        self._tracer = tracer
        self.disk = disk
        self.config = config
        self.release = release
        self.store_host = store_host
        self._physical_memory = physical_memory
        self._events: list[StoreEvent] = []
        self._due: dict[Actor, Millis] = {}
        self.shut_down = True
        self._stopping = False
        self._last_exit_ok = True
        self.recovered_to = 0
        self.running_flags = RunningFlags()
        self.commit_log = CommitLog(disk, config, release)
        self.queues = ConsumeQueueTable(
            disk,
            mapped_file_size=config.integer("mappedFileSizeConsumeQueue"),
            log=self.commit_log,
            release=release,
        )
        self.index_service = IndexService(
            disk,
            hash_slot_num=config.integer("maxHashSlotNum"),
            index_num=config.integer("maxIndexNum"),
            release=release,
        )
        self.checkpoint = StoreCheckpoint(disk, release)
        self.flush_manager = FlushManager(
            log=self.commit_log,
            queues=self.queues,
            index=self.index_service,
            checkpoint=self.checkpoint,
            events=self._events,
            config=config,
            release=release,
            tracer=tracer,
        )
        self.reput = ReputMessageService(
            log=self.commit_log,
            queues=self.queues,
            index=self.index_service,
            flags=self.running_flags,
            checkpoint=self.checkpoint,
            deliver_at=deliver_at(self.commit_log.delay_levels),
            config=config,
            release=release,
            tracer=tracer,
        )
        self.clean_service = self._new_clean_service()
        self.store_stats = StoreStatsService(release, Millis(0))
        self.reader = self._new_reader()
        self._steps = self._actor_steps()
        self._take_role(config)

    def _actor_steps(self) -> dict[Actor, Callable[[Millis], Millis | None]]:
        """STORE-FLUSH-9: the committer is there with a pool only."""
        committer = {} if self.commit_log.pool is None else {COMMIT_COMMIT_LOG: self._step_commit}
        return {
            **committer,
            FLUSH_COMMIT_LOG: self.flush_manager.step_flush,
            FLUSH_DISK_WATCHER: self.flush_manager.step_expire,
            FLUSH_CONSUME_QUEUE: self.flush_manager.step_consume_queue,
            REPUT: self.reput.step,
            STORE_STATS: self._step_stats,
            CLEAN_FILES: self._step_clean,
            CHECK_DISK: self._step_check_disk,
            SHUTDOWN_WATCHER: self._step_shutdown,
        }

    def _new_clean_service(self) -> CleanService:
        return CleanService(
            disk=self.disk,
            log=self.commit_log,
            queues=self.queues,
            index=self.index_service,
            flags=self.running_flags,
            config=self.config,
            release=self.release,
        )

    def _new_reader(self) -> MessageReader:
        return MessageReader(
            log=self.commit_log,
            queues=self.queues,
            index=self.index_service,
            stats=self.store_stats,
            config=self.config,
            release=self.release,
            physical_memory=self._physical_memory,
        )

    def _take_role(self, config: Config) -> None:
        role = config.text("brokerRole")
        self._is_slave = role == "SLAVE"
        self._sync_master = role == "SYNC_MASTER" and self.release.sync_master_needs_slave

    def update_config(self, config: Config) -> None:
        """Obey what may change while running; sizes of files keep their value until a restart."""
        self.config = config
        self._take_role(config)
        self.clean_service.update_config(config)
        for part in (self.commit_log, self.flush_manager, self.reput, self.reader):
            part.update_config(config)

    # --- life

    def load(self, now: Millis) -> None:
        """Open what the disk holds and recover it; raises `StartRefused` and gives the lock back.

        STORE-FILES-7: the lock comes first, so that nobody recovers a store that is in use.
        """
        if not self.disk.lock(LOCK_PATH):
            raise StoreLocked(LOCK_PATH)
        try:
            self._load(now)
        except DiskError as error:
            self.disk.unlock(LOCK_PATH)
            raise StoreDamaged(error.path, error.reason) from error
        except StoreLoadRefused:
            self.disk.unlock(LOCK_PATH)
            raise

    def _load(self, now: Millis) -> None:
        """STORE-RECOVERY-5: log, queues, checkpoint, index; then recovery, then queue offsets."""
        last_exit_ok = self._last_exit_ok = not self.disk.exists(ABORT_PATH)
        log, queues, checkpoint = self.commit_log, self.queues, self.checkpoint
        self.store_stats = StoreStatsService(self.release, now)
        self.reader = self._new_reader()
        log.mapped_file_queue.load(after_crash=not last_exit_ok)
        queues.load(after_crash=not last_exit_ok)
        checkpoint.load()
        self.index_service.load(
            last_exit_ok=last_exit_ok, index_msg_timestamp=checkpoint.index_msg_timestamp
        )
        queues.recover()
        check_crc = self.config.boolean("checkCRCOnRecover")
        if last_exit_ok:
            recover_normally(log, check_crc=check_crc)
            found = None
        else:
            index_safe = self.config.boolean("messageIndexEnable") and self.config.boolean(
                "messageIndexSafe"
            )
            found = recover_abnormally(
                log, self.checkpoint, check_crc=check_crc, index_safe=index_safe
            )
            queues.forget_from(found.start, found.first_offsets, found.begins)
            checkpoint.queues_forget_from(found.start, index_safe=index_safe)
        if not log.mapped_file_queue.mapped_files:
            queues.destroy()
        elif queues.max_physic_offset() > log.max_offset():
            queues.truncate_dirty_logic_files(log.max_offset())
        if self._tracer is not None and found is not None:
            for end in queue_ends(queues):
                self._tracer(end)
        self.reput.begin_at(None if found is None else found.start)
        self._recover_topic_queue_table({} if found is None else found.growths)

    def _recover_topic_queue_table(self, read: Mapping[tuple[str, int], Growth]) -> None:
        """Offsets go on behind what the queues have, and behind what is read and not shown yet."""
        log = self.commit_log
        table = self.queues.recover_topic_queue_table(log.min_offset())
        for key, growth in read.items():
            table[key] = growth.of(table.get(key, 0))
        log.topic_queue_table = table

    def start(self, now: Millis) -> None:
        """Dispatch what the queues miss, then begin to serve (STORE-RECOVERY-5, STORE-FILES-8).

        Raises `StartRefused` and gives the lock back where the disk refuses.
        """
        try:
            self._start(now)
        except DiskError as error:
            self.disk.unlock(LOCK_PATH)
            raise StoreDamaged(error.path, error.reason) from error

    def _start(self, now: Millis) -> None:
        if not self.disk.exists(ABORT_PATH):
            self.disk.create(ABORT_PATH, 0)
            self.disk.sync_directory("")
        self.reput.start(now)
        self._dispatch_all(now)
        self.reput.take_arrived()  # nobody waits yet
        table = self.commit_log.topic_queue_table
        self._recover_topic_queue_table({key: Growth(least=n) for key, n in table.items()})
        self.flush_manager.recovered()
        self.recovered_to = self.commit_log.max_offset()
        due = self._due
        due[FLUSH_COMMIT_LOG] = now
        due[FLUSH_CONSUME_QUEUE] = Millis(now + self.config.integer("flushIntervalConsumeQueue"))
        due[STORE_STATS] = Millis(now + _SAMPLE_INTERVAL)
        due[CLEAN_FILES] = Millis(now + _FIRST_CLEAN)
        if self.release.checks_disk_every_ten_seconds:
            due[CHECK_DISK] = Millis(now + _SAMPLE_INTERVAL)
        if self.commit_log.pool is not None:
            due[COMMIT_COMMIT_LOG] = now
        self.shut_down = False
        if self._tracer is not None:
            self._tracer(
                Recovered(
                    self._last_exit_ok,
                    PhysicalOffset(self.commit_log.min_offset()),
                    PhysicalOffset(self.commit_log.max_offset()),
                    PhysicalOffset(self.commit_log.mapped_file_queue.flushed_where),
                    last_record_end(self.commit_log),
                    PhysicalOffset(self.reput.reput_from_offset),
                )
            )

    def catch_up(self, now: Millis) -> bool:
        """Show what recovery found; False while some of that waits for its force.

        STORE-RECOVERY-5: under SYNC_FLUSH the forces of STORE-RECOVERY-7 come first.
        """
        if self.flush_manager.owes_recovered:
            return False
        self._dispatch_all(now)
        return True

    def _dispatch_all(self, now: Millis) -> None:
        begun = -1
        while begun < self.reput.reput_from_offset:
            begun = self.reput.reput_from_offset
            self.reput.step(now)

    def shutdown(self, now: Millis) -> None:
        """Begin the orderly end; `StoreStopped` follows at once or after the last force.

        STORE-FILES-9: what is written is dispatched and forced before the `abort` file goes.
        STORE-FLUSH-14: `SHUTDOWN_WATCHER` gives up where a force does not end.
        """
        if self.shut_down:
            return
        self.shut_down = True
        self._stopping = True
        self._due.clear()
        self._due[SHUTDOWN_WATCHER] = Millis(now + SHUTDOWN_PATIENCE)
        while self.flush_manager.commit_log(0):
            pass
        self._dispatch_all(now)
        self._continue_shutdown(now)

    def _continue_shutdown(self, now: Millis) -> None:
        """Drain further; what became durable under SYNC_FLUSH is dispatched on the way."""
        self.reput.step(now)
        if not self.flush_manager.drain(now):
            return
        self._stopping = False
        del self._due[SHUTDOWN_WATCHER]
        clean = (
            not self.flush_manager.drain_failed
            and self.running_flags.is_writeable
            and self.reput.behind() == 0
        )
        if clean:
            self.disk.unlink(ABORT_PATH)
            self.disk.sync_directory("")
        self.disk.unlock(LOCK_PATH)
        self._events.append(StoreStopped(clean))

    def destroy(self) -> None:
        """Remove every file of the store."""
        self.queues.destroy()
        self.commit_log.mapped_file_queue.destroy()
        self.index_service.destroy()
        for path in (ABORT_PATH, CHECKPOINT_PATH):
            if self.disk.exists(path):
                self.disk.unlink(path)

    # --- puts

    def put_message(
        self, inner: MessageExtBrokerInner, now: Millis, *, waits_for_flush: bool = False
    ) -> PutMessageResult:
        """Store one message. Raises `InvalidInput` for a delay level that is no number.

        STORE-LOG-2: the state of the store is asked first, then the message. `waits_for_flush`:
        SYNC_FLUSH counts whatever the property WAIT says.
        """
        if self.shut_down or self._is_slave or self.running_flags.flag_bits & _WRITE_BITS:
            return self._failed(_NOT_AVAILABLE)
        if (
            self.commit_log.begin_time_in_lock
            or len(inner.topic) > _ONLY_SHORT_TOPICS
            or len(inner.properties_string) > _ONLY_SHORT_PROPERTIES
            or self.release.knows_inner_batch
        ):
            status = self._refusal(inner, now)
            if status is not None:
                return self._failed(PutMessageResult(status))
        result = self.commit_log.put_message(inner, now)
        return self._stored(inner, result, now, waits_for_flush=waits_for_flush)

    def put_messages(self, inner: MessageExtBrokerInner, now: Millis) -> PutMessageResult:
        """Store a batch, whole or not at all. Raises `AppendRefused` where Java throws."""
        if self.shut_down or self._is_slave or not self.running_flags.is_writeable:
            return self._failed(_NOT_AVAILABLE)
        status = self._refusal(inner, now)
        if status is not None:
            return self._failed(PutMessageResult(status))
        return self._stored(inner, self.commit_log.put_messages(inner, now), now)

    def _refusal(self, inner: MessageExtBrokerInner, now: Millis) -> PutMessageStatus | None:
        return put_refusal(
            inner,
            self.release,
            busy=self.is_os_page_cache_busy(now),
            max_message_size=self.config.integer("maxMessageSize"),
        )

    def _failed(self, result: PutMessageResult) -> PutMessageResult:
        self.store_stats.put_message_failed_times += 1
        return result

    def _stored(
        self,
        inner: MessageExtBrokerInner,
        result: PutMessageResult,
        now: Millis,
        *,
        waits_for_flush: bool = False,
    ) -> PutMessageResult:
        """Count, wake who has work, and let the producer wait where it asked for durability."""
        if self._tracer is not None:
            self._tracer(self.commit_log.put_event(inner, result))
        append = result.append
        if result.status is not PutMessageStatus.PUT_OK or append is None:
            return self._failed(result)
        self.store_stats.put(inner.topic, append.msg_num, append.wrote_bytes, 0)
        due, flush = self._due, self.flush_manager
        end = append.wrote_offset + append.wrote_bytes
        if not flush.sync_flush:
            due[REPUT] = now
            if flush.wants_flush_now(end):
                due[FLUSH_COMMIT_LOG] = now
            if not self._sync_master:
                return result
        text = inner.properties.get(PROPERTY_WAIT_STORE_MSG_OK)
        waits = text is None or parse_boolean(text)
        status = PutMessageStatus.SLAVE_NOT_AVAILABLE if self._sync_master and waits else None
        if not flush.sync_flush:
            return result if status is None else PutMessageResult(status, append)
        due[FLUSH_COMMIT_LOG] = now
        if not (waits or waits_for_flush):
            return result
        ticket = flush.put_request(end, now)
        if status is not None:
            flush.replica_status[ticket] = status
        deadline = flush.next_deadline()
        assert deadline is not None, "the ticket waits"
        due[FLUSH_DISK_WATCHER] = deadline
        return PutMessageResult(PutMessageStatus.PUT_OK, append, ticket)

    def is_os_page_cache_busy(self, now: Millis) -> bool:
        """STORE-LOG-2: true while an append holds the lock for too long."""
        held = self.commit_log.lock_time_millis(now)
        if held == 0:
            return False
        return self.config.integer("osPageCacheBusyTimeOutMills") < held < _BUSY_AT_MOST

    def is_transient_store_pool_deficient(self) -> bool:
        """BROKER-LIFECYCLE-3: true where there is a pool and no buffer is left in it."""
        pool = self.commit_log.pool
        return pool is not None and pool.remaining_buffer_nums == 0

    # --- actors, events

    def actors(self) -> Mapping[Actor, Millis]:
        """Every actor that has something to do, with the time at which it wants to."""
        return self._due

    def next_timer(self) -> Millis | None:
        """When the first of them is due."""
        return min(self._due.values(), default=None)

    def step(self, actor: Actor, now: Millis) -> None:
        """One step, due or not; an actor that is not there does nothing."""
        step = self._steps.get(actor)
        if step is None or (self.shut_down and actor not in self._due):
            return
        self._set_due(actor, step(now))

    def _set_due(self, actor: Actor, due: Millis | None) -> None:
        if due is None:
            self._due.pop(actor, None)
        else:
            self._due[actor] = due

    def _step_commit(self, now: Millis) -> Millis:
        due, moved = self.flush_manager.step_commit(now)
        if moved:
            self._due[REPUT] = now
        return due

    def _step_stats(self, now: Millis) -> Millis:
        self.store_stats.sample(now)
        return Millis(now + _SAMPLE_INTERVAL)

    def _step_shutdown(self, now: Millis) -> Millis | None:
        """STORE-FLUSH-14: what is not forced by now is not waited for; the next start recovers."""
        due = self._due.get(SHUTDOWN_WATCHER)
        if due is None or now < due:
            return due
        self.flush_manager.drain_failed = True
        self._continue_shutdown(now)
        return None

    def _step_clean(self, now: Millis) -> Millis:
        begin = self.commit_log.min_offset()
        self.clean_service.run(now)
        if self._tracer is not None and begin != self.commit_log.min_offset():
            self._tracer(RemoveFirst(PhysicalOffset(self.commit_log.min_offset())))
        return Millis(now + max(1, self.config.integer("cleanResourceInterval")))

    def _step_check_disk(self, now: Millis) -> Millis:
        self.clean_service.check_disk_space()
        return Millis(now + _CHECK_DISK_INTERVAL)

    def forced(self, token: ForceToken, *, failed: bool, now: Millis) -> None:
        """Take note that a force ended (STORE-FLUSH-1)."""
        flush = self.flush_manager
        again = flush.forced(token, failed=failed, now=now)
        if self._stopping:
            self._continue_shutdown(now)
        elif not self.shut_down:
            if again is not None:
                self._due[FLUSH_COMMIT_LOG] = again
            if flush.sync_flush:
                self._set_due(FLUSH_DISK_WATCHER, flush.next_deadline())
                if self.reput.behind() > 0:
                    self._due[REPUT] = now

    def poll(self) -> list[StoreEvent]:
        """Drain what the store asks and tells, in order; messages that arrived come last."""
        events = self._events.copy()
        self._events.clear()
        events += self.reput.take_arrived()
        return events

    # --- administration

    def runtime_info(self, now: Millis) -> dict[str, str]:
        """STORE-FILES-10: counters, disk ratios and ends of the log, in Java's names."""
        info = self.store_stats.runtime_info(now)
        ratio = double_to_string(self.disk.used_ratio())
        if self.release.disk_ratio_by_path:
            info[f"commitLogDiskRatio_{self.config.text('storePathCommitLog')}"] = ratio
        info["commitLogDiskRatio"] = ratio
        info["consumeQueueDiskRatio"] = ratio
        info["commitLogMinOffset"] = str(self.commit_log.min_offset())
        info["commitLogMaxOffset"] = str(self.commit_log.max_offset())
        return info

    def lock_time_millis(self, now: Millis) -> int:
        """How long the append under way has held the lock (pageCacheLockTimeMills)."""
        return self.commit_log.lock_time_millis(now)

    def execute_delete_files_manually(self) -> None:
        """Let the next rounds of the clean-up look for expired files at any hour."""
        self.clean_service.execute_delete_files_manually()

    def clean_unused_topic(self, retain: Collection[Topic]) -> int:
        """Destroy the queues of topics that nobody retains; how many topics."""
        return self.clean_service.clean_unused_topic(retain)

    def delete_topics(self, topics: Collection[Topic]) -> int:
        """Destroy the queues of `topics`; how many had any."""
        return self.clean_service.delete_topics(topics)

    def clean_expired_consume_queue(self) -> int:
        """Destroy queues of which no record is left; how many."""
        return self.clean_service.clean_expired_consume_queue()
