"""The crashing disk against a model made of plain bytes: reads, forces, crashes, images, faults.

An image must be explained by the model (nothing forced is lost), and every image that the model
can think of must be made (nothing unforced is kept for sure). Decision 0003 names the invariants.
"""

from typing import ClassVar

from hypothesis.stateful import initialize, invariant, precondition, rule
from hypothesis.strategies import (
    binary,
    booleans,
    builds,
    integers,
    just,
    none,
    one_of,
    sampled_from,
)

from fuzz.disk_model import DiskModel, ModelFile
from fuzz.stateful.machine import CountedMachine
from fuzz.stateful.registry import Machine
from refimpl.model.disk import DiskError
from refimpl.model.effect import Span
from refimpl.model.prng import Prng
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import CrashImage, DiskContract, Extreme, Names
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint

_PATHS = ("a", "b", "d/a", "d/e/b")
_DIRECTORIES = ("", "d", "d/e")
_SIZE_MAX = 40
_SECTOR = 16
_IMAGES = 24
_EVERY = 2500

_paths = sampled_from(_PATHS)
_sizes = integers(0, _SIZE_MAX)
_files = integers(0, 5)  # one that is there, or perhaps none
_spans = one_of(
    none(), builds(lambda start, length: Span(start, start + length), _sizes, integers(0, 24))
)
_seeds = integers(0, 255)
_faults = integers(0, 2)  # 0: let the fault of this operation happen, where the run allows it
_data = one_of(just(b"\0"), just(b"1"), just(b"2" * _SECTOR), binary(min_size=1, max_size=20))


def _name(point: FaultPoint) -> str:
    """The fault's name in the table of the plugin."""
    return point.name.lower().replace("_", "-")


