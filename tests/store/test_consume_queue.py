"""The units of one queue: growth, opening, minimum and ends."""

import pytest

from refimpl.model.disk import Disk, DiskError
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, Release
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import STRICT, DiskContract, Extreme
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.sim.stopping_disk import Stopped, StoppingDisk
from refimpl.store.consume_queue import PRE_BLANK, UNIT, ConsumeQueue
from refimpl.store.errors import StoreLoadRefused
from tests.store.fake_log import FILE, SIZE, FakeLog, FullDisk

FIRST = "consumequeue/T/0/00000000000000000000"
SECOND = "consumequeue/T/0/00000000000000000080"
RELEASES = [RELEASE_4_6, RELEASE_4_9, RELEASE_5_5]


def queue_on(disk: Disk, release: Release = RELEASE_4_9, minimum: int = 0) -> ConsumeQueue:
    return ConsumeQueue(
        disk,
        "consumequeue",
        "T",
        0,
        mapped_file_size=80,
        log=FakeLog([1] * 100, minimum),
        release=release,
    )


def filled(
    disk: Disk, count: int, *, first: int = 0, release: Release = RELEASE_4_9
) -> ConsumeQueue:
    queue = queue_on(disk, release)
    for n in range(first, first + count):
        queue.put_message_position_info(n * SIZE, SIZE, n, n)
    queue.sync()
    return queue


def reopened(disk: Disk, release: Release = RELEASE_4_9) -> ConsumeQueue:
    queue = queue_on(disk, release)
    queue.load()
    queue.recover()
    return queue


def test_a_unit_has_twenty_bytes_at_its_offset() -> None:
    """STORE-CQ-2."""
    disk = MemoryDisk()
    filled(disk, 5)
    assert disk.read(FIRST, 0, 80) == b"".join(UNIT.pack(n * SIZE, SIZE, n) for n in range(4))
    assert disk.read(SECOND, 0, 80) == UNIT.pack(400, SIZE, 4) + bytes(60)


def test_units_are_visible_before_they_are_written() -> None:
    """STORE-CQ-2: gathering is invisible."""
    disk = MemoryDisk()
    queue = queue_on(disk)
    queue.put_message_position_info(0, SIZE, 7, 0)
    assert disk.read(FIRST, 0, 20) == bytes(20)
    assert queue.max_offset_in_queue == 1
    assert queue.get(0) == (0, SIZE, 7)
    assert disk.read(FIRST, 0, 20) == UNIT.pack(0, SIZE, 7)


@pytest.mark.parametrize(
    ("physical", "queue_offset"),
    [
        (200, 3),  # known by the end of its record
        (0, 0),
        (300, 1),  # known by its queue offset
        (300, 2),
    ],
)
def test_what_was_dispatched_is_left_alone(physical: int, queue_offset: int) -> None:
    """STORE-CQ-3."""
    disk = MemoryDisk()
    queue = filled(disk, 3)
    before = disk.files()
    queue.put_message_position_info(physical, SIZE, 9, queue_offset)
    queue.sync()
    assert disk.files() == before
    queue.put_message_position_info(300, SIZE, 9, 3)
    assert queue.max_offset_in_queue == 4


def test_a_queue_that_begins_above_zero_is_filled_up() -> None:
    """STORE-CQ-4."""
    disk = MemoryDisk()
    queue = filled(disk, 1, first=6)
    assert list(disk.files()) == [SECOND]
    assert disk.read(SECOND, 0, 80) == PRE_BLANK * 2 + UNIT.pack(600, SIZE, 6) + bytes(20)
    assert (queue.min_offset_in_queue, queue.max_offset_in_queue) == (6, 7)


def test_the_fill_is_durable_with_the_unit_behind_it() -> None:
    """STORE-CQ-4: else a power failure after an orderly end takes what was flushed."""
    disk = CrashDisk(contract=DiskContract(sector=16))
    queue = filled(disk, 1, first=6)
    while (wanted := queue.mapped_file_queue.flush(0)) is not None:
        disk.force(wanted.path, span=wanted.span)
        queue.mapped_file_queue.flushed(wanted)
    image = CrashDisk.from_image(disk.crash().extreme(Extreme.NOTHING))
    assert image.read(SECOND, 0, 80) == PRE_BLANK * 2 + UNIT.pack(600, SIZE, 6) + bytes(20)
    assert reopened(image).get(6) == (600, SIZE, 6)


@pytest.mark.parametrize("release", RELEASES)
def test_pre_blank_units_are_no_messages(release: Release) -> None:
    """STORE-CQ-6: neither the minimum nor the newest record comes from them."""
    disk = MemoryDisk()
    filled(disk, 1, first=6, release=release)
    queue = reopened(disk, release)
    assert queue.max_physic_offset == 700
    queue.correct_min_offset(0)
    assert queue.min_offset_in_queue == 6
    disk.write(SECOND, 40, bytes(20))  # a crash took the unit and left the filling
    queue = reopened(disk, release)
    assert queue.max_physic_offset == -1
    queue.put_message_position_info(600, SIZE, 6, 6)
    assert queue.max_offset_in_queue == 7


