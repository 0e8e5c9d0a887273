"""A whole store through many lives: put, batch, read, query, clean, timers, forces, crash, recover.

Drives `StoreLab`, which keeps the ledger: what was answered and what was shown decides what must be
there after the next power failure, kill or orderly end. The order of everything is the machine's.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import ClassVar

from hypothesis.stateful import precondition, rule
from hypothesis.strategies import booleans, integers, sampled_from

from fuzz.stateful.registry import Machine
from fuzz.store_lives import ACTORS, DISK_FAULTS, SECTORS, StoreLives
from refimpl.model.disk import DiskError
from refimpl.model.ids import Topic
from refimpl.model.status import PutMessageStatus
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint
from refimpl.sim.ledger import MAY_BE_STORED
from refimpl.sim.sent_log import GONE
from refimpl.store.message_store import CLEAN_FILES

_CLOCK = (1, 10, 200, 600, 4000, 61_000)  # milliseconds
_REFUSALS = {1: "no-space-write", 2: "no-file", 4: "empty-after-create"}
_FULL = 0.95  # used part of the disk: puts are refused, files go by force
_BODY = 88  # where a record has its body
_ROT = 3  # one draw in so many: a run in doubt finds little else
_STALL = 1500  # milliseconds: longer than osPageCacheBusyTimeOutMills
_ENDS = ("", "", "", "", "force-fails", "force-fails", "force-lies", "force-never-ends")
_IN_STEPS = ("no-file-in-dispatch", "no-space-in-dispatch", "no-space-in-index", "read-error")
_ALWAYS = 1 << 60
_ASKED = 64  # messages of a key
_FOUND = 32  # of them that a query must find: the newest


class StoreMachine(StoreLives):
    """One store on one disk."""

    FAULTS: ClassVar[tuple[str, ...]] = (
        *DISK_FAULTS,
        "rot",
        "disk-full",
        "page-cache-busy",
        "stop-in-recovery",
        *SECTORS,
    )
    ESSENTIAL: ClassVar[tuple[str, ...]] = ("put", "step", "force_ends", "fail_power")

    WEIGHTS: ClassVar[Mapping[str, int]] = {
        "put": 16,
        "step": 12,
        "force_ends": 12,
        "settle": 3,
        "fail_power": 3,
        "read": 2,
        "rot": 2,
    }

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
        given = {"KEYS": keys} if keys else None
        for key in keys.split():
            self.keyed.setdefault(key, []).append(len(self.lab.ledger.sent))
        refusal = _REFUSALS.get(kind, "")
        with self.faulty(refusal) as faults:
            number = self.lab.put(
                "T", queue_id, size=size, properties=given, waits=waits, prepared=kind == 3
            )
        self._refused(number, faults)
        if faults.fired[FaultPoint.EMPTY_AFTER_CREATE]:  # the file is there, and too short
            with self.faulty("no-space-extend") as faults:
                number = self.lab.put("T", queue_id, size=size, waits=waits)
            self._refused(number, faults)

    @rule(queue_id=integers(0, 1), count=integers(1, 3))
    def put_batch(self, queue_id: int, count: int) -> None:
        """Send a batch."""
        self._refused(self.lab.put("T", queue_id, size=10, batch=count), DiskFaults())

    def _refused(self, number: int, faults: DiskFaults) -> None:
        status = self.lab.ledger.sent[number].status
        if faults.fired.total() or self.in_doubt:
            return
        if status is not None and status not in MAY_BE_STORED:
            self.broken("STORE-LOG-2", f"message {number} is refused with {status.name}")

    @rule(full=booleans())
    def put_while_refused(self, full: bool) -> None:
        """Send to a full disk or into a busy page cache: refused, and nothing changes."""
        name = "disk-full" if full else "page-cache-busy"
        if not self.allows(name) or self.in_doubt:
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

    @rule(
        actor=sampled_from((*ACTORS[:2], *ACTORS)),
        jump=sampled_from((0, 0, *_CLOCK)),
        how=sampled_from(("", "", "", "", *_IN_STEPS)),
    )
    def step(self, actor: str, jump: int, how: str) -> None:
        """Let time pass and one thread run, due or not; the disk may refuse it something."""
        self.lab.advance(jump)
        with self.faulty(how):
            self.lab.step(next(a for a in ACTORS if a == actor))

    @precondition(lambda self: self.lab.pending)
    @rule(which=integers(0, 3), how=sampled_from(_ENDS))
    def force_ends(self, which: int, how: str) -> None:
        """End one of the forces under way, in any order: well, badly, with a lie, or never."""
        tokens = list(self.lab.pending)
        with self.faulty(how) as faults:
            self.lab.complete_force(tokens[which % len(tokens)])
        self._deceived(faults)

    def _deceived(self, faults: DiskFaults) -> None:
        if faults.fired[FaultPoint.FORCE_LIES]:
            self.lab.ledger = self.lab.ledger.deceived()

    @precondition(lambda self: self.lab.pending)
    @rule(which=integers(0, 3))
    def force_runs(self, which: int) -> None:
        """Let the disk do a force; the store will hear of it later, or never."""
        tokens = list(self.lab.pending)
        self.lab.run_force(tokens[which % len(tokens)])

    @rule(millis=sampled_from((0, *_CLOCK)), how=sampled_from(_ENDS), nth=integers(1, 3))
    def settle(self, millis: int, how: str, nth: int) -> None:
        """Let every thread run as it is due, with its forces; one of them may end badly."""
        lab = self.lab
        with self.faulty(how, nth=nth) as faults:
            lab.settle(millis)
        self._deceived(faults)
        if lab.hung or lab.tickets == {} or millis < 600 or faults.fired.total():
            return
        if lab.ledger.sync_flush and not lab.pending and not self.in_doubt:
            late = sorted(lab.tickets.values())
            self.broken("STORE-FLUSH-5", f"puts {late} wait in a store at rest")

    @rule()
    def clean(self) -> None:
        """Let the clean-up of a full disk take what it may."""
        store = self.lab.store
        if self.in_doubt:
            self.lab.step(CLEAN_FILES)
            return
        if store.reput.reput_from_offset < store.commit_log.mapped_file_queue.max_wrote_position:
            return  # in 72 hours everything was dispatched
        self.disk.used = 0.88
        self.lab.step(CLEAN_FILES)
        self.disk.used = 0.1
        store.running_flags.set_disk_full(full=False)
        self.lab.ledger = self.lab.ledger.removed(store.commit_log.min_offset())

    # --- a disk that forgets and lies

    @rule(
        which=integers(0, 30),
        seed=integers(0, 1 << 16),
        part=sampled_from(("derived", "record", "body")),
    )
    def rot(self, which: int, seed: int, part: str) -> None:
        """Let one bit change on the platter: in a record of the log, or anywhere else; then read.

        STORE-PROMISE-13.
        """
        disk, places = self.disk, []
        for path, data in disk.files().items():
            if data and path != "lock" and not path.startswith("commitlog/"):
                places.append((path, 0, len(data)))
        size = self.lab.store.commit_log.file_size
        for sent in () if part == "derived" else self.lab.ledger.sent:
            path = f"commitlog/{(sent.offset or 0) // size * size:020d}"
            if sent.offset is not None and disk.exists(path):
                begin = _BODY if part == "body" else 0
                length = len(sent.body) if begin else sent.size
                places.append((path, sent.offset % size + begin, length))
        if which % _ROT or not places or not self.allows("rot"):
            return
        path, at, length = places[-1 - which % len(places)]
        disk.faults = faults = DiskFaults([DiskFault(FaultPoint.BIT_ROT, path, seed=seed)])
        disk.read(path, at, length)
        disk.faults = None
        if not faults.fired[FaultPoint.BIT_ROT]:
            return
        self.fault("rot")
        if self.lab.trace is not None:
            self.lab.trace.end()  # no model knows a disk that breaks its word
        self.lab.ledger = self.lab.ledger.damaged()
        self.lab.settle()
        for queue_id in range(len(self.read_to)):
            self.read_from(queue_id, 0)

    @rule(queue_id=integers(0, 1), nth=integers(1, 4))
    def read_badly(self, queue_id: int, nth: int) -> None:
        """Pull while the disk cannot read: the consumer hears of it, and nothing has changed."""
        with self.faulty("read-error", nth=nth), suppress(DiskError):
            self.read_from(queue_id, self.read_to[queue_id])

    # --- readers

    @rule(key=sampled_from(("a", "b")))
    def query(self, key: str) -> None:
        """Ask for a key: every dispatched message that has it, as far as it is kept."""
        store = self.lab.store
        first = store.query_message(Topic("T"), key, 1, 0, _ALWAYS)
        found = store.query_message(Topic("T"), key, _ASKED, 0, _ALWAYS)
        if len(first.records) > 1 or len(found.records) > _ASKED:
            self.broken("STORE-INDEX-9", f"{len(first.records)} of 1, {len(found.records)}")
        if self.in_doubt:
            for record in found.records:
                self.judge_in_doubt(record)
            return
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
        *(f"STORE-PROMISE-{n}" for n in range(1, 14)),
        "ShownIsDurable",
        "UnitsAreThere",
        "UnitsAreWhole",
        "UnitsGrow",
        "UnitsPointToRecords",
        "UnitsPointToTheirRecords",
    ),
)
