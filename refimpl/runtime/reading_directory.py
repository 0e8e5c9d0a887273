"""A real directory, for looking only: no file is created, locked, extended or touched.

Requirements  STORE-INSPECT-1 in spec/store/inspection.md
"""

import os
from pathlib import Path

from refimpl.model.disk import DiskError


class ReadingDirectory:
    """Implements `refimpl.inspect.store_files.StoreFiles` below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str, offset: int, length: int) -> bytes:
        """One positioned read through a descriptor that cannot write."""
        try:
            descriptor = os.open(self.root / path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                return os.pread(descriptor, length, offset)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise _refused("read", path, error) from error

    def size(self, path: str) -> int:
        """Length of a regular file."""
        full = self.root / path
        try:
            if not full.is_file():
                raise DiskError("size", path, "no regular file")
            return full.stat().st_size
        except PermissionError as error:
            raise _refused("size", path, error) from error

    def exists(self, path: str) -> bool:
        """True for a file or a directory."""
        return (self.root / path).exists()

    def list(self, path: str) -> tuple[str, ...]:
        """Names in a directory, sorted; none where there is no directory."""
        full = self.root / path
        if not full.is_dir():
            return ()
        try:
            return tuple(sorted(os.listdir(full)))
        except OSError as error:
            raise _refused("list", path, error) from error


def _refused(operation: str, path: str, error: OSError) -> DiskError:
    return DiskError(operation, path, error.strerror or str(error))
