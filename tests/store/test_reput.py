"""Dispatch: Apache's own logs give Apache's own queues and indexes, and what hinders dispatch."""

import tarfile
from pathlib import Path

import pytest

from fuzz.store_rig import HOST, ForgetfulDisk, message
from refimpl.model.config import Config
from refimpl.model.ids import (
    Address,
    Group,
    Millis,
    PhysicalOffset,
    QueueId,
    QueueOffset,
    Topic,
)
from refimpl.model.message_codec import BLANK_HEADER_SIZE, encode_record
from refimpl.model.preset import MINIMAL
from refimpl.model.release import RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from refimpl.model.trace import Dispatch, RefuseDispatch, Sync, TraceEvent
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.commit_log import CommitLog
from refimpl.store.message_store import MessageStore
from tests.store.fake_log import FullDisk
from tests.store.harness import force_all, open_store, open_with, run

STORES = Path(__file__).parents[2] / "spec" / "vectors" / "stores"
NAMES = [f"apache-{r.apache}-{kind}" for r in RELEASES.values() for kind in ("clean", "killed")]
SIZES = {
    "mappedFileSizeCommitLog": "16384",
    "mappedFileSizeConsumeQueue": "2000",
    "maxHashSlotNum": "100",
    "maxIndexNum": "400",
    "maxMessageSize": "8192",
}
NOW = Millis(1_800_000_000_000)
T, Q, G = Topic("T"), QueueId(0), Group("g")


def apache_files(name: str) -> dict[str, bytes]:
    """Log, queues and index of one of Apache's stores."""
    files: dict[str, bytes] = {}
    with tarfile.open(STORES / f"{name}.tar.xz") as archive:
        for member in archive:
            path = member.name.split("/", 1)[-1]
            wanted = path.startswith(("commitlog/", "consumequeue/", "index/"))
            data = archive.extractfile(member) if member.isfile() and wanted else None
            if data is not None:
                files[path] = data.read()
    return files


def release_of(name: str) -> Release:
    return next(r for r in RELEASES.values() if r.apache in name)


def below(files: dict[str, bytes], directory: str) -> dict[str, bytes]:
    return {path: data for path, data in files.items() if path.startswith(directory)}


@pytest.mark.parametrize("name", NAMES)
def test_the_log_alone_gives_apaches_queues_and_index(name: str) -> None:
    """STORE-CQ-1, STORE-CQ-2, STORE-CQ-16, STORE-INDEX-1, STORE-INDEX-3, STORE-INDEX-4.

    Byte for byte; only the names of index files are ours.
    """
    files = apache_files(name)
    release = release_of(name)
    disk = MemoryDisk(below(files, "commitlog/"))
    config = Config.of(release, "broker", SIZES)
    store = MessageStore(disk, config, release, Address("127.0.0.1", 10911))
    store.load(NOW)
    store.start(NOW)
    store.reput.step(NOW)
    ours = disk.files()
    assert below(ours, "consumequeue/") == below(files, "consumequeue/")
    index, apaches = list(below(ours, "index/").values()), list(below(files, "index/").values())
    if name == "apache-5.5.0-killed":  # killed after the last unit, before its index entry
        assert len(index) == len(apaches) + 1
        index.pop()
    assert index == apaches


@pytest.mark.parametrize(("sys_flag", "count"), [(0, 1), (4, 0), (8, 1), (12, 0)])
def test_transactions_that_are_open_or_rolled_back_have_no_unit(sys_flag: int, count: int) -> None:
    """STORE-CQ-1, STORE-CQ-13: readers are told of all four."""
    store = open_store()
    store.put_message(message(sys_flag=sys_flag), NOW)
    store.reput.step(NOW)
    assert store.max_offset_in_queue(T, Q) == count
    assert len(store.reput.take_arrived()) == 1


def test_readers_hear_when_the_message_can_be_read() -> None:
    """STORE-CQ-13."""
    store = open_store()
    for n in range(3):
        store.put_message(message(queue_id=n % 2, properties={"TAGS": "a"}), Millis(NOW + n))
    assert store.reput.take_arrived() == []
    store.reput.step(NOW)
    arrived = store.reput.take_arrived()
    assert [(a.topic, a.queue_id, a.logic_offset, a.store_timestamp - NOW) for a in arrived] == [
        ("T", 0, 1, 0),
        ("T", 1, 1, 1),
        ("T", 0, 2, 2),
    ]
    assert all(a.tags_code == ord("a") for a in arrived)
    assert all(a.properties == {"TAGS": "a"} for a in arrived)
    assert store.reput.take_arrived() == []


