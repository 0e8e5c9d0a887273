"""A disk on which the machine stops in the middle of something: before the nth change from now."""

from typing import Protocol

from refimpl.model.disk import Disk
from refimpl.model.ids import Millis


class LabDisk(Disk, Protocol):
    """A simulated disk: it has a clock for modification times, and a part that is used."""

    now: Millis
    used: float


class Stopped(Exception):
    """The machine stopped before this operation; the one who asked is dead and hears nothing."""

    def __init__(self, operation: str, path: str) -> None:
        super().__init__(f"{operation} {path}")
        self.operation = operation
        self.path = path


class StoppingDisk:
    """Passes everything to `disk`; `left` changes from now it raises `Stopped` and does nothing.

    `left` is None for a disk that never stops. `changes` counts what was asked for, so that a
    first run tells how many places there are for a second one to stop at. `written` has the lowest
    offset written of each file since `take_written`.
    """

    __slots__ = ("changes", "disk", "left", "written")

    def __init__(self, disk: LabDisk, left: int | None = None) -> None:
        self.disk = disk
        self.left = left
        self.changes = 0
        self.written: dict[str, int] = {}

    def take_written(self) -> dict[str, int]:
        """Lowest offset that was written, by path, since this was asked before."""
        written, self.written = self.written, {}
        return written

    def _change(self, operation: str, path: str) -> None:
        if self.left is not None:
            if self.left == 0:
                raise Stopped(operation, path)
            self.left -= 1
        self.changes += 1

    def create(self, path: str, size: int) -> None:
        """Make a file, or stop."""
        self._change("create", path)
        self.disk.create(path, size)

    def extend(self, path: str, size: int) -> None:
        """Set the length, or stop."""
        self._change("extend", path)
        self.disk.extend(path, size)

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Read."""
        return self.disk.read(path, offset, length)

    def write(self, path: str, offset: int, data: bytes) -> None:
        """Write, or stop."""
        self._change("write", path)
        self.written[path] = min(offset, self.written.get(path, offset))
        self.disk.write(path, offset, data)

    def stalled_until(self, path: str) -> Millis:
        """Ask."""
        return self.disk.stalled_until(path)

    def rename(self, source: str, target: str) -> None:
        """Rename, or stop."""
        self._change("rename", source)
        self.disk.rename(source, target)

    def unlink(self, path: str) -> None:
        """Remove, or stop."""
        self._change("unlink", path)
        self.disk.unlink(path)

    def remove_directory(self, path: str) -> None:
        """Remove an empty directory, or stop."""
        self._change("remove_directory", path)
        self.disk.remove_directory(path)

    def sync_directory(self, path: str) -> None:
        """Make names durable, or stop."""
        self._change("sync_directory", path)
        self.disk.sync_directory(path)

    def exists(self, path: str) -> bool:
        """Ask."""
        return self.disk.exists(path)

    def size(self, path: str) -> int:
        """Ask."""
        return self.disk.size(path)

    def modified(self, path: str) -> int:
        """Ask."""
        return self.disk.modified(path)

    def list(self, path: str) -> tuple[str, ...]:
        """Ask."""
        return self.disk.list(path)

    def capacity(self) -> tuple[int, int]:
        """Ask."""
        return self.disk.capacity()

    def used_ratio(self) -> float:
        """Ask."""
        return self.disk.used_ratio()

    def lock(self, path: str) -> bool:
        """Take the lock; nothing stops here."""
        return self.disk.lock(path)

    def unlock(self, path: str) -> None:
        """Give the lock back."""
        self.disk.unlock(path)
