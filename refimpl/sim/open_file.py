"""One file of a running disk: its page cache, its durable bytes, and its dirty sectors."""

from collections.abc import Collection

from refimpl.model.effect import Span
from refimpl.model.ids import Millis
from refimpl.sim.disk_contract import PendingFile
from refimpl.sim.file_bytes import PAGE, FileBytes, Pages, cut_pages, read_pages, write_pages


class OpenFile:
    """Changes in place; identity is that of an inode, so that a rename does not change it.

    `versions` keeps, for every sector written since the last force, what it held after each write.
    `dropped` are sectors that a failed force gave up: the cache shows them, no later force writes
    them, only a new write does.
    """

    __slots__ = ("dropped", "durable", "modified", "pages", "size", "versions")

    def __init__(self, durable: FileBytes, modified: Millis) -> None:
        self.durable = durable
        self.pages: Pages = dict(durable.pages)
        self.size = durable.size
        self.modified = modified
        self.versions: dict[int, list[bytes]] = {}
        self.dropped: set[int] = set()

    @property
    def dirty(self) -> bool:
        """True where a crash could lose or tear bytes."""
        return bool(self.versions)

    def copy(self) -> "OpenFile":
        """An independent file of the same state."""
        twin = OpenFile.__new__(OpenFile)
        twin.durable = self.durable
        twin.pages = self.pages.copy()
        twin.size = self.size
        twin.modified = self.modified
        twin.versions = {number: list(versions) for number, versions in self.versions.items()}
        twin.dropped = set(self.dropped)
        return twin

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the page cache."""
        return read_pages(self.pages, self.size, offset, length)

    def write(self, offset: int, data: bytes, sector: int) -> None:
        """Bytes into the page cache; the caller has set the length."""
        write_pages(self.pages, offset, data)
        for number in range(offset // sector, (offset + len(data) - 1) // sector + 1):
            self._touch(number, sector)

    def resize(self, size: int, sector: int) -> None:
        """Set the length; bytes that are cut off read as zero if the file grows again."""
        if size < self.size:
            first = size // sector
            cut = {number for number in self.versions if number >= first}
            for page, data in self.pages.items():
                for start in range(0, len(data), sector):
                    number = (page * PAGE + start) // sector
                    if number >= first and any(data[start : start + sector]):
                        cut.add(number)
            cut_pages(self.pages, size)
            for number in sorted(cut):
                self._touch(number, sector)
        self.size = size

    def _touch(self, number: int, sector: int) -> None:
        """Remember what a sector holds now."""
        page, start = divmod(number * sector, PAGE)
        now = self.pages.get(page, b"")[start : start + sector]
        versions = self.versions.get(number)
        if versions is None:
            self.versions[number] = [now]
        elif versions[-1] != now:
            versions.append(now)
        if self.dropped:
            self.dropped.discard(number)

    def force(self, sector: int, span: Span | None = None) -> None:
        """Everything in the cache is durable, but for what an earlier force dropped.

        With a `span` only the sectors that it touches, and the length.
        """
        forced = self._forced(sector, span)
        if len(forced) == len(self.versions):
            self.durable = FileBytes.of(self.pages, self.size, self.modified)
            self.versions.clear()
            return
        news = {
            number: self.versions[number][-1].rstrip(b"\0")
            for number in forced
            if number * sector < self.size
        }
        self.durable = self.durable.with_sectors(self.size, sector, news)
        for number in forced:
            del self.versions[number]

    def _forced(self, sector: int, span: Span | None) -> Collection[int]:
        """Numbers of the dirty sectors that a force of `span` writes."""
        if span is None:
            wanted: Collection[int] = self.versions
        else:
            empty = span.start >= span.end
            touched = range(0) if empty else range(span.start // sector, -(-span.end // sector))
            wanted = [number for number in self.versions if number in touched]
        return [n for n in wanted if n not in self.dropped] if self.dropped else wanted

    def drop(self) -> None:
        """A force failed: dirty sectors count as clean, whatever the platter holds."""
        self.dropped.update(self.versions)

    def flip(self, offset: int, bits: int, sector: int, cut: int) -> None:
        """The platter changed under us, and the page was read again.

        From `cut` on a length that is pending takes the durable bytes away: those are others.
        """
        value = self.read(offset, 1)[0] ^ bits
        write_pages(self.pages, offset, bytes([value]))
        number = offset // sector
        if number in self.versions or offset >= min(cut, self.durable.size):
            self._touch(number, sector)
        else:
            length = min(sector, self.durable.size - number * sector)
            news = {number: self.read(number * sector, length).rstrip(b"\0")}
            self.durable = self.durable.with_sectors(self.durable.size, sector, news)

    def pending(self, sector: int) -> PendingFile:
        """The same as a value."""
        sectors = tuple(
            (number, tuple(version[:sector].rstrip(b"\0") for version in self.versions[number]))
            for number in sorted(self.versions)
        )
        durable = self.durable
        return PendingFile(FileBytes(durable.pages, durable.size, self.modified), sectors)