@pytest.mark.parametrize("release", RELEASES)
def test_a_pre_blank_unit_at_the_end_is_no_record(release: Release) -> None:
    """STORE-CQ-6, STORE-RECOVERY-10: the unit that was dropped can be dispatched again."""
    queue = filled(MemoryDisk(), 1, first=6, release=release)
    queue.forget_from(600, 6)
    assert queue.max_offset_in_queue == 6
    assert queue.last_offset() == -1
    queue.put_message_position_info(600, SIZE, 6, 6)
    assert queue.get(6) == (600, SIZE, 6)


@pytest.mark.parametrize(("minimum", "kept"), [(350, 3), (1000, 1)])
def test_units_that_point_back_are_dropped(minimum: int, kept: int) -> None:
    """STORE-RECOVERY-10: half a unit below the log, and an old one behind it."""
    disk = MemoryDisk()
    filled(disk, 3)
    disk.write(FIRST, 20, UNIT.pack(0, SIZE, 0) if minimum == 1000 else UNIT.pack(100, SIZE, 1))
    queue = queue_on(disk, minimum=minimum)
    queue.load()
    queue.recover()
    queue.forget_from(minimum, None)
    assert queue.max_offset_in_queue == kept


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    ("physical_offset", "queue_offset", "stands_at"),
    [
        (92 * 40 - FILE, 40, 40),  # so many can have been there
        (92 * 40 - FILE, 41, 3),
        (92 * 40 - FILE - 1, 40, 3),
        (5000, 1 << 62, 3),
        (5000, (1 << 63) - 1, 3),
        (5000, -1, 3),
        (5000, -(1 << 63), 3),
    ],
)
def test_an_offset_that_cannot_be_true_is_not_believed(
    release: Release, physical_offset: int, queue_offset: int, stands_at: int
) -> None:
    """STORE-CQ-20: the unit stands where the next one belongs, in a queue with or without files."""
    queue = filled(MemoryDisk(), 3, release=release)
    queue.put_message_position_info(physical_offset, SIZE, 7, queue_offset)
    assert queue.max_offset_in_queue == stands_at + 1
    assert queue.get(stands_at) == (physical_offset, SIZE, 7)
    empty = queue_on(MemoryDisk(), release=release)
    empty.put_message_position_info(physical_offset, SIZE, 7, queue_offset)
    begins = 0 if stands_at == 3 else stands_at
    assert (empty.min_offset_in_queue, empty.max_offset_in_queue) == (begins, begins + 1)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("queue_offset", [4, 5, 8, 17])
def test_a_gap_is_filled(release: Release, queue_offset: int) -> None:
    """STORE-CQ-19: the unit stands at its queue offset, over as many files as that takes."""
    disk = MemoryDisk()
    queue = filled(disk, 3, release=release)
    queue.put_message_position_info(5000, SIZE, 7, queue_offset)
    queue.sync()
    assert queue.max_offset_in_queue == queue_offset + 1
    assert queue.get(queue_offset) == (5000, SIZE, 7)
    assert queue.get(2) == (200, SIZE, 2)
    again = reopened(disk, release)
    assert (again.max_offset_in_queue, again.max_physic_offset) == (queue_offset + 1, 5000 + SIZE)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("minimum", [0, 1, 100, 150, 300])
def test_the_minimum_is_the_first_record_that_is_there(release: Release, minimum: int) -> None:
    """STORE-CQ-5."""
    queue = filled(MemoryDisk(), 6, release=release)
    queue.correct_min_offset(minimum)
    assert queue.min_offset_in_queue == -(-minimum // SIZE)


@pytest.mark.parametrize(("release", "expected"), [(RELEASE_4_9, 0), (RELEASE_5_5, 3)])
def test_an_expired_queue(release: Release, expected: int) -> None:
    """STORE-CQ-5: where no record is left."""
    queue = filled(MemoryDisk(), 3, release=release)
    queue.correct_min_offset(10_000)
    assert queue.min_offset_in_queue == expected
    queue.correct_min_offset(20_000)
    assert queue.min_offset_in_queue == expected


def test_expired_files_that_come_back_leave_no_gap() -> None:
    """STORE-RETENTION-5, STORE-RETENTION-10: the power fails at each change of the disk."""
    crashes = 0
    for changes in range(100):
        disk = StoppingDisk(crash_disk := CrashDisk(STRICT))
        queue = filled(disk, 13)
        for path in crash_disk.files():
            crash_disk.force(path)
        disk.left = changes
        try:
            assert queue.delete_expired_file(13 * SIZE) == 3
        except Stopped:
            crashes += 1
        else:
            break
        for image in crash_disk.crash().images(50, Prng(changes)):
            again = reopened(CrashDisk.from_image(image))
            assert again.mapped_file_queue.is_contiguous()
            assert again.get(12) == (12 * SIZE, SIZE, 12)
    assert crashes > 3


def test_units_are_read_within_their_file() -> None:
    """STORE-CQ-7."""
    queue = filled(MemoryDisk(), 6)
    assert len(queue.index_buffer(1) or b"") == 60
    assert len(queue.index_buffer(1, 20) or b"") == 20
    assert len(queue.index_buffer(5) or b"") == 20
    assert queue.index_buffer(6) is None
    assert queue.index_buffer(-1) is None
    queue.correct_min_offset(250)
    assert queue.index_buffer(2) is None
    assert queue.get(3) == (300, SIZE, 3)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 8, 17, 21])
