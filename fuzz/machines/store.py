"""A whole store through many lives: put, batch, read, query, clean, timers, forces, crash, recover.

Drives `StoreLab`, which keeps the ledger: what was answered and what was shown decides what must be
there after the next power failure, kill or orderly end. The order of everything is the machine's.
"""

from collections.abc import Mapping
from typing import ClassVar

from hypothesis.stateful import initialize, invariant, precondition, rule
from hypothesis.strategies import booleans, integers, sampled_from

from fuzz.stateful.machine import CountedMachine
from fuzz.stateful.registry import Machine
from fuzz.store_rig import RELEASE_NAMES
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Topic
from refimpl.model.override import override
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASES
from refimpl.model.status import PutMessageStatus
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import DiskContract, Extreme, Names
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint
from refimpl.sim.ledger import MAY_BE_STORED
from refimpl.sim.ledger_look import Look
from refimpl.sim.sent_log import GONE
from refimpl.sim.store_lab import StoreLab, StrangeMessage
from refimpl.store.errors import NegativeSize
from refimpl.store.message_store import (
    CHECK_DISK,
    CLEAN_FILES,
    COMMIT_COMMIT_LOG,
    FLUSH_COMMIT_LOG,
    FLUSH_CONSUME_QUEUE,
    FLUSH_DISK_WATCHER,
    REPUT,
)

_MODES = {
    "sync": {"flushDiskType": "SYNC_FLUSH"},
    "async": {},
    "real-time": {"flushCommitLogTimed": "false", "flushCommitLogLeastPages": "0"},
    "pool": {"transientStorePoolEnable": "true", "transientStorePoolSize": "2"},
}
_SIZES = (
    {"mappedFileSizeCommitLog": "500", "mappedFileSizeConsumeQueue": "60"},
    {"mappedFileSizeCommitLog": "4096", "mappedFileSizeConsumeQueue": "400"},
)
_CONTRACTS = (  # without tears: nothing in a record's head protects its queue id from one
    DiskContract(sector=64, torn=False),
    DiskContract(sector=64, torn=False, names=Names.ANY, garbage=True),
)
_ACTORS = (
    FLUSH_COMMIT_LOG,
    REPUT,
    FLUSH_CONSUME_QUEUE,
    COMMIT_COMMIT_LOG,
    FLUSH_DISK_WATCHER,
    CHECK_DISK,
)
_EXTREMES = tuple(Extreme)
_CLOCK = (1, 10, 200, 600, 4000, 61_000)  # milliseconds
_REFUSALS = {"no-space-write": FaultPoint.NO_SPACE_WRITE, "no-file": FaultPoint.NO_SPACE_CREATE}
_FULL = 0.95  # used part of the disk: puts are refused, files go by force
_STALL = 1500  # milliseconds: longer than osPageCacheBusyTimeOutMills
_ENDS = ("fine", "fine", "fine", "force-fails", "force-never-ends")
_ALWAYS = 1 << 60
_FOUND = 32  # messages of a key that a query must find: the newest, for it gives no more than 64
CRASHES = frozenset({"kill", "fail_power", "stop_within", "shut_down"})


