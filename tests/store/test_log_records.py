"""The messages of a part of the log."""

from fuzz.store_rig import message
from refimpl.model.ids import Millis
from refimpl.model.release import RELEASE_4_9
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.log_records import CHUNK, records
from tests.store.harness import open_store

NOW = Millis(1_700_000_000_000)


def test_every_message_once_over_files_and_chunks() -> None:
    """STORE-CQ-16: blank ends are passed over, and a record larger than a chunk is read whole."""
    store = open_store(MemoryDisk(), mappedFileSizeCommitLog="200000")
    sizes = [10, CHUNK + 5000, 30_000, 30_000, 90_000, 1, 70_000]
    places = []
    for size in sizes:
        put = store.put_message(message(body=bytes(size)), NOW)
        assert put.append is not None
        places.append(put.append.wrote_offset)
    log = store.commit_log
    found = [r.commit_log_offset for r in records(log, 0, log.max_offset(), RELEASE_4_9)]
    assert found == places
    part = [r.commit_log_offset for r in records(log, places[2], places[4] + 1, RELEASE_4_9)]
    assert part == places[2:5]


def test_damage_leaves_out_the_rest_of_its_file() -> None:
    """STORE-CQ-17."""
    disk = MemoryDisk()
    store = open_store(disk, mappedFileSizeCommitLog="800")
    for _ in range(9):
        store.put_message(message(), NOW)
    log = store.commit_log
    places = [r.commit_log_offset for r in records(log, 0, log.max_offset(), RELEASE_4_9)]
    disk.write("commitlog/00000000000000000000", places[2] + 4, bytes(4))
    left = [r.commit_log_offset for r in records(log, 0, log.max_offset(), RELEASE_4_9)]
    assert left == places[:2] + [place for place in places if place >= 800]
    assert len(left) < len(places)
