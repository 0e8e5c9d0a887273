"""One contract for every disk: the crashing one, the one in memory and a real directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.model.disk import DiskError
from refimpl.model.effect import Span
from refimpl.model.prng import Prng
from refimpl.runtime.directory_disk import DirectoryDisk
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import ORDERED, DiskContract, Extreme, Names
from refimpl.sim.memory_disk import MemoryDisk

Anything = CrashDisk | MemoryDisk | DirectoryDisk
SMALL = DiskContract(names=Names.ANY, sector=16, garbage=True)


@pytest.fixture(params=["crash", "crash-strict", "memory", "directory"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Anything]:
    made: Anything
    if request.param == "directory":
        made = DirectoryDisk(tmp_path)
        yield made
        made.close()
    elif request.param == "memory":
        yield MemoryDisk()
    else:
        yield CrashDisk(ORDERED if request.param == "crash" else SMALL)


# --- what a reader and a writer may rely on


def test_a_new_file_is_zeros_and_makes_its_directories(disk: Anything) -> None:
    disk.create("a/b/c", 5000)
    assert disk.read("a/b/c", 0, 6000) == bytes(5000)
    assert disk.size("a/b/c") == 5000
    assert disk.list("") == ("a",)
    assert disk.list("a") == ("b",)
    assert disk.list("a/b") == ("c",)
    assert disk.list("a/b/c") == disk.list("none") == ()
    assert disk.exists("a/b")
    assert disk.exists("a/b/c")
    assert not disk.exists("a/c")


def test_a_write_is_seen_at_once_and_grows_the_file(disk: Anything) -> None:
    disk.create("a", 3)
    disk.write("a", 2, b"xyz")
    assert disk.read("a", 0, 9) == b"\0\0xyz"
    disk.write("a", 4095, b"ends meet")
    assert disk.read("a", 4090, 20) == b"\0\0\0\0\0ends meet"
    assert disk.size("a") == 4104
    disk.write("a", 9000, b"")
    assert disk.size("a") == 4104
    assert disk.read("a", 4200, 5) == b""


def test_a_good_disk_does_not_hang(disk: Anything) -> None:
    disk.create("a", 3)
    disk.write("a", 0, b"x")
    assert disk.stalled_until("a") == disk.stalled_until("b") == 0


def test_what_was_cut_off_is_zero_when_it_comes_again(disk: Anything) -> None:
    disk.create("a", 0)
    disk.write("a", 0, b"0123456789" * 500)
    disk.extend("a", 4)
    assert disk.read("a", 0, 9) == b"0123"
    disk.extend("a", 8)
    disk.write("a", 6, b"!")
    assert disk.read("a", 0, 9) == b"0123\0\0!\0"


def test_a_rename_replaces_and_keeps_the_bytes(disk: Anything) -> None:
    disk.create("d/new", 0)
    disk.write("d/new", 0, b"new")
    disk.create("old", 0)
    disk.write("old", 0, b"older")
    disk.rename("d/new", "old")
    assert disk.read("old", 0, 9) == b"new"
    assert disk.list("d") == ()
    disk.write("old", 3, b"er")
    disk.rename("old", "e/f")
    assert disk.read("e/f", 0, 9) == b"newer"
    assert disk.list("") == ("d", "e")


def test_an_unlinked_file_is_gone_and_its_name_is_free(disk: Anything) -> None:
    disk.create("a", 4)
    disk.write("a", 0, b"old")
    disk.unlink("a")
    assert not disk.exists("a")
    assert disk.list("") == ()
    disk.create("a", 2)
    assert disk.read("a", 0, 9) == b"\0\0"


def test_a_directory_goes_when_it_is_empty(disk: Anything) -> None:
    disk.create("d/a", 1)
    with pytest.raises(DiskError):
        disk.remove_directory("d")
    disk.unlink("d/a")
    disk.remove_directory("d")
    assert not disk.exists("d")
    with pytest.raises(DiskError):
        disk.remove_directory("d")
    disk.create("d", 1)
    assert disk.size("d") == 1


def test_forces_are_of_what_is_there(disk: Anything) -> None:
    disk.create("d/a", 1)
    disk.force("d/a")
    disk.force("d/a", span=Span(0, 1))
    disk.sync_directory("d")
    disk.sync_directory("")
    with pytest.raises(DiskError):
        disk.force("d/b")
    with pytest.raises(DiskError):
        disk.sync_directory("e")


def test_one_holder_of_the_lock(disk: Anything) -> None:
    assert disk.lock("lock")
    assert not disk.lock("lock")
    disk.unlock("lock")
    disk.unlock("lock")
    assert disk.lock("lock")
    assert disk.size("lock") == 4
    disk.unlock("lock")


def test_a_refusal_changes_nothing(disk: Anything) -> None:
    disk.create("a", 3)
    disk.create("d/b", 3)
    for operation in (
        ("create", "a", 3),
        ("create", "d", 3),
        ("create", "a/x/y", 3),
        ("rename", "a", "d"),
        ("rename", "none", "a"),
        ("write", "none", 0, b"x"),
        ("extend", "none", 1),
        ("read", "none", 0, 1),
        ("size", "none"),
        ("modified", "none"),
        ("unlink", "none"),
        ("remove_directory", "d"),
    ):
        with pytest.raises(DiskError) as error:
            getattr(disk, str(operation[0]))(*operation[1:])
        assert error.value.operation == operation[0]
        assert disk.list("") == ("a", "d")
        assert disk.list("d") == ("b",)
        assert disk.size("a") == 3


NAMES = st.sampled_from(["a", "b", "d/a", "d/e/b", "d"])
SIZES = st.integers(0, 9000)
OPERATION = st.one_of(
    st.tuples(st.just("create"), NAMES, SIZES),
    st.tuples(st.just("extend"), NAMES, SIZES),
    st.tuples(st.just("write"), NAMES, SIZES, st.binary(max_size=5000)),
    st.tuples(st.just("read"), NAMES, st.integers(0, 9500), SIZES),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("unlink"), NAMES),
    st.tuples(st.just("force"), NAMES),
    st.tuples(
        st.just("force"), NAMES, st.builds(lambda a, b: Span(min(a, b), max(a, b)), SIZES, SIZES)
    ),
    st.tuples(st.just("size"), NAMES),
    st.tuples(st.just("exists"), NAMES),
    st.tuples(st.just("remove_directory"), st.sampled_from(["d", "d/e"])),
    st.tuples(st.just("sync_directory"), st.sampled_from(["", "d", "d/e"])),
    st.tuples(st.just("list"), st.sampled_from(["", "d", "d/e", "none"])),
)


def outcome(disk: Anything, operation: tuple[object, ...]) -> object:
    method, *arguments = operation
    try:
        if isinstance(span := arguments[-1], Span):
            disk.force(str(arguments[0]), span=span)
            return None
        return getattr(disk, str(method))(*arguments)
    except DiskError as error:
        return (error.operation, error.path)


@settings(max_examples=50, deadline=None)
@given(operations=st.lists(OPERATION, max_size=25))
def test_all_disks_agree(
    tmp_path_factory: pytest.TempPathFactory, operations: list[tuple[object, ...]]
) -> None:
    """Whatever is done, a reader sees the same on each of them; so does the next start."""
    directory = DirectoryDisk(tmp_path_factory.mktemp("disk"))
    ordered, strict = CrashDisk(), CrashDisk(SMALL)
    disks: list[Anything] = [MemoryDisk(), ordered, strict]
    for operation in operations:
        expected = outcome(directory, operation)
        for disk in disks:
            assert outcome(disk, operation) == expected, operation
    for path, data in ordered.files().items():
        assert directory.read(path, 0, len(data) + 1) == data
    directory.close()
    for crashing in (ordered, strict):
        survived = CrashDisk.from_image(crashing.crash().extreme(Extreme.EVERYTHING))
        assert survived.files() == crashing.files()
        for path in ("", "d", "d/e"):
            assert survived.list(path) == crashing.list(path)
            assert survived.exists(path) == crashing.exists(path)
            if crashing.exists(path) and path not in crashing.files():
                crashing.sync_directory(path)
        for path in crashing.files():
            crashing.force(path)
        assert set(crashing.crash().images(9, Prng(0))) == {
            crashing.crash().extreme(e) for e in Extreme
        }
