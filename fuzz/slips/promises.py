"""Slips of spec/store/promises.md: what the ledger must notice."""

from collections.abc import Mapping

from fuzz.slips.slip import Edit, Slip
from refimpl.store import append_message, group_commit, queue_reader, recovery
from refimpl.store.commit_log import CommitLog
from refimpl.store.flush_manager import FlushManager
from refimpl.store.mapped_file_queue import MappedFileQueue
from refimpl.store.message_store import MessageStore
from refimpl.store.recovery import LogScan
from refimpl.store.reput import ReputMessageService

_STORED = "return PutMessageResult(PutMessageStatus.PUT_OK, result)"

SLIPS: Mapping[str, Slip] = {
    "STORE-PROMISE-1": Edit(
        group_commit, "do_commit", "s.flushed_where >= request.next_offset", "True"
    ),
    "STORE-PROMISE-2": Edit(
        recovery,
        "recover_abnormally",
        "queue.truncate_dirty_files(scan.end)",
        "queue.truncate_dirty_files(found.start)",
    ),
    "STORE-PROMISE-3": Edit(LogScan, "records", "if not blank or i + 1", "if i + 1"),
    "STORE-PROMISE-4": Edit(
        MessageStore,
        "put_message",
        "status = self._refusal(inner, now)",
        "status = self._refusal(inner, now); status and self.commit_log.put_message(inner, now)",
    ),
    "STORE-PROMISE-5": Edit(LogScan, "_records_of", "check_crc=self._check_crc", "check_crc=False"),
    "STORE-PROMISE-6": Edit(
        CommitLog,
        "put_message",
        _STORED,
        f"do_append(mapped_file, inner, magic_code, table, now); {_STORED}",
    ),
    "STORE-PROMISE-7": Edit(recovery, "_is_dirty_behind", "data.strip", "b''.strip"),
    "STORE-PROMISE-8": Edit(CommitLog, "confirm_offset", "if self.sync_flush", "if False"),
    "STORE-PROMISE-9": Edit(FlushManager, "drain", "if self._force_log(0) or", "if"),
    "STORE-PROMISE-10": Edit(
        ReputMessageService, "dispatch", "in {0, TRANSACTION_COMMIT_TYPE}", "in set()"
    ),
    "STORE-PROMISE-11": Edit(
        append_message,
        "do_append",
        "offsets[key] = queue_offset + 1",
        "offsets[key] = queue_offset + 2",
    ),
    "STORE-PROMISE-12": Edit(
        MappedFileQueue,
        "load",
        "size == 0 and (after_crash or (is_last and name.isdecimal()))",
        "size == 0 and not after_crash",
    ),
    "STORE-PROMISE-13": Edit(
        queue_reader._LogWindow,  # noqa: SLF001 - what a pull reads with
        "message",
        "return self._data[position : position + size]",
        "data = self._data[position : position + size]; return data[:8] + bytes(4) + data[12:]",
    ),
}
