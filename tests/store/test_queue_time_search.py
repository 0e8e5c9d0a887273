"""Search by time against a plain reading of the rule. STORE-CQ-11."""

from bisect import bisect_left, bisect_right

import pytest

from refimpl.model.ids import Millis
from refimpl.model.release import RELEASE_4_6, RELEASE_4_9, RELEASE_5_5, Release
from refimpl.sim.memory_disk import MemoryDisk
from refimpl.store.consume_queue import ConsumeQueue
from refimpl.store.queue_time_search import BoundaryType, offset_in_queue_by_time
from tests.store.fake_log import SIZE, FakeLog

TIMES = [1000, 1000, 1010, 1020, 1020, 1020, 1050, 1060, 1060, 1100]
UNITS = 4
LOWER, UPPER = BoundaryType.LOWER, BoundaryType.UPPER


def queue_of(times: list[int], release: Release, minimum: int = 0) -> tuple[ConsumeQueue, FakeLog]:
    log, disk = FakeLog(times, minimum), MemoryDisk()
    queue = ConsumeQueue(
        disk, "consumequeue", "T", 0, mapped_file_size=80, log=log, release=release
    )
    for n, time in enumerate(times):
        disk.now = Millis(time)
        queue.put_message_position_info(n * SIZE, SIZE, 0, n)
        queue.sync()
    queue.correct_min_offset(minimum)
    return queue, log


def test_lower_is_the_first_not_older() -> None:
    queue, log = queue_of(TIMES, RELEASE_5_5)
    for time in range(990, 1110):
        expected = bisect_left(TIMES, time)
        found = offset_in_queue_by_time(queue, log, time, LOWER, RELEASE_5_5)
        assert found == expected, time


def test_upper_is_the_last_not_newer() -> None:
    queue, log = queue_of(TIMES, RELEASE_5_5)
    for time in range(990, 1110):
        expected = max(0, bisect_right(TIMES, time) - 1)
        found = offset_in_queue_by_time(queue, log, time, UPPER, RELEASE_5_5)
        assert found == expected, time


@pytest.mark.parametrize("boundary", [LOWER, UPPER])
def test_the_answer_stays_in_the_queue(boundary: BoundaryType) -> None:
    queue, log = queue_of(TIMES, RELEASE_5_5, minimum=250)
    assert queue.min_offset_in_queue == 3
    assert offset_in_queue_by_time(queue, log, 0, boundary, RELEASE_5_5) == 3
    late = offset_in_queue_by_time(queue, log, 5000, boundary, RELEASE_5_5)
    assert late == (10 if boundary is LOWER else 9)


def nearest(time: int) -> set[int]:
    """Offsets that release 4.x may give: any of the exact time, else of the nearer neighbour."""
    files = [range(start, min(start + UNITS, len(TIMES))) for start in range(0, len(TIMES), UNITS)]
    chosen = next((f for f in files if TIMES[f[-1]] >= time), files[-1])
    exact = {n for n in chosen if TIMES[n] == time}
    if exact:
        return exact
    left = max((n for n in chosen if TIMES[n] < time), default=None)
    right = min((n for n in chosen if TIMES[n] > time), default=None)
    if left is None or right is None:
        return {n for n in (left, right) if n is not None}
    return {right if time - TIMES[left] > TIMES[right] - time else left}


@pytest.mark.parametrize("release", [RELEASE_4_6, RELEASE_4_9])
def test_before_boundaries_the_nearest_is_taken(release: Release) -> None:
    queue, log = queue_of(TIMES, release)
    for time in range(990, 1110):
        found = offset_in_queue_by_time(queue, log, time, LOWER, release)
        assert found in nearest(time), time


def test_releases_differ() -> None:
    found = []
    for release in (RELEASE_4_9, RELEASE_5_5):
        queue, log = queue_of(TIMES, release)
        found.append(offset_in_queue_by_time(queue, log, 5000, LOWER, release))
    assert found == [9, 10]


@pytest.mark.parametrize("release", [RELEASE_4_9, RELEASE_5_5])
def test_a_queue_without_files_answers_zero(release: Release) -> None:
    queue, log = queue_of([], release)
    assert offset_in_queue_by_time(queue, log, 1000, LOWER, release) == 0


def test_expired_messages_are_passed_over() -> None:
    queue, log = queue_of(TIMES, RELEASE_4_9)
    log.minimum = 200
    assert offset_in_queue_by_time(queue, log, 1, LOWER, RELEASE_4_9) == 2
