"""All index files of a store. Vectors: "time_strings"."""

import pytest

from fuzz.store_rig import ForgetfulDisk, message
from refimpl.model.disk import Disk, DiskError
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue, Millis, PhysicalOffset, Topic
from refimpl.model.message_codec import DispatchRequest
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, Release
from refimpl.sim.crash_disk import CrashDisk
from refimpl.sim.crash_images import Extreme
from refimpl.sim.disk_faults import DiskFault, DiskFaults, FaultPoint
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.index_service import IndexService, time_millis_to_human_string
from refimpl.store.store_event import ForceWanted
from tests import vectors
from tests.store.harness import open_store
from tests.vectors import Vector

NOW = Millis(1_700_000_000_000)


def service(disk: Disk, release: Release = RELEASE_4_9) -> IndexService:
    return IndexService(disk, hash_slot_num=4, index_num=8, release=release)


def request(
    offset: int,
    *,
    keys: str | None = "k",
    uniq_key: str | None = None,
    tags: str | None = None,
    sys_flag: int = 0,
    at: int = NOW,
) -> DispatchRequest:
    return DispatchRequest(
        success=True,
        msg_size=100,
        topic=Topic("T"),
        commit_log_offset=PhysicalOffset(offset),
        store_timestamp=Millis(at),
        keys=keys,
        uniq_key=uniq_key,
        sys_flag=sys_flag,
        properties={} if tags is None else {"TAGS": tags},
    )


def query(
    index: IndexService, key: str, max_num: int = 10, index_type: str | None = None
) -> tuple[int, ...]:
    return index.query_offset(
        "T",
        key,
        max_num,
        0,
        NOW + 100_000,
        max_msgs_num_batch=64,
        store_time=lambda _: -1,
        index_type=index_type,
    ).phy_offsets


def test_names_are_times() -> None:
    def ours(_release: Release, vector: Vector) -> JsonValue:
        assert isinstance(vector.input, int)
        assert isinstance(vector.output, list)
        return [time_millis_to_human_string(vector.input), *vector.output[1:]]

    assert vectors.mismatches("time_strings", ours) == []


@pytest.mark.parametrize("release", [RELEASE_4_6, RELEASE_4_9, RELEASE_5_5])
def test_unique_key_keys_and_tags(release: Release) -> None:
    """STORE-INDEX-1."""
    index = service(MemoryDisk(), release)
    index.build_index(request(0, keys=" a  b ", uniq_key="U", tags="t"), NOW)
    assert [query(index, key) for key in ("U", "a", "b", "", "t")] == [(0,), (0,), (0,), (), ()]
    tagged = release is RELEASE_5_5
    assert query(index, "t", index_type="T") == ((0,) if tagged else ())
    assert sum(f.index_count - 1 for f in index.index_files) == (4 if tagged else 3)


@pytest.mark.parametrize(("sys_flag", "count"), [(0, 1), (4, 1), (8, 1), (12, 0)])
def test_a_rolled_back_transaction_is_not_indexed(sys_flag: int, count: int) -> None:
    """STORE-INDEX-1."""
    index = service(MemoryDisk())
    index.build_index(request(0, sys_flag=sys_flag), NOW)
    assert len(query(index, "k")) == count


def test_what_is_indexed_is_not_indexed_again() -> None:
    """STORE-INDEX-1: below the end of the last file."""
    index = service(MemoryDisk())
    for offset in (0, 100, 200, 100, 0):
        index.build_index(request(offset), NOW)
    assert query(index, "k") == (200, 100, 0)


def test_files_follow_one_another_in_one_millisecond() -> None:
    """STORE-INDEX-5 and STORE-INDEX-10."""
    disk = MemoryDisk()
    index = service(disk)
    for n in range(20):
        index.build_index(request(n * 100, at=NOW + n), NOW)
    index.sync()
    assert len(index.index_files) == 3
    names = [f.path for f in index.index_files]
    assert names == sorted(set(names))
    assert [f.begin_phy_offset for f in index.index_files] == [0, 700, 1400]
    assert query(index, "k", 20) == tuple(range(1900, -1, -100))
    assert [f.path for f in index.take_full_files()] == names[:2]
    assert index.take_full_files() == ()
    again = service(disk)
    again.load(last_exit_ok=True, index_msg_timestamp=0)
    assert query(again, "k", 20) == query(index, "k", 20)


