"""The store as one object: opening, locking, actors, administration. STORE-FILES-2, 7..10."""

import pytest

from fuzz.store_rig import HOST, START, message
from refimpl.model.config import Config
from refimpl.model.ids import Group, Millis, QueueId, QueueOffset, Topic
from refimpl.model.preset import MINIMAL
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASES, Release
from refimpl.model.trace import Recovered, TraceEvent
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.errors import StoreDamaged, StoreLoadRefused, StoreLocked
from refimpl.store.message_arriving import MessageArrived
from refimpl.store.message_store import (
    CHECK_DISK,
    CLEAN_FILES,
    FLUSH_COMMIT_LOG,
    REPUT,
    SHUTDOWN_PATIENCE,
    SHUTDOWN_WATCHER,
    MessageStore,
)
from refimpl.store.store_event import StoreStopped
from tests.store.harness import force_all, open_store, run

ALL = list(RELEASES.values())
NOW = Millis(START + 5)


def new_store(disk: MemoryDisk, release: Release = RELEASE_4_9) -> MessageStore:
    return MessageStore(disk, Config.of(release, "broker", MINIMAL), release, HOST)


def test_a_locked_store_is_not_touched() -> None:
    """STORE-FILES-7: refused before recovery could cut anything."""
    disk = MemoryDisk()
    first = open_store(disk)
    first.put_message(message(), NOW)
    disk.write(f"commitlog/{0:020d}", 300, b"garbage that recovery would cut")
    before = disk.files()
    with pytest.raises(StoreLocked) as refused:
        new_store(disk).load(NOW)
    assert refused.value.reason.startswith("Lock failed,MQ already started")
    assert disk.files() == before


def test_a_refused_load_gives_the_lock_back() -> None:
    """STORE-FILES-2."""
    disk = MemoryDisk()
    disk.create(f"commitlog/{0:020d}", 801)
    with pytest.raises(StoreLoadRefused):
        new_store(disk).load(NOW)
    assert disk.lock("lock")


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
def test_abort_is_there_while_the_store_runs(release: Release) -> None:
    """STORE-FILES-8, STORE-FILES-9."""
    disk = MemoryDisk()
    store = new_store(disk, release)
    store.load(NOW)
    assert not disk.exists("abort")
    store.start(NOW)
    assert disk.exists("abort")
    assert "abort" in disk.image().files()
    store.shutdown(NOW)
    assert force_all(store, NOW)[-1] == StoreStopped(clean=True)
    assert not disk.exists("abort")
    store.shutdown(NOW)  # once is enough
    assert store.poll() == []


@pytest.mark.parametrize("killed", [True, False])
def test_abort_tells_the_next_start_how_the_last_life_ended(killed: bool) -> None:
    """STORE-FILES-8."""
    disk = MemoryDisk()
    store = open_store(disk)
    store.put_message(message(), NOW)
    if not killed:
        store.shutdown(NOW)
        force_all(store, NOW)
    told: list[TraceEvent] = []
    config = Config.of(RELEASE_4_9, "broker", MINIMAL)
    again = MessageStore(disk.image(), config, RELEASE_4_9, HOST, tracer=told.append)
    again.load(NOW)
    again.start(NOW)
    (recovered,) = [event for event in told if isinstance(event, Recovered)]
    assert recovered.clean is not killed
    assert again.last_exit_ok is not killed


def test_messages_arrive_once_and_in_order() -> None:
    store = open_store()
    for i in range(4):
        store.put_message(message(b"%d" % i, queue_id=i % 2, properties={"TAGS": "a"}), NOW)
    assert store.dispatch_behind_bytes == store.max_phy_offset
    arrived = [e for e in run(store, NOW) if isinstance(e, MessageArrived)]
    assert [(e.queue_id, e.logic_offset) for e in arrived] == [(0, 1), (1, 1), (0, 2), (1, 2)]
    assert store.dispatch_behind_bytes == 0
    assert not [e for e in run(store, NOW) if isinstance(e, MessageArrived)]


