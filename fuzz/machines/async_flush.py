"""ASYNC_FLUSH: the flusher's and the committer's rhythm, with and without the transient pool.

Drives the flush manager with a real log of files of four pages. Durable is what stands on the
platter of `ForgetfulDisk`.
"""

from typing import ClassVar

from hypothesis.stateful import initialize, invariant, precondition, rule
from hypothesis.strategies import booleans, integers, sampled_from

from fuzz.stateful.machine import CountedMachine
from fuzz.stateful.registry import Machine
from fuzz.store_rig import RELEASE_NAMES, START, ForgetfulDisk, StoreRig, config_of, message
from refimpl.model.ids import Millis
from refimpl.model.release import RELEASES
from refimpl.store.mapped_file import OS_PAGE_SIZE
from refimpl.store.store_event import ForceWanted

_FILE = 4 * OS_PAGE_SIZE
_PAGES = 2  # least pages of the flusher and of the committer
_FLUSH_THOROUGH = 100  # milliseconds
_COMMIT_THOROUGH = 40
_POOL = 2  # buffers
_SETTINGS = (
    ("flushDiskType", "ASYNC_FLUSH"),
    ("mappedFileSizeCommitLog", str(_FILE)),
    ("flushCommitLogLeastPages", str(_PAGES)),
    ("commitCommitLogLeastPages", str(_PAGES)),
    ("flushCommitLogThoroughInterval", str(_FLUSH_THOROUGH)),
    ("commitCommitLogThoroughInterval", str(_COMMIT_THOROUGH)),
    ("transientStorePoolSize", str(_POOL)),
)
_BODIES = {"small": b"a" * 10, "half a page": b"b" * 1500, "pages": b"c" * 6000}
_ROUNDS_MAX = 200


