"""Images of stores that we wrote: closed, killed, and what a failure of the power leaves.

Every image is a function of seed and number. It keeps its laboratory, and with it the ledger of
what was promised: so it can be said who is right where two readers differ.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from refimpl.model.prng import Prng
from refimpl.model.release import Release
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.disk_contract import ORDERED, STRICT, DiskContract
from refimpl.sim.store_lab import StoreLab

SETTINGS: Final[Mapping[str, str]] = {
    "mappedFileSizeCommitLog": "2000",
    "mappedFileSizeConsumeQueue": "100",
    "maxHashSlotNum": "5",
    "maxIndexNum": "20",
}
CONTRACTS: Final[Mapping[str, DiskContract]] = {"ordered": ORDERED, "any": STRICT}
KINDS: Final = ("closed", "killed", "power", "power", "power", "power")
_STEPS_MIN: Final = 6
_STEPS_MAX: Final = 40
_DEEP_SECONDS: Final = 40  # more than the interval of thorough flushes of queues


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """One store as a crash, or an orderly end, left it."""

    name: str
    kind: str
    label: str  # what survived
    lab: StoreLab  # dead; `twin` opens the image
    disk: CrashDisk

    def ours(self) -> StoreLab:
        """Our own store on the image, with every force done."""
        lab = self.lab.twin(self.disk.fork())
        if lab.alive:
            lab.settle()
        return lab

    def write(self, root: Path) -> Path:
        """The image as a real directory, below `root`."""
        directory = root / self.name
        directory.mkdir(parents=True)
        for path, data in self.disk.files().items():
            full = directory / path
            full.parent.mkdir(parents=True, exist_ok=True)
            full.write_bytes(data)
        return directory


def images(
    release: Release, seed: int, count: int, *, first: int = 0, contract: DiskContract = ORDERED
) -> Iterator[Image]:
    """`count` images from number `first` on."""
    for number in range(first, first + count):
        yield image(release, seed, number, contract)


def image(release: Release, seed: int, number: int, contract: DiskContract = ORDERED) -> Image:
    """One image, of what `contract` allows a failure of the power to leave (decision 0003)."""
    prng = Prng(seed).fork(f"image {number}")
    flush = "SYNC_FLUSH" if prng.below(3) == 0 else "ASYNC_FLUSH"
    lab = StoreLab(release, {**SETTINGS, "flushDiskType": flush}, CrashDisk(contract))
    _play(lab, prng)
    kind = KINDS[prng.below(len(KINDS))]
    if kind == "power" and prng.below(4) == 0:  # once more, on what a first failure left
        first = CrashDisk.from_image(_dead(lab).crash().sample(prng))
        lab.reopen(first)
        lab.settle_ledger()
        _play(lab, prng)
    label = flush
    if kind == "closed":
        lab.shutdown()
        lab.settle()
        disk = _dead_by(lab.kill)
    elif kind == "killed":
        disk = _dead_by(lab.kill).image()
    else:
        survived = _dead(lab).crash().sample(prng)
        label = f"{flush}: {survived.label}"
        disk = CrashDisk.from_image(survived)
    return Image(f"{number:05d}-{kind}", kind, label, lab, disk)


def _dead(lab: StoreLab) -> CrashDisk:
    return _dead_by(lab.fail_power)


def _dead_by(end: Callable[[], object]) -> CrashDisk:
    disk = end()
    assert isinstance(disk, CrashDisk)
    return disk


def _play(lab: StoreLab, prng: Prng) -> None:
    for _ in range(_STEPS_MIN + prng.below(_STEPS_MAX - _STEPS_MIN)):
        if lab.alive:
            _step(lab, prng)


def _step(lab: StoreLab, prng: Prng) -> None:
    chance = prng.below(20)
    if chance < 12:
        _put(lab, prng)
    elif chance < 14 and lab.pending:
        waiting = list(lab.pending)
        lab.complete_force(waiting[prng.below(len(waiting))])
    elif chance < 17:
        actors = list(lab.store.actors())
        lab.step(actors[prng.below(len(actors))])
    elif chance < 19:
        lab.advance(1 + prng.below(2000))
    else:
        lab.settle(1000 * prng.below(_DEEP_SECONDS))


def _put(lab: StoreLab, prng: Prng) -> None:
    number = len(lab.ledger.sent)
    properties = {"UNIQ_KEY": f"{lab.now:013d}{number:07d}", "WAIT": "true"}
    if prng.below(2):
        properties["TAGS"] = f"Tag{prng.below(3)}"
    if prng.below(3) == 0:
        properties["KEYS"] = " ".join(f"k{prng.below(9)}" for _ in range(1 + prng.below(3)))
    shape = prng.below(12)
    if shape == 0:
        properties["DELAY"] = str(1 + prng.below(18))
    lab.put(
        f"T{prng.below(2)}",
        prng.below(2),
        size=6 + prng.below(400 if prng.below(4) == 0 else 60),
        properties=properties,
        prepared=shape == 1,
        batch=2 + prng.below(3) if shape == 2 else 0,
    )