def test_recovery_ends_at_the_first_empty_unit(count: int) -> None:
    """STORE-CQ-8: also where the last of many files is full."""
    disk = MemoryDisk()
    filled(disk, count)
    queue = reopened(disk)
    assert queue.max_offset_in_queue == count
    assert queue.max_physic_offset == (count * SIZE if count else -1)
    queue.put_message_position_info(count * SIZE, SIZE, 1, count)
    assert queue.get(count) == (count * SIZE, SIZE, 1)


def test_recovery_drops_files_behind_a_hole() -> None:
    """STORE-CQ-8."""
    disk = MemoryDisk()
    filled(disk, 10)
    disk.write(FIRST, 60, UNIT.pack(300, 0, 0))
    queue = reopened(disk)
    assert queue.max_offset_in_queue == 3
    assert list(disk.files()) == [FIRST]


@pytest.mark.parametrize(
    ("end", "count"), [(0, 0), (100, 1), (350, 4), (400, 4), (450, 5), (900, 9), (5000, 10)]
)
def test_units_behind_the_end_of_the_log_go(end: int, count: int) -> None:
    """STORE-CQ-9."""
    disk = MemoryDisk()
    queue = filled(disk, 10)
    queue.truncate_dirty_logic_files(end)
    assert queue.max_offset_in_queue == count
    assert len(disk.files()) == -(-count // 4)


def test_a_last_file_without_units_goes() -> None:
    """STORE-CQ-9: its first empty unit is no message."""
    disk = MemoryDisk()
    queue = filled(disk, 4)
    queue.mapped_file_queue.roll()
    assert list(disk.files()) == [FIRST, SECOND]
    queue.truncate_dirty_logic_files(5000)
    assert queue.max_offset_in_queue == 4
    assert list(disk.files()) == [FIRST]


def test_old_units_do_not_come_back() -> None:
    """STORE-CQ-10: a crash right after a truncation, and one after the next unit."""
    disk = MemoryDisk()
    queue = filled(disk, 4)
    queue.truncate_dirty_logic_files(100)
    assert reopened(disk.image()).max_offset_in_queue == 1
    queue.put_message_position_info(100, SIZE, 1, 1)
    queue.sync()
    assert reopened(disk.image()).max_offset_in_queue == 2


def test_units_behind_a_damaged_one_do_not_come_back() -> None:
    """STORE-CQ-10: a recovery, the next unit, then a crash."""
    disk = MemoryDisk()
    filled(disk, 4)
    disk.write(FIRST, 20, bytes(20))
    queue = reopened(disk)
    queue.put_message_position_info(100, SIZE, 1, 1)
    queue.sync()
    assert reopened(disk.image()).max_offset_in_queue == 2


def test_a_disk_that_refuses_changes_nothing() -> None:
    """STORE-CQ-15: the same put succeeds later."""
    disk = FullDisk()
    queue = filled(disk, 4)
    disk.full = True
    with pytest.raises(DiskError):
        queue.put_message_position_info(400, SIZE, 4, 4)
    assert (queue.max_offset_in_queue, queue.max_physic_offset) == (4, 400)
    disk.full = False
    queue.put_message_position_info(400, SIZE, 4, 4)
    assert queue.get(4) == (400, SIZE, 4)


def test_expired_files_go_and_the_last_stays() -> None:
    """STORE-RETENTION-5."""
    disk = MemoryDisk()
    queue = filled(disk, 10)
    assert queue.delete_expired_file(650) == 1
    assert next(iter(disk.files())) == SECOND
    assert queue.min_offset_in_queue == 7
    assert queue.delete_expired_file(100_000) == 1
    assert len(disk.files()) == 1


def test_a_destroyed_queue_begins_again() -> None:
    """STORE-RETENTION-8."""
    disk = MemoryDisk()
    queue = filled(disk, 10)
    queue.destroy()
    assert disk.files() == {}
    assert (queue.min_offset_in_queue, queue.max_offset_in_queue) == (0, 0)
    queue.put_message_position_info(0, SIZE, 5, 0)
    assert queue.get(0) == (0, SIZE, 5)


def test_a_file_of_another_size_refuses_the_start() -> None:
    disk = MemoryDisk({FIRST: bytes(60), SECOND: bytes(80)})
    with pytest.raises(StoreLoadRefused):
        queue_on(disk).load()


def test_positions() -> None:
    queue = filled(MemoryDisk(), 6)
    assert queue.last_offset() == 600
    assert [queue.roll_next_file(n) for n in (0, 3, 4)] == [4, 4, 8]
    assert queue.message_total_in_queue == 6
    assert queue.store_time(2) == 1
    assert queue.store_time(6) == -1
    assert queue_on(MemoryDisk()).last_offset() == -1
