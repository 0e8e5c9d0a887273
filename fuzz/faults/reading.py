"""Faults of dispatch, of the index, and of what is read and asked."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from unittest.mock import patch

from fuzz.faults.fault import Fault
from fuzz.on_purpose.edited import edited
from refimpl.model.disk import DiskError
from refimpl.model.ids import Millis
from refimpl.model.status import GetMessageStatus
from refimpl.remoting.body.query import QueryConsumeQueueResponseBody
from refimpl.store import queue_reader
from refimpl.store.consume_queue import ConsumeQueue
from refimpl.store.index_file import IndexFile
from refimpl.store.reput import ReputMessageService

Patch = AbstractContextManager[object]
_outside = queue_reader.outside
_step = ReputMessageService.step
_sync = ReputMessageService.sync
_DELTA_BITS = (1 << 31) - 1
_INT_MAX = (1 << 31) - 1


def _back_to_zero() -> Patch:
    def outside(
        offset: int, min_offset: int, max_offset: int
    ) -> tuple[GetMessageStatus, int] | None:
        found = _outside(offset, min_offset, max_offset)
        if found is not None and found[0] is GetMessageStatus.OFFSET_OVERFLOW_BADLY:
            return found[0], min_offset if min_offset == 0 else max_offset
        return found

    return patch("refimpl.store.message_reader.outside", outside)


def _milliseconds_in_the_index() -> Patch:
    def since(self: IndexFile, store_timestamp: int) -> int:
        return (store_timestamp - self.begin_timestamp) & _DELTA_BITS

    return patch.object(IndexFile, "_seconds_since_begin", since)


def _whole_seconds() -> Patch:
    select = IndexFile.select_phy_offset

    def select_phy_offset(self: IndexFile, phy_offsets: list[int], key: str, **how: object) -> None:
        how["store_time"] = lambda _offset: -1
        select(self, phy_offsets, key, **how)  # type: ignore[arg-type]

    return patch.object(IndexFile, "select_phy_offset", select_phy_offset)


def _dispatch_dies() -> Patch:
    dead: set[int] = set()

    def sync(self: ReputMessageService) -> None:
        try:
            _sync(self)
        except DiskError:
            dead.add(id(self))
            raise

    def step(self: ReputMessageService, now: Millis) -> Millis | None:
        return None if id(self) in dead else _step(self, now)

    return patch.multiple(ReputMessageService, sync=sync, step=step)


def _encoded_before_it_is_filled() -> Patch:
    encode = QueryConsumeQueueResponseBody.encode

    def empty(self: QueryConsumeQueueResponseBody, release: object) -> bytes:
        return encode(replace(self, queue_data=None), release)  # type: ignore[arg-type]

    return patch.object(QueryConsumeQueueResponseBody, "encode", empty)


def _gaps_are_closed() -> Patch:
    return patch.object(ConsumeQueue, "_fill_gap", lambda _self, _expected: None)


def _expired_queue_begins_as_before() -> Patch:
    old = "if last[0] < min_physical_offset:"
    return edited(ConsumeQueue, "correct_min_offset", old, "if last[0] < 0:")


FAULTS: Mapping[str, Fault] = {
    "B23": Fault(
        issue="#4215",
        layer="dispatch",
        title="A pull beyond the end restarts from 0",
        patch=_back_to_zero,
        cases=("STORE-READ-5/*",),
        tests=("tests/store/test_queue_reader.py::test_offsets_outside",),
    ),
    "B26": Fault(
        issue="#322",
        layer="dispatch",
        title="The index tells its times in another unit",
        patch=_milliseconds_in_the_index,
        cases=("STORE-INDEX-4/*",),
        tests=("tests/store/test_index_file.py::test_entries_are_chained_and_timed",),
    ),
    "B28": Fault(
        issue="#7902",
        layer="dispatch",
        title="Dispatch dies of one error: acknowledged messages never become visible",
        patch=_dispatch_dies,
        machines=("CommitLog",),
        hidden="needs a disk that refuses",
    ),
    "B30": Fault(
        issue="#1787",
        layer="dispatch",
        title="The answer to a consume queue query is encoded before it is filled",
        patch=_encoded_before_it_is_filled,
        cases=("BROKER-ADMIN-38/*",),
        tests=("tests/broker/test_admin.py::test_entries_of_a_queue",),
    ),
    "S04": Fault(
        issue="#5174",
        layer="dispatch",
        title="A query for the very time of a message does not find it",
        patch=_whole_seconds,
        cases=("STORE-INDEX-8/*", "BROKER-QUERY-1/*"),
        tests=("tests/store/test_index_file.py::test_rounding_hides_nothing",),
    ),
    "#7355": Fault(
        issue="#7355",
        layer="dispatch",
        title="A unit behind a gap is appended at the end: every later one is at a wrong offset",
        patch=_gaps_are_closed,
        tests=("tests/store/test_consume_queue.py::test_a_gap_is_filled",),
        hidden="needs a power failure that takes units whose records retention took before",
    ),
    "#8753": Fault(
        issue="#8753",
        layer="dispatch",
        title="A queue of which every record has expired still begins at its old minimum",
        patch=_expired_queue_begins_as_before,
        tests=("tests/store/test_consume_queue.py::test_an_expired_queue",),
        cases=("STORE-CQ-5/expired-queue",),
        release="5.5",
    ),
}
