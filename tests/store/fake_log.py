"""A commit log made of a table: records of equal size with the store times that a test wants."""

from refimpl.model.disk import DiskError
from refimpl.model.override import override
from refimpl.sim.memory_disk import MemoryDisk

SIZE = 100
FILE = 1000


class FakeLog:
    """Implements `refimpl.store.commit_log_view.CommitLogView`; record n lies at 100 n."""

    def __init__(self, times: list[int], minimum: int = 0) -> None:
        self.times = times
        self.minimum = minimum
        self.file_size = FILE

    def min_offset(self) -> int:
        return self.minimum

    def max_offset(self) -> int:
        return len(self.times) * SIZE

    def confirm_offset(self) -> int:
        return self.max_offset()

    def get_message(self, physical_offset: int, size: int) -> bytes | None:
        there = self.minimum <= physical_offset and physical_offset + size <= self.max_offset()
        return bytes(size) if there else None

    def get_data(self, physical_offset: int, limit: int) -> bytes | None:
        length = min(limit, self.max_offset() - physical_offset)
        return self.get_message(physical_offset, length) if length > 0 else None

    def roll_next_file(self, physical_offset: int) -> int:
        return physical_offset + FILE - physical_offset % FILE

    def pickup_store_timestamp(self, physical_offset: int, size: int) -> int:
        there = self.get_message(physical_offset, size) is not None
        return self.times[physical_offset // SIZE] if there else -1


class FullDisk(MemoryDisk):
    """A disk that refuses to make files while `full`."""

    full = False

    @override
    def create(self, path: str, size: int) -> None:
        if self.full:
            raise DiskError("create", path, "no space left")
        super().create(path, size)
