"""Slips of spec/store/flush.md."""

from collections.abc import Mapping

from fuzz.slips.slip import Edit, Slip
from refimpl.store import flush_consume_queue, flush_real_time, group_commit
from refimpl.store.commit_log import CommitLog
from refimpl.store.flush_manager import FlushManager
from refimpl.store.mapped_file import MappedFile
from refimpl.store.mapped_file_queue import MappedFileQueue
from refimpl.store.message_store import MessageStore

SLIPS: Mapping[str, Slip] = {
    "STORE-FLUSH-1": Edit(
        MappedFileQueue, "dirty_again", "self.disk.write(wanted.path, start, data)", "pass"
    ),
    "STORE-FLUSH-2": Edit(
        group_commit, "do_commit", "s.flushed_where >= request.next_offset", "s.flushed_where >= 0"
    ),
    "STORE-FLUSH-3": Edit(
        MappedFileQueue,
        "flush",
        "reached, mapped_file.store_timestamp",
        "self.max_offset, mapped_file.store_timestamp",
    ),
    "STORE-FLUSH-4": Edit(
        group_commit,
        "do_commit",
        "not durable and s.attempts < s.flush_attempts_max",
        "not durable and s.attempts < 1",
    ),
    "STORE-FLUSH-5": Edit(group_commit, "expire", "r.deadline <= now", "r.deadline < now"),
    "STORE-FLUSH-6": Edit(MappedFile, "is_able_to_flush", ">= least_pages", "> least_pages"),
    "STORE-FLUSH-7": Edit(
        flush_real_time, "least_pages", "now >= s.last_thorough", "now > s.last_thorough"
    ),
    "STORE-FLUSH-8": Edit(
        FlushManager,
        "update_config",
        'not config.boolean("flushCommitLogTimed")',
        'config.boolean("flushCommitLogTimed")',
    ),
    "STORE-FLUSH-9": Edit(
        MappedFile, "read_position", "self.committed_position", "self.wrote_position"
    ),
    "STORE-FLUSH-10": Edit(
        CommitLog, "_give_back", "self.pool.return_buffer(mapped_file.write_buffer)", "pass"
    ),
    "STORE-FLUSH-11": Edit(
        FlushManager,
        "forced",
        "self._checkpoint.index_msg_timestamp = until or self._checkpoint.index_msg_timestamp",
        "pass",
    ),
    "STORE-FLUSH-12": Edit(flush_consume_queue, "writes_checkpoint", " and not s.failed", ""),
    "STORE-FLUSH-13": Edit(
        FlushManager, "_index_files", "self._index.take_last_file() if self.draining else ()", "()"
    ),
    "STORE-FLUSH-14": Edit(
        MessageStore, "_step_shutdown", "self.flush_manager.drain_failed = True", "pass"
    ),
}
