"""STORE-FLUSH-1..13 through a whole store: who is answered when, and what is durable then."""

import pytest

from fuzz.store_rig import START, message
from refimpl.model.ids import Actor, ForceToken, Group, Millis, QueueId, QueueOffset, Topic
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from refimpl.model.status import PutMessageStatus
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.mapped_file import OS_PAGE_SIZE
from refimpl.store.message_store import (
    COMMIT_COMMIT_LOG,
    FLUSH_COMMIT_LOG,
    FLUSH_CONSUME_QUEUE,
    FLUSH_DISK_WATCHER,
    REPUT,
    MessageStore,
)
from refimpl.store.store_checkpoint import StoreCheckpoint
from refimpl.store.store_event import ForceWanted, PutCompleted, StoreEvent, StoreStopped
from tests.store.harness import force_all, open_store, open_with, run

ALL = list(RELEASES.values())
NOW = Millis(START + 5)
SYNC = {"flushDiskType": "SYNC_FLUSH"}
T0 = (Topic("T"), QueueId(0))
PUT_OK = PutMessageStatus.PUT_OK
TIMEOUT = PutMessageStatus.FLUSH_DISK_TIMEOUT


def forces(events: list[StoreEvent]) -> list[ForceWanted]:
    return [e for e in events if isinstance(e, ForceWanted)]


def answers(events: list[StoreEvent]) -> list[tuple[int, PutMessageStatus]]:
    return [(e.ticket, e.status) for e in events if isinstance(e, PutCompleted)]


def visible(store: MessageStore) -> int:
    result = store.get_message(Group("g"), *T0, QueueOffset(0), 32, None, NOW)
    assert result is not None
    return len(result.records)


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
def test_sync_put_is_answered_and_shown_when_durable(release: Release) -> None:
    """STORE-FLUSH-2 (B16): neither answer nor reader before the force."""
    store = open_with(SYNC, release=release)
    store.poll()
    result = store.put_message(message(), NOW)
    assert result.ticket is not None
    store.step(FLUSH_COMMIT_LOG, NOW)
    store.step(REPUT, NOW)
    events = store.poll()
    assert len(forces(events)) == 1
    assert not answers(events)
    assert visible(store) == 0
    store.forced(forces(events)[0].token, failed=False, now=NOW)
    assert answers(store.poll()) == [(result.ticket, PUT_OK)]
    store.step(REPUT, NOW)
    assert visible(store) == 1


def test_async_put_is_answered_and_shown_at_once() -> None:
    store = open_store()
    result = store.put_message(message(), NOW)
    assert (result.status, result.ticket) == (PUT_OK, None)
    store.step(REPUT, NOW)
    assert visible(store) == 1
    assert store.commit_log.mapped_file_queue.flushed_where == 0


def test_one_force_answers_everybody_it_covers() -> None:
    """STORE-FLUSH-2: producers that came before the force share it."""
    store = open_with({"mappedFileSizeCommitLog": "100000", **SYNC})
    tickets = [store.put_message(message(), NOW).ticket for _ in range(5)]
    events = run(store, NOW)
    log_forces = [f for f in forces(events) if f.path.startswith("commitlog")]
    assert len(log_forces) == 1
    assert answers(events) == [(ticket, PUT_OK) for ticket in tickets]


@pytest.mark.parametrize(
    ("release", "status"), [(RELEASE_4_6, TIMEOUT), (RELEASE_4_9, PUT_OK), (RELEASE_5_5, PUT_OK)]
)
def test_a_message_that_rolled_needs_two_forces(release: Release, status: PutMessageStatus) -> None:
    """STORE-FLUSH-3, STORE-FLUSH-4: 4.6 does not see what its second force achieved."""
    store = open_with({"mappedFileSizeCommitLog": "500", **SYNC}, release=release)
    store.put_message(message(b"x" * 200, properties={"WAIT": "false"}), NOW)
    ticket = store.put_message(message(b"x" * 200), NOW).ticket
    events = run(store, NOW)
    assert answers(events) == [(ticket, status)]
    assert store.commit_log.mapped_file_queue.flushed_where == store.max_phy_offset
    assert visible(store) == 2


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
def test_failed_forces_never_count(release: Release) -> None:
    """STORE-FLUSH-1 (B21), STORE-FLUSH-4."""
    store = open_with(SYNC, release=release)
    ticket = store.put_message(message(), NOW).ticket
    now, said = NOW, run(store, NOW, failed=True)
    while not answers(said):
        now = Millis(now + 1)
        said = run(store, now, failed=True)
    assert answers(said) == [(ticket, TIMEOUT)]
    assert store.commit_log.mapped_file_queue.flushed_where == 0
    assert visible(store) == 0
    later = Millis(now + 10)
    again = store.put_message(message(), later)
    assert answers(run(store, later)) == [(again.ticket, PUT_OK)]
    assert visible(store) == 2


