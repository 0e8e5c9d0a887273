"""Planted bugs that only a store with all its parts, and often only its next life, shows.

Each is an edit of one function. Together with `store_side` and `store_files` there is one at least
for every invariant that the machine of the store names.
"""

# ruff: noqa: SLF001 - a bug is planted inside

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from unittest.mock import patch

from fuzz import store_lives
from fuzz.on_purpose.edited import edited
from fuzz.planted.store_files import empty_file_refuses_the_start, stores_another_body
from fuzz.planted.store_side import dispatch_skips
from fuzz.stateful.registry import Planted, planted_edit
from refimpl.model.ids import Millis, QueueOffset
from refimpl.model.java import crc32
from refimpl.model.message import MessageExtBrokerInner
from refimpl.model.message_codec import decode_record
from refimpl.model.release import RELEASE_4_9
from refimpl.store import append_message, commit_log, queue_reader, recovery
from refimpl.store.append_message import AppendMessageResult
from refimpl.store.commit_log import CommitLog
from refimpl.store.consume_queue import ConsumeQueue
from refimpl.store.flush_manager import FlushManager
from refimpl.store.index_service import IndexService
from refimpl.store.mapped_file_queue import MappedFileQueue
from refimpl.store.message_store import MessageStore
from refimpl.store.recovery import LogScan
from refimpl.store.reput import ReputMessageService
from refimpl.store.store_reads import StoreReads

_CRC = 8  # where a record has the checksum of its body
_EDITS: tuple[tuple[str, str, type | ModuleType, str, str, str], ...] = (
    (
        "confirms-what-is-not-there",
        "ConfirmedIsReadable",
        CommitLog,
        "confirm_offset",
        "else self.mapped_file_queue.max_offset",
        "else self.mapped_file_queue.max_offset + 1",
    ),
    (
        "rolls-one-file-too-far",
        "FilesMeet",
        MappedFileQueue,
        "roll",
        "last.file_from_offset + self.file_size",
        "last.file_from_offset + 2 * self.file_size",
    ),
    (
        "flushed-beyond-the-end",
        "PositionsOrdered",
        MappedFileQueue,
        "flushed",
        "self.flushed_where = wanted.where",
        "self.flushed_where = wanted.where + 1",
    ),
    (
        "forgets-what-queues-gave",
        "OffsetsAreGivenOnce",
        MessageStore,
        "_recover_topic_queue_table",
        "log.topic_queue_table = table",
        "log.topic_queue_table = dict.fromkeys(table, 0)",
    ),
    (
        "leaves-an-offset-out",
        "STORE-PROMISE-11",
        MessageStore,
        "_recover_topic_queue_table",
        "log.topic_queue_table = table",
        "log.topic_queue_table = {key: offset + 1 for key, offset in table.items()}",
    ),
    (
        "never-drained",
        "STORE-FILES-9",
        FlushManager,
        "drain",
        "return self._checkpoint_token is None",
        "return False",
    ),
    (
        "dispatches-what-is-not-durable",
        "STORE-FLUSH-2",
        ReputMessageService,
        "step",
        "end = log.confirm_offset()",
        "end = log.max_offset()",
    ),
    (
        "dispatch-begins-again",
        "OffsetsGrowInv",
        ReputMessageService,
        "step",
        "self._attempts = 0",
        "self.reput_from_offset *= self.reput_from_offset > begun",
    ),
    (
        "nobody-looks-after-a-force",
        "STORE-FLUSH-5",
        FlushManager,
        "_log_forced",
        "return self._run_group_commit(now)",
        "return None",
    ),
    (
        "query-gives-one-too-many",
        "STORE-INDEX-9",
        IndexService,
        "query_offset",
        "min(max_num, max_msgs_num_batch)",
        "min(max_num, max_msgs_num_batch) + 1",
    ),
    (
        "refusal-is-counted-in-the-queue",
        "STORE-LOG-1",
        MessageStore,
        "_failed",
        "return result",
        'self.commit_log.topic_queue_table["T", 0] = 9\n    return result',
    ),
    (
        "recovery-keeps-nothing",
        "STORE-PROMISE-2",
        MappedFileQueue,
        "truncate_dirty_files",
        "mapped_file.set_positions(offset % self.file_size)",
        "mapped_file.set_positions(0)",
    ),
    (
        "reads-on-behind-a-torn-record",
        "STORE-PROMISE-3",
        LogScan,
        "records",
        "if not blank or i + 1 == len(self._files):",
        "if i + 1 == len(self._files):",
    ),
    (
        "a-late-answer-is-a-refusal",
        "STORE-PROMISE-4",
        FlushManager,
        "_complete",
        "self.replica_status.pop(ticket, answer.status)",
        "PutMessageStatus.SERVICE_NOT_AVAILABLE",
    ),
    (
        "what-was-cut-off-stays",
        "STORE-PROMISE-7",
        MappedFileQueue,
        "truncate_dirty_files",
        "mapped_file.destroy()",
        "pass",
    ),
    (
        "unit-with-another-size",
        "UnitsPointToRecords",
        ReputMessageService,
        "dispatch",
        "request.msg_size,\n            request.tags_code",
        "request.msg_size + 1,\n            request.tags_code",
    ),
    (
        "queue-counts-twice",
        "UnitsAreThere",
        ConsumeQueue,
        "put_message_position_info",
        "self._end += CQ_STORE_UNIT_SIZE",
        "self._end += 2 * CQ_STORE_UNIT_SIZE",
    ),
    (
        "last-byte-of-a-unit-is-not-written",
        "UnitsAreWhole",
        ConsumeQueue,
        "sync",
        "bytes(self._pending)",
        "bytes(self._pending)[:-1]",
    ),
    (
        "units-point-to-the-beginning",
        "UnitsGrow",
        ConsumeQueue,
        "put_message_position_info",
        "UNIT.pack(physical_offset,",
        "UNIT.pack(0,",
    ),
    (
        "units-are-written-backwards",
        "UnitsPointToTheirRecords",
        ConsumeQueue,
        "sync",
        "bytes(self._pending)",
        'b"".join(UNIT.pack(*unit) for unit in reversed(list(UNIT.iter_unpack(self._pending))))',
    ),
    (
        "ends-without-a-force",
        "STORE-PROMISE-9",
        FlushManager,
        "drain",
        "if self._force_log(0) or self._begin_round(0):",
        "if False:",
    ),
)


