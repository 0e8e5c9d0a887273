"""STORE-RECOVERY-1..9: what a store finds after an orderly end, a kill, and a torn disk."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fuzz.store_rig import START, message
from refimpl.model.ids import Group, Millis, PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.message_codec import decode_record
from refimpl.model.release import RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from refimpl.model.status import PutMessageStatus
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.commit_log import CommitLog
from refimpl.store.consume_queue import ConsumeQueue
from refimpl.store.invariants import violations
from refimpl.store.message_store import MessageStore
from refimpl.store.recovery import Growth, recover_abnormally
from refimpl.store.store_checkpoint import StoreCheckpoint
from refimpl.store.store_event import PutCompleted
from tests.store.fake_log import FakeLog
from tests.store.harness import force_all, open_store, open_with, run

ALL = list(RELEASES.values())
NOW = Millis(START + 5)
FILE = 500


def bodies(store: MessageStore, topic: str = "T", queue_id: int = 0) -> list[bytes]:
    """Bodies of a whole queue, checked to stand where their offsets say."""
    found: list[bytes] = []
    offset = store.min_offset_in_queue(Topic(topic), QueueId(queue_id))
    while True:
        result = store.get_message(
            Group("g"), Topic(topic), QueueId(queue_id), offset, 32, None, NOW
        )
        assert result is not None
        if not result.records:
            return found
        for at, record in zip(result.queue_offsets, result.records, strict=True):
            decoded = decode_record(record, release=store.release)
            assert decoded is not None
            assert decoded.queue_offset == at == len(found)
            found.append(decoded.body)
        offset = QueueOffset(result.next_begin_offset)


def filled(disk: MemoryDisk, count: int, release: Release = RELEASE_4_9) -> MessageStore:
    """A store with `count` messages of 192 bytes in one queue, two to a file, dispatched."""
    store = open_store(disk, release, mappedFileSizeCommitLog=str(FILE))
    for i in range(count):
        store.put_message(message(b"%03d" % i * 33 + b"x"), Millis(NOW + i))
    run(store, Millis(NOW + count))
    return store


def expected(count: int) -> list[bytes]:
    return [b"%03d" % i * 33 + b"x" for i in range(count)]


def reopened(disk: MemoryDisk, release: Release = RELEASE_4_9) -> MessageStore:
    return open_store(disk.image(), release, Millis(NOW + 100), mappedFileSizeCommitLog=str(FILE))


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_orderly_end_keeps_everything(release: Release, count: int) -> None:
    """STORE-RECOVERY-1, STORE-RECOVERY-5."""
    disk = MemoryDisk()
    store = filled(disk, count, release)
    end = store.max_phy_offset
    store.shutdown(NOW)
    force_all(store, NOW)
    again = reopened(disk, release)
    assert bodies(again) == expected(count)
    assert again.max_phy_offset == end
    result = again.put_message(message(), NOW)
    assert result.append is not None
    assert result.append.logics_offset == count


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
@pytest.mark.parametrize("dispatched", [False, True])
def test_kill_loses_nothing_of_the_page_cache(release: Release, dispatched: bool) -> None:
    """STORE-RECOVERY-4, STORE-RECOVERY-5: with and without what reput had written."""
    disk = MemoryDisk()
    store = open_store(disk, release, mappedFileSizeCommitLog=str(FILE))
    for i in range(7):
        store.put_message(message(b"%03d" % i * 33 + b"x"), Millis(NOW + i))
    if dispatched:
        run(store, Millis(NOW + 10))
    again = reopened(disk, release)
    assert bodies(again) == expected(7)
    result = again.put_message(message(), NOW)
    assert result.append is not None
    assert result.append.logics_offset == 7


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
def test_lost_queues_and_index_are_made_again(release: Release) -> None:
    """STORE-RECOVERY-4: the log alone is enough, where the checkpoint does not say otherwise."""
    disk = MemoryDisk()
    store = open_store(disk, release, mappedFileSizeCommitLog=str(FILE))
    for i in range(7):
        store.put_message(message(b"%d" % i, properties={"KEYS": f"k{i}"}), Millis(NOW + i))
    run(store, Millis(NOW + 10))
    image = disk.image()
    for path in image.files():
        if path.startswith(("consumequeue/", "index/")):
            image.unlink(path)
    again = open_store(image, release, mappedFileSizeCommitLog=str(FILE))
    assert bodies(again) == [b"%d" % i for i in range(7)]
    found = again.query_message(Topic("T"), "k3", 8, 0, NOW + 1000)
    assert len(found.records) == 1


@settings(max_examples=80, deadline=None)
@given(at=st.integers(0, 5 * FILE - 1))
def test_the_log_ends_before_what_is_torn(at: int) -> None:
    """STORE-RECOVERY-2: bytes lost from anywhere on cost what stood there, nothing before.

    The last three bytes of these records (topic and length of no properties) are under no
    checksum; a record that lost only those may stay.
    """
    disk = MemoryDisk()
    filled(disk, 9)
    image = disk.image()
    for start in range(0, 5 * FILE, FILE):
        lost = min(max(at - start, 0), FILE)
        image.write(f"commitlog/{start:020d}", lost, bytes(FILE - lost))
    again = open_store(image, mappedFileSizeCommitLog=str(FILE))
    found = bodies(again)
    assert found == expected(9)[: len(found)]
    assert len(found) in {
        sum(1 for i in range(9) if _end_of(i) <= at),
        sum(1 for i in range(9) if _end_of(i) - 3 <= at),
    }
    result = again.put_message(message(b"next"), NOW)
    assert result.append is not None
    assert result.append.logics_offset == len(found)
    run(again, Millis(NOW + 1))
    assert bodies(again) == [*found, b"next"]


@pytest.mark.parametrize("place", [0, 3, 4, 7, 8, 11, 28, 35, 84, 87, 88, 150, 187, 188, 190, 191])
@pytest.mark.parametrize("record", [0, 4, 8])
def test_one_wrong_byte_ends_the_log(place: int, record: int) -> None:
    """STORE-RECOVERY-2: size, magic, checksum, own offset, body and lengths are all checked."""
    disk = MemoryDisk()
    filled(disk, 9)
    image = disk.image()
    path, at = f"commitlog/{record // 2 * FILE:020d}", place
    old = image.read(path, at, 1)
    image.write(path, at, bytes([old[0] ^ 0x15]))
    if image.exists("checkpoint"):
        image.unlink("checkpoint")
    assert bodies(open_store(image, mappedFileSizeCommitLog=str(FILE))) == expected(record)


@pytest.mark.parametrize("place", [52, 68])
def test_a_host_that_no_reader_takes_ends_the_log(place: int) -> None:
    """STORE-RECOVERY-12: else a consumer would not see what is sent behind it."""
    disk = MemoryDisk()
    filled(disk, 1)
    image = disk.image()
    image.write(f"commitlog/{0:020d}", place, (1 << 16).to_bytes(4))
    again = open_store(image, mappedFileSizeCommitLog=str(FILE))
    again.put_message(message(b"next"), NOW)
    run(again, Millis(NOW + 1))
    assert bodies(again) == [b"next"]


def _end_of(i: int) -> int:
    """Where message i of `filled` ends: two of 192 bytes to a file of 500."""
    return i // 2 * FILE + (i % 2 + 1) * 192


def test_a_record_of_another_place_is_not_ours() -> None:
    """STORE-RECOVERY-2: a whole record that names another offset ends the log."""
    disk = MemoryDisk()
    filled(disk, 3)
    image = disk.image()
    record = image.read(f"commitlog/{0:020d}", 0, 192)
    image.write(f"commitlog/{FILE:020d}", 192, record)
    assert bodies(open_store(image, mappedFileSizeCommitLog=str(FILE))) == expected(3)


def test_cut_records_do_not_come_back() -> None:
    """STORE-RECOVERY-6 (S06): the second crash must not read what the first one cut off."""
    disk = MemoryDisk()
    store = open_store(disk, mappedFileSizeCommitLog="5000")
    for i in range(6):
        store.put_message(message(b"%03d" % i * 33 + b"x"), NOW)
    torn = disk.image()
    torn.write(f"commitlog/{0:020d}", 2 * 192 + 100, b"!")  # message 2 is torn, 3 to 5 are whole
    first = open_store(torn, mappedFileSizeCommitLog="5000")
    assert bodies(first) == expected(2)
    first.put_message(message(b"new" * 33 + b"x"), NOW)  # ends exactly where old 3 begins
    second = open_store(torn.image(), mappedFileSizeCommitLog="5000")
    assert bodies(second) == [*expected(2), b"new" * 33 + b"x"]


def test_a_file_with_a_dirty_tail_takes_no_more_records() -> None:
    """STORE-RECOVERY-6: zeros and new records over the old ones are no match for the power."""
    disk = MemoryDisk()
    store = open_store(disk, mappedFileSizeCommitLog=str(FILE))
    for i in range(2):
        store.put_message(message(b"%03d" % i * 33 + b"x"), NOW)
    torn = disk.image()
    torn.write(f"commitlog/{0:020d}", 192 + 100, b"!")
    again = open_store(torn, mappedFileSizeCommitLog=str(FILE))
    result = again.put_message(message(b"new"), NOW)
    assert result.append is not None
    assert result.append.wrote_offset == FILE
    run(again, NOW)
    assert bodies(again) == [*expected(1), b"new"]
    assert violations(again) == []
    third = open_store(torn.image(), mappedFileSizeCommitLog=str(FILE))
    assert bodies(third) == [*expected(1), b"new"]


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
def test_units_behind_the_log_go(release: Release) -> None:
    """STORE-RECOVERY-5: queues whose units the log does not cover are cut to it."""
    disk = MemoryDisk()
    store = filled(disk, 6, release)
    store.shutdown(NOW)
    force_all(store, NOW)
    image = disk.image()
    image.write(f"commitlog/{FILE:020d}", 0, bytes(FILE))
    image.unlink(f"commitlog/{2 * FILE:020d}")
    again = open_store(image, release, mappedFileSizeCommitLog=str(FILE))
    assert bodies(again) == expected(2)
    result = again.put_message(message(b"next"), NOW)
    assert result.append is not None
    assert result.append.logics_offset == 2


@pytest.mark.parametrize("crashed", [False, True])
def test_queues_without_a_log_are_dropped(crashed: bool) -> None:
    """STORE-RECOVERY-8."""
    disk = MemoryDisk()
    store = filled(disk, 6)
    if not crashed:
        store.shutdown(NOW)
        force_all(store, NOW)
    image = disk.image()
    for path in image.files():
        if path.startswith("commitlog/"):
            image.unlink(path)
    again = open_store(image, mappedFileSizeCommitLog=str(FILE))
    assert bodies(again) == []
    again.put_message(message(b"first"), NOW)
    run(again, NOW)
    assert bodies(again) == [b"first"]


def _first_dispatched(disk: MemoryDisk, release: Release, checkpoint: StoreCheckpoint) -> int:
    store = open_store(MemoryDisk(), release, mappedFileSizeCommitLog=str(FILE))
    log = CommitLog(disk, store.config, release)
    log.mapped_file_queue.load()
    return recover_abnormally(log, checkpoint, check_crc=True, index_safe=False).start


@pytest.mark.parametrize(
    ("mark", "first"),
    [
        (0, 0),
        (NOW + 2 + 2999, 0),  # message 2 begins the second file; three seconds are not over
        (NOW + 2 + 3000, FILE),
        (NOW + 4 + 2999, FILE),
        (NOW + 4 + 3000, 2 * FILE),
        (NOW + 5 + 3000, 2 * FILE),
        (NOW + 5 + 3001, 0),  # later than every message: it is not believed
    ],
)
def test_checkpoint_is_used_with_a_margin(mark: int, first: int) -> None:
    """STORE-RECOVERY-3 (B01): the older of the two marks, less three seconds."""
    disk = MemoryDisk()
    filled(disk, 6)
    checkpoint = StoreCheckpoint(disk, RELEASE_4_9)
    checkpoint.physic_msg_timestamp, checkpoint.logics_msg_timestamp = mark, mark + 50_000
    assert _first_dispatched(disk.image(), RELEASE_4_9, checkpoint) == first
    checkpoint.physic_msg_timestamp, checkpoint.logics_msg_timestamp = mark + 50_000, mark
    assert _first_dispatched(disk.image(), RELEASE_4_9, checkpoint) == first


@pytest.mark.parametrize(("offset", "first"), [(0, 0), (499, 0), (500, 500), (1192, 1000)])
def test_offset_of_the_queues_decides_where_it_is_known(offset: int, first: int) -> None:
    """STORE-RECOVERY-3: 5.5."""
    disk = MemoryDisk()
    filled(disk, 6, RELEASE_5_5)
    checkpoint = StoreCheckpoint(disk, RELEASE_5_5)
    checkpoint.logics_physical_offset = offset
    checkpoint.physic_msg_timestamp = NOW + 10_000
    assert _first_dispatched(disk.image(), RELEASE_5_5, checkpoint) == first
    checkpoint.physic_msg_timestamp = NOW + 2 + 2999  # the log is not sure of the second file
    assert _first_dispatched(disk.image(), RELEASE_5_5, checkpoint) == 0


def test_what_a_crash_left_is_forced_again() -> None:
    """STORE-RECOVERY-7: the files that were read, and the last one too, want a force."""
    disk = MemoryDisk()
    filled(disk, 6)
    again = reopened(disk)
    assert again.commit_log.mapped_file_queue.flushed_where == 0
    for i in range(4):
        run(again, Millis(NOW + 100 + 500 * i))
    assert again.commit_log.mapped_file_queue.flushed_where == 2 * FILE  # two full files
    run(again, Millis(NOW + 60_000))
    assert again.commit_log.mapped_file_queue.flushed_where == again.max_phy_offset


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
def test_the_first_put_after_a_crash_does_not_pay_for_it(release: Release) -> None:
    """STORE-RECOVERY-7: five files want a force, and a request has two attempts."""
    disk = MemoryDisk()
    filled(disk, 9, release)
    again = open_store(
        disk.image(),
        release,
        Millis(NOW + 100),
        mappedFileSizeCommitLog=str(FILE),
        flushDiskType="SYNC_FLUSH",
    )
    ticket = again.put_message(message(b"after"), Millis(NOW + 100)).ticket
    assert ticket is not None
    said = run(again, Millis(NOW + 100))
    assert PutCompleted(ticket, PutMessageStatus.PUT_OK) in said


def test_a_delayed_message_keeps_its_time() -> None:
    """STORE-RECOVERY-9: 4.x would put the hash of the tag where the time belongs."""
    disk = MemoryDisk()
    store = open_store(disk)
    store.put_message(message(properties={"TAGS": "a", "DELAY": "3"}), NOW)
    again = open_store(disk.image())
    queue = again.consume_queue(Topic("SCHEDULE_TOPIC_XXXX"), QueueId(2))
    assert queue is not None
    unit = queue.get(0)
    assert unit is not None
    assert unit[2] == NOW + 10_000


def test_records_larger_than_one_read() -> None:
    """STORE-RECOVERY-2: a record may be longer than what recovery reads at a time."""
    disk = MemoryDisk()
    overrides = {"mappedFileSizeCommitLog": "8000000"}
    store = open_with(overrides, disk)
    large = b"L" * 3_000_000
    for body in (b"small", large, b"last"):
        store.put_message(message(body), NOW)
    again = open_with(overrides, disk.image())
    found = [again.look_message_by_offset(PhysicalOffset(at)) for at in _places(again)]
    assert [len(m.body) for m in found if m] == [5, 3_000_000, 4]


def _places(store: MessageStore) -> list[int]:
    queue = store.consume_queue(Topic("T"), QueueId(0))
    assert queue is not None
    units = [queue.get(i) for i in range(queue.max_offset_in_queue)]
    return [unit[0] for unit in units if unit is not None]


class KillMachine(RuleBasedStateMachine):
    """Puts, steps, forces, kills and orderly ends in any order: what was stored stays."""

    @initialize(release=st.sampled_from(ALL), flush=st.sampled_from(["SYNC_FLUSH", "ASYNC_FLUSH"]))
    def begin(self, release: Release, flush: str) -> None:
        self.release = release
        self.overrides = {"mappedFileSizeCommitLog": "500", "flushDiskType": flush}
        self.disk = MemoryDisk()
        self.now = int(NOW)
        self.stored: dict[int, list[bytes]] = {0: [], 1: []}
        self.store = open_with(self.overrides, self.disk, release, Millis(self.now))

    @rule(queue=st.integers(0, 1), size=st.integers(0, 250))
    def put(self, queue: int, size: int) -> None:
        body = b"%d" % self.now + b"x" * size
        result = self.store.put_message(message(body, queue_id=queue), Millis(self.now))
        assert result.append is not None
        assert result.append.logics_offset == len(self.stored[queue])
        self.stored[queue].append(body)

    @rule(wait=st.integers(1, 4000))
    def work(self, wait: int) -> None:
        self.now += wait
        run(self.store, Millis(self.now))

    @rule(torn=st.booleans())
    def kill(self, *, torn: bool) -> None:
        self.now += 1
        self.disk = self.disk.image()
        if torn:  # garbage behind the end, as a write that was under way leaves
            end = self.store.max_phy_offset
            path = f"commitlog/{end // 500 * 500:020d}"
            if self.disk.exists(path) and end % 500 < 490:
                self.disk.write(path, end % 500, b"\x00\x00\x00\x63\xda\xa3\x20\xa7")
        self.store = open_with(self.overrides, self.disk, self.release, Millis(self.now))
        force_all(self.store, Millis(self.now))  # SYNC_FLUSH shows nothing before
        run(self.store, Millis(self.now))
        assert [bodies(self.store, queue_id=q) for q in (0, 1)] == [self.stored[0], self.stored[1]]

    @rule()
    def restart(self) -> None:
        self.now += 1
        self.store.shutdown(Millis(self.now))
        force_all(self.store, Millis(self.now))
        self.store = open_with(self.overrides, self.disk, self.release, Millis(self.now))

    @invariant()
    def visible_is_a_prefix(self) -> None:
        for queue, stored in self.stored.items():
            found = bodies(self.store, queue_id=queue)
            assert found == stored[: len(found)]
        assert violations(self.store) == []


KillMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestKill = KillMachine.TestCase


@given(st.integers(0, 9), st.lists(st.one_of(st.none(), st.integers(0, 12)), max_size=8))
def test_growth_is_what_dispatch_does(end: int, offsets: list[int | None]) -> None:
    """STORE-RECOVERY-5: from any end on; None is an offset that cannot be true (STORE-CQ-20)."""
    log = FakeLog([1] * 100)
    queue = ConsumeQueue(
        MemoryDisk(), "q", "T", 0, mapped_file_size=60, log=log, release=RELEASE_4_9
    )
    places = iter(range(1000, 10_000, 100))
    for n in range(end):
        queue.put_message_position_info(next(places), 100, 0, n)
    growth = Growth()
    for offset in offsets:
        queue.put_message_position_info(next(places), 100, 0, -1 if offset is None else offset)
        growth = growth.placed(offset) if offset else growth.appended()
        assert growth.of(end) == queue.max_offset_in_queue
