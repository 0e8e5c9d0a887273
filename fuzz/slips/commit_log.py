"""Slips of spec/store/commit_log.md."""

from collections.abc import Mapping

from fuzz.slips.slip import Edit, Slip
from refimpl.store import append_message
from refimpl.store.commit_log import CommitLog
from refimpl.store.message_store import MessageStore
from refimpl.store.running_flags import RunningFlags

SLIPS: Mapping[str, Slip] = {
    "STORE-LOG-1": Edit(
        CommitLog,
        "put_message",
        "if status is not None:",
        "self.topic_queue_table[inner.topic, inner.queue_id] = 7\n        if status is not None:",
    ),
    "STORE-LOG-2": Edit(
        append_message, "put_refusal", "busy and release.checks_page_cache_first", "busy"
    ),
    "STORE-LOG-3": Edit(
        append_message,
        "_topic_too_long",
        "java.length(topic) > TOPIC_MAX_LENGTH",
        "java.length(topic) > TOPIC_MAX_LENGTH + 1",
    ),
    "STORE-LOG-4": Edit(
        append_message,
        "encode_refusal",
        "if properties_length > PROPERTIES_MAX_LENGTH",
        "if properties_length >= PROPERTIES_MAX_LENGTH",
    ),
    "STORE-LOG-5": Edit(
        append_message,
        "delayed",
        "properties[PROPERTY_DELAY_TIME_LEVEL] = str(level)",
        "pass",
    ),
    "STORE-LOG-6": Edit(
        append_message,
        "with_address_flags",
        "inner.sys_flag & ~(BORNHOST_V6_FLAG | STOREHOSTADDRESS_V6_FLAG) | born | store",
        "inner.sys_flag | born | store",
    ),
    "STORE-LOG-7": Edit(
        append_message,
        "do_append",
        "offsets[key] = queue_offset + 1",
        "offsets[key] = queue_offset",
    ),
    "STORE-LOG-8": Edit(
        append_message,
        "do_append",
        "len(record) + BLANK_HEADER_SIZE >",
        "len(record) + BLANK_HEADER_SIZE >=",
    ),
    "STORE-LOG-9": Edit(
        append_message,
        "encode_refusal",
        "size + BLANK_HEADER_SIZE > file_size",
        "size > file_size",
    ),
    "STORE-LOG-10": Edit(
        append_message,
        "batch_entries",
        "properties_length > PROPERTIES_MAX_LENGTH",
        "properties_length > PROPERTIES_MAX_LENGTH + 1",
    ),
    "STORE-LOG-11": Edit(
        append_message,
        "do_append_batch",
        "offsets[key] = queue_offset + len(records)",
        "offsets[key] = queue_offset + 1",
    ),
    "STORE-LOG-12": Edit(
        CommitLog, "put_messages", "if inner.sys_flag & TRANSACTION_ROLLBACK_TYPE:", "if False:"
    ),
    "STORE-LOG-13": Edit(
        append_message,
        "do_append",
        "encode_record(inner, queue_offset, wrote_offset, store_timestamp, magic_code)",
        "encode_record(inner, queue_offset, wrote_offset, inner.born_timestamp, magic_code)",
    ),
    "STORE-LOG-14": Edit(
        MessageStore,
        "_take_role",
        'role == "SYNC_MASTER" and self.release.sync_master_needs_slave',
        "False",
    ),
    "STORE-FLAGS-1": Edit(RunningFlags, "set_writeable", "if writeable or before:", "if True:"),
}
