"""What the store may do: readable, writable, and why not.

Requirements  STORE-FLAGS-1 in spec/store/commit_log.md
Java          store/RunningFlags
"""

from typing import Final

NOT_READABLE_BIT: Final = 1
NOT_WRITEABLE_BIT: Final = 1 << 1
WRITE_LOGICS_QUEUE_ERROR_BIT: Final = 1 << 2
WRITE_INDEX_FILE_ERROR_BIT: Final = 1 << 3
DISK_FULL_BIT: Final = 1 << 4
FENCED_BIT: Final = 1 << 5  # 5.5: an old master; nothing here sets it
LOGIC_DISK_FULL_BIT: Final = 1 << 6  # 5.5: the partition of the consume queues

_LOGICS_BITS: Final = NOT_WRITEABLE_BIT | WRITE_LOGICS_QUEUE_ERROR_BIT | WRITE_INDEX_FILE_ERROR_BIT
_WRITE_BITS: Final = _LOGICS_BITS | DISK_FULL_BIT | FENCED_BIT | LOGIC_DISK_FULL_BIT


class RunningFlags:
    """One word of bits. A getter-and-setter returns what was true before, as Java's do."""

    __slots__ = ("flag_bits",)

    def __init__(self) -> None:
        self.flag_bits = 0

    @property
    def is_readable(self) -> bool:
        """True unless an operator forbade reading."""
        return not self.flag_bits & NOT_READABLE_BIT

    @property
    def is_writeable(self) -> bool:
        """True while a put may be accepted."""
        return not self.flag_bits & _WRITE_BITS

    @property
    def is_cq_writeable(self) -> bool:
        """True while dispatch may write; a full disk of the log does not stop it."""
        return not self.flag_bits & (_LOGICS_BITS | LOGIC_DISK_FULL_BIT)

    def set_readable(self, *, readable: bool) -> bool:
        """Allow or forbid reading; True where it was allowed."""
        before = self.is_readable
        self._set(NOT_READABLE_BIT, on=not readable)
        return before

    def set_writeable(self, *, writeable: bool) -> bool:
        """Allow or forbid writing by hand; True where a put could be accepted before.

        Forbidding what is already impossible for another reason leaves no mark, so that the end
        of that reason opens the store again (getAndMakeNotWriteable).
        """
        before = self.is_writeable
        if writeable or before:
            self._set(NOT_WRITEABLE_BIT, on=not writeable)
        return before

    def make_logics_queue_error(self) -> None:
        """Stop puts: a consume queue cannot be written. Only a restart takes this back."""
        self.flag_bits |= WRITE_LOGICS_QUEUE_ERROR_BIT

    def make_index_file_error(self) -> None:
        """Stop puts: the index cannot be written. Only a restart takes this back."""
        self.flag_bits |= WRITE_INDEX_FILE_ERROR_BIT

    def set_disk_full(self, *, full: bool) -> bool:
        """Note how full the partition of the log is; True where it was not full before."""
        before = not self.flag_bits & DISK_FULL_BIT
        self._set(DISK_FULL_BIT, on=full)
        return before

    def set_logic_disk_full(self, *, full: bool) -> bool:
        """Note how full the partition of the queues is (5.5); True where it was not full before."""
        before = not self.flag_bits & LOGIC_DISK_FULL_BIT
        self._set(LOGIC_DISK_FULL_BIT, on=full)
        return before

    def _set(self, bit: int, *, on: bool) -> None:
        self.flag_bits = self.flag_bits | bit if on else self.flag_bits & ~bit
