"""A disk in memory shown as a folder: cases read and change files as on any other target."""

import os
from pathlib import Path

from refimpl.model.ids import Millis
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.memory_disk import MemoryDisk

_NANOSECONDS = 1_000_000  # of one millisecond


def write_out(disk: MemoryDisk | CrashDisk, folder: Path) -> None:
    """Make `folder`, which is empty or an earlier mirror, hold the disk's files and nothing else.

    Times of modification go with them, in milliseconds, as do empty directories.
    """
    held = disk.files()
    for path in sorted(folder.rglob("*"), reverse=True):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            if not disk.exists(name):
                path.rmdir()
        elif name not in held:
            path.unlink()
    for name in _directories(disk, ""):
        (folder / name).mkdir(exist_ok=True)
    for name, data in held.items():
        (folder / name).write_bytes(data)
        modified = disk.modified(name) * _NANOSECONDS
        os.utime(folder / name, ns=(modified, modified))


def read_back(folder: Path, disk: MemoryDisk | CrashDisk) -> MemoryDisk:
    """A disk with the folder's files, with clock and space of `disk`."""
    twin = MemoryDisk()
    twin.used = disk.used
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            twin.make_directory(name)
            continue
        twin.now = Millis(path.stat().st_mtime_ns // _NANOSECONDS)
        data = path.read_bytes()
        twin.create(name, len(data))
        twin.write(name, 0, data)
    twin.now = disk.now
    return twin


def _directories(disk: MemoryDisk | CrashDisk, below: str) -> list[str]:
    """Every directory of the disk, parents first."""
    found = []
    for entry in disk.list(below):
        name = f"{below}/{entry}" if below else entry
        if disk.is_directory(name):
            found += [name, *_directories(disk, name)]
    return found
