"""Slips of spec/store/files.md."""

from collections.abc import Mapping

from fuzz.slips.slip import Edit, Slip
from refimpl.store import mapped_file_queue
from refimpl.store.mapped_file import MappedFile
from refimpl.store.mapped_file_queue import MappedFileQueue
from refimpl.store.message_store import MessageStore
from refimpl.store.store_checkpoint import StoreCheckpoint

SLIPS: Mapping[str, Slip] = {
    "STORE-FILES-1": Edit(
        MappedFileQueue, "roll", "start_offset - start_offset % self.file_size", "start_offset"
    ),
    "STORE-FILES-2": Edit(
        MappedFileQueue, "load", "if size != self.file_size:", "if size < self.file_size:"
    ),
    "STORE-FILES-3": Edit(
        MappedFileQueue,
        "load",
        'size == 0 and is_last and (self.mapped_files or not name.strip("0"))',
        "size == 0 and is_last",
    ),
    "STORE-FILES-4": Edit(
        MappedFileQueue,
        "find_mapped_file_by_offset",
        "files[0] if return_first_on_not_found else None",
        "files[0]",
    ),
    "STORE-FILES-5": Edit(
        MappedFile,
        "append_message",
        "        self.disk.write(self.path, position, data)",
        "        self.wrote_position = end\n        self.disk.write(self.path, position, data)",
    ),
    "STORE-FILES-6": Edit(StoreCheckpoint, "write", "page = page[:24]", "pass"),
    "STORE-FILES-7": Edit(MessageStore, "load", "raise StoreLocked(LOCK_PATH)", "pass"),
    "STORE-FILES-8": Edit(MessageStore, "_load", "not self.disk.exists(ABORT_PATH)", "True"),
    "STORE-FILES-9": Edit(
        MessageStore, "_continue_shutdown", "not self.flush_manager.drain_failed", "True"
    ),
    "STORE-FILES-10": Edit(
        MessageStore,
        "runtime_info",
        "str(self.commit_log.min_offset())",
        "str(self.commit_log.max_offset())",
    ),
    "STORE-FILES-11": Edit(mapped_file_queue, "sync_names", 'disk.sync_directory("")', "pass"),
}
