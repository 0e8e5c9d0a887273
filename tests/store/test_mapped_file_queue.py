"""STORE-FILES-1..5, STORE-FLUSH-1, STORE-FLUSH-3, STORE-FLUSH-6 at the level of files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.store_rig import ForgetfulDisk
from refimpl.model.disk import DiskError
from refimpl.model.override import override
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import DiskContract, Extreme
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint, ForceOutcome
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.errors import StoreLoadRefused
from refimpl.store.mapped_file import MappedFile, offset_to_file_name
from refimpl.store.mapped_file_queue import MappedFileQueue

SIZE = 40


def queue_of(disk: MemoryDisk, *, size: int = SIZE, start: int = 0) -> MappedFileQueue:
    queue = MappedFileQueue(disk, "commitlog", size)
    queue.roll(start)
    return queue


class FailingDisk(MemoryDisk):
    """Refuses writes while `broken`."""

    broken = False

    @override
    def write(self, path: str, offset: int, data: bytes) -> None:
        if self.broken:
            raise DiskError("write", path, "no space")
        super().write(path, offset, data)


def test_files_are_named_by_their_offset() -> None:
    """STORE-FILES-1."""
    disk = MemoryDisk()
    queue = queue_of(disk, start=95)
    assert queue.append_message(b"x" * SIZE)
    assert queue.append_message(b"y")
    assert disk.list("commitlog") == (f"{80:020d}", f"{120:020d}")
    assert disk.size(f"commitlog/{offset_to_file_name(120)}") == SIZE
    assert (queue.min_offset, queue.max_offset) == (80, 121)
    assert queue.is_contiguous()


def test_data_that_does_not_fit_changes_nothing() -> None:
    queue = queue_of(MemoryDisk())
    assert queue.append_message(b"x" * 30)
    before = queue.disk.read("commitlog/" + "0" * 20, 0, SIZE)
    assert not queue.append_message(b"y" * 11)
    assert queue.max_offset == 30
    assert queue.disk.read("commitlog/" + "0" * 20, 0, SIZE) == before


@pytest.mark.parametrize("size", [0, SIZE - 1, SIZE + 1])
def test_wrong_length_refuses_the_start(size: int) -> None:
    """STORE-FILES-2: an empty file is wrong as well where it is not the last (B02)."""
    disk = MemoryDisk()
    disk.create(f"commitlog/{0:020d}", size)
    disk.create(f"commitlog/{SIZE:020d}", SIZE)
    before = disk.files()
    with pytest.raises(StoreLoadRefused) as refused:
        MappedFileQueue(disk, "commitlog", SIZE).load()
    assert (refused.value.size, refused.value.expected) == (size, SIZE)
    assert disk.files() == before


def test_empty_last_file_goes() -> None:
    """STORE-FILES-3 (B03)."""
    disk = MemoryDisk()
    disk.create(f"commitlog/{0:020d}", SIZE)
    disk.create(f"commitlog/{SIZE:020d}", 0)
    queue = MappedFileQueue(disk, "commitlog", SIZE)
    queue.load()
    assert disk.list("commitlog") == (f"{0:020d}",)
    assert queue.max_offset == SIZE


@given(first=st.integers(0, 5), count=st.integers(1, 5), offset=st.integers(-50, 500))
def test_lookup_is_right_or_empty(first: int, count: int, offset: int) -> None:
    """STORE-FILES-4 (B04)."""
    queue = MappedFileQueue(MemoryDisk(), "commitlog", SIZE)
    for i in range(count):
        queue.create((first + i) * SIZE)
    found = queue.find_mapped_file_by_offset(offset)
    if first * SIZE <= offset < (first + count) * SIZE:
        assert found is not None
        assert found.file_from_offset <= offset < found.file_from_offset + SIZE
    else:
        assert found is None
        assert queue.find_mapped_file_by_offset(offset, return_first_on_not_found=True)


def test_lookup_survives_a_gap() -> None:
    """STORE-FILES-4: an index that is computed would name another file."""
    queue = MappedFileQueue(MemoryDisk(), "commitlog", SIZE)
    queue.create(0)
    queue.create(3 * SIZE)
    found = queue.find_mapped_file_by_offset(3 * SIZE + 1)
    assert found is not None
    assert found.file_from_offset == 3 * SIZE
    assert queue.find_mapped_file_by_offset(SIZE) is None
    assert not queue.is_contiguous()


def test_refused_write_moves_no_position() -> None:
    """STORE-FILES-5."""
    disk = FailingDisk()
    queue = queue_of(disk)
    queue.append_message(b"abc")
    disk.broken = True
    with pytest.raises(DiskError):
        queue.append_message(b"def")
    assert queue.max_offset == 3
    disk.broken = False
    assert queue.append_message(b"ghi")
    assert queue.read(0, 6) == b"abcghi"


def test_flush_ends_at_the_end_of_a_file() -> None:
    """STORE-FLUSH-3, and STORE-FLUSH-1: nothing moves before it is told."""
    queue = queue_of(MemoryDisk())
    queue.append_message(b"x" * SIZE)
    queue.append_message(b"y" * 3)
    first = queue.flush(0)
    assert first is not None
    assert first.where == SIZE
    assert queue.flushed_where == 0
    queue.flushed(first)
    second = queue.flush(0)
    assert second is not None
    assert second.where == SIZE + 3
    queue.flushed(second)
    assert queue.flush(0) is None
    queue.flushed(first)  # late: durability never moves backwards
    assert queue.flushed_where == SIZE + 3


@pytest.mark.parametrize("fails", [False, True])
def test_a_force_is_asked_for_what_counts_as_durable(fails: bool) -> None:
    """STORE-FLUSH-3: from the flushed position on, with the zeros that stand behind the end."""
    disk = CrashDisk(DiskContract(sector=16), files={"q/" + "0" * 20: b"o" * 64})
    queue = MappedFileQueue(disk, "q", 64)
    queue.load()
    (held,) = queue.mapped_files
    held.set_positions(16)
    queue.flushed_where = 16
    held.write_at(48, bytes(16))
    assert queue.append_message(b"new")
    wanted = queue.flush(0)
    assert wanted is not None
    assert wanted.span == (16, 64)
    if fails:
        with pytest.raises(DiskError):
            disk.force(wanted.path, ForceOutcome.FAIL, span=wanted.span)
        queue.dirty_again(wanted)
    disk.force(wanted.path, span=wanted.span)
    queue.flushed(wanted)
    least = disk.crash().extreme(Extreme.NOTHING).files[wanted.path]
    assert least.read(0, 64) == b"o" * 16 + b"new" + b"o" * 29 + bytes(16)
    assert queue.append_message(b"er")
    again = queue.flush(0)
    assert again is not None
    assert again.span == (19, 21)


def test_failed_force_dirties_the_bytes_again() -> None:
    """STORE-FLUSH-1 (B21): the same bytes are written once more, and no position moves."""
    disk = MemoryDisk()
    queue = queue_of(disk)
    queue.append_message(b"abc")
    wanted = queue.flush(0)
    assert wanted is not None
    before = disk.files()
    disk.now = 77  # type: ignore[assignment]  # a bare number is a time here
    queue.dirty_again(wanted)
    assert disk.modified(wanted.path) == 77
    assert disk.files() == before
    assert queue.flushed_where == 0
    assert queue.flush(0) == wanted


def test_an_only_file_that_is_empty_keeps_the_offsets() -> None:
    """STORE-FILES-3: what was before it expired; its name is all that tells where they go on."""
    disk = MemoryDisk()
    disk.create(f"commitlog/{2 * SIZE:020d}", 0)
    queue = MappedFileQueue(disk, "commitlog", SIZE)
    queue.load()
    queue.truncate_dirty_files(2 * SIZE)
    assert (queue.min_offset, queue.max_offset) == (2 * SIZE, 2 * SIZE)
    assert disk.size(f"commitlog/{2 * SIZE:020d}") == SIZE


def test_a_file_that_a_refused_creation_left_behind_gets_its_length() -> None:
    """STORE-FILES-5: with another length it would refuse the next start."""
    disk = CrashDisk(faults=DiskFaults([DiskFault(FaultPoint.EMPTY_AFTER_CREATE)]))
    queue = MappedFileQueue(disk, "commitlog", SIZE)
    with pytest.raises(DiskError, match="No space left"):
        queue.append_message(b"x")
    assert disk.size(f"commitlog/{0:020d}") == 0
    assert queue.append_message(b"x")
    assert disk.size(f"commitlog/{0:020d}") == SIZE


def test_flush_and_commit_go_on_behind_what_retention_took() -> None:
    """STORE-RETENTION-10: the file at `flushed_where` is gone."""
    disk = ForgetfulDisk()
    queue = queue_of(disk)
    queue.append_message(b"x" * 30)
    wanted = queue.flush(0)
    assert wanted is not None
    queue.flushed(wanted)
    queue.commit(0)
    queue.append_message(b"y" * 10)
    queue.append_message(b"z")
    assert queue.delete_expired_files_by_time(0, 1, clean_immediately=True) == 1
    again = queue.flush(0)
    assert again is not None
    assert again.where == SIZE + 1
    queue.flushed(again)
    assert queue.flushed_where == SIZE + 1
    assert queue.commit(0) == (False, None)
    assert queue.committed_where == SIZE + 1


def test_what_retention_took_does_not_come_back() -> None:
    """STORE-RETENTION-10: not with a power failure either."""
    disk = CrashDisk()
    queue = MappedFileQueue(disk, "commitlog", SIZE)
    for _ in range(2):
        queue.append_message(b"x" * SIZE)
    assert queue.delete_expired_files_by_time(0, 1, clean_immediately=True) == 1
    after = CrashDisk.from_image(disk.crash().extreme(Extreme.NOTHING))
    assert after.list("commitlog") == (f"{SIZE:020d}",)


def test_a_failed_force_loses_what_came_after_it_was_asked_for_too() -> None:
    """STORE-FLUSH-1: the bytes behind `wanted` were dirty when the force failed."""
    disk = ForgetfulDisk()
    queue = queue_of(disk)
    queue.append_message(b"abc")
    wanted = queue.flush(0)
    assert wanted is not None
    queue.append_message(b"def")
    disk.fail_force(wanted.path)
    queue.dirty_again(wanted)
    assert not disk.is_durable(wanted.path, 3, 6)
    disk.force(wanted.path)
    assert disk.is_durable(wanted.path, 0, 6)


@pytest.mark.parametrize(
    ("flushed", "wrote", "pages", "able"),
    [
        (0, 0, 0, False),
        (0, 1, 0, True),
        (0, 4 * 4096 - 1, 4, False),
        (0, 4 * 4096, 4, True),
        (4095, 4 * 4096, 4, True),  # whole pages from the start of the file, not from the mark
        (4096, 4 * 4096, 4, False),
        (8 * 4096, 8 * 4096, 4, True),  # full
    ],
)
def test_least_pages(flushed: int, wrote: int, pages: int, able: bool) -> None:
    """STORE-FLUSH-6."""
    mapped_file = MappedFile(MemoryDisk(), "f", 8 * 4096, 0)
    mapped_file.wrote_position, mapped_file.flushed_position = wrote, flushed
    assert mapped_file.is_able_to_flush(pages) is able


def test_truncation_removes_later_files() -> None:
    disk = MemoryDisk()
    queue = queue_of(disk)
    for _ in range(3):
        queue.append_message(b"x" * SIZE)
    queue.truncate_dirty_files(SIZE + 7)
    assert queue.max_offset == SIZE + 7
    assert disk.list("commitlog") == (f"{0:020d}", f"{SIZE:020d}")
    assert queue.append_message(b"z")
    assert queue.read(SIZE + 6, 2) == b"xz"


def test_expiry_takes_from_the_oldest_and_never_the_last() -> None:
    disk = MemoryDisk()
    queue = queue_of(disk)
    for i in range(14):
        disk.now = i  # type: ignore[assignment]  # a bare number is a time here
        queue.append_message(b"x" * SIZE)
    assert queue.delete_expired_files_by_time(100, 50, clean_immediately=False) == 0
    assert queue.delete_expired_files_by_time(100, 102, clean_immediately=False) == 3
    assert queue.min_offset == 3 * SIZE
    assert queue.delete_expired_files_by_time(100, 50, clean_immediately=True) == 10
    assert queue.delete_expired_files_by_time(0, 10_000, clean_immediately=False) == 0
    assert queue.max_offset == 14 * SIZE


def test_pool_buffer_is_hidden_until_committed() -> None:
    """STORE-FLUSH-9."""
    queue = queue_of(MemoryDisk())
    mapped_file = queue.roll()
    mapped_file.write_buffer = bytearray(SIZE)
    queue.append_message(b"abc")
    assert (queue.max_offset, queue.max_wrote_position) == (0, 3)
    assert queue.read(0, 3) is None
    assert queue.commit(0) == (False, None)
    assert queue.read(0, 3) == b"abc"
    queue.append_message(b"x" * (SIZE - 3))
    assert queue.commit(0) == (False, mapped_file)
