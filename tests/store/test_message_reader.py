"""Reading by physical offset, by key, by time."""

import pytest

from fuzz.store_rig import message
from refimpl.model.ids import Millis, PhysicalOffset, QueueId, QueueOffset, Topic
from refimpl.model.message_codec import decode_record
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, Release
from refimpl.store.errors import NegativeSize
from refimpl.store.message_store import MessageStore
from tests.store.harness import open_store

NOW = Millis(1_700_000_000_000)
T, Q = Topic("T"), QueueId(0)


def filled(count: int, release: Release = RELEASE_4_9, **overrides: str) -> MessageStore:
    store = open_store(None, release, NOW, **overrides)
    for n in range(count):
        properties = {"KEYS": f"k{n % 2}", "UNIQ_KEY": f"u{n}", "TAGS": "t"}
        store.put_message(message(body=b"%d" % n, properties=properties), Millis(NOW + n))
        store.reput.step(NOW)
    return store


def bodies(store: MessageStore, key: str, **window: int) -> list[bytes]:
    result = store.query_message(T, key, 32, window.get("begin", 0), window.get("end", NOW + 99))
    found = [decode_record(r, release=store.release) for r in result.records]
    return [m.body for m in found if m is not None]


def test_a_message_is_found_by_its_physical_offset() -> None:
    """STORE-READ-11."""
    store = filled(3)
    offset = PhysicalOffset(store.commit_log_offset_in_queue(T, Q, QueueOffset(1)))
    found = store.look_message_by_offset(offset)
    assert found is not None
    assert (found.body, found.queue_offset, found.physical_offset) == (b"1", 1, offset)
    record = store.select_one_message_by_offset(offset)
    assert record is not None
    assert len(record) == found.store_size


@pytest.mark.parametrize("offset", [-1, 1, 10_000, 1 << 60])
def test_no_message_at_other_offsets(offset: int) -> None:
    """STORE-READ-11: one byte behind a record begins no record either."""
    store = filled(3)
    assert store.look_message_by_offset(PhysicalOffset(offset)) is None


def test_what_begins_with_a_negative_length_is_refused() -> None:
    """STORE-READ-11: four bytes behind its begin a record has its magic code, which is negative."""
    store = filled(3)
    with pytest.raises(NegativeSize) as error:
        store.look_message_by_offset(PhysicalOffset(4))
    assert str(error.value).endswith(f"newLimit < 0: ({error.value.size} < 0)")
    assert error.value.size < 0


def test_a_length_of_zero_is_a_length() -> None:
    """STORE-READ-11: twelve bytes behind its begin a record has its queue, which is 0."""
    assert filled(1).select_one_message_by_offset(PhysicalOffset(12)) == b""


def test_a_query_answers_in_the_order_of_the_log() -> None:
    """STORE-READ-13."""
    store = filled(6)
    assert bodies(store, "k0") == [b"0", b"2", b"4"]
    assert bodies(store, "u3") == [b"3"]
    assert bodies(store, "none") == []
    assert bodies(store, "k0", begin=NOW + 1, end=NOW + 2) == [b"2"]
    result = store.query_message(T, "k0", 32, 0, NOW + 99)
    assert result.index_last_update_timestamp == NOW + 5


def test_a_query_leaves_out_what_is_gone() -> None:
    """STORE-READ-13."""
    store = filled(8)
    files = store.commit_log.mapped_file_queue
    assert files.mapped_files[0].destroy()
    files.remove_first(1)
    left = bodies(store, "k1")
    assert left
    assert left == [b"%d" % n for n in range(1, 8, 2)][-len(left) :]
    result = store.query_message(T, "u0", 32, 0, NOW + 99)
    assert result == ((), NOW + 7, store.commit_log_offset_in_queue(T, Q, QueueOffset(7)))


def test_a_query_leaves_out_what_is_no_record() -> None:
    """STORE-READ-13: Java catches what a negative length throws, for this entry alone."""
    store = filled(6)
    place = store.commit_log_offset_in_queue(T, Q, QueueOffset(2))
    files = store.commit_log.mapped_file_queue
    files.disk.write(files.mapped_files[0].path, place, b"\xff\xff\xff\xff")
    assert bodies(store, "k0") == [b"0", b"4"]
    assert bodies(store, "k0", begin=NOW + 1, end=NOW + 2) == []


@pytest.mark.parametrize(
    ("release", "size", "expected"),
    [(RELEASE_4_6, "8192", -1), (RELEASE_4_9, "8192", -1), (RELEASE_5_5, "8192", NOW)],
)
def test_the_earliest_time_of_a_small_store(release: Release, size: str, expected: int) -> None:
    """STORE-READ-12."""
    store = filled(3, release, maxMessageSize=size)
    assert store.earliest_message_time() == expected
    assert store.earliest_message_time(T, Q) == NOW
    assert store.earliest_message_time(Topic("other"), Q) == -1


@pytest.mark.parametrize("release", [RELEASE_4_6, RELEASE_4_9])
def test_the_earliest_time_needs_two_messages_of_the_largest_size(release: Release) -> None:
    """STORE-READ-12."""
    half = filled(3, release).commit_log.max_offset() // 2
    times = [
        filled(3, release, maxMessageSize=str(size)).earliest_message_time()
        for size in (half, half + 1)
    ]
    assert times == [NOW, -1]


@pytest.mark.parametrize("release", [RELEASE_4_6, RELEASE_4_9, RELEASE_5_5])
def test_the_earliest_time_is_that_of_the_first_file_that_is_there(release: Release) -> None:
    """STORE-READ-12."""
    store = filled(12, release, maxMessageSize="200")
    files = store.commit_log.mapped_file_queue
    assert files.mapped_files[0].destroy()
    files.remove_first(1)
    record = store.select_one_message_by_offset(store.min_phy_offset)
    assert record is not None
    first = decode_record(record, release=release)
    assert first is not None
    assert first.physical_offset > 0
    assert store.earliest_message_time() == first.store_timestamp


def test_offsets_and_times_of_a_queue() -> None:
    store = filled(5)
    assert store.message_store_timestamp(T, Q, QueueOffset(3)) == NOW + 3
    assert store.message_store_timestamp(T, Q, QueueOffset(5)) == -1
    assert store.commit_log_offset_in_queue(T, Q, QueueOffset(9)) == 0
    assert store.message_total_in_queue(T, Q) == 5
    assert store.queues.find("none", 0) is None


@pytest.mark.parametrize(("ratio", "expected"), [("40", False), ("0", True)])
def test_far_messages_count_as_on_disk(ratio: str, expected: bool) -> None:
    """STORE-READ-7."""
    store = filled(3, accessMessageInMemoryMaxRatio=ratio)
    assert store.check_in_disk_by_consume_offset(T, Q, QueueOffset(0)) is expected
    assert store.check_in_disk_by_consume_offset(T, Q, QueueOffset(7)) is False
