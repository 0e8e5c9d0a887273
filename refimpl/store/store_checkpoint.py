"""The checkpoint: up to which store time the log, the queues and the index were flushed.

Requirements  STORE-RECOVERY-3, STORE-FILES-6 in spec/store
Java          store/StoreCheckpoint

One page of big-endian numbers, written whole. Readers of `logics_msg_timestamp` may trust it only
because it is moved after every consume queue was forced: what is dispatched and not forced yet is
kept in `tmp_logics_msg_timestamp`.
"""

import struct
from typing import Final

from refimpl.model.disk import Disk
from refimpl.model.release import Release
from refimpl.store.mapped_file import OS_PAGE_SIZE

CHECKPOINT_PATH: Final = "checkpoint"
SAFETY_MARGIN: Final = 3000  # milliseconds

_PAGE = struct.Struct(">6q")


class StoreCheckpoint:
    """Times are store timestamps in milliseconds, 0 for never; offsets are physical."""

    __slots__ = (
        "confirm_phy_offset",
        "disk",
        "index_msg_timestamp",
        "logics_msg_timestamp",
        "logics_physical_offset",
        "master_flushed_offset",
        "physic_msg_timestamp",
        "release",
        "tmp_logics_msg_timestamp",
        "tmp_logics_physical_offset",
    )

    def __init__(self, disk: Disk, release: Release) -> None:
        self.disk = disk
        self.release = release
        self.physic_msg_timestamp = 0
        self.logics_msg_timestamp = 0
        self.index_msg_timestamp = 0
        self.master_flushed_offset = 0  # 5.5
        self.confirm_phy_offset = 0  # 5.5
        self.logics_physical_offset = 0  # 5.5
        self.tmp_logics_msg_timestamp = 0
        self.tmp_logics_physical_offset = 0

    def load(self) -> None:
        """Read the page; a missing or short one counts as never flushed."""
        if not self.disk.exists(CHECKPOINT_PATH):
            return
        page = self.disk.read(CHECKPOINT_PATH, 0, _PAGE.size)
        values = _PAGE.unpack(page.ljust(_PAGE.size, b"\0"))
        self.physic_msg_timestamp, self.logics_msg_timestamp, self.index_msg_timestamp = values[:3]
        if self.release.checkpoint_has_offsets:
            self.master_flushed_offset, self.confirm_phy_offset = values[3:5]
            self.logics_physical_offset = values[5]
        self.tmp_logics_msg_timestamp = self.logics_msg_timestamp
        self.tmp_logics_physical_offset = self.logics_physical_offset

    def write(self) -> None:
        """Put the page into the page cache; the caller forces `CHECKPOINT_PATH`."""
        if not self.disk.exists(CHECKPOINT_PATH):
            self.disk.create(CHECKPOINT_PATH, OS_PAGE_SIZE)
        page = _PAGE.pack(
            self.physic_msg_timestamp,
            self.logics_msg_timestamp,
            self.index_msg_timestamp,
            self.master_flushed_offset,
            self.confirm_phy_offset,
            self.logics_physical_offset,
        )
        if not self.release.checkpoint_has_offsets:
            page = page[:24]
        self.disk.write(CHECKPOINT_PATH, 0, page)

    def forget(self) -> None:
        """STORE-RECOVERY-3: the page cannot be true, so nothing is known to be durable."""
        self.physic_msg_timestamp = self.logics_msg_timestamp = self.index_msg_timestamp = 0
        self.logics_physical_offset = 0

    def queues_forget_from(self, start: int, *, index_safe: bool) -> None:
        """STORE-RECOVERY-10: no mark of the queues says more than what recovery relied on.

        Units behind `start` are made again and not forced; a mark that stayed would call them
        durable as soon as the log's mark has grown past it.
        """
        limit = self.min_timestamp_index if index_safe else self.min_timestamp
        self.logics_msg_timestamp = limit + SAFETY_MARGIN if limit > 0 else 0
        self.logics_physical_offset = min(self.logics_physical_offset, start)
        self.tmp_logics_msg_timestamp = self.logics_msg_timestamp
        self.tmp_logics_physical_offset = self.logics_physical_offset

    @property
    def min_timestamp(self) -> int:
        """STORE-RECOVERY-3: three seconds before the older of log and queues, at least 0.

        Several messages share a millisecond and the queues are forced one after another: the
        margin makes recovery begin early enough (fault B01).
        """
        oldest = min(self.physic_msg_timestamp, self.logics_msg_timestamp)
        return max(0, oldest - SAFETY_MARGIN)

    @property
    def min_timestamp_index(self) -> int:
        """The same with the index, for messageIndexSafe."""
        return min(self.min_timestamp, self.index_msg_timestamp)
