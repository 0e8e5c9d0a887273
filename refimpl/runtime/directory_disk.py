"""The disk port on a real directory: sparse files, positioned reads and writes, advisory locks.

Files stay open in a bounded cache. No memory map: a mapped gibibyte would count as resident memory.
`force` is called by the runtime in a worker thread; everything else is synchronous.
"""

import fcntl
import os
import stat
from collections import OrderedDict
from pathlib import Path

from refimpl.model.disk import DiskError
from refimpl.model.effect import Span
from refimpl.model.ids import Millis

_OPEN_FILES_MAX = 256
_NOT_STALLED = Millis(0)
_locked_here: set[Path] = set()  # POSIX locks do not exclude the process that holds them


class DirectoryDisk:
    """Implements `refimpl.model.disk.Disk` below `root`, which comes into being."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self._open: OrderedDict[str, int] = OrderedDict()
        self._locks: dict[str, int] = {}

    def create(self, path: str, size: int) -> None:
        """Make a sparse file."""
        full = self._full(path)
        try:
            full.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(full, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _refused("create", path, error) from error
        try:
            os.ftruncate(descriptor, size)
        except OSError as error:
            os.close(descriptor)
            full.unlink()
            raise _refused("create", path, error) from error
        self._keep(path, descriptor)

    def extend(self, path: str, size: int) -> None:
        """Set the length."""
        try:
            os.ftruncate(self._descriptor("extend", path), size)
        except OSError as error:
            raise _refused("extend", path, error) from error

    def read(self, path: str, offset: int, length: int) -> bytes:
        """One positioned read."""
        descriptor = self._open.get(path)
        if descriptor is None:
            descriptor = self._descriptor("read", path)
        try:
            return os.pread(descriptor, length, offset)
        except OSError as error:
            raise _refused("read", path, error) from error

    def write(self, path: str, offset: int, data: bytes) -> None:
        """One positioned write; a short one is continued."""
        descriptor = self._open.get(path)
        if descriptor is None:
            descriptor = self._descriptor("write", path)
        try:
            done = os.pwrite(descriptor, data, offset)
            while done < len(data):
                done += os.pwrite(descriptor, data[done:], offset + done)
        except OSError as error:
            raise _refused("write", path, error) from error

    def stalled_until(self, path: str) -> Millis:
        """Nothing hangs: a write that stalls returns late."""
        del path
        return _NOT_STALLED

    def rename(self, source: str, target: str) -> None:
        """Replace `target` atomically."""
        self._stat("rename", source)  # a refused rename must not leave new directories behind
        self._forget(source)
        self._forget(target)
        try:
            self._full(target).parent.mkdir(parents=True, exist_ok=True)
            self._full(source).replace(self._full(target))
        except OSError as error:
            raise _refused("rename", source, error) from error

    def unlink(self, path: str) -> None:
        """Remove a file."""
        self._forget(path)
        try:
            self._full(path).unlink()
        except OSError as error:
            raise _refused("unlink", path, error) from error

    def remove_directory(self, path: str) -> None:
        """Remove an empty directory."""
        try:
            self._full(path).rmdir()
        except OSError as error:
            raise _refused("remove_directory", path, error) from error

    def sync_directory(self, path: str) -> None:
        """Force the names of a directory."""
        try:
            descriptor = os.open(self._full(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _refused("sync_directory", path, error) from error

    def exists(self, path: str) -> bool:
        """True for files and directories."""
        return path in self._open or self._full(path).exists()

    def size(self, path: str) -> int:
        """Length in bytes."""
        return self._stat("size", path).st_size

    def modified(self, path: str) -> int:
        """Modification time in milliseconds since the epoch."""
        return self._stat("modified", path).st_mtime_ns // 1_000_000

    def list(self, path: str) -> tuple[str, ...]:
        """Sorted names."""
        try:
            return tuple(sorted(os.listdir(self._full(path))))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise _refused("list", path, error) from error

    def capacity(self) -> tuple[int, int]:
        """As `df` shows them."""
        state = os.statvfs(self.root)
        return state.f_blocks * state.f_frsize, state.f_bavail * state.f_frsize

    def used_ratio(self) -> float:
        """As `df` computes it: used by anybody over what is there for us."""
        state = os.statvfs(self.root)
        used = state.f_blocks - state.f_bfree
        there = used + state.f_bavail
        return used / there if there else 0.0

    def lock(self, path: str) -> bool:
        """An exclusive `lockf`, the kind that Java's FileChannel.tryLock takes on Linux."""
        full = self._full(path).resolve()
        if full in _locked_here:
            return False
        try:
            full.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(full, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise _refused("lock", path, error) from error
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, PermissionError):
                return False
            raise _refused("lock", path, error) from error
        os.pwrite(descriptor, b"lock", 0)  # by this descriptor: closing another loses the lock
        self._locks[path] = descriptor
        _locked_here.add(full)
        return True

    def unlock(self, path: str) -> None:
        """Close the lock file; harmless where it is not held."""
        descriptor = self._locks.pop(path, None)
        if descriptor is not None:
            _locked_here.discard(self._full(path).resolve())
            os.close(descriptor)

    def force(self, path: str, *, span: Span | None = None) -> None:
        """Make contents durable; called from a worker thread with a descriptor of its own.

        All that is dirty in the file, whatever the `span`: no call of the kernel promises less.
        """
        assert span is None or 0 <= span.start <= span.end
        try:
            descriptor = os.open(self._full(path), os.O_RDWR | os.O_CLOEXEC)
            try:
                os.fdatasync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _refused("force", path, error) from error

    def close(self) -> None:
        """Close every file and lock."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
        for path in list(self._locks):
            self.unlock(path)

    def _full(self, path: str) -> Path:
        assert not path.startswith("/"), path
        assert ".." not in path.split("/"), path
        return self.root / path

    def _stat(self, operation: str, path: str) -> os.stat_result:
        try:
            found = self._full(path).stat()
        except OSError as error:
            raise _refused(operation, path, error) from error
        if stat.S_ISDIR(found.st_mode):
            raise DiskError(operation, path, "is a directory")
        return found

    def _descriptor(self, operation: str, path: str) -> int:
        descriptor = self._open.get(path)
        if descriptor is None:
            try:
                descriptor = os.open(self._full(path), os.O_RDWR | os.O_CLOEXEC)
            except OSError as error:
                raise _refused(operation, path, error) from error
            self._keep(path, descriptor)
        return descriptor

    def _keep(self, path: str, descriptor: int) -> None:
        self._open[path] = descriptor
        if len(self._open) > _OPEN_FILES_MAX:
            _, oldest = self._open.popitem(last=False)
            os.close(oldest)

    def _forget(self, path: str) -> None:
        descriptor = self._open.pop(path, None)
        if descriptor is not None:
            os.close(descriptor)


def _refused(operation: str, path: str, error: OSError) -> DiskError:
    return DiskError(operation, path, error.strerror or str(error))
