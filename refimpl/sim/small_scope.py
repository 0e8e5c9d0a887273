"""Every history of a small store: an exhaustive explorer over the implementation.

    certificate = explore(Bound(puts=2, crashes=1))
    print(certificate.text())

A state is a whole `StoreLab`; `state_key` makes a value of everything in it that can influence what
comes, and equal values are explored once. A step is one input: a put, one step of an actor, a force
that the disk does, one that the store hears of, the clock, a kill, a power failure with each of its
images. The promises (STORE-PROMISE-1..12) are checked in every state.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from refimpl.model.ids import Actor
from refimpl.model.prng import Prng
from refimpl.model.release import RELEASES
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import CrashImage, DiskContract, Names
from refimpl.sim.store_fork import fork
from refimpl.sim.store_lab import START, StoreLab
from refimpl.store.mapped_file_queue import MappedFileQueue
from refimpl.store.message_store import (
    COMMIT_COMMIT_LOG,
    FLUSH_COMMIT_LOG,
    FLUSH_CONSUME_QUEUE,
    FLUSH_DISK_WATCHER,
    REPUT,
)

FLUSH_MODES: Final[Mapping[str, Mapping[str, str]]] = {
    "sync": {"flushDiskType": "SYNC_FLUSH"},
    "async": {},
    "real-time": {"flushCommitLogTimed": "false", "flushCommitLogLeastPages": "0"},
    "pool": {"transientStorePoolEnable": "true", "transientStorePoolSize": "1"},
}
_SMALL: Final[Mapping[str, str]] = {
    "mappedFileSizeCommitLog": "240",  # two records of this explorer, and a blank
    "mappedFileSizeConsumeQueue": "40",
    "messageIndexEnable": "false",  # the index promises nothing to those who read queues
}
_ACTORS: Final = (
    FLUSH_COMMIT_LOG,
    COMMIT_COMMIT_LOG,
    FLUSH_CONSUME_QUEUE,
    REPUT,
    FLUSH_DISK_WATCHER,
)

_SETTLED_EVERY: Final = 50  # messages: a group that waits is forced together
_CHECKPOINT_AFTER: Final = 61_000  # milliseconds: flushConsumeQueueThoroughInterval is over

Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """What is explored: all of it, and nothing beyond."""

    release: str = "4.9"
    mode: str = "sync"
    puts: int = 2
    ticks: int = 1  # jumps of the clock to the next timer
    crashes: int = 2  # kills and power failures
    failures: int = 0  # forces that fail
    images: int = 512  # of one power failure; a crash with more of them is said to be sampled
    sector: int = 64
    any_order: bool = False  # names survive in any order
    stops: bool = True  # the second crash may come in the middle of the first recovery
    messages: int = 0  # that are there before, durable and dispatched


@dataclass(slots=True)
class Certificate:
    """What was explored. `sampled` counts power failures of which not every image was made."""

    bound: Bound
    states: int = 0
    transitions: int = 0
    images: int = 0
    sampled: int = 0
    recoveries: int = 0
    violations: list[str] = field(default_factory=list)

    def text(self) -> str:
        """One line to print."""
        verdict = f"{len(self.violations)} violations" if self.violations else "no violation"
        return (
            f"{self.bound.release} {self.bound.mode}: {self.states} states, "
            f"{self.transitions} transitions, {self.images} images, "
            f"{self.recoveries} recoveries, {self.sampled} crashes sampled: {verdict}"
        )


@dataclass(slots=True)
class _Node:
    """A state that is open: the lab, what is left of the bound, and how it was reached."""

    lab: StoreLab
    puts: int
    ticks: int
    crashes: int
    failures: int
    path: tuple[str, ...]


def explore(bound: Bound, *, lab: StoreLab | None = None, violations_max: int = 1) -> Certificate:
    """Visit every state within `bound` from `first_lab` on; stops after so many violations."""
    run = _Exploration(bound, violations_max)
    run.everything(lab or first_lab(bound))
    return run.certificate


def first_lab(bound: Bound) -> StoreLab:
    """The store of `bound` before the first step."""
    names = Names.ANY if bound.any_order else Names.ORDERED
    disk = CrashDisk(DiskContract(names=names, sector=bound.sector, torn=False))
    lab = StoreLab(RELEASES[bound.release], {**_SMALL, **FLUSH_MODES[bound.mode]}, disk)
    for number in range(1, bound.messages + 1):
        lab.put(queue_id=number % 2)
        if number % _SETTLED_EVERY == 0 or number == bound.messages:
            lab.settle()
    if bound.messages:
        lab.settle(_CHECKPOINT_AFTER)
    return lab


def _files(queue: MappedFileQueue) -> Key:
    return (
        queue.flushed_where,
        queue.committed_where,
        queue.store_timestamp,
        tuple(
            (
                f.file_from_offset,
                f.wrote_position,
                f.committed_position,
                f.flushed_position,
                f.blanked_end,
                f.store_timestamp,
                None if f.write_buffer is None else bytes(f.write_buffer[: f.wrote_position]),
            )
            for f in queue.mapped_files
        ),
    )


def state_key(lab: StoreLab) -> Key:
    """Everything that can influence what comes, as a value; numbers of tokens are left out."""
    store, disk = lab.store, lab.disk.disk
    assert isinstance(disk, CrashDisk)
    log, checkpoint = store.commit_log, store.checkpoint
    return (
        disk.crash(),
        lab.now,
        lab.ledger,
        tuple((p.wanted.path, p.wanted.span, p.ran) for p in lab.pending.values()),
        tuple(lab.tickets.values()),
        tuple(sorted(store.actors().items())),
        _files(log.mapped_file_queue),
        tuple(log.topic_queue_table.items()),
        log.pool and (log.pool.available_buffer_nums, log.pool.remaining_buffer_nums),
        tuple(
            (
                q.topic,
                q.queue_id,
                q.max_physic_offset,
                q.min_logic_offset,
                _files(q.mapped_file_queue),
            )
            for q in store.queues
        ),
        store.reput.reput_from_offset,
        (
            checkpoint.physic_msg_timestamp,
            checkpoint.logics_msg_timestamp,
            checkpoint.logics_physical_offset,
            checkpoint.tmp_logics_msg_timestamp,
            checkpoint.tmp_logics_physical_offset,
        ),
        store.flush_manager.state(),
    )


class _Exploration:
    """Depth first: what is open is a stack."""

    def __init__(self, bound: Bound, violations_max: int) -> None:
        self.bound = bound
        self.certificate = Certificate(bound)
        self._violations_max = violations_max
        self._seen: set[Key] = set()
        self._open: list[_Node] = []
        self._opened: set[Key] = set()

    def everything(self, lab: StoreLab) -> None:
        """From `lab` to the last state."""
        bound = self.bound
        first = _Node(lab, bound.puts, bound.ticks, bound.crashes, bound.failures, ())
        self._visit(first)
        while self._open and len(self.certificate.violations) < self._violations_max:
            node = self._open.pop()
            for child in self._children(node):
                self.certificate.transitions += 1
                self._visit(child)

    def _visit(self, node: _Node) -> None:
        lab = node.lab
        if lab.refused is None:
            lab.ledger = lab.ledger.shown(_visible(lab))
            key = (node.puts, node.ticks, node.crashes, node.failures, *state_key(lab))
            if key in self._seen:
                return
            self._seen.add(key)
        self.certificate.states += 1
        found = lab.check()
        if found:
            self.certificate.violations.append(" | ".join((*node.path, *found)))
        else:
            self._open.append(node)

    def _children(self, node: _Node) -> Iterator[_Node]:
        lab = node.lab
        if node.puts:
            child = self._next(node, "put", puts=node.puts - 1)
            child.lab.put(queue_id=node.puts % 2)
            yield child
        for actor in _ACTORS:
            if actor in lab.store.actors():
                child = self._next(node, str(actor))
                child.lab.step(Actor(actor))
                yield child
        for token, pending in lab.pending.items():
            path = pending.wanted.path
            if not pending.ran:
                child = self._next(node, f"disk forces {path}")
                child.lab.run_force(token)
                yield child
            child = self._next(node, f"forced {path}")
            child.lab.complete_force(token)
            yield child
            if node.failures and not pending.ran:
                child = self._next(node, f"force of {path} fails", failures=node.failures - 1)
                child.lab.complete_force(token, ok=False)
                yield child
        timer = min((t for t in lab.store.actors().values() if t > lab.now), default=None)
        if node.ticks and timer is not None:
            child = self._next(node, f"tick {timer - START}", ticks=node.ticks - 1)
            child.lab.advance(timer - lab.now)
            yield child
        if node.crashes:
            yield from self._crashes(node)

    @staticmethod
    def _next(
        node: _Node,
        what: str,
        *,
        puts: int | None = None,
        ticks: int | None = None,
        failures: int | None = None,
    ) -> _Node:
        return _Node(
            fork(node.lab),
            node.puts if puts is None else puts,
            node.ticks if ticks is None else ticks,
            node.crashes,
            node.failures if failures is None else failures,
            (*node.path, what),
        )

    # --- the ends of lives

    def _crashes(self, node: _Node) -> Iterator[_Node]:
        """A kill, and every image of a power failure."""
        killed = fork(node.lab)
        disk = killed.kill()
        assert isinstance(disk, CrashDisk)
        yield from self._reopened(node, killed, disk, "kill", None)
        dead = node.lab  # its last use
        disk = dead.fail_power()
        assert isinstance(disk, CrashDisk)
        for image in self._images(disk):
            survivor = CrashDisk.from_image(image)
            yield from self._reopened(node, dead, survivor, f"power [{image.label}]", image)

    def _images(self, disk: CrashDisk) -> Iterator[CrashImage]:
        crash = disk.crash()
        made = 0
        for image in crash.images(self.bound.images, Prng(0)):
            made += 1
            yield image
        self.certificate.images += made
        if made != crash.count():  # which is None where nobody knows
            self.certificate.sampled += 1

    def _reopened(
        self, node: _Node, dead: StoreLab, disk: CrashDisk, what: str, image: CrashImage | None
    ) -> Iterator[_Node]:
        """The next life on `disk`; with a crash left, recovery is also stopped at every change."""
        if image is not None:
            key = (node.puts, node.ticks, node.crashes, node.failures, dead.now, dead.ledger, image)
            if key in self._opened:
                return
            self._opened.add(key)
        left = node.crashes - 1
        yield from self._opened_once(node, dead, disk.fork(), left, (*node.path, what))
        if not left or not self.bound.stops:
            return
        for stop in range(1000):
            half = dead.twin(disk.fork(), stop_after=stop)
            if half.alive or half.refused is not None:
                return
            half_done = half.fail_power()
            assert isinstance(half_done, CrashDisk)
            path = (*node.path, what, f"stopped after {stop}")
            for again in self._images(half_done):
                key = (node.puts, node.ticks, left, node.failures, half.now, half.ledger, again)
                if key in self._opened:
                    continue
                self._opened.add(key)
                survivor = CrashDisk.from_image(again)
                yield from self._opened_once(
                    node, half, survivor, left - 1, (*path, f"power [{again.label}]")
                )

    def _opened_once(
        self, node: _Node, dead: StoreLab, disk: CrashDisk, left: int, path: tuple[str, ...]
    ) -> Iterator[_Node]:
        self.certificate.recoveries += 1
        lab = dead.twin(disk)
        found = lab.check()
        if found:
            self.certificate.violations.append(" | ".join((*path, *found)))
            return
        lab.settle_ledger()
        yield _Node(lab, node.puts, node.ticks, left, node.failures, path)


def _visible(lab: StoreLab) -> list[int]:
    """Numbers of the messages that a consumer could read now, who reads everything at once."""
    at = {int(s.offset): s.number for s in lab.ledger.sent if s.offset is not None and not s.shown}
    if not at:
        return []
    numbers = []
    for queue in lab.store.queues:
        for n in range(queue.min_offset_in_queue, queue.max_offset_in_queue):
            unit = queue.get(n)
            if unit is not None and unit[0] in at:
                numbers.append(at[unit[0]])
    return numbers