def test_a_query_is_bounded() -> None:
    """STORE-INDEX-9."""
    index = service(MemoryDisk())
    for n in range(20):
        index.build_index(request(n * 100), NOW)
    result = index.query_offset("T", "k", 99, 0, NOW, max_msgs_num_batch=5, store_time=lambda _: -1)
    assert result.phy_offsets == (1900, 1800, 1700, 1600, 1500)
    assert (result.index_last_update_phyoffset, result.index_last_update_timestamp) == (1900, NOW)
    assert query(index, "k", 0) == ()
    with pytest.raises(InvalidInput):
        query(index, "k", -1)


def test_a_query_stops_at_the_first_file_before_its_window() -> None:
    """STORE-INDEX-6."""
    index = service(MemoryDisk())
    for n in range(20):
        index.build_index(request(n * 100, at=NOW + n * 10_000), Millis(NOW + n * 10_000))
    result = index.query_offset(
        "T", "k", 99, NOW + 80_000, NOW + 120_000, max_msgs_num_batch=64, store_time=lambda _: -1
    )
    # 700 is the first entry of its file: Apache dates it ten seconds late, and we find that too
    assert result.phy_offsets == (1200, 1100, 1000, 900, 800, 700)


def test_a_file_before_one_that_begins_with_the_window_is_visited() -> None:
    """STORE-INDEX-6: messages of one millisecond may lie in two files."""
    index = service(MemoryDisk())
    for n in range(9):
        index.build_index(request(n * 100), NOW)
    found = index.query_offset(
        "T", "k", 99, NOW, NOW, max_msgs_num_batch=64, store_time=lambda _: -1
    )
    assert found.phy_offsets == tuple(range(800, -1, -100))


def test_the_first_message_of_a_file_is_found_at_its_time() -> None:
    """STORE-INDEX-8."""
    index = service(MemoryDisk())
    for n in range(20):
        index.build_index(request(n * 100, at=NOW + n * 10_000), Millis(NOW + n * 10_000))
    for n in range(20):
        at = NOW + n * 10_000
        found = index.query_offset(
            "T", "k", 99, at, at, max_msgs_num_batch=64, store_time=lambda _: -1
        )
        assert n * 100 in found.phy_offsets


def test_expired_files_go_and_the_last_stays() -> None:
    """STORE-INDEX-12."""
    disk = MemoryDisk()
    index = service(disk)
    for n in range(20):
        index.build_index(request(n * 100), NOW)
    assert index.delete_expired_file(600) == 0
    assert index.delete_expired_file(601) == 1
    assert index.delete_expired_file(1 << 40) == 1
    assert len(index.index_files) == len(disk.files()) == 1
    assert index.delete_expired_file(1 << 40) == 0


def test_a_crash_takes_no_key() -> None:
    """STORE-INDEX-11: the file is dropped, and its keys are there again."""
    disk = MemoryDisk()
    store = open_store(disk, RELEASE_4_9)
    for n in range(12):
        store.put_message(message(properties={"KEYS": f"k{n}"}), Millis(NOW + n))
    store.reput.step(NOW)
    image = disk.image()
    wanted = [
        len(store.query_message(Topic("T"), f"k{n}", 9, 0, NOW + 99).records) for n in range(12)
    ]
    assert wanted == [1] * 12
    again = open_store(image, RELEASE_4_9)
    found = [
        len(again.query_message(Topic("T"), f"k{n}", 9, 0, NOW + 99).records) for n in range(12)
    ]
    assert found == wanted


def test_an_index_that_waits_to_be_rebuilt_takes_nothing() -> None:
    """STORE-INDEX-11: else later records would hide earlier ones."""
    disk = MemoryDisk()
    index = service(disk)
    index.build_index(request(300), NOW)
    index.sync()
    again = service(disk)
    again.load(last_exit_ok=False, index_msg_timestamp=0)
    assert again.rebuild_from == 0
    assert disk.files() == {}
    again.build_index(request(500), NOW)
    assert again.index_files == []
    again.rebuilt()
    again.build_index(request(300), NOW)
    assert query(again, "k") == (300,)


@pytest.mark.parametrize(
    ("covers", "kept"), [(NOW + 5, 0), (NOW + 6, 0), (NOW + 7, 1), (NOW + 99, 1)]
)
def test_only_full_files_that_are_covered_survive_a_crash(covers: int, kept: int) -> None:
    """STORE-INDEX-11: the last file may be torn even where its header is old enough."""
    disk = MemoryDisk()
    index = service(disk)
    for n in range(10):
        index.build_index(request(n * 100, at=NOW + n), NOW)
    index.sync()
    again = service(disk)
    again.load(last_exit_ok=False, index_msg_timestamp=covers)
    assert len(again.index_files) == kept
    assert again.rebuild_from == kept * 600


