"""Traces of stores under ASYNC_FLUSH: puts of many sizes, rounds, forces and crashes, by a seed."""

from collections.abc import Iterator
from typing import Final

from refimpl.model.config import Config
from refimpl.model.ids import Actor
from refimpl.model.preset import MINIMAL
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASES
from refimpl.model.trace_file import Trace
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.store_lab import StoreLab
from refimpl.sim.trace_writer import TraceLog

FILE: Final = 3 * 4096
_SETTINGS: Final = {
    "flushDiskType": "ASYNC_FLUSH",
    "mappedFileSizeCommitLog": str(FILE),
    "flushCommitLogLeastPages": "2",
    "commitCommitLogLeastPages": "1",
    "flushCommitLogThoroughInterval": "100",
    "commitCommitLogThoroughInterval": "40",
}
_FLUSH: Final = Actor("store.flush_commit_log")
_COMMIT: Final = Actor("store.commit_commit_log")
_SIZES: Final = (30, 300, 1_500, 3_000, 6_000)


def run(seed: int, *, pool: int, steps: int = 60) -> Trace:
    """Return one store's trace; `pool` buffers, 0 for none."""
    prng = Prng(seed)
    release = RELEASES[("4.6", "4.9", "5.5")[seed % 3]]
    settings = dict(_SETTINGS)
    if pool:
        settings |= {"transientStorePoolEnable": "true", "transientStorePoolSize": str(pool)}
    config = Config.of(release, "broker", {**MINIMAL, **settings})
    log = TraceLog.of(f"async-{pool}-{seed}", config, release)
    lab = StoreLab(release, settings, CrashDisk(), trace=log)
    for _ in range(steps):
        _act(lab, prng)
    if prng.below(2):
        while lab.pending:
            lab.complete_force(next(iter(lab.pending)))
        lab.shutdown()
        while lab.pending:
            lab.complete_force(next(iter(lab.pending)))
        lab.kill()
    return log.trace()


def stops_in_a_commit() -> Trace:
    """The machine stops at the only write of a round of commit."""
    settings = {**_SETTINGS, "transientStorePoolEnable": "true", "transientStorePoolSize": "1"}
    config = Config.of(RELEASES["5.5"], "broker", {**MINIMAL, **settings})
    log = TraceLog.of("stops in a commit", config, RELEASES["5.5"])
    lab = StoreLab(RELEASES["5.5"], settings, CrashDisk(), trace=log)
    lab.put()
    lab.disk.left = 0
    lab.step(_COMMIT)
    assert not lab.alive
    assert lab.reopen(_left(lab, Prng(1)))
    return log.trace()


def _act(lab: StoreLab, prng: Prng) -> None:
    draw = prng.below(20)
    if draw < 7:
        batch = 3 if prng.below(5) == 0 else 0
        lab.put("T", prng.below(2), size=_SIZES[prng.below(3 if batch else 5)], batch=batch)
    elif draw < 11:
        lab.step(_FLUSH)
    elif draw < 14:
        if lab.store.commit_log.pool is not None:
            lab.step(_COMMIT)
    elif draw < 17:
        if lab.pending:
            lab.complete_force(next(iter(lab.pending)), ok=prng.below(5) > 0)
    elif draw < 19:
        lab.advance((1, 39, 40, 100)[prng.below(4)])
    else:
        _fall(lab, prng)


def _fall(lab: StoreLab, prng: Prng) -> None:
    """End this life, and the next one, too, before it began, by chance."""
    if prng.below(2):
        lab.reopen(lab.kill())
        return
    lab.fail_power()
    stop = prng.below(12) if prng.below(2) else None
    if not lab.reopen(_left(lab, prng), stop_after=stop):
        assert lab.reopen(_left(lab, prng))


def _left(lab: StoreLab, prng: Prng) -> CrashDisk:
    """Return one of the disks that the power failure may have left."""
    disk = lab.disk.disk
    assert isinstance(disk, CrashDisk)
    images = list(disk.crash().images(4, prng))
    return CrashDisk.from_image(images[prng.below(len(images))])


def some(count: int, *, steps: int = 60) -> Iterator[Trace]:
    """Traces with and without a pool."""
    for seed in range(count):
        yield run(seed, pool=seed // 3 % 3, steps=steps)
