"""STORE-LOG-1..14, STORE-FILES-5: what a put stores, and what it refuses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.store_rig import START, message
from refimpl.model.disk import DiskError
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Address, Millis, PhysicalOffset, QueueId, Topic
from refimpl.model.message import MessageExtBrokerInner
from refimpl.model.message_codec import BLANK_MAGIC_CODE, BatchEntry, decode_record, encode_batch
from refimpl.model.override import override
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, RELEASES, Release
from refimpl.model.status import PutMessageStatus
from refimpl.model.sys_flag import (
    BORNHOST_V6_FLAG,
    STOREHOSTADDRESS_V6_FLAG,
    TRANSACTION_COMMIT_TYPE,
    TRANSACTION_PREPARED_TYPE,
    TRANSACTION_ROLLBACK_TYPE,
)
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.errors import AppendRefused
from refimpl.store.message_store import REPUT, MessageStore
from tests.store.harness import open_store, run

ALL = list(RELEASES.values())
NOW = Millis(START + 5)
PUT_OK = PutMessageStatus.PUT_OK
ILLEGAL = PutMessageStatus.MESSAGE_ILLEGAL
EXCEEDED = PutMessageStatus.PROPERTIES_SIZE_EXCEEDED
BUSY = PutMessageStatus.OS_PAGE_CACHE_BUSY
NOT_AVAILABLE = PutMessageStatus.SERVICE_NOT_AVAILABLE


class FragileDisk(MemoryDisk):
    """Refuses one operation while told to."""

    broken = ""

    @override
    def write(self, path: str, offset: int, data: bytes) -> None:
        if self.broken == "write" and path.startswith("commitlog/"):
            raise DiskError("write", path, "no space")
        super().write(path, offset, data)

    @override
    def create(self, path: str, size: int) -> None:
        if self.broken == "create" and path.startswith("commitlog/"):
            raise DiskError("create", path, "no space")
        super().create(path, size)


def state_of(store: MessageStore) -> tuple[object, ...]:
    """Everything that a refused put must leave alone."""
    disk = store.disk
    assert isinstance(disk, MemoryDisk)
    return disk.files(), store.max_phy_offset, dict(store.commit_log.topic_queue_table)


def long_properties(length: int) -> dict[str, str]:
    """One property whose text has `length` characters in every release, separator included."""
    return {"k": "v" * (length - 3)}


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
def test_a_stored_message_has_what_was_given(release: Release) -> None:
    """STORE-LOG-7, STORE-LOG-13: places, offsets and the time of the append."""
    store = open_store(release=release)
    for i in range(3):
        result = store.put_message(message(b"%d" % i, queue_id=2), Millis(NOW + i))
        assert result.status is PUT_OK
        append = result.append
        assert append is not None
        record = store.select_one_message_by_offset(append.wrote_offset)
        assert record is not None
        assert len(record) == append.wrote_bytes
        found = decode_record(record, release=release)
        assert found is not None
        assert (found.queue_offset, found.body, found.store_timestamp) == (i, b"%d" % i, NOW + i)
        assert append.msg_id == f"7F00000100002A9F{append.wrote_offset:016X}"
        assert append.logics_offset == i


@pytest.mark.parametrize(
    ("sys_flag", "offsets"),
    [
        (TRANSACTION_PREPARED_TYPE, [0, 0, 0]),
        (TRANSACTION_ROLLBACK_TYPE, [0, 0, 0]),
        (TRANSACTION_COMMIT_TYPE, [1, 2, 3]),
        (0, [1, 2, 3]),
    ],
)
def test_prepared_messages_take_no_offset(sys_flag: int, offsets: list[int]) -> None:
    """STORE-LOG-7."""
    store = open_store()
    store.put_message(message(), NOW)
    found = [store.put_message(message(sys_flag=sys_flag), NOW).append for _ in range(3)]
    assert [append.logics_offset for append in found if append] == offsets
    last = store.put_message(message(), NOW).append
    assert last is not None
    assert last.logics_offset == max(*offsets, 0) + 1


ORDER = [
    # release, faults -> the first answer
    (RELEASE_4_6, ("slave", "topic"), NOT_AVAILABLE),
    (RELEASE_4_6, ("flags", "busy"), NOT_AVAILABLE),
    (RELEASE_4_6, ("topic", "properties", "busy"), ILLEGAL),
    (RELEASE_4_6, ("properties", "busy"), EXCEEDED),
    (RELEASE_4_6, ("busy",), BUSY),
    (RELEASE_4_9, ("topic", "properties", "busy"), BUSY),
    (RELEASE_4_9, ("topic", "properties"), ILLEGAL),
    (RELEASE_4_9, ("properties",), ILLEGAL),
    (RELEASE_5_5, ("topic", "busy"), ILLEGAL),
    (RELEASE_5_5, ("properties", "busy"), BUSY),
    (RELEASE_5_5, ("properties",), EXCEEDED),
    (RELEASE_5_5, ("inner",), ILLEGAL),
    (RELEASE_5_5, ("inner", "busy"), BUSY),
    (RELEASE_5_5, ("inner-flag",), ILLEGAL),
    (RELEASE_4_9, ("inner",), PUT_OK),
    (RELEASE_4_9, ("inner-flag",), PUT_OK),
    (RELEASE_4_9, ("shutdown", "busy"), NOT_AVAILABLE),
]


@pytest.mark.parametrize(("release", "faults", "expected"), ORDER)
def test_order_of_refusals(
    release: Release, faults: tuple[str, ...], expected: PutMessageStatus
) -> None:
    """STORE-LOG-1, STORE-LOG-2: the first failing check answers, and nothing changed."""
    store = open_store(release=release, mappedFileSizeCommitLog="100000")
    properties = long_properties(32769) if "properties" in faults else {}
    if "inner" in faults:
        properties["INNER_NUM"] = "2"
    topic = "t" * 128 if "topic" in faults else "T"
    if "slave" in faults:
        store.update_config(store.config.updated({"brokerRole": "SLAVE"}))
    if "flags" in faults:
        store.running_flags.set_disk_full(full=True)
    if "busy" in faults:
        store.commit_log.begin_time_in_lock = Millis(NOW - 1001)
    if "shutdown" in faults:
        store.shutdown(NOW)
    before = state_of(store)
    sys_flag = 1 << 7 if "inner-flag" in faults else 0
    result = store.put_message(message(topic=topic, properties=properties, sys_flag=sys_flag), NOW)
    assert result.status is expected
    assert (state_of(store) == before) == (expected is not PUT_OK)


@pytest.mark.parametrize(
    ("release", "topic", "expected"),
    [
        (RELEASE_4_9, "t" * 127, PUT_OK),
        (RELEASE_4_9, "t" * 128, ILLEGAL),
        (RELEASE_4_9, "é" * 64, ILLEGAL),  # 64 characters, but 128 bytes
        (RELEASE_4_9, "%RETRY%" + "g" * 121, ILLEGAL),
        (RELEASE_5_5, "t" * 127, PUT_OK),
        (RELEASE_5_5, "é" * 64, ILLEGAL),
        (RELEASE_5_5, "%RETRY%" + "g" * 248, PUT_OK),
        (RELEASE_5_5, "%RETRY%" + "g" * 249, ILLEGAL),
    ],
)
def test_length_of_a_topic(release: Release, topic: str, expected: PutMessageStatus) -> None:
    """STORE-LOG-3."""
    store = open_store(release=release, mappedFileSizeCommitLog="4096")
    result = store.put_message(message(topic=topic), NOW)
    assert result.status is expected
    if result.append is not None:
        found = store.look_message_by_offset(result.append.wrote_offset)
        assert found is not None
        assert found.topic == topic


@pytest.mark.parametrize("release", [RELEASE_4_6, RELEASE_5_5], ids=lambda r: r.name)
def test_a_topic_is_measured_before_the_page_cache_is_asked(release: Release) -> None:
    """STORE-LOG-3: by the limit itself, and not by the length byte of the record."""
    store = open_store(release=release)
    store.commit_log.begin_time_in_lock = Millis(NOW - 1001)
    assert store.put_message(message(topic="t" * 127), NOW).status is BUSY
    assert store.put_message(message(topic="t" * 128), NOW).status is ILLEGAL


@pytest.mark.parametrize(
    ("release", "body", "expected"),
    [
        (RELEASE_4_6, 1000 - 92, PUT_OK),  # 91 bytes of fields, and a topic of one
        (RELEASE_4_6, 1000 - 91, ILLEGAL),
        (RELEASE_4_9, 1000, PUT_OK),
        (RELEASE_4_9, 1001, ILLEGAL),
        (RELEASE_5_5, 1000, PUT_OK),
        (RELEASE_5_5, 1001, ILLEGAL),
    ],
)
def test_greatest_message(release: Release, body: int, expected: PutMessageStatus) -> None:
    """STORE-LOG-4."""
    store = open_store(release=release, maxMessageSize="1000", mappedFileSizeCommitLog="100000")
    before = state_of(store)
    assert store.put_message(message(b"x" * body), NOW).status is expected
    assert (state_of(store) == before) == (expected is not PUT_OK)


@pytest.mark.parametrize(
    ("release", "status"), [(RELEASE_4_6, ILLEGAL), (RELEASE_4_9, PUT_OK), (RELEASE_5_5, PUT_OK)]
)
def test_limit_may_change_while_running(release: Release, status: PutMessageStatus) -> None:
    """STORE-LOG-4."""
    store = open_store(release=release, maxMessageSize="1000", mappedFileSizeCommitLog="100000")
    store.update_config(store.config.updated({"maxMessageSize": "2000"}))
    assert store.put_message(message(b"x" * 1500), NOW).status is status


@pytest.mark.parametrize(
    ("release", "status"),
    [(RELEASE_4_6, ILLEGAL), (RELEASE_4_9, EXCEEDED), (RELEASE_5_5, EXCEEDED)],
)
def test_properties_are_counted_in_bytes(release: Release, status: PutMessageStatus) -> None:
    """STORE-LOG-4: few characters, many bytes."""
    store = open_store(release=release, mappedFileSizeCommitLog="100000")
    before = state_of(store)
    assert store.put_message(message(properties={"k": "é" * 16400}), NOW).status is status
    assert state_of(store) == before
    assert store.put_message(message(properties={"k": "é" * 16380}), NOW).status is PUT_OK


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
@pytest.mark.parametrize(("level", "queue", "kept"), [("3", 2, "3"), ("99", 17, "18")])
def test_delayed_message_goes_through_the_schedule_topic(
    release: Release, level: str, queue: int, kept: str
) -> None:
    """STORE-LOG-5."""
    store = open_store(release=release)
    result = store.put_message(message(queue_id=5, properties={"DELAY": level}), NOW)
    assert result.append is not None
    found = store.look_message_by_offset(result.append.wrote_offset)
    assert found is not None
    assert (found.topic, found.queue_id) == ("SCHEDULE_TOPIC_XXXX", queue)
    assert found.properties == {"DELAY": kept, "REAL_TOPIC": "T", "REAL_QID": "5"}
    store.step(REPUT, NOW)
    unit = store.consume_queue(Topic("SCHEDULE_TOPIC_XXXX"), QueueId(queue))
    assert unit is not None
    delay = {2: 10_000, 17: 7_200_000}[queue]
    assert unit.get(0) == (0, result.append.wrote_bytes, NOW + delay)


@pytest.mark.parametrize(
    ("sys_flag", "level"), [(TRANSACTION_PREPARED_TYPE, "3"), (0, "0"), (0, "-1")]
)
def test_not_everything_with_a_level_is_delayed(sys_flag: int, level: str) -> None:
    """STORE-LOG-5."""
    store = open_store()
    store.put_message(message(sys_flag=sys_flag, properties={"DELAY": level}), NOW)
    found = store.look_message_by_offset(store.min_phy_offset)
    assert found is not None
    assert (found.topic, dict(found.properties)) == ("T", {"DELAY": level})


def test_a_level_that_is_no_number_stores_nothing() -> None:
    """STORE-LOG-1: Java throws NumberFormatException out of the put."""
    store = open_store()
    before = state_of(store)
    with pytest.raises(InvalidInput):
        store.put_message(message(properties={"DELAY": "soon"}), NOW)
    assert state_of(store) == before


@pytest.mark.parametrize(
    ("born", "store_host", "flags"),
    [
        ("::1", "127.0.0.1", BORNHOST_V6_FLAG),
        ("127.0.0.1", "::1", STOREHOSTADDRESS_V6_FLAG),
        ("127.0.0.1", "127.0.0.1", 0),
    ],
)
@pytest.mark.parametrize("sent", [0, BORNHOST_V6_FLAG | STOREHOSTADDRESS_V6_FLAG])
def test_address_bits_follow_the_addresses(
    born: str, store_host: str, flags: int, sent: int
) -> None:
    """STORE-LOG-6."""
    plain = message()
    inner = MessageExtBrokerInner(
        topic=plain.topic, queue_id=plain.queue_id, body=b"b", flag=0, sys_flag=sent,
        properties={}, properties_string="", tags_code=0, born_timestamp=NOW,
        born_host=Address(born, 1), store_host=Address(store_host, 2),
    )  # fmt: skip
    store = open_store()
    assert store.put_message(inner, NOW).status is PUT_OK
    found = store.look_message_by_offset(store.min_phy_offset)
    assert found is not None
    assert found.sys_flag == flags
    assert (found.born_host.port, found.store_host.port) == (1, 2)


@settings(max_examples=60, deadline=None)
@given(bodies=st.lists(st.integers(0, 300), min_size=1, max_size=12))
def test_records_and_blanks_fill_the_files(bodies: list[int]) -> None:
    """STORE-LOG-8: walking the files from record to record meets every message once."""
    store = open_store(mappedFileSizeCommitLog="500")
    for i, size in enumerate(bodies):
        result = store.put_message(message(bytes([i]) * size), NOW)
        assert result.append is not None
        assert result.append.logics_offset == i
    offset, seen = 0, []
    while offset < store.max_phy_offset:
        head = store.commit_log.get_message(offset, 8)
        assert head is not None
        size = int.from_bytes(head[:4], "big")
        if int.from_bytes(head[4:], "big", signed=True) == BLANK_MAGIC_CODE:
            assert size == 500 - offset % 500
            assert size >= 8
        else:
            assert offset % 500 + size + 8 <= 500
            found = store.look_message_by_offset(PhysicalOffset(offset))
            assert found is not None
            seen.append(found.queue_offset)
        offset += size
    assert seen == list(range(len(bodies)))


@pytest.mark.parametrize(("left", "place"), [(8, 192), (7, 500)])
def test_eight_bytes_stay_free_behind_a_record(left: int, place: int) -> None:
    """STORE-LOG-8: to the byte; one more, and the record begins the next file."""
    store = open_store(mappedFileSizeCommitLog="500")
    fields = 92
    store.put_message(message(b"x" * 100), NOW)
    result = store.put_message(message(b"x" * (500 - 192 - left - fields)), NOW)
    assert result.append is not None
    assert result.append.wrote_offset == place


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
def test_what_fits_no_file_is_refused(release: Release) -> None:
    """STORE-LOG-9: Apache answers PUT_OK and loses it."""
    store = open_store(release=release, mappedFileSizeCommitLog="500")
    store.put_message(message(), NOW)
    before = state_of(store)
    fields = 92
    assert store.put_message(message(b"x" * (500 - fields - 7)), NOW).status is ILLEGAL
    assert state_of(store) == before
    assert store.put_message(message(b"x" * (500 - fields - 8)), NOW).status is PUT_OK


def batch(*bodies: bytes, properties: bytes = b"") -> bytes:
    return encode_batch([BatchEntry(0, body, properties) for body in bodies], RELEASE_4_9)


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
def test_batch_is_whole(release: Release) -> None:
    """STORE-LOG-11: consecutive places in one file, even where it has to roll."""
    store = open_store(release=release, mappedFileSizeCommitLog="500")
    store.put_message(message(b"x" * 200), NOW)
    result = store.put_messages(message(encoded_batch=batch(b"one", b"two", b"three")), NOW)
    append = result.append
    assert result.status is PUT_OK
    assert append is not None
    assert (append.msg_num, append.logics_offset, append.wrote_offset) == (3, 1, 500)
    ids = append.msg_id.split(",")
    found = [store.look_message_by_offset(PhysicalOffset(int(i[16:], 16))) for i in ids]
    assert [(m.body, m.queue_offset) for m in found if m] == [
        (b"one", 1), (b"two", 2), (b"three", 3),
    ]  # fmt: skip
    following = store.put_message(message(), NOW).append
    assert following is not None
    assert following.logics_offset == 4


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
def test_batch_that_fits_no_file_is_refused(release: Release) -> None:
    """STORE-LOG-9, STORE-LOG-11: nothing of it is stored."""
    store = open_store(release=release, mappedFileSizeCommitLog="500")
    store.put_message(message(), NOW)
    before = state_of(store)
    inner = message(encoded_batch=batch(b"x" * 200, b"y" * 200))
    assert store.put_messages(inner, NOW).status is ILLEGAL
    assert state_of(store) == before


def test_no_file_is_made_for_a_batch_that_fits_none() -> None:
    """STORE-LOG-1, STORE-LOG-9: nor for the first record, nor behind a full file."""
    store = open_store(mappedFileSizeCommitLog="500")
    inner = message(encoded_batch=batch(b"x" * 200, b"y" * 200))
    assert store.put_messages(inner, NOW).status is ILLEGAL
    assert store.commit_log.mapped_file_queue.mapped_files == []


@pytest.mark.parametrize("release", ALL, ids=lambda r: r.name)
@pytest.mark.parametrize(
    ("sys_flag", "properties"),
    [(TRANSACTION_PREPARED_TYPE, {}), (TRANSACTION_COMMIT_TYPE, {}), (0, {"DELAY": "1"})],
)
def test_batch_is_neither_transactional_nor_delayed(
    release: Release, sys_flag: int, properties: dict[str, str]
) -> None:
    """STORE-LOG-12."""
    store = open_store(release=release)
    before = state_of(store)
    inner = message(sys_flag=sys_flag, properties=properties, encoded_batch=batch(b"one"))
    assert store.put_messages(inner, NOW).status is ILLEGAL
    assert state_of(store) == before


@pytest.mark.parametrize(
    ("release", "thrown"), [(RELEASE_4_6, False), (RELEASE_4_9, False), (RELEASE_5_5, True)]
)
def test_greatest_batch(release: Release, thrown: bool) -> None:
    """STORE-LOG-2: 5.5 checks the size where Java can only throw."""
    store = open_store(release=release, maxMessageSize="100", mappedFileSizeCommitLog="4096")
    before = state_of(store)
    inner = message(encoded_batch=batch(b"x" * 60, b"y" * 60))
    if thrown:
        with pytest.raises(AppendRefused, match="message body size exceeded"):
            store.put_messages(inner, NOW)
    else:
        assert store.put_messages(inner, NOW).status is ILLEGAL
    assert state_of(store) == before


def test_properties_of_a_batch_are_not_cut() -> None:
    """STORE-LOG-10 (B69)."""
    store = open_store(mappedFileSizeCommitLog="200000")
    before = state_of(store)
    inner = message(
        properties={"k": "v" * 20000},
        encoded_batch=batch(b"one", properties=b"a\x01" + b"b" * 20000),
    )
    with pytest.raises(AppendRefused):
        store.put_messages(inner, NOW)
    assert state_of(store) == before


@pytest.mark.parametrize(("length", "fits"), [(32767, True), (32768, False)])
def test_greatest_properties_in_a_batch(length: int, fits: bool) -> None:
    """STORE-LOG-10: its own and those that the batch adds, with what parts them."""
    store = open_store(mappedFileSizeCommitLog="200000")
    before = state_of(store)
    common = {"k": "v"}
    own = length - len("k\x01v") - 1
    entry = batch(b"one", properties=b"a\x01".ljust(own, b"b"))
    inner = message(properties=common, encoded_batch=entry)
    if fits:
        assert store.put_messages(inner, NOW).status is PUT_OK
    else:
        with pytest.raises(AppendRefused, match="Properties size"):
            store.put_messages(inner, NOW)
        assert state_of(store) == before


@pytest.mark.parametrize("cut", [1, 21, 24])
def test_malformed_batch_stores_nothing(cut: int) -> None:
    """STORE-LOG-1."""
    store = open_store()
    before = state_of(store)
    with pytest.raises(AppendRefused):
        store.put_messages(message(encoded_batch=batch(b"one", b"two")[:-cut]), NOW)
    assert state_of(store) == before


@pytest.mark.parametrize(
    ("release", "wait", "expected"),
    [
        (RELEASE_4_6, None, PutMessageStatus.SLAVE_NOT_AVAILABLE),
        (RELEASE_4_9, "true", PutMessageStatus.SLAVE_NOT_AVAILABLE),
        (RELEASE_4_9, "false", PUT_OK),
        (RELEASE_5_5, None, PUT_OK),
    ],
)
def test_synchronous_master_without_a_slave(
    release: Release, wait: str | None, expected: PutMessageStatus
) -> None:
    """STORE-LOG-14: stored, and the sender knows that there is one copy."""
    store = open_store(release=release, brokerRole="SYNC_MASTER")
    properties = {} if wait is None else {"WAIT": wait}
    result = store.put_message(message(properties=properties), NOW)
    assert result.status is expected
    run(store, NOW)
    assert store.max_offset_in_queue(Topic("T"), QueueId(0)) == 1


@pytest.mark.parametrize(
    ("broken", "status"),
    [
        ("write", PutMessageStatus.UNKNOWN_ERROR),
        ("create", PutMessageStatus.CREATE_MAPPED_FILE_FAILED),
    ],
)
def test_a_failed_put_does_not_hurt_the_next(broken: str, status: PutMessageStatus) -> None:
    """STORE-FILES-5 (B06)."""
    disk = FragileDisk()
    store = open_store(disk, mappedFileSizeCommitLog="300")
    first = store.put_message(message(b"x" * 150), NOW).append
    assert first is not None
    disk.broken = broken
    body = b"y" * (20 if broken == "write" else 150)
    assert store.put_message(message(body), NOW).status is status
    disk.broken = ""
    result = store.put_message(message(b"z" * 150), NOW)
    assert result.status is PUT_OK
    assert result.append is not None
    assert result.append.logics_offset == 1
    run(store, NOW)
    assert store.max_offset_in_queue(Topic("T"), QueueId(0)) == 2


def test_reads_of_the_log_stay_inside_it() -> None:
    store = open_store(mappedFileSizeCommitLog="500")
    for _ in range(6):
        store.put_message(message(b"x" * 100), NOW)
    log = store.commit_log
    assert log.get_message(500, 192) is not None
    assert log.get_message(500, 501) is None
    assert log.get_data(0, 10_000) == log.get_message(0, 500)
    assert log.roll_next_file(0) == log.roll_next_file(499) == 500
    assert log.pickup_store_timestamp(500, 192) == NOW
    assert log.pickup_store_timestamp(10_000, 10) == -1
