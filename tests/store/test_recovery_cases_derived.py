"""Cases of recovery, of what derives from the log, of retention, and of several crashes.

STORE-RECOVERY-3..10, STORE-PROMISE-1..12, STORE-FILES-7. The rest of the rows of the table in
spec/store/recovery.md is in test_recovery_cases.py.
"""

import re
from pathlib import Path

import pytest

from fuzz.store_rig import message
from refimpl.model.ids import QueueId, Topic
from refimpl.model.message_property import PROPERTY_DELAY_TIME_LEVEL
from refimpl.model.release import RELEASE_4_9, Release
from refimpl.model.status import PutMessageStatus
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint
from refimpl.sim.ledger import Ledger
from refimpl.sim.sent_log import Fate
from refimpl.sim.store_lab import StoreLab
from refimpl.store.message_store import (
    CLEAN_FILES,
)
from tests.store import test_recovery_cases
from tests.store.recovery_bench import (
    LOG,
    QUEUE,
    RELEASE,
    SYNC,
    TWO,
    after_power_failure,
    fates,
    filled,
    killed,
    lab,
    name,
    reopened,
    write,
)

TABLE = Path(__file__).parents[2] / "spec/store/recovery.md"
OK = PutMessageStatus.PUT_OK
_QUEUE_ID, _QUEUE_OFFSET = 12, 20  # where a record has them


# --- the checkpoint


@RELEASE
@pytest.mark.parametrize("page", [None, b"", bytes(48)])
def test_lost_checkpoint(release: Release, page: bytes | None) -> None:
    """STORE-RECOVERY-3: without it everything is read and dispatched."""
    store = filled(release, 5)
    store.advance(100_000)
    store.settle(70_000)
    disk = killed(store)
    assert disk.exists("checkpoint")
    disk.unlink("checkpoint")
    if page is not None:
        disk.create("checkpoint", len(page))
        disk.write("checkpoint", 0, page)
    disk.unlink(f"{QUEUE}{name(0)}")
    reopened(store, disk)
    assert store.read() == [0, 1, 2, 3, 4]


@RELEASE
def test_checkpoint_that_promises_too_much(release: Release) -> None:
    """STORE-RECOVERY-3: its time is later than any message: it is not believed."""
    store = filled(release, 5)
    disk = killed(store)
    later = (store.now + 1_000_000).to_bytes(8, "big")
    page = later * 3 + bytes(16) + (1 << 40).to_bytes(8, "big")
    if not disk.exists("checkpoint"):
        disk.create("checkpoint", 4096)
    disk.write("checkpoint", 0, page)
    disk.unlink(f"{QUEUE}{name(0)}")
    reopened(store, disk)
    assert store.read() == [0, 1, 2, 3, 4]


# --- queues and index


@RELEASE
def test_queue_behind_the_log(release: Release) -> None:
    """STORE-RECOVERY-4: the last units were never written."""
    store = filled(release, 5)
    disk = killed(store)
    disk.write(f"{QUEUE}{name(0)}", 40, bytes(40))
    disk.unlink(f"{QUEUE}{name(80)}")
    reopened(store, disk)
    assert store.read() == [0, 1, 2, 3, 4]


@RELEASE
def test_queue_ahead_of_the_log(release: Release) -> None:
    """STORE-RECOVERY-5: units whose records a power failure took; their offsets are given again."""
    store = filled(release, 2)
    for _ in range(3):
        store.put()
    store.step(next(a for a in store.store.actors() if a.endswith("reput")))
    store.fail_power()
    disk = store.disk.disk
    assert isinstance(disk, CrashDisk)
    assert disk.read(f"{QUEUE}{name(80)}", 0, 12) != bytes(12)
    write(disk, f"{LOG}{name(240)}", 0, bytes(240))
    reopened(store, disk)
    assert fates(store) == [Fate.KEPT] * 2 + [Fate.LOST] * 3
    store.put()
    store.settle()
    assert store.read() == [0, 1, 5]
    assert store.ledger.sent[5].queue_offset == 2


@RELEASE
@pytest.mark.parametrize("kept", [6, 7, 11])
def test_torn_unit(release: Release, kept: int) -> None:
    """STORE-RECOVERY-10: the last unit is half there: another offset, another size."""
    store = filled(release, 5)
    disk = killed(store)
    disk.write(f"{QUEUE}{name(0)}", 60 + kept, bytes(20 - kept))
    reopened(store, disk)
    assert store.read() == [0, 1, 2, 3, 4]