def test_actors_tell_when_they_want_to_run() -> None:
    store = open_store()
    run(store, NOW)
    assert REPUT not in store.actors()
    assert store.next_timer() == min(store.actors().values())
    store.put_message(message(), Millis(NOW + 3))
    assert store.actors()[REPUT] == NOW + 3
    assert store.actors()[FLUSH_COMMIT_LOG] > NOW
    store.shutdown(NOW)
    assert store.actors() == {SHUTDOWN_WATCHER: NOW + SHUTDOWN_PATIENCE}


def test_a_full_disk_stops_puts_until_it_is_emptier() -> None:
    disk = MemoryDisk()
    store = open_store(disk)
    disk.used = 0.95
    store.step(CHECK_DISK, NOW)
    assert not store.put_message(message(), NOW).is_ok
    disk.used = 0.5
    store.step(CLEAN_FILES, NOW)
    assert store.put_message(message(), NOW).is_ok


def test_retention_takes_the_first_files() -> None:
    disk = MemoryDisk()
    store = open_store(disk, mappedFileSizeCommitLog="500", fileReservedTime="1")
    for i in range(9):
        disk.now = Millis(NOW + i)
        store.put_message(message(b"x" * 100), disk.now)
    run(store, Millis(NOW + 9))
    store.execute_delete_files_manually()
    store.step(CLEAN_FILES, Millis(NOW + 9 + 3_600_000))
    assert store.min_phy_offset == 2000  # all but the last file
    assert store.min_offset_in_queue(Topic("T"), QueueId(0)) == 8
    assert store.put_message(message(), Millis(NOW + 10)).is_ok


def test_a_deleted_topic_begins_again() -> None:
    store = open_store()
    for topic in ("T", "U"):
        store.put_message(message(topic=topic), NOW)
    run(store, NOW)
    assert store.clean_unused_topic([Topic("U")]) == 1
    assert store.consume_queue(Topic("T"), QueueId(0)) is None
    result = store.put_message(message(), NOW)
    assert result.append is not None
    assert result.append.logics_offset == 0
    assert store.delete_topics([Topic("U"), Topic("none")]) == 1


def test_an_unreadable_store_answers_nothing() -> None:
    store = open_store()
    store.put_message(message(), NOW)
    run(store, NOW)
    pull = (Group("g"), Topic("T"), QueueId(0), QueueOffset(0), 1, None, NOW)
    assert store.get_message(*pull) is not None
    store.running_flags.set_readable(readable=False)
    assert store.get_message(*pull) is None
    store.running_flags.set_readable(readable=True)
    store.shutdown(NOW)
    assert store.get_message(*pull) is None


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
def test_runtime_information(release: Release) -> None:
    """STORE-FILES-10."""
    disk = MemoryDisk()
    disk.used = 0.25
    store = open_store(disk, release)
    store.put_message(message(), NOW)
    info = store.runtime_info(NOW)
    assert info["commitLogDiskRatio"] == info["consumeQueueDiskRatio"] == "0.25"
    assert (info["commitLogMinOffset"], info["commitLogMaxOffset"]) == (
        "0",
        str(store.max_phy_offset),
    )
    assert info["putMessageTimesTotal"] == "1"
    by_path = [name for name in info if name.startswith("commitLogDiskRatio_")]
    assert bool(by_path) == (release is not RELEASE_4_6)


def test_destroy_leaves_nothing_of_the_data() -> None:
    disk = MemoryDisk()
    store = open_store(disk)
    store.put_message(message(properties={"KEYS": "k"}), NOW)
    run(store, NOW)
    store.destroy()
    assert set(disk.files()) == {"lock"}


def test_a_start_that_cannot_say_that_the_store_is_in_use_is_refused() -> None:
    """STORE-FILES-8: without `abort` the next start would believe everything."""
    disk = CrashDisk(faults=DiskFaults([DiskFault(FaultPoint.NO_SPACE_CREATE, "abort")]))
    config = Config.of(RELEASE_4_9, "broker", MINIMAL)
    store = MessageStore(disk, config, RELEASE_4_9, HOST)
    store.load(NOW)
    with pytest.raises(StoreDamaged):
        store.start(NOW)
    assert disk.lock("lock")
