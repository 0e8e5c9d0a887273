"""More planted bugs of the store: files, dispatch, retention."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from fuzz.planted.store_side import refusal_takes_an_offset
from fuzz.stateful.registry import Planted, planted_edit
from refimpl.model.effect import Span
from refimpl.model.ids import Millis
from refimpl.model.message import MessageExtBrokerInner
from refimpl.model.message_codec import BatchEntry
from refimpl.model.release import Release
from refimpl.store import append_message, commit_log
from refimpl.store.consume_queue import ConsumeQueue
from refimpl.store.errors import StoreLoadRefused
from refimpl.store.mapped_file import MappedFile
from refimpl.store.mapped_file_queue import FlushWanted, MappedFileQueue
from refimpl.store.reput import ReputMessageService


@contextmanager
def failed_force_starts_over() -> Iterator[None]:
    """After a failed force nothing counts as flushed any more."""

    def wrong(self: MappedFileQueue, _wanted: FlushWanted) -> None:
        self.flushed_where = self.min_offset

    with patch.object(MappedFileQueue, "dirty_again", wrong):
        yield


@contextmanager
def empty_file_refuses_the_start() -> Iterator[None]:
    """A last file of length zero stops the start (B03)."""
    right = MappedFileQueue.load

    def wrong(self: MappedFileQueue, *, after_crash: bool = False) -> None:
        for name in self.disk.list(self.directory):
            path = f"{self.directory}/{name}"
            if self.disk.size(path) == 0:
                raise StoreLoadRefused(path, 0, self.file_size)
        right(self, after_crash=after_crash)

    with patch.object(MappedFileQueue, "load", wrong):
        yield


@contextmanager
def full_files_only() -> Iterator[None]:
    """The last bytes of a file that is not full are never forced."""

    def wrong(self: MappedFile, least_pages: int) -> bool:
        del least_pages
        return self.is_full

    with patch.object(MappedFile, "is_able_to_flush", wrong):
        yield


@contextmanager
def dispatch_stands_still() -> Iterator[None]:
    """Reput forgets how far it came."""
    right = ReputMessageService.step

    def wrong(self: ReputMessageService, now: Millis) -> Millis | None:
        begun = self.reput_from_offset
        due = right(self, now)
        self.reput_from_offset = begun
        return due

    with patch.object(ReputMessageService, "step", wrong):
        yield


@contextmanager
def stores_another_body() -> Iterator[None]:
    """The body is stored backwards."""
    right = append_message.encode_record  # type: ignore[attr-defined]

    def wrong(inner: MessageExtBrokerInner, *rest: int) -> bytes:
        return right(replace(inner, body=inner.body[::-1]), *rest)

    with patch.object(append_message, "encode_record", wrong):
        yield


@contextmanager
def queues_keep_their_beginning() -> Iterator[None]:
    """The minimum of a queue does not follow the log."""

    def wrong(_self: ConsumeQueue, _min_physical_offset: int) -> None:
        return

    with patch.object(ConsumeQueue, "correct_min_offset", wrong):
        yield


@contextmanager
def asks_for_too_little() -> Iterator[None]:
    """A force is asked for the bytes but the last record's end, and believed to be of all."""
    right = MappedFileQueue.flush

    def wrong(self: MappedFileQueue, least_pages: int) -> FlushWanted | None:
        wanted = right(self, least_pages)
        if wanted is None:
            return None
        start, end = wanted.span
        return wanted._replace(span=Span(start, max(start, end - 30)))

    with patch.object(MappedFileQueue, "flush", wrong):
        yield


@contextmanager
def large_batches_are_refused() -> Iterator[None]:
    """A batch of four is said to fit no file."""
    right = append_message.batch_exceeds_file

    def wrong(
        inner: MessageExtBrokerInner, entries: list[BatchEntry], release: Release, size: int
    ) -> bool:
        return len(entries) == _LARGE_BATCH or right(inner, entries, release, size)

    with patch.object(commit_log, "batch_exceeds_file", wrong):
        yield