class DiskMachine(CountedMachine):
    """One disk through many lives."""

    FAULTS: ClassVar[tuple[str, ...]] = tuple(map(_name, FaultPoint))
    ESSENTIAL: ClassVar[tuple[str, ...]] = ("create", "write", "crash")

    @initialize(names=sampled_from(Names), torn=booleans(), garbage=booleans())
    def start(self, names: Names, torn: bool, garbage: bool) -> None:
        """Begin with an empty disk under one of the contracts."""
        contract = DiskContract(names=names, sector=_SECTOR, torn=torn, garbage=garbage)
        self.disk = CrashDisk(contract, faults=DiskFaults())
        self.model = DiskModel(contract)

    def _faulty(self, point: FaultPoint, draw: int, seed: int = 0) -> bool:
        """Let `point` fail at its next call, or not."""
        self.disk.faults = DiskFaults()
        wanted = draw == 0 and self.allows(_name(point))
        if wanted:
            self.disk.faults.add(DiskFault(point, seed=seed))
        return wanted

    def _file(self, index: int) -> str:
        """Choose a file that is there; beyond those, a name with or without a file."""
        there = sorted(self.model.files())
        return there[index] if index < len(there) else _PATHS[index % len(_PATHS)]

    def _fired(self, point: FaultPoint) -> None:
        """A fault that was due must have happened once, and no other."""
        assert self.disk.faults is not None
        if self.disk.faults.fired != {point: 1} or self.disk.faults.never_fired():
            self.broken("DiskFaultsAreCountedInv", f"{point}: {self.disk.faults.fired}")
        self.fault(_name(point))

    # --- names

    @rule(path=_paths, size=_sizes, fault=_faults, empty=booleans())
    def create(self, path: str, size: int, fault: int, empty: bool) -> None:
        """A new file, no space, or an empty one left behind."""
        model = self.model
        if model.find(path) is not None:
            with _refused(self, "create"):
                self.disk.create(path, size)
            return
        point = FaultPoint.EMPTY_AFTER_CREATE if empty else FaultPoint.NO_SPACE_CREATE
        faulty = self._faulty(point, fault)
        if faulty:
            with _refused(self, "create"):
                self.disk.create(path, size)
            self._fired(point)
            if not empty:
                return
        else:
            self.disk.create(path, size)
        held = model.create(path)
        if size and not faulty:
            held.now = bytes(size)
            model.size(held, size)

    @rule(index=_files, to=_paths)
    def rename(self, index: int, to: str) -> None:
        """Replace a file, or give it a new name."""
        source = self._file(index)
        held = self.model.file(source)
        if held is None:
            with _refused(self, "rename"):
                self.disk.rename(source, to)
            return
        self.disk.rename(source, to)
        if source != to:
            self.model.rename(source, to)

    @rule(index=_files)
    def unlink(self, index: int) -> None:
        """Remove a file."""
        path = self._file(index)
        if self.model.file(path) is None:
            with _refused(self, "unlink"):
                self.disk.unlink(path)
            return
        self.disk.unlink(path)
        self.model.remove(path)

    @rule(path=sampled_from(_DIRECTORIES[1:]))
    def remove_directory(self, path: str) -> None:
        """Remove a directory where it is empty."""
        directory = self.model.directory(path)
        if directory is None or directory.now:
            with _refused(self, "remove_directory"):
                self.disk.remove_directory(path)
            return
        self.disk.remove_directory(path)
        self.model.remove(path)

    @rule(path=sampled_from(_DIRECTORIES))
    def sync_directory(self, path: str) -> None:
        """Make names durable."""
        directory = self.model.directory(path)
        if directory is None:
            with _refused(self, "sync_directory"):
                self.disk.sync_directory(path)
            return
        self.disk.sync_directory(path)
        self.model.sync(directory)

    # --- bytes

    @rule(index=_files, size=_sizes, fault=_faults)
    def extend(self, index: int, size: int, fault: int) -> None:
        """Set a length; no space for a longer one."""
        path = self._file(index)
        held = self.model.file(path)
        longer = held is not None and size > len(held.now)
        faulty = longer and self._faulty(FaultPoint.NO_SPACE_EXTEND, fault)
        if held is None or faulty:
            with _refused(self, "extend"):
                self.disk.extend(path, size)
            if faulty:
                self._fired(FaultPoint.NO_SPACE_EXTEND)
            return
        self.disk.extend(path, size)
        before = held.now
        if size != len(before):
            cut = before[:size].ljust(size, b"\0")
            behind = {*range(size // _SECTOR, -(-len(before) // _SECTOR)), *held.since}
            for number in sorted(behind):
                start = number * _SECTOR
                changes = any(before[start : start + _SECTOR]) or number in held.since
                if number >= size // _SECTOR and changes and size < len(before):
                    held.change(cut, start, start + 1, _SECTOR)
            held.now = cut
            self.model.size(held, size)

    @rule(index=_files, offset=_sizes, data=_data, fault=_faults, slow=booleans())
    def write(self, index: int, offset: int, data: bytes, fault: int, slow: bool) -> None:
        """Write, growing the file where needed; no space, or a stall."""
        path = self._file(index)
        held = self.model.file(path)
        point = FaultPoint.SLOW if slow else FaultPoint.NO_SPACE_WRITE
        faulty = held is not None and self._faulty(point, fault)
        if held is None or (faulty and not slow):
            with _refused(self, "write"):
                self.disk.write(path, offset, data)
            if faulty:
                self._fired(point)
            return
        self.disk.write(path, offset, data)
        if faulty:
            self._fired(point)
        until = self.disk.stalled_until(path)
        if (until > self.disk.now) != faulty:
            self.broken("DiskFaultsAreCountedInv", f"hangs until {until}")
        self.disk.now = max(until, self.disk.now)
        end = offset + len(data)
        if end > len(held.now):
            self.model.size(held, end)
        now = held.now.ljust(offset, b"\0")
        held.change(now[:offset] + data + now[end:], offset, end, _SECTOR)

    @rule(
        index=_files,
        span=_spans,
        faulty=booleans(),
        point=sampled_from(tuple(FaultPoint)[:3]),
        again=booleans(),
    )
    def force(
        self, index: int, span: Span | None, faulty: bool, point: FaultPoint, again: bool
    ) -> None:
        """Force a file, or some of it; this may fail, lie, or never end, and be asked for again."""
        path = self._file(index)
        held = self.model.file(path)
        if held is None:
            with _refused(self, "force"):
                self.disk.force(path, span=span)
            return
        if self._faulty(point, int(not faulty)):
            if point is FaultPoint.FORCE_LIES:
                self.disk.force(path, span=span)
            else:
                with _refused(self, "force"):
                    self.disk.force(path, span=span)
            self._fired(point)
            if point is FaultPoint.FORCE_FAILS:
                held.dropped.update(held.since)
            if not again:
                return
        self.disk.force(path, span=span)
        self.model.force(held, span)

    @rule(index=_files, offset=_sizes, fault=_faults, rots=booleans(), seed=_seeds)
    def read(self, index: int, offset: int, fault: int, rots: bool, seed: int) -> None:
        """Read; an error, or one bit that has changed."""
        path = self._file(index)
        held = self.model.file(path)
        point = FaultPoint.BIT_ROT if rots else FaultPoint.READ_ERROR
        faulty = held is not None and offset < len(held.now) and self._faulty(point, fault, seed)
        if held is None or (faulty and not rots):
            with _refused(self, "read"):
                self.disk.read(path, offset, _SIZE_MAX)
            if faulty:
                self._fired(point)
            return
        data = self.disk.read(path, offset, _SIZE_MAX)
        expected = held.now[offset : offset + _SIZE_MAX]
        if faulty:
            self._fired(point)
            pairs = zip(data, expected, strict=True)
            wrong = [(offset + i, x) for i, (x, y) in enumerate(pairs) if x != y]
            if len(wrong) != 1:
                self.broken("DiskShowsWhatWasWrittenInv", f"rot changed {wrong}")
            self._rotten(held, *wrong[0])
        elif data != expected:
            self.broken("DiskShowsWhatWasWrittenInv", f"{path} shows {data!r}, not {expected!r}")

    def _rotten(self, held: ModelFile, at: int, value: int) -> None:
        """The platter changed; a dirty sector is only dirty with other bytes."""
        now = held.now[:at] + bytes([value]) + held.now[at + 1 :]
        if at // _SECTOR in held.since or at >= self.model.shortest(held):
            held.change(now, at, at + 1, _SECTOR)
        else:
            held.now = now
            held.floor = held.floor[:at] + bytes([value]) + held.floor[at + 1 :]

    # --- the end of a life

    @rule(seed=_seeds, which=integers(0, _IMAGES - 1), goes_on=integers(0, 3))
    def crash(self, seed: int, which: int, goes_on: int) -> None:
        """Look at images of a power failure; one in four comes, and one image is the next disk."""
        crash = self.disk.crash()
        survivors = self.model.survivors()
        images = list(crash.images(_IMAGES, Prng(seed)))
        for image in images if survivors is not None else ():
            assert survivors is not None
            if not self.model.explains(image, survivors):
                self.broken("DiskKeepsWhatWasForcedInv", f"{image.label}: {image.files}")
        self.image(len(images))
        if goes_on:
            return
        chosen = images[which % len(images)]
        self.disk = CrashDisk.from_image(chosen, faults=DiskFaults())
        self.model = DiskModel.after(chosen)

    @rule()
    def kill(self) -> None:
        """End the process: the page cache stays, and is as unsafe as before."""
        before = self.disk.crash()
        self.disk = self.disk.image()
        if self.disk.crash() != before:
            self.broken("DiskShowsWhatWasWrittenInv", "kill -9 changed what a crash may leave")

    @precondition(lambda self: len(self.model.journal) < 7)
    @rule(seed=_seeds)
    def every_image(self, seed: int) -> None:
        """Compare all images with all that the model can think of."""
        survivors = self.model.survivors()
        expected = None if survivors is None else self.model.every_untorn(survivors)
        crash = self.disk.crash()
        count, bound = crash.count(Prng(seed)), crash.bound()
        if expected is None or count is None or bound is None or bound > _EVERY:
            return
        made = list(crash.images(2 * _EVERY, Prng(seed)))
        self.image(len(made))
        if len(made) != count or len(set(made)) != count:
            self.broken("DiskCountIsExactInv", f"{count} counted, {len(set(made))} made")
        shown = {
            (
                frozenset((p, f.read(0, f.size)) for p, f in image.files.items()),
                image.directories,
            )
            for image in made
        }
        if missing := expected - shown:
            self.broken("DiskLosesWhatIsPendingInv", f"never made: {min(map(repr, missing))}")
        contract = self.model.contract
        if not contract.torn and not contract.garbage and shown != expected:
            self.broken("DiskKeepsWhatWasForcedInv", f"{len(shown - expected)} images too many")

    # --- always

    @invariant()
    def readers_see_what_was_written(self) -> None:
        """The page cache is the model's, and so is the image in which everything survived."""
        disk, model = self.disk, self.model
        if disk.files() != model.files():
            self.broken("DiskShowsWhatWasWrittenInv", f"{disk.files()}, not {model.files()}")
        for directory in _DIRECTORIES:
            found = model.directory(directory)
            if disk.list(directory) != (tuple(sorted(found.now)) if found else ()):
                self.broken("DiskShowsWhatWasWrittenInv", f"names in {directory or 'the root'}")
        crash = disk.crash()
        self.visit(crash)
        if _bytes_of(crash.extreme(Extreme.EVERYTHING)) != model.files():
            self.broken("DiskKeepsWhatWasForcedInv", "the image with everything lacks something")
        least = crash.extreme(Extreme.NOTHING)
        shown, floor = _bytes_of(least), model.floor()
        wrong = [p for p in sorted({*shown, *floor}) if shown.get(p) != floor.get(p)]
        if wrong:
            now, survivors = model.files(), model.survivors()
            kinder = all(shown.get(path) == now.get(path) for path in wrong) or (
                survivors is not None and model.explains(least, survivors)
            )
            invariant = "DiskLosesWhatIsPendingInv" if kinder else "DiskKeepsWhatWasForcedInv"
            self.broken(invariant, f"of {wrong} is durable {shown}, not {floor}")


def _bytes_of(image: CrashImage) -> dict[str, bytes]:
    """Contents by path, sorted."""
    return {path: held.read(0, held.size) for path, held in sorted(image.files.items())}


class _refused:  # noqa: N801 - reads like the pytest function that it stands for
    """The operation must raise a `DiskError` that names it."""

    def __init__(self, machine: DiskMachine, operation: str) -> None:
        self._machine = machine
        self._operation = operation

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        """Swallow the expected refusal."""
        if error is None:
            self._machine.broken("DiskShowsWhatWasWrittenInv", f"{self._operation} is not refused")
        return isinstance(error, DiskError) and error.operation == self._operation


MACHINE = Machine(
    name="Disk",
    machine=DiskMachine,
    subject="refimpl.sim.crash_disk",
    invariants=(
        "DiskShowsWhatWasWrittenInv",
        "DiskKeepsWhatWasForcedInv",
        "DiskLosesWhatIsPendingInv",
        "DiskCountIsExactInv",
        "DiskFaultsAreCountedInv",
    ),
    untraced="a disk is no store: its contract is held against a real one",
)
