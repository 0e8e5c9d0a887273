"""The bytes of one file as a value: sparse pages, shared between every image that has them.

A page is an immutable `bytes` of at most `PAGE` bytes; what it lacks at its end, and every page
that is not there, reads as zero. In a `FileBytes` pages carry no zeros at their end, so that equal
files are equal values however they came to be.
"""

from collections.abc import Mapping
from typing import Final

from refimpl.model.ids import Millis
from refimpl.model.override import override

PAGE: Final = 4096

Pages = dict[int, bytes]


def read_pages(pages: Mapping[int, bytes], size: int, offset: int, length: int) -> bytes:
    """Up to `length` bytes at `offset`; fewer only where the file of `size` bytes ends."""
    length = min(length, size - offset)
    if length <= 0:
        return b""
    number, start = divmod(offset, PAGE)
    if start + length <= PAGE:
        data = pages.get(number, b"")[start : start + length]
        return data if len(data) == length else data.ljust(length, b"\0")
    parts = []
    while length > 0:
        step = min(length, PAGE - start)
        parts.append(pages.get(number, b"")[start : start + step].ljust(step, b"\0"))
        number, start, length = number + 1, 0, length - step
    return b"".join(parts)


def write_pages(pages: Pages, offset: int, data: bytes) -> None:
    """Put `data` at `offset`; the caller minds the length of the file."""
    number, start = divmod(offset, PAGE)
    done = 0
    while done < len(data):
        piece = data[done : done + PAGE - start]
        held = pages.get(number, b"")
        if len(held) < start:
            held = held.ljust(start, b"\0")
        pages[number] = held[:start] + piece + held[start + len(piece) :]
        done += len(piece)
        number, start = number + 1, 0


def cut_pages(pages: Pages, size: int) -> None:
    """Forget every byte at and behind `size`."""
    last, start = divmod(size, PAGE)
    for number in [n for n in pages if n > last or (n == last and start == 0)]:
        del pages[number]
    if last in pages:
        pages[last] = pages[last][:start]


class FileBytes:
    """Length and contents of a file. Equality and hash are of these; `modified` is carried along.

    `modified` is in milliseconds since the epoch.
    """

    __slots__ = ("_hash", "modified", "pages", "size")

    def __init__(self, pages: Mapping[int, bytes], size: int, modified: Millis) -> None:
        """Take `pages` as they are: without zeros at their ends, none empty, none behind `size`."""
        self.pages = pages
        self.size = size
        self.modified = modified
        self._hash: int | None = None

    @classmethod
    def of(cls, pages: Mapping[int, bytes], size: int, modified: Millis) -> "FileBytes":
        """Freeze the pages of a running disk."""
        short = {number: page.rstrip(b"\0") for number, page in pages.items()}
        return cls({number: page for number, page in short.items() if page}, size, modified)

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FileBytes):
            return NotImplemented
        return self is other or (self.size == other.size and self.pages == other.pages)

    @override
    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.size, tuple(sorted(self.pages.items()))))
        return self._hash

    @override
    def __repr__(self) -> str:
        return f"FileBytes({self.size} bytes, {len(self.pages)} pages)"

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes at `offset`."""
        return read_pages(self.pages, self.size, offset, length)

    def resized(self, size: int) -> "FileBytes":
        """The same bytes cut or continued with zeros."""
        if size == self.size:
            return self
        if size > self.size:
            return FileBytes(self.pages, size, self.modified)
        pages = dict(self.pages)
        cut_pages(pages, size)
        return FileBytes.of(pages, size, self.modified)

    def with_sectors(self, size: int, sector: int, news: Mapping[int, bytes]) -> "FileBytes":
        """Length `size`, and each sector of `news` replaced whole; nothing in it lies behind."""
        resized = self.resized(size)
        if not news:
            return resized
        pages = dict(resized.pages)
        for number, data in news.items():
            page, start = divmod(number * sector, PAGE)
            held = pages.get(page, b"")
            if len(held) > start:
                whole = held[:start] + data.ljust(sector, b"\0") + held[start + sector :]
            else:
                whole = held.ljust(start, b"\0") + data
            whole = whole.rstrip(b"\0")
            if whole:
                pages[page] = whole
            else:
                pages.pop(page, None)
        return FileBytes(pages, size, self.modified)


EMPTY: Final = FileBytes({}, 0, Millis(0))