@contextmanager
def store_time_is_the_producers() -> Iterator[None]:
    """The store time that is told is not that of the append."""
    right = commit_log.do_append  # type: ignore[attr-defined]

    def wrong(*arguments: object) -> append_message.AppendMessageResult:
        result = right(*arguments)  # type: ignore[arg-type]
        return result._replace(store_timestamp=Millis(result.store_timestamp - 1))

    with patch.object(commit_log, "do_append", wrong):
        yield


@contextmanager
def queues_begin_again() -> Iterator[None]:
    """Every second look at the beginning of a queue finds it at zero."""
    right = ConsumeQueue.correct_min_offset

    def wrong(self: ConsumeQueue, min_physical_offset: int) -> None:
        if self.min_logic_offset:
            self.min_logic_offset = 0
        else:
            right(self, min_physical_offset)

    with patch.object(ConsumeQueue, "correct_min_offset", wrong):
        yield


@contextmanager
def dispatch_passes_the_end() -> Iterator[None]:
    """Dispatch that has caught up says that it is one byte further."""
    right = ReputMessageService.step

    def wrong(self: ReputMessageService, now: Millis) -> Millis | None:
        due = right(self, now)
        self.reput_from_offset += not self.behind()
        return due

    with patch.object(ReputMessageService, "step", wrong):
        yield


_LARGE_BATCH = 4
_FILES = "MappedFileQueue"

PLANTED = {
    "large-batches-are-refused": Planted("CommitLog", "STORE-LOG-11", large_batches_are_refused),
    "store-time-is-another": Planted("CommitLog", "STORE-LOG-13", store_time_is_the_producers),
    "queues-begin-again": Planted("CommitLog", "STORE-PROMISE-11", queues_begin_again),
    "dispatch-passes-the-end": Planted("CommitLog", "STORE-CQ-18", dispatch_passes_the_end),
    "rolls-one-file-too-far-in-files": planted_edit(
        _FILES,
        "FilesMeet",
        MappedFileQueue,
        "roll",
        "last.file_from_offset + self.file_size",
        "last.file_from_offset + 2 * self.file_size",
    ),
    **{
        f"flushed-beyond-the-end-in-{name}": planted_edit(
            machine,
            "PositionsOrdered",
            MappedFileQueue,
            "flushed",
            "self.flushed_where = wanted.where",
            "self.flushed_where = wanted.where + 1",
        )
        for name, machine in (("files", _FILES), ("async", "AsyncFlush"))
    },
    "last-file-goes-at-the-start": planted_edit(
        _FILES,
        "STORE-PROMISE-2",
        MappedFileQueue,
        "load",
        "if size == 0 and is_last and (",
        "if is_last and (",
    ),
    "asks-for-too-little-in-files": Planted(
        "MappedFileQueue", "STORE-PROMISE-1", asks_for_too_little
    ),
    "asks-for-too-little-sync": Planted("GroupCommit", "STORE-FLUSH-2", asks_for_too_little),
    "asks-for-too-little-async": Planted("AsyncFlush", "STORE-FLUSH-1", asks_for_too_little),
    "failed-force-starts-over-in-files": Planted(
        "MappedFileQueue", "STORE-FLUSH-1", failed_force_starts_over
    ),
    "failed-force-starts-over": Planted("AsyncFlush", "STORE-FLUSH-1", failed_force_starts_over),
    "empty-file-refuses-the-start": Planted(
        "MappedFileQueue", "STORE-FILES-3", empty_file_refuses_the_start
    ),
    "full-files-only": Planted("MappedFileQueue", "STORE-FLUSH-7", full_files_only),
    "dispatch-stands-still": Planted("CommitLog", "STORE-CQ-15", dispatch_stands_still),
    "stores-another-body": Planted("CommitLog", "STORE-PROMISE-5", stores_another_body),
    "queues-keep-their-beginning": Planted(
        "CommitLog", "STORE-RETENTION-5", queues_keep_their_beginning
    ),
    "refusal-takes-an-offset-sync": Planted(
        "GroupCommit", "STORE-FILES-5", refusal_takes_an_offset
    ),
    "refusal-takes-an-offset-async": Planted(
        "AsyncFlush", "STORE-FILES-5", refusal_takes_an_offset
    ),
}
