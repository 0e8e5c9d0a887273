"""One consume queue: for each message of a queue, where it lies in the commit log.

Requirements  STORE-CQ-1..12, -19, -20 in spec/store/consume_queue.md
Java          store/ConsumeQueue (4.6.1, 4.9.7, 5.5.0)

A unit has 20 bytes: physical offset (i64), size (i32), tags code (i64). The unit of queue offset n
lies at byte 20 n of a queue of files, so *logic* offsets count bytes and queue offsets count units.

Units that are put one after the other are gathered and written by `sync` in one write. Everything
that reads calls `sync` first: what is visible never depends on when a write happens.
"""

import struct
from contextlib import suppress
from typing import Final

from refimpl.model.disk import Disk, DiskError
from refimpl.model.message_codec import check_record, record_size
from refimpl.model.release import Release
from refimpl.store.commit_log_view import CommitLogView
from refimpl.store.mapped_file import MappedFile
from refimpl.store.mapped_file_queue import MappedFileQueue

CQ_STORE_UNIT_SIZE: Final = 20
UNIT: Final = struct.Struct(">qiq")
PRE_BLANK_SIZE: Final = 0x7FFFFFFF
PRE_BLANK: Final = UNIT.pack(0, PRE_BLANK_SIZE, 0)  # STORE-CQ-4: fills a first file to its start
_SIZE_AND_QUEUE_OFFSET: Final = struct.Struct(">i16xq")  # of a record of the log
_HEAD: Final = _SIZE_AND_QUEUE_OFFSET.size
_CHUNK: Final = 3200 * CQ_STORE_UNIT_SIZE
_ZEROS: Final = bytes(_CHUNK)
SMALLEST_RECORD: Final = record_size(0, 0, 1, 0)
RECOVERED_FILES: Final = 3  # recovery reads the last three files, as it does with the log