def test_patience_ends_and_the_message_stays() -> None:
    """STORE-FLUSH-5."""
    store = open_with({"syncFlushTimeout": "100", **SYNC})
    ticket = store.put_message(message(), NOW).ticket
    store.step(FLUSH_COMMIT_LOG, NOW)
    force = forces(store.poll())[0]
    assert store.actors()[FLUSH_DISK_WATCHER] == NOW + 100
    store.step(FLUSH_DISK_WATCHER, Millis(NOW + 99))
    assert not answers(store.poll())
    store.step(FLUSH_DISK_WATCHER, Millis(NOW + 100))
    assert answers(store.poll()) == [(ticket, TIMEOUT)]
    store.forced(force.token, failed=False, now=Millis(NOW + 101))
    assert not answers(store.poll())
    run(store, Millis(NOW + 101))
    assert visible(store) == 1


def test_a_put_that_does_not_wait_is_flushed_all_the_same() -> None:
    """STORE-FLUSH-2: WAIT=false is answered at once, and shown when durable."""
    store = open_with(SYNC)
    result = store.put_message(message(properties={"WAIT": "false"}), NOW)
    assert (result.status, result.ticket) == (PUT_OK, None)
    store.step(REPUT, NOW)
    assert visible(store) == 0
    run(store, NOW)
    assert visible(store) == 1
    assert store.commit_log.mapped_file_queue.flushed_where == store.max_phy_offset


def _force_times(store: MessageStore, until: int, size: int) -> list[int]:
    """Milliseconds after NOW at which the log was forced, with one put every 10 ms."""
    times = []
    for i in range(0, until, 10):
        now = Millis(NOW + i)
        store.put_message(message(b"x" * size), now)
        events = run(store, now)
        if any(f.path.startswith("commitlog") for f in forces(events)):
            times.append(i)
    return times


@pytest.mark.parametrize(
    ("release", "size", "times"),
    [
        # 4 pages take 8 puts of 2 KiB: 4.6 is woken, the others wait for their interval
        (RELEASE_4_6, 1956, [0, 70, 150, 230, 310, 390]),
        (RELEASE_4_9, 1956, [0]),
        (RELEASE_5_5, 1956, [0]),
    ],
)
def test_a_put_wakes_the_flusher(release: Release, size: int, times: list[int]) -> None:
    """STORE-FLUSH-6, STORE-FLUSH-8."""
    store = open_store(release=release, mappedFileSizeCommitLog="10000000")
    assert _force_times(store, 450, size) == times


def test_thorough_rounds() -> None:
    """STORE-FLUSH-7: few bytes wait for the thorough interval, not for ever."""
    store = open_store(mappedFileSizeCommitLog="10000000", flushCommitLogThoroughInterval="3000")
    run(store, NOW)
    store.put_message(message(), NOW)
    forced_at = []
    for i in range(0, 8000, 500):
        now = Millis(NOW + i)
        if any(f.path.startswith("commitlog") for f in forces(run(store, now))):
            forced_at.append(i)
    assert forced_at == [3000]


def test_pool_hides_commits_and_returns() -> None:
    """STORE-FLUSH-9, STORE-FLUSH-10."""
    store = open_store(
        mappedFileSizeCommitLog="500", transientStorePoolEnable="true",
        transientStorePoolSize="2", fastFailIfNoBufferInStorePool="true",
    )  # fmt: skip
    pool = store.commit_log.pool
    assert pool is not None
    for _ in range(2):
        store.put_message(message(b"x" * 300), NOW)
    store.step(REPUT, NOW)
    assert (visible(store), store.max_phy_offset) == (0, 500)
    assert store.is_transient_store_pool_deficient()
    assert pool.available_buffer_nums == 0
    store.step(COMMIT_COMMIT_LOG, NOW)  # one file in a round
    assert pool.available_buffer_nums == 1
    assert not store.is_transient_store_pool_deficient()
    store.step(COMMIT_COMMIT_LOG, Millis(NOW + 200))
    store.step(REPUT, NOW)
    assert visible(store) == 2


