"""Planted bugs of the store: each breaks one invariant that a machine of the store watches."""
# ruff: noqa: SLF001 - a bug is planted inside

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from fuzz.stateful.registry import Planted
from refimpl.model.disk import DiskError
from refimpl.model.ids import Millis
from refimpl.model.message_codec import DispatchRequest
from refimpl.model.status import PutMessageStatus
from refimpl.sim.store_lab import StoreLab
from refimpl.store import append_message, commit_log, group_commit, mapped_file_queue
from refimpl.store import flush_manager as manager
from refimpl.store.append_message import AppendMessageResult
from refimpl.store.commit_log import CommitLog
from refimpl.store.flush_real_time import Rhythm
from refimpl.store.group_commit import GroupCommit, WakeupCustomer
from refimpl.store.index_service import IndexService
from refimpl.store.mapped_file import MappedFile
from refimpl.store.mapped_file_queue import FlushWanted, MappedFileQueue
from refimpl.store.message_store import MessageStore
from refimpl.store.reput import ReputMessageService


@contextmanager
def acks_on_wrote() -> Iterator[None]:
    """The group commit answers PUT_OK at once: what is written counts as forced."""

    def wrong(s: GroupCommit) -> tuple[GroupCommit, WakeupCustomer | None]:
        request, *rest = s.requests_read
        unanswered = tuple(r for r in s.unanswered if r is not request)
        state = group_commit._with(s, tuple(rest), unanswered, 0)
        answered = request in s.unanswered
        return state, WakeupCustomer(request, PutMessageStatus.PUT_OK) if answered else None

    with patch.object(group_commit, "do_commit", wrong):
        yield


@contextmanager
def gives_up_after_one_force() -> Iterator[None]:
    """One attempt for a producer, so that one whose record rolled hears a time-out (B17)."""
    right = group_commit.do_commit

    def wrong(s: GroupCommit) -> tuple[GroupCommit, group_commit.Flush | WakeupCustomer | None]:
        return right(replace(s, flush_attempts_max=1))

    with patch.object(group_commit, "do_commit", wrong):
        yield


@contextmanager
def expiry_forgets() -> Iterator[None]:
    """Nobody is told that his time is over."""

    def wrong(s: GroupCommit, _now: Millis) -> tuple[GroupCommit, None]:
        return s, None

    with patch.object(group_commit, "expire", wrong):
        yield


@contextmanager
def answers_twice() -> Iterator[None]:
    """A producer whose time is over stays among those who wait for the force."""
    right = group_commit.expire

    def wrong(s: GroupCommit, now: Millis) -> tuple[GroupCommit, WakeupCustomer | None]:
        state, answer = right(s, now)
        kept = s.unanswered if s.requests_read and answer else state.unanswered
        if kept is state.unanswered:
            return state, answer
        later = tuple(r._replace(deadline=Millis(r.deadline + 1)) for r in kept)
        return group_commit._with(state, later[: len(s.requests_read)], later, 0), answer

    with patch.object(group_commit, "expire", wrong):
        yield


@contextmanager
def failed_force_counts() -> Iterator[None]:
    """`flushed_where` advances although the force failed (B21)."""

    def wrong(self: MappedFileQueue, wanted: FlushWanted) -> None:
        self.flushed(wanted)

    with patch.object(MappedFileQueue, "dirty_again", wrong):
        yield


@contextmanager
def failed_force_forgets_what_came_later() -> Iterator[None]:
    """Only the bytes below the mark are written again; a failed force dropped all of them."""

    def wrong(self: MappedFileQueue, wanted: FlushWanted) -> None:
        found = self.find_mapped_file_by_offset(wanted.where - 1)
        if found is not None:
            start = max(self.flushed_where - found.file_from_offset, 0)
            length = wanted.where - found.file_from_offset - start
            self.disk.write(wanted.path, start, self.disk.read(wanted.path, start, length))

    with patch.object(MappedFileQueue, "dirty_again", wrong):
        yield


@contextmanager
def refused_write_moves_on() -> Iterator[None]:
    """The position moves although the disk took nothing."""
    right = MappedFile.append_message

    def wrong(self: MappedFile, data: bytes) -> bool:
        try:
            return right(self, data)
        except DiskError:
            self.wrote_position += len(data)
            raise

    with patch.object(MappedFile, "append_message", wrong):
        yield


@contextmanager
def flush_crosses_files() -> Iterator[None]:
    """One force is taken for everything that is written, also in the next file."""
    right = MappedFileQueue.flush

    def wrong(self: MappedFileQueue, least_pages: int) -> FlushWanted | None:
        wanted = right(self, least_pages)
        return None if wanted is None else wanted._replace(where=self.max_offset)

    with patch.object(MappedFileQueue, "flush", wrong):
        yield