@RELEASE
def test_lost_queue(release: Release) -> None:
    """STORE-RECOVERY-4: every file of one queue is gone after a crash before any checkpoint."""
    store = filled(release, 5)
    disk = killed(store)
    for path in list(disk.files()):
        if path.startswith(QUEUE):
            disk.unlink(path)
    reopened(store, disk)
    assert store.read() == [0, 1, 2, 3, 4]


@RELEASE
def test_lost_index(release: Release) -> None:
    """STORE-INDEX-11: every index file is gone after a crash, keys are found all the same."""
    store = lab(release)
    for i in range(5):
        store.put(properties={"KEYS": f"k{i}"})
    store.settle()
    disk = killed(store)
    for path in list(disk.files()):
        if path.startswith("index/"):
            disk.unlink(path)
    reopened(store, disk)
    for i in range(5):
        result = store.store.query_message(Topic("T"), f"k{i}", 32, 0, store.now + 1)
        assert len(result.records) == 1


@RELEASE
def test_prepared_transaction(release: Release) -> None:
    """STORE-CQ-1: a half message that recovery reads gets no unit and takes no queue offset."""
    store = lab(release)
    store.put()
    store.put(prepared=True)
    store.put()
    reopened(store, killed(store))
    assert store.read() == [0, 2]
    assert store.ledger.sent[2].queue_offset == 1


@RELEASE
def test_delayed_message(release: Release) -> None:
    """STORE-RECOVERY-9: its unit holds the time of its delivery."""
    store = lab(release, {"mappedFileSizeCommitLog": "800"})
    inner = message(b"later", properties={PROPERTY_DELAY_TIME_LEVEL: "1"})
    store.store.put_message(inner, store.now)
    assert store.reopen(killed(store))
    queue = store.store.queues.find("SCHEDULE_TOPIC_XXXX", 0)
    assert queue is not None
    unit = queue.get(0)
    assert unit is not None
    assert unit[2] == store.now + 1000


# --- retention


@RELEASE
def test_deleted_first_file(release: Release) -> None:
    """STORE-CQ-5: somebody removed the first file of the log; the queues begin behind it."""
    store = filled(release, 5)
    disk = killed(store)
    disk.unlink(f"{LOG}{name(0)}")
    assert store.reopen(disk)
    assert store.check() == []
    store.settle_ledger()
    store.settle()
    assert fates(store)[:2] == [Fate.REMOVED] * 2
    assert store.store.min_offset_in_queue(Topic("T"), QueueId(0)) == 2
    assert store.read() == [2, 3, 4]


@RELEASE
@pytest.mark.parametrize("mode", [{}, SYNC], ids=["async", "sync"])
def test_deleted_topic(release: Release, mode: dict[str, str]) -> None:
    """STORE-RECOVERY-11: old and new messages are in the log, the new ones in the queue."""
    store = filled(release, 3, mode)
    store.store.delete_topics([Topic("T")])
    for _ in range(4):
        store.put()
    store.settle()
    assert store.read() == [3, 4, 5, 6]
    disk = killed(store)
    for _ in range(2):
        assert store.reopen(disk)
        store.settle(100)
        assert store.read() == [3, 4, 5, 6]
        assert store.store.max_offset_in_queue(Topic("T"), QueueId(0)) == 4
        disk = killed(store)


@RELEASE
def test_power_after_retention(release: Release) -> None:
    """STORE-RETENTION-1: removed files may come back, but never without those behind them."""
    store = filled(release, 9)
    disk = store.disk.disk
    disk.used = 0.88  # clean by force, whatever the age
    store.advance(60_000)
    store.step(CLEAN_FILES)
    minimum = store.store.commit_log.min_offset()
    assert minimum > 0
    store.ledger = store.ledger.removed(minimum)
    for again in after_power_failure(store):
        assert again.store.commit_log.mapped_file_queue.is_contiguous()
        assert again.store.commit_log.min_offset() <= minimum


@RELEASE
def test_retention_of_what_was_not_forced(release: Release) -> None:
    """STORE-FLUSH-3: files go that a killed process never forced; flushes go on behind them."""
    store = lab(release, SYNC)
    for _ in range(5):
        store.put()
    assert store.reopen(killed(store))
    store.settle_ledger()
    store.disk.disk.used = 0.88
    store.advance(1000)
    store.step(CLEAN_FILES)
    store.ledger = store.ledger.removed(store.store.commit_log.min_offset())
    store.put()
    store.settle()
    assert store.ledger.sent[5].status is OK
    assert store.check() == []