@pytest.mark.parametrize(("size", "left"), [(1, 0), (2, 0), (3, 1), (5, 3)])
def test_the_file_that_is_made_in_advance_has_a_buffer_too(size: int, left: int) -> None:
    """BROKER-LIFECYCLE-3: it is taken with the first message, not before."""
    store = open_store(transientStorePoolEnable="true", transientStorePoolSize=str(size))
    pool = store.commit_log.pool
    assert pool is not None
    assert pool.remaining_buffer_nums == size
    assert not store.is_transient_store_pool_deficient()
    store.put_message(message(b"x"), NOW)
    assert pool.remaining_buffer_nums == left
    assert store.is_transient_store_pool_deficient() is (left == 0)


def test_a_store_that_fails_fast_makes_no_file_without_a_buffer() -> None:
    """STORE-FLUSH-9."""
    for fast in ("true", "false"):
        store = open_store(
            mappedFileSizeCommitLog="500", transientStorePoolEnable="true",
            transientStorePoolSize="1", fastFailIfNoBufferInStorePool=fast,
        )  # fmt: skip
        store.put_message(message(b"x" * 300), NOW)
        refused = store.put_message(message(b"x" * 300), NOW).status
        wanted = PutMessageStatus.CREATE_MAPPED_FILE_FAILED
        assert refused is (wanted if fast == "true" else PutMessageStatus.PUT_OK)
        store.step(COMMIT_COMMIT_LOG, NOW)  # the first file gives its buffer back
        status = store.put_message(message(b"x" * 300), Millis(NOW + 1)).status
        assert status is PutMessageStatus.PUT_OK


def test_a_buffer_comes_back_from_a_file_that_retention_took() -> None:
    """STORE-FLUSH-10: nobody will commit it any more."""
    store = open_store(
        mappedFileSizeCommitLog="500", transientStorePoolEnable="true",
        transientStorePoolSize="2",
    )  # fmt: skip
    pool = store.commit_log.pool
    assert pool is not None
    for _ in range(2):
        store.put_message(message(b"x" * 300), NOW)
    assert pool.available_buffer_nums == 0
    assert store.commit_log.delete_expired_files(0, NOW, clean_immediately=True) == 1
    assert pool.available_buffer_nums == 1


def test_pool_without_buffers_writes_directly() -> None:
    """STORE-FLUSH-9."""
    store = open_store(
        mappedFileSizeCommitLog="500", transientStorePoolEnable="true",
        transientStorePoolSize="1",
    )  # fmt: skip
    for _ in range(2):
        store.put_message(message(b"x" * 300), NOW)
    assert store.commit_log.mapped_file_queue.mapped_files[1].write_buffer is None
    assert store.is_transient_store_pool_deficient()  # whether or not allocation fails fast


def test_without_a_pool_there_is_no_committer() -> None:
    """STORE-FLUSH-9: whoever calls it finds nobody there."""
    store = open_store()
    store.put_message(message(), NOW)
    store.step(COMMIT_COMMIT_LOG, NOW)
    assert COMMIT_COMMIT_LOG not in store.actors()
    assert store.commit_log.mapped_file_queue.committed_where == 0


def checkpoint_times(disk: MemoryDisk) -> tuple[int, int, int]:
    page = disk.read("checkpoint", 0, 24) if disk.exists("checkpoint") else bytes(24)
    return tuple(int.from_bytes(page[i : i + 8], "big") for i in (0, 8, 16))  # type: ignore[return-value]


@pytest.mark.parametrize("failed", [False, True])
def test_checkpoint_follows_the_forces(failed: bool) -> None:
    """STORE-FLUSH-12: after every force of a thorough round, and only if all succeeded."""
    disk = MemoryDisk()
    store = open_store(disk)
    run(store, NOW)
    store.put_message(message(), NOW)
    store.step(REPUT, NOW)
    later = Millis(NOW + 60_001)
    store.step(FLUSH_COMMIT_LOG, later)
    store.step(FLUSH_CONSUME_QUEUE, later)
    assert checkpoint_times(disk) == (0, 0, 0)
    events = store.poll()
    assert len(forces(events)) == 2
    for force in forces(events):
        queue = force.path.startswith("consumequeue")
        store.forced(force.token, failed=failed and queue, now=later)
    force_all(store, later)
    assert checkpoint_times(disk) == ((0, 0, 0) if failed else (NOW, NOW, 0))


