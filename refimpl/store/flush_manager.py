"""Everything that becomes durable: log, queues, index and checkpoint, and who waits for it.

Requirements  STORE-FLUSH-1..13 in spec/store/flush.md
Java          store/CommitLog$DefaultFlushManager (5.5.0), CommitLog#submitFlushRequest (4.9.7),
              DefaultMessageStore$FlushConsumeQueueService, index/IndexService#flush

Routes between the automata (`group_commit`, `flush_real_time`, `flush_consume_queue`), the files
and the owner of the store, who performs `ForceWanted`. At most one force of the log is under way.
"""

from typing import Final

from refimpl.model.config import Config
from refimpl.model.disk import DiskError
from refimpl.model.effect import Span
from refimpl.model.ids import (
    ForceToken,
    Millis,
    PhysicalOffset,
    QueueId,
    QueueOffset,
    Ticket,
    Topic,
)
from refimpl.model.release import Release
from refimpl.model.status import PutMessageStatus
from refimpl.model.trace import (
    Commit,
    CommitFailed,
    DropRequest,
    Flush,
    FlushConsumeQueue,
    Flushed,
    ForceFailed,
    ForceLog,
    PutRequest,
    StepCommit,
    StepFlush,
    SwapRequests,
    Tracer,
    WakeupCustomer,
)
from refimpl.store import flush_consume_queue as rounds
from refimpl.store import group_commit as commits
from refimpl.store.commit_log import CommitLog
from refimpl.store.consume_queue import CQ_STORE_UNIT_SIZE, ConsumeQueue
from refimpl.store.consume_queue_table import ConsumeQueueTable
from refimpl.store.flush_real_time import Rhythm, age, committed_some, least_pages
from refimpl.store.index_file import IndexFile
from refimpl.store.index_service import IndexService
from refimpl.store.mapped_file import OS_PAGE_SIZE
from refimpl.store.mapped_file_queue import FlushWanted
from refimpl.store.store_checkpoint import CHECKPOINT_PATH, StoreCheckpoint
from refimpl.store.store_event import ForceWanted, PutCompleted, StoreEvent

GROUP_COMMIT_INTERVAL: Final = 10  # milliseconds: GroupCommitService waits no longer than this
RETRY_AFTER: Final = 1  # milliseconds between two attempts to force


