"""Every state of a queue of files within a bound, in the variables of MappedFileQueue.tla.

The queue is the real `MappedFileQueue` on a disk of a few bytes: a byte that is not zero was
written. The disk knows of each file how much survives every crash, which bytes a failed force has
left clean but not durable, and whether the name is durable. What the model leaves to the caller
(when to commit, where a recovery begins and where it ends the log) is free here as well.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from refimpl.model.override import override
from refimpl.model.state_space import Plain, number, numbers, record
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.sim.store_fork import copied
from refimpl.store.mapped_file import MappedFile
from refimpl.store.mapped_file_queue import FlushWanted, MappedFileQueue

_FOLDER: Final = "log"
_BYTE: Final = b"x"
_GONE: Final = -1  # of a file, where others have a length
_NEW: Final = 1  # when a file was modified that retention may not take yet


@dataclass(frozen=True, slots=True)
class FilesBound:
    """The constants of MappedFileQueue.cfg, which has no pool."""

    file_size: int
    sizes: tuple[int, ...]
    max_files: int

    @classmethod
    def of(cls, constants: Mapping[str, Plain]) -> "FilesBound":
        """Return the bound that a configuration states; raises `KeyError`."""
        return cls(
            number(constants, "FileSize"),
            numbers(constants, "Sizes"),
            number(constants, "MaxFiles"),
        )


class ScopeDisk(MemoryDisk):
    """Files of zeros and written bytes, and what of them would survive."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, int] = {}  # bytes from the front that survive every crash
        self.stuck: dict[str, tuple[int, ...]] = {}  # places that the next force does not write
        self.named: dict[str, bool] = {}
        self.old = ""  # the file that retention may take

    def cached(self, path: str) -> int:
        """Bytes from the front that were written."""
        data = self.read(path, 0, self.size(path))
        return len(data) - len(data.lstrip(_BYTE))

    def forced(self, path: str, end: int) -> None:
        """A force of what was there, up to `end`, succeeded."""
        clean = [place for place in self.stuck.get(path, ()) if place < end]
        self.kept[path] = max(self.kept[path], min([end, *clean]))

    def force_failed(self, path: str) -> None:
        """A force failed: what is not durable is clean all the same."""
        self.stuck[path] = tuple(range(self.kept[path], self.cached(path)))

    def cut(self, path: str, length: int) -> None:
        """A crash left so many bytes."""
        super().write(path, length, bytes(self.size(path) - length))
        self.stuck[path] = ()

    @override
    def create(self, path: str, size: int) -> None:
        """A new file survives nothing yet."""
        super().create(path, size)
        self.kept[path], self.stuck[path], self.named[path] = 0, (), False

    @override
    def write(self, path: str, offset: int, data: bytes) -> None:
        """What is written anew is part of the next force."""
        super().write(path, offset, data)
        there = range(offset, offset + len(data))
        self.stuck[path] = tuple([p for p in self.stuck[path] if p not in there])

    @override
    def unlink(self, path: str) -> None:
        """The file is forgotten with what survived of it."""
        super().unlink(path)
        del self.kept[path], self.stuck[path], self.named[path]

    @override
    def sync_directory(self, path: str) -> None:
        """The names in the folder are durable."""
        super().sync_directory(path)
        if path == _FOLDER:
            self.named = dict.fromkeys(self.named, True)

    @override
    def modified(self, path: str) -> int:
        """One file is old."""
        return 0 if path == self.old else _NEW


class FilesWorld:
    """One state: a disk, a queue of files where a process runs, and what was ever promised."""

    def __init__(self) -> None:
        self.disk = ScopeDisk()
        self.disk.make_directory(_FOLDER)
        self.queue: MappedFileQueue | None = None
        self.forcing: FlushWanted | None = None
        self.phase = "down"
        self.window = 0  # where the window of the model begins while nothing is flushed
        self.promised = 0

    def copy(self) -> "FilesWorld":
        """An independent state."""
        twin = copied(self)
        assert isinstance(twin, FilesWorld)
        return twin

    def replied(self) -> "FilesWorld":
        """The disk has replied: whatever counts as flushed now is promised."""
        self.forcing = None
        self.promised = max(self.promised, self.open_queue.flushed_where)
        return self

    @property
    def open_queue(self) -> MappedFileQueue:
        """The queue of the process that runs."""
        assert self.queue is not None
        return self.queue


