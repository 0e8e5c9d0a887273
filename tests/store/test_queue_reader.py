"""Pulls: every status with its next offset, limits, filters, and what is gone."""

from collections.abc import Mapping
from zlib import crc32

import pytest

from fuzz.store_rig import message
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Group, Millis, QueueId, QueueOffset, Topic
from refimpl.model.message_codec import decode_record
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, Release
from refimpl.model.status import GetMessageStatus as Status
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.message_filter import MessageFilter
from refimpl.store.message_store import MessageStore
from refimpl.store.queue_reader import GetMessageResult
from tests.store.harness import open_store

NOW = Millis(1_700_000_000_000)
T, Q = Topic("T"), QueueId(0)
RELEASES = [RELEASE_4_6, RELEASE_4_9, RELEASE_5_5]


class Only:
    """A filter that lets `codes` pass, then messages whose property `x` is in `values`."""

    def __init__(self, codes: set[int] | None = None, values: set[str] | None = None) -> None:
        self.codes = codes
        self.values = values
        self.asked: list[int] = []

    def matches_consume_queue(self, tags_code: int) -> bool:
        self.asked.append(tags_code)
        return self.codes is None or tags_code in self.codes

    def matches_commit_log(self, properties: Mapping[str, str]) -> bool:
        return self.values is None or properties.get("x") in self.values


def filled(release: Release, count: int, **overrides: str) -> MessageStore:
    """Messages n with body n, tag a or b by parity, property x = n."""
    store = open_store(None, release, NOW, **overrides)
    for n in range(count):
        properties = {"TAGS": "ab"[n % 2], "x": str(n)}
        store.put_message(message(body=b"%d" % n, properties=properties), NOW)
        store.reput.step(NOW)
    store.reput.step(NOW)
    return store


def pull(
    store: MessageStore, offset: int, count: int = 32, wanted: MessageFilter | None = None
) -> GetMessageResult:
    result = store.get_message(Group("g"), T, Q, QueueOffset(offset), count, wanted, NOW)
    assert result is not None
    return result


def answer(result: GetMessageResult) -> tuple[Status, int, tuple[int, ...]]:
    return result.status, result.next_begin_offset, result.queue_offsets


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("offset", [0, 5, -1])
def test_an_empty_or_unknown_queue(release: Release, offset: int) -> None:
    """STORE-READ-2, STORE-CQ-12."""
    store = open_store(release=release)
    assert answer(pull(store, offset)) == (Status.NO_MESSAGE_IN_QUEUE, 0, ())
    assert store.queues.topics() == ()


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    ("offset", "status", "next_offset"),
    [
        (-1, Status.OFFSET_TOO_SMALL, 0),
        (3, Status.OFFSET_OVERFLOW_ONE, 3),
        (4, Status.OFFSET_OVERFLOW_BADLY, 3),
        (1 << 62, Status.OFFSET_OVERFLOW_BADLY, 3),
    ],
)
def test_offsets_outside(release: Release, offset: int, status: Status, next_offset: int) -> None:
    """STORE-READ-3, STORE-READ-4, STORE-READ-5: fault B23 would send 4 to 0."""
    result = pull(filled(release, 3), offset)
    assert answer(result) == (status, next_offset, ())
    assert (result.min_offset, result.max_offset) == (0, 3)


def test_a_slave_corrects_nothing() -> None:
    """STORE-READ-1: unless offsetCheckInSlave."""
    store = filled(RELEASE_4_9, 3)
    store.update_config(store.config.updated({"brokerRole": "SLAVE"}))
    assert pull(store, 9).next_begin_offset == 9
    store.update_config(store.config.updated({"offsetCheckInSlave": "true"}))
    assert pull(store, 9).next_begin_offset == 3


@pytest.mark.parametrize(
    ("release", "files"),
    [(RELEASE_4_6, "9"), (RELEASE_4_9, "9"), (RELEASE_5_5, "1"), (RELEASE_5_5, "9")],
)
def test_a_read_ends_with_the_file_of_the_queue(release: Release, files: str) -> None:
    """STORE-READ-6: also in 5.5, once something is found. STORE-READ-1: whatever was found."""
    store = filled(release, 6, travelCqFileNumWhenGetMessage=files)
    result = pull(store, 1)
    assert answer(result) == (Status.FOUND, 4, (1, 2, 3))
    assert (result.min_offset, result.max_offset) == (0, 6)
    assert answer(pull(store, 4)) == (Status.FOUND, 6, (4, 5))


def test_a_queue_of_which_nothing_is_left_is_not_an_empty_one() -> None:
    """STORE-READ-2, STORE-READ-4: in 5.5 its minimum is its maximum."""
    store = filled(RELEASE_5_5, 3)
    queue = store.consume_queue(T, Q)
    assert queue is not None
    queue.correct_min_offset(store.max_phy_offset)
    assert queue.min_offset_in_queue == 3
    assert answer(pull(store, 3)) == (Status.OFFSET_OVERFLOW_ONE, 3, ())


