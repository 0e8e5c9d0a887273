"""A disk that can lose power: page cache, durable state, and everything in between.

`crash()` is a value from which every image that the contract allows can be made; `from_image` is
the disk that the next start finds. `image()` is what `kill -9` leaves: the page cache. The contract
and its reasons are decision 0003.
"""

from bisect import bisect_left, insort
from collections.abc import Mapping

from refimpl.model.disk import DiskError
from refimpl.model.effect import Span
from refimpl.model.ids import Millis
from refimpl.model.prng import Prng
from refimpl.sim.crash_images import Crash, CrashImage
from refimpl.sim.disk_contract import ORDERED, Directory, DiskContract, Names
from refimpl.sim.disk_faults import DiskFaults, FaultPoint, ForceNeverEnds, ForceOutcome
from refimpl.sim.disk_journal import DiskJournal, Held
from refimpl.sim.file_bytes import EMPTY, FileBytes
from refimpl.sim.open_file import OpenFile

_CAPACITY = 1 << 40
_NOT_STALLED = Millis(0)


class CrashDisk:
    """Implements `refimpl.model.disk.Disk`, with `force` and `crash`. Deterministic.

    `now` stamps modifications, and slow writes hang until some time after it; `used` is the used
    part of the disk. Files that exist at the beginning are durable.
    """

    __slots__ = ("_children", "_files", "_journal", "_locked", "_stalled", "contract", "faults",
                 "now", "used")  # fmt: skip

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
        self._stalled: dict[str, Millis] = {}
        self._files: dict[str, Held] = {}
        self._children: dict[str, tuple[str, ...]] = {"": ()}
        self._journal = DiskJournal({}, frozenset())
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
        disk._journal = DiskJournal(dict(image.files), image.directories)
        return disk

    # --- crash, copy, look

    def crash(self) -> Crash:
        """The power fails now. The disk itself is not changed."""
        numbers = self._journal.pending_files()
        return Crash(
            self.contract,
            self._journal.frozen_files(numbers),
            self._journal.directories,
            self._journal.frozen_steps(numbers),
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
        twin.now, twin.used, twin._stalled = self.now, self.used, self._stalled.copy()
        copies: dict[OpenFile, OpenFile] = {}

        def copy(held: OpenFile) -> OpenFile:
            found = copies.get(held)
            if found is None:
                found = copies[held] = held.copy()
            return found

        twin._files = {
            path: held if isinstance(held, FileBytes) else copy(held)
            for path, held in self._files.items()
        }
        twin._children = self._children.copy()
        twin._journal = self._journal.copied(copy)
        twin._locked = set(self._locked)
        return twin

    def files(self) -> dict[str, bytes]:
        """Every file with its bytes as readers see them, by path, sorted."""
        return {path: held.read(0, held.size) for path, held in sorted(self._files.items())}

    # --- durability

    def force(
        self, path: str, outcome: ForceOutcome | None = None, *, span: Span | None = None
    ) -> None:
        """Make the bytes of `path` as they are now durable; raises `DiskError` where it fails.

        With a `span` only the sectors that it touches, and the length. A failure drops what is
        dirty in the whole file all the same: the kernel may have been writing any of it.

        An interpreter that completes forces later asks `faults.force_outcome` when the force
        begins, keeps the token open for NEVER, and passes every other outcome on. Without
        `outcome` the faults are asked here; `ForceNeverEnds` is a `DiskError` too.
        """
        held = self._held("force", path)
        if outcome is None:
            outcome = ForceOutcome.OK if self.faults is None else self.faults.force_outcome(path)
        match outcome:
            case ForceOutcome.OK:
                if isinstance(held, OpenFile):
                    self._force(held, span)
                    self._close(path, held)
            case ForceOutcome.FAIL:
                if isinstance(held, OpenFile):
                    held.drop()
                raise DiskError("force", path, "Input/output error")
            case ForceOutcome.NEVER:
                raise ForceNeverEnds(path)
            case ForceOutcome.LIE:
                pass

    def _close(self, path: str, held: OpenFile) -> None:
        """What nothing is pending of is a value again, which copies of the disk share.

        While names are pending the file may have another one, which must not part from it.
        """
        if not held.dirty and not self._journal.steps:
            durable = held.durable
            closed = FileBytes(durable.pages, durable.size, held.modified)
            self._files[path] = self._journal.files[path] = closed

    def _force(self, held: OpenFile, span: Span | None) -> None:
        if self.contract.names is Names.ORDERED:
            self._journal.commit_file(held)
        else:
            self._journal.forget_lengths(held)
        held.force(self.contract.sector, span)

    def sync_directory(self, path: str) -> None:
        """Make names in `path` durable: its own alone, or the journal up to the last of them."""
        if path not in self._children:
            raise DiskError("sync_directory", path, "no such directory")
        if self.contract.names is Names.ORDERED:
            self._journal.commit_directory(path)
        else:
            self._journal.sync_entries(path)

    def _everything_is_durable(self) -> None:
        for path, held in self._files.items():
            if isinstance(held, OpenFile):
                held.force(self.contract.sector)
                self._files[path] = held.durable
        directories = frozenset(path for path in self._children if path)
        self._journal = DiskJournal(dict(self._files), directories)

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
        self._journal.add(f"create {path}", (path, held), creates=held)
        self._refuse(FaultPoint.EMPTY_AFTER_CREATE, "create", path, "No space left on device")
        if size:
            held.resize(size, self.contract.sector)
            self._journal.add_length(held, size)

    def extend(self, path: str, size: int) -> None:
        """Set the length."""
        held = self._opened("extend", path)
        if size > held.size:
            self._refuse(FaultPoint.NO_SPACE_EXTEND, "extend", path, "No space left on device")
        if size != held.size:
            held.resize(size, self.contract.sector)
            self._journal.add_length(held, size)
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
                self._stalled[path] = Millis(self.now + slow.millis)
        if data:  # an empty write past the end grows no file
            end = offset + len(data)
            if end > held.size:
                held.size = end
                self._journal.add_length(held, end)
            held.write(offset, data, self.contract.sector)
        held.modified = self.now

    def stalled_until(self, path: str) -> Millis:
        """When the write that a fault made slow is over; 0 for none."""
        return self._stalled.get(path, _NOT_STALLED)

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
        self._journal.add(f"rename {source} to {target}", (source, None), (target, held))

    def unlink(self, path: str) -> None:
        """Remove a file."""
        self._held("unlink", path)
        self._remove(path)
        self._journal.add(f"unlink {path}", (path, None))

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
        self._journal.add(f"remove directory {path}", (path, None), removes=True)

    def exists(self, path: str) -> bool:
        """True for files and directories."""
        return path in self._files or path in self._children

    def size(self, path: str) -> int:
        """Length in bytes."""
        held = self._files.get(path)
        if held is None:
            raise DiskError("size", path, "no such file")
        return held.size

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
            self._journal.files[path] = held
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
        if self._journal.files.get(path) is held:
            self._journal.files[path] = opened
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
            cut = self._journal.shortest(held)
            held.flip(offset + bit // 8, 1 << bit % 8, self.contract.sector, cut)
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
                self._journal.add(f"make directory {parent}", (parent, Directory.DIRECTORY))