class FlushManager:
    """Durability of one store. Each `step_` is an actor; it returns when it wants to come again."""

    __slots__ = (
        "_checkpoint",
        "_checkpoint_token",
        "_commit_rhythm",
        "_config",
        "_events",
        "_flush_rhythm",
        "_forced_indexes",
        "_group_commit",
        "_index",
        "_log",
        "_log_force",
        "_next_ticket",
        "_next_token",
        "_queue_forces",
        "_queue_rhythm",
        "_queues",
        "_recovered_to",
        "_round",
        "_round_ends",
        "_traced_round",
        "_tracer",
        "_wakes_on_put",
        "_written_checkpoint",
        "drain_failed",
        "draining",
        "replica_status",
        "sync_flush",
    )

    def __init__(
        self,
        *,
        log: CommitLog,
        queues: ConsumeQueueTable,
        index: IndexService,
        checkpoint: StoreCheckpoint,
        events: list[StoreEvent],
        config: Config,
        release: Release,
        tracer: Tracer | None = None,
    ) -> None:
        self._tracer = tracer
        self._traced_round: Millis | None = None
        self._log = log
        self._queues = queues
        self._index = index
        self._checkpoint = checkpoint
        self._events = events
        self.sync_flush = log.sync_flush
        self._group_commit = commits.GroupCommit(
            release.flush_attempts_max, release.sees_last_flush
        )
        self._flush_rhythm = Rhythm()
        self._commit_rhythm = Rhythm()
        self._queue_rhythm = Rhythm()
        self._log_force: tuple[ForceToken, FlushWanted] | None = None
        self._recovered_to = 0
        self._round: rounds.Round | None = None
        self._round_ends: list[tuple[ConsumeQueue, int]] = []
        self._queue_forces: dict[ForceToken, tuple[ConsumeQueue, FlushWanted]] = {}
        self._forced_indexes: dict[ForceToken, IndexFile] = {}
        self._checkpoint_token: ForceToken | None = None
        self._written_checkpoint: tuple[int, int, int, int] | None = None
        self._next_token = 1
        self._next_ticket = 1
        self.replica_status: dict[Ticket, PutMessageStatus] = {}
        self.draining = False
        self.drain_failed = False
        self.update_config(config)

    def update_config(self, config: Config) -> None:
        """Obey intervals, page counts and time-outs of a running broker."""
        self._config = config
        self._wakes_on_put = not config.boolean("flushCommitLogTimed") and (
            not config.knows("wakeFlushWhenPutMessage") or config.boolean("wakeFlushWhenPutMessage")
        )

    def recovered(self) -> None:
        """Take the log's flushed position after load; what lies above it was only read."""
        where = self._log.mapped_file_queue.flushed_where
        self._recovered_to = self._log.mapped_file_queue.max_offset
        self._group_commit = commits.flushed(self._group_commit, where)

    @property
    def owes_recovered(self) -> bool:
        """True while a group commit has to force what recovery found (STORE-RECOVERY-7)."""
        return self.sync_flush and self._group_commit.flushed_where < self._recovered_to

    def state(self) -> tuple[object, ...]:
        """Everything that decides what comes, as a value; tokens are left out: they are names."""
        round_ = self._round
        return (
            self._group_commit,
            self._flush_rhythm,
            self._commit_rhythm,
            self._queue_rhythm,
            None if self._log_force is None else self._log_force[1],
            self._recovered_to,
            round_ and (round_.thorough, round_.failed, len(round_.pending)),
            round_ and (round_.logics_msg_timestamp, round_.logics_physical_offset),
            tuple(end for _, end in self._round_ends),
            tuple(wanted for _, wanted in self._queue_forces.values()),
            self._written_checkpoint,
            self._checkpoint_token is None,
            self.draining,
            self.drain_failed,
        )

    def under_way(self) -> tuple[int, int, int, int]:
        """Tell how far the force of the log reaches, 0 for none, and how many producers wait.

        Those are in the write list, in the read list, and without an answer.
        """
        s = self._group_commit
        where = 0 if self._log_force is None else self._log_force[1].where
        return where, len(s.requests_write), len(s.requests_read), len(s.unanswered)

    # --- puts

    def put_request(self, next_offset: int, now: Millis) -> Ticket:
        """Let a producer wait until everything below `next_offset` is durable (STORE-FLUSH-2)."""
        ticket = Ticket(self._next_ticket)
        self._next_ticket += 1
        deadline = Millis(now + self._config.integer("syncFlushTimeout"))
        request = commits.GroupCommitRequest(ticket, PhysicalOffset(next_offset), deadline)
        self._group_commit = commits.put_request(self._group_commit, request)
        if self._tracer is not None:
            self._tracer(PutRequest(ticket, request.next_offset))
        return ticket

    def wants_flush_now(self, wrote_position: int) -> bool:
        """STORE-FLUSH-8: does a put under ASYNC_FLUSH wake the flusher: when that finds work."""
        if not self._wakes_on_put or self._log_force is not None or self._log.pool is not None:
            return False
        pages = self._config.integer("flushCommitLogLeastPages")
        flushed = self._log.mapped_file_queue.flushed_where
        return wrote_position // OS_PAGE_SIZE - flushed // OS_PAGE_SIZE >= pages

    # --- the log

    def step_flush(self, now: Millis) -> Millis | None:
        """GroupCommitService or FlushRealTimeService: one round."""
        if self.sync_flush:
            return self._run_group_commit(now)
        config = self._config
        if self._log_force is None:
            pages = config.integer("flushCommitLogLeastPages")
            thorough = config.integer("flushCommitLogThoroughInterval")
            if self._tracer is not None:
                since = age(self._flush_rhythm, thorough, now)
                self._tracer(StepFlush(self._passed(now), since))
            self._flush_rhythm, pages = least_pages(self._flush_rhythm, pages, thorough, now)
            self._force_log(pages)
        return Millis(now + max(1, config.integer("flushIntervalCommitLog")))

    def step_commit(self, now: Millis) -> tuple[Millis, bool]:
        """CommitRealTimeService: one round; the flag says that bytes moved, so flush may follow."""
        config = self._config
        pages = config.integer("commitCommitLogLeastPages")
        thorough = config.integer("commitCommitLogThoroughInterval")
        if self._tracer is not None:
            since = age(self._commit_rhythm, thorough, now)
            self._tracer(StepCommit(self._passed(now), since))
        self._commit_rhythm, pages = least_pages(self._commit_rhythm, pages, thorough, now)
        moved = self.commit_log(pages)
        if moved:
            self._commit_rhythm = committed_some(self._commit_rhythm, now)
        return Millis(now + max(1, config.integer("commitIntervalCommitLog"))), moved

    def _passed(self, now: Millis) -> int:
        """Tell a tracer how long ago the last round was."""
        before, self._traced_round = self._traced_round, now
        return 0 if before is None else now - before

    def next_deadline(self) -> Millis | None:
        """When `step_expire` has an answer to give."""
        return commits.next_deadline(self._group_commit)

    def step_expire(self, now: Millis) -> Millis | None:
        """FlushDiskWatcher: answer everybody whose time is over (STORE-FLUSH-5)."""
        while True:
            self._group_commit, answer = commits.expire(self._group_commit, now)
            if answer is None:
                return self.next_deadline()
            self._complete(answer, expired=True)

    def _run_group_commit(self, now: Millis) -> Millis | None:
        """Drain requests until a force is under way or nobody waits.

        What recovery found is forced first, and no request pays for it with its attempts.
        """
        if self._log_force is None and self.owes_recovered:
            if self._force_log(0):
                return None
            # nothing is left to force where retention took it: then that is no debt any more
            where = self._log.mapped_file_queue.flushed_where
            self._group_commit = commits.flushed(self._group_commit, where)
            if where < self._recovered_to:
                return Millis(now + RETRY_AFTER)
        while self._log_force is None:
            state = self._group_commit
            if not state.requests_read:
                if not state.requests_write:
                    self._force_log(0)  # messages that nobody waits for
                    return None
                state = commits.swap_requests(state)
                if self._tracer is not None:
                    self._tracer(SwapRequests(len(state.requests_read)))
            self._group_commit, effect = commits.do_commit(state)
            if isinstance(effect, commits.WakeupCustomer):
                self._complete(effect, expired=False)
            elif effect is not None:
                wanted = self._force_log(0, asked=True)
                if self._tracer is not None:
                    head = self._group_commit.requests_read[0]
                    where = 0 if wanted is None else wanted.where
                    attempts = self._group_commit.attempts
                    self._tracer(Flush(head.ticket, attempts, PhysicalOffset(where)))
                if wanted is None:
                    return Millis(now + RETRY_AFTER)  # nothing to force yet
            elif self._tracer is not None:
                self._tracer(DropRequest(state.requests_read[0].ticket))
        return None

    def _complete(self, answer: commits.WakeupCustomer, *, expired: bool) -> None:
        """STORE-LOG-14: what the replica says wins over what the disk says."""
        ticket = answer.request.ticket
        if self._tracer is not None:
            durable = answer.status is PutMessageStatus.PUT_OK
            self._tracer(WakeupCustomer(ticket, durable, expired))
        status = self.replica_status.pop(ticket, answer.status)
        self._events.append(PutCompleted(ticket, status))

    def commit_log(self, pages: int) -> bool:
        """Move one file's bytes from the pool to the page cache; True where some moved."""
        moved = not self._log.commit(pages)
        if self._tracer is not None and self._log.pool is not None:
            queue = self._log.mapped_file_queue
            where = PhysicalOffset(queue.committed_where)
            if moved:
                self._tracer(Commit(where))
            elif queue.has_to_commit(pages):
                self._tracer(CommitFailed(where))
        return moved

    def _force_log(self, pages: int, *, asked: bool = False) -> FlushWanted | None:
        """Begin a force; `asked`: a producer waits for it, and the caller tells the tracer."""
        wanted = self._log.mapped_file_queue.flush(pages)
        if wanted is None:
            return None
        self._log_force = self._force(wanted.path, wanted.span), wanted
        if self._tracer is not None and not asked:
            self._tracer(ForceLog(PhysicalOffset(wanted.where)))
        return wanted

    # --- what derives from the log

    def step_consume_queue(self, now: Millis) -> Millis:
        """FlushConsumeQueueService: begin a round unless one is under way."""
        config = self._config
        if self._round is None:
            pages = config.integer("flushConsumeQueueLeastPages")
            interval = config.integer("flushConsumeQueueThoroughInterval")
            self._queue_rhythm, pages = least_pages(self._queue_rhythm, pages, interval, now)
            self._begin_round(pages)
        return Millis(now + max(1, config.integer("flushIntervalConsumeQueue")))

    def _begin_round(self, pages: int) -> bool:
        """Begin a round of the queues; False where nothing is dirty. A full index file is always.

        A thorough round takes its marks and ends before it forces anything (STORE-FLUSH-12).
        """
        if not self._sync_queues():
            return False
        thorough = pages == 0
        if thorough:
            self._round_ends = [
                (queue, queue.mapped_file_queue.max_offset) for queue in self._queues
            ]
        return self._force_queues(
            pages,
            rounds.begin(
                frozenset(),
                thorough=thorough,
                logics_msg_timestamp=self._checkpoint.tmp_logics_msg_timestamp,
                logics_physical_offset=self._checkpoint.tmp_logics_physical_offset,
            ),
        )

    def _force_queues(self, pages: int, state: rounds.Round) -> bool:
        """Ask for one force of each queue that is dirty enough: one covers one file of it."""
        tokens: list[ForceToken] = []
        for queue in self._queues:
            wanted = queue.mapped_file_queue.flush(pages)
            if wanted is not None:
                token = self._force(wanted.path, wanted.span)
                self._queue_forces[token] = queue, wanted
                tokens.append(token)
        for index_file in self._index_files():
            token = self._force(index_file.path)
            self._forced_indexes[token] = index_file
            tokens.append(token)
        self._round = rounds.more(state, frozenset(tokens))
        if not tokens:
            self._end_round()
        return bool(tokens)

    def _sync_queues(self) -> bool:
        """STORE-CQ-15: units that the disk refuses stay gathered; no round goes without them."""
        try:
            for queue in self._queues:
                queue.sync()
        except DiskError:
            self.drain_failed = self.draining
            return False
        return True

    def _index_files(self) -> tuple[IndexFile, ...]:
        """Index files to force; none where the disk refuses what is gathered for one."""
        try:
            last = self._index.take_last_file() if self.draining else ()
            return (*self._index.take_full_files(), *last)
        except DiskError:
            self.drain_failed = self.draining
            return ()

    def _end_round(self) -> None:
        """STORE-FLUSH-12: move the checkpoint where the round covered everything."""
        state, checkpoint = self._round, self._checkpoint
        assert state is not None
        self._round = None
        if not rounds.writes_checkpoint(state):
            return
        self._round_ends = [
            (queue, end)
            for queue, end in self._round_ends
            if queue.mapped_file_queue.flushed_where < end
            and queue.mapped_file_queue.flush(0) is not None
        ]
        if self._round_ends:  # a queue has grown into another file: one force was not all of it
            self._force_queues(0, state)
            return
        if state.logics_msg_timestamp > 0:
            checkpoint.logics_msg_timestamp = state.logics_msg_timestamp
        if state.logics_physical_offset > 0:
            checkpoint.logics_physical_offset = state.logics_physical_offset
        self._write_checkpoint()

    def _write_checkpoint(self) -> None:
        """Write and force the page where it says something new.

        A page that the disk does not take stays as it was, and the next round writes it.
        """
        checkpoint = self._checkpoint
        marks = (
            checkpoint.physic_msg_timestamp,
            checkpoint.logics_msg_timestamp,
            checkpoint.index_msg_timestamp,
            checkpoint.logics_physical_offset,
        )
        if marks == self._written_checkpoint:
            return
        try:
            checkpoint.write()
        except DiskError:
            self.drain_failed = self.draining
            return
        self._written_checkpoint = marks
        self._checkpoint_token = self._force(CHECKPOINT_PATH)

    # --- completions

    def _force(self, path: str, span: Span | None = None) -> ForceToken:
        token = ForceToken(self._next_token)
        self._next_token += 1
        self._events.append(ForceWanted(token, path, span))
        return token

    def forced(self, token: ForceToken, *, failed: bool, now: Millis) -> Millis | None:
        """A force ended; when the flusher of the log wants to run again.

        STORE-FLUSH-1: a failed force moves nothing, and what it should have forced is written
        again, for the page cache may have dropped it from what it will write (fault B21).
        """
        if self.draining and failed:
            self.drain_failed = True
        if self._log_force is not None and token == self._log_force[0]:
            return self._log_forced(self._log_force[1], failed=failed, now=now)
        if token == self._checkpoint_token:
            self._checkpoint_token = None
            if failed:
                self._written_checkpoint = None
            return None
        state = self._round
        if state is None or token not in state.pending:
            return None  # a force of a former life of the owner
        if token in self._queue_forces:
            self._queue_forced(*self._queue_forces.pop(token), failed=failed)
        else:
            index_file = self._forced_indexes.pop(token)
            if failed:
                self._index.force_failed(index_file)
            else:  # STORE-FLUSH-11
                index_file.unforced = False
                until = self._index.forced_until()
                self._checkpoint.index_msg_timestamp = until or self._checkpoint.index_msg_timestamp
        self._round = rounds.forced(state, token, failed=failed)
        if not self._round.pending:
            self._end_round()
        return None

    def _queue_forced(self, queue: ConsumeQueue, wanted: FlushWanted, *, failed: bool) -> None:
        if failed:
            queue.mapped_file_queue.dirty_again(wanted)
            return
        queue.mapped_file_queue.flushed(wanted)
        if self._tracer is not None:
            units = queue.mapped_file_queue.flushed_where // CQ_STORE_UNIT_SIZE
            place = Topic(queue.topic), QueueId(queue.queue_id)
            self._tracer(FlushConsumeQueue(*place, QueueOffset(units)))

    def _log_forced(self, wanted: FlushWanted, *, failed: bool, now: Millis) -> Millis | None:
        self._log_force = None
        queue = self._log.mapped_file_queue
        if failed:
            queue.dirty_again(wanted)
            if self._tracer is not None:
                self._tracer(ForceFailed(PhysicalOffset(wanted.where)))
            return Millis(now + RETRY_AFTER) if self.sync_flush else None
        queue.flushed(wanted)
        if self._tracer is not None:
            self._tracer(Flushed(PhysicalOffset(wanted.where)))
        if queue.store_timestamp > 0:
            self._checkpoint.physic_msg_timestamp = queue.store_timestamp
        if not self.sync_flush:
            return None
        self._group_commit = commits.flushed(self._group_commit, queue.flushed_where)
        return self._run_group_commit(now)

    # --- the end

    def drain(self, now: Millis) -> bool:
        """STORE-FLUSH-13: force all that is dirty, one kind after the other; True when done.

        Called again after every completion. A failure ends it, and whoever still waits hears
        FLUSH_DISK_TIMEOUT: the next start recovers.
        """
        self.draining = True
        if self.drain_failed:
            while (deadline := self.next_deadline()) is not None:
                self.step_expire(deadline)
            return True
        if self.sync_flush:
            self._run_group_commit(now)
        if self._log_force is not None or self._round is not None:
            return False
        while self.commit_log(0):
            pass
        if self._force_log(0) or self._begin_round(0):
            return False
        if self._checkpoint_token is None:
            self._write_checkpoint()
        return self._checkpoint_token is None