def test_a_file_that_was_lost_with_its_name_is_rebuilt() -> None:
    """STORE-INDEX-11: a power failure may leave no trace of the last file."""
    again = service(MemoryDisk())
    again.load(last_exit_ok=False, index_msg_timestamp=NOW)
    assert again.rebuild_from == 0


def test_names_of_index_files_are_durable() -> None:
    """STORE-INDEX-11, STORE-FILES-11."""
    disk = CrashDisk()
    index = service(disk)
    index.build_index(request(0), NOW)
    after = CrashDisk.from_image(disk.crash().extreme(Extreme.NOTHING))
    assert after.list("index") == disk.list("index")


def test_a_failed_force_of_an_index_file_holds_the_checkpoint_back() -> None:
    """STORE-INDEX-10: a later file that was forced covers nothing before it."""
    disk = ForgetfulDisk()
    index = service(disk)
    for n in range(20):
        index.build_index(request(n * 100, at=NOW + n), NOW)
    index.sync()
    first, second = index.take_full_files()
    disk.fail_force(first.path)
    index.force_failed(first)
    disk.force(second.path)
    second.unforced = False
    assert index.forced_until() == 0
    assert index.take_full_files() == (first,)
    disk.force(first.path)
    assert disk.is_durable(first.path, 0, first.file_total_size)
    first.unforced = False
    assert index.forced_until() == second.end_timestamp == NOW + 13


def test_an_orderly_end_forces_the_last_file() -> None:
    """STORE-FLUSH-13: keys are found after a power failure that follows it."""
    disk = CrashDisk()
    store = open_store(disk)
    store.put_message(message(properties={"KEYS": "k"}), NOW)
    store.shutdown(NOW)
    for _ in range(20):
        for event in store.poll():
            if isinstance(event, ForceWanted):
                disk.force(event.path)
                store.forced(event.token, failed=False, now=NOW)
    after = CrashDisk.from_image(disk.crash().extreme(Extreme.NOTHING))
    assert len(open_store(after).query_message(Topic("T"), "k", 9, 0, NOW + 99).records) == 1


def test_an_index_that_is_ahead_of_the_log_is_dropped() -> None:
    """STORE-INDEX-11: else new records below its end would never be indexed."""
    disk = MemoryDisk()
    index = service(disk)
    for n in range(20):
        index.build_index(request(n * 100, at=NOW + n), NOW)
    index.sync()
    again = service(disk)
    again.load(last_exit_ok=False, index_msg_timestamp=NOW + 99)
    assert [f.end_phy_offset for f in again.index_files] == [600, 1300]
    again.forget_from(1300)
    assert [f.end_phy_offset for f in again.index_files] == [600]
    assert again.rebuild_from == 600
    again.forget_from(0)
    assert (again.index_files, again.rebuild_from, disk.list("index")) == ([], 0, ())


@pytest.mark.parametrize("position", [44, 80, 100, 160, 190])
def test_a_covered_file_with_a_hole_is_built_anew(position: int) -> None:
    """STORE-INDEX-11: the checkpoint of a former life covers what was built anew since."""
    disk = MemoryDisk()
    index = service(disk)
    for n in range(1, 11):
        index.build_index(request(n * 100, keys=f"k{n}", at=NOW + n), NOW)
    index.sync()
    path = index.index_files[0].path
    before = disk.read(path, position, 8)
    disk.write(path, position, bytes(8))
    again = service(disk)
    again.load(last_exit_ok=False, index_msg_timestamp=NOW + 99)
    assert before != bytes(8)
    assert (again.index_files, again.rebuild_from) == ([], 0)


def test_a_full_file_that_the_disk_refused_is_not_forced() -> None:
    """STORE-INDEX-10: what is gathered for it is written first, or nothing is named."""
    disk = CrashDisk()
    index = service(disk)
    disk.faults = DiskFaults([DiskFault(FaultPoint.NO_SPACE_WRITE, "index/*", times=1000)])
    for n in range(10):
        index.build_index(request(n * 100, at=NOW + n), NOW)
    with pytest.raises(DiskError):
        index.take_full_files()
    disk.faults = None
    (full,) = index.take_full_files()
    disk.force(full.path)
    after = CrashDisk.from_image(disk.crash().extreme(Extreme.NOTHING))
    again = service(after)
    again.load(last_exit_ok=True, index_msg_timestamp=0)
    assert query(again, "k", 20) == tuple(range(600, -1, -100))
