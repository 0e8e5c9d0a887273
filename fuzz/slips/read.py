"""Slips of spec/store/read.md."""

from collections.abc import Mapping

from fuzz.slips.slip import Constant, Edit, Slip
from refimpl.store import queue_reader
from refimpl.store.message_reader import MessageReader
from refimpl.store.queue_reader import QueueRead
from refimpl.store.store_stats import StoreStatsService

SLIPS: Mapping[str, Slip] = {
    "STORE-READ-1": Edit(QueueRead, "run", "self._queue.min_offset_in_queue", "self._offset"),
    "STORE-READ-2": Edit(
        queue_reader, "outside", "NO_MESSAGE_IN_QUEUE, 0", "NO_MESSAGE_IN_QUEUE, offset"
    ),
    "STORE-READ-3": Edit(
        queue_reader, "outside", "OFFSET_TOO_SMALL, min_offset", "OFFSET_TOO_SMALL, max_offset"
    ),
    "STORE-READ-4": Edit(
        queue_reader, "outside", "OFFSET_OVERFLOW_ONE, offset", "OFFSET_OVERFLOW_ONE, offset + 1"
    ),
    "STORE-READ-5": Edit(
        queue_reader,
        "outside",
        "OFFSET_OVERFLOW_BADLY, max_offset",
        "OFFSET_OVERFLOW_BADLY, min_offset",
    ),
    "STORE-READ-6": Constant(queue_reader, "_MAX_FILTER_MESSAGE_SIZE", 15980),
    "STORE-READ-7": Edit(
        QueueRead,
        "_is_full",
        "self.size + size > limits.bytes_in_memory",
        "self.size + size >= limits.bytes_in_memory",
    ),
    "STORE-READ-8": Edit(
        QueueRead,
        "_take",
        "message_filter is None or message_filter.matches_consume_queue(tags_code)",
        "True",
    ),
    "STORE-READ-9": Edit(
        QueueRead,
        "_read_one_file",
        "count < 0 and self._release.read_prepares_requested_count",
        "count < 0",
    ),
    "STORE-READ-10": Edit(
        QueueRead, "_take", "self._skip_below = self._log.roll_next_file(physical)", "pass"
    ),
    "STORE-READ-11": Edit(
        MessageReader, "select_one_message_by_offset", "signed=True", "signed=False"
    ),
    "STORE-READ-12": Edit(
        queue_reader,
        "read_limits",
        'config.integer("maxMessageSize") * 2',
        'config.integer("maxMessageSize")',
    ),
    "STORE-READ-13": Edit(
        MessageReader, "query_message", "sorted(found.phy_offsets)", "found.phy_offsets"
    ),
    "STORE-READ-14": Edit(
        StoreStatsService,
        "_distribution_text",
        "if self._release.put_statistics_by_period:",
        "if False:",
    ),
    "STORE-READ-15": Edit(
        StoreStatsService, "_rate", "len(self._samples) <= seconds", "len(self._samples) < seconds"
    ),
    "STORE-READ-16": Edit(
        MessageReader, "look_message_by_offset", "decompress=False", "decompress=True"
    ),
}
