"""StoreLab: what it drives is a real store, what it notes is what happened."""

import pytest

from refimpl.model.prng import Prng
from refimpl.model.release import RELEASES, Release
from refimpl.model.status import PutMessageStatus
from refimpl.model.trace import Crash, TraceEvent
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint
from refimpl.sim.store_lab import REFUSED, WITHIN, StoreLab
from refimpl.sim.trace_writer import TraceLog
from refimpl.store.message_store import (
    FLUSH_COMMIT_LOG,
    FLUSH_DISK_WATCHER,
    SHUTDOWN_PATIENCE,
    SHUTDOWN_WATCHER,
)

ALL = list(RELEASES.values())
SYNC = {"flushDiskType": "SYNC_FLUSH"}
POOL = {"transientStorePoolEnable": "true", "transientStorePoolSize": "2"}
MODES = {"async": {}, "sync": SYNC, "pool": POOL}


def answer(lab: StoreLab) -> PutMessageStatus | None:
    return lab.ledger.sent[0].status


def ended(lab: StoreLab) -> bool | None:
    """Was the orderly end clean; None while it is under way."""
    return None if lab.stopped is None else lab.stopped.clean


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
@pytest.mark.parametrize("mode", list(MODES))
def test_a_killed_process_loses_nothing_that_was_readable(release: Release, mode: str) -> None:
    """STORE-PROMISE-2, STORE-PROMISE-10: puts, a batch, a kill, and what the next life shows."""
    lab = StoreLab(release, MODES[mode], CrashDisk())
    for i in range(9):
        lab.put(queue_id=i % 2, properties={"KEYS": f"k{i}"})
        if i % 3 == 0:
            lab.settle(100)
    lab.put(batch=3)
    before = lab.read()
    assert lab.check() == []
    assert lab.reopen(lab.kill())
    assert lab.check() == []
    lab.settle_ledger()
    lab.settle(1000)
    assert lab.read()[: len(before)] == before
    assert lab.check() == []


def test_group_commit_answers_when_the_disk_did() -> None:
    """STORE-PROMISE-1: nothing is durable before its force is complete, and then it is."""
    lab = StoreLab(overrides=SYNC, disk=CrashDisk())
    lab.put()
    lab.step(FLUSH_COMMIT_LOG)
    assert answer(lab) is None
    (token,) = lab.pending
    assert lab.run_force(token)
    assert answer(lab) is None
    assert not lab.ledger.sent[0].durable
    lab.complete_force(token)
    assert answer(lab) is PutMessageStatus.PUT_OK
    assert lab.ledger.sent[0].durable


def test_patience_is_indefinite() -> None:
    """STORE-PROMISE-2: FLUSH_DISK_TIMEOUT after syncFlushTimeout; a power failure may take it."""
    lab = StoreLab(overrides=SYNC, disk=CrashDisk())
    lab.put()
    lab.step(FLUSH_COMMIT_LOG)
    lab.advance(6000)
    lab.step(FLUSH_DISK_WATCHER)
    assert lab.ledger.sent[0].status is PutMessageStatus.FLUSH_DISK_TIMEOUT
    lab.fail_power()
    assert not lab.ledger.sent[0].must


def test_a_lie_of_the_disk_is_found_out() -> None:
    """STORE-PROMISE-1: an image without the acknowledged bytes breaks the promise."""
    lab = StoreLab(overrides=SYNC, disk=CrashDisk())
    lab.put()
    lab.settle()
    lab.put()
    lab.settle()
    lab.fail_power()
    assert lab.reopen(CrashDisk())
    found = lab.check()
    assert len(found) == 2
    assert all(text.startswith("STORE-PROMISE-1:") for text in found)


def test_power_failure_keeps_what_was_promised() -> None:
    """STORE-PROMISE-1, STORE-PROMISE-12: in every image of one crash."""
    lab = StoreLab(overrides=SYNC, disk=CrashDisk())
    for i in range(7):
        lab.put(waits=i < 5)
        if i < 5:
            lab.settle()
    disk = lab.fail_power()
    assert isinstance(disk, CrashDisk)
    seen = 0
    for image in disk.crash().images(40, Prng(1)):
        again = lab.twin(CrashDisk.from_image(image))
        assert again.check() == []
        seen += len([s for s in again.ledger.sent if s.must])
    assert seen
    assert seen % 5 == 0


def test_the_machine_stops_in_the_middle_of_a_put() -> None:
    """STORE-PROMISE-5: a put that never ended is there as it was sent, or not at all."""
    for left in range(6):
        lab = StoreLab(disk=CrashDisk())
        for _ in range(7):  # the next one rolls
            lab.put()
        lab.disk.left = left
        lab.put()
        if lab.alive:
            assert left > 3, "a roll is blank, create, sync, write"
            continue
        assert lab.ledger.sent[7].status is None
        assert lab.reopen(lab.disk.disk)
        assert lab.check() == []