@pytest.mark.parametrize(
    ("release", "files", "next_offset"),
    [(RELEASE_4_9, "3", 4), (RELEASE_5_5, "1", 4), (RELEASE_5_5, "2", 8), (RELEASE_5_5, "9", 10)],
)
def test_a_filter_that_matches_nothing_advances(
    release: Release, files: str, next_offset: int
) -> None:
    """STORE-READ-6, STORE-READ-8."""
    store = filled(release, 10, travelCqFileNumWhenGetMessage=files)
    result = pull(store, 0, wanted=Only(codes=set()))
    assert answer(result) == (Status.NO_MATCHED_MESSAGE, next_offset, ())


def test_a_read_looks_at_a_bounded_number_of_units() -> None:
    """STORE-READ-6: 800 units in 4.x, a setting in 5.5."""
    queue_file = {"mappedFileSizeConsumeQueue": "40000", "mappedFileSizeCommitLog": "1000000"}
    store = filled(RELEASE_4_9, 900, maxIndexNum="10000", **queue_file)
    assert pull(store, 10, wanted=Only(codes=set())).next_begin_offset == 810
    assert pull(store, 10, 850, wanted=Only(codes=set())).next_begin_offset == 860
    store = filled(RELEASE_5_5, 30, maxFilterMessageSize="100", **queue_file)
    assert pull(store, 3, 1, wanted=Only(codes=set())).next_begin_offset == 8


@pytest.mark.parametrize("release", RELEASES)
def test_the_filter_decides_at_two_points(release: Release) -> None:
    """STORE-READ-8."""
    store = filled(release, 4)
    a = ord("a")
    assert answer(pull(store, 0, wanted=Only(codes={a}))) == (Status.FOUND, 4, (0, 2))
    result = pull(store, 0, wanted=Only(values={"1", "2"}))
    assert answer(result) == (Status.FOUND, 4, (1, 2))
    assert result.filter_message_count == 2
    both = Only(codes={a}, values={"1"})
    assert answer(pull(store, 0, wanted=both)) == (Status.NO_MATCHED_MESSAGE, 4, ())
    assert both.asked == [a, a + 1, a, a + 1]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    ("name", "value", "count"),
    [
        ("maxTransferCountOnMessageInMemory", "2", 2),
        ("maxTransferCountOnMessageInMemory", "1", 1),
        ("maxTransferCountOnMessageInMemory", "0", 1),
        ("maxTransferBytesOnMessageInMemory", "1", 1),
        ("maxTransferBytesOnMessageInMemory", "250", 2),
        ("maxTransferCountOnMessageInDisk", "1", 4),
    ],
)
def test_a_batch_is_bounded(release: Release, name: str, value: str, count: int) -> None:
    """STORE-READ-7: records have between 101 and 125 bytes; the first always fits."""
    store = filled(release, 4, mappedFileSizeCommitLog="4000", **{name: value})
    result = pull(store, 0)
    assert (len(result.records), result.next_begin_offset) == (count, count)
    assert result.total_size == sum(map(len, result.records))


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(("place", "ratio"), [("Memory", "40"), ("Disk", "0")])
def test_a_batch_may_have_as_many_bytes_as_the_limit(
    release: Release, place: str, ratio: str
) -> None:
    """STORE-READ-7: all records are of one size."""
    sizes = {"mappedFileSizeCommitLog": "4000", "accessMessageInMemoryMaxRatio": ratio}
    (record,) = pull(filled(release, 4, **sizes), 0, 1).records
    for limit, count in ((2 * len(record), 2), (2 * len(record) - 1, 1)):
        limited = {**sizes, f"maxTransferBytesOnMessageIn{place}": str(limit)}
        assert len(pull(filled(release, 4, **limited), 0).records) == count


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("asked", [0, 1, 2, 4, 5])
def test_no_more_than_asked_for(release: Release, asked: int) -> None:
    """STORE-READ-7: and one where none was asked for."""
    assert len(pull(filled(release, 4), 0, asked).records) == min(4, max(1, asked))


@pytest.mark.parametrize("release", RELEASES)
def test_far_from_the_end_other_limits_count(release: Release) -> None:
    """STORE-READ-7: a memory of no bytes makes every record one on disk."""
    store = filled(
        release, 4, mappedFileSizeCommitLog="4000", accessMessageInMemoryMaxRatio="0",
        maxTransferCountOnMessageInDisk="2",
    )  # fmt: skip
    result = pull(store, 0)
    assert len(result.records) == 2
    assert result.suggest_pulling_from_slave
    assert not pull(filled(release, 4), 0).suggest_pulling_from_slave


