"""A disk in memory: the page cache only, with a copy as a value.

`image()` is what `kill -9` leaves behind: everything written, no shutdown work done. What a power
failure may leave (torn pages, lost names) is a larger set; this class does not enumerate it.
"""

from collections.abc import Mapping

from refimpl.model.disk import DiskError
from refimpl.model.effect import Span
from refimpl.model.ids import Millis

_PAGE = 4096
_CAPACITY = 1 << 40
_NOT_STALLED = Millis(0)


class _File:
    """Sparse bytes: pages that were never written read as zero and cost nothing."""

    __slots__ = ("modified", "pages", "size")

    def __init__(self, size: int, modified: Millis) -> None:
        self.size = size
        self.pages: dict[int, bytearray] = {}
        self.modified = modified

    def read(self, offset: int, length: int) -> bytes:
        length = max(0, min(length, self.size - offset))
        page, start = divmod(offset, _PAGE)
        if start + length <= _PAGE:
            data = self.pages.get(page)
            return bytes(length) if data is None else bytes(data[start : start + length])
        parts = []
        while length > 0:
            step = min(length, _PAGE - start)
            data = self.pages.get(page)
            parts.append(bytes(step) if data is None else data[start : start + step])
            page, start, length = page + 1, 0, length - step
        return b"".join(parts)

    def write(self, offset: int, data: bytes) -> None:
        self.size = max(self.size, offset + len(data))
        done = 0
        while done < len(data):
            page, start = divmod(offset + done, _PAGE)
            step = min(len(data) - done, _PAGE - start)
            held = self.pages.get(page)
            if held is None:
                held = self.pages[page] = bytearray(_PAGE)
            held[start : start + step] = data[done : done + step]
            done += step

    def resize(self, size: int) -> None:
        last, start = divmod(size, _PAGE)
        for page in [p for p in self.pages if p > last or (p == last and start == 0)]:
            del self.pages[page]
        if start and last in self.pages:
            self.pages[last][start:] = bytes(_PAGE - start)
        self.size = size

    def copy(self) -> "_File":
        twin = _File(self.size, self.modified)
        twin.pages = {page: bytearray(data) for page, data in self.pages.items()}
        return twin


class MemoryDisk:
    """Implements `refimpl.model.disk.Disk`; deterministic, no space limit unless `used` says so."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.now = Millis(0)  # stamps modifications; the world moves it with its clock
        self.used = 0.1
        self._files: dict[str, _File] = {}
        self._directories: set[str] = set()
        self._locked: set[str] = set()
        for path, data in (files or {}).items():
            self.create(path, len(data))
            self.write(path, 0, data)

    def image(self) -> "MemoryDisk":
        """An independent copy with every lock released, as after `kill -9`."""
        twin = MemoryDisk()
        twin.now, twin.used = self.now, self.used
        twin._files = {path: held.copy() for path, held in self._files.items()}
        twin._directories = set(self._directories)
        return twin

    def files(self) -> dict[str, bytes]:
        """Every file with its bytes, by path, sorted: equal disks have equal dictionaries."""
        return {path: held.read(0, held.size) for path, held in sorted(self._files.items())}

    def create(self, path: str, size: int) -> None:
        """Make a file of zeros and its parent directories."""
        if path in self._files or path in self._directories:
            raise DiskError("create", path, "exists already")
        self._add_parents(path)
        self._files[path] = _File(size, self.now)

    def extend(self, path: str, size: int) -> None:
        """Set the length."""
        held = self._file("extend", path)
        held.resize(size)
        held.modified = self.now

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Bytes of the page cache."""
        return self._file("read", path).read(offset, length)

    def write(self, path: str, offset: int, data: bytes) -> None:
        """Bytes into the page cache."""
        held = self._file("write", path)
        if data:  # an empty write past the end grows no file
            held.write(offset, data)
        held.modified = self.now

    def stalled_until(self, path: str) -> Millis:
        """Nothing hangs here."""
        del path
        return _NOT_STALLED

    def rename(self, source: str, target: str) -> None:
        """Move a file over another or to a new name."""
        held = self._file("rename", source)
        if target in self._directories:
            raise DiskError("rename", source, f"{target} is a directory")
        self._add_parents(target, "rename", source)
        del self._files[source]
        self._files[target] = held

    def unlink(self, path: str) -> None:
        """Remove a file."""
        self._file("unlink", path)
        del self._files[path]

    def make_directory(self, path: str) -> None:
        """Make a directory and its parents; nothing where it is there."""
        self._add_parents(f"{path}/.")

    def is_directory(self, path: str) -> bool:
        """True for a directory."""
        return path in self._directories

    def remove_directory(self, path: str) -> None:
        """Remove an empty directory."""
        if path not in self._directories:
            raise DiskError("remove_directory", path, "no such directory")
        if self.list(path):
            raise DiskError("remove_directory", path, "not empty")
        self._directories.discard(path)

    def force(self, path: str, *, span: Span | None = None) -> None:
        """Nothing is lost here, so there is nothing to do."""
        assert span is None or 0 <= span.start <= span.end
        self._file("force", path)

    def sync_directory(self, path: str) -> None:
        """Nothing is lost here, so there is nothing to do."""
        if path and path not in self._directories:
            raise DiskError("sync_directory", path, "no such directory")

    def exists(self, path: str) -> bool:
        """True for files and directories."""
        return path in self._files or path in self._directories or path == ""

    def size(self, path: str) -> int:
        """Length in bytes."""
        return self._file("size", path).size

    def modified(self, path: str) -> int:
        """When the file was last written."""
        return self._file("modified", path).modified

    def list(self, path: str) -> tuple[str, ...]:
        """Names directly below `path`."""
        prefix = f"{path}/" if path else ""
        found = {
            name[len(prefix) :].split("/", 1)[0]
            for name in (*self._files, *self._directories)
            if name.startswith(prefix)
        }
        return tuple(sorted(found))

    def capacity(self) -> tuple[int, int]:
        """A disk of a round size, as full as the test said."""
        return _CAPACITY, round(_CAPACITY * (1 - self.used))

    def used_ratio(self) -> float:
        """What the test said."""
        return self.used

    def lock(self, path: str) -> bool:
        """True the first time."""
        if path in self._locked:
            return False
        if path not in self._files:
            self.create(path, 0)
            self.write(path, 0, b"lock")  # as Java
        self._locked.add(path)
        return True

    def unlock(self, path: str) -> None:
        """Give the lock back; harmless where it is not held."""
        self._locked.discard(path)

    def _file(self, operation: str, path: str) -> _File:
        held = self._files.get(path)
        if held is None:
            raise DiskError(operation, path, "no such file")
        return held

    def _add_parents(self, path: str, operation: str = "create", refused: str = "") -> None:
        parts = path.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            parent = "/".join(parts[:depth])
            if parent in self._files:
                raise DiskError(operation, refused or path, f"{parent} is a file")
        for depth in range(1, len(parts) + 1):
            self._directories.add("/".join(parts[:depth]))
