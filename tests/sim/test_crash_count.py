"""`Crash.count` against brute force: every history of a few operations on two files.

The images are enumerated a second time by `fuzz.disk_model`, which shares and merges nothing, and
counted as a set. Torn sectors and garbage are left out here: which bytes they have is drawn, and
the machine `Disk` counts them.
"""

from collections.abc import Iterator
from itertools import product

import pytest

from fuzz.disk_model import DiskModel
from refimpl.model.disk import DiskError
from refimpl.model.effect import Span
from refimpl.model.prng import Prng
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import Crash, DiskContract, Names
from refimpl.sim.journal_outcomes import Namespace
from refimpl.sim.sector_outcomes import SectorOutcomes

SECTOR = 16
Step = tuple[object, ...]
STEPS: tuple[Step, ...] = (
    ("create", "a", 20),
    ("create", "b", 0),
    ("write", "a", 0, b"1"),
    ("write", "a", 0, b"\0"),
    ("write", "a", 15, b"22"),
    ("write", "b", 0, b"1"),
    ("rename", "a", "b"),
    ("unlink", "a"),
    ("force", "a", None),
    ("force", "a", Span(0, 1)),
    ("sync_directory", ""),
)


def follow(model: DiskModel, step: Step) -> None:
    """Do in the model what the disk has done."""
    method, path, *rest = step
    assert isinstance(path, str)
    held = model.file(path)
    match method, rest:
        case "create", [int(size)]:
            held = model.create(path)
            if size:
                held.now = bytes(size)
                model.size(held, size)
        case "write", [int(offset), bytes(data)]:
            assert held is not None
            end = offset + len(data)
            if end > len(held.now):
                model.size(held, end)
            now = held.now.ljust(offset, b"\0")
            held.change(now[:offset] + data + now[end:], offset, end, SECTOR)
        case "rename", [str(target)]:
            model.rename(path, target)
        case "unlink", []:
            model.remove(path)
        case "force", [(Span() | None) as span]:
            assert held is not None
            model.force(held, span)
        case _:
            model.sync(model.root)


def do(disk: CrashDisk, step: Step) -> bool:
    """One step; False where the disk refuses it."""
    method, *arguments = step
    try:
        if method == "force":
            path, span = arguments
            assert isinstance(path, str)
            assert span is None or isinstance(span, Span)
            disk.force(path, span=span)
        else:
            getattr(disk, str(method))(*arguments)
    except DiskError:
        return False
    return True


def histories(names: Names, length: int) -> Iterator[tuple[CrashDisk, DiskModel]]:
    """Every history of so many steps, none of them refused, on both."""
    contract = DiskContract(names=names, sector=SECTOR, torn=False)
    for steps in product(STEPS, repeat=length):
        disk, model = CrashDisk(contract), DiskModel(contract)
        for step in steps:
            if not do(disk, step):
                break
            follow(model, step)
        else:
            yield disk, model


def differences(names: Names, length: int) -> Iterator[str]:
    """Every history whose images are not counted, or made, as brute force does."""
    for disk, model in histories(names, length):
        survivors = model.survivors()
        expected = None if survivors is None else model.every_untorn(survivors)
        assert expected is not None, "the disk is small"
        crash = disk.crash()
        made = [
            (frozenset((p, f.read(0, f.size)) for p, f in image.files.items()), image.directories)
            for image in crash.images(10_000, Prng(1))
        ]
        if crash.count() != len(expected) or len(made) != len(expected) or set(made) != expected:
            yield f"{crash.count()} counted, {len(made)} made, {len(expected)} there are: {crash}"


LENGTHS = [1, 2, 3, 4, pytest.param(5, marks=pytest.mark.slow)]


@pytest.mark.parametrize("names", Names)
@pytest.mark.parametrize("length", LENGTHS)
def test_a_small_disk_is_counted_as_by_brute_force(names: Names, length: int) -> None:
    assert list(differences(names, length)) == []


def _never_alike(_crash: Crash, namespace: Namespace) -> object:
    return id(namespace)


def _one_version_less(outcomes: SectorOutcomes) -> int:
    return max(1, _count(outcomes) - 1)


_count = SectorOutcomes.count


@pytest.mark.parametrize(
    ("owner", "method", "wrong"),
    [
        (Crash, "_shape", _never_alike),  # symmetric images are counted apart
        (Crash, "_key", lambda _crash, image: id(image)),  # and made apart
        (SectorOutcomes, "count", _one_version_less),
    ],
)
def test_a_wrong_count_is_noticed(
    owner: type, method: str, wrong: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, method, wrong)
    assert next(differences(Names.ORDERED, 3), None) is not None


def test_what_is_too_large_is_not_counted() -> None:
    """None says that images are drawn: more than twelve names in any order."""
    disk = CrashDisk(DiskContract(names=Names.ANY, torn=False))
    for number in range(12):
        disk.create(f"{number}", 0)
    assert "4096 images" in repr(disk.crash())
    disk.create("one more", 0)
    assert disk.crash().count() is None
    assert "too many images to count" in repr(disk.crash())