class StoreMachine(CountedMachine):
    """One store on one disk."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        *_REFUSALS,
        "force-fails",
        "force-never-ends",
        "disk-full",
        "page-cache-busy",
        "stop-in-recovery",
    )
    ESSENTIAL: ClassVar[tuple[str, ...]] = ("put", "step", "force_ends", "fail_power")

    WEIGHTS: ClassVar[Mapping[str, int]] = {"put": 8, "step": 8, "force_ends": 8, "settle": 2}

    @initialize(
        release=sampled_from(RELEASE_NAMES),
        mode=sampled_from(tuple(_MODES)),
        sizes=sampled_from(_SIZES),
        contract=sampled_from(_CONTRACTS),
    )
    def start(self, release: str, mode: str, sizes: dict[str, str], contract: DiskContract) -> None:
        """Open a store on an empty disk."""
        disk = CrashDisk(contract)
        self.lab = StoreLab(RELEASES[release], {**sizes, **_MODES[mode]}, disk)
        self.mode = mode
        self.stuck = False  # a force will never end in this life
        self.ends = (0, 0, 0)
        self.next_offsets: dict[tuple[str, int], int] = {}
        self.keyed: dict[str, list[int]] = {}  # numbers of the messages that have a key
        self._lived()
        self.began()

    def began(self) -> None:
        """Let a benchmark begin with messages that are there already."""

    def _lived(self) -> None:
        """A life begins: it is looked at as a whole, and its consumers have read nothing."""
        self.look = Look(self.lab.store)
        self.lab.disk.take_written()
        self.read_to = [0, 0]  # queue offset by queue

    @property
    def disk(self) -> CrashDisk:
        """The disk below the lab."""
        disk = self.lab.disk.disk
        assert isinstance(disk, CrashDisk)
        return disk

    # --- puts

    @rule(
        queue_id=integers(0, 1),
        size=sampled_from((6, 12, 12, 12, 40, 100, 150)),
        waits=booleans(),
        keys=sampled_from(("", "a", "a b")),
        kind=integers(0, 15),
    )
    def put(self, queue_id: int, size: int, waits: bool, keys: str, kind: int) -> None:
        """Send one message, or a transaction's half; the disk may refuse it."""
        refusal = {1: "no-space-write", 2: "no-file"}.get(kind)
        if refusal is not None and self.allows(refusal):
            self.disk.faults = DiskFaults([DiskFault(_REFUSALS[refusal], "commitlog/*")])
        given = {"KEYS": keys} if keys else None
        for key in keys.split():
            self.keyed.setdefault(key, []).append(len(self.lab.ledger.sent))
        number = self.lab.put(
            "T", queue_id, size=size, properties=given, waits=waits, prepared=kind == 3
        )
        self._refused(number, refusal)

    @rule(queue_id=integers(0, 1), count=integers(1, 3))
    def put_batch(self, queue_id: int, count: int) -> None:
        """Send a batch."""
        self._refused(self.lab.put("T", queue_id, size=10, batch=count), None)

    def _refused(self, number: int, refusal: str | None) -> None:
        faults, self.disk.faults = self.disk.faults, None
        status = self.lab.ledger.sent[number].status
        if faults is not None and faults.fired.total():
            assert refusal is not None
            self.fault(refusal)
        elif status is not None and status not in MAY_BE_STORED:
            self.broken("STORE-LOG-2", f"message {number} is refused with {status.name}")

    @rule(full=booleans())
    def put_while_refused(self, full: bool) -> None:
        """Send to a full disk or into a busy page cache: refused, and nothing changes."""
        name = "disk-full" if full else "page-cache-busy"
        if not self.allows(name):
            return
        lab, log = self.lab, self.lab.store.commit_log
        if full:
            self.disk.used = _FULL
            lab.store.running_flags.set_disk_full(full=True)
        else:
            slow = DiskFault(FaultPoint.SLOW, "commitlog/*", times=3, millis=2 * _STALL)
            self.disk.faults = DiskFaults([slow])
            lab.put("T", 0)
            self.disk.faults = None
            lab.advance(_STALL)
            if not lab.store.is_os_page_cache_busy(lab.now):
                return  # the append went to a buffer of the pool
        before = log.mapped_file_queue.max_wrote_position, dict(log.topic_queue_table)
        number = lab.put("T", 0)
        status = lab.ledger.sent[number].status
        if status is None or status in MAY_BE_STORED:
            self.broken("STORE-LOG-2", f"a put was accepted: {name}")
        if before != (log.mapped_file_queue.max_wrote_position, log.topic_queue_table):
            self.broken("STORE-LOG-1", f"a put that was refused changed the log: {name}")
        self.fault(name)
        self.disk.used = 0.1
        lab.store.running_flags.set_disk_full(full=False)
        if not full:
            lab.advance(_STALL)

    # --- threads, forces, time

    @rule(actor=sampled_from(_ACTORS), jump=sampled_from((0, 0, *_CLOCK)))
    def step(self, actor: str, jump: int) -> None:
        """Let time pass and one thread run, due or not."""
        self.lab.advance(jump)
        self.lab.step(next(a for a in _ACTORS if a == actor))

    @precondition(lambda self: self.lab.pending)
    @rule(which=integers(0, 3), how=sampled_from(_ENDS))
    def force_ends(self, which: int, how: str) -> None:
        """End one of the forces under way, in any order."""
        tokens = list(self.lab.pending)
        token = tokens[which % len(tokens)]
        if how != "fine" and self.allows(how):
            self.fault(how)
            if how == "force-never-ends":
                del self.lab.pending[token]
                self.stuck = True
                return
            self.disk.faults = DiskFaults([DiskFault(FaultPoint.FORCE_FAILS)])
        self.lab.complete_force(token)
        self.disk.faults = None

    @precondition(lambda self: self.lab.pending)
    @rule(which=integers(0, 3))
    def force_runs(self, which: int) -> None:
        """Let the disk do a force; the store will hear of it later, or never."""
        tokens = list(self.lab.pending)
        self.lab.run_force(tokens[which % len(tokens)])

    @rule(millis=sampled_from((0, *_CLOCK)))
    def settle(self, millis: int) -> None:
        """Let every thread run as it is due, with its forces."""
        self.lab.settle(millis)
        if self.stuck or self.lab.tickets == {} or millis < 600:
            return
        if self.lab.ledger.sync_flush and not self.lab.pending:
            late = sorted(self.lab.tickets.values())
            self.broken("STORE-FLUSH-5", f"puts {late} wait in a store at rest")

    @rule()
    def clean(self) -> None:
        """Let the clean-up of a full disk take what it may."""
        store = self.lab.store
        if store.reput.reput_from_offset < store.commit_log.mapped_file_queue.max_wrote_position:
            return  # in 72 hours everything was dispatched
        self.disk.used = 0.88
        self.lab.step(CLEAN_FILES)
        self.disk.used = 0.1
        store.running_flags.set_disk_full(full=False)
        self.lab.ledger = self.lab.ledger.removed(store.commit_log.min_offset())

    # --- readers

    @rule(queue_id=integers(0, 1), back=sampled_from((0, 0, 3, 50)))
    def read(self, queue_id: int, back: int) -> None:
        """Pull on from where the consumer was, or from a few messages before, to the end."""
        self._read_from(queue_id, max(0, self.read_to[queue_id] - back))

    def _read_from(self, queue_id: int, begin: int) -> None:
        """Offsets grow from message to message, so none is given twice."""
        try:
            numbers = self.lab.read("T", queue_id, begin)
        except StrangeMessage as error:
            self.broken("STORE-PROMISE-5", str(error))
        before = begin - 1
        for s in map(self.lab.ledger.sent.__getitem__, numbers):
            if s.queue_id != queue_id or not s.has_unit:
                self.broken("STORE-PROMISE-5", f"queue {queue_id} gave {s.number}")
            if s.queue_offset is None or s.queue_offset <= before:
                self.broken("STORE-PROMISE-6", f"{s.number} is given behind {before}")
            before = s.queue_offset
        self.read_to[queue_id] = before + 1

    @rule(key=sampled_from(("a", "b")))
    def query(self, key: str) -> None:
        """Ask for a key: every dispatched message that has it, as far as it is kept."""
        store = self.lab.store
        try:
            found = store.query_message(Topic("T"), key, 64, 0, _ALWAYS)
        except (InvalidInput, NegativeSize) as error:
            self.broken("STORE-INDEX-9", str(error))
        dispatched, begin = store.reput.reput_from_offset, store.min_phy_offset
        newest = map(self.lab.ledger.sent.__getitem__, self.keyed.get(key, [])[-_FOUND:])
        wanted = [
            s.body
            for s in newest
            if s.offset is not None
            and begin <= s.offset < dispatched
            and s.fate not in GONE
            and s.status in {None, PutMessageStatus.PUT_OK}
            and key in _keys_of(s.properties)
        ]
        missing = [b[:6] for b in wanted if not any(b in record for record in found.records)]
        if missing:
            self.broken("STORE-INDEX-1", f"T#{key} does not lead to {missing}")

    # --- ends of a life

    @rule()
    def kill(self) -> None:
        """End the process; the page cache stays, and is as unsafe as before."""
        disk = self.lab.kill()
        assert isinstance(disk, CrashDisk)
        self._begin_again(disk, -1, "kill")

    @rule(
        which=integers(0, 7), draw=integers(0, 1 << 16), again=integers(-6, 9), watched=booleans()
    )
    def fail_power(self, which: int, draw: int, again: int, watched: bool) -> None:
        """Lose power, open one of the images; perhaps the machine stops in the recovery again.

        `watched`: consumers had read everything that was visible.
        """
        if watched:
            for queue_id, begin in enumerate(self.read_to):
                self._read_from(queue_id, begin)
        self.lab.fail_power()
        disk = self._image(which, draw)
        self._begin_again(disk, again, f"power, image {which} {draw}")

    @rule(left=integers(0, 4), put=booleans(), which=integers(0, 7), draw=integers(0, 1 << 16))
    def stop_within(self, left: int, put: bool, which: int, draw: int) -> None:
        """Lose power within a put or within a thread's step."""
        self.lab.disk.left = left
        if put:
            self.lab.put("T", 0, size=100)
        else:
            for actor in _ACTORS:
                if self.lab.alive:
                    self.lab.step(actor)
        if self.lab.alive:
            self.lab.disk.left = None
            return
        self._begin_again(self._image(which, draw), -1, f"stopped within, image {which} {draw}")

    @precondition(lambda self: not self.stuck)
    @rule(power=booleans(), which=integers(0, 7), draw=integers(0, 1 << 16))
    def shut_down(self, power: bool, which: int, draw: int) -> None:
        """End it orderly, and perhaps lose power right after that: nothing is missing."""
        self.lab.shutdown()
        self.lab.settle()
        if self.lab.stopped is None:
            self.broken("STORE-FILES-9", "the orderly end does not end")
        if power:
            self.lab.fail_power()
            self._begin_again(self._image(which, draw), -1, "orderly end and power")
        else:
            disk = self.lab.kill()
            assert isinstance(disk, CrashDisk)
            self._begin_again(disk, -1, "orderly end")

    def _image(self, which: int, draw: int) -> CrashDisk:
        crash = self.disk.crash()
        self.image()
        if which < len(_EXTREMES):
            return CrashDisk.from_image(crash.extreme(_EXTREMES[which]))
        return CrashDisk.from_image(crash.sample(Prng(draw)))

    def _begin_again(self, disk: CrashDisk, stop_after: int, how: str) -> None:
        lab = self.lab
        if stop_after >= 0 and self.allows("stop-in-recovery"):
            opened = lab.reopen(disk, stop_after=stop_after)
            if not opened and lab.refused is None:
                self.fault("stop-in-recovery")
                lab.fail_power()
                lab.reopen(self._image(stop_after, stop_after))
        else:
            lab.reopen(disk)
        if lab.refused is not None:
            self.broken("STORE-PROMISE-12", f"{lab.refused} ({how})")
        self._lived()
        self.none_of(f"{text} ({how})" for text in self.look.violations(lab.ledger))
        self.stuck = False
        lab.settle_ledger()
        self.ends = (0, 0, 0)
        self.next_offsets = {}

    # --- what always holds

    @invariant()
    def offsets_only_grow(self) -> None:
        """Within a life: flushed, dispatched, confirmed, and every next queue offset."""
        store = self.lab.store
        queue = store.commit_log.mapped_file_queue
        flushed, written = queue.flushed_where, queue.max_wrote_position
        ends = flushed, store.reput.reput_from_offset, written
        if any(now < before for now, before in zip(ends, self.ends, strict=True)):
            self.broken("OffsetsGrowInv", f"{self.ends} became {ends}")
        self.ends = ends
        if queue.mapped_files and not flushed <= queue.max_offset <= written:
            self.broken("PositionsOrdered", f"{flushed}, {queue.max_offset}, {written}")
        if self.lab.ledger.sync_flush and store.reput.reput_from_offset > max(
            flushed, queue.min_offset
        ):
            self.broken("STORE-FLUSH-2", f"dispatched to {ends[1]}, flushed to {flushed}")
        for key, number in store.commit_log.topic_queue_table.items():
            if number < self.next_offsets.get(key, 0):
                self.broken("STORE-PROMISE-11", f"{key} gives {number} again")
        self.next_offsets = dict(store.commit_log.topic_queue_table)
        lag = written - flushed, written - ends[1]
        waiting = len(self.lab.tickets), len(self.lab.pending)
        self.visit((self.mode, lag, waiting, len(queue.mapped_files)))

    @rule()
    def verify(self) -> None:
        """Compare what is new, or written over, with the ledger."""
        lab = self.lab
        self.none_of(self.look.violations(lab.ledger, lab.disk.take_written()))

    @override
    def at_end(self) -> None:
        """Compare everything with the ledger, and read every queue from its beginning."""
        self.none_of(self.lab.check())
        for queue_id in range(len(self.read_to)):
            self._read_from(queue_id, 0)


def _keys_of(properties: str) -> list[str]:
    for pair in properties.split("\x02"):
        name, _, value = pair.partition("\x01")
        if name == "KEYS":
            return value.split()
    return []


MACHINE = Machine(
    name="Store",
    machine=StoreMachine,
    subject="refimpl.store.message_store",
    invariants=(
        "ConfirmedIsReadable",
        "FilesMeet",
        "LogIsWhole",
        "OffsetsAreGivenOnce",
        "OffsetsGrowInv",
        "PositionsOrdered",
        "STORE-FILES-9",
        "STORE-FLUSH-2",
        "STORE-FLUSH-5",
        "STORE-INDEX-1",
        "STORE-INDEX-9",
        "STORE-LOG-1",
        "STORE-LOG-2",
        *(f"STORE-PROMISE-{n}" for n in range(1, 13)),
        "ShownIsDurable",
        "UnitsAreThere",
        "UnitsAreWhole",
        "UnitsGrow",
        "UnitsPointToRecords",
        "UnitsPointToTheirRecords",
    ),
)
