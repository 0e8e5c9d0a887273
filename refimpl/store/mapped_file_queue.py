"""A directory of equally long files, read as one sequence of bytes.

Requirements  STORE-FILES-1..11 in spec/store/files.md
Java          store/MappedFileQueue (4.6.1, 4.9.7, 5.5.0)

Nothing here becomes durable by a call: `flush` names the file that wants a force and how far that
force would reach, and `flushed` is told afterwards that it succeeded. A force that failed is
never told, so that `flushed_where` cannot pass bytes that may be lost (fault B21).
"""

from itertools import pairwise
from typing import Final, NamedTuple

from refimpl.model.disk import Disk, DiskError
from refimpl.model.effect import Span
from refimpl.store.errors import StoreLoadRefused
from refimpl.store.mapped_file import MappedFile, offset_to_file_name

DELETE_FILES_BATCH_MAX: Final = 10


class FlushWanted(NamedTuple):
    """A force of `span` of `path` would make everything below `where` durable."""

    path: str
    span: Span
    where: int  # offset in the queue of files
    store_timestamp: int  # of the last message appended to that file; 0 for none in this life
    thorough: bool  # asked without a least number of pages: the checkpoint may follow it


def sync_names(disk: Disk, directory: str) -> None:
    """Make a directory durable: the names in it, and its own in each one above it.

    STORE-FILES-11: bytes that were forced are lost with the name of their file.
    """
    while directory:
        disk.sync_directory(directory)
        directory = directory.rpartition("/")[0]
    disk.sync_directory("")


