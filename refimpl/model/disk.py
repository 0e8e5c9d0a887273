"""The disk port: what the store may ask of a directory, synchronously.

Paths are relative to the root of the disk, `/`-separated, without `..`. Reads and writes see the
page cache. Nothing here makes anything durable: that is `effect.Force` (file contents) and
`sync_directory` (creations, renames and unlinks of one directory).
"""

from typing import Protocol

from refimpl.model.ids import Millis


class DiskError(OSError):
    """The disk refused: no space, input/output error, missing file. Carries operation and path."""

    def __init__(self, operation: str, path: str, reason: str) -> None:
        super().__init__(f"{operation} {path}: {reason}")
        self.operation = operation
        self.path = path
        self.reason = reason


class Disk(Protocol):
    """Files of one node. Every method raises `DiskError`; refused input changes nothing."""

    def create(self, path: str, size: int) -> None:
        """Create a file of `size` zero bytes; parent directories come into being."""

    def extend(self, path: str, size: int) -> None:
        """Set the length of an existing file: zeros appear, or the tail goes."""

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Up to `length` bytes; fewer only at the end of the file."""

    def write(self, path: str, offset: int, data: bytes) -> None:
        """Store `data` at `offset` in the page cache; the file grows where needed."""

    def stalled_until(self, path: str) -> Millis:
        """Until when the last write to `path` hangs in a busy page cache; 0 where none does.

        A disk whose `write` returns when it is done says 0. Readers see the bytes at once.
        """

    def rename(self, source: str, target: str) -> None:
        """Atomically replace `target`."""

    def unlink(self, path: str) -> None:
        """Remove a file; reads of it fail from now on."""

    def remove_directory(self, path: str) -> None:
        """Remove an empty directory."""

    def sync_directory(self, path: str) -> None:
        """Make names in `path` durable."""

    def exists(self, path: str) -> bool:
        """True for a file or a directory."""

    def size(self, path: str) -> int:
        """Length of a file in bytes."""

    def modified(self, path: str) -> int:
        """Last modification of a file, in milliseconds since the epoch."""

    def list(self, path: str) -> tuple[str, ...]:
        """Names in a directory, sorted; empty where there is none."""

    def capacity(self) -> tuple[int, int]:
        """Bytes of the disk in all, and those that are free for us."""

    def used_ratio(self) -> float:
        """Used part of the partition, 0.0 to 1.0."""

    def lock(self, path: str) -> bool:
        """Take the exclusive lock of the store for this process; False if another holds it."""

    def unlock(self, path: str) -> None:
        """Give the lock back."""
