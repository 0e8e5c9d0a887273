"""The crashing disk is never kinder than the contract of decision 0003.

Each kinder disk that is planted here fails one of the checks; then, where the two contracts differ.
"""

from collections.abc import Callable

import pytest

from refimpl.model.disk import DiskError
from refimpl.model.effect import Span
from refimpl.model.ids import Millis
from refimpl.model.override import override
from refimpl.model.prng import Prng
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import ORDERED, STRICT, CrashImage, DiskContract, Extreme, Names
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint, ForceOutcome
from refimpl.sim.open_file import OpenFile

SMALL = DiskContract(names=Names.ANY, sector=16, garbage=True)

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


def a_force_of_some_bytes_leaves_the_rest(make: Callable[[], CrashDisk]) -> None:
    """Whole sectors are forced; bytes of other sectors are as pending as before."""
    disk = make()
    sector = disk.contract.sector
    disk.create("a", 3 * sector)
    disk.sync_directory("")
    disk.force("a")
    for number in range(3):
        disk.write("a", number * sector, b"1")
    disk.force("a", span=Span(0, 0))
    assert len({data and data[0] for data in names_after(disk, "a")}) == 2
    disk.force("a", span=Span(sector - 1, sector + 1))
    kept = names_after(disk, "a")
    assert {data and (data[0], data[sector]) for data in kept} == {(0x31, 0x31)}
    assert {data and data[2 * sector] for data in kept} == {0, 0x31}
    disk.force("a", span=Span(3 * sector - 1, 3 * sector))
    assert len(names_after(disk, "a")) == 1


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
    a_force_of_some_bytes_leaves_the_rest,
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
    def force(
        self, path: str, outcome: ForceOutcome | None = None, *, span: Span | None = None
    ) -> None:
        for held in self._files.values():
            if isinstance(held, OpenFile):
                held.dropped.clear()
        super().force(path, outcome, span=span)


class ForcesTheWholeFile(CrashDisk):
    """A kinder disk: a force of some bytes carries all that is dirty in the file."""

    @override
    def force(
        self, path: str, outcome: ForceOutcome | None = None, *, span: Span | None = None
    ) -> None:
        super().force(path, outcome)


class Lies(CrashDisk):
    """A crueller disk than the contract: a force does nothing."""

    @override
    def force(
        self, path: str, outcome: ForceOutcome | None = None, *, span: Span | None = None
    ) -> None:
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
    (ForcesTheWholeFile, QUIET[0], "a_force_of_some_bytes_leaves_the_rest"),
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