class FilesScope:
    """The actions of the model on a real queue."""

    def __init__(self, bound: FilesBound) -> None:
        self._bound = bound

    @staticmethod
    def first() -> FilesWorld:
        """There is no file, and no process."""
        return FilesWorld()

    def next(self, world: FilesWorld) -> Iterator[tuple[str, FilesWorld]]:
        """Every state that one action leads to."""
        if world.phase == "down":
            yield "Load", self._load(world)
            return
        for machine in (False, True):
            for lengths in self._survivals(world, machine=machine):
                yield "Crash", self._crash(world, lengths)
        if world.phase == "up":
            yield from self._grow(world)
            yield from self._flush(world)
        else:
            yield from self._recover(world)

    def _grow(self, world: FilesWorld) -> Iterator[tuple[str, FilesWorld]]:
        queue, bound = world.open_queue, self._bound
        last = queue.last_mapped_file
        end = 0 if last is None else last.file_from_offset + bound.file_size
        if (last is None or last.is_full) and end < bound.max_files * bound.file_size:
            twin = world.copy()
            twin.open_queue.roll()
            yield "Create", twin
        if last is not None and not last.is_full:
            for size in bound.sizes:
                twin = world.copy()
                to = twin.open_queue.last_mapped_file
                assert to is not None
                assert to.append_message(_BYTE * min(size, bound.file_size - to.wrote_position))
                yield "AppendMessage", twin
        if queue.mapped_files and queue.min_offset + bound.file_size <= queue.flushed_where:
            twin = world.copy()  # the model's retention takes only what is flushed
            twin.disk.old = twin.open_queue.mapped_files[0].path
            twin.open_queue.delete_expired_files_by_time(_NEW, _NEW, clean_immediately=False)
            yield "RemoveFirst", twin

    @staticmethod
    def _flush(world: FilesWorld) -> Iterator[tuple[str, FilesWorld]]:
        twin = world.copy()
        if world.forcing is None:
            twin.forcing = twin.open_queue.flush(0)
            yield "Flush", twin
            return
        wanted, file_size = world.forcing, world.open_queue.file_size
        start = (wanted.where - 1) // file_size * file_size
        twin.disk.forced(wanted.path, wanted.where - start)
        twin.open_queue.flushed(wanted)
        yield "Flushed", twin.replied()
        twin = world.copy()
        twin.disk.force_failed(wanted.path)
        twin.open_queue.dirty_again(wanted)
        yield "DirtyAgain", twin.replied()

    # --- the end of a process, and the next one

    @staticmethod
    def _survivals(world: FilesWorld, *, machine: bool) -> Iterator[dict[str, int]]:
        """How many bytes of each file stay: all that were forced, some more that are written.

        A file whose name is not durable may be gone.
        """
        disk = world.disk
        found: list[dict[str, int]] = [{}]
        for path in sorted(disk.kept):
            least = disk.kept[path] if machine else disk.cached(path)
            lengths = [*range(least, disk.cached(path) + 1)]
            if machine and not disk.named[path]:
                lengths.append(_GONE)
            found = [{**before, path: length} for before in found for length in lengths]
        yield from found

    def _crash(self, world: FilesWorld, lengths: Mapping[str, int]) -> FilesWorld:
        twin = world.copy()
        for path, length in lengths.items():
            twin.disk.cut(path, max(length, 0))
            if length == _GONE:
                twin.disk.kept[path] = 0
        if world.phase == "up":
            flushed = world.open_queue.flushed_where
            twin.window = flushed - flushed % self._bound.file_size
        twin.queue = twin.forcing = None
        twin.phase = "down"
        return twin

    def _load(self, world: FilesWorld) -> FilesWorld:
        twin = world.copy()
        gone = [p for p, named in twin.disk.named.items() if not (named or twin.disk.cached(p))]
        for path in [p for p in twin.disk.named if gone and p >= min(gone)]:
            twin.disk.unlink(path)  # names are lost from the last one back
        twin.queue = MappedFileQueue(twin.disk, _FOLDER, self._bound.file_size)
        twin.queue.load(after_crash=True)
        twin.phase = "loaded"
        return twin

    def _recover(self, world: FilesWorld) -> Iterator[tuple[str, FilesWorld]]:
        """What `recovery` does with the queue; where it begins and ends is its choice."""
        size, files = self._bound.file_size, world.open_queue.mapped_files
        hole = self._hole(world)
        durable = all(
            world.disk.kept[f.path] >= min(size, hole - f.file_from_offset)
            for f in files
            if f.file_from_offset < hole
        )
        first = max(world.open_queue.min_offset, 0)
        for start in range(first, hole + 1):
            begins = start <= world.promised if start % size == 0 else start == hole and durable
            if begins:
                for end in (hole, *range(hole + 1, self._bound.max_files * size + 1)):
                    if end == hole or end % size == 0:
                        twin = world.copy()
                        self._truncate(twin, start, hole, end)
                        yield "TruncateDirtyFiles", twin

    @staticmethod
    def _hole(world: FilesWorld) -> int:
        """Find the first place that was not written, or the end of the last file."""
        queue, end = world.open_queue, 0
        for file in queue.mapped_files:
            end = file.file_from_offset + world.disk.cached(file.path)
            if end < file.file_from_offset + queue.file_size:
                break
        return end

    @staticmethod
    def _truncate(twin: FilesWorld, start: int, hole: int, end: int) -> None:
        queue = twin.open_queue
        queue.truncate_dirty_files(hole)
        while queue.max_wrote_position < end:  # STORE-RECOVERY-6: blanks end the file
            last = queue.roll()
            last.write_at(last.wrote_position, _BYTE * (queue.file_size - last.wrote_position))
            last.set_positions(queue.file_size)
        queue.committed_where = queue.max_wrote_position
        queue.flushed_where = start
        for file in queue.mapped_files:  # STORE-RECOVERY-7
            if file.file_from_offset + queue.file_size > start:
                file.flushed_position = 0
        twin.phase = "up"

    # --- the variables of the model

    def variables(self, world: FilesWorld) -> dict[str, Plain]:
        """The projection: the model forgets files that are flushed to their end."""
        queue, size = world.queue, self._bound.file_size
        up = queue is not None and world.phase == "up"
        flushed = queue.flushed_where if queue is not None and up else world.window
        paths = [p for p in sorted(world.disk.kept) if _offset(p) + size > flushed]
        return {
            "first": min(map(_offset, world.disk.kept), default=0),
            "files": tuple([self._file(world, path) for path in paths]),
            "flushedWhere": flushed,
            "committedWhere": queue.committed_where if queue is not None and up else world.window,
            "forcing": 0 if world.forcing is None else world.forcing.where,
            "promised": world.promised,
            "phase": world.phase,
        }

    @staticmethod
    def _file(world: FilesWorld, path: str) -> Plain:
        open_files = {} if world.queue is None else {f.path: f for f in world.queue.mapped_files}
        file: MappedFile | None = open_files.get(path)
        return record(
            **{
                "from": _offset(path),
                "wrote": 0 if file is None else file.wrote_position,
                "cached": world.disk.cached(path),
                "kept": world.disk.kept[path],
                "named": world.disk.named[path],
            }
        )

    @staticmethod
    def hidden(world: FilesWorld) -> Hashable:
        """The positions of every file, and what a failed force has left."""
        files = () if world.queue is None else world.queue.mapped_files
        return (
            world.window,
            tuple(sorted(world.disk.stuck.items())),
            tuple(sorted(world.disk.kept.items())),
            tuple([(f.path, f.wrote_position, f.committed_position) for f in files]),
            tuple([f.flushed_position for f in files]),
        )


def _offset(path: str) -> int:
    return int(path.rpartition("/")[2])
