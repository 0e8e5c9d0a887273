"""The transient store pool: buffers that take appends before they reach the page cache.

Requirements  STORE-FLUSH-9..10 in spec/store/flush.md, BROKER-LIFECYCLE-3
Java          store/TransientStorePool, AllocateMappedFileService
"""


class TransientStorePool:
    """`pool_size` buffers of `file_size` bytes, lent to the files that are being written."""

    __slots__ = ("_available", "_file_size", "_reserved", "_unmade", "pool_size")

    def __init__(self, pool_size: int, file_size: int) -> None:
        self.pool_size = pool_size
        self._file_size = file_size
        self._available: list[bytearray] = []
        self._unmade = pool_size  # made when first wanted: Java locks gibibytes at start
        self._reserved = False

    def borrow_buffer(self) -> bytearray | None:
        """Lend a buffer, or None: the file is then written to the page cache directly."""
        self._reserved = False
        if self._available:
            return self._available.pop()
        if self._unmade == 0:
            return None
        self._unmade -= 1
        return bytearray(self._file_size)

    def return_buffer(self, buffer: bytearray) -> None:
        """Take a buffer back. Its bytes stay: an append overwrites them before a read."""
        assert len(buffer) == self._file_size
        assert self.available_buffer_nums < self.pool_size
        self._available.append(buffer)

    def reserve_buffer(self) -> None:
        """BROKER-LIFECYCLE-3: keep one for the next file, which Java makes as soon as this one."""
        self._reserved = self.available_buffer_nums > 0

    @property
    def available_buffer_nums(self) -> int:
        """How many buffers can still be lent to files."""
        return len(self._available) + self._unmade

    @property
    def remaining_buffer_nums(self) -> int:
        """How many are left beside the one that the next file has; 0 makes a broker refuse."""
        return self.available_buffer_nums - self._reserved
