"""STORE-CQ-15: units that the disk refused wait, and nobody who meets them fails by it."""

from collections.abc import Callable

import pytest

from refimpl.model.ids import Millis, QueueId, Topic
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint
from refimpl.sim.store_lab import StoreLab
from refimpl.store.message_store import FLUSH_CONSUME_QUEUE, REPUT


def refused() -> tuple[StoreLab, DiskFaults]:
    """A store with two messages, of which the second has its unit in memory only."""
    disk = CrashDisk()
    lab = StoreLab(disk=disk)
    lab.put()
    lab.settle()
    lab.put()
    faults = DiskFaults([DiskFault(FaultPoint.NO_SPACE_WRITE, "consumequeue/*", times=3)])
    disk.faults = faults
    lab.step(REPUT)
    assert faults.fired[FaultPoint.NO_SPACE_WRITE] == 1
    return lab, faults


def read(lab: StoreLab) -> None:
    assert lab.read() == [0]


def flush(lab: StoreLab) -> None:
    lab.step(FLUSH_CONSUME_QUEUE)


def clean(lab: StoreLab) -> None:
    queue = lab.store.queues.find("T", 0)
    assert queue is not None
    assert queue.delete_expired_file(lab.store.commit_log.min_offset()) == 0


def search(lab: StoreLab) -> None:
    assert lab.store.offset_in_queue_by_time(Topic("T"), QueueId(0), Millis(0)) == 0


@pytest.mark.parametrize("meets", [read, flush, clean, search], ids=lambda f: f.__name__)
def test_what_the_disk_refuses_waits(meets: Callable[[StoreLab], None]) -> None:
    lab, faults = refused()
    meets(lab)
    assert faults.fired[FaultPoint.NO_SPACE_WRITE] > 1
    assert isinstance(lab.disk.disk, CrashDisk)
    lab.disk.disk.faults = None
    lab.settle(2000)
    assert lab.read() == [0, 1]
    assert lab.check() == []


def test_an_orderly_end_without_the_units_is_not_clean() -> None:
    """STORE-FILES-9: `abort` stays, and the next start dispatches what is missing."""
    disk = CrashDisk()
    lab = StoreLab(disk=disk)
    lab.put()
    disk.faults = DiskFaults([DiskFault(FaultPoint.NO_SPACE_WRITE, "consumequeue/*", times=99)])
    lab.step(REPUT)
    lab.shutdown()
    lab.settle()
    assert lab.stopped is not None
    assert not lab.stopped.clean
    assert disk.exists("abort")
    disk.faults = None
    assert lab.reopen(lab.kill())
    assert lab.check() == []
    assert lab.read() == [0]
