"""Slips of spec/store/recovery.md."""

from collections.abc import Mapping

from fuzz.slips.slip import Constant, Edit, Slip
from refimpl.store import recovery, store_checkpoint
from refimpl.store.consume_queue_table import ConsumeQueueTable
from refimpl.store.message_store import MessageStore

SLIPS: Mapping[str, Slip] = {
    "STORE-RECOVERY-1": Edit(MessageStore, "_start", "self._dispatch_all(now)", "pass"),
    "STORE-RECOVERY-2": Edit(
        recovery.LogScan,
        "_records_of",
        "if request.commit_log_offset != mapped_file.file_from_offset + position:",
        "if False:",
    ),
    "STORE-RECOVERY-3": Constant(store_checkpoint, "SAFETY_MARGIN", 0),
    "STORE-RECOVERY-4": Edit(
        MessageStore,
        "_load",
        "self.reput.begin_at(None if found is None else found.start)",
        "self.reput.begin_at(log.max_offset())",
    ),
    "STORE-RECOVERY-5": Edit(
        recovery.Growth, "of", "max(end + self.more, self.least)", "end + self.more"
    ),
    "STORE-RECOVERY-6": Edit(
        recovery,
        "_close_dirty_tail",
        "last.set_positions(last.file_size)",
        "last.set_positions(position)",
    ),
    "STORE-RECOVERY-7": Edit(
        recovery,
        "recover_abnormally",
        "queue.flushed_where = found.start",
        "queue.flushed_where = scan.end",
    ),
    "STORE-RECOVERY-8": Edit(MessageStore, "_load", "queues.destroy()", "pass"),
    "STORE-RECOVERY-9": Edit(
        recovery,
        "deliver_at",
        "levels.deliver_timestamp(min(level, levels.max_level), store_timestamp)",
        "store_timestamp",
    ),
    "STORE-RECOVERY-10": Edit(
        MessageStore,
        "_load",
        "queues.forget_from(found.start, found.first_offsets, found.begins)",
        "pass",
    ),
    "STORE-RECOVERY-11": Edit(ConsumeQueueTable, "forget_from", "queue.destroy()", "pass"),
    "STORE-RECOVERY-12": Edit(
        recovery.LogScan,
        "_records_of",
        "if not has_possible_ports(window, position - base):",
        "if False:",
    ),
}