@RELEASE
@pytest.mark.parametrize("kept", [5, 9, 11, 27, 31, 40, 47, 49])
def test_torn_pre_blank_unit(release: Release, kept: int) -> None:
    """STORE-RECOVERY-10: a queue that begins with fill is torn in it, or in its only unit."""
    store = filled(release, 7)
    store.disk.disk.used = 0.88
    store.advance(1000)
    store.step(CLEAN_FILES)
    store.ledger = store.ledger.removed(store.store.commit_log.min_offset())
    disk = killed(store)
    for path in list(disk.files()):
        if path.startswith(QUEUE):
            disk.unlink(path)
    reopened(store, disk)
    assert store.read() == [6]
    assert store.ledger.sent[6].queue_offset == 6
    disk = killed(store)
    disk.write(f"{QUEUE}{name(80)}", kept, bytes(80 - kept))
    reopened(store, disk)
    assert store.read() == [6]
    store.put()
    store.settle()
    assert store.read() == [6, 7]


@RELEASE
def test_closed_last_file(release: Release) -> None:
    """STORE-RECOVERY-1: its blank was forced before the orderly end, and is not written again."""
    store = filled(release, 3)
    disk = store.disk.disk
    assert isinstance(disk, CrashDisk)
    disk.faults = DiskFaults([DiskFault(FaultPoint.NO_SPACE_CREATE, "commitlog/*")])
    store.put(size=100)
    disk.faults = None
    store.settle(20_000)
    end = store.store.commit_log.max_offset()
    store.shutdown()
    store.settle()
    assert store.reopen(killed(store)), store.refused
    assert store.check() == []
    store.settle_ledger()
    queue = store.store.commit_log.mapped_file_queue
    assert (end % 240, queue.flushed_where, queue.max_offset) == (0, end, end)
    store.put()
    store.settle()
    assert store.ledger.sent[4].offset == end
    assert store.read() == [0, 1, 2, 4]


@RELEASE
def test_torn_head_that_names_a_taken_place(release: Release) -> None:
    """STORE-RECOVERY-10: two that follow one another do not take the place of one before them."""
    store = StoreLab(release, TWO, CrashDisk(), ledger=Ledger(sync_flush=False, tears=True))
    for _ in range(4):
        store.put()
    store.settle()
    store.put("T", 1)
    store.fail_power()
    disk = store.disk.disk
    assert isinstance(disk, CrashDisk)
    place = (0).to_bytes(4, "big"), (3).to_bytes(8, "big")  # queue 0, where message 3 stands
    for at, field in zip((_QUEUE_ID, _QUEUE_OFFSET), place, strict=True):
        write(disk, f"{LOG}{name(480)}", at, field)
    reopened(store, disk)
    assert store.ledger.sent[4].unplaced
    store.advance(100_000)
    store.put()
    store.settle(70_000)
    assert store.ledger.sent[5].queue_offset == 4
    assert store.read() == [0, 1, 2, 3, 5]
    reopened(store, killed(store))
    assert store.read() == [0, 1, 2, 3, 5]


@RELEASE
def test_torn_head_that_seems_to_begin_again(release: Release) -> None:
    """STORE-RECOVERY-11: offsets 0, 0 and 1 are those of a queue that was deleted in between."""
    store = StoreLab(release, TWO, CrashDisk(), ledger=Ledger(sync_flush=False, tears=True))
    store.put()
    store.put("T", 1)
    store.put()
    store.fail_power()
    disk = store.disk.disk
    assert isinstance(disk, CrashDisk)
    second = store.ledger.sent[1].offset
    assert second is not None
    write(disk, f"{LOG}{name(0)}", second + _QUEUE_ID, bytes(4))
    reopened(store, disk)
    assert [s.unplaced for s in store.ledger.sent] == [True] * 3
    assert store.read() == [1, 2]
    reopened(store, killed(store))
    assert store.read() == [1, 2]


# --- refusals


@RELEASE
def test_disk_full(release: Release) -> None:
    """STORE-PROMISE-4: refused while the disk was full, and nowhere after a crash."""
    store = filled(release, 2)
    store.disk.disk.used = 0.95
    store.advance(60_000)
    store.step(CLEAN_FILES)
    store.put()
    assert store.ledger.sent[2].status is PutMessageStatus.SERVICE_NOT_AVAILABLE
    for again in after_power_failure(store):
        assert fates(again) == [Fate.KEPT] * 2 + [Fate.LOST]


