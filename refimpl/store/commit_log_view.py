"""What the read side asks of the commit log: the seam between the log and all that derives from it.

The consume queues, the index, reput, the readers and retention know the log by this protocol only.
"""

from typing import Protocol


class CommitLogView(Protocol):
    """The commit log as its readers see it. Offsets are physical, in bytes."""

    @property
    def file_size(self) -> int:
        """Bytes of one mapped file of the log."""

    def min_offset(self) -> int:
        """Offset of the first byte that is still there; -1 for a log without files."""

    def max_offset(self) -> int:
        """Offset behind the last byte that may be read."""

    def confirm_offset(self) -> int:
        """Offset behind the last byte that may be shown to consumers; at most `max_offset`."""

    def get_message(self, physical_offset: int, size: int) -> bytes | None:
        """Exactly `size` bytes of one file; None where they are not all readable."""

    def get_data(self, physical_offset: int, limit: int) -> bytes | None:
        """Bytes from the offset to the end of what is readable in its file, at most `limit`."""

    def roll_next_file(self, physical_offset: int) -> int:
        """Offset of the first byte of the next file."""

    def pickup_store_timestamp(self, physical_offset: int, size: int) -> int:
        """Store timestamp of the record there in milliseconds; -1 where there is none."""
