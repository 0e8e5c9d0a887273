"""One contract for every disk: the crashing one, the one in memory and a real directory.

The second half is about what only a crashing disk can show: it must never be kinder than the
contract of decision 0003. Each kinder disk that is planted here fails one of those checks.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.model.disk import Disk, DiskError
from refimpl.model.ids import Millis
from refimpl.model.override import override
from refimpl.model.prng import Prng
from refimpl.runtime.directory_disk import DirectoryDisk
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import ORDERED, STRICT, CrashImage, DiskContract, Extreme, Names
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint, ForceOutcome
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.sim.open_file import OpenFile

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
    st.tuples(st.just("size"), NAMES),
    st.tuples(st.just("exists"), NAMES),
    st.tuples(st.just("remove_directory"), st.sampled_from(["d", "d/e"])),
    st.tuples(st.just("sync_directory"), st.sampled_from(["", "d", "d/e"])),
    st.tuples(st.just("list"), st.sampled_from(["", "d", "d/e", "none"])),
)


def outcome(disk: Disk, operation: tuple[object, ...]) -> object:
    method, *arguments = operation
    try:
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
    disks: list[Disk] = [MemoryDisk(), ordered, strict]
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


# --- what a crash must be able to take: no disk may be kinder


def names_after(disk: CrashDisk, path: str, budget: int = 500) -> set[bytes | None]:
    """Contents that `path` can have after a crash now; None where it is not there."""
    images = disk.crash().images(budget, Prng(3))
    return {held.read(0, held.size) if (held := i.files.get(path)) else None for i in images}


def unforced_bytes_can_be_lost(make: Callable[[], CrashDisk]) -> None:
    disk = make()
    disk.create("a", 4)
    disk.sync_directory("")
    disk.force("a")
    disk.write("a", 0, b"data")
    assert {bytes(4), b"data"} <= names_after(disk, "a")


def forced_bytes_stay(make: Callable[[], CrashDisk]) -> None:
    disk = make()
    disk.create("a", 4)
    disk.sync_directory("")
    disk.write("a", 0, b"data")
    disk.force("a")
    assert names_after(disk, "a") == {b"data"}


def a_sector_can_be_torn(make: Callable[[], CrashDisk]) -> None:
    disk = make()
    disk.create("a", 4)
    disk.sync_directory("")
    disk.force("a")
    disk.write("a", 0, b"data")
    assert names_after(disk, "a") & {b"d\0\0\0", b"da\0\0", b"dat\0"}


def sectors_come_in_any_order(make: Callable[[], CrashDisk]) -> None:
    disk = make()
    size = 2 * disk.contract.sector
    disk.create("a", size)
    disk.sync_directory("")
    disk.force("a")
    disk.write("a", 0, b"1")
    disk.write("a", size - 1, b"2")
    assert b"\0" * (size - 1) + b"2" in names_after(disk, "a")


def an_old_version_can_come_back(make: Callable[[], CrashDisk]) -> None:
    disk = make()
    disk.create("a", 1)
    disk.sync_directory("")
    disk.force("a")
    disk.write("a", 0, b"1")
    disk.write("a", 0, b"2")
    assert names_after(disk, "a") >= {b"\0", b"1", b"2"}


def a_rename_can_be_lost(make: Callable[[], CrashDisk]) -> None:
    disk = make()
    for path in ("a", "b"):
        disk.create(path, 0)
        disk.write(path, 0, path.encode())
        disk.force(path)
    disk.sync_directory("")
    disk.rename("a", "b")
    assert names_after(disk, "b") == {b"a", b"b"}
    disk.sync_directory("")
    assert names_after(disk, "b") == {b"a"}
    assert names_after(disk, "a") == {None}


def an_unlink_can_be_lost(make: Callable[[], CrashDisk]) -> None:
    disk = make()
    disk.create("a", 0)
    disk.sync_directory("")
    disk.unlink("a")
    assert names_after(disk, "a") == {b"", None}
    disk.sync_directory("")
    assert names_after(disk, "a") == {None}


def a_new_file_can_be_empty_or_not_there(make: Callable[[], CrashDisk]) -> None:
    disk = make()
    disk.create("a", 2)
    assert names_after(disk, "a") == {None, b"", b"\0\0"}
    disk.sync_directory("")
    assert None not in names_after(disk, "a")


def a_length_can_be_lost(make: Callable[[], CrashDisk]) -> None:
    disk = make()
    disk.create("a", 0)
    disk.sync_directory("")
    disk.write("a", 0, b"12")
    disk.write("a", 2, b"34")
    assert names_after(disk, "a") >= {b"", b"12", b"1234", bytes(4)}
    disk.force("a")
    assert names_after(disk, "a") == {b"1234"}


def a_failed_force_drops_its_pages(make: Callable[[], CrashDisk]) -> None:
    disk = make()
    disk.faults = DiskFaults([DiskFault(FaultPoint.FORCE_FAILS, "a")])
    disk.create("a", 1)
    disk.sync_directory("")
    disk.write("a", 0, b"1")
    with pytest.raises(DiskError):
        disk.force("a")
    disk.force("a")  # says ok, and has nothing to write
    assert disk.read("a", 0, 1) == b"1"
    assert names_after(disk, "a") == {b"\0", b"1"}
    disk.write("a", 0, b"1")
    disk.force("a")
    assert names_after(disk, "a") == {b"1"}


CRUELTIES = (
    unforced_bytes_can_be_lost,
    forced_bytes_stay,
    a_sector_can_be_torn,
    sectors_come_in_any_order,
    an_old_version_can_come_back,
    a_rename_can_be_lost,
    an_unlink_can_be_lost,
    a_new_file_can_be_empty_or_not_there,
    a_length_can_be_lost,
    a_failed_force_drops_its_pages,
)
QUIET = (DiskContract(), DiskContract(names=Names.ANY, sector=16))


@pytest.mark.parametrize("contract", QUIET, ids=lambda c: f"{c.names.name}-{c.sector}")
@pytest.mark.parametrize("check", CRUELTIES, ids=lambda c: c.__name__)
def test_the_disk_is_not_kind(
    check: Callable[[Callable[[], CrashDisk]], None], contract: DiskContract
) -> None:
    check(lambda: CrashDisk(contract))


class KeepsEverything(CrashDisk):
    """A kinder disk: every write is durable."""

    @override
    def write(self, path: str, offset: int, data: bytes) -> None:
        super().write(path, offset, data)
        self.force(path)


class ForgetsNothingOfNames(CrashDisk):
    """A kinder disk: names are durable at once."""

    @override
    def rename(self, source: str, target: str) -> None:
        super().rename(source, target)
        self.sync_directory(target.rpartition("/")[0])
        self.sync_directory(source.rpartition("/")[0])


class UnlinksForGood(CrashDisk):
    """A kinder disk: what was unlinked never comes back."""

    @override
    def unlink(self, path: str) -> None:
        super().unlink(path)
        self.sync_directory(path.rpartition("/")[0])


class CreatesAtOnce(CrashDisk):
    """A kinder disk: a new file is there with its length."""

    @override
    def create(self, path: str, size: int) -> None:
        super().create(path, size)
        self.force(path)
        self.sync_directory(path.rpartition("/")[0])


class RewritesAfterFailure(CrashDisk):
    """A kinder disk: a force after a failed one writes the dropped pages after all."""

    @override
    def force(self, path: str, outcome: ForceOutcome | None = None) -> None:
        for held in self._files.values():
            if isinstance(held, OpenFile):
                held.dropped.clear()
        super().force(path)


class Lies(CrashDisk):
    """A crueller disk than the contract: a force does nothing."""

    @override
    def force(self, path: str, outcome: ForceOutcome | None = None) -> None:
        self.size(path)


PLANTED: tuple[tuple[type[CrashDisk], DiskContract, str], ...] = (
    (KeepsEverything, QUIET[0], "unforced_bytes_can_be_lost"),
    (CrashDisk, DiskContract(torn=False), "a_sector_can_be_torn"),
    (ForgetsNothingOfNames, QUIET[1], "a_rename_can_be_lost"),
    (UnlinksForGood, QUIET[0], "an_unlink_can_be_lost"),
    (CreatesAtOnce, QUIET[1], "a_new_file_can_be_empty_or_not_there"),
    (RewritesAfterFailure, QUIET[0], "a_failed_force_drops_its_pages"),
    (Lies, QUIET[0], "forced_bytes_stay"),
    (KeepsEverything, QUIET[0], "an_old_version_can_come_back"),
    (KeepsEverything, QUIET[0], "sectors_come_in_any_order"),
    (KeepsEverything, QUIET[0], "a_length_can_be_lost"),
)


@pytest.mark.parametrize(("planted", "contract", "caught_by"), PLANTED)
def test_a_kinder_disk_is_caught(
    planted: type[CrashDisk], contract: DiskContract, caught_by: str
) -> None:
    check = next(check for check in CRUELTIES if check.__name__ == caught_by)
    with pytest.raises((AssertionError, DiskError)):
        check(lambda: planted(contract))


def test_every_cruelty_is_proved_by_a_planted_disk() -> None:
    assert {name for _, _, name in PLANTED} == {check.__name__ for check in CRUELTIES}


# --- where the two contracts differ


def images(disk: CrashDisk) -> set[CrashImage]:
    return set(disk.crash().images(2000, Prng(1)))


def test_a_journal_survives_as_a_prefix() -> None:
    disk = CrashDisk()
    disk.create("a", 0)
    disk.create("b", 0)
    assert {tuple(i.files) for i in images(disk)} == {(), ("a",), ("a", "b")}


def test_posix_promises_no_order() -> None:
    disk = CrashDisk(STRICT)
    disk.create("a", 0)
    disk.create("b", 0)
    assert {tuple(sorted(i.files)) for i in images(disk)} == {(), ("a",), ("b",), ("a", "b")}


def test_a_force_carries_the_name_only_where_there_is_a_journal() -> None:
    for contract, expected in ((ORDERED, {b"1"}), (STRICT, {b"1", None})):
        disk = CrashDisk(contract)
        disk.create("d/a", 0)
        disk.write("d/a", 0, b"1")
        disk.force("d/a")
        assert names_after(disk, "d/a") == expected


def test_a_force_does_not_carry_a_rename() -> None:
    for contract in (ORDERED, STRICT):
        disk = CrashDisk(contract)
        disk.create("a", 1)
        disk.force("a")
        disk.sync_directory("")
        disk.rename("a", "b")
        disk.write("b", 0, b"1")
        disk.force("b")
        assert {tuple(i.files) for i in images(disk)} == {("a",), ("b",)}


def test_a_directory_needs_its_parent() -> None:
    disk = CrashDisk(STRICT)
    disk.create("d/a", 0)
    disk.sync_directory("d")
    assert {tuple(i.files) for i in images(disk)} == {(), ("d/a",)}
    disk.sync_directory("")
    assert {tuple(i.files) for i in images(disk)} == {("d/a",)}


def test_what_a_removed_directory_held_does_not_come_back() -> None:
    disk = CrashDisk(STRICT)
    disk.create("d/a", 0)
    disk.sync_directory("d")
    disk.sync_directory("")
    disk.unlink("d/a")
    disk.remove_directory("d")
    disk.sync_directory("")
    disk.make_directory("d")
    disk.sync_directory("")
    assert {tuple(i.files) for i in images(disk)} == {()}


def test_a_directory_that_was_made_again_keeps_what_was_synced_in_it() -> None:
    """Its new entry is not in the old directory, and not lost when the old one goes for good."""
    disk = CrashDisk(DiskContract(names=Names.ANY, torn=False))
    disk.create("d/old", 0)
    disk.sync_directory("d")
    disk.sync_directory("")
    disk.unlink("d/old")
    disk.remove_directory("d")
    disk.create("d/new", 0)
    disk.sync_directory("d")
    assert CrashDisk.from_image(disk.crash().extreme(Extreme.EVERYTHING)).list("d") == ("new",)
    assert {tuple(i.files) for i in images(disk)} == {("d/old",), (), ("d/new",)}
    disk.sync_directory("")
    assert {tuple(i.files) for i in images(disk)} == {("d/new",)}


def test_a_directory_is_forced_with_its_own_creation_by_a_journal() -> None:
    disk = CrashDisk()
    disk.make_directory("d")
    disk.sync_directory("d")
    assert disk.crash().count() == 1
    assert disk.crash().directories == {"d"}


def test_the_newest_bytes_may_equal_the_durable_ones() -> None:
    disk = CrashDisk(files={"a": b"\0"})
    disk.write("a", 0, b"1")
    disk.write("a", 0, b"\0")
    assert names_after(disk, "a") == {b"\0", b"1"}
    assert disk.crash().extreme(Extreme.EVERYTHING).files["a"].read(0, 1) == b"\0"


def test_garbage_only_where_nothing_was_durable() -> None:
    disk = CrashDisk(SMALL)
    disk.create("a", 16)
    disk.sync_directory("")
    disk.write("a", 0, b"1")
    allowed = {b"", bytes(16), b"1" + bytes(15)}
    assert len(names_after(disk, "a") - allowed) == 1
    disk.force("a")
    disk.write("a", 0, b"2")
    assert names_after(disk, "a") == {b"1" + bytes(15), b"2" + bytes(15)}


def test_the_lock_file_adds_no_images() -> None:
    disk = CrashDisk()
    disk.lock("lock")
    assert disk.crash().count() == 1
    assert CrashDisk.from_image(disk.crash().extreme(Extreme.NOTHING)).lock("lock")


def test_times_of_files_follow_the_clock() -> None:
    disk = CrashDisk()
    disk.create("a", 1)
    disk.now = Millis(9)
    disk.write("a", 0, b"1")
    assert disk.modified("a") == 9
    survived = CrashDisk.from_image(disk.crash().extreme(Extreme.EVERYTHING))
    assert survived.modified("a") == 9
