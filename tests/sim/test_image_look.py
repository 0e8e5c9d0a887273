"""What a trace tells of an image, and of a start behind it."""

import pytest

from refimpl.model.release import RELEASE_4_9
from refimpl.model.trace import Crash, FlushConsumeQueue, ForgetFrom, Unheard
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import DiskContract, Extreme
from refimpl.sim.store_lab import StoreLab
from refimpl.sim.trace_writer import TraceLog

PATH = "commitlog/00000000000000000000"
FIRST, SECOND, SIZE = 104, 208, 104  # where the records end that were forced, and of each


def fallen() -> tuple[StoreLab, TraceLog, CrashDisk]:
    """A store whose first record is forced, with its unit, when the power fails; two are not."""
    settings = {"flushDiskType": "SYNC_FLUSH", "mappedFileSizeCommitLog": "600"}
    disk = CrashDisk(DiskContract(sector=4))
    log = TraceLog.of("t", StoreLab(RELEASE_4_9, settings).config, RELEASE_4_9)
    lab = StoreLab(RELEASE_4_9, settings, disk, trace=log)
    lab.put()
    lab.settle(61_000)
    lab.put()
    lab.put()
    lab.fail_power()
    return lab, log, disk


def told(log: TraceLog) -> tuple[int, bool]:
    (crash,) = (event for event in log.events if isinstance(event, Crash))
    return crash.intact, crash.behind


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        ((), (FIRST, False)),
        ((SECOND,), (SECOND, False)),
        ((SECOND, SECOND + SIZE), (SECOND + SIZE, False)),
        ((SECOND + SIZE,), (FIRST, True)),
    ],
)
def test_a_trace_tells_how_far_the_log_survived(
    kept: tuple[int, ...], expected: tuple[int, bool]
) -> None:
    """Whole records that the image keeps, by their ends; the first was forced."""
    lab, log, disk = fallen()
    image = CrashDisk.from_image(disk.crash().extreme(Extreme.NOTHING))
    written = disk.read(PATH, 0, 600)
    for end in kept:
        image.write(PATH, end - SIZE, written[end - SIZE : end])
    assert lab.reopen(image)
    assert told(log) == expected


def test_half_a_record_is_none_and_stands_behind() -> None:
    lab, log, disk = fallen()
    image = CrashDisk.from_image(disk.crash().extreme(Extreme.NOTHING))
    image.write(PATH, FIRST, disk.read(PATH, FIRST, SIZE // 2))
    assert lab.reopen(image)
    assert told(log) == (FIRST, True)


@pytest.mark.parametrize("torn", [False, True])
def test_a_trace_ends_where_a_record_came_back_with_other_properties(torn: bool) -> None:
    """No checksum covers them, so recovery keeps the record, and nobody knows what it says."""
    settings = {"flushDiskType": "ASYNC_FLUSH", "mappedFileSizeCommitLog": "600"}
    disk = CrashDisk(DiskContract(sector=4))
    log = TraceLog.of("t", StoreLab(RELEASE_4_9, settings).config, RELEASE_4_9)
    lab = StoreLab(RELEASE_4_9, settings, disk, trace=log)
    lab.put(properties={"name": "value"})
    lab.fail_power()
    image = CrashDisk.from_image(disk.crash().extreme(Extreme.EVERYTHING))
    if torn:
        at = image.read(PATH, 0, 600).index(b"value")
        image.write(PATH, at, bytes(5))
    assert lab.reopen(image)
    assert lab.store.commit_log.max_offset() > 0
    assert isinstance(log.events[-1], Crash) == torn


def test_a_record_that_nobody_heard_of_is_told() -> None:
    """Written behind what the store said of itself: the machine stopped within the append."""
    lab, log, disk = fallen()
    written = disk.read(PATH, FIRST, SIZE)
    assert lab.reopen(CrashDisk.from_image(disk.crash().extreme(Extreme.NOTHING)))
    before = lab.disk.disk
    before.write(PATH, FIRST, written)
    lab.fail_power()
    assert isinstance(before, CrashDisk)
    assert lab.reopen(CrashDisk.from_image(before.crash().extreme(Extreme.EVERYTHING)))
    (unheard,) = (e for e in log.events if isinstance(e, Unheard))
    assert (unheard.size, unheard.queue_offset, unheard.has_unit) == (SIZE, 1, True)
    assert (unheard.offset, unheard.topic, unheard.queue_id) == (FIRST, "T", 0)


def test_a_trace_tells_where_queues_were_forced_and_end() -> None:
    """STORE-RECOVERY-10: the unit is dispatched again, for its file was read from the beginning."""
    lab, log, disk = fallen()
    forced = [
        (e.topic, e.queue_id, e.where) for e in log.events if isinstance(e, FlushConsumeQueue)
    ]
    assert forced == [("T", 0, 1)]
    assert lab.reopen(CrashDisk.from_image(disk.crash().extreme(Extreme.NOTHING)))
    assert not [e for e in log.events if isinstance(e, ForgetFrom)]