@pytest.mark.parametrize("release", [RELEASE_4_6, RELEASE_5_5])
def test_a_negative_number_takes_the_first(release: Release) -> None:
    """STORE-READ-9."""
    assert answer(pull(filled(release, 3), 0, -1)) == (Status.FOUND, 1, (0,))


def test_a_negative_number_is_an_error_in_one_release() -> None:
    """STORE-READ-9."""
    store = filled(RELEASE_4_9, 3)
    with pytest.raises(InvalidInput, match="Illegal Capacity: -1"):
        pull(store, 0, -1)
    assert pull(store, 3, -1).status is Status.OFFSET_OVERFLOW_ONE


def without_first_log_file(release: Release, count: int) -> MessageStore:
    store = filled(release, count)
    files = store.commit_log.mapped_file_queue
    assert len(files.mapped_files) > 1
    assert files.mapped_files[0].destroy()
    files.remove_first(1)
    return store


@pytest.mark.parametrize("release", RELEASES)
def test_records_that_are_gone_are_passed_over(release: Release) -> None:
    """STORE-READ-10: before retention has corrected the minimum of the queue."""
    store = without_first_log_file(release, 8)
    queue = store.consume_queue(T, Q)
    assert queue is not None
    gone = [n for n in range(8) if (queue.get(n) or (0, 0, 0))[0] < 800]
    first = len(gone)
    assert first in {6, 7}
    assert answer(pull(store, 0)) == (Status.MESSAGE_WAS_REMOVING, 4, ())
    assert answer(pull(store, 4)) == (Status.FOUND, 8, tuple(range(first, 8)))


@pytest.mark.parametrize("release", RELEASES)
def test_units_of_a_file_that_is_gone_are_not_looked_at(release: Release) -> None:
    """STORE-READ-10: the filter is asked once, and what it would leave out is gone as well."""
    wanted = Only(codes={ord("a")})
    result = pull(without_first_log_file(release, 8), 0, wanted=wanted)
    assert answer(result) == (Status.MESSAGE_WAS_REMOVING, 4, ())
    assert wanted.asked == [ord("a")]


@pytest.mark.parametrize("release", RELEASES)
def test_a_missing_file_of_units_is_passed_over(release: Release) -> None:
    """STORE-READ-10."""
    store = filled(release, 10)
    queue = store.consume_queue(T, Q)
    assert queue is not None
    del queue.mapped_file_queue.mapped_files[1]
    assert answer(pull(store, 5)) == (Status.OFFSET_FOUND_NULL, 8, ())


def test_totals_count_hits_and_misses() -> None:
    """STORE-READ-14."""
    store = filled(RELEASE_4_9, 3)
    pull(store, 0)
    pull(store, 3)
    pull(store, 0, wanted=Only(codes=set()))
    stats = store.store_stats
    assert stats.get_message_times_total_found == 1
    assert stats.get_message_times_total_miss == 2
    assert stats.get_message_transferred_msg_count == 3


def test_side_by_side_or_not_the_records_are_the_same() -> None:
    """STORE-READ-1: two queues that alternate in the log, and one large record between."""
    disk = MemoryDisk()
    store = open_store(disk, mappedFileSizeCommitLog="300000", mappedFileSizeConsumeQueue="2000")
    sizes = [1, 90_000, 5, 7, 9]
    for size in sizes:
        for queue_id in (0, 1):
            store.put_message(message(body=bytes([queue_id + 1]) * size, queue_id=queue_id), NOW)
    store.reput.step(NOW)
    result = pull(store, 0)
    assert [len(r) - 92 for r in result.records] == sizes
    assert all(b"\2" * 5 not in r for r in result.records)


@pytest.mark.parametrize("release", RELEASES)
def test_a_reader_can_tell_a_body_that_has_changed(release: Release) -> None:
    """STORE-PROMISE-13: a record is handed out with the checksum that was stored with it."""
    disk = MemoryDisk()
    store = open_store(disk, release)
    for _ in range(2):
        store.put_message(message(b"body of a message"), NOW)
    store.reput.step(NOW)
    path = f"commitlog/{0:020d}"
    log = disk.read(path, 0, store.max_phy_offset)
    disk.write(path, log.index(b"body of"), b"B")
    result = store.get_message(Group("g"), T, Q, QueueOffset(0), 2, None, NOW)
    assert result is not None
    changed, sound = (decode_record(record, release=release) for record in result.records)
    assert changed is not None
    assert sound is not None
    assert changed.body == b"Body of a message"
    assert changed.body_crc == crc32(b"body of a message") & 0x7FFFFFFF
    assert sound.body_crc == crc32(sound.body) & 0x7FFFFFFF
