"""Every fault of the disk happens when the schedule says so, once, and is counted."""

import pytest

from refimpl.model.disk import DiskError
from refimpl.model.effect import Span
from refimpl.model.ids import Millis
from refimpl.model.prng import Prng
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import DiskContract, Extreme
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint, ForceOutcome

EXERCISES = {
    FaultPoint.FORCE_FAILS: lambda disk: disk.force("a"),
    FaultPoint.FORCE_LIES: lambda disk: disk.force("a"),
    FaultPoint.FORCE_NEVER_ENDS: lambda disk: disk.force("a"),
    FaultPoint.NO_SPACE_CREATE: lambda disk: disk.create("new", 4),
    FaultPoint.NO_SPACE_EXTEND: lambda disk: disk.extend("a", 99),
    FaultPoint.NO_SPACE_WRITE: lambda disk: disk.write("a", 0, b"1"),
    FaultPoint.READ_ERROR: lambda disk: disk.read("a", 0, 4),
    FaultPoint.EMPTY_AFTER_CREATE: lambda disk: disk.create("new", 4),
    FaultPoint.BIT_ROT: lambda disk: disk.read("a", 0, 4),
    FaultPoint.SLOW: lambda disk: disk.write("a", 0, b"1"),
}
REFUSES = set(FaultPoint) - {FaultPoint.FORCE_LIES, FaultPoint.BIT_ROT, FaultPoint.SLOW}


def disk_with(*faults: DiskFault) -> CrashDisk:
    """A file `a` with a durable byte pattern and a pending first byte."""
    disk = CrashDisk(DiskContract(sector=16), files={"a": b"abcd" * 8}, faults=DiskFaults(faults))
    assert disk.crash().count() == 1
    return disk


@pytest.mark.parametrize("point", FaultPoint)
def test_each_fault_happens_once_and_is_counted(point: FaultPoint) -> None:
    disk = disk_with(DiskFault(point))
    assert disk.faults is not None
    assert disk.faults.never_fired() == (point,)
    if point in REFUSES:
        with pytest.raises(DiskError):
            EXERCISES[point](disk)
    else:
        EXERCISES[point](disk)
    assert disk.faults.fired == {point: 1}
    assert disk.faults.never_fired() == ()
    if point is FaultPoint.EMPTY_AFTER_CREATE:
        disk.unlink("new")
    EXERCISES[point](disk)
    assert disk.faults.fired == {point: 1}


@pytest.mark.parametrize("point", sorted(REFUSES - {FaultPoint.EMPTY_AFTER_CREATE}, key=str))
def test_a_refusal_leaves_what_readers_see(point: FaultPoint) -> None:
    disk = disk_with(DiskFault(point))
    before = disk.files(), disk.list("")
    with pytest.raises(DiskError):
        EXERCISES[point](disk)
    assert (disk.files(), disk.list("")) == before


def test_the_schedule_counts_calls_of_paths_that_fit() -> None:
    disk = disk_with(DiskFault(FaultPoint.READ_ERROR, "queue/*", nth=2, times=2))
    disk.create("queue/T/0", 4)
    disk.read("queue/T/0", 0, 1)
    disk.read("a", 0, 1)
    for _ in range(2):
        with pytest.raises(DiskError):
            disk.read("queue/T/0", 0, 1)
    disk.read("queue/T/0", 0, 1)
    assert disk.faults is not None
    assert disk.faults.fired[FaultPoint.READ_ERROR] == 2


def test_what_rots_where_the_file_was_cut_is_pending_as_the_cut_is() -> None:
    """Once the cut is durable, the old bytes are gone: the bit is that of a new, dirty sector."""
    faults = DiskFaults([DiskFault(FaultPoint.BIT_ROT, "a")])
    disk = CrashDisk(DiskContract(sector=4), files={"a": bytes(8)}, faults=faults)
    disk.extend("a", 0)
    disk.extend("a", 8)
    rotten = disk.read("a", 0, 4)
    assert rotten != bytes(4)
    disk.write("a", 4, b"new!")
    disk.force("a", span=Span(4, 8))
    crash = disk.crash()
    assert crash.extreme(Extreme.EVERYTHING).files["a"].read(0, 8) == rotten + b"new!"
    assert crash.extreme(Extreme.NOTHING).files["a"].read(0, 8) == bytes(4) + b"new!"