class MappedFileQueue:
    """Files of `file_size` bytes in `directory`, in the order of their offsets, without gaps."""

    __slots__ = (
        "committed_where",
        "directory",
        "disk",
        "file_size",
        "flushed_where",
        "mapped_files",
        "store_timestamp",
    )

    def __init__(self, disk: Disk, directory: str, file_size: int) -> None:
        assert file_size > 0
        self.disk = disk
        self.directory = directory
        self.file_size = file_size
        self.mapped_files: list[MappedFile] = []
        self.flushed_where = 0
        self.committed_where = 0
        self.store_timestamp = 0  # of the last thorough flush that succeeded

    def load(self, *, after_crash: bool = False) -> None:
        """Open what the directory holds, every file taken for full until recovery says otherwise.

        STORE-FILES-2: a file of another length refuses the start (`StoreLoadRefused`).
        STORE-FILES-3: an empty last file is the trace of a crash while it was made; it goes,
        unless it is all that tells how far the offsets had come. After a crash an empty file with
        others behind it was never forced: it counts as zeros.
        """
        names = self.disk.list(self.directory)
        for i, name in enumerate(names):
            path = f"{self.directory}/{name}"
            try:
                size = self.disk.size(path)
            except DiskError:
                if self.disk.list(path) or self.disk.exists(path):
                    continue  # a directory is not one of our files
                raise
            is_last = i == len(names) - 1
            if size == 0 and is_last and (self.mapped_files or not name.strip("0")):
                self.disk.unlink(path)
                continue
            if size == 0 and (after_crash or (is_last and name.isdecimal())):
                self.disk.extend(path, self.file_size)
                size = self.file_size
            if size != self.file_size:
                raise StoreLoadRefused(path, size, self.file_size)
            if not name.isdecimal():
                raise StoreLoadRefused(path, size, self.file_size)
            mapped_file = MappedFile(self.disk, path, self.file_size, int(name))
            mapped_file.set_positions(self.file_size)
            self.mapped_files.append(mapped_file)
        if after_crash and self.mapped_files:
            sync_names(self.disk, self.directory)  # the one who made them may have died before

    # --- where things are

    @property
    def min_offset(self) -> int:
        """First offset that exists, or -1 for no file."""
        return self.mapped_files[0].file_from_offset if self.mapped_files else -1

    @property
    def max_offset(self) -> int:
        """First offset that cannot be read yet; 0 for no file."""
        if not self.mapped_files:
            return 0
        last = self.mapped_files[-1]
        return last.file_from_offset + last.read_position

    @property
    def max_wrote_position(self) -> int:
        """First offset that is not written yet; 0 for no file."""
        if not self.mapped_files:
            return 0
        last = self.mapped_files[-1]
        return last.file_from_offset + last.wrote_position

    @property
    def first_mapped_file(self) -> MappedFile | None:
        """The oldest file."""
        return self.mapped_files[0] if self.mapped_files else None

    @property
    def last_mapped_file(self) -> MappedFile | None:
        """The newest file, full or not."""
        return self.mapped_files[-1] if self.mapped_files else None

    def find_mapped_file_by_offset(
        self, offset: int, return_first_on_not_found: bool = False
    ) -> MappedFile | None:
        """Find the file that holds `offset`; STORE-FILES-4: never one that does not.

        With `return_first_on_not_found` an offset outside gets the first file, as a flush that
        begins at 0 wants it.
        """
        files = self.mapped_files
        if not files:
            return None
        first = files[0].file_from_offset
        index = offset // self.file_size - first // self.file_size
        if 0 <= index < len(files):
            found = files[index]
            if 0 <= offset - found.file_from_offset < self.file_size:
                return found
        for candidate in files if first <= offset else ():
            if 0 <= offset - candidate.file_from_offset < self.file_size:
                return candidate
        return files[0] if return_first_on_not_found else None

    def read(self, offset: int, length: int) -> bytes | None:
        """`length` readable bytes at `offset`, all from one file; None where there are not."""
        mapped_file = self.find_mapped_file_by_offset(offset)
        if mapped_file is None:
            return None
        return mapped_file.select(offset - mapped_file.file_from_offset, length)

    def read_from(self, offset: int) -> bytes | None:
        """Every readable byte from `offset` to the end of its file; None for nothing there."""
        mapped_file = self.find_mapped_file_by_offset(offset)
        if mapped_file is None:
            return None
        return mapped_file.select_from(offset - mapped_file.file_from_offset)

    def mapped_file_by_time(self, timestamp: int) -> MappedFile | None:
        """Find the first file modified at or after `timestamp`, else the last."""
        for mapped_file in self.mapped_files:
            if mapped_file.last_modified() >= timestamp:
                return mapped_file
        return self.last_mapped_file

    def is_contiguous(self) -> bool:
        """Tell whether all neighbours meet (MappedFileQueue#checkSelf only logs it)."""
        files = self.mapped_files
        return all(
            right.file_from_offset - left.file_from_offset == self.file_size
            for left, right in pairwise(files)
        )

    # --- growth

    def roll(self, start_offset: int = 0) -> MappedFile:
        """Return the file that takes the next append, a new one where none is or the last is full.

        STORE-FILES-1: the new file's name is its offset; an empty queue begins at the file that
        holds `start_offset`. Raises `DiskError` where the disk refuses.
        """
        last = self.last_mapped_file
        if last is not None and last.wrote_position < self.file_size:
            return last
        if last is None:
            return self.create(start_offset - start_offset % self.file_size)
        return self.create(last.file_from_offset + self.file_size)

    def create(self, file_from_offset: int) -> MappedFile:
        """Make the file at `file_from_offset` and append it to the queue.

        STORE-FILES-5: a file that a refused creation left behind gets its length now.
        """
        path = f"{self.directory}/{offset_to_file_name(file_from_offset)}"
        if not self.disk.exists(path):
            self.disk.create(path, self.file_size)
        elif self.disk.size(path) < self.file_size:  # its creation failed half-way
            self.disk.extend(path, self.file_size)
        if self.mapped_files:
            self.disk.sync_directory(self.directory)
        else:
            sync_names(self.disk, self.directory)
        mapped_file = MappedFile(self.disk, path, self.file_size, file_from_offset)
        mapped_file.first_create_in_queue = not self.mapped_files
        self.mapped_files.append(mapped_file)
        return mapped_file

    def append_message(self, data: bytes, start_offset: int = 0) -> bool:
        """Append to the last file, rolling when it is full; False where `data` does not fit."""
        return self.roll(start_offset).append_message(data)

    # --- durability

    def flush(self, least_pages: int) -> FlushWanted | None:
        """Say what to force now, or None: one file at a time, the one at `flushed_where`.

        STORE-FLUSH-3: a force stops at the end of a file. The caller forces the span, and calls
        `flushed` when, and only when, that succeeded.
        """
        # what retention took before it was flushed is no debt
        where = self.flushed_where = max(self.flushed_where, self.min_offset)
        mapped_file = self.find_mapped_file_by_offset(where, where == 0)
        if mapped_file is None or not mapped_file.is_able_to_flush(least_pages):
            return None
        reached = mapped_file.file_from_offset + mapped_file.read_position
        if reached == where:
            return None
        start = max(where - mapped_file.file_from_offset, 0)
        span = Span(start, max(mapped_file.read_position, mapped_file.blanked_end))
        return FlushWanted(
            mapped_file.path, span, reached, mapped_file.store_timestamp, thorough=least_pages == 0
        )

    def flushed(self, wanted: FlushWanted) -> None:
        """Take note that `wanted` was forced. STORE-FLUSH-1: durability never moves backwards."""
        if wanted.where <= self.flushed_where:
            return
        mapped_file = self.find_mapped_file_by_offset(wanted.where - 1)
        if mapped_file is not None:  # else retention took the file meanwhile
            mapped_file.flushed_position = wanted.where - mapped_file.file_from_offset
            if mapped_file.blanked_end <= wanted.span.end:
                mapped_file.blanked_end = 0
        self.flushed_where = wanted.where
        if wanted.thorough:
            self.store_timestamp = wanted.store_timestamp

    def dirty_again(self, wanted: FlushWanted) -> None:
        """Take note that the force of `wanted` failed: write the file's bytes once more.

        STORE-FLUSH-1: after a failed force the page cache still shows the bytes but may never
        write them; only new writes are sure to be part of the next force. That is so of every
        byte that was there when the force failed, also of those behind `wanted.where`. A disk
        that refuses even this leaves the position where it is.
        """
        mapped_file = self.find_mapped_file_by_offset(wanted.where - 1)
        if mapped_file is None or mapped_file.path != wanted.path:
            return
        start = max(self.flushed_where - mapped_file.file_from_offset, 0)
        length = max(mapped_file.read_position, mapped_file.blanked_end) - start
        try:
            data = self.disk.read(wanted.path, start, length)
            self.disk.write(wanted.path, start, data)
        except DiskError:
            return

    def commit(self, least_pages: int) -> tuple[bool, MappedFile | None]:
        """Move one file's bytes from the pool to the page cache: (nothing moved, finished file).

        The second value is a file whose buffer is copied to the last byte: the caller returns
        the buffer to the pool (MappedFile#commit).
        """
        where = self.committed_where
        mapped_file = self.find_mapped_file_by_offset(where, where == 0)
        if mapped_file is None:
            return True, None
        self.committed_where = mapped_file.file_from_offset + mapped_file.commit(least_pages)
        finished = (
            mapped_file.write_buffer is not None
            and mapped_file.committed_position == self.file_size
        )
        return self.committed_where == where, mapped_file if finished else None

    def has_to_commit(self, least_pages: int) -> bool:
        """Tell whether a commit has bytes to move."""
        where = self.committed_where
        mapped_file = self.find_mapped_file_by_offset(where, where == 0)
        return (
            mapped_file is not None
            and mapped_file.write_buffer is not None
            and mapped_file.wrote_position > mapped_file.committed_position
            and mapped_file.is_able_to_commit(least_pages)
        )

    # --- the ends

    def truncate_dirty_files(self, offset: int) -> None:
        """Let the queue end at `offset`: later files go, the one that holds it is cut there.

        STORE-RECOVERY-6 says what becomes of the bytes behind the cut.
        """
        kept: list[MappedFile] = []
        for mapped_file in self.mapped_files:
            if mapped_file.file_from_offset + self.file_size <= offset:
                kept.append(mapped_file)
            elif offset >= mapped_file.file_from_offset:
                mapped_file.set_positions(offset % self.file_size)
                kept.append(mapped_file)
            else:
                mapped_file.destroy()
        if len(kept) < len(self.mapped_files):
            self.disk.sync_directory(self.directory)  # else they may come back with the power
        self.mapped_files = kept

    def delete_last_mapped_file(self) -> None:
        """Remove the newest file (recovery of an empty consume queue)."""
        if self.mapped_files:
            self.mapped_files.pop().destroy()
            self.disk.sync_directory(self.directory)

    def remove_first(self, count: int) -> None:
        """Forget the `count` oldest files, which the caller destroyed.

        STORE-RETENTION-10: they must not come back with the next power failure, and flushing goes
        on behind them.
        """
        assert 0 <= count <= len(self.mapped_files)
        if count == 0:
            return
        self.disk.sync_directory(self.directory)
        self.mapped_files = self.mapped_files[count:]
        if self.mapped_files:
            self.flushed_where = max(self.flushed_where, self.min_offset)
            self.committed_where = max(self.committed_where, self.min_offset)

    def delete_expired_files_by_time(
        self, expired_time: int, now: int, *, clean_immediately: bool
    ) -> int:
        """Delete from the oldest on while expired; never the last, at most ten at a time.

        `expired_time` is a duration in milliseconds behind the file's last modification. The
        pause between two files (deleteCommitLogFilesInterval) is the caller's: one call may be
        made per file.
        """
        deleted = 0
        for mapped_file in self.mapped_files[:-1]:
            expired = now >= mapped_file.last_modified() + expired_time
            if not (expired or clean_immediately) or not mapped_file.destroy():
                break
            self.disk.sync_directory(self.directory)  # one by one: there is never a gap
            deleted += 1
            if deleted >= DELETE_FILES_BATCH_MAX:
                break
        self.remove_first(deleted)
        return deleted

    def delete_expired_files_by_offset(self, offset: int, unit_size: int) -> int:
        """Delete consume-queue files whose last unit points below `offset`; never the last."""
        deleted = 0
        for mapped_file in self.mapped_files[:-1]:
            last_unit = mapped_file.select(self.file_size - unit_size, unit_size)
            if last_unit is None:
                break
            if int.from_bytes(last_unit[:8], "big", signed=True) >= offset:
                break
            if not mapped_file.destroy():
                break
            self.disk.sync_directory(self.directory)
            deleted += 1
        self.remove_first(deleted)
        return deleted

    def destroy(self) -> None:
        """Remove every file and the directory."""
        for mapped_file in self.mapped_files:
            mapped_file.destroy()
        self.mapped_files = []
        self.flushed_where = 0
        if self.disk.exists(self.directory) and not self.disk.list(self.directory):
            self.disk.remove_directory(self.directory)