@contextmanager
def lookup_takes_the_first() -> Iterator[None]:
    """A read that finds no file answers from the first one."""
    right = MappedFileQueue.read

    def wrong(self: MappedFileQueue, offset: int, length: int) -> bytes | None:
        data = right(self, offset, length)
        if data is None and self.mapped_files:
            return self.mapped_files[0].select(0, length)
        return data

    with patch.object(MappedFileQueue, "read", wrong):
        yield


@contextmanager
def names_are_hexadecimal() -> Iterator[None]:
    """Files are named by their offset to another base."""

    def wrong(offset: int) -> str:
        return f"{offset:020x}"

    with patch.object(mapped_file_queue, "offset_to_file_name", wrong):
        yield


@contextmanager
def flush_never_thorough() -> Iterator[None]:
    """No round takes every byte: the last message before a silence is never durable."""

    def wrong(s: Rhythm, pages: int, _interval: int, _now: Millis) -> tuple[Rhythm, int]:
        return s, pages

    with patch.object(manager, "least_pages", wrong):
        yield


@contextmanager
def flush_always_thorough() -> Iterator[None]:
    """Every round takes every byte."""

    def wrong(_s: Rhythm, _pages: int, _interval: int, now: Millis) -> tuple[Rhythm, int]:
        return Rhythm(now), 0

    with patch.object(manager, "least_pages", wrong):
        yield


@contextmanager
def flushes_what_stands_in_the_pool() -> Iterator[None]:
    """A force counts bytes as durable that are not in the page cache (AsyncFlushIgnoresPool)."""
    written = property(lambda file: file.wrote_position)
    with patch.object(MappedFile, "read_position", written):
        yield


@contextmanager
def pool_only_lends() -> Iterator[None]:
    """A file that is committed to its end keeps its buffer."""

    def wrong(_self: CommitLog, _mapped_file: MappedFile) -> None:
        return

    with patch.object(CommitLog, "_give_back", wrong):
        yield


@contextmanager
def pool_shows_everything() -> Iterator[None]:
    """A reader is given what is still in the buffer only."""
    right = CommitLog.get_message

    def wrong(self: CommitLog, physical_offset: int, size: int) -> bytes | None:
        found = self.mapped_file_queue.find_mapped_file_by_offset(physical_offset)
        if found is None or found.write_buffer is None:
            return right(self, physical_offset, size)
        position = physical_offset - found.file_from_offset
        return bytes(found.write_buffer[position : position + size])

    with patch.object(CommitLog, "get_message", wrong):
        yield


@contextmanager
def refusal_takes_an_offset() -> Iterator[None]:
    """A put that the disk refuses has taken its queue offset."""
    right = CommitLog.put_message

    def wrong(self: CommitLog, inner: object, now: Millis) -> object:
        result = right(self, inner, now)  # type: ignore[arg-type]
        if not result.is_ok:
            key = ("T", 0)
            self.topic_queue_table[key] = self.topic_queue_table.get(key, 0) + 1
        return result

    with patch.object(CommitLog, "put_message", wrong):
        yield


@contextmanager
def offsets_stand_still() -> Iterator[None]:
    """A batch moves the queue offset by one."""
    right = append_message.do_append_batch

    def wrong(*arguments: object) -> AppendMessageResult:
        result = right(*arguments)  # type: ignore[arg-type]
        offsets = arguments[3]
        assert isinstance(offsets, dict)
        for key in offsets:
            if result.msg_num > 1 and offsets[key] == result.logics_offset + result.msg_num:
                offsets[key] = result.logics_offset + 1
        return result

    with patch.object(commit_log, "do_append_batch", wrong):
        yield


@contextmanager
def no_room_for_a_blank() -> Iterator[None]:
    """A record may fill a file to the last byte."""
    with patch.object(append_message, "BLANK_HEADER_SIZE", 0):
        yield


@contextmanager
def dispatch_skips() -> Iterator[None]:
    """Every fifth record gets no unit."""
    right = ReputMessageService.dispatch

    def wrong(self: ReputMessageService, request: DispatchRequest, now: Millis) -> None:
        if request.commit_log_offset % 5:
            right(self, request, now)

    with patch.object(ReputMessageService, "dispatch", wrong):
        yield


@contextmanager
def dispatch_ignores_the_kind() -> Iterator[None]:
    """A prepared message has a unit like any other."""
    right = ReputMessageService.dispatch

    def wrong(self: ReputMessageService, request: DispatchRequest, now: Millis) -> None:
        right(self, request._replace(sys_flag=0), now)

    with patch.object(ReputMessageService, "dispatch", wrong):
        yield


