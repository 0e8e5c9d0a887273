"""One index file: hash, header, chains, time. Vectors: "index_key_hash"."""

import pytest

from refimpl.model.ids import JsonValue
from refimpl.model.release import Release
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.index_file import IndexFile, index_key_hash
from tests import vectors
from tests.vectors import Vector

PATH = "index/20231114221320000"
BEGIN = 1_700_000_000_000


def file_on(disk: MemoryDisk, slots: int = 4, entries: int = 8) -> IndexFile:
    return IndexFile.create(disk, PATH, hash_slot_num=slots, index_num=entries)


def found(
    index_file: IndexFile, key: str, begin: int, end: int, times: dict[int, int], *, most: int = 10
) -> list[int]:
    offsets: list[int] = []
    index_file.select_phy_offset(
        offsets, key, max_num=most, begin=begin, end=end, store_time=lambda at: times[at]
    )
    return offsets


def test_the_hash_is_javas() -> None:
    """STORE-INDEX-2."""

    def ours(_release: Release, vector: Vector) -> JsonValue:
        assert isinstance(vector.input, str)
        key_hash = index_key_hash(vector.input)
        return {"hash": key_hash, "slot5000000": key_hash % 5_000_000}

    assert vectors.mismatches("index_key_hash", ours) == []


@pytest.mark.parametrize(("every", "expected"), [(False, 1), (True, 3)])
def test_the_header_counts_slots_or_puts(every: bool, expected: int) -> None:
    """STORE-INDEX-3."""
    disk = MemoryDisk()
    index_file = file_on(disk)
    for n in range(3):
        assert index_file.put_key("T#k", n * 100, BEGIN, counts_every_put=every)
    index_file.sync()
    assert index_file.hash_slot_count == expected
    again = IndexFile.load(disk, PATH, hash_slot_num=4, index_num=8)
    assert again.hash_slot_count == expected
    assert again.index_count == 4


@pytest.mark.parametrize("slots", [4, 500])
@pytest.mark.parametrize("lost", ["slot", "entry", "order", "end"])
def test_a_file_that_lacks_a_write_is_not_whole(slots: int, lost: str) -> None:
    """STORE-INDEX-11: in a table that is dense, and in one that is nearly empty."""
    disk = MemoryDisk()
    index_file = file_on(disk, slots)
    for n in range(7):
        assert index_file.put_key(f"T#k{n % 3}", n * 100, BEGIN)
    index_file.sync()

    def again() -> IndexFile:
        return IndexFile.load(disk, PATH, hash_slot_num=slots, index_num=8)

    assert again().is_whole()
    entries = 40 + 4 * slots
    match lost:
        case "slot":
            disk.write(PATH, 40 + 4 * (index_key_hash("T#k0") % slots), bytes(4))
        case "entry":
            disk.write(PATH, entries + 20 * 4, bytes(20))
        case "order":
            disk.write(PATH, entries + 20 * 2 + 4, (1000).to_bytes(8, "big"))
        case _:
            disk.write(PATH, 24, (601).to_bytes(8, "big"))
    assert not again().is_whole()


def test_entries_are_chained_and_timed() -> None:
    """STORE-INDEX-4."""
    index_file = file_on(MemoryDisk())
    times = [BEGIN, BEGIN + 999, BEGIN + 2500, BEGIN - 5000, BEGIN + 1000 * (1 << 31)]
    for n, time in enumerate(times):
        assert index_file.put_key("T#k", n, time)
    key_hash = index_key_hash("T#k")
    assert index_file.entries() == (
        (key_hash, 0, 0, 0),
        (key_hash, 1, 0, 1),
        (key_hash, 2, 2, 2),
        (key_hash, 3, 0, 3),
        (key_hash, 4, 0x7FFFFFFF, 4),
    )


@pytest.mark.parametrize("number", [99, -1])
def test_a_slot_that_names_no_entry_begins_a_chain(number: int) -> None:
    """STORE-INDEX-4: the second entry is the first of its slot that can be."""
    disk = MemoryDisk()
    index_file = file_on(disk, slots=1)
    index_file.put_key("T#k", 0, BEGIN)
    index_file.sync()
    disk.write(PATH, 40, number.to_bytes(4, "big", signed=True))
    again = IndexFile.load(disk, PATH, hash_slot_num=1, index_num=8)
    again.put_key("T#k", 1, BEGIN)
    assert [entry[3] for entry in again.entries()] == [0, 0]


