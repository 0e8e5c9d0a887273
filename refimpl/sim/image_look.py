"""What the world sees of a log when the power is gone: no store runs, and no recovery is asked.

The page cache of the moment (`before`) says what was written; the disk that the next start finds
(`after`) has it, or has something else. Told to a trace, which recovery is then held against.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from refimpl.model.ids import PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.message_codec import check_record
from refimpl.model.release import Release
from refimpl.model.sys_flag import TRANSACTION_COMMIT_TYPE, TRANSACTION_ROLLBACK_TYPE
from refimpl.model.trace import Unheard
from refimpl.sim.stopping_disk import LabDisk
from refimpl.store.mapped_file import offset_to_file_name

_FOLDER: Final = "commitlog"


class Entry(NamedTuple):
    """A record, or the blank that ends its file."""

    offset: int
    end: int
    record: Unheard | None


class LogOf:
    """The files of one log on one disk, as bytes."""

    def __init__(self, disk: LabDisk, file_size: int, release: Release) -> None:
        self._disk = disk
        self.file_size = file_size
        self._release = release
        self._files: dict[int, bytes] = {}  # by the offset where a file begins

    def file(self, begin: int) -> bytes:
        """Read a file; one that is missing has no bytes."""
        if begin not in self._files:
            path, disk = f"{_FOLDER}/{offset_to_file_name(begin)}", self._disk
            there = disk.exists(path)
            self._files[begin] = disk.read(path, 0, disk.size(path)) if there else b""
        return self._files[begin]

    def rest(self, offset: int) -> bytes:
        """Read from `offset` to the end of its file."""
        position = offset % self.file_size
        return self.file(offset - position)[position:]

    def entry(self, offset: int) -> Entry | None:
        """Read what begins at `offset`; None for what is no record (STORE-RECOVERY-2)."""
        position = offset % self.file_size
        begin = offset - position
        found = check_record(self.file(begin), position, release=self._release)
        if not found.success:
            return None
        if not found.msg_size:
            return Entry(offset, begin + self.file_size, None)
        if found.commit_log_offset != offset or "\0" in found.topic:
            return None
        type_ = found.sys_flag & TRANSACTION_ROLLBACK_TYPE
        record = Unheard(
            PhysicalOffset(offset),
            found.msg_size,
            Topic(found.topic),
            QueueId(found.queue_id),
            QueueOffset(found.consume_queue_offset),
            type_ in {0, TRANSACTION_COMMIT_TYPE},
        )
        return Entry(offset, offset + found.msg_size, record)

    def entries(self, offset: int) -> Iterator[Entry]:
        """Read on from the place where an entry begins, to the first that is none."""
        while (entry := self.entry(offset)) is not None:
            yield entry
            offset = entry.end


def survived(before: LogOf, after: LogOf, start: int) -> tuple[PhysicalOffset, bool]:
    """Tell how far the log has what was written, from `start` on, and whether more is in the file.

    An entry is there where the image has one of the same size and place: sound, as far as a record
    can show it. Its properties have no checksum.
    """
    end = start
    for entry in before.entries(start):
        there = after.entry(entry.offset)
        if there is None or there.end != entry.end:
            break
        end = entry.end
    return PhysicalOffset(end), any(after.rest(end))


def torn(before: LogOf, after: LogOf, start: int, end: int) -> bool:
    """Tell whether a record from `start` to `end` has come back with other bytes.

    It is sound, so they belong to what no checksum covers: properties, among others.
    """
    for entry in before.entries(start):
        if entry.end > end:
            break
        if entry.record is not None:
            size = entry.end - entry.offset
            if before.rest(entry.offset)[:size] != after.rest(entry.offset)[:size]:
                return True
    return False


def unheard(before: LogOf, heard: int) -> list[Unheard]:
    """Every whole record of the page cache behind `heard`."""
    return [entry.record for entry in before.entries(heard) if entry.record is not None]
