"""One file of fixed size inside a queue of files: positions written, committed and flushed.

Requirements  STORE-FILES-1..9 in spec/store/files.md
Java          store/MappedFile (4.6.1, 4.9.7), store/logfile/DefaultMappedFile (5.5.0)

Bytes live on the disk port, or in a buffer of the transient store pool until they are committed.
A reader sees what is committed. Java counts references to a mapping so that a file is not unmapped
under a reader; reads here are copies, so that family of faults cannot exist.
"""

from typing import Final

from refimpl.model.disk import Disk, DiskError

OS_PAGE_SIZE: Final = 4096
FILE_NAME_DIGITS: Final = 20


def offset_to_file_name(offset: int) -> str:
    """Name of the file that begins at `offset`: twenty digits (UtilAll#offset2FileName)."""
    return f"{offset:0{FILE_NAME_DIGITS}d}"


class MappedFile:
    """A file of `file_size` bytes whose first byte is at `file_from_offset` of its queue.

    The three positions only grow, but for truncation at recovery:
    `flushed_position` <= read position <= `wrote_position` <= `file_size`.
    """

    __slots__ = (
        "blanked_end",
        "committed_position",
        "disk",
        "file_from_offset",
        "file_size",
        "first_create_in_queue",
        "flushed_position",
        "path",
        "start_timestamp",
        "stop_timestamp",
        "store_timestamp",
        "write_buffer",
        "wrote_position",
    )

    def __init__(self, disk: Disk, path: str, file_size: int, file_from_offset: int) -> None:
        self.disk = disk
        self.path = path
        self.file_size = file_size
        self.file_from_offset = file_from_offset
        self.wrote_position = 0
        self.committed_position = 0
        self.flushed_position = 0
        self.blanked_end = 0  # end of what `write_at` wrote since the last force
        self.store_timestamp = 0  # store time of the last message appended in this life
        self.start_timestamp = -1  # remembered by the consume queue's search by time (5.5.0)
        self.stop_timestamp = -1
        self.first_create_in_queue = False
        self.write_buffer: bytearray | None = None  # borrowed from the transient store pool

    @property
    def read_position(self) -> int:
        """Bytes that a reader may see: the committed ones where a buffer stands between."""
        return self.wrote_position if self.write_buffer is None else self.committed_position

    @property
    def is_full(self) -> bool:
        """True when no byte is left; the next append goes to the next file."""
        return self.wrote_position == self.file_size

    def append_message(self, data: bytes) -> bool:
        """Write `data` behind the last byte; False, and no change, where it does not fit.

        STORE-FILES-5: a write that the disk refuses raises `DiskError` and moves no position.
        """
        position = self.wrote_position
        end = position + len(data)
        if end > self.file_size:
            return False
        buffer = self.write_buffer
        if buffer is None:
            self.disk.write(self.path, position, data)
        else:
            buffer[position:end] = data
        self.wrote_position = end
        return True

    def write_at(self, position: int, data: bytes) -> None:
        """Write without moving any position (DefaultMappedFile#writeBytesSegment, blank fill)."""
        assert position + len(data) <= self.file_size
        if self.write_buffer is None:
            self.disk.write(self.path, position, data)
            self.blanked_end = max(self.blanked_end, position + len(data))
        else:
            self.write_buffer[position : position + len(data)] = data

    def select(self, position: int, length: int) -> bytes | None:
        """`length` bytes at `position`, or None where they are not all readable yet."""
        if position < 0 or length < 0 or position + length > self.read_position:
            return None
        data = self.disk.read(self.path, position, length)
        return data if len(data) == length else None

    def select_from(self, position: int) -> bytes | None:
        """Every readable byte from `position`; None at or behind the end (selectMappedBuffer)."""
        end = self.read_position
        if not 0 <= position < end:
            return None
        return self.disk.read(self.path, position, end - position)

    def is_able_to_flush(self, least_pages: int) -> bool:
        """STORE-FLUSH-6: a full file always; else enough dirty pages, or any byte for zero."""
        if self.is_full:
            return True
        write, flush = self.read_position, self.flushed_position
        if least_pages > 0:
            return write // OS_PAGE_SIZE - flush // OS_PAGE_SIZE >= least_pages
        return write > flush

    def is_able_to_commit(self, least_pages: int) -> bool:
        """Decide the same for the step from the pool's buffer to the page cache."""
        if self.is_full:
            return True
        write, commit = self.wrote_position, self.committed_position
        if least_pages > 0:
            return write // OS_PAGE_SIZE - commit // OS_PAGE_SIZE >= least_pages
        return write > commit

    def commit(self, least_pages: int) -> int:
        """Copy what the pool's buffer holds to the page cache; the position reached.

        Without a buffer the wrote position counts as committed. A disk that refuses leaves the
        position where it was.
        """
        buffer = self.write_buffer
        if buffer is None:
            return self.wrote_position
        if self.is_able_to_commit(least_pages) and self.wrote_position > self.committed_position:
            try:
                pending = bytes(buffer[self.committed_position : self.wrote_position])
                self.disk.write(self.path, self.committed_position, pending)
            except DiskError:
                return self.committed_position  # the next commit tries again
            self.committed_position = self.wrote_position
        return self.committed_position

    def set_positions(self, position: int) -> None:
        """Declare that `position` bytes are written, committed and flushed (load, truncation)."""
        assert 0 <= position <= self.file_size
        self.wrote_position = position
        self.committed_position = position
        self.flushed_position = position

    def last_modified(self) -> int:
        """Milliseconds since the epoch, as the disk tells; 0 for a file that is gone."""
        try:
            return self.disk.modified(self.path)
        except DiskError:
            return 0

    def destroy(self) -> bool:
        """Remove the file; False where the disk refuses."""
        try:
            self.disk.unlink(self.path)
        except DiskError:
            return not self.disk.exists(self.path)
        return True