@RELEASE
def test_page_cache_busy(release: Release) -> None:
    """STORE-PROMISE-4: an append holds the lock for too long; the next one is refused."""
    store = filled(release, 2)
    disk = store.disk.disk
    assert isinstance(disk, CrashDisk)
    disk.faults = DiskFaults([DiskFault(FaultPoint.SLOW, millis=3000)])
    store.put()
    store.advance(2000)
    store.put()
    assert [s.status for s in store.ledger.sent.since(2)] == [
        OK,
        PutMessageStatus.OS_PAGE_CACHE_BUSY,
    ]
    reopened(store, killed(store))
    assert fates(store) == [Fate.KEPT] * 3 + [Fate.LOST]


@RELEASE
def test_lock_of_a_dead_process(release: Release) -> None:
    """STORE-FILES-7: the file `lock` is there, nobody holds it."""
    store = filled(release, 1)
    disk = killed(store)
    assert disk.exists("lock")
    reopened(store, disk)
    assert store.read() == [0]


# --- again, and again


@RELEASE
def test_stopped_in_recovery(release: Release) -> None:
    """STORE-PROMISE-12: at every change that recovery makes, with power failing there."""
    store = filled(release, 3, SYNC)
    for _ in range(3):
        store.put()
    disk = killed(store)
    stop = 0
    while not (half := store.twin(disk.fork(), stop_after=stop)).alive:
        for again in after_power_failure(half, 8):
            assert fates(again)[:3] == [Fate.KEPT] * 3
        stop += 1
    assert stop > 5


REFUSALS = (
    FaultPoint.NO_SPACE_WRITE,
    FaultPoint.NO_SPACE_CREATE,
    FaultPoint.NO_SPACE_EXTEND,
    FaultPoint.READ_ERROR,
)
SECTOR_SIZED = 420  # bytes of a body whose record fills a sector


@pytest.mark.parametrize("point", REFUSALS, ids=lambda p: p.name)
def test_refused_in_recovery(point: FaultPoint) -> None:
    """STORE-RECOVERY-6, STORE-PROMISE-7: zeros that a refused start left are not durable."""
    first = lab(RELEASE_4_9, {"mappedFileSizeCommitLog": "4096"})
    for _ in range(5):
        first.put(size=SECTOR_SIZED)
    first.settle()
    torn = killed(first)
    write(torn, f"{LOG}{name(0)}", first.ledger.sent[1].offset or 0, bytes(60))
    first.fail_power()
    nth, fired = 0, 1
    while fired:
        nth += 1
        disk = torn.fork()
        disk.faults = faults = DiskFaults([DiskFault(point, nth=nth)])
        store = first.twin(disk)
        fired, disk.faults = faults.fired.total(), None
        assert store.alive or store.reopen(disk)
        store.settle_ledger()
        assert fates(store) == [Fate.KEPT] + [Fate.LOST] * 4
        for _ in range(2):
            store.put(size=SECTOR_SIZED)
        assert disk.read(f"{LOG}{name(0)}", 520, 4096) == bytes(4096 - 520)
        for again in after_power_failure(store, 12):
            assert set(fates(again)[1:5]) == {Fate.LOST}
    assert nth > 1 or point is FaultPoint.NO_SPACE_EXTEND


@RELEASE
def test_recovered_sent_crashed(release: Release) -> None:
    """STORE-PROMISE-7, STORE-PROMISE-1: three lives; what is sent between them hides nothing."""
    store = filled(release, 2, SYNC)
    store.put()
    store.put()
    for first in after_power_failure(store, 12):
        before = fates(first)
        first.put()
        first.settle()
        assert first.ledger.sent[4].status is OK
        first.put()
        for second in after_power_failure(first, 12):
            kept = fates(second)
            assert kept[4] is Fate.KEPT
            assert kept[:4] == before


def test_the_table_has_a_test_for_each_row() -> None:
    """And no test without its row."""
    text = TABLE.read_text("utf-8")
    rows = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    names = {*globals(), *vars(test_recovery_cases)}
    tests = {n.removeprefix("test_") for n in names if n.startswith("test_")}
    assert rows == tests - {"the_table_has_a_test_for_each_row", "recovery_cases"}
