"""Faults of the commit log, its files, its flush, recovery, and the small files beside it."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from unittest.mock import patch

from fuzz.faults.fault import Fault
from fuzz.on_purpose.edited import edited
from fuzz.planted import store_files, store_side
from fuzz.planted.broker_side import PLANTED
from refimpl.model import message_codec
from refimpl.model.ids import Millis
from refimpl.model.message import MessageExtBrokerInner
from refimpl.model.status import PutMessageStatus
from refimpl.store import append_message, recovery
from refimpl.store.append_message import PutMessageResult
from refimpl.store.commit_log import CommitLog
from refimpl.store.errors import StoreLoadRefused
from refimpl.store.flush_manager import FlushManager
from refimpl.store.index_service import IndexService
from refimpl.store.mapped_file import MappedFile
from refimpl.store.mapped_file_queue import MappedFileQueue
from refimpl.store.store_checkpoint import StoreCheckpoint

Patch = AbstractContextManager[object]

_load = MappedFileQueue.load
_put_message = CommitLog.put_message
_load_index = IndexService.load


def _checkpoint_without_margin() -> Patch:
    def min_timestamp(self: StoreCheckpoint) -> int:
        return max(0, min(self.physic_msg_timestamp, self.logics_msg_timestamp))

    return patch.object(StoreCheckpoint, "min_timestamp", property(min_timestamp))


def _other_length_ends_the_load() -> Patch:
    def load(self: MappedFileQueue, *, after_crash: bool = False) -> None:
        try:
            _load(self, after_crash=after_crash)
        except StoreLoadRefused:
            return

    return patch.object(MappedFileQueue, "load", load)


def _file_without_a_look() -> Patch:
    def find(
        self: MappedFileQueue, offset: int, return_first_on_not_found: bool = False
    ) -> MappedFile | None:
        files = self.mapped_files
        if not files:
            return None
        index = offset // self.file_size - files[0].file_from_offset // self.file_size
        if index < len(files):
            return files[max(index, 0)]
        return files[0] if return_first_on_not_found else None

    return patch.object(MappedFileQueue, "find_mapped_file_by_offset", find)


def _lock_time_stays() -> Patch:
    failures = {PutMessageStatus.UNKNOWN_ERROR, PutMessageStatus.CREATE_MAPPED_FILE_FAILED}

    def put_message(self: CommitLog, inner: MessageExtBrokerInner, now: Millis) -> PutMessageResult:
        self.begin_time_in_lock = now
        result = _put_message(self, inner, now)
        if result.status not in failures:
            self.begin_time_in_lock = Millis(0)
        return result

    return patch.object(CommitLog, "put_message", put_message)


def _what_was_cut_stays() -> Patch:
    return patch.object(recovery, "_close_dirty_tail", lambda _queue: None)


def _index_stays_lost() -> Patch:
    def load(self: IndexService, *, last_exit_ok: bool, index_msg_timestamp: int) -> None:
        _load_index(self, last_exit_ok=last_exit_ok, index_msg_timestamp=index_msg_timestamp)
        self.rebuild_from = None

    return patch.object(IndexService, "load", load)


@contextmanager
def _lengths_are_cut() -> Iterator[None]:
    """Each part is looked at alone; the length of both together is written into sixteen bits."""
    alone = "properties_length = len(entry.properties) + (common + 1 if common else 0)"
    cut = "_SHORT.pack(java.i16(len(properties)))"
    with (
        edited(append_message, "batch_entries", alone, "properties_length = len(entry.properties)"),
        patch.object(message_codec, "PROPERTIES_MAX_LENGTH", 1 << 30),
        edited(message_codec, "_encode", "_SHORT.pack(len(properties))", cut),
    ):
        yield


def _nobody_commits() -> Patch:
    return patch.object(FlushManager, "commit_log", lambda _self, _pages: False)


FAULTS: Mapping[str, Fault] = {
    "B20": Fault(
        issue="#7523",
        layer="store",
        title="With the transient pool nobody commits: nothing is flushed, nothing is shown",
        patch=_nobody_commits,
        cases=("STORE-FLUSH-9/pool",),
        machines=("AsyncFlush", "Store"),
    ),
    "B01": Fault(
        issue="#467",
        layer="recovery",
        title="The checkpoint is used without its margin of three seconds",
        patch=_checkpoint_without_margin,
        machines=("Store",),
        seed=4,
        hidden="needs a power failure between two forces of the same second",
    ),
    "B02": Fault(
        issue="#3467",
        layer="store",
        title="Loading ends in silence at a file of another length",
        patch=_other_length_ends_the_load,
        cases=("STORE-FILES-2/*",),
        tests=("tests/store/test_mapped_file_queue.py::test_wrong_length_refuses_the_start",),
    ),
    "B03": Fault(
        issue="#6903",
        layer="recovery",
        title="An empty last file, as a crash leaves it, blocks the start",
        patch=store_files.empty_file_refuses_the_start,
        cases=("STORE-FILES-3/*",),
        machines=("Store",),
    ),
    "B04": Fault(
        issue="ROCKETMQ-332",
        layer="store",
        title="A file is found by its number alone, without a look at its offset",
        patch=_file_without_a_look,
        cases=("STORE-CQ-5/expired-queue",),
        machines=("Store",),
    ),
    "B06": Fault(
        issue="#3459",
        layer="store",
        title="After one failed append every later one is refused as busy",
        patch=_lock_time_stays,
        machines=("Store",),
        seed=6,
        hidden="needs a disk that refuses",
    ),
    "B13": Fault(
        issue="#5905",
        layer="offset",
        title="A configuration file is replaced without a force: a crash leaves neither",
        patch=PLANTED["5905-deleted-before-the-new-one-is-durable"].patch,
        machines=("ConsumerOffsets", "TopicConfig"),
        hidden="needs a power failure",
    ),
    "B14": Fault(
        issue="#9705",
        layer="offset",
        title="A torn configuration file becomes the backup",
        patch=PLANTED["9705-backup-of-a-torn-file"].patch,
        machines=("TopicConfig", "ConsumerOffsets"),
        hidden="needs two power failures",
    ),
    "B16": Fault(
        issue="#8239",
        layer="dispatch",
        title="A message is readable before it is durable under SYNC_FLUSH",
        patch=store_side.shows_what_is_written,
        machines=("Store",),
        hidden="needs a power failure after the read",
    ),
    "B21": Fault(
        issue="#9713",
        layer="store",
        title="The flushed position moves although the force failed",
        patch=store_side.failed_force_counts,
        machines=("Store", "AsyncFlush"),
        hidden="needs a disk that refuses",
    ),
    "B69": Fault(
        issue="#3786",
        layer="store",
        title="The length of the properties in a batch is cut to sixteen bits",
        patch=_lengths_are_cut,
        cases=("STORE-LOG-10/*",),
        tests=("tests/store/test_commit_log.py::test_properties_of_a_batch_are_not_cut",),
    ),
    "S05": Fault(
        issue="#8007",
        layer="recovery",
        title="A crash takes keys out of the index for good",
        patch=_index_stays_lost,
        cases=("STORE-INDEX-11/*",),
        machines=("Store",),
    ),
    "S06": Fault(
        issue="#10017",
        layer="recovery",
        title="Records that a recovery cut off come back after the next crash",
        patch=_what_was_cut_stays,
        cases=("STORE-RECOVERY-6/*",),
        tests=("tests/store/test_recovery_cases.py::test_cut_off_records_of_equal_size",),
    ),
}
