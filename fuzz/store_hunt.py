"""Random lives of a store: puts, flushes, crashes, torn images, recoveries that are cut short.

    python -m fuzz.store_hunt --runs 200 --seed 1          # prints what breaks, shrunk
    python -m fuzz.store_hunt --seed 17 --runs 1 --trace   # every step of one run

A schedule is data: a list of small numbers that `Hunt` interprets, so that any part of it is a
schedule again and a failing one can be made short.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from refimpl.model.prng import Prng
from refimpl.model.release import RELEASES
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import ORDERED, STRICT, DiskContract, Names
from refimpl.sim.store_lab import StoreLab
from refimpl.store.message_store import CLEAN_FILES

FLUSH_MODES: Final = {
    "sync": {"flushDiskType": "SYNC_FLUSH"},
    "async": {},
    "real-time": {"flushCommitLogTimed": "false", "flushCommitLogLeastPages": "0"},
    "pool": {"transientStorePoolEnable": "true", "transientStorePoolSize": "2"},
}
SMALL: Final = {"mappedFileSizeCommitLog": "500", "mappedFileSizeConsumeQueue": "60"}
MIDDLE: Final = {"mappedFileSizeCommitLog": "4096", "mappedFileSizeConsumeQueue": "400"}
SIZES: Final[tuple[dict[str, str], ...]] = (SMALL, MIDDLE, {})
CONTRACTS: Final = {
    "ordered": ORDERED,
    "strict": STRICT,
    # Small sectors are not torn: half of a head has no checksum, and would be found all the time.
    "small": DiskContract(sector=64, torn=False),
    "small-strict": DiskContract(names=Names.ANY, sector=64, torn=False, garbage=True),
}
_CLOCK: Final = (0, 1, 10, 200, 600, 4000, 61_000)


class Step(NamedTuple):
    """One input: what, and two numbers that are taken modulo what there is."""

    what: str
    a: int = 0
    b: int = 0


@dataclass(slots=True)
class Setting:
    """What a run is about."""

    release: str
    mode: str
    sizes: int
    contract: str
    faults: bool
    seed: int

    def lab(self) -> StoreLab:
        """A store on an empty disk."""
        overrides = {**SIZES[self.sizes], **FLUSH_MODES[self.mode]}
        disk = CrashDisk(contract=CONTRACTS[self.contract])
        return StoreLab(RELEASES[self.release], overrides, disk)


@dataclass(slots=True)
class Hunt:
    """One run: the lab, and what was found."""

    setting: Setting
    lab: StoreLab = field(init=False)
    found: list[str] = field(default_factory=list)
    images: int = 0
    done: Counter[str] = field(default_factory=Counter)
    trace: bool = False

    def __post_init__(self) -> None:
        self.lab = self.setting.lab()

    def run(self, steps: list[Step]) -> list[str]:
        """Do every step; what broke, from the first violation on nothing more is done."""
        for step in steps:
            self.done[step.what] += 1
            if self.trace:
                print(step, flush=True)
            getattr(self, f"_{step.what}")(step.a, step.b)
            if self.lab.alive and not self.found:
                self.found = self.lab.check()
            if self.found:
                break
        return self.found

    def outcome(self, steps: list[Step]) -> list[str]:
        """What `run` finds, an exception included: a store that dies is a finding too."""
        try:
            return self.run(steps)
        except Exception as error:
            if self.trace:
                raise
            return [repr(error)]

    # --- inputs

    def _put(self, a: int, b: int) -> None:
        sizes = (6, 12, 40, 64, 100, 150)
        self.lab.put(
            queue_id=b % 2,
            size=sizes[a % len(sizes)],
            properties={"KEYS": f"k{a % 3}", "x": "y" * (b % 30)},
            waits=b % 7 != 0,
            prepared=b % 11 == 0,
        )

    def _batch(self, a: int, b: int) -> None:
        self.lab.put(queue_id=b % 2, size=6 + a % 30, batch=2 + b % 2)

    def _step(self, a: int, _b: int) -> None:
        actors = sorted(self.lab.store.actors())
        if actors:
            self.lab.step(actors[a % len(actors)])

    def _clock(self, a: int, _b: int) -> None:
        self.lab.advance(_CLOCK[a % len(_CLOCK)])

    def _due(self, _a: int, _b: int) -> None:
        """Run what is due once, without completing a force."""
        for actor, when in list(self.lab.store.actors().items()):
            if self.lab.alive and when <= self.lab.now:
                self.lab.step(actor)

    def _run_force(self, a: int, _b: int) -> None:
        tokens = list(self.lab.pending)
        if tokens:
            self.lab.run_force(tokens[a % len(tokens)])

    def _force(self, a: int, b: int) -> None:
        tokens = list(self.lab.pending)
        if tokens:
            failed = self.setting.faults and b % 5 == 0
            self.lab.complete_force(tokens[a % len(tokens)], ok=not failed)

    def _settle(self, a: int, _b: int) -> None:
        self.lab.settle(_CLOCK[a % len(_CLOCK)])

    def _read(self, _a: int, b: int) -> None:
        self.lab.read(queue_id=b % 2)

    def _clean(self, a: int, _b: int) -> None:
        """Retention by force: the disk is rather full, now and then too full for a put."""
        lab = self.lab
        lab.disk.disk.used = 0.95 if a % 4 == 0 else 0.88
        lab.advance(1000)
        lab.step(CLEAN_FILES)
        lab.disk.disk.used = 0.1
        lab.ledger = lab.ledger.removed(lab.store.commit_log.min_offset())

    # --- ends

    def _kill(self, a: int, b: int) -> None:
        disk = self.lab.kill()
        assert isinstance(disk, CrashDisk)
        self._again(disk, a, b)

    def _power(self, a: int, b: int) -> None:
        disk = self.lab.fail_power()
        assert isinstance(disk, CrashDisk)
        self._again(self._image_of(disk, a), a, b)

    def _stop_in_put(self, a: int, b: int) -> None:
        """The power fails in the middle of a put."""
        self.lab.disk.left = a % 4
        self._put(b, a)
        if self.lab.alive:
            self.lab.disk.left = None
        else:
            disk = self.lab.disk.disk
            assert isinstance(disk, CrashDisk)
            self._again(self._image_of(disk, a + b), a, b)

    def _shutdown(self, a: int, b: int) -> None:
        self.lab.shutdown()
        self.lab.settle()
        if self.lab.stopped is None:
            self.found = ["the orderly end does not end"]
            return
        disk = self.lab.fail_power() if a % 2 else self.lab.kill()
        assert isinstance(disk, CrashDisk)
        self._again(self._image_of(disk, b) if a % 2 else disk, 0, b)

    def _image_of(self, disk: CrashDisk, a: int) -> CrashDisk:
        """One of the images that the crash may have left, the extremes as often as the rest."""
        budget = 8
        images = list(disk.crash().images(budget, Prng(self.setting.seed ^ a)))
        self.images += 1
        return CrashDisk.from_image(images[a % len(images)])

    def _again(self, disk: CrashDisk, a: int, b: int) -> None:
        """Open; every third time the recovery is cut short, and power fails once more."""
        lab = self.lab
        if b % 3 == 0 and lab.reopen(disk, stop_after=a % 9):
            pass
        elif b % 3 == 0 and lab.refused is None:
            half_done = lab.fail_power()
            assert isinstance(half_done, CrashDisk)
            lab.reopen(self._image_of(half_done, a + b))
        elif b % 3:
            lab.reopen(disk)
        self.found = lab.check()
        if not self.found:
            lab.settle_ledger()


_WEIGHTS: Final = {
    "put": 30,
    "batch": 3,
    "step": 20,
    "due": 6,
    "clock": 12,
    "run_force": 4,
    "force": 20,
    "settle": 4,
    "read": 5,
    "clean": 2,
    "kill": 2,
    "power": 4,
    "stop_in_put": 2,
    "shutdown": 1,
}


def schedule(seed: int, length: int) -> tuple[Setting, list[Step]]:
    """The run of a seed."""
    prng = Prng(seed)
    setting = Setting(
        release=list(RELEASES)[prng.below(len(RELEASES))],
        mode=list(FLUSH_MODES)[prng.below(len(FLUSH_MODES))],
        sizes=prng.below(len(SIZES)),
        contract=list(CONTRACTS)[prng.below(len(CONTRACTS))],
        faults=prng.below(3) == 0,
        seed=seed,
    )
    deck = [
        name
        for name, weight in _WEIGHTS.items()
        for _ in range(weight if prng.below(5) else 0)  # swarm: some kinds are left out
    ]
    deck = deck or ["put"]
    steps = [Step(deck[prng.below(len(deck))], prng.bits(16), prng.bits(16)) for _ in range(length)]
    return setting, steps


def shrunk(setting: Setting, steps: list[Step], name: str) -> list[Step]:
    """A part of the schedule that still breaks the same rule, and of which no step can go."""

    def fails(candidate: list[Step]) -> bool:
        return any(text.split(":")[0] == name for text in Hunt(setting).outcome(candidate))

    size = max(1, len(steps) // 2)
    while True:
        at = 0
        while at < len(steps):
            candidate = steps[:at] + steps[at + size :]
            if fails(candidate):
                steps = candidate
            else:
                at += size
        if size == 1:
            return steps
        size //= 2


def hunt(seed: int, runs: int, length: int, *, trace: bool = False) -> Iterator[str]:
    """Run `runs` seeds from `seed` on; a report for each that broke something."""
    for number in range(seed, seed + runs):
        setting, steps = schedule(number, length)
        run = Hunt(setting, trace=trace)
        found = run.outcome(steps)
        if found:
            short = shrunk(setting, steps, found[0].split(":")[0])
            found = Hunt(setting).outcome(short)
            lines = "\n".join(f"    {tuple(step)}," for step in short)
            yield f"{setting}\n{lines}\n  " + "\n  ".join(found[:4])


def main(words: Sequence[str] | None = None) -> int:
    """Hunt and print; 1 where something broke."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.store_hunt")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--length", type=int, default=60)
    parser.add_argument("--stop", type=int, default=3, help="after so many runs that broke")
    parser.add_argument("--trace", action="store_true")
    options = parser.parse_args(words)
    reports = hunt(options.seed, options.runs, options.length, trace=options.trace)
    broken = 0
    for report in islice(reports, options.stop):
        print(report, flush=True)
        broken += 1
    print(f"at most {options.runs} runs from seed {options.seed}: {broken} broke a promise")
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
