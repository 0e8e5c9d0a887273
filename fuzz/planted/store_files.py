"""More planted bugs of the store: files, dispatch, retention."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from fuzz.planted.store_side import refusal_takes_an_offset
from fuzz.stateful.registry import Planted
from refimpl.model.effect import Span
from refimpl.model.ids import Millis
from refimpl.model.message import MessageExtBrokerInner
from refimpl.store import append_message
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


PLANTED = {
    "asks-for-too-little-in-files": Planted(
        "MappedFileQueue", "STORE-PROMISE-1", asks_for_too_little
    ),
    "asks-for-too-little-sync": Planted("GroupCommit", "STORE-FLUSH-2", asks_for_too_little),
    "asks-for-too-little-async": Planted("AsyncFlush", "STORE-FLUSH-1", asks_for_too_little),
    "failed-force-starts-over-in-files": Planted(
        "MappedFileQueue", "STORE-FLUSH-1", failed_force_starts_over
    ),
    "failed-force-starts-over": Planted("AsyncFlush", "STORE-FLUSH-1", failed_force_starts_over),
    "failed-force-starts-over-in-store": Planted(
        "Store", "OffsetsGrowInv", failed_force_starts_over
    ),
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
