"""The table of cases in spec/store/recovery.md: one test a row, which builds the situation.

STORE-RECOVERY-1..10, STORE-PROMISE-1..12, STORE-FILES-3, STORE-FILES-7, STORE-FILES-11. Power fails
on a `CrashDisk`, and where nothing else is said a row holds for every image that was tried.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from refimpl.model.ids import Group, QueueId, QueueOffset, Topic
from refimpl.model.message_property import PROPERTY_DELAY_TIME_LEVEL
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASES, Release
from refimpl.model.status import GetMessageStatus, PutMessageStatus
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import STRICT
from refimpl.sim.ledger import Fate
from refimpl.sim.store_lab import StoreLab
from refimpl.store.message_store import (
    CLEAN_FILES,
    COMMIT_COMMIT_LOG,
    FLUSH_COMMIT_LOG,
    FLUSH_DISK_WATCHER,
)
from tests.store.harness import message

RELEASE = pytest.mark.parametrize("release", RELEASES.values(), ids=lambda r: r.name)
TABLE = Path(__file__).parents[2] / "spec/store/recovery.md"
LOG, QUEUE = "commitlog/", "consumequeue/T/0/"
SYNC = {"flushDiskType": "SYNC_FLUSH"}
POOL = {"transientStorePoolEnable": "true", "transientStorePoolSize": "1"}
TWO = {"mappedFileSizeCommitLog": "240"}  # two messages of this file in a file of the log
IMAGES = 24
OK = PutMessageStatus.PUT_OK


def lab(release: Release, *overrides: dict[str, str], strict: bool = True) -> StoreLab:
    merged: dict[str, str] = dict(TWO)
    for some in overrides:
        merged |= some
    return StoreLab(release, merged, CrashDisk(STRICT) if strict else CrashDisk())


def filled(release: Release, count: int, *overrides: dict[str, str]) -> StoreLab:
    """`count` messages, dispatched and flushed."""
    store = lab(release, *overrides)
    for _ in range(count):
        store.put()
    store.settle()
    return store


def name(offset: int) -> str:
    return f"{offset:020d}"


def killed(store: StoreLab) -> CrashDisk:
    disk = store.kill()
    assert isinstance(disk, CrashDisk)
    return disk


def after_power_failure(store: StoreLab, images: int = IMAGES) -> Iterator[StoreLab]:
    """One opened store for each image; each is checked, and then settled and checked again."""
    disk = store.fail_power()
    assert isinstance(disk, CrashDisk)
    for image in disk.crash().images(images, Prng(4)):
        again = store.twin(CrashDisk.from_image(image))
        assert again.check() == [], image.label
        again.settle_ledger()
        yield again
        if again.alive:
            again.settle(100)
            assert again.check() == [], image.label


def reopened(store: StoreLab, disk: CrashDisk) -> None:
    """Open, check, go on."""
    assert store.reopen(disk), store.refused
    assert store.check() == []
    store.settle_ledger()
    store.settle(100)
    assert store.check() == []


def fates(store: StoreLab) -> list[Fate]:
    return [s.fate for s in store.ledger.sent]


def write(disk: CrashDisk, path: str, at: int, data: bytes) -> None:
    disk.write(path, at, data)
    disk.force(path)


# --- nothing, and an orderly end


@RELEASE
def test_nothing(release: Release) -> None:
    store = lab(release)
    for again in after_power_failure(store):
        assert again.read() == []
        again.put()
        assert again.ledger.sent[0].offset == 0


@RELEASE
def test_orderly_end(release: Release) -> None:
    """STORE-PROMISE-9: power fails just after it."""
    store = filled(release, 5)
    store.put(batch=2)
    store.shutdown()
    store.settle()
    assert store.stopped is not None
    assert store.stopped.clean
    for again in after_power_failure(store):
        again.settle()
        assert again.read() == list(range(7))


@RELEASE
def test_orderly_end_that_failed(release: Release) -> None:
    """STORE-FILES-9: a force of the end fails, so `abort` stays and recovery reads everything."""
    store = filled(release, 3)
    store.put()
    store.shutdown()
    store.complete_force(next(iter(store.pending)), ok=False)
    store.settle()
    assert store.stopped is not None
    assert not store.stopped.clean
    reopened(store, killed(store))
    assert store.read() == list(range(4))


# --- a killed process


@RELEASE
def test_killed_before_dispatch(release: Release) -> None:
    """STORE-PROMISE-2: the log is ahead of the queues."""
    store = lab(release)
    for i in range(5):
        store.put(queue_id=i % 2)
    reopened(store, killed(store))
    assert store.read() == [0, 2, 4]
    assert store.read(queue_id=1) == [1, 3]


@RELEASE
def test_killed_while_waiting(release: Release) -> None:
    """STORE-PROMISE-8: nobody was answered; it is there, and shown when it was forced."""
    store = lab(release, SYNC)
    store.put()
    store.step(FLUSH_COMMIT_LOG)
    assert store.reopen(killed(store))
    assert store.check() == []
    assert store.read() == []
    store.settle()
    assert store.read() == [0]


@RELEASE
def test_reader_from_another_life(release: Release) -> None:
    """STORE-RECOVERY-4: a pull from where the queue will end is not corrected."""
    store = filled(release, 3, SYNC)
    assert store.reopen(killed(store))
    for offset, expected in ((3, "OFFSET_OVERFLOW_ONE"), (4, None)):
        result = store.store.get_message(
            Group("g"), Topic("T"), QueueId(0), QueueOffset(offset), 32, None, store.now
        )
        assert result is not None
        assert (result.status.name == "OFFSET_OVERFLOW_ONE") is (expected is not None)
        assert result.status is not GetMessageStatus.FOUND
    store.settle()
    assert store.read() == [0, 1, 2]


@RELEASE
def test_killed_after_a_timeout(release: Release) -> None:
    """STORE-FLUSH-5: FLUSH_DISK_TIMEOUT is indefinite; the page cache has the message."""
    store = lab(release, SYNC)
    store.put()
    store.step(FLUSH_COMMIT_LOG)
    store.advance(6000)
    store.step(FLUSH_DISK_WATCHER)
    assert store.ledger.sent[0].status is PutMessageStatus.FLUSH_DISK_TIMEOUT
    reopened(store, killed(store))
    assert store.read() == [0]


@RELEASE
def test_killed_then_power(release: Release) -> None:
    """STORE-RECOVERY-7: what the killed process had not forced is forced before it is shown."""
    store = filled(release, 2, SYNC)
    store.put()
    assert store.reopen(killed(store))
    store.settle_ledger()
    store.settle()
    assert store.read() == [0, 1, 2]
    for again in after_power_failure(store):
        again.settle()
        assert again.read() == [0, 1, 2]


# --- the transient store pool


@RELEASE
def test_pool_killed(release: Release) -> None:
    """STORE-FLUSH-9: what was committed is there, the rest is gone for good."""
    store = lab(release, POOL, {"mappedFileSizeCommitLog": "800"})
    store.put()
    store.step(COMMIT_COMMIT_LOG)
    store.put()
    reopened(store, killed(store))
    assert fates(store) == [Fate.KEPT, Fate.LOST]
    store.put()
    store.settle(1000)
    assert store.read() == [0, 2]


@RELEASE
def test_pool_exhausted(release: Release) -> None:
    """STORE-PROMISE-3: the second file is written without a buffer, the first not committed."""
    store = lab(release, POOL)
    for _ in range(4):
        store.put()
    assert store.store.is_transient_store_pool_deficient()
    reopened(store, killed(store))
    assert fates(store) == [Fate.LOST] * 4
    store.put()
    store.settle(1000)
    assert store.read() == [4]


# --- a power failure


@RELEASE
def test_power_under_sync_flush(release: Release) -> None:
    """STORE-PROMISE-1: what was acknowledged is there; of the rest a beginning."""
    store = filled(release, 3, SYNC)
    assert [s.status for s in store.ledger.sent] == [OK] * 3
    for _ in range(3):
        store.put()
    ends = {tuple(fates(again)) for again in after_power_failure(store, 60)}
    assert {end[:3] for end in ends} == {(Fate.KEPT,) * 3}
    assert len(ends) > 1, "the images differ"


@RELEASE
def test_power_under_async_flush(release: Release) -> None:
    """STORE-PROMISE-3: what was flushed is there; of the rest a beginning."""
    store = filled(release, 3)
    for _ in range(3):
        store.put()
    durable = [s.durable for s in store.ledger.sent]
    assert durable == [True, True, False, False, False, False]
    for again in after_power_failure(store, 60):
        assert fates(again)[:2] == [Fate.KEPT] * 2


@RELEASE
def test_power_without_waiting(release: Release) -> None:
    """STORE-PROMISE-1: `WAIT` false was told PUT_OK and promised nothing until it was forced."""
    store = lab(release, SYNC)
    store.put(waits=False)
    assert store.ledger.sent[0].status is OK
    assert {tuple(fates(again)) for again in after_power_failure(store)} == {
        (Fate.LOST,),
        (Fate.KEPT,),
    }


@RELEASE
def test_across_two_files(release: Release) -> None:
    """STORE-FLUSH-3: the message that rolled needs a second force, and then survives."""
    store = lab(release, SYNC)
    for _ in range(3):
        store.put()
    store.settle()
    assert store.ledger.sent[2].offset == 240
    for again in after_power_failure(store):
        assert fates(again) == [Fate.KEPT] * 3


@RELEASE
def test_batch_in_part(release: Release) -> None:
    """STORE-PROMISE-5: a batch that nobody was promised comes back as a beginning of it."""
    store = lab(release, {"mappedFileSizeCommitLog": "4096"})
    store.put(batch=3, size=600)
    ends = {tuple(fates(again)) for again in after_power_failure(store, 60)}
    assert (Fate.KEPT,) * 3 in ends
    assert (Fate.LOST,) * 3 in ends


@RELEASE
def test_failed_force(release: Release) -> None:
    """STORE-FLUSH-1: nobody is told PUT_OK for what a failed force did not write."""
    store = lab(release, SYNC)
    store.put()
    store.step(FLUSH_COMMIT_LOG)
    store.complete_force(next(iter(store.pending)), ok=False)
    assert store.ledger.sent[0].status is not OK
    for again in after_power_failure(store):
        assert fates(again)[0] in {Fate.KEPT, Fate.LOST}


# --- the end of a file


@RELEASE
@pytest.mark.parametrize("stop", range(4))
def test_stopped_in_a_roll(release: Release, stop: int) -> None:
    """STORE-PROMISE-12: before the blank record, the file, its name, its record."""
    store = filled(release, 2)
    store.disk.left = stop
    store.put()
    assert not store.alive
    for again in after_power_failure(store):
        again.put()
        again.settle()
        assert again.read() == [0, 1, 3]


@RELEASE
def test_empty_last_file(release: Release) -> None:
    """STORE-FILES-3: made, and left without its length."""
    store = filled(release, 2)
    disk = killed(store)
    disk.create(f"{LOG}{name(240)}", 0)
    reopened(store, disk)
    store.put()
    assert store.ledger.sent[2].offset == 240
    assert store.check() == []


@RELEASE
def test_empty_file_in_the_middle(release: Release) -> None:
    """STORE-FILES-3: names survived and one length did not: the log ends before it."""
    store = filled(release, 2)
    for _ in range(4):
        store.put()
    store.fail_power()
    disk = store.disk.disk
    disk.extend(f"{LOG}{name(240)}", 0)
    assert isinstance(disk, CrashDisk)
    reopened(store, disk)
    assert fates(store) == [Fate.KEPT] * 2 + [Fate.LOST] * 4


# --- torn and dirty tails


@RELEASE
@pytest.mark.parametrize("kept", [1, 40, 90])
def test_torn_record(release: Release, kept: int) -> None:
    """STORE-RECOVERY-2: the last record is there in part."""
    store = filled(release, 1)
    store.put()
    at, size = store.ledger.sent[1].offset, store.ledger.sent[1].size
    assert at is not None
    store.fail_power()
    disk = store.disk.disk
    assert isinstance(disk, CrashDisk)
    write(disk, f"{LOG}{name(0)}", at + kept, bytes(size - kept))
    reopened(store, disk)
    assert fates(store) == [Fate.KEPT, Fate.LOST]
    store.put()
    store.settle()
    assert store.read() == [0, 2]


@RELEASE
def test_cut_off_records_of_equal_size(release: Release) -> None:
    """STORE-PROMISE-7 (S06): behind the cut stand whole records where new ones will end."""
    store = filled(release, 1, {"mappedFileSizeCommitLog": "4096"})
    for _ in range(4):
        store.put()
    store.fail_power()
    disk = store.disk.disk
    assert isinstance(disk, CrashDisk)
    write(disk, f"{LOG}{name(0)}", store.ledger.sent[1].offset or 0, bytes(60))
    reopened(store, disk)
    assert fates(store) == [Fate.KEPT] + [Fate.LOST] * 4
    store.put()
    reopened(store, killed(store))
    store.put()
    for again in after_power_failure(store, 60):
        assert set(fates(again)[1:5]) == {Fate.LOST}


@RELEASE
def test_file_behind_the_cut(release: Release) -> None:
    """STORE-FILES-11: a file that recovery removed does not come back."""
    store = filled(release, 1)
    for _ in range(4):
        store.put()
    store.fail_power()
    disk = store.disk.disk
    assert isinstance(disk, CrashDisk)
    for path in disk.files():
        disk.force(path)
    write(disk, f"{LOG}{name(0)}", store.ledger.sent[1].offset or 0, bytes(60))
    assert store.reopen(disk)
    store.settle_ledger()
    assert fates(store) == [Fate.KEPT] + [Fate.LOST] * 4
    store.put()
    for again in after_power_failure(store):
        assert set(fates(again)[1:5]) == {Fate.LOST}


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
    store.store.commit_log.begin_time_in_lock = store.now
    store.advance(2000)
    store.put()
    assert store.ledger.sent[2].status is PutMessageStatus.OS_PAGE_CACHE_BUSY
    reopened(store, killed(store))
    assert fates(store) == [Fate.KEPT] * 2 + [Fate.LOST]


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
    tests = {n.removeprefix("test_") for n in globals() if n.startswith("test_")}
    assert rows == tests - {"the_table_has_a_test_for_each_row"}
