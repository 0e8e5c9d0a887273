"""The invariants hold of a working store, and each of them can fail."""

from collections.abc import Callable

import pytest

from fuzz.store_rig import START, message
from refimpl.model.ids import Millis
from refimpl.model.release import RELEASES, Release
from refimpl.store.invariants import violations
from refimpl.store.message_store import MessageStore
from tests.store.harness import open_store, open_with, run

NOW = Millis(START + 5)


def working(release: Release | None = None, **settings: str) -> MessageStore:
    overrides = {"mappedFileSizeCommitLog": "500", **settings}
    store = open_with(overrides, release=release or RELEASES["4.9"])
    for i in range(9):
        store.put_message(message(b"x" * 30 * i, queue_id=i % 2), NOW)
    run(store, Millis(NOW + 10))
    return store


@pytest.mark.parametrize("release", list(RELEASES.values()), ids=lambda r: r.name)
@pytest.mark.parametrize("flush", ["SYNC_FLUSH", "ASYNC_FLUSH"])
def test_hold_of_a_working_store(release: Release, flush: str) -> None:
    store = working(release, flushDiskType=flush)
    assert violations(store) == []
    disk = store.disk
    again = open_store(disk.image(), release, mappedFileSizeCommitLog="500")  # type: ignore[attr-defined]
    assert violations(again) == []


def _break_flushed(store: MessageStore) -> None:
    store.commit_log.mapped_file_queue.flushed_where = store.max_phy_offset + 1


def _break_body(store: MessageStore) -> None:
    store.disk.write(f"commitlog/{0:020d}", 95, b"!")
    store.disk.write(f"commitlog/{0:020d}", 185, b"!")


def _break_unit(store: MessageStore) -> None:
    store.disk.write(
        f"consumequeue/T/0/{0:020d}", 20, store.disk.read(f"consumequeue/T/1/{0:020d}", 0, 20)
    )


def _break_order(store: MessageStore) -> None:
    store.disk.write(f"consumequeue/T/0/{0:020d}", 20, bytes(8))


def _break_offsets(store: MessageStore) -> None:
    store.commit_log.topic_queue_table["T", 0] = 1


def _break_files(store: MessageStore) -> None:
    del store.commit_log.mapped_file_queue.mapped_files[1]


@pytest.mark.parametrize(
    ("harm", "name"),
    [
        (_break_flushed, "PositionsOrdered"),
        (_break_body, "LogIsWhole"),
        (_break_unit, "UnitsPointToTheirRecords"),
        (_break_order, "UnitsGrow"),
        (_break_offsets, "OffsetsAreGivenOnce"),
        (_break_files, "FilesMeet"),
    ],
)
def test_each_can_fail(harm: Callable[[MessageStore], None], name: str) -> None:
    store = working()
    harm(store)
    assert name in {text.partition(":")[0] for text in violations(store)}
