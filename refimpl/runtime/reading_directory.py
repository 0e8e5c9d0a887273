"""A real directory, for looking only: no file is created, locked, extended or touched.

Requirements  STORE-INSPECT-1 in spec/store/inspection.md
"""

import os
import stat
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
        try:
            state = (self.root / path).stat()
        except OSError as error:
            raise _refused("size", path, error) from error
        if not stat.S_ISREG(state.st_mode):
            raise DiskError("size", path, "no regular file")
        return state.st_size

    def exists(self, path: str) -> bool:
        """True for a file or a directory."""
        try:
            return (self.root / path).exists()
        except OSError as error:
            raise _refused("look for", path, error) from error

    def list(self, path: str) -> tuple[str, ...]:
        """Names in a directory, sorted; none where there is no directory."""
        try:
            names = tuple(sorted(os.listdir(self.root / path)))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise _refused("list", path, error) from error
        if names and not os.access(self.root / path, os.X_OK):
            raise DiskError("list", path, "Permission denied")
        return names


def _refused(operation: str, path: str, error: OSError) -> DiskError:
    return DiskError(operation, path, error.strerror or str(error))