def test_full_index_file_moves_its_mark() -> None:
    """STORE-FLUSH-11."""
    disk = MemoryDisk()
    store = open_store(disk, maxIndexNum="4")
    for i in range(5):
        store.put_message(message(properties={"KEYS": f"k{i}"}), Millis(NOW + i))
    run(store, Millis(NOW + 10))
    assert store.checkpoint.index_msg_timestamp == 0
    run(store, Millis(NOW + 5000))
    assert store.checkpoint.index_msg_timestamp == NOW + 2


@pytest.mark.parametrize("flush_type", ["SYNC_FLUSH", "ASYNC_FLUSH"])
def test_orderly_end_flushes_everything(flush_type: str) -> None:
    """STORE-FLUSH-13, STORE-FILES-9: `abort` goes after the last force, and waiters are told."""
    disk = MemoryDisk()
    store = open_store(disk, flushDiskType=flush_type)
    tickets = [store.put_message(message(b"x" * 300), NOW).ticket for _ in range(5)]
    store.shutdown(NOW)
    assert disk.exists("abort")
    events = force_all(store, NOW)
    assert [t for t, _ in answers(events)] == [t for t in tickets if t is not None]
    assert events[-1] == StoreStopped(clean=True)
    assert not disk.exists("abort")
    assert store.commit_log.mapped_file_queue.flushed_where == store.max_phy_offset
    assert store.put_message(message(), NOW).status is PutMessageStatus.SERVICE_NOT_AVAILABLE


def test_end_with_a_failing_disk_is_not_clean() -> None:
    """STORE-FILES-9: the next start recovers; whoever waits is told that nothing is sure."""
    disk = MemoryDisk()
    store = open_with(SYNC, disk)
    ticket = store.put_message(message(), NOW).ticket
    store.shutdown(NOW)
    events = force_all(store, NOW, failed=True)
    assert answers(events) == [(ticket, TIMEOUT)]
    assert events[-1] == StoreStopped(clean=False)
    assert disk.exists("abort")
    assert disk.lock("lock")


@pytest.mark.parametrize("point", [FaultPoint.NO_SPACE_WRITE, FaultPoint.NO_SPACE_CREATE])
def test_a_checkpoint_that_the_disk_refuses_is_written_by_the_next_round(point: FaultPoint) -> None:
    """STORE-FLUSH-12: nothing escapes from the flusher, and no mark is lost."""
    disk = CrashDisk(faults=DiskFaults([DiskFault(point, "checkpoint")]))
    store = open_store(disk)
    store.put_message(message(), NOW)
    run(store, Millis(NOW + 70_000))
    assert disk.faults is not None
    assert disk.faults.never_fired() == ()
    store.put_message(message(), Millis(NOW + 80_000))
    run(store, Millis(NOW + 150_000))
    again = StoreCheckpoint(disk, RELEASE_4_9)
    again.load()
    assert again.logics_msg_timestamp >= NOW


def test_an_end_whose_checkpoint_the_disk_refuses_is_not_clean() -> None:
    """STORE-FILES-9."""
    disk = CrashDisk(faults=DiskFaults([DiskFault(FaultPoint.NO_SPACE_CREATE, "checkpoint")]))
    store = open_store(disk)
    store.put_message(message(), NOW)
    store.shutdown(NOW)
    assert force_all(store, NOW)[-1] == StoreStopped(clean=False)
    assert disk.exists("abort")


@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize("actor", [None, FLUSH_COMMIT_LOG, FLUSH_CONSUME_QUEUE])
def test_a_force_of_a_former_life_changes_nothing(*, actor: Actor | None, failed: bool) -> None:
    """STORE-FLUSH-1: while no force is under way, one of the log, or a round of the queues."""
    store = open_store()
    store.put_message(message(), NOW)
    store.step(REPUT, NOW)
    if actor is not None:
        store.step(actor, Millis(NOW + 70_000))
        assert forces(store.poll())
    before = store.flush_manager.state()
    store.forced(ForceToken(10**9), failed=failed, now=NOW)
    assert store.flush_manager.state() == before


def test_a_put_wakes_the_flusher_where_it_completes_enough_pages() -> None:
    """STORE-FLUSH-8: counted from the page in which the last flush ended."""
    store = open_store(
        mappedFileSizeCommitLog="65536", flushCommitLogLeastPages="2", flushCommitLogTimed="false"
    )
    flush = store.flush_manager
    store.commit_log.mapped_file_queue.flushed_where = 5000
    assert not flush.wants_flush_now(3 * OS_PAGE_SIZE - 1)
    assert flush.wants_flush_now(3 * OS_PAGE_SIZE)