def test_what_never_fired_is_listed() -> None:
    faults = DiskFaults([DiskFault(FaultPoint.BIT_ROT, "none"), DiskFault(FaultPoint.SLOW)])
    disk = CrashDisk(faults=faults)
    disk.create("a", 1)
    disk.write("a", 0, b"1")
    assert faults.never_fired() == (FaultPoint.BIT_ROT,)


def test_a_file_of_length_zero_is_left_behind() -> None:
    disk = disk_with(DiskFault(FaultPoint.EMPTY_AFTER_CREATE))
    with pytest.raises(DiskError):
        disk.create("new", 4)
    assert disk.size("new") == 0


def test_a_lie_is_not_durable_and_the_next_force_makes_good() -> None:
    disk = disk_with(DiskFault(FaultPoint.FORCE_LIES))
    disk.write("a", 0, b"!")
    disk.force("a")
    assert disk.crash().extreme(Extreme.NOTHING).files["a"].read(0, 4) == b"abcd"
    disk.force("a")
    assert disk.crash().extreme(Extreme.NOTHING).files["a"].read(0, 4) == b"!bcd"


def test_an_interpreter_asks_when_the_force_begins() -> None:
    """The outcome is drawn once, and given to the disk when the force ends."""
    disk = disk_with(
        DiskFault(FaultPoint.FORCE_NEVER_ENDS), DiskFault(FaultPoint.FORCE_FAILS, nth=2)
    )
    assert disk.faults is not None
    assert disk.faults.force_outcome("a") is ForceOutcome.NEVER
    outcome = disk.faults.force_outcome("a")
    assert outcome is ForceOutcome.FAIL
    with pytest.raises(DiskError):
        disk.force("a", outcome)
    assert disk.faults.force_outcome("a") is ForceOutcome.OK
    assert disk.faults.fired == {FaultPoint.FORCE_NEVER_ENDS: 1, FaultPoint.FORCE_FAILS: 1}


def test_dropped_pages_stay_dropped_until_they_are_written_again() -> None:
    disk = disk_with(DiskFault(FaultPoint.FORCE_FAILS))
    disk.write("a", 0, b"1")
    disk.write("a", 16, b"2")
    with pytest.raises(DiskError):
        disk.force("a")
    disk.write("a", 16, b"2")  # the same bytes: dirty again all the same
    disk.force("a")
    assert disk.read("a", 0, 1) == b"1"
    floor = disk.crash().extreme(Extreme.NOTHING).files["a"]
    assert floor.read(0, 1) == b"a"
    assert floor.read(16, 1) == b"2"
    assert disk.crash().extreme(Extreme.EVERYTHING).files["a"].read(0, 1) == b"1"


def test_rot_is_latent_and_survives_a_crash() -> None:
    disk = disk_with(DiskFault(FaultPoint.BIT_ROT, seed=5))
    disk.write("a", 16, b"!")
    before = disk.files()["a"]
    rotten = disk.read("a", 0, 8)
    assert sum((x ^ y).bit_count() for x, y in zip(rotten, before, strict=False)) == 1
    assert disk.read("a", 0, 8) == rotten
    for image in disk.crash().images(9, Prng(1)):
        assert image.files["a"].read(0, 8) == rotten
    assert disk.crash().extreme(Extreme.NOTHING).files["a"].read(16, 1) == b"a"


def test_rot_needs_something_to_read() -> None:
    disk = disk_with(DiskFault(FaultPoint.BIT_ROT))
    assert disk.read("a", 500, 4) == b""
    assert disk.faults is not None
    assert disk.faults.fired == {}


def test_a_slow_write_says_until_when_it_hangs() -> None:
    disk = disk_with(DiskFault(FaultPoint.SLOW, nth=2, millis=2000))
    disk.now = Millis(70)
    disk.write("a", 0, b"1")
    assert disk.stalled_until("a") == 0
    disk.write("a", 0, b"2")
    assert disk.stalled_until("a") == 2070
    assert disk.stalled_until("b") == 0
    assert disk.read("a", 0, 1) == b"2"
    assert disk.image().stalled_until("a") == 2070  # it is the machine's page cache


def test_a_fork_has_its_own_schedule() -> None:
    disk = disk_with(DiskFault(FaultPoint.SLOW, nth=2))
    disk.write("a", 0, b"1")
    twin = disk.fork()
    twin.write("a", 0, b"2")
    assert twin.stalled_until("a")
    assert not disk.stalled_until("a")
    disk.write("a", 0, b"2")
    assert disk.stalled_until("a")
