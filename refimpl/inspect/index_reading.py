"""Index files from outside: header, slots, chains, and entries against the records' keys.

Requirements  STORE-INDEX-1..5 in spec/store/index.md

A file does not tell how many slots it has. `deduce_slots` finds the number for which the chains
are chains.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from refimpl.inspect.finding import Findings, Gravity
from refimpl.inspect.store_files import StoreFiles, file_size_of
from refimpl.store.index_file import HASH_SLOT_SIZE, INDEX_HEADER_SIZE, INDEX_SIZE

_HEADER: Final = struct.Struct(">qqqqii")
_ENTRY: Final = struct.Struct(">iqii")
_DEFAULT_SHAPE: Final = (5_000_000, 20_000_000)
_TRIED_ENTRIES: Final = 256  # entries that decide between two shapes


class Problem(NamedTuple):
    """Something wrong within one file."""

    rule: str
    kind: str
    detail: str = ""
    place: int | None = None


class IndexHeader(NamedTuple):
    """The first forty bytes."""

    begin_timestamp: int
    end_timestamp: int
    begin_phy_offset: int
    end_phy_offset: int
    hash_slot_count: int
    index_count: int  # number of the next entry; 1 in an empty file


class IndexEntry(NamedTuple):
    """One key of one message."""

    key_hash: int
    phy_offset: int
    seconds: int
    previous: int


class Shape(NamedTuple):
    """What a configuration says of index files."""

    slots: int  # maxHashSlotNum
    entries: int  # maxIndexNum


class IndexReading:
    """One file; entries and slots are read when asked for."""

    __slots__ = ("_files", "header", "path", "size")

    def __init__(self, files: StoreFiles, path: str, size: int) -> None:
        self._files = files
        self.path = path
        self.size = size
        self.header = IndexHeader._make(
            _HEADER.unpack(files.read(path, 0, INDEX_HEADER_SIZE).ljust(INDEX_HEADER_SIZE, b"\0"))
        )

    def entries(self, shape: Shape, limit: int | None = None) -> list[IndexEntry]:
        """Entries 1 to the count of the header, as far as the file goes."""
        count = max(0, min(self.header.index_count, shape.entries) - 1)
        if limit is not None:
            count = min(count, limit)
        start = INDEX_HEADER_SIZE + shape.slots * HASH_SLOT_SIZE + INDEX_SIZE
        data = self._files.read(self.path, start, count * INDEX_SIZE)
        data = data[: len(data) - len(data) % INDEX_SIZE]
        return [IndexEntry._make(found) for found in _ENTRY.iter_unpack(data)]

    def entry(self, shape: Shape, number: int) -> IndexEntry | None:
        """One entry, where the file has it."""
        at = INDEX_HEADER_SIZE + shape.slots * HASH_SLOT_SIZE + number * INDEX_SIZE
        data = self._files.read(self.path, at, INDEX_SIZE) if number > 0 else b""
        return IndexEntry._make(_ENTRY.unpack(data)) if len(data) == INDEX_SIZE else None

    def slots(self, shape: Shape) -> tuple[int, ...]:
        """The number of the newest entry of each chain."""
        data = self._files.read(self.path, INDEX_HEADER_SIZE, shape.slots * HASH_SLOT_SIZE)
        return struct.unpack(f">{len(data) // HASH_SLOT_SIZE}i", data)


def find_index_files(files: StoreFiles) -> list[IndexReading]:
    """The files of `index/`, oldest first."""
    found = []
    for name in files.list("index"):
        size = file_size_of(files, f"index/{name}")
        if size is not None:
            found.append(IndexReading(files, f"index/{name}", size))
    return found


def deduce_slots(files: Sequence[IndexReading], wanted_slots: int | None = None) -> Shape | None:
    """The shape in which the entries of `files` are chained as their slots say; None for unknown.

    Files of one store have one shape. The shape of the default configuration is tried first.
    """
    sizes = sorted(found.size for found in files)
    if not sizes:
        return None
    size = max(sizes, key=lambda length: (sizes.count(length), length))
    rest = size - INDEX_HEADER_SIZE
    default = Shape(*_DEFAULT_SHAPE)
    if wanted_slots is not None:
        return Shape(wanted_slots, (rest - wanted_slots * HASH_SLOT_SIZE) // INDEX_SIZE)
    if rest == default.slots * HASH_SLOT_SIZE + default.entries * INDEX_SIZE:
        return default
    samples = [found for found in files if found.size == size and found.header.index_count > 1]
    step = INDEX_SIZE // HASH_SLOT_SIZE
    first = next((s for s in range(1, step + 1) if not (rest - s * HASH_SLOT_SIZE) % INDEX_SIZE), 0)
    if not first:
        return None
    shapes = [
        Shape(slots, (rest - slots * HASH_SLOT_SIZE) // INDEX_SIZE)
        for slots in range(first, (rest - 2 * INDEX_SIZE) // HASH_SLOT_SIZE + 1, step)
    ]
    likely = [shape for shape in shapes if any(_begins(sample, shape) for sample in samples)]
    best: tuple[int, Shape] | None = None
    for shape in likely:
        score = sum(_score(sample, shape) for sample in samples)
        if score > 0 and (best is None or score > best[0]):
            best = (score, shape)
    return None if best is None else best[1]


def _begins(found: IndexReading, shape: Shape) -> bool:
    """True where the first entry in this shape is the one that the header tells of."""
    begin = found.entries(shape, 1)
    header = found.header
    if not begin or begin[0].previous != 0 or begin[0].key_hash < 0:
        return False
    if begin[0].phy_offset != header.begin_phy_offset:
        return False
    last = found.entry(shape, header.index_count - 1)
    return last is not None and last.phy_offset == header.end_phy_offset


def _score(found: IndexReading, shape: Shape) -> int:
    """How many of the first entries are chained as they should be in this shape."""
    newest: dict[int, int] = {}
    fitting = 0
    for number, entry in enumerate(found.entries(shape, _TRIED_ENTRIES), start=1):
        slot = entry.key_hash % shape.slots
        fitting += entry.previous == newest.get(slot, 0)
        newest[slot] = number
    return fitting


def check_file(
    found: IndexReading, shape: Shape, findings: Findings, *, written_by_crash: bool
) -> list[IndexEntry] | None:
    """Header, chains and slots of one file; returns its entries, None where anything is wrong.

    A file that the checkpoint does not cover may be torn by a crash: `written_by_crash`. All that
    is wrong within one file is one finding.
    """
    problems: list[Problem] = []
    expected = INDEX_HEADER_SIZE + shape.slots * HASH_SLOT_SIZE + shape.entries * INDEX_SIZE
    count = found.header.index_count
    if found.size != expected:
        detail = f"{found.size} bytes, not {expected}"
        problems.append(
            Problem("STORE-INDEX-1", "the length of the file is not that of the others", detail)
        )
    elif not 0 <= count <= shape.entries:
        detail = f"{count}, and there is room for {shape.entries - 1}"
        problems.append(Problem("STORE-INDEX-5", "the header counts more entries than fit", detail))
    else:
        entries = found.entries(shape)
        if entries:
            problems += _check_header(found.header, entries, shape)
        problems += _check_chains(found, entries, shape)
        if not problems:
            return entries
    first = problems[0]
    gravity = Gravity.CRASH if written_by_crash and findings.unclean else Gravity.VIOLATION
    findings.add(
        gravity,
        first.rule,
        found.path,
        first.kind,
        place=first.place,
        detail=first.detail,
        count=len(problems),
    )
    return None


def _check_header(
    header: IndexHeader, entries: list[IndexEntry], shape: Shape
) -> Iterator[Problem]:
    used = len({entry.key_hash % shape.slots for entry in entries if entry.key_hash >= 0})
    ends = (header.begin_phy_offset, header.end_phy_offset)
    if ends != (entries[0].phy_offset, entries[-1].phy_offset):
        detail = f"{ends}, entries go {entries[0].phy_offset} to {entries[-1].phy_offset}"
        yield Problem("STORE-INDEX-5", "the header's offsets are not those of its entries", detail)
    if header.begin_timestamp > header.end_timestamp:
        yield Problem("STORE-INDEX-5", "the header ends before it begins")
    if not used <= header.hash_slot_count <= len(entries):
        detail = f"{header.hash_slot_count}, and {used} are in use"
        yield Problem("STORE-INDEX-3", "the header counts its slots wrongly", detail)


def _check_chains(
    found: IndexReading, entries: list[IndexEntry], shape: Shape
) -> Iterator[Problem]:
    """STORE-INDEX-4: each entry names the one before it in its slot; the slot names the last."""
    newest: dict[int, int] = {}
    for number, entry in enumerate(entries, start=1):
        if entry.key_hash < 0:
            yield Problem("STORE-INDEX-2", "a key hash is negative", place=number)
            continue
        slot = entry.key_hash % shape.slots
        if entry.previous != newest.get(slot, 0):
            detail = f"{entry.previous}, not {newest.get(slot, 0)}"
            kind = "an entry does not name the one before it"
            yield Problem("STORE-INDEX-4", kind, detail, number)
        newest[slot] = number
    for slot, value in enumerate(found.slots(shape)):
        if value != newest.get(slot, 0):
            detail = f"{value}, not {newest.get(slot, 0)}"
            yield Problem("STORE-INDEX-4", "a slot does not name its newest entry", detail, slot)
