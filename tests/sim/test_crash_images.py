"""A crash as a value: what is counted is what is made, and a seed makes it again."""

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refimpl.model.disk import DiskError
from refimpl.model.prng import Prng
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import ORDERED, Crash, CrashImage, DiskContract, Extreme, Names

NAMES = st.sampled_from(["a", "b", "d/a"])
OFFSETS = st.integers(0, 40)
STEP = st.one_of(
    st.tuples(st.just("create"), NAMES, OFFSETS),
    st.tuples(st.just("extend"), NAMES, OFFSETS),
    st.tuples(st.just("write"), NAMES, OFFSETS, st.sampled_from([b"\0", b"1", b"22", bytes(9)])),
    st.tuples(st.just("write"), NAMES, OFFSETS, st.binary(min_size=1, max_size=20)),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("unlink"), NAMES),
    st.tuples(st.just("remove_directory"), st.just("d")),
    st.tuples(st.just("force"), NAMES),
    st.tuples(st.just("sync_directory"), st.sampled_from(["", "d"])),
)
CONTRACTS = st.builds(
    DiskContract,
    names=st.sampled_from(Names),
    sector=st.just(16),
    torn=st.booleans(),
    garbage=st.booleans(),
)
STEPS = st.lists(STEP, max_size=12)


def do(disk: CrashDisk, steps: list[tuple[object, ...]]) -> None:
    for method, *arguments in steps:
        try:
            getattr(disk, str(method))(*arguments)
        except DiskError:
            continue


def small_disk() -> CrashDisk:
    """Two sectors dirty, one of them twice, and a new file."""
    disk = CrashDisk(DiskContract(sector=16, torn=False))
    disk.create("a", 32)
    disk.force("a")
    disk.write("a", 0, b"1")
    disk.write("a", 0, b"2")
    disk.write("a", 20, b"3")
    disk.create("b", 8)
    return disk


def test_the_count_is_a_product() -> None:
    """Three versions of one sector, two of the other, and a file missing, empty or long."""
    crash = small_disk().crash()
    assert crash.count() == 3 * 2 * 3
    made = list(crash.images(1000, Prng(1)))
    assert len(made) == len(set(made)) == 18


def test_equal_bytes_count_once() -> None:
    disk = CrashDisk()
    disk.create("a", 0)
    disk.unlink("a")
    disk.create("a", 0)
    crash = disk.crash()
    assert crash.count() == 2  # there or not, however it came about
    assert len(list(crash.images(100, Prng(1)))) == 2


@settings(max_examples=150, deadline=None)
@given(contract=CONTRACTS, steps=STEPS, seed=st.integers(0, 3))
def test_all_that_is_counted_is_made_once(
    contract: DiskContract, steps: list[tuple[object, ...]], seed: int
) -> None:
    disk = CrashDisk(contract)
    do(disk, steps)
    crash = disk.crash()
    count, bound = crash.count(Prng(seed)), crash.bound()
    assert count is not None
    assert bound is not None
    assert 1 <= count <= bound
    if bound > 2000:
        made = list(crash.images(60, Prng(seed)))
        assert len(made) <= 60
    else:
        made = list(crash.images(bound, Prng(seed)))
        assert len(made) == count
    assert len(set(made)) == len(made)
    corners = list(dict.fromkeys(crash.extreme(which) for which in Extreme))
    assert made[: len(corners)] == corners
    assert made == list(crash.images(60 if bound > 2000 else bound, Prng(seed)))


@settings(max_examples=100, deadline=None)
@given(contract=CONTRACTS, before=STEPS, after=STEPS)
def test_a_fork_and_its_disk_go_their_own_ways(
    contract: DiskContract, before: list[tuple[object, ...]], after: list[tuple[object, ...]]
) -> None:
    """The same steps lead both to equal crashes; steps of one leave the other alone."""
    disk = CrashDisk(contract)
    do(disk, before)
    crash = disk.crash()
    twin = disk.fork()
    assert twin.crash() == crash
    assert hash(twin.crash()) == hash(crash)
    do(twin, after)
    assert disk.crash() == crash
    do(disk, after)
    assert disk.crash() == twin.crash()
    assert disk.files() == twin.files()


@settings(max_examples=60, deadline=None)
@given(contract=CONTRACTS, before=STEPS, after=STEPS, seed=st.integers(0, 3))
def test_an_image_is_not_changed_by_the_disk_made_of_it(
    contract: DiskContract,
    before: list[tuple[object, ...]],
    after: list[tuple[object, ...]],
    seed: int,
) -> None:
    """Two starts from one image see the same, and a second crash has that image as its floor."""
    disk = CrashDisk(contract)
    do(disk, before)
    for image in islice(disk.crash().images(20, Prng(seed)), 8):
        first = CrashDisk.from_image(image)
        assert first.crash().count() == 1
        assert next(first.crash().images(1, Prng(seed))) == image
        assert set(first.list("")) == {
            path.split("/")[0] for path in (*image.files, *image.directories)
        }
        do(first, after)
        second = CrashDisk.from_image(image)
        assert second.crash().extreme(Extreme.EVERYTHING) == image
        do(second, after)
        assert first.crash() == second.crash()


