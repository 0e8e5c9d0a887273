"""The files of a store as an inspection sees them: names, lengths, bytes. Nothing is written.

Requirements  STORE-FILES-1, STORE-FILES-2, STORE-FILES-3 in spec/store/files.md
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple, Protocol

from refimpl.inspect.finding import Findings
from refimpl.model.disk import DiskError

_NAME_DIGITS: Final = 20


class StoreFiles(Protocol):
    """The part of the disk port that only looks; any `Disk` will do. Raises `DiskError`."""

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Up to `length` bytes."""

    def size(self, path: str) -> int:
        """Length of a file; refused for a directory."""

    def exists(self, path: str) -> bool:
        """True for a file or a directory."""

    def list(self, path: str) -> tuple[str, ...]:
        """Names in a directory, sorted."""


class NumberedFile(NamedTuple):
    """A file whose name is the offset of its first byte."""

    start: int
    path: str
    size: int  # bytes on the disk


class NumberedFiles:
    """Files of one length, one behind the other, read by offset."""

    __slots__ = ("_files", "file_size", "files", "path")

    def __init__(
        self, files: StoreFiles, path: str, found: Sequence[NumberedFile], file_size: int
    ) -> None:
        self._files = files
        self.path = path
        self.files = tuple(found)
        self.file_size = file_size

    @property
    def is_whole(self) -> bool:
        """True where every file has the length that it should have."""
        return all(held.size == self.file_size for held in self.files)

    @property
    def start(self) -> int:
        """First offset."""
        return self.files[0].start if self.files else 0

    @property
    def limit(self) -> int:
        """Offset behind the last file."""
        return self.files[-1].start + self.file_size if self.files else 0

    def holding(self, offset: int) -> NumberedFile | None:
        """The file that holds `offset`, where it is there."""
        if self.file_size <= 0:
            return None
        start = offset - offset % self.file_size
        return next((held for held in self.files if held.start == start), None)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of one file from `offset` on; fewer at its end, none where no file is."""
        held = self.holding(offset)
        if held is None or length <= 0:
            return b""
        within = offset - held.start
        return self._files.read(held.path, within, min(length, self.file_size - within))


def file_size_of(files: StoreFiles, path: str) -> int | None:
    """Length of a file; None for a directory and for what is not there."""
    try:
        return files.size(path)
    except DiskError:
        return None


def find_numbered(files: StoreFiles, directory: str, findings: Findings) -> list[NumberedFile]:
    """The files of `directory` whose names are offsets, in their order; others are a finding."""
    found = []
    for name in files.list(directory):
        path = f"{directory}/{name}"
        size = file_size_of(files, path)
        if size is None:
            continue
        if len(name) == _NAME_DIGITS and name.isascii() and name.isdigit():
            found.append(NumberedFile(int(name), path, size))
        else:
            findings.violated("STORE-FILES-1", path, "the name is no offset of twenty digits")
    return sorted(found)


def deduce_size(groups: Iterable[Sequence[NumberedFile]]) -> int:
    """The one length that files of a kind have: what most have; 0 where there is none.

    Names tell the same as lengths: the next file begins where one ends.
    """
    votes: Counter[int] = Counter()
    for group in groups:
        votes.update(held.size for held in group if held.size > 0)
        votes.update(after.start - before.start for before, after in pairwise(group))
    return max(votes.items(), key=lambda vote: (vote[1], vote[0]))[0] if votes else 0


def arrange(
    files: StoreFiles,
    directory: str,
    found: Sequence[NumberedFile],
    file_size: int,
    findings: Findings,
) -> NumberedFiles:
    """Check lengths and names; what cannot be a file of this length is left out.

    STORE-FILES-2: another length refuses the start. STORE-FILES-3: an empty last file is the trace
    of a crash while it was made. STORE-FILES-1: files follow one another without a gap.
    """
    kept: list[NumberedFile] = []
    file_size = max(file_size, 1)  # nothing is known where every file is empty
    for position, held in enumerate(found):
        if held.size == 0 and position == len(found) - 1:
            findings.interrupted("STORE-FILES-3", held.path, "the last file is empty")
            continue
        if held.size != file_size:
            findings.violated(
                "STORE-FILES-2",
                held.path,
                "the length of the file is not that of the others",
                detail=f"{held.size} bytes, not {file_size}",
            )
        if held.start % file_size:
            findings.violated(
                "STORE-FILES-1",
                held.path,
                "the name is no multiple of the length",
                detail=f"of {file_size} bytes",
            )
            continue
        if kept and held.start != kept[-1].start + file_size:
            findings.violated(
                "STORE-FILES-1",
                directory,
                "a file is missing",
                place=kept[-1].start + file_size,
                detail=f"before {held.path.rpartition('/')[2]}",
            )
        kept.append(held)
    return NumberedFiles(files, directory, kept, file_size)