class AsyncFlushMachine(CountedMachine):
    """One flush manager under ASYNC_FLUSH."""

    FAULTS: ClassVar[tuple[str, ...]] = ("force-fails", "force-never-ends", "no-space", "no-file")
    ESSENTIAL: ClassVar[tuple[str, ...]] = ("put", "step_flush", "step_commit", "force_ends")

    @initialize(release=sampled_from(RELEASE_NAMES), pooled=booleans())
    def start(self, release: str, pooled: bool) -> None:
        """Begin with an empty log."""
        self.now = START
        self.disk = ForgetfulDisk()
        settings = (*_SETTINGS, ("transientStorePoolEnable", str(pooled).lower()))
        given, config = RELEASES[release], config_of(release, settings)
        self.rig = StoreRig(given, config, self.disk, self.trace_of(config, given))
        self.pooled = pooled
        self.records: list[tuple[int, int, bytes]] = []  # offset, size, body
        self.pending: list[ForceWanted] = []
        self.flushed = 0
        self.last_thorough = 0
        self.stuck = False

    @property
    def _readable(self) -> int:
        """What a flush may reach; a file that found no buffer in the pool hides nothing."""
        queue = self.rig.log.mapped_file_queue
        where = queue.flushed_where
        mapped_file = queue.find_mapped_file_by_offset(where, where == 0)
        hides = mapped_file is not None and mapped_file.write_buffer is not None
        return queue.committed_where if hides else queue.max_offset

    def _drain(self) -> None:
        events = (e for e in self.rig.take_events() if isinstance(e, ForceWanted))
        self.pending.extend(events)

    @rule(size=sampled_from(tuple(_BODIES)), refused=integers(0, 7))
    def put(self, size: str, refused: int) -> None:
        """Append; under ASYNC_FLUSH that is the answer."""
        log, queue, body = self.rig.log, self.rig.log.mapped_file_queue, _BODIES[size]
        fault = {1: "no-space", 2: "no-file"}.get(refused)
        if fault is not None and self.allows(fault):
            self.disk.refuse = "write" if fault == "no-space" else "create"
        offsets = dict(log.topic_queue_table)
        result = self.rig.put_message(message(body), self.now)
        happened = self.disk.refuse is None and fault is not None and self.allows(fault)
        self.disk.refuse = None
        if not result.is_ok:
            if not happened:
                self.broken("STORE-FILES-5", f"{result.status.name} without a cause")
            if log.topic_queue_table != offsets:
                self.broken("STORE-FILES-5", "a refused put took a queue offset")
        if happened and fault is not None:
            self.fault(fault)
        if result.is_ok:
            assert result.append is not None
            self.records.append((result.append.wrote_offset, result.append.wrote_bytes, body))
        if not self.pooled and queue.max_offset != queue.max_wrote_position:
            self.broken("STORE-FLUSH-9", "hidden without a pool")

    @rule(jump=sampled_from((0, 1, _FLUSH_THOROUGH - 1, _FLUSH_THOROUGH)))
    def step_flush(self, jump: int) -> None:
        """FlushRealTimeService: one round."""
        self.now = Millis(self.now + jump)
        queue = self.rig.log.mapped_file_queue
        idle = not self.pending and not self.stuck
        flushed, readable = queue.flushed_where, self._readable
        thorough = self.now >= self.last_thorough + _FLUSH_THOROUGH
        self.rig.flush.step_flush(self.now)
        self._drain()
        if not idle:
            return
        if thorough:
            self.last_thorough = self.now
            if not self.pending and flushed < readable:
                self.broken("STORE-FLUSH-7", f"{flushed} of {readable} in a thorough round")
        elif self.pending:
            end = min(readable, flushed - flushed % _FILE + _FILE)
            pages = end // OS_PAGE_SIZE - flushed // OS_PAGE_SIZE
            full = queue.max_wrote_position >= flushed - flushed % _FILE + _FILE
            if pages < _PAGES and not full:
                self.broken("STORE-FLUSH-6", f"a force for {pages} pages")

    @rule(jump=sampled_from((0, 1, _COMMIT_THOROUGH)), refused=integers(0, 3))
    def step_commit(self, jump: int, refused: int) -> None:
        """CommitRealTimeService: one round; without a pool there is no such thread."""
        if not self.pooled:
            return
        self.now = Millis(self.now + jump)
        if refused == 1 and self.allows("no-space"):
            self.disk.refuse = "write"
        self.rig.flush.step_commit(self.now)
        if self.disk.refuse is None and refused == 1 and self.allows("no-space"):
            self.fault("no-space")
        self.disk.refuse = None

    @precondition(lambda self: self.pending)
    @rule(how=integers(0, 5))
    def force_ends(self, how: int) -> None:
        """Perform the oldest force."""
        wanted = self.pending.pop(0)
        if how == 2 and self.allows("force-never-ends"):
            self.fault("force-never-ends")
            self.stuck = True
            return
        fails = how == 1 and self.allows("force-fails")
        if fails:
            self.fault("force-fails")
        if self.disk.exists(wanted.path):
            if fails:
                self.disk.fail_force(wanted.path)
            else:
                self.disk.force(wanted.path, span=wanted.span)
        self.rig.flush.forced(wanted.token, failed=fails, now=self.now)
        self._drain()

    @precondition(lambda self: len(self.rig.log.mapped_file_queue.mapped_files) > 1)
    @rule()
    def expire(self) -> None:
        """Let retention take the oldest file."""
        log = self.rig.log
        self.rig.expire(self.now)
        self.records = [r for r in self.records if r[0] >= log.min_offset()]

    @precondition(lambda self: not self.stuck)
    @rule()
    def settle(self) -> None:
        """Let the disk be good and time pass: everything becomes durable."""
        queue = self.rig.log.mapped_file_queue
        for _ in range(_ROUNDS_MAX):
            self.force_ends_well()
            if queue.flushed_where == queue.max_wrote_position:
                return
            self.now = Millis(self.now + _FLUSH_THOROUGH)
            if self.pooled:
                self.rig.flush.step_commit(self.now)
            self.rig.flush.step_flush(self.now)
            self.last_thorough = self.now
            self._drain()
        if queue.mapped_files:
            where = f"{queue.flushed_where}, {queue.committed_where}, {queue.max_wrote_position}"
            self.broken("STORE-FLUSH-7", f"at rest flushed, committed and wrote are {where}")

    def force_ends_well(self) -> None:
        """Perform every force that is asked for."""
        while self.pending:
            wanted = self.pending.pop(0)
            if self.disk.exists(wanted.path):
                self.disk.force(wanted.path, span=wanted.span)
            self.rig.flush.forced(wanted.token, failed=False, now=self.now)
            self._drain()

    @rule()
    def read_everything(self) -> None:
        """Read each record that the page cache has, and none that it has not (STORE-FLUSH-9)."""
        log = self.rig.log
        for offset, size, body in self.records:
            mapped_file = log.mapped_file_queue.find_mapped_file_by_offset(offset)
            assert mapped_file is not None
            cached = body in self.disk.read(mapped_file.path, offset % _FILE, size)
            record = log.get_message(offset, size)
            if (record is not None and body in record) != cached:
                self.broken(
                    "STORE-FLUSH-9", f"{offset}: in the page cache {cached}, read {record!r}"
                )

    @rule()
    def kill(self) -> None:
        """Look at what a killed process would leave: the committed bytes and nothing behind."""
        for mapped_file in self.rig.log.mapped_file_queue.mapped_files:
            if mapped_file.write_buffer is not None:
                at = mapped_file.committed_position
                if any(self.disk.read(mapped_file.path, at, _FILE - at)):
                    self.broken("STORE-FLUSH-9", f"{mapped_file.path} has more than {at}")

    @invariant()
    def positions_are_ordered(self) -> None:
        """Flushed, committed, written; what is flushed is on the platter."""
        self.rig.look()
        queue = self.rig.log.mapped_file_queue
        flushed = queue.flushed_where
        if queue.mapped_files and not flushed <= queue.max_offset <= queue.max_wrote_position:
            self.broken("PositionsOrdered", f"{flushed}, {queue.max_offset}")
        if flushed < self.flushed:
            self.broken("STORE-FLUSH-1", f"{self.flushed} became {flushed}")
        for mapped_file in queue.mapped_files if flushed > self.flushed else ():
            upto = min(flushed - mapped_file.file_from_offset, _FILE)
            if upto > 0 and not self.disk.is_durable(mapped_file.path, 0, upto):
                self.broken("STORE-FLUSH-1", f"{flushed} counts as flushed and is not durable")
        self.flushed = flushed
        pool = self.rig.log.pool
        if pool is not None:
            lent = [f for f in queue.mapped_files if f.write_buffer is not None]
            if len(lent) + pool.available_buffer_nums != _POOL:
                self.broken(
                    "STORE-FLUSH-10", f"{len(lent)} lent, {pool.available_buffer_nums} left"
                )
            if any(f.committed_position == _FILE for f in lent):
                self.broken("STORE-FLUSH-10", "a finished file keeps its buffer")
        dirty = queue.max_offset - flushed
        hidden = queue.max_wrote_position - queue.max_offset
        self.visit((self.pooled, dirty, hidden, len(self.pending), len(queue.mapped_files)))


MACHINE = Machine(
    name="AsyncFlush",
    machine=AsyncFlushMachine,
    subject="refimpl.store.flush_real_time",
    invariants=(
        "PositionsOrdered",
        "STORE-FILES-5",
        "STORE-FLUSH-1",
        "STORE-FLUSH-6",
        "STORE-FLUSH-7",
        "STORE-FLUSH-9",
        "STORE-FLUSH-10",
    ),
    not_held=dict.fromkeys(
        ("Dispatch", "StoreObservable", "Recovery"), "retention takes what nobody dispatches"
    ),
)