def test_readers_do_not_hear_while_the_unit_cannot_be_written() -> None:
    """STORE-CQ-13."""
    disk = ForgetfulDisk()
    store = open_store(disk)
    store.put_message(message(), NOW)
    disk.refuse = "write"
    assert store.reput.step(NOW) == NOW + 1000
    assert store.reput.take_arrived() == []
    assert store.reput.step(NOW) is None
    assert [a.logic_offset for a in store.reput.take_arrived()] == [1]
    assert any(disk.read("consumequeue/T/0/00000000000000000000", 0, 20)), "heard of, not there"


@pytest.mark.parametrize("setting", [{"longPollingEnable": "false"}, {"brokerRole": "SLAVE"}])
def test_where_nobody_is_held_nobody_hears(setting: dict[str, str]) -> None:
    """STORE-CQ-13."""
    store = open_store()
    store.put_message(message(), NOW)
    store.update_config(store.config.updated(setting))
    store.reput.step(NOW)
    assert store.max_offset_in_queue(T, Q) == 1
    assert store.reput.take_arrived() == []


@pytest.mark.parametrize("release", list(RELEASES.values()))
def test_a_restart_goes_on_where_the_queues_end(release: Release) -> None:
    """STORE-CQ-14: what was put and not dispatched, and nothing twice."""
    disk = MemoryDisk()
    store = open_store(disk, release)
    for n in range(9):
        store.put_message(message(body=b"%d" % n), NOW)
        if n == 4:
            store.reput.step(NOW)
    again = open_store(disk.image(), release)
    assert again.max_offset_in_queue(T, Q) == 9
    assert again.dispatch_behind_bytes == 0
    put = again.put_message(message(), NOW)
    assert put.append is not None
    assert put.append.logics_offset == 9


@pytest.mark.parametrize("release", list(RELEASES.values()))
def test_an_orderly_end_with_queues_that_lack_units(release: Release) -> None:
    """STORE-CQ-14: what is behind them is dispatched before puts are accepted."""
    disk, one_file = MemoryDisk(), {"mappedFileSizeConsumeQueue": "2000"}
    store = open_with(one_file, disk, release)
    for _ in range(9):
        store.put_message(message(), NOW)
    run(store, NOW)
    store.shutdown(NOW)
    force_all(store, NOW)
    assert not disk.exists("abort")
    (file,) = (path for path in disk.files() if path.startswith("consumequeue/T/0/"))
    disk.write(file, 6 * 20, bytes(3 * 20))
    again = open_with(one_file, disk.image(), release)
    assert again.max_offset_in_queue(T, Q) == 9
    assert again.dispatch_behind_bytes == 0
    put = again.put_message(message(), NOW)
    assert put.append is not None
    assert put.append.logics_offset == 9


def test_a_full_disk_delays_and_skips_nothing() -> None:
    """STORE-CQ-15: the fault is that the unit is dropped after thirty attempts (B28's kin)."""
    disk = FullDisk()
    store = open_store(disk)
    store.put_message(message(), NOW)
    disk.full = True
    for attempt in range(40):
        assert store.reput.step(Millis(NOW + attempt)) == NOW + attempt + 1000
        assert store.running_flags.is_writeable is (attempt < 29)
    assert store.reput.take_arrived() == []
    assert store.max_offset_in_queue(T, Q) == 0
    disk.full = False
    assert store.reput.step(NOW) is None
    assert store.max_offset_in_queue(T, Q) == 1
    assert len(store.reput.take_arrived()) == 1


def test_refusals_in_a_row_are_told_and_counted() -> None:
    """STORE-CQ-15: the log of a file's disk that is full, and then has room again."""
    disk, heard = FullDisk(), list[TraceEvent]()
    config = Config.of(RELEASE_4_9, "broker", MINIMAL)
    store = MessageStore(disk, config, RELEASE_4_9, HOST, tracer=heard.append)
    store.load(NOW)
    store.start(NOW)
    store.put_message(message(), NOW)
    heard.clear()
    disk.full = True
    for _ in range(2):
        store.reput.step(NOW)
    disk.full = False
    store.reput.step(NOW)
    end = PhysicalOffset(store.commit_log.max_offset())
    told = [event for event in heard if not isinstance(event, Dispatch)]
    assert told == [*(RefuseDispatch(PhysicalOffset(0), n) for n in (1, 2)), Sync(end)]


def damaged(store: MessageStore, disk: MemoryDisk, offset: int, data: bytes) -> None:
    path = store.commit_log.mapped_file_queue.mapped_files[0].path
    disk.write(path, offset, data)