def test_a_full_file_refuses_and_keeps() -> None:
    """STORE-INDEX-5: seven of eight entries are keys."""
    disk = MemoryDisk()
    index_file = file_on(disk)
    for n in range(7):
        assert index_file.put_key(f"T#{n}", n, BEGIN + n)
    index_file.sync()
    before = disk.files()
    assert index_file.is_write_full
    assert not index_file.put_key("T#7", 7, BEGIN + 7)
    index_file.sync()
    assert disk.files() == before


def test_a_follower_begins_where_the_file_before_ended() -> None:
    """STORE-INDEX-5."""
    index_file = IndexFile.create(
        MemoryDisk(), PATH, hash_slot_num=4, index_num=8, end_phy_offset=70, end_timestamp=BEGIN
    )
    assert (index_file.begin_phy_offset, index_file.begin_timestamp) == (70, BEGIN)
    assert index_file.put_key("T#k", 80, BEGIN + 3000)
    assert index_file.entries()[0][2] == 3
    assert (index_file.begin_phy_offset, index_file.begin_timestamp) == (80, BEGIN + 3000)


@pytest.mark.parametrize(
    ("begin", "end", "matched"),
    [(0, 99, False), (0, 100, True), (100, 100, True), (150, 160, True), (200, 900, True),
     (201, 900, False), (99, 201, True), (0, 150, True), (100, 201, True), (99, 200, True)],
)  # fmt: skip
def test_windows_that_meet_the_file(begin: int, end: int, matched: bool) -> None:
    """STORE-INDEX-6."""
    index_file = file_on(MemoryDisk())
    index_file.put_key("T#k", 0, 100)
    index_file.put_key("T#k", 1, 200)
    assert index_file.is_time_matched(begin, end) is matched


def test_newest_first_and_equal_hashes_with_it() -> None:
    """STORE-INDEX-7: `Aa` and `BB` have one hash, `C` another one in the same slot."""
    index_file = file_on(MemoryDisk(), slots=1)
    for n, key in enumerate(["Aa", "C", "BB", "Aa"]):
        index_file.put_key(f"T#{key}", n, BEGIN)
    assert found(index_file, "T#Aa", BEGIN, BEGIN, {}) == [3, 2, 0]
    assert found(index_file, "T#Aa", BEGIN, BEGIN, {}, most=2) == [3, 2]
    assert found(index_file, "T#C", BEGIN, BEGIN, {}) == [1]
    assert found(index_file, "T#D", BEGIN, BEGIN, {}) == []


@pytest.mark.parametrize("apart", [777, 999])
def test_rounding_hides_nothing(apart: int) -> None:
    """STORE-INDEX-8: every message is found at its own time, whatever came before it."""
    index_file = file_on(MemoryDisk(), entries=20)
    times = {n: BEGIN + n * apart for n in range(8)}
    for n, time in times.items():
        index_file.put_key("T#k", n, time)
    for n, time in times.items():
        assert n in found(index_file, "T#k", time, time, times)
        later = found(index_file, "T#k", time, BEGIN + 10_000, times)
        assert later == list(range(7, n - 1, -1))


def test_what_is_gathered_is_found() -> None:
    disk = MemoryDisk()
    index_file = file_on(disk)
    index_file.put_key("T#k", 5, BEGIN)
    assert disk.read(PATH, 0, 40) == bytes(40)
    assert found(index_file, "T#k", BEGIN, BEGIN, {}) == [5]
    again = IndexFile.load(disk, PATH, hash_slot_num=4, index_num=8)
    assert again.entries() == index_file.entries()
    assert again.end_phy_offset == 5


def test_a_short_file_is_filled_up() -> None:
    disk = MemoryDisk({PATH: b""})
    index_file = IndexFile.load(disk, PATH, hash_slot_num=4, index_num=8)
    assert disk.size(PATH) == 40 + 16 + 160
    assert index_file.index_count == 1
    assert index_file.put_key("T#k", 1, BEGIN)
