"""What goes, when, and what is spared."""

import pytest

from fuzz.store_rig import message
from refimpl.model.config import Config
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Group, Millis, QueueId, QueueOffset, Topic
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, Release
from refimpl.model.status import GetMessageStatus
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.message_store import MessageStore
from refimpl.store.retention import CleanService, DiskLevels, disk_levels, is_time_to_do
from tests.store.harness import open_store

HOUR = 3_600_000
START = Millis(1_700_000_000_000 // (24 * HOUR) * 24 * HOUR)  # midnight
NOON = Millis(START + 96 * HOUR + 12 * HOUR)
AT_FOUR = Millis(START + 96 * HOUR + 4 * HOUR)
RELEASES = [RELEASE_4_6, RELEASE_4_9, RELEASE_5_5]
T, Q = Topic("T"), QueueId(0)


def filled(
    release: Release = RELEASE_4_9, count: int = 24, **overrides: str
) -> tuple[MemoryDisk, MessageStore, CleanService]:
    """About four files of the log, all written at START."""
    disk = MemoryDisk()
    disk.now = START
    store = open_store(disk, release, START, **overrides)
    for _ in range(count):
        store.put_message(message(), START)
        store.reput.step(START)
    cleaner = CleanService(
        disk=disk,
        log=store.commit_log,
        queues=store.queues,
        index=store.index_service,
        flags=store.running_flags,
        config=store.config,
        release=release,
    )
    return disk, store, cleaner


def log_files(disk: MemoryDisk) -> int:
    return len(disk.list("commitlog"))


@pytest.mark.parametrize("release", RELEASES)
def test_expired_files_go_at_their_hour(release: Release) -> None:
    """STORE-RETENTION-1, STORE-RETENTION-5."""
    disk, store, cleaner = filled(release)
    before = log_files(disk)
    assert before >= 3
    assert cleaner.run(NOON) == 0
    assert cleaner.run(Millis(START + 71 * HOUR)) == 0  # not expired, and not the hour
    assert cleaner.run(Millis(START + 52 * HOUR)) == 0  # four o'clock, not expired
    assert log_files(disk) == before
    assert cleaner.run(AT_FOUR) == before - 1
    assert log_files(disk) == 1
    beginning = store.commit_log.min_offset()
    assert beginning > 0
    least = store.min_offset_in_queue(T, Q)
    first = store.commit_log_offset_in_queue(T, Q, QueueOffset(least))
    assert beginning <= first
    gone = store.get_message(Group("g"), T, Q, QueueOffset(0), 1, None, AT_FOUR)
    assert gone is not None
    assert (gone.status, gone.next_begin_offset) == (GetMessageStatus.OFFSET_TOO_SMALL, least)


def test_a_file_expires_to_the_millisecond() -> None:
    """STORE-RETENTION-1: at least fileReservedTime hours ago."""
    _, store, cleaner = filled(fileReservedTime="72")
    cleaner.execute_delete_files_manually()
    assert cleaner.run(Millis(START + 72 * HOUR - 1)) == 0
    assert cleaner.run(Millis(START + 72 * HOUR)) > 0
    assert store.commit_log.min_offset() > 0


def test_queues_and_index_follow() -> None:
    """STORE-RETENTION-5: but the last file of each stays."""
    disk, store, cleaner = filled(count=1)
    for number in range(24):
        store.put_message(message(properties={"KEYS": f"k{number}"}), START)
        store.reput.step(START)
    queue = store.queues.find_or_create("T", 0).mapped_file_queue
    before = len(disk.list("index")), len(queue.mapped_files)
    assert min(before) > 2
    cleaner.run(AT_FOUR)
    assert 0 < len(disk.list("index")) < before[0]
    assert 0 < len(queue.mapped_files) < before[1]


@pytest.mark.parametrize(
    ("when", "hour", "expected"),
    [("04", 4, True), ("04", 5, False), ("4;16", 16, True), ("04;", 4, True), ("24", 0, False)],
)
def test_delete_when_lists_hours(when: str, hour: int, expected: bool) -> None:
    """STORE-RETENTION-2."""
    assert is_time_to_do(when, Millis(START + hour * HOUR + 59 * 60_000)) is expected


@pytest.mark.parametrize("when", ["x", "", " 4", "5;;4"])
def test_no_number_ends_the_round(when: str) -> None:
    """STORE-RETENTION-2."""
    with pytest.raises(InvalidInput):
        is_time_to_do(when, AT_FOUR)
    disk, _, cleaner = filled(deleteWhen=when or "x")
    cleaner.execute_delete_files_manually()
    before = log_files(disk)
    assert cleaner.run(AT_FOUR) == 0
    assert log_files(disk) == before


@pytest.mark.parametrize("release", RELEASES)
def test_space_makes_expired_files_go_at_any_hour(release: Release) -> None:
    """STORE-RETENTION-3: age counts still."""
    disk, _, cleaner = filled(release)
    disk.used = 0.80
    assert cleaner.run(Millis(START + HOUR)) == 0
    assert cleaner.run(NOON) > 0


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(("forcibly", "expected"), [("true", True), ("false", False)])
def test_a_nearly_full_disk_makes_files_go_whatever_their_age(
    release: Release, forcibly: str, expected: bool
) -> None:
    """STORE-RETENTION-3, STORE-RETENTION-1."""
    disk, _, cleaner = filled(release, cleanFileForciblyEnable=forcibly)
    disk.used = 0.86
    assert (cleaner.run(Millis(START + HOUR)) > 0) is expected


@pytest.mark.parametrize("release", RELEASES)
def test_the_disk_is_full_until_it_is_clearly_emptier(release: Release) -> None:
    """STORE-RETENTION-3: no put between the levels on the way down."""
    disk, store, cleaner = filled(release)
    seen = []
    for used in (0.89, 0.91, 0.89, 0.86, 0.85, 0.89):
        disk.used = used
        cleaner.run(START)
        seen.append(store.running_flags.is_writeable)
    assert seen == [True, False, False, False, True, True]


def test_a_full_disk_is_noticed_between_rounds() -> None:
    """STORE-RETENTION-4: by the upper level alone."""
    disk, store, cleaner = filled()
    seen = []
    for used in (0.91, 0.89):
        disk.used = used
        seen.append((cleaner.check_disk_space(), store.running_flags.is_writeable))
    assert seen == [(True, False), (False, True)]


@pytest.mark.parametrize(
    ("release", "expected"),
    [(RELEASE_4_9, DiskLevels(0.90, 0.85, 0.5)), (RELEASE_5_5, DiskLevels(0.60, 0.30, 0.5))],
)
def test_levels_are_settings_since_5_5(release: Release, expected: DiskLevels) -> None:
    """STORE-RETENTION-3: within their bounds."""
    settings = {
        "diskMaxUsedSpaceRatio": "50",
        "diskSpaceWarningLevelRatio": "60",
        "diskSpaceCleanForciblyRatio": "10",
    }
    assert disk_levels(Config.of(release, "broker", settings), release) == expected


def test_twenty_rounds_by_hand() -> None:
    """STORE-RETENTION-6."""
    disk, store, cleaner = filled()
    cleaner.execute_delete_files_manually()
    assert cleaner.run(Millis(START + HOUR)) == 0
    assert cleaner.s.manual_delete_file_several_times == 19
    assert cleaner.run(NOON) > 0
    for _ in range(18):
        cleaner.run(NOON)
    assert cleaner.s.manual_delete_file_several_times == 0
    disk.now = NOON
    for _ in range(24):
        store.put_message(message(), NOON)
    assert cleaner.run(Millis(NOON + 90 * HOUR)) == 0


SYSTEM = ["SCHEDULE_TOPIC_XXXX", "RMQ_SYS_TRANS_HALF_TOPIC", "RMQ_SYS_TRANS_OP_HALF_TOPIC"]


@pytest.mark.parametrize("release", RELEASES)
def test_unused_topics_go_and_the_systems_stay(release: Release) -> None:
    """STORE-RETENTION-7, STORE-RETENTION-8."""
    disk, store, cleaner = filled(release, 2)
    for topic in ["Gone", "Kept", *SYSTEM]:
        store.put_message(message(topic=topic), START)
    store.reput.step(START)
    assert cleaner.clean_unused_topic({"T", "Kept"}) == 1
    assert set(store.queues.topics()) == {"T", "Kept", *SYSTEM}
    assert "Gone" not in disk.list("consumequeue")
    put = store.put_message(message(topic="Gone"), START)
    assert put.append is not None
    assert put.append.logics_offset == 0
    assert cleaner.clean_unused_topic({"T", "Kept", "Gone"}) == 0


def test_a_deleted_topic_begins_at_zero() -> None:
    """STORE-RETENTION-8: its neighbours are untouched."""
    disk, store, cleaner = filled(count=6)
    store.put_message(message(topic="U"), START)
    store.reput.step(START)
    assert cleaner.delete_topics(["T", "unknown"]) == 1
    assert disk.list("consumequeue") == ("U",)
    store.put_message(message(), START)
    store.reput.step(START)
    assert store.max_offset_in_queue(T, Q) == 1
    assert store.max_offset_in_queue(Topic("U"), Q) == 1


def test_expired_queues_go_on_demand() -> None:
    """STORE-RETENTION-9."""
    _, store, cleaner = filled(count=1)
    for topic in ("Old", SYSTEM[0]):
        store.put_message(message(topic=topic), START)
    store.queues.find_or_create("WithoutAUnit", 0)
    for _ in range(20):
        store.put_message(message(), START)
    store.reput.step(START)
    assert cleaner.clean_expired_consume_queue() == 0
    cleaner.run(AT_FOUR)
    assert cleaner.clean_expired_consume_queue() == 1
    assert set(store.queues.topics()) == {"T", SYSTEM[0], "WithoutAUnit"}
