"""Cases of recovery, of the log: one test a row of the table in spec/store/recovery.md.

STORE-RECOVERY-1..10, STORE-PROMISE-1..12, STORE-FILES-3, STORE-FILES-11. Power fails on a
`CrashDisk`, and where nothing else is said a row holds for every image that was tried.
"""

import pytest

from refimpl.model.ids import Group, QueueId, QueueOffset, Topic
from refimpl.model.release import Release
from refimpl.model.status import GetMessageStatus, PutMessageStatus
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.sent_log import Fate
from refimpl.store.message_store import (
    COMMIT_COMMIT_LOG,
    FLUSH_COMMIT_LOG,
    FLUSH_DISK_WATCHER,
)
from tests.store.recovery_bench import (
    LOG,
    POOL,
    RELEASE,
    SYNC,
    after_power_failure,
    fates,
    filled,
    killed,
    lab,
    name,
    reopened,
    write,
)

OK = PutMessageStatus.PUT_OK


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
    """STORE-FILES-3, STORE-PROMISE-12: names survived, one length did not: the log ends there."""
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