@contextmanager
def stores_a_wrong_checksum() -> Iterator[None]:
    """The checksum of a body is another one."""
    right = append_message.encode_record  # type: ignore[attr-defined]

    def wrong(inner: MessageExtBrokerInner, *rest: int) -> bytes:
        record = right(inner, *rest)
        return record[:_CRC] + bytes(4) + record[_CRC + 4 :]

    with patch.object(append_message, "encode_record", wrong):
        yield


@contextmanager
def checksums_are_made_anew() -> Iterator[None]:
    """A reader is given the checksum of the bytes that are there."""
    right = queue_reader._LogWindow.message

    def wrong(self: queue_reader._LogWindow, offset: int, size: int) -> bytes | None:
        record = right(self, offset, size)
        message = None if record is None else decode_record(record, release=RELEASE_4_9)
        if record is None or message is None:
            return record
        return record[:_CRC] + crc32(message.body).to_bytes(4, "big") + record[_CRC + 4 :]

    with patch.object(queue_reader._LogWindow, "message", wrong):
        yield


@contextmanager
def readers_see_what_is_written() -> Iterator[None]:
    """Whoever pulls lets everything be dispatched that is written, durable or not."""
    right = StoreReads.get_message

    def wrong(self: MessageStore, *arguments: object) -> object:
        with patch.object(CommitLog, "confirm_offset", CommitLog.max_offset):
            self.reput.step(Millis(0))
        return right(self, *arguments)  # type: ignore[arg-type]

    with patch.object(StoreReads, "get_message", wrong):
        yield


@contextmanager
def a_torn_head_takes_no_place() -> Iterator[None]:
    """The next message gets the offset at which dispatch will put a record with a torn head.

    Where that matters is made frequent: under SYNC_FLUSH, and most failures of power tear a head.
    """
    where = "growth.placed(offset) if offset else growth.appended()"
    modes = dict.fromkeys(store_lives.MODES, store_lives.MODES["sync"])
    with (
        edited(recovery, "_read", where, "growth.placed(offset)"),
        patch.object(store_lives, "MODES", modes),
        patch.object(store_lives, "ONE_TORN", range(4, 10)),
    ):
        yield


@contextmanager
def tells_another_place() -> Iterator[None]:
    """The producer is told the queue offset of the message after his."""
    right = commit_log.do_append  # type: ignore[attr-defined]

    def wrong(*arguments: object) -> AppendMessageResult:
        result = right(*arguments)  # type: ignore[arg-type]
        return result._replace(logics_offset=QueueOffset(result.logics_offset + 1))

    with patch.object(commit_log, "do_append", wrong):
        yield


PLANTED = {
    **{
        name: planted_edit("Store", breaks, owner, function, old, new)
        for name, breaks, owner, function, old, new in _EDITS
    },
    **{
        f"{name}-in-store": Planted("Store", breaks, planted)
        for name, breaks, planted in (
            ("a-torn-head-takes-no-place", "STORE-PROMISE-10", a_torn_head_takes_no_place),
            ("stores-another-body", "STORE-PROMISE-5", stores_another_body),
            ("dispatch-skips", "STORE-PROMISE-10", dispatch_skips),
            ("empty-file-refuses-the-start", "STORE-PROMISE-12", empty_file_refuses_the_start),
            ("checksums-are-made-anew", "STORE-PROMISE-13", checksums_are_made_anew),
            ("readers-see-what-is-written", "STORE-PROMISE-8", readers_see_what_is_written),
            ("stores-a-wrong-checksum", "LogIsWhole", stores_a_wrong_checksum),
            ("tells-another-place", "STORE-PROMISE-6", tells_another_place),
        )
    },
}
