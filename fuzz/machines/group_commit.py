"""SYNC_FLUSH: producers that wait, a flusher, and a disk that answers late, badly or never.

Drives the flush manager with a real log; the order in which forces end, time passes and actors
run is the machine's. Durable is what stands on the platter of `ForgetfulDisk`.
"""

from typing import ClassVar

from hypothesis.stateful import initialize, invariant, precondition, rule
from hypothesis.strategies import booleans, integers, sampled_from

from fuzz.stateful.machine import CountedMachine
from fuzz.stateful.registry import Machine
from fuzz.store_rig import RELEASE_NAMES, START, ForgetfulDisk, StoreRig, config_of, message
from refimpl.model.ids import Millis, Ticket
from refimpl.model.release import RELEASES
from refimpl.model.status import PutMessageStatus
from refimpl.store.store_event import ForceWanted, PutCompleted

_TIMEOUT = 50  # milliseconds: syncFlushTimeout
_SETTINGS = (("flushDiskType", "SYNC_FLUSH"), ("syncFlushTimeout", str(_TIMEOUT)))
_BODIES = (b"", b"x" * 60, b"y" * 500)  # 800 bytes of file: six, four or one
_ROUNDS_MAX = 5000  # a producer of 5.5 is tried a thousand times


class GroupCommitMachine(CountedMachine):
    """One flush manager under SYNC_FLUSH."""

    FAULTS: ClassVar[tuple[str, ...]] = ("force-fails", "force-never-ends", "no-space")
    ESSENTIAL: ClassVar[tuple[str, ...]] = ("put", "step_flush", "force_ends")

    @initialize(release=sampled_from(RELEASE_NAMES))
    def start(self, release: str) -> None:
        """Begin with an empty log."""
        self.now = START
        self.disk = ForgetfulDisk()
        given, config = RELEASES[release], config_of(release, _SETTINGS)
        self.rig = StoreRig(given, config, self.disk, self.trace_of(config, given))
        self.waiting: dict[Ticket, tuple[int, Millis, int]] = {}  # end, deadline, forces before
        self.pending: list[ForceWanted] = []
        self.forces = 0
        self.stuck = False
        self.flushed = 0

    @property
    def _queue(self) -> tuple[int, int]:
        queue = self.rig.log.mapped_file_queue
        return queue.flushed_where, queue.max_offset

    def _drain(self) -> None:
        for event in self.rig.take_events():
            if isinstance(event, ForceWanted):
                self.pending.append(event)
                self.forces += 1
            elif isinstance(event, PutCompleted):
                self._answered(event)

    def _answered(self, event: PutCompleted) -> None:
        asked = self.waiting.pop(event.ticket, None)
        if asked is None:
            self.broken("STORE-FLUSH-5", f"{event.ticket} is answered a second time")
        end, deadline, before = asked
        if event.status is PutMessageStatus.PUT_OK:
            if not self._durable(end):
                self.broken("STORE-FLUSH-2", f"PUT_OK for {end}, which a power failure takes")
        elif self.now < deadline and self.forces - before < self.rig.release.flush_attempts_max:
            self.broken("STORE-FLUSH-4", f"{event.status.name} after {self.forces - before} forces")

    def _durable(self, end: int) -> bool:
        for mapped_file in self.rig.log.mapped_file_queue.mapped_files:
            upto = min(end - mapped_file.file_from_offset, mapped_file.file_size)
            if upto > 0 and not self.disk.is_durable(mapped_file.path, 0, upto):
                return False
        return True

    @rule(body=sampled_from(_BODIES), waits=booleans(), refused=integers(0, 7))
    def put(self, body: bytes, waits: bool, refused: int) -> None:
        """Append, and perhaps wait for the bytes to be durable."""
        log = self.rig.log
        if refused == 1 and self.allows("no-space"):
            self.disk.refuse = "write"
        before = (log.mapped_file_queue.max_wrote_position, dict(log.topic_queue_table))
        result = self.rig.put_message(message(body), self.now)
        if refused == 1 and self.allows("no-space"):
            self.disk.refuse = None
            self.fault("no-space")
            after = log.mapped_file_queue.max_wrote_position, log.topic_queue_table
            if result.is_ok or after[1] != before[1]:
                self.broken("STORE-FILES-5", f"a refused write: {before} became {after}")
            return
        assert result.append is not None
        if waits:
            end = result.append.wrote_offset + result.append.wrote_bytes
            ticket = self.rig.flush.put_request(end, self.now)
            self.waiting[ticket] = (end, Millis(self.now + _TIMEOUT), self.forces)

    @rule()
    def step_flush(self) -> None:
        """Let the flusher run."""
        self.rig.flush.step_flush(self.now)
        self._drain()

    @rule(jump=sampled_from((0, 1, _TIMEOUT - 1, _TIMEOUT)))
    def step_expire(self, jump: int) -> None:
        """Let time pass, and everybody hear whose time is over (STORE-FLUSH-5)."""
        self.now = Millis(self.now + jump)
        self.rig.flush.step_expire(self.now)
        self._drain()
        late = [ticket for ticket, asked in self.waiting.items() if asked[1] <= self.now]
        if late:
            self.broken("STORE-FLUSH-5", f"{late} wait longer than {_TIMEOUT} ms")

    @precondition(lambda self: self.pending)
    @rule(failed=integers(0, 3))
    def force_ends(self, failed: int) -> None:
        """Perform the oldest force."""
        wanted = self.pending.pop(0)
        fails = failed == 1 and self.allows("force-fails")
        if failed == 2 and self.allows("force-never-ends"):
            self.fault("force-never-ends")
            self.stuck = True
            return
        if fails:
            self.fault("force-fails")
            self.disk.fail_force(wanted.path)
        else:
            self.disk.force(wanted.path, span=wanted.span)
        self.rig.flush.forced(wanted.token, failed=fails, now=self.now)
        self._drain()

    @precondition(lambda self: self.waiting and not self.stuck and self.allows("settle"))
    @rule()
    def settle(self) -> None:
        """Let the disk be good until there is nothing to do: nobody waits, all is durable."""
        for _ in range(_ROUNDS_MAX):
            while self.pending:
                wanted = self.pending.pop(0)
                self.disk.force(wanted.path, span=wanted.span)
                self.rig.flush.forced(wanted.token, failed=False, now=self.now)
                self._drain()
            self.rig.flush.step_flush(self.now)
            self._drain()
            if not self.pending:
                break
        flushed, readable = self._queue
        if self.waiting or flushed != readable:
            self.broken("STORE-FLUSH-5", f"at rest {self.waiting} wait, {flushed} of {readable}")

    @invariant()
    def durability_is_a_prefix(self) -> None:
        """STORE-FLUSH-1: what counts as flushed is on the platter, and never less of it."""
        self.rig.look()
        flushed, readable = self._queue
        if not self.flushed <= flushed <= readable:
            self.broken("STORE-FLUSH-1", f"{self.flushed}, then {flushed} of {readable}")
        if flushed > self.flushed and not self._durable(flushed):
            self.broken("STORE-FLUSH-1", f"{flushed} counts as flushed and is not durable")
        self.flushed = flushed
        if self.rig.log.confirm_offset() > flushed:
            self.broken("STORE-FLUSH-2", "readers are shown what is not durable")
        asked = tuple(end - flushed for end, _, _ in self.waiting.values())
        self.visit((self.rig.release.name, readable - flushed, asked, len(self.pending)))


MACHINE = Machine(
    name="GroupCommit",
    machine=GroupCommitMachine,
    subject="refimpl.store.group_commit",
    invariants=(
        "STORE-FILES-5",
        "STORE-FLUSH-1",
        "STORE-FLUSH-2",
        "STORE-FLUSH-4",
        "STORE-FLUSH-5",
    ),
)