def test_what_is_no_record_is_passed_over_to_the_end_of_the_file() -> None:
    """STORE-CQ-17, STORE-CQ-19: those behind it stand at their queue offsets."""
    disk = MemoryDisk()
    store = open_store(disk)
    places = []
    for _ in range(9):
        put = store.put_message(message(), NOW)
        assert put.append is not None
        places.append(put.append.wrote_offset)
    damaged(store, disk, places[1] + 4, b"\0\0\0\0")
    store.reput.step(NOW)
    store.reput.step(NOW)
    assert store.max_offset_in_queue(T, Q) == len(places)
    found = store.consume_queue(T, Q)
    assert found is not None
    units = [found.get(n) for n in range(len(places))]
    there = [n for n, unit in enumerate(units) if unit is not None and unit[0] == places[n]]
    assert there == [0, *(n for n, place in enumerate(places) if place >= 800)]
    assert store.dispatch_behind_bytes == 0


def test_a_slave_stops_at_what_is_no_record() -> None:
    """STORE-CQ-17."""
    disk = MemoryDisk()
    store = open_store(disk)
    puts = [store.put_message(message(), NOW).append for _ in range(9)]
    assert puts[1] is not None
    damaged(store, disk, puts[1].wrote_offset + 4, b"\0\0\0\0")
    store.update_config(store.config.updated({"brokerRole": "SLAVE"}))
    store.reput.step(NOW)
    assert store.reput.step(NOW) is None
    assert store.max_offset_in_queue(T, Q) == 1
    assert store.reput.reput_from_offset == puts[1].wrote_offset


def test_a_record_whose_lengths_disagree_is_passed_over() -> None:
    """STORE-CQ-17: by the size that it tells."""
    disk = MemoryDisk()
    store = open_store(disk)
    first = store.put_message(message(body=b"12345678"), NOW)
    store.put_message(message(), NOW)
    assert first.append is not None
    damaged(store, disk, 88 - 4, (7).to_bytes(4, "big"))  # one byte less of body than there is
    store.reput.step(NOW)
    assert [a.logic_offset for a in store.reput.take_arrived()] == [2]
    assert store.dispatch_behind_bytes == 0


def test_nothing_behind_a_blank_record_is_a_message() -> None:
    """STORE-CQ-16, STORE-MESSAGE-4: not even a whole record that would come next."""
    disk = MemoryDisk()
    store = open_store(disk)
    puts = [store.put_message(message(body=bytes(size)), NOW).append for size in (1, 680)]
    assert puts[0] is not None
    assert puts[1] is not None
    behind = puts[0].wrote_bytes + BLANK_HEADER_SIZE
    damaged(store, disk, behind, encode_record(message(), 1, behind, NOW))
    store.reput.step(NOW)
    queue = store.consume_queue(T, Q)
    assert queue is not None
    assert queue.max_offset_in_queue == 2
    assert queue.get(1) == (puts[1].wrote_offset, puts[1].wrote_bytes, 0)


@pytest.mark.parametrize("release", [RELEASE_4_9, RELEASE_5_5])
def test_only_what_is_durable_becomes_visible(release: Release) -> None:
    """STORE-CQ-18: with SYNC_FLUSH; fault B16 shows it at once."""
    store = open_store(release=release, flushDiskType="SYNC_FLUSH")
    store.put_message(message(), NOW)
    store.reput.step(NOW)
    assert store.max_offset_in_queue(T, Q) == 0
    run(store, NOW)
    assert store.max_offset_in_queue(T, Q) == 1
    result = store.get_message(G, T, Q, QueueOffset(0), 1, None, NOW)
    assert result is not None
    assert len(result.records) == 1


def test_half_a_confirmed_record_waits_for_its_other_half(monkeypatch: pytest.MonkeyPatch) -> None:
    """STORE-CQ-18: nor is it taken for what is no record."""
    store = open_store()
    size = store.put_message(message(), NOW).append
    assert size is not None
    for confirmed, count in ((size.wrote_bytes - 1, 0), (size.wrote_bytes, 1)):
        monkeypatch.setattr(CommitLog, "confirm_offset", lambda _, end=confirmed: end)
        store.reput.step(NOW)
        assert store.max_offset_in_queue(T, Q) == count


def test_a_step_is_bounded() -> None:
    """One step leaves the rest for the next one, and says so."""
    store = open_store(
        mappedFileSizeCommitLog="4000000", mappedFileSizeConsumeQueue="2000", maxIndexNum="4000"
    )
    for _ in range(30):
        store.put_message(message(body=bytes(50_000)), NOW)
    assert store.reput.step(NOW) == NOW
    assert 0 < store.max_offset_in_queue(T, Q) < 30
    while store.reput.step(NOW) is not None:
        pass
    assert store.max_offset_in_queue(T, Q) == 30
    assert force_all(store, NOW)
