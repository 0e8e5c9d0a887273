"""What the cases of recovery share: a small store on a disk that can crash, and its next lives."""

from collections.abc import Iterator

import pytest

from refimpl.model.prng import Prng
from refimpl.model.release import RELEASES, Release
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import STRICT
from refimpl.sim.sent_log import Fate
from refimpl.sim.store_lab import StoreLab

RELEASE = pytest.mark.parametrize("release", RELEASES.values(), ids=lambda r: r.name)
LOG, QUEUE = "commitlog/", "consumequeue/T/0/"
SYNC = {"flushDiskType": "SYNC_FLUSH"}
POOL = {"transientStorePoolEnable": "true", "transientStorePoolSize": "1"}
TWO = {"mappedFileSizeCommitLog": "240"}  # two messages of this file in a file of the log
IMAGES = 24


def lab(release: Release, *overrides: dict[str, str], strict: bool = True) -> StoreLab:
    merged: dict[str, str] = dict(TWO)
    for some in overrides:
        merged |= some
    return StoreLab(release, merged, CrashDisk(STRICT) if strict else CrashDisk())


def filled(release: Release, count: int, *overrides: dict[str, str]) -> StoreLab:
    """`count` messages, dispatched and flushed."""
    store = lab(release, *overrides)
    for _ in range(count):
        store.put()
    store.settle()
    return store


def name(offset: int) -> str:
    return f"{offset:020d}"


def killed(store: StoreLab) -> CrashDisk:
    disk = store.kill()
    assert isinstance(disk, CrashDisk)
    return disk


def after_power_failure(store: StoreLab, images: int = IMAGES) -> Iterator[StoreLab]:
    """One opened store for each image; each is checked, and then settled and checked again."""
    disk = store.fail_power()
    assert isinstance(disk, CrashDisk)
    for image in disk.crash().images(images, Prng(4)):
        again = store.twin(CrashDisk.from_image(image))
        assert again.check() == [], image.label
        again.settle_ledger()
        yield again
        if again.alive:
            again.settle(100)
            assert again.check() == [], image.label


def reopened(store: StoreLab, disk: CrashDisk) -> None:
    """Open, check, go on."""
    assert store.reopen(disk), store.refused
    assert store.check() == []
    store.settle_ledger()
    store.settle(100)
    assert store.check() == []


def fates(store: StoreLab) -> list[Fate]:
    return [s.fate for s in store.ledger.sent]


def write(disk: CrashDisk, path: str, at: int, data: bytes) -> None:
    disk.write(path, at, data)
    disk.force(path)
