"""The lives of one store: how it begins, is read, judged, and ends; its disk may break its word.

`StoreLives` is what the machine of the store (`machines/store.py`) is made on: it has a `StoreLab`
and its ledger, lets a life end in every way, and holds the next one against what was promised.
Of a disk that did what no promise covers (STORE-PROMISE-13) it asks what is left: a start succeeds
or is refused with one kind of error, nothing else is raised, what has its checksum was sent.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from hypothesis.stateful import initialize, invariant, rule
from hypothesis.strategies import booleans, integers, sampled_from

from fuzz.stateful.machine import CountedMachine
from fuzz.store_rig import RELEASE_NAMES, config_of
from refimpl.model.ids import Group, PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.message_codec import check_record, decode_record
from refimpl.model.override import override
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASES
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import DiskContract, Extreme, Names
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint
from refimpl.sim.ledger import Ledger, Trust
from refimpl.sim.ledger_look import Look
from refimpl.sim.store_lab import StoreLab, StrangeMessage
from refimpl.store.message_store import (
    CHECK_DISK,
    COMMIT_COMMIT_LOG,
    FLUSH_COMMIT_LOG,
    FLUSH_CONSUME_QUEUE,
    FLUSH_DISK_WATCHER,
    REPUT,
    SHUTDOWN_PATIENCE,
)

MODES: Mapping[str, Mapping[str, str]] = {
    "sync": {"flushDiskType": "SYNC_FLUSH"},
    "async": {},
    "real-time": {"flushCommitLogTimed": "false", "flushCommitLogLeastPages": "0"},
    "pool": {"transientStorePoolEnable": "true", "transientStorePoolSize": "2"},
}
_SIZES = (
    {"mappedFileSizeCommitLog": "500", "mappedFileSizeConsumeQueue": "60"},
    {"mappedFileSizeCommitLog": "4096", "mappedFileSizeConsumeQueue": "400"},
)
_CONTRACTS = (
    DiskContract(sector=64, torn=False),
    DiskContract(sector=64, torn=False, names=Names.ANY, garbage=True),
    DiskContract(sector=16),  # so that a head lies in several
    DiskContract(sector=16, names=Names.ANY, garbage=True),
)
ACTORS: Final = (
    FLUSH_COMMIT_LOG,
    REPUT,
    FLUSH_CONSUME_QUEUE,
    COMMIT_COMMIT_LOG,
    FLUSH_DISK_WATCHER,
    CHECK_DISK,
)
_EXTREMES = tuple(Extreme)
ONE_TORN: Final = range(5, 8)
_ONE_LOST, _IMAGES_MAX = 4, 9  # behind the extremes; the rest is drawn freely
_QUEUE_ID, _SYS_FLAG = 12, 36  # where a record has them
_QUEUES = 2
_PULLS_MAX = 1000  # of a queue whose units may say anything
SECTORS: Final = ("torn", "garbage")  # how a sector may come back, besides as a version of it
CRASHES: Final = frozenset({"kill", "fail_power", "stop_within", "shut_down", "start_on_bad_disk"})
DISK_FAULTS: Final[Mapping[str, tuple[FaultPoint, str]]] = {
    "no-file": (FaultPoint.NO_SPACE_CREATE, "commitlog/*"),
    "no-space-extend": (FaultPoint.NO_SPACE_EXTEND, "commitlog/*"),
    "no-space-write": (FaultPoint.NO_SPACE_WRITE, "commitlog/*"),
    "empty-after-create": (FaultPoint.EMPTY_AFTER_CREATE, "commitlog/*"),
    "no-file-in-dispatch": (FaultPoint.NO_SPACE_CREATE, "consumequeue/*"),
    "no-space-in-dispatch": (FaultPoint.NO_SPACE_WRITE, "consumequeue/*"),
    "no-space-in-index": (FaultPoint.NO_SPACE_WRITE, "index/*"),
    "force-fails": (FaultPoint.FORCE_FAILS, "*"),
    "force-lies": (FaultPoint.FORCE_LIES, "*"),
    "force-never-ends": (FaultPoint.FORCE_NEVER_ENDS, "*"),
    "read-error": (FaultPoint.READ_ERROR, "*"),
    "read-error-at-start": (FaultPoint.READ_ERROR, "*"),
    "no-space-at-start": (FaultPoint.NO_SPACE_WRITE, "*"),
}


class StoreLives(CountedMachine):
    """One store, life after life. Whoever derives from it sends, and lets the threads run."""

    @initialize(
        release=sampled_from(RELEASE_NAMES),
        mode=sampled_from(tuple(MODES)),
        sizes=sampled_from(_SIZES),
        contract=sampled_from(_CONTRACTS),
    )
    def start(self, release: str, mode: str, sizes: dict[str, str], contract: DiskContract) -> None:
        """Open a store on an empty disk."""
        self.mode = mode
        self._settings = RELEASES[release], {**sizes, **MODES[mode]}, contract
        self._new_store()
        self.began()

    def _new_store(self) -> None:
        release, overrides, contract = self._settings
        trace = self.trace_of(config_of(release.name, tuple(overrides.items())), release)
        ledger = Ledger(overrides.get("flushDiskType") == "SYNC_FLUSH", tears=contract.torn)
        self.lab = StoreLab(release, overrides, CrashDisk(contract), ledger=ledger, trace=trace)
        self.keyed: dict[str, list[int]] = {}  # numbers of the messages that have a key
        self._lived()

    def began(self) -> None:
        """Let a benchmark begin with messages that are there already."""

    def _lived(self) -> None:
        """A life begins: it is looked at as a whole, and its consumers have read nothing."""
        self.look = Look(self.lab.store)
        self.lab.disk.take_written()
        self.read_to = [0] * _QUEUES  # queue offset by queue
        self.ends = (0, 0, 0)
        self.next_offsets: dict[tuple[str, int], int] = {}

    @property
    def disk(self) -> CrashDisk:
        """The disk below the lab."""
        disk = self.lab.disk.disk
        assert isinstance(disk, CrashDisk)
        return disk

    @property
    def in_doubt(self) -> bool:
        """True when the disk did what no promise covers (STORE-PROMISE-13)."""
        return self.lab.ledger.trust is Trust.NOTHING

    @contextmanager
    def faulty(self, *names: str, nth: int = 1) -> Iterator[DiskFaults]:
        """Let the disk fail so, as far as the run allows it; count what really happened."""
        disk = self.disk
        chosen = {name: DISK_FAULTS[name] for name in names if name and self.allows(name)}
        faults = DiskFaults(DiskFault(point, path, nth) for point, path in chosen.values())
        disk.faults = faults if chosen else None
        try:
            yield faults
        finally:
            disk.faults = None
            for name, (point, _) in chosen.items():
                if faults.fired[point]:
                    self.fault(name)

    # --- readers

    @rule(queue_id=integers(0, 1), back=sampled_from((0, 0, 3, 50)))
    def read(self, queue_id: int, back: int) -> None:
        """Pull on from where the consumer was, or from a few messages before, to the end."""
        self.read_from(queue_id, max(0, self.read_to[queue_id] - back))

    def read_from(self, queue_id: int, begin: int) -> None:
        """Offsets grow from message to message, so none is given twice."""
        if self.in_doubt:
            self._read_in_doubt(queue_id)
            return
        try:
            numbers = self.lab.read("T", queue_id, begin)
        except StrangeMessage as error:
            self.broken("STORE-PROMISE-5", str(error))
        before = begin - 1
        for s in map(self.lab.ledger.sent.__getitem__, numbers):
            if s.queue_id != queue_id or not s.has_unit:
                self.broken("STORE-PROMISE-5", f"queue {queue_id} gave {s.number}")
            if s.unplaced:
                continue
            if s.queue_offset is None or s.queue_offset <= before:
                self.broken("STORE-PROMISE-6", f"{s.number} is given behind {before}")
            before = s.queue_offset
        self.read_to[queue_id] = before + 1

    def _read_in_doubt(self, queue_id: int) -> None:
        """STORE-PROMISE-13: a body that has its checksum was sent; a client sees what has not."""
        store, topic, queue = self.lab.store, Topic("T"), QueueId(queue_id)
        offset = store.min_offset_in_queue(topic, queue)
        for _ in range(_PULLS_MAX):
            result = store.get_message(Group("g"), topic, queue, offset, 32, None, self.lab.now)
            records = () if result is None else result.records
            for record in records:
                self.judge_in_doubt(record)
            if result is None or not records or result.next_begin_offset <= offset:
                return
            offset = QueueOffset(result.next_begin_offset)

    def judge_in_doubt(self, record: bytes) -> None:
        """End the run where a record has the checksum of a body that nobody sent."""
        release = self.lab.release
        checked = check_record(record, 0, release=release, check_crc=True)
        whole = checked.success and checked.msg_size == len(record)
        message = decode_record(record, release=release) if whole else None
        if message is not None and self.lab.number_of(message.body) is None:
            self.broken("STORE-PROMISE-13", f"{message.body!r} is given, and nobody sent it")

    # --- ends of a life

    @rule()
    def kill(self) -> None:
        """End the process; the page cache stays, and is as unsafe as before."""
        disk = self.lab.kill()
        assert isinstance(disk, CrashDisk)
        self._begin_again(disk, -1, "kill")

    @rule(
        which=integers(0, _IMAGES_MAX),
        draw=integers(0, 1 << 16),
        again=integers(-6, 9),
        watched=booleans(),
        sends=integers(0, 2),
    )
    def fail_power(self, which: int, draw: int, again: int, watched: bool, sends: int) -> None:
        """Lose power, open one of the images; perhaps the machine stops in the recovery again.

        `watched`: consumers had read everything that was visible. `sends`: so many producers come
        before anything else happens.
        """
        if watched:
            for queue_id, begin in enumerate(self.read_to):
                self.read_from(queue_id, begin)
        self.lab.fail_power()
        disk = self._image(which, draw)
        self._begin_again(disk, again, f"power, image {which} {draw}")
        for queue_id in range(sends):
            self.lab.put("T", queue_id)

    @rule(
        left=integers(0, 4),
        put=booleans(),
        which=integers(0, _IMAGES_MAX),
        draw=integers(0, 1 << 16),
    )
    def stop_within(self, left: int, put: bool, which: int, draw: int) -> None:
        """Lose power within a put or within a thread's step."""
        self.lab.disk.left = left
        if put:
            self.lab.put("T", 0, size=100)
        else:
            for actor in ACTORS:
                if self.lab.alive:
                    self.lab.step(actor)
        if self.lab.alive:
            self.lab.disk.left = None
            return
        self._begin_again(self._image(which, draw), -1, f"stopped within, image {which} {draw}")

    @rule(power=booleans(), which=integers(0, _IMAGES_MAX), draw=integers(0, 1 << 16))
    def shut_down(self, power: bool, which: int, draw: int) -> None:
        """End it orderly, and perhaps lose power right after that: nothing is missing.

        STORE-FLUSH-14: with a force that hangs the end is not clean, but there is one.
        """
        self.lab.shutdown()
        self.lab.settle()
        if self.lab.stopped is None and self.lab.hung:
            self.lab.advance(SHUTDOWN_PATIENCE)
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
        prng = Prng(draw)
        if which in ONE_TORN:
            image = crash.torn_at(*self._within_a_head(prng))
        elif which == _ONE_LOST:
            image = crash.all_but_one("commitlog/", prng)
        else:
            image = crash.sample(prng)
        for how in SECTORS:
            if image.has(how):
                self.fault(how)
        if image.has("torn") and self.lab.trace is not None:
            self.lab.trace.end()  # no model knows half a head
        return CrashDisk.from_image(image)

    def _within_a_head(self, prng: Prng) -> tuple[str, int]:
        """A byte of the log that says where a message that is not durable stands in its queue."""
        sent = self.lab.ledger.sent
        places = [s.offset for s in sent if not s.durable and s.offset is not None]
        offset = places[prng.below(len(places))] if places else PhysicalOffset(0)
        size = self.lab.store.commit_log.file_size
        at = offset % size + _QUEUE_ID + prng.below(_SYS_FLAG - _QUEUE_ID)
        return f"commitlog/{offset // size * size:020d}", at

    @rule(nth=integers(1, 20), name=sampled_from(("read-error-at-start", "no-space-at-start")))
    def start_on_bad_disk(self, nth: int, name: str) -> None:
        """Kill it, and let the disk fail once in the next start: it may refuse; the one after not.

        STORE-PROMISE-12.
        """
        disk = self.lab.kill()
        assert isinstance(disk, CrashDisk)
        if self.lab.trace is not None:
            self.lab.trace.end()  # no model knows a dispatch that is refused within a start
        with self.faulty(name, nth=nth) as faults:
            opened = self.lab.reopen(disk)
        if opened:
            self._goes_on("killed, and a start with a fault")
            return
        if not faults.fired.total() and not self.in_doubt:
            self.broken("STORE-PROMISE-12", f"{self.lab.refused} (for no reason)")
        self._begin_again(disk, -1, f"a start after one that failed: {self.lab.refused}")

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
        self._goes_on(how)

    def _goes_on(self, how: str) -> None:
        """Judge what was opened; where nothing is promised, a refusal is an answer too."""
        lab = self.lab
        if lab.refused is not None:
            if not self.in_doubt:
                self.broken("STORE-PROMISE-12", f"{lab.refused} ({how})")
            self._new_store()
            return
        self._lived()
        self.none_of(f"{text} ({how})" for text in self.look.violations(lab.ledger))
        lab.settle_ledger()

    # --- what always holds

    @invariant()
    def offsets_only_grow(self) -> None:
        """Within a life: flushed, dispatched, confirmed, and every next queue offset."""
        if self.in_doubt:
            if self.lab.trace is not None:
                self.lab.trace.end()  # no model knows a disk that breaks its word
            return
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
        """Come to rest, compare everything with the ledger, read every queue from its beginning."""
        self.lab.settle()
        self.none_of(Look(self.lab.store).violations(self.lab.ledger))
        for queue_id in range(len(self.read_to)):
            self.read_from(queue_id, 0)