def test_recovery_may_be_stopped_at_every_change() -> None:
    """STORE-PROMISE-12: and the recovery after it finds the same."""
    lab = StoreLab(disk=CrashDisk())
    for i in range(9):
        lab.put(queue_id=i % 2)
    disk = lab.kill()
    assert isinstance(disk, CrashDisk)
    stops = 0
    while not (again := lab.twin(disk.fork(), stop_after=stops)).alive:
        assert again.reopen(again.disk.disk)
        assert again.check() == []
        stops += 1
    assert stops > 3


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
@pytest.mark.parametrize("batch", [0, 2])
def test_a_slow_disk_makes_the_page_cache_busy(release: Release, batch: int) -> None:
    """STORE-LOG-2: an append that hangs for two seconds holds the lock; after one, puts fail."""
    slow = DiskFault(FaultPoint.SLOW, "commitlog/*", nth=2, millis=2000)
    lab = StoreLab(release, disk=CrashDisk(faults=DiskFaults([slow])))
    lab.put()
    assert lab.store.lock_time_millis(lab.now) == 0
    answers = []
    for _ in range(5):
        number = lab.put(batch=batch)
        answers.append(lab.ledger.sent[number].status)
        lab.advance(600)
    busy = PutMessageStatus.OS_PAGE_CACHE_BUSY
    ok = PutMessageStatus.PUT_OK
    assert answers == [ok, ok, busy, busy, ok]
    assert lab.store.lock_time_millis(lab.now) == 0
    lab.settle(1000)
    assert lab.check() == []
    assert len(lab.read()) == 1 + 3 * max(1, batch)


def test_a_pool_keeps_the_page_cache_out_of_the_append() -> None:
    """STORE-LOG-2: the write that hangs is that of the commit, and nobody holds the lock."""
    slow = DiskFault(FaultPoint.SLOW, "commitlog/*", times=9, millis=2000)
    faults = DiskFaults([slow])
    lab = StoreLab(overrides=POOL, disk=CrashDisk(faults=faults))
    lab.put()
    lab.settle(1000)
    assert faults.fired[FaultPoint.SLOW] > 0
    lab.advance(100)
    number = lab.put()
    assert lab.ledger.sent[number].status is PutMessageStatus.PUT_OK


@pytest.mark.parametrize("mode", ["SYNC_FLUSH", "ASYNC_FLUSH"])
def test_an_orderly_end_does_not_wait_for_a_force_that_never_ends(mode: str) -> None:
    """STORE-FLUSH-14: after five minutes it is over, `abort` stays, and the next start recovers."""
    faults = DiskFaults([DiskFault(FaultPoint.FORCE_NEVER_ENDS, "commitlog/*")])
    lab = StoreLab(overrides={"flushDiskType": mode}, disk=CrashDisk(faults=faults))
    lab.put()
    lab.step(FLUSH_COMMIT_LOG)
    lab.shutdown()
    lab.settle()
    lab.advance(SHUTDOWN_PATIENCE - 1)
    lab.settle()
    assert [wanted.path for wanted in lab.hung] == ["commitlog/" + "0" * 20]
    assert ended(lab) is None
    lab.advance(1)
    lab.settle()
    assert ended(lab) is False
    assert lab.store.actors() == {}
    assert lab.disk.exists("abort")
    assert not lab.ledger.sent[0].durable
    if mode == "SYNC_FLUSH":
        assert lab.ledger.sent[0].status is PutMessageStatus.FLUSH_DISK_TIMEOUT
    assert lab.disk.lock("lock")
    disk = lab.kill()
    assert lab.reopen(disk)
    assert lab.check() == []


def test_a_late_force_ends_the_orderly_end_as_always() -> None:
    """STORE-FLUSH-14: the watcher looks at its time, and goes when nothing is under way."""
    lab = StoreLab(disk=CrashDisk())
    lab.put()
    lab.shutdown()
    lab.step(SHUTDOWN_WATCHER)
    assert ended(lab) is None
    lab.settle()
    assert ended(lab) is True
    assert lab.store.actors() == {}


def crashes(lab: StoreLab) -> list[tuple[bool, str]]:
    assert lab.trace is not None
    return [(e.power, e.image) for e in lab.trace.events if isinstance(e, Crash)]


def traced() -> StoreLab:
    lab = StoreLab(disk=CrashDisk())
    lab.trace = TraceLog.of("t", lab.config, lab.release)
    lab.put()
    return lab


def test_a_machine_without_power_loses_it_no_second_time() -> None:
    """A recovery that stops is one crash, whatever is done with the dead machine."""
    lab = traced()
    disk = lab.fail_power(image="all of it")
    assert not lab.reopen(disk, stop_after=0)
    lab.fail_power()
    assert crashes(lab) == [(True, "all of it"), (True, WITHIN)]


def test_a_start_that_is_refused_ends_its_process() -> None:
    lab = traced()
    disk = lab.kill()
    assert isinstance(disk, CrashDisk)
    disk.faults = DiskFaults([DiskFault(FaultPoint.READ_ERROR, "commitlog/*")])
    assert not lab.reopen(disk)
    assert lab.reopen(disk)
    assert crashes(lab) == [(False, ""), (False, REFUSED)]


def test_a_trace_ends_before_the_crash_of_a_disk_that_lied() -> None:
    """STORE-PROMISE-13: what is left of a lie is no behaviour of any model."""
    lab = traced()
    lab.ledger = lab.ledger.deceived()
    lab.put()
    assert lab.trace is not None
    before: list[TraceEvent] = list(lab.trace.events)
    lab.reopen(lab.fail_power())
    assert lab.trace.events == before
