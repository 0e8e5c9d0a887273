"""Slips of spec/store/retention.md."""

from collections.abc import Mapping

from fuzz.slips.slip import Constant, Edit, Slip
from refimpl.store import retention
from refimpl.store.consume_queue_table import ConsumeQueueTable
from refimpl.store.mapped_file_queue import MappedFileQueue
from refimpl.store.retention import CleanService

SLIPS: Mapping[str, Slip] = {
    "STORE-RETENTION-1": Edit(
        MappedFileQueue,
        "delete_expired_files_by_time",
        "now >= mapped_file.last_modified() + expired_time",
        "now > mapped_file.last_modified() + expired_time",
    ),
    "STORE-RETENTION-2": Edit(retention, "is_time_to_do", 'when.split(";")', 'when.split(";")[:1]'),
    "STORE-RETENTION-3": Edit(
        CleanService, "_judge_space", "elif used <= levels.clean_forcibly:", "else:"
    ),
    "STORE-RETENTION-4": Edit(
        CleanService, "check_disk_space", "self._flags.set_disk_full(full=full)", "pass"
    ),
    "STORE-RETENTION-5": Edit(
        CleanService, "_clean_consume_queues", "self._index.delete_expired_file(min_offset)", "pass"
    ),
    "STORE-RETENTION-6": Constant(retention, "MAX_MANUAL_DELETE_FILE_TIMES", 19),
    "STORE-RETENTION-7": Constant(retention, "_SYSTEM_TOPICS", frozenset({"SCHEDULE_TOPIC_XXXX"})),
    "STORE-RETENTION-8": Edit(ConsumeQueueTable, "delete_topic", "removed(queue)", "pass"),
    "STORE-RETENTION-9": Edit(
        CleanService,
        "clean_expired_consume_queue",
        "-1 < queue.last_offset() < min_offset",
        "queue.last_offset() < min_offset",
    ),
    "STORE-RETENTION-10": Edit(
        MappedFileQueue,
        "remove_first",
        "self.committed_where = max(self.committed_where, self.min_offset)",
        "pass",
    ),
}