class ConsumeQueue:
    """The units of one queue of one topic, in `directory`/TOPIC/QUEUE of `disk`."""

    __slots__ = (
        "_end",
        "_log",
        "_pending",
        "_release",
        "_room",
        "mapped_file_queue",
        "mapped_file_size",
        "max_physic_offset",
        "min_logic_offset",
        "queue_id",
        "topic",
    )

    def __init__(
        self,
        disk: Disk,
        directory: str,
        topic: str,
        queue_id: int,
        *,
        mapped_file_size: int,
        log: CommitLogView,
        release: Release,
    ) -> None:
        assert mapped_file_size % CQ_STORE_UNIT_SIZE == 0
        self.topic = topic
        self.queue_id = queue_id
        self.mapped_file_size = mapped_file_size
        self.mapped_file_queue = MappedFileQueue(
            disk, f"{directory}/{topic}/{queue_id}", mapped_file_size
        )
        self.max_physic_offset = -1  # end of the newest record that has a unit here
        self.min_logic_offset = 0
        self._log = log
        self._release = release
        self._pending = bytearray()  # units behind the last file's wrote position
        self._room = 0  # bytes left in the last file, behind what is pending
        self._end = 0  # logic offset behind the last unit, pending ones counted

    # --- opening

    def load(self, *, after_crash: bool = False) -> None:
        """Open the files; raises `StoreLoadRefused`."""
        self.mapped_file_queue.load(after_crash=after_crash)
        self._measure()

    def recover(self) -> None:
        """STORE-CQ-8: keep what the last three files hold up to the first empty unit."""
        files = self.mapped_file_queue.mapped_files
        if not files:
            return
        index = max(0, len(files) - RECOVERED_FILES)
        while True:
            mapped_file = files[index]
            valid = self._valid_bytes(mapped_file)
            if valid < self.mapped_file_size or index == len(files) - 1:
                break
            index += 1
        process_offset = mapped_file.file_from_offset + valid
        self.mapped_file_queue.flushed_where = process_offset
        self.mapped_file_queue.committed_where = process_offset
        self.mapped_file_queue.truncate_dirty_files(process_offset)
        self._measure()
        self._blank_tail()

    def truncate_dirty_logic_files(self, physical_offset: int) -> None:
        """STORE-CQ-9: drop the units that point at or behind `physical_offset`, from the end.

        The first unit of a file decides whether the file goes; an empty file goes as well.
        """
        self.sync()
        self.max_physic_offset = physical_offset
        queue = self.mapped_file_queue
        while (mapped_file := queue.last_mapped_file) is not None:
            kept = self._valid_bytes(mapped_file, physical_offset)
            if kept:
                mapped_file.set_positions(kept)
                break
            queue.delete_last_mapped_file()
        end = queue.max_offset
        queue.flushed_where = min(queue.flushed_where, end)
        queue.committed_where = min(queue.committed_where, end)
        self._measure()
        self._blank_tail()

    def forget_from(self, physical_offset: int, first_queue_offset: int | None) -> None:
        """STORE-RECOVERY-10: after a crash, drop what will be dispatched again from there on.

        A torn unit may point below it: units at the end that name no record of theirs go as well,
        and those that stand where the first record to come belongs; but not the unit of a record
        that is there, for it is not dispatched again: a torn head names any queue offset. What was
        cut off is durable until its file was forced without it, and what a killed process wrote
        may not be: every file counts as not flushed.
        """
        self.truncate_dirty_logic_files(physical_offset)
        if first_queue_offset is not None:
            first = first_queue_offset * CQ_STORE_UNIT_SIZE
            while self._end > first and not self._is_unit_of_its_record():
                self._drop_last()
        while self._end > 0 and not self._names_its_record():
            self._drop_last()
        while self._end > self._sound_end():
            self._drop_last()
        self._blank_tail()
        self.max_physic_offset = self.last_offset()
        queue = self.mapped_file_queue
        # files of what retention took may have lost their units, and nobody needs them
        queue.delete_expired_files_by_offset(self._log.min_offset(), CQ_STORE_UNIT_SIZE)
        queue.flushed_where = max(queue.min_offset, 0)
        for mapped_file in queue.mapped_files:
            mapped_file.flushed_position = 0

    def _sound_end(self) -> int:
        """Logic offset before the first unit of the last file that points back, else the end.

        Only where no record of the log is behind it: nobody can ask the log then, and nothing is
        lost but units of what retention took.
        """
        last = self.mapped_file_queue.last_mapped_file
        if last is None:
            return self._end
        data = last.disk.read(last.path, 0, last.wrote_position)
        before, cut, min_offset = -1, self._end, self._log.min_offset()
        for i, unit in enumerate(UNIT.iter_unpack(data)):
            at = _position(unit)
            if at >= min_offset:
                cut = self._end
            elif -1 < at <= before and cut == self._end:
                cut = last.file_from_offset + i * CQ_STORE_UNIT_SIZE
            before = max(before, at)
        return cut

    def _drop_last(self) -> None:
        queue = self.mapped_file_queue
        last = queue.last_mapped_file
        assert last is not None
        last.set_positions(last.wrote_position - CQ_STORE_UNIT_SIZE)
        if last.wrote_position == 0:
            queue.delete_last_mapped_file()
        self._measure()

    def _names_its_record(self) -> bool:
        """True where the last unit is sound: its record is there, or may have been taken."""
        unit = self._unit_at(self._end - CQ_STORE_UNIT_SIZE)
        if unit is None or _position(unit) == -1:
            return True
        offset, size, _ = unit
        if offset < self._log.min_offset():
            before = self._unit_at(self._end - 2 * CQ_STORE_UNIT_SIZE)
            return size <= self._log.file_size and (before is None or _position(before) < offset)
        record = self._log.get_message(offset, size)
        if record is None or len(record) < _HEAD:
            return False
        named: tuple[int, int] = _SIZE_AND_QUEUE_OFFSET.unpack_from(record)
        return named == (size, self._end // CQ_STORE_UNIT_SIZE - 1)

    def _is_unit_of_its_record(self) -> bool:
        """True where the log has the record of the last unit, and that names this very place."""
        unit = self._unit_at(self._end - CQ_STORE_UNIT_SIZE)
        if unit is None or _position(unit) < self._log.min_offset():
            return False
        offset, size, _ = unit
        record = self._log.get_message(offset, size)
        if record is None or len(record) < _HEAD:
            return False
        found = check_record(record, 0, release=self._release, check_crc=False)
        place = self.topic, self.queue_id, self._end // CQ_STORE_UNIT_SIZE - 1
        return found.success and place == (found.topic, found.queue_id, found.consume_queue_offset)

    def correct_min_offset(self, min_physical_offset: int) -> None:
        """STORE-CQ-5: let the queue begin at the first unit whose record is still there.

        [Modified in 5.5]: a queue of which nothing is left begins at its end; before, its
        beginning stays where it was. STORE-CQ-6: pre-blank units are not units.
        """
        self.sync_or_wait()
        queue = self.mapped_file_queue
        first = queue.first_mapped_file
        if first is None:
            return
        if self._release.expired_queue_begins_at_its_end:
            start = self.min_logic_offset
            last = self._unit_at(self._end - CQ_STORE_UNIT_SIZE)
            if last is None or start >= self._end:
                return
            if last[0] < min_physical_offset:
                self.min_logic_offset = self._end
                return
            if start >= first.file_from_offset:
                known = self._unit_at(start)
                if known is None or _position(known) >= min_physical_offset:
                    return  # still valid: what lies before it was already given up
        low, high = 0, first.read_position // CQ_STORE_UNIT_SIZE
        while low < high:
            middle = (low + high) // 2
            found = _behind_blanks(first, middle)
            if found is None or found[1] >= min_physical_offset:
                high = middle
            else:
                low = found[0] + 1
        found = _behind_blanks(first, low)
        low = low if found is None else found[0]
        if found is not None:
            self.min_logic_offset = first.file_from_offset + low * CQ_STORE_UNIT_SIZE

    # --- growth

    def put_message_position_info(
        self, physical_offset: int, size: int, tags_code: int, queue_offset: int
    ) -> None:
        """STORE-CQ-2: append the unit of a record; what was dispatched before is left alone.

        STORE-CQ-3: known by its end (`max_physic_offset`) or by its queue offset. Raises
        `DiskError` where a file cannot be made; then nothing has changed.
        """
        end = physical_offset + size
        if end <= self.max_physic_offset:
            return
        expected = queue_offset * CQ_STORE_UNIT_SIZE
        if not is_possible(queue_offset, physical_offset, self._log.file_size):
            expected = self._end
        if self._room == 0:
            self._roll(expected)
        if queue_offset != 0 and expected != self._end:
            if expected < self._end:
                return
            self._fill_gap(expected)
        self._pending += UNIT.pack(physical_offset, size, tags_code)
        self._room -= CQ_STORE_UNIT_SIZE
        self._end += CQ_STORE_UNIT_SIZE
        self.max_physic_offset = end

    def _fill_gap(self, expected: int) -> None:
        """STORE-CQ-19: let pre-blank units stand where units are gone for ever.

        The last unit is written by the caller, so that there is room for it.
        """
        while self._end < expected:
            units = min(expected - self._end, self._room) // CQ_STORE_UNIT_SIZE
            self._pending += PRE_BLANK * units
            self._room -= units * CQ_STORE_UNIT_SIZE
            self._end += units * CQ_STORE_UNIT_SIZE
            if self._room == 0:
                self._roll(self._end)

    def sync(self) -> None:
        """Write what is gathered; raises `DiskError`, and keeps it, where the disk refuses."""
        if self._pending:
            last = self.mapped_file_queue.last_mapped_file
            assert last is not None, "pending units belong to the last file"
            written = last.append_message(bytes(self._pending))
            assert written, "pending units fit, for _room was counted"
            self._pending.clear()

    def sync_or_wait(self) -> None:
        """STORE-CQ-15: what the disk refuses stays gathered, and is not there for readers."""
        if self._pending:
            with suppress(DiskError):
                self.sync()

    @property
    def gathered(self) -> bytes:
        """Units that `sync` will write."""
        return bytes(self._pending)

    # --- where things are

    @property
    def min_offset_in_queue(self) -> int:
        """Queue offset of the first message."""
        return self.min_logic_offset // CQ_STORE_UNIT_SIZE

    @property
    def max_offset_in_queue(self) -> int:
        """Queue offset that the next message gets."""
        return self._end // CQ_STORE_UNIT_SIZE

    @property
    def message_total_in_queue(self) -> int:
        """How many messages the queue has."""
        return self.max_offset_in_queue - self.min_offset_in_queue

    def last_offset(self) -> int:
        """End of the record that the last unit points to; -1 for no unit (getLastOffset).

        STORE-CQ-6: and for a pre-blank one, whose size would be the end of everything.
        """
        unit = self._unit_at(self._end - CQ_STORE_UNIT_SIZE)
        if unit is None or _position(unit) < 0 or unit[1] <= 0:
            return -1
        return unit[0] + unit[1]

    def index_buffer(self, queue_offset: int, limit: int | None = None) -> bytes | None:
        """Units from `queue_offset` to the end of their file, at most `limit` bytes of them.

        STORE-CQ-7: None below the minimum, at or behind the end, and where a file is missing.
        """
        offset = queue_offset * CQ_STORE_UNIT_SIZE
        if offset < self.min_logic_offset:
            return None
        self.sync_or_wait()
        mapped_file = self.mapped_file_queue.find_mapped_file_by_offset(offset)
        if mapped_file is None:
            return None
        position = offset - mapped_file.file_from_offset
        length = mapped_file.read_position - position
        if length <= 0:
            return None
        if limit is not None and length > limit:
            length = limit
        return mapped_file.disk.read(mapped_file.path, position, length)

    def get(self, queue_offset: int) -> tuple[int, int, int] | None:
        """One unit as (physical offset, size, tags code)."""
        raw = self.index_buffer(queue_offset, CQ_STORE_UNIT_SIZE)
        return None if raw is None else UNIT.unpack(raw)

    def store_time(self, queue_offset: int) -> int:
        """Store timestamp of the message at `queue_offset`; -1 where there is none."""
        unit = self.get(queue_offset)
        return -1 if unit is None else self._log.pickup_store_timestamp(unit[0], unit[1])

    def roll_next_file(self, queue_offset: int) -> int:
        """Queue offset of the first unit of the next file."""
        units = self.mapped_file_size // CQ_STORE_UNIT_SIZE
        return queue_offset + units - queue_offset % units

    # --- the ends

    def delete_expired_file(self, min_physical_offset: int) -> int:
        """STORE-RETENTION-5: remove the files of which no record is left, never the last."""
        self.sync_or_wait()
        deleted = self.mapped_file_queue.delete_expired_files_by_offset(
            min_physical_offset, CQ_STORE_UNIT_SIZE
        )
        self.correct_min_offset(min_physical_offset)
        return deleted

    def destroy(self) -> None:
        """Remove every file and begin again at zero."""
        self._pending.clear()
        self.max_physic_offset = -1
        self.min_logic_offset = 0
        self.mapped_file_queue.destroy()
        self._measure()

    def _roll(self, expect_logic_offset: int) -> None:
        """Make room for a unit: the file that is there, the next one, or the first one.

        STORE-CQ-4: a first file of a queue that begins above zero is filled with pre-blank units
        up to there, and the queue begins there.
        """
        self.sync()
        queue = self.mapped_file_queue
        mapped_file = queue.roll(expect_logic_offset)
        if (
            mapped_file.first_create_in_queue
            and expect_logic_offset != 0
            and mapped_file.wrote_position == 0
        ):
            self.min_logic_offset = expect_logic_offset
            blank = expect_logic_offset % self.mapped_file_size // CQ_STORE_UNIT_SIZE
            # the fill is forced too: recovery ends the queue where it finds none
            begin = expect_logic_offset - blank * CQ_STORE_UNIT_SIZE
            queue.flushed_where = begin
            queue.committed_where = begin
            self._measure()
            self._pending += PRE_BLANK * blank
            self._room -= len(self._pending)
            self._end += len(self._pending)
        else:
            self._measure()

    def _measure(self) -> None:
        """Set the counters from the files; nothing may be pending."""
        assert not self._pending
        last = self.mapped_file_queue.last_mapped_file
        self._end = self.mapped_file_queue.max_offset
        self._room = 0 if last is None else self.mapped_file_size - last.wrote_position

    def _unit_at(self, logic_offset: int) -> tuple[int, int, int] | None:
        if logic_offset < 0:
            return None
        self.sync_or_wait()
        raw = self.mapped_file_queue.read(logic_offset, CQ_STORE_UNIT_SIZE)
        return None if raw is None else UNIT.unpack(raw)

    def _valid_bytes(self, mapped_file: MappedFile, end: int | None = None) -> int:
        """Bytes of units at the beginning of a file that point below `end`.

        Notes where the record of the last of them ends. STORE-CQ-6: a pre-blank unit is kept,
        and says nothing about the log.
        """
        valid = 0
        while valid < self.mapped_file_size:
            data = mapped_file.disk.read(mapped_file.path, valid, _CHUNK)
            for offset, size, _ in UNIT.iter_unpack(data):
                if offset < 0 or size <= 0 or (end is not None and offset >= end):
                    return valid
                valid += CQ_STORE_UNIT_SIZE
                if offset != 0 or size != PRE_BLANK_SIZE:
                    self.max_physic_offset = offset + size
        return valid

    def _blank_tail(self) -> None:
        """STORE-CQ-10: zero the units behind the end, so that no later recovery finds them."""
        last = self.mapped_file_queue.last_mapped_file
        if last is None:
            return
        position = last.wrote_position
        while position < self.mapped_file_size:
            length = min(_CHUNK, self.mapped_file_size - position)
            if last.disk.read(last.path, position, length) != _ZEROS[:length]:
                last.write_at(position, _ZEROS[:length])
            position += length


def is_possible(queue_offset: int, physical_offset: int, file_size: int) -> bool:
    """STORE-CQ-20: false where so many records cannot have been in the log before this one."""
    return 0 <= queue_offset * SMALLEST_RECORD <= physical_offset + file_size


def _behind_blanks(mapped_file: MappedFile, number: int) -> tuple[int, int] | None:
    """Number and physical offset of the first unit from `number` on that is no pre-blank one.

    STORE-CQ-19: pre-blank units also stand between others, and say nothing of those before them.
    """
    for at in range(number * CQ_STORE_UNIT_SIZE, mapped_file.read_position, CQ_STORE_UNIT_SIZE):
        unit = UNIT.unpack(mapped_file.disk.read(mapped_file.path, at, CQ_STORE_UNIT_SIZE))
        if _position(unit) >= 0:
            return at // CQ_STORE_UNIT_SIZE, unit[0]
    return None


def _position(unit: tuple[int, int, int]) -> int:
    """Physical offset of a unit; -1, below every record, for a pre-blank one (STORE-CQ-6)."""
    return -1 if unit[0] == 0 and unit[1] == PRE_BLANK_SIZE else unit[0]
