"""A disk that can lose power: page cache, durable state, and everything in between.

`crash()` is a value from which every image that the contract allows can be made; `from_image` is
the disk that the next start finds. `image()` is what `kill -9` leaves: the page cache. The contract
and its reasons are decision 0003.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping
from operator import itemgetter

from refimpl.model.disk import DiskError
from refimpl.model.ids import Millis
from refimpl.model.prng import Prng
from refimpl.sim.crash_images import (
    ORDERED,
    Crash,
    CrashImage,
    Directory,
    DiskContract,
    Entry,
    LengthOperation,
    NameOperation,
    Names,
    Operation,
    Target,
)
from refimpl.sim.disk_faults import DiskFaults, FaultPoint, ForceOutcome
from refimpl.sim.file_bytes import EMPTY, FileBytes
from refimpl.sim.open_file import OpenFile

_CAPACITY = 1 << 40

Held = OpenFile | FileBytes


class _Entry:
    """What `path` means from now on. `certain`: its directory was forced since."""

    __slots__ = ("certain", "path", "target")

    def __init__(
        self, path: str, target: OpenFile | Directory | None, *, certain: bool = False
    ) -> None:
        self.path = path
        self.target = target
        self.certain = certain


class _Naming:
    """Names that change together; `creates` is the file that comes into being, if one does."""

    __slots__ = ("creates", "entries", "removes", "what")

    def __init__(
        self,
        what: str,
        entries: list[_Entry],
        *,
        creates: OpenFile | None = None,
        removes: bool = False,
    ) -> None:
        self.what = what
        self.entries = entries
        self.creates = creates
        self.removes = removes  # a directory


class _Length:
    """A file becomes `size` bytes long."""

    __slots__ = ("file", "size")

    def __init__(self, file: OpenFile, size: int) -> None:
        self.file = file
        self.size = size


_Journal = list[_Naming | _Length]


class CrashDisk:
    """Implements `refimpl.model.disk.Disk`, with `force` and `crash`. Deterministic.

    `now` stamps modifications; `used` is the used part of the disk; `stalled` sums how long writes
    hung on a slow disk, in milliseconds. Files that exist at the beginning are durable.
    """

    __slots__ = ("_children", "_durable", "_durable_directories", "_files", "_journal", "_locked",
                 "contract", "faults", "now", "stalled", "used")  # fmt: skip

    def __init__(
        self,
        contract: DiskContract = ORDERED,
        *,
        files: Mapping[str, bytes] | None = None,
        faults: DiskFaults | None = None,
    ) -> None:
        self.contract = contract
        self.faults = faults
        self.now = Millis(0)
        self.used = 0.1
        self.stalled = Millis(0)
        self._files: dict[str, Held] = {}
        self._children: dict[str, tuple[str, ...]] = {"": ()}
        self._durable: dict[str, Held] = {}
        self._durable_directories: frozenset[str] = frozenset()
        self._journal: _Journal = []
        self._locked: set[str] = set()
        for path, data in (files or {}).items():
            self._add_parents(path)
            self._put(path, FileBytes.of({}, len(data), self.now))
            self._opened("write", path).write(0, data, contract.sector)
        self._everything_is_durable()

    @staticmethod
    def from_image(image: CrashImage, *, faults: DiskFaults | None = None) -> "CrashDisk":
        """The disk as the next start finds it: all of it is durable, every lock is free."""
        disk = CrashDisk(image.contract, faults=faults)
        disk._files = dict(image.files)
        disk._children = image.children().copy()
        disk._durable = dict(image.files)
        disk._durable_directories = image.directories
        return disk

    # --- crash, copy, look

    def crash(self) -> Crash:
        """The power fails now. The disk itself is not changed."""
        numbers: dict[OpenFile, int] = {}
        opened = [(p, h) for p, h in self._durable.items() if isinstance(h, OpenFile)]
        for _, held in sorted(opened, key=itemgetter(0)):
            if held.dirty:
                numbers.setdefault(held, len(numbers))
        for step in self._journal:
            if isinstance(step, _Length):
                numbers.setdefault(step.file, len(numbers))
            else:
                for entry in step.entries:
                    if isinstance(entry.target, OpenFile):
                        numbers.setdefault(entry.target, len(numbers))
        files: dict[str, FileBytes | int] = {}
        for path, kept in self._durable.items():
            if isinstance(kept, FileBytes):
                files[path] = kept
            else:
                files[path] = numbers.get(kept, kept.durable)
        return Crash(
            self.contract,
            files,
            self._durable_directories,
            tuple(_frozen(step, numbers) for step in self._journal),
            tuple(held.pending(self.contract.sector) for held in numbers),
        )

    def image(self) -> "CrashDisk":
        """An independent disk as after `kill -9`: the page cache is all there, locks are free.

        What was not forced is as unsafe as before.
        """
        twin = self.fork()
        for path in self._locked:
            twin.unlock(path)
        return twin

    def fork(self) -> "CrashDisk":
        """An independent copy of everything: what happens to one does not happen to the other."""
        faults = None if self.faults is None else self.faults.copy()
        twin = CrashDisk(self.contract, faults=faults)
        twin.now, twin.used, twin.stalled = self.now, self.used, self.stalled
        copies: dict[OpenFile, OpenFile] = {}

        def copy(held: OpenFile) -> OpenFile:
            found = copies.get(held)
            if found is None:
                found = copies[held] = held.copy()
            return found

        def copied(held: Held) -> Held:
            return held if isinstance(held, FileBytes) else copy(held)

        twin._files = {path: copied(held) for path, held in self._files.items()}
        twin._durable = {path: copied(held) for path, held in self._durable.items()}
        twin._children = self._children.copy()
        twin._durable_directories = self._durable_directories
        twin._journal = []
        for step in self._journal:
            if isinstance(step, _Length):
                twin._journal.append(_Length(copy(step.file), step.size))
            else:
                entries = []
                for entry in step.entries:
                    target = entry.target
                    if isinstance(target, OpenFile):
                        target = copy(target)
                    entries.append(_Entry(entry.path, target, certain=entry.certain))
                creates = None if step.creates is None else copy(step.creates)
                twin._journal.append(
                    _Naming(step.what, entries, creates=creates, removes=step.removes)
                )
        twin._locked = set(self._locked)
        return twin

    def files(self) -> dict[str, bytes]:
        """Every file with its bytes as readers see them, by path, sorted."""
        return {path: held.read(0, held.size) for path, held in sorted(self._files.items())}

    # --- durability

    def force(self, path: str, outcome: ForceOutcome | None = None) -> None:
        """Make the bytes of `path` as they are now durable; raises `DiskError` where it fails.

        An interpreter that completes forces later asks `faults.force_outcome` when the force
        begins, keeps the token open for NEVER, and passes every other outcome on. Without
        `outcome` the faults are asked here, and a force that never ends counts as failed.
        """
        held = self._held("force", path)
        if outcome is None:
            outcome = ForceOutcome.OK if self.faults is None else self.faults.force_outcome(path)
        match outcome:
            case ForceOutcome.OK:
                self._force(held)
            case ForceOutcome.FAIL:
                if isinstance(held, OpenFile):
                    held.drop()
                raise DiskError("force", path, "Input/output error")
            case ForceOutcome.NEVER:
                raise DiskError("force", path, "never ends")
            case ForceOutcome.LIE:
                pass

    def _force(self, held: Held) -> None:
        if isinstance(held, FileBytes):
            return
        if self.contract.names is Names.ORDERED:
            self._commit(self._last(held) + 1)
        else:
            self._journal = [
                step
                for step in self._journal
                if not (isinstance(step, _Length) and step.file is held)
            ]
        held.force(self.contract.sector)

    def _last(self, held: OpenFile) -> int:
        """Index of the last step that a force of this file must carry along: not its renames."""
        for i in range(len(self._journal) - 1, -1, -1):
            step = self._journal[i]
            if (step.file if isinstance(step, _Length) else step.creates) is held:
                return i
        return -1

    def sync_directory(self, path: str) -> None:
        """Make names in `path` durable: its own alone, or the journal up to the last of them."""
        if path not in self._children:
            raise DiskError("sync_directory", path, "no such directory")
        if self.contract.names is Names.ORDERED:
            for i in range(len(self._journal) - 1, -1, -1):
                step = self._journal[i]
                if isinstance(step, _Naming) and _touches(step, path):
                    self._commit(i + 1)
                    return
            return
        for step in self._journal:
            if isinstance(step, _Naming):
                for entry in step.entries:
                    if entry.path.rpartition("/")[0] == path:
                        entry.certain = True
        self._settle()

    def _settle(self) -> None:
        """Certain entries become durable, but for those in a directory that may be older still."""
        still_there: list[str] = []  # directories whose removal is pending
        journal: _Journal = []
        for step in self._journal:
            if isinstance(step, _Naming):
                rest = []
                for entry in step.entries:
                    path = entry.path
                    older = any(path.startswith(f"{removed}/") for removed in still_there)
                    if entry.certain and not older:
                        if step.removes:
                            journal = _without(journal, f"{path}/")
                        self._make_durable(path, entry.target)
                        continue
                    rest.append(entry)
                    if step.removes:
                        still_there.append(path)
                if not rest:
                    continue
                step.entries = rest
            journal.append(step)
        self._journal = journal

    def _commit(self, count: int) -> None:
        """The first `count` steps of the journal are durable from now on."""
        for step in self._journal[:count]:
            if isinstance(step, _Length):
                step.file.durable = step.file.durable.resized(step.size)
            else:
                for entry in step.entries:
                    self._make_durable(entry.path, entry.target)
        del self._journal[:count]

    def _make_durable(self, path: str, target: OpenFile | Directory | None) -> None:
        if isinstance(target, Directory):
            self._durable_directories |= {path}
        elif target is not None:
            self._durable[path] = target
        elif path in self._durable_directories:
            below = f"{path}/"
            self._durable_directories = frozenset(
                d for d in self._durable_directories if d != path and not d.startswith(below)
            )
            for name in [name for name in self._durable if name.startswith(below)]:
                del self._durable[name]
        else:
            self._durable.pop(path, None)

    def _everything_is_durable(self) -> None:
        self._journal = []
        for path, held in self._files.items():
            if isinstance(held, OpenFile):
                held.force(self.contract.sector)
                self._files[path] = held.durable
        self._durable = dict(self._files)
        self._durable_directories = frozenset(path for path in self._children if path)

    # --- the disk port

    def create(self, path: str, size: int) -> None:
        """Make a file of zeros and its parent directories: first its name, then its length."""
        if path in self._files or path in self._children:
            raise DiskError("create", path, "exists already")
        self._refuse_parents("create", path)
        self._refuse(FaultPoint.NO_SPACE_CREATE, "create", path, "No space left on device")
        self._add_parents(path)
        held = OpenFile(EMPTY, self.now)
        self._put(path, held)
        self._journal.append(_Naming(f"create {path}", [_Entry(path, held)], creates=held))
        self._refuse(FaultPoint.EMPTY_AFTER_CREATE, "create", path, "No space left on device")
        if size:
            held.resize(size, self.contract.sector)
            self._journal.append(_Length(held, size))

    def extend(self, path: str, size: int) -> None:
        """Set the length."""
        held = self._opened("extend", path)
        if size > held.size:
            self._refuse(FaultPoint.NO_SPACE_EXTEND, "extend", path, "No space left on device")
        if size != held.size:
            held.resize(size, self.contract.sector)
            self._journal.append(_Length(held, size))
        held.modified = self.now

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Bytes of the page cache."""
        held = self._files.get(path)
        if held is None:
            raise DiskError("read", path, "no such file")
        if self.faults is not None:
            self._refuse(FaultPoint.READ_ERROR, "read", path, "Input/output error")
            self._rot(path, offset, length)
            held = self._files[path]
        return held.read(offset, length)

    def write(self, path: str, offset: int, data: bytes) -> None:
        """Bytes into the page cache; the length grows as a step of its own."""
        found = self._files.get(path)
        held = found if isinstance(found, OpenFile) else self._opened("write", path)
        faults = self.faults
        if faults is not None:
            self._refuse(FaultPoint.NO_SPACE_WRITE, "write", path, "No space left on device")
            slow = faults.due(FaultPoint.SLOW, path)
            if slow is not None:
                faults.count(FaultPoint.SLOW)
                self.stalled = Millis(self.stalled + slow.millis)
        if data:  # an empty write past the end grows no file
            end = offset + len(data)
            if end > held.size:
                held.size = end
                self._journal.append(_Length(held, end))
            held.write(offset, data, self.contract.sector)
        held.modified = self.now

    def rename(self, source: str, target: str) -> None:
        """Move a file over another or to a new name."""
        held = self._opened("rename", source)
        if target in self._children:
            raise DiskError("rename", source, f"{target} is a directory")
        self._refuse_parents("rename", target, source)
        if source == target:
            return
        self._add_parents(target)
        self._remove(source)
        self._put(target, held)
        self._journal.append(
            _Naming(f"rename {source} to {target}", [_Entry(source, None), _Entry(target, held)])
        )

    def unlink(self, path: str) -> None:
        """Remove a file."""
        self._held("unlink", path)
        self._remove(path)
        self._journal.append(_Naming(f"unlink {path}", [_Entry(path, None)]))

    def make_directory(self, path: str) -> None:
        """Make a directory and its parents; nothing where it is there."""
        self._refuse_parents("create", f"{path}/.")
        self._add_parents(f"{path}/.")

    def is_directory(self, path: str) -> bool:
        """True for a directory."""
        return path in self._children and path != ""

    def remove_directory(self, path: str) -> None:
        """Remove an empty directory."""
        if not path or path not in self._children:
            raise DiskError("remove_directory", path, "no such directory")
        if self._children[path]:
            raise DiskError("remove_directory", path, "not empty")
        del self._children[path]
        self._take_name(path)
        self._journal.append(
            _Naming(f"remove directory {path}", [_Entry(path, None)], removes=True)
        )

    def exists(self, path: str) -> bool:
        """True for files and directories."""
        return path in self._files or path in self._children

    def size(self, path: str) -> int:
        """Length in bytes."""
        return self._held("size", path).size

    def modified(self, path: str) -> int:
        """When the file was last written."""
        return self._held("modified", path).modified

    def list(self, path: str) -> tuple[str, ...]:
        """Names directly below `path`, sorted."""
        return self._children.get(path, ())

    def capacity(self) -> tuple[int, int]:
        """A disk of a round size, as full as the test said."""
        return _CAPACITY, round(_CAPACITY * (1 - self.used))

    def used_ratio(self) -> float:
        """What the test said."""
        return self.used

    def lock(self, path: str) -> bool:
        """True the first time. The file appears durable at once: nobody ever reads it."""
        if path in self._locked:
            return False
        if path not in self._files:
            self._add_parents(path)
            held = FileBytes.of({0: b"lock"}, len(b"lock"), self.now)  # as Java
            self._put(path, held)
            self._durable[path] = held
        self._locked.add(path)
        return True

    def unlock(self, path: str) -> None:
        """Give the lock back; harmless where it is not held."""
        self._locked.discard(path)

    # --- parts

    def _held(self, operation: str, path: str) -> Held:
        held = self._files.get(path)
        if held is None:
            raise DiskError(operation, path, "no such file")
        return held

    def _opened(self, operation: str, path: str) -> OpenFile:
        """The file in a form that can change; a clean one is replaced wherever it stands."""
        held = self._held(operation, path)
        if isinstance(held, OpenFile):
            return held
        opened = OpenFile(held, held.modified)
        self._files[path] = opened
        if self._durable.get(path) is held:
            self._durable[path] = opened
        return opened

    def _refuse(self, point: FaultPoint, operation: str, path: str, reason: str) -> None:
        """Raise where the schedule says so."""
        faults = self.faults
        if faults is not None and faults.due(point, path) is not None:
            faults.count(point)
            raise DiskError(operation, path, reason)

    def _rot(self, path: str, offset: int, length: int) -> None:
        """Flip one bit of what is about to be read, on the platter and in the page cache."""
        faults = self.faults
        fault = None if faults is None else faults.due(FaultPoint.BIT_ROT, path)
        if faults is None or fault is None:
            return
        length = min(length, self._files[path].size - offset)
        if length > 0:
            bit = Prng(fault.seed).below(8 * length)
            held = self._opened("read", path)
            held.flip(offset + bit // 8, 1 << bit % 8, self.contract.sector)
            faults.count(FaultPoint.BIT_ROT)

    def _put(self, path: str, held: Held) -> None:
        if path not in self._files:
            self._add_name(path)
        self._files[path] = held

    def _remove(self, path: str) -> None:
        del self._files[path]
        self._take_name(path)

    def _add_name(self, path: str) -> None:
        parent, _, name = path.rpartition("/")
        names = list(self._children[parent])
        insort(names, name)
        self._children[parent] = tuple(names)

    def _take_name(self, path: str) -> None:
        parent, _, name = path.rpartition("/")
        names = self._children[parent]
        at = bisect_left(names, name)
        self._children[parent] = names[:at] + names[at + 1 :]

    def _refuse_parents(self, operation: str, path: str, refused: str = "") -> None:
        parent = path.rpartition("/")[0]
        while parent:
            if parent in self._files:
                raise DiskError(operation, refused or path, f"{parent} is a file")
            parent = parent.rpartition("/")[0]

    def _add_parents(self, path: str) -> None:
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            parent = "/".join(parts[:depth])
            if parent not in self._children:
                self._add_name(parent)
                self._children[parent] = ()
                made = _Entry(parent, Directory.DIRECTORY)
                self._journal.append(_Naming(f"make directory {parent}", [made]))


def _touches(step: _Naming, directory: str) -> bool:
    """True where the step is about names in the directory, or made it."""
    return any(
        entry.path.rpartition("/")[0] == directory
        or (entry.path == directory and isinstance(entry.target, Directory))
        for entry in step.entries
    )


def _without(journal: _Journal, below: str) -> _Journal:
    """What was pending in a directory that is gone for good does not matter any more."""
    kept: _Journal = []
    for step in journal:
        if isinstance(step, _Naming):
            step.entries = [e for e in step.entries if not e.path.startswith(below)]
            if not step.entries:
                continue
        kept.append(step)
    return kept


def _frozen(step: _Naming | _Length, numbers: Mapping[OpenFile, int]) -> Operation:
    if isinstance(step, _Length):
        return LengthOperation(numbers[step.file], step.size)
    entries = []
    for entry in step.entries:
        target: Target
        target = numbers[entry.target] if isinstance(entry.target, OpenFile) else entry.target
        entries.append(Entry(entry.path, target, entry.certain))
    return NameOperation(step.what, tuple(entries), step.removes)