@contextmanager
def index_loses_second_keys() -> Iterator[None]:
    """Only the first key of a message is indexed."""
    right = IndexService.build_index

    def wrong(self: IndexService, request: DispatchRequest, now: Millis) -> None:
        keys = (request.keys or "").split(" ")[0]
        right(self, request._replace(keys=keys or None), now)

    with patch.object(IndexService, "build_index", wrong):
        yield


@contextmanager
def recovery_takes_the_checkpoint_for_the_end() -> Iterator[None]:
    """What a crash left counts as durable at once."""
    right = MessageStore._load

    def wrong(self: MessageStore, now: Millis) -> None:
        right(self, now)
        queue = self.commit_log.mapped_file_queue
        queue.flushed_where = queue.max_offset

    with patch.object(MessageStore, "_load", wrong):
        yield


@contextmanager
def shows_what_is_written() -> Iterator[None]:
    """SYNC_FLUSH dispatches, and shows, what is not durable (B16)."""

    def wrong(self: CommitLog) -> int:
        return self.mapped_file_queue.max_offset

    with patch.object(CommitLog, "confirm_offset", wrong):
        yield


@contextmanager
def store_ignores_a_full_disk() -> Iterator[None]:
    """A put is accepted whatever the state of the store."""
    right = StoreLab.put

    def wrong(self: StoreLab, *arguments: object, **named: object) -> int:
        flags = self.store.running_flags
        flags.flag_bits, self.store.commit_log.begin_time_in_lock = 0, Millis(0)
        return right(self, *arguments, **named)  # type: ignore[arg-type]

    with patch.object(StoreLab, "put", wrong):
        yield


PLANTED = {
    "acks-on-wrote": Planted("GroupCommit", "STORE-FLUSH-2", acks_on_wrote),
    "gives-up-after-one-force": Planted("GroupCommit", "STORE-FLUSH-4", gives_up_after_one_force),
    "expiry-forgets": Planted("GroupCommit", "STORE-FLUSH-5", expiry_forgets),
    "answers-twice": Planted("GroupCommit", "STORE-FLUSH-5", answers_twice),
    "failed-force-counts": Planted("GroupCommit", "STORE-FLUSH-1", failed_force_counts),
    "failed-force-forgets-what-came-later": Planted(
        "GroupCommit", "STORE-FLUSH-1", failed_force_forgets_what_came_later
    ),
    "failed-force-counts-in-files": Planted(
        "MappedFileQueue", "STORE-PROMISE-1", failed_force_counts
    ),
    "refused-write-moves-on": Planted("MappedFileQueue", "STORE-FILES-5", refused_write_moves_on),
    "flush-crosses-files": Planted("MappedFileQueue", "STORE-FLUSH-3", flush_crosses_files),
    "lookup-takes-the-first": Planted("MappedFileQueue", "STORE-FILES-4", lookup_takes_the_first),
    "names-are-hexadecimal": Planted("MappedFileQueue", "STORE-FILES-1", names_are_hexadecimal),
    "flush-never-thorough": Planted("AsyncFlush", "STORE-FLUSH-7", flush_never_thorough),
    "flush-always-thorough": Planted("AsyncFlush", "STORE-FLUSH-6", flush_always_thorough),
    "pool-only-lends": Planted("AsyncFlush", "STORE-FLUSH-10", pool_only_lends),
    "pool-shows-everything": Planted("AsyncFlush", "STORE-FLUSH-9", pool_shows_everything),
    "refusal-takes-an-offset": Planted("CommitLog", "STORE-LOG-1", refusal_takes_an_offset),
    "batch-stands-still": Planted("CommitLog", "STORE-LOG-7", offsets_stand_still),
    "no-room-for-a-blank": Planted("CommitLog", "STORE-LOG-8", no_room_for_a_blank),
    "dispatch-skips": Planted("CommitLog", "STORE-PROMISE-10", dispatch_skips),
    "dispatch-ignores-the-kind": Planted(
        "CommitLog", "STORE-PROMISE-10", dispatch_ignores_the_kind
    ),
    "index-loses-second-keys": Planted("CommitLog", "STORE-INDEX-1", index_loses_second_keys),
    "index-loses-second-keys-in-store": Planted("Store", "STORE-INDEX-1", index_loses_second_keys),
    "shows-what-is-written": Planted("Store", "ShownIsDurable", shows_what_is_written),
    "recovery-counts-as-forced": Planted(
        "Store", "STORE-PROMISE-1", recovery_takes_the_checkpoint_for_the_end
    ),
    "store-ignores-a-full-disk": Planted("Store", "STORE-LOG-2", store_ignores_a_full_disk),
}
