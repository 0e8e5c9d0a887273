"""Slips of spec/store/consume_queue.md."""

from collections.abc import Mapping

from fuzz.slips.slip import Constant, Edit, Slip
from refimpl.store import consume_queue, queue_time_search, reput
from refimpl.store.consume_queue import ConsumeQueue
from refimpl.store.consume_queue_table import ConsumeQueueTable
from refimpl.store.reput import ReputMessageService

SLIPS: Mapping[str, Slip] = {
    "STORE-CQ-1": Edit(
        ReputMessageService,
        "dispatch",
        "_TRANSACTION_MASK in {0, TRANSACTION_COMMIT_TYPE}",
        "_TRANSACTION_MASK != TRANSACTION_ROLLBACK_TYPE",
    ),
    "STORE-CQ-2": Edit(
        ConsumeQueue,
        "put_message_position_info",
        "self._pending += UNIT.pack(physical_offset, size, tags_code)",
        "self._pending[:0] = UNIT.pack(physical_offset, size, tags_code)",
    ),
    "STORE-CQ-3": Edit(
        ConsumeQueue,
        "put_message_position_info",
        "if end <= self.max_physic_offset:",
        "if end < self.max_physic_offset:",
    ),
    "STORE-CQ-4": Edit(
        ConsumeQueue,
        "_roll",
        "self.min_logic_offset = expect_logic_offset",
        "self.min_logic_offset = queue.min_offset",
    ),
    "STORE-CQ-5": Edit(
        ConsumeQueue,
        "correct_min_offset",
        "found is None or found[1] >= min_physical_offset",
        "found is None or found[1] > min_physical_offset",
    ),
    "STORE-CQ-6": Edit(
        consume_queue,
        "_position",
        "-1 if unit[0] == 0 and unit[1] == PRE_BLANK_SIZE else unit[0]",
        "unit[0]",
    ),
    "STORE-CQ-7": Edit(
        ConsumeQueue, "index_buffer", "if offset < self.min_logic_offset:", "if offset < 0:"
    ),
    "STORE-CQ-8": Edit(ConsumeQueue, "_valid_bytes", "size <= 0", "size < 0"),
    "STORE-CQ-9": Edit(ConsumeQueue, "_valid_bytes", "offset >= end", "offset > end"),
    "STORE-CQ-10": Edit(
        ConsumeQueue,
        "_blank_tail",
        "position = last.wrote_position",
        "position = last.wrote_position + CQ_STORE_UNIT_SIZE",
    ),
    "STORE-CQ-11": Edit(
        queue_time_search,
        "_file_by_store_time",
        "f.stop_timestamp >= timestamp",
        "f.stop_timestamp > timestamp",
    ),
    "STORE-CQ-12": Edit(
        ConsumeQueueTable,
        "find",
        "return None if queues is None else queues.get(queue_id)",
        "return self.find_or_create(topic, queue_id)",
    ),
    "STORE-CQ-13": Edit(
        ReputMessageService, "_dispatch_data", "self._waiting.append(", "self._arrived.append("
    ),
    "STORE-CQ-14": Edit(
        ReputMessageService,
        "begin_at",
        "self._queues.max_physic_offset() if offset",
        "self._log.max_offset() if offset",
    ),
    "STORE-CQ-15": Constant(reput, "_QUEUE_ATTEMPTS", 31),
    "STORE-CQ-16": Edit(
        ReputMessageService,
        "_dispatch_data",
        "self.reput_from_offset = self._log.roll_next_file(self.reput_from_offset)",
        "self.reput_from_offset += 8",
    ),
    "STORE-CQ-17": Edit(ReputMessageService, "_dispatch_data", "elif size <= 0:", "else:"),
    "STORE-CQ-18": Edit(
        ReputMessageService, "step", "end = log.confirm_offset()", "end = log.max_offset()"
    ),
    "STORE-CQ-19": Edit(
        ConsumeQueue, "put_message_position_info", "self._fill_gap(expected)", "pass"
    ),
    "STORE-CQ-20": Edit(consume_queue, "is_possible", "<= physical_offset + file_size", ""),
}