def test_different_states_are_different_values() -> None:
    disk = small_disk()
    crash = disk.crash()
    for step in (
        ("write", "a", 0, b"2."),
        ("force", "a"),
        ("unlink", "b"),
        ("create", "c", 0),
        ("extend", "a", 33),
    ):
        twin = disk.fork()
        do(twin, [step])
        assert twin.crash() != crash, step


def test_the_extremes_are_what_they_say() -> None:
    crash = small_disk().crash()
    found = {which: crash.extreme(which) for which in Extreme}
    contents = {
        which: {path: held.read(0, 99).rstrip(b"\0") for path, held in image.files.items()}
        for which, image in found.items()
    }
    new = b"2" + bytes(19) + b"3"
    assert contents == {
        Extreme.NOTHING: {"a": b""},
        Extreme.EVERYTHING: {"a": new, "b": b""},
        Extreme.NAMES: {"a": b"", "b": b""},
        Extreme.BYTES: {"a": new},
    }
    assert found[Extreme.NAMES].label == "names and lengths, no bytes survived"


def test_a_label_says_what_survived() -> None:
    labels = {image.label for image in small_disk().crash().images(99, Prng(1))}
    assert (
        "operations 1 of 2 (last: create b); a: 32 bytes, sectors 0=version1 1=new; b: 0 bytes"
        in labels
    )
    assert CrashImage(ORDERED, {}, frozenset()).label == "nothing was pending"


@pytest.mark.parametrize("names", Names)
def test_a_large_disk_is_sampled(names: Names) -> None:
    disk = CrashDisk(DiskContract(names=names, sector=16, garbage=True))
    for i in range(40):
        disk.create(f"d{i}/a", 64)
        disk.write(f"d{i}/a", 0, bytes([i + 1]) * 64)
    crash: Crash = disk.crash()
    count = crash.count()
    assert count is None if names is Names.ANY else count is not None and count > 10**30
    made = list(crash.images(50, Prng(5)))
    assert len(set(made)) == len(made) == 50
    assert made == list(disk.crash().images(50, Prng(5)))
    assert set(made) != set(disk.crash().images(50, Prng(6)))
    assert made[0].files == {}
    assert len(made[1].files) == 40
    assert len(made[20].label) < 2000


def test_many_names_with_equal_paths_are_counted_only_when_few() -> None:
    """Two histories of one name: their bytes may be equal, so the images themselves are counted."""
    disk = CrashDisk(DiskContract(names=Names.ANY, sector=16, torn=False))
    disk.create("a", 0)
    disk.create("b", 0)
    disk.sync_directory("")
    disk.write("a", 0, b"1")
    disk.write("b", 0, b"1")
    disk.rename("a", "b")
    paths = {tuple(sorted(image.files)) for image in disk.crash().images(99, Prng(1))}
    assert paths == {("a", "b"), ("b",)}
    count = disk.crash().count()
    assert count == len(set(disk.crash().images(99, Prng(1)))) == 9 + 3
    for i in range(60):
        disk.write("b", 16 * i, b"x")
    assert disk.crash().count() is not None


def two_sectors(*, torn: bool) -> Crash:
    """`f` has 16 durable bytes, and others since; `g` has new bytes that nobody forced."""
    disk = CrashDisk(DiskContract(sector=8, torn=torn))
    disk.create("d/f", 16)
    disk.write("d/f", 0, b"a" * 16)
    disk.force("d/f")
    disk.sync_directory("d")
    disk.write("d/f", 0, b"b" * 16)
    disk.create("g", 8)
    disk.write("g", 0, b"c" * 8)
    return disk.crash()


def read(image: CrashImage) -> tuple[bytes, bytes]:
    return image.files["d/f"].read(0, 16), image.files["g"].read(0, 8)


def test_all_but_one_sector_survive() -> None:
    crash = two_sectors(torn=True)
    found = {read(crash.all_but_one("d/", Prng(seed))) for seed in range(20)}
    lost = {(b"a" * 8 + b"b" * 8, b"c" * 8), (b"b" * 8 + b"a" * 8, b"c" * 8)}
    assert found == lost
    assert read(crash.all_but_one("nothing/", Prng(0))) == (b"b" * 16, b"c" * 8)
    assert crash.all_but_one("d/", Prng(0)).has("old")


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize("position", [0, 3, 8, 15])
def test_a_sector_is_torn_at_a_byte(position: int, torn: bool) -> None:
    """New up to the byte and old from there to the end of its sector; the rest is new."""
    crash = two_sectors(torn=torn)
    image = crash.torn_at("d/f", position)
    end = position // 8 * 8 + 8
    old = b"b" * position + b"a" * (end - position) + b"b" * (16 - end)
    assert read(image) == (old if torn else b"b" * 16, b"c" * 8)
    assert image.has("torn") is torn
