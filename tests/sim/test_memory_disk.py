"""The disk in memory against a plain dictionary of bytes, and against a real directory."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.model.disk import Disk, DiskError
from refimpl.runtime.directory_disk import DirectoryDisk
from refimpl.sim.memory_disk import MemoryDisk

NAMES = st.sampled_from(["a", "b", "d/a", "d/e/b"])
OPERATION = st.one_of(
    st.tuples(st.just("create"), NAMES, st.integers(0, 9000)),
    st.tuples(st.just("extend"), NAMES, st.integers(0, 9000)),
    st.tuples(st.just("write"), NAMES, st.integers(0, 9000), st.binary(max_size=5000)),
    st.tuples(st.just("read"), NAMES, st.integers(0, 9500), st.integers(0, 9000)),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("unlink"), NAMES),
    st.tuples(st.just("size"), NAMES),
    st.tuples(st.just("exists"), NAMES),
    st.tuples(st.just("list"), st.sampled_from(["", "d", "d/e", "none"])),
)


def outcome(disk: Disk, operation: tuple[object, ...]) -> object:
    method, *arguments = operation
    try:
        return getattr(disk, str(method))(*arguments)
    except DiskError as error:
        return (error.operation, error.path)


@settings(max_examples=60, deadline=None)
@given(st.lists(OPERATION, max_size=25))
def test_memory_and_directory_agree(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[object, ...]]
) -> None:
    memory = MemoryDisk()
    directory = DirectoryDisk(tmp_path_factory.mktemp("disk"))
    for operation in operations:
        assert outcome(memory, operation) == outcome(directory, operation), operation
    for path, data in memory.files().items():
        assert directory.read(path, 0, len(data) + 1) == data
    directory.close()


def test_an_image_is_independent_and_unlocked() -> None:
    disk = MemoryDisk({"a": b"one"})
    assert disk.lock("lock")
    image = disk.image()
    disk.write("a", 0, b"two")
    assert image.files()["a"] == b"one"
    assert image.lock("lock")
    assert not disk.lock("lock")


def test_refused_operations_change_nothing() -> None:
    disk = MemoryDisk({"a": b"one", "d/b": b"two"})
    before = disk.files()
    for operation in (
        ("create", "a", 3),
        ("write", "none", 0, b"x"),
        ("extend", "none", 1),
        ("rename", "none", "a"),
        ("unlink", "none"),
        ("remove_directory", "d"),
    ):
        with pytest.raises(DiskError):
            getattr(disk, str(operation[0]))(*operation[1:])
        assert disk.files() == before


def test_the_store_lock_excludes_a_second_holder(tmp_path: Path) -> None:
    first, second = DirectoryDisk(tmp_path), DirectoryDisk(tmp_path)
    assert first.lock("lock")
    assert not second.lock("lock")
    first.unlock("lock")
    assert second.lock("lock")
    first.close()
    second.close()


def test_force_of_a_missing_file_is_refused(tmp_path: Path) -> None:
    disk = DirectoryDisk(tmp_path)
    disk.create("a", 10)
    disk.force("a")
    with pytest.raises(DiskError):
        disk.force("b")
    disk.close()
