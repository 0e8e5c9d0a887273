"""One consume queue as Apache recovers it, in its own steps and with its own mistakes.

Java: store/ConsumeQueue#recover, #truncateDirtyLogicFiles, #putMessagePositionInfo (4.6.1, 4.9.7,
5.5.0 do the same here). It says what Apache must serve of an image, so that no difference is
explained by "the image was torn".
"""

from collections.abc import Mapping
from typing import NamedTuple

from refimpl.store.consume_queue import CQ_STORE_UNIT_SIZE, PRE_BLANK, UNIT

_READ_BY_RECOVERY = 3  # files


class Unit(NamedTuple):
    """Twenty bytes of a queue."""

    offset: int
    size: int
    tags_code: int


class ApacheQueue:
    """The files of one queue: bytes by first byte, and how far the last one is written."""

    __slots__ = ("_files", "_first_made", "_size", "_wrote", "filled_to", "max_physic_offset")

    def __init__(self, files: Mapping[int, bytes], size: int) -> None:
        self._files = {start: bytearray(data) for start, data in sorted(files.items())}
        self._size = size
        self._wrote = size if files else 0
        self._first_made = False
        self.filled_to: int | None = None  # queue offset of the first unit behind fill
        self.max_physic_offset = -1

    @property
    def end(self) -> int:
        """The next queue offset."""
        return (max(self._files) + self._wrote) // CQ_STORE_UNIT_SIZE if self._files else 0

    def unit(self, number: int) -> Unit | None:
        """What a reader finds at queue offset `number`, in the file that begins at or before it."""
        place = number * CQ_STORE_UNIT_SIZE
        start = place - place % self._size
        if number >= self.end or start not in self._files:
            return None
        return self._at(start, place % self._size)

    def _at(self, start: int, position: int) -> Unit:
        return Unit._make(UNIT.unpack_from(self._files[start], position))

    def recover(self) -> None:
        """Find the end in the last three files: the first unit that cannot be one."""
        starts = list(self._files)[-_READ_BY_RECOVERY:]
        end = 0
        for start in starts:
            end = start
            for position in range(0, self._size, CQ_STORE_UNIT_SIZE):
                unit = self._at(start, position)
                if unit.offset < 0 or unit.size <= 0:
                    break
                end = start + position + CQ_STORE_UNIT_SIZE
                self.max_physic_offset = unit.offset + unit.size
            if end != start + self._size:
                break
        if starts:
            self._end_at(end)

    def _end_at(self, end: int) -> None:
        for start in list(self._files):
            if start > end:
                del self._files[start]
            elif start + self._size > end:
                self._wrote = end - start

    def truncate_to(self, log_end: int) -> None:
        """Drop units that point behind the log; the first of a file is judged by its offset."""
        self.max_physic_offset = log_end
        while self._files:
            start = max(self._files)
            for position in range(0, self._size, CQ_STORE_UNIT_SIZE):
                unit = self._at(start, position)
                if position == 0 and unit.offset >= log_end:
                    del self._files[start]
                    self._wrote = self._size
                    break
                if position and (unit.offset < 0 or unit.size <= 0 or unit.offset >= log_end):
                    return
                self._wrote = position + CQ_STORE_UNIT_SIZE
                self.max_physic_offset = unit.offset + unit.size
            else:
                return

    def dispatch(self, unit: Unit, number: int) -> None:
        """Append the unit of a record with queue offset `number`, or take it for dispatched."""
        if unit.offset + unit.size <= self.max_physic_offset:
            return
        place = number * CQ_STORE_UNIT_SIZE
        self._make_room(place)
        if number and place < max(self._files) + self._wrote:
            return
        start = max(self._files)
        self._files[start][self._wrote : self._wrote + CQ_STORE_UNIT_SIZE] = UNIT.pack(*unit)
        self._wrote += CQ_STORE_UNIT_SIZE
        self.max_physic_offset = unit.offset + unit.size

    def _make_room(self, place: int) -> None:
        """A file for the next unit; the first one that is made is filled up to its place."""
        if not self._files:
            self._files[place - place % self._size] = bytearray(self._size)
            self._wrote = 0
            self._first_made = True
        elif self._wrote == self._size:
            self._files[max(self._files) + self._size] = bytearray(self._size)
            self._wrote = 0
        if self._first_made and len(self._files) == 1 and place and not self._wrote:
            self._wrote = place % self._size
            self.filled_to = place // CQ_STORE_UNIT_SIZE
            count = self._wrote // CQ_STORE_UNIT_SIZE
            self._files[max(self._files)][: self._wrote] = PRE_BLANK * count
