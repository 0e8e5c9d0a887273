"""One index file: a hash table on disk from `topic#key` to physical offsets.

Requirements  STORE-INDEX-1..8 in spec/store/index.md
Java          store/index/IndexFile, IndexHeader (4.6.1, 4.9.7, 5.5.0)

Layout: header of 40 bytes, `hash_slot_num` slots of 4 bytes, `index_num` entries of 20 bytes. A
slot holds the number of the newest entry of its chain; entry 0 is never used, so 0 ends a chain.

Writes are gathered until `sync`: the entries of one batch are one write, the header another. Reads
of this object see them at once; whoever reads the disk sees them after `sync`.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Final

from refimpl.model.disk import Disk
from refimpl.model.java import string_hash

INDEX_HEADER_SIZE: Final = 40
HASH_SLOT_SIZE: Final = 4
INDEX_SIZE: Final = 20
INVALID_INDEX: Final = 0

_HEADER: Final = struct.Struct(">qqqqii")
_ENTRY: Final = struct.Struct(">iqii")
_SLOT: Final = struct.Struct(">i")
_INT_MAX: Final = 0x7FFFFFFF
_SLOTS_REMEMBERED: Final = 65536
_SPARSE: Final = 16  # slots of the table for one that is used


def index_key_hash(key: str) -> int:
    """STORE-INDEX-2: the absolute value of Java's string hash, and 0 for the one without.

    `Math.abs(Integer.MIN_VALUE)` is negative in Java; IndexFile#indexKeyHashMethod makes it 0.
    """
    key_hash = abs(string_hash(key))
    return 0 if key_hash > _INT_MAX else key_hash


class IndexFile:
    """A file at `path`; the header's fields are attributes under their names in IndexHeader."""

    __slots__ = (
        "_dirty_slots",
        "_entries",
        "_entries_from",
        "_header_dirty",
        "_slots",
        "begin_phy_offset",
        "begin_timestamp",
        "disk",
        "end_phy_offset",
        "end_timestamp",
        "hash_slot_count",
        "hash_slot_num",
        "index_count",
        "index_num",
        "path",
        "unforced",
    )

    def __init__(self, disk: Disk, path: str, hash_slot_num: int, index_num: int) -> None:
        assert hash_slot_num > 0
        assert index_num > 0
        self.disk = disk
        self.path = path
        self.hash_slot_num = hash_slot_num
        self.index_num = index_num
        self.begin_timestamp = 0
        self.end_timestamp = 0
        self.begin_phy_offset = 0
        self.end_phy_offset = 0
        self.hash_slot_count = 0
        self.index_count = 1
        self._slots: dict[int, int] = {}  # values known, written or not
        self._dirty_slots: dict[int, int] = {}
        self._entries = bytearray()  # not written yet
        self._entries_from = 0  # number of the first of them
        self._header_dirty = False
        self.unforced = False  # it has changed since it was last durable as a whole

    @classmethod
    def create(
        cls,
        disk: Disk,
        path: str,
        *,
        hash_slot_num: int,
        index_num: int,
        end_phy_offset: int = 0,
        end_timestamp: int = 0,
    ) -> "IndexFile":
        """Make a new file that follows one which ended at `end_phy_offset` and `end_timestamp`.

        STORE-INDEX-5: a first file has zeros there, and zeros are not written.
        """
        index_file = cls(disk, path, hash_slot_num, index_num)
        disk.create(path, index_file.file_total_size)
        index_file.unforced = True
        if end_phy_offset > 0:
            index_file.begin_phy_offset = index_file.end_phy_offset = end_phy_offset
            index_file._header_dirty = True
        if end_timestamp > 0:
            index_file.begin_timestamp = index_file.end_timestamp = end_timestamp
            index_file._header_dirty = True
        return index_file

    @classmethod
    def load(cls, disk: Disk, path: str, *, hash_slot_num: int, index_num: int) -> "IndexFile":
        """Open a file that exists; one that is too short is filled up with zeros, as a map is."""
        index_file = cls(disk, path, hash_slot_num, index_num)
        if disk.size(path) < index_file.file_total_size:
            disk.extend(path, index_file.file_total_size)
        (
            index_file.begin_timestamp,
            index_file.end_timestamp,
            index_file.begin_phy_offset,
            index_file.end_phy_offset,
            index_file.hash_slot_count,
            index_file.index_count,
        ) = _HEADER.unpack(disk.read(path, 0, INDEX_HEADER_SIZE))
        index_file.index_count = max(1, index_file.index_count)
        return index_file

    @property
    def file_total_size(self) -> int:
        """Bytes of the file."""
        return INDEX_HEADER_SIZE + self.hash_slot_num * HASH_SLOT_SIZE + self.index_num * INDEX_SIZE

    @property
    def is_write_full(self) -> bool:
        """True when no entry is left: `index_num - 1` of them are used."""
        return self.index_count >= self.index_num

    def put_key(
        self, key: str, phy_offset: int, store_timestamp: int, *, counts_every_put: bool = False
    ) -> bool:
        """Add an entry for `key`; False, and no change, in a full file.

        STORE-INDEX-3 and STORE-INDEX-4. `counts_every_put` is the release's way with
        `hash_slot_count`: 4.6.1 counts entries there, later releases used slots.
        """
        number = self.index_count
        if number >= self.index_num:
            return False
        key_hash = index_key_hash(key)
        slot = key_hash % self.hash_slot_num
        previous = self._slot_value(slot)
        if previous <= INVALID_INDEX or previous > number:
            previous = INVALID_INDEX
        if not self._entries:
            self._entries_from = number
        self._entries += _ENTRY.pack(
            key_hash, phy_offset, self._seconds_since_begin(store_timestamp), previous
        )
        self._slots[slot] = self._dirty_slots[slot] = number
        if number <= 1:
            self.begin_phy_offset = phy_offset
            self.begin_timestamp = store_timestamp
        if counts_every_put or previous == INVALID_INDEX:
            self.hash_slot_count += 1
        self.index_count = number + 1
        self.end_phy_offset = phy_offset
        self.end_timestamp = store_timestamp
        self._header_dirty = self.unforced = True
        return True

    def sync(self) -> None:
        """Write what is gathered to the disk; raises `DiskError`, and keeps what is not written."""
        if self._entries:
            start = self._entry_position(self._entries_from)
            self.disk.write(self.path, start, bytes(self._entries))
            self._entries.clear()
        for slot, value in list(self._dirty_slots.items()):
            position = INDEX_HEADER_SIZE + slot * HASH_SLOT_SIZE
            self.disk.write(self.path, position, _SLOT.pack(value))
            del self._dirty_slots[slot]
        if self._header_dirty:
            self.disk.write(
                self.path,
                0,
                _HEADER.pack(
                    self.begin_timestamp,
                    self.end_timestamp,
                    self.begin_phy_offset,
                    self.end_phy_offset,
                    self.hash_slot_count,
                    self.index_count,
                ),
            )
            self._header_dirty = False
        if len(self._slots) > _SLOTS_REMEMBERED:
            self._slots.clear()

    def is_whole(self) -> bool:
        """STORE-INDEX-11: tell whether entries and slots agree: no write of the file is missing.

        Every entry leads to the one before it in its slot, each slot to the last of its entries,
        and offsets go from the first to the last of the header without going back.
        """
        count, slot_num = self.index_count, self.hash_slot_num
        data = self.disk.read(self.path, self._entry_position(1), (count - 1) * INDEX_SIZE)
        slots: dict[int, int] = {}
        offset = self.begin_phy_offset
        for number, (key_hash, phy_offset, _, previous) in enumerate(_ENTRY.iter_unpack(data), 1):
            slot = key_hash % slot_num
            if phy_offset < offset or previous != slots.get(slot, INVALID_INDEX):
                return False
            slots[slot] = number
            offset = phy_offset
        return offset == self.end_phy_offset and self._slots_lead_to(slots)

    def _slots_lead_to(self, slots: Mapping[int, int]) -> bool:
        """Tell whether the table has these numbers of entries in these slots."""
        if self.hash_slot_num > _SPARSE * len(slots):  # a read each is less than all of them
            return all(self._slot_value(slot) == number for slot, number in slots.items())
        size = self.hash_slot_num * HASH_SLOT_SIZE
        table = struct.unpack(
            f">{self.hash_slot_num}i", self.disk.read(self.path, INDEX_HEADER_SIZE, size)
        )
        return all(table[slot] == number for slot, number in slots.items())

    def is_time_matched(self, begin: int, end: int) -> bool:
        """STORE-INDEX-6: the window [begin, end] and the file's time have something in common.

        The edges differ: a window around the file must be strictly wider on both sides or meet
        one of its ends. Times in milliseconds.
        """
        first, last = self.begin_timestamp, self.end_timestamp
        return (begin < first and end > last) or first <= begin <= last or first <= end <= last

    def select_phy_offset(
        self,
        phy_offsets: list[int],
        key: str,
        *,
        max_num: int,
        begin: int,
        end: int,
        store_time: Callable[[int], int],
    ) -> None:
        """Append to `phy_offsets`, up to `max_num` in all, what is indexed under `key` in time.

        STORE-INDEX-7: newest first, and what has the same hash comes with it.
        STORE-INDEX-8: an entry tells its time in whole seconds, rounded down; where that alone
        would hide a message of the window, `store_time(phy_offset)` tells its milliseconds.
        """
        self.sync()
        key_hash = index_key_hash(key)
        number = self._slot_value(key_hash % self.hash_slot_num)
        if number <= INVALID_INDEX or number > self.index_count or self.index_count <= 1:
            return
        while len(phy_offsets) < max_num:
            read_hash, phy_offset, seconds, previous = _ENTRY.unpack(
                self.disk.read(self.path, self._entry_position(number), INDEX_SIZE)
            )
            if seconds < 0:
                return
            time_read = self.begin_timestamp + seconds * 1000
            if read_hash == key_hash:
                matched = begin <= time_read <= end
                if not matched and number == 1:  # timed by the end of the file before
                    matched = begin <= self.begin_timestamp <= end
                elif not matched and time_read < begin <= time_read + 999:
                    matched = begin <= store_time(phy_offset) <= end
                if matched:
                    phy_offsets.append(phy_offset)
            if previous <= INVALID_INDEX or previous > self.index_count or previous == number:
                return
            if time_read + 999 < begin:
                return
            number = previous

    def entries(self) -> tuple[tuple[int, int, int, int], ...]:
        """Every entry as (key hash, physical offset, seconds, previous), in order of writing."""
        self.sync()
        count = self.index_count - 1
        raw = self.disk.read(self.path, self._entry_position(1), count * INDEX_SIZE)
        return tuple(_ENTRY.iter_unpack(raw))

    def _seconds_since_begin(self, store_timestamp: int) -> int:
        """STORE-INDEX-4: whole seconds, between 0 and the largest int."""
        if self.begin_timestamp <= 0:
            return 0
        return min(max(0, (store_timestamp - self.begin_timestamp) // 1000), _INT_MAX)

    def _slot_value(self, slot: int) -> int:
        value = self._slots.get(slot)
        if value is None:
            raw = self.disk.read(
                self.path, INDEX_HEADER_SIZE + slot * HASH_SLOT_SIZE, HASH_SLOT_SIZE
            )
            (value,) = _SLOT.unpack(raw)
            self._slots[slot] = value
        return int(value)

    def _entry_position(self, number: int) -> int:
        return INDEX_HEADER_SIZE + self.hash_slot_num * HASH_SLOT_SIZE + number * INDEX_SIZE
