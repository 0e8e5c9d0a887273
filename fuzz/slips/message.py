"""Slips of spec/store/message.md."""

from collections.abc import Mapping

from fuzz.slips.slip import Constant, Edit, Slip
from refimpl.model import (
    compression,
    hex_string,
    host_bytes,
    java,
    message_codec,
    message_id,
    message_property,
    sys_flag,
    topic_config,
    topic_validator,
)
from refimpl.model.data_version import DataVersion

SLIPS: Mapping[str, Slip] = {
    "STORE-MESSAGE-1": Edit(java, "crc32", "_zlib_crc32(data) & 0x7FFFFFFF", "_zlib_crc32(data)"),
    "STORE-MESSAGE-2": Edit(
        message_codec,
        "check_record",
        "magic_code != MESSAGE_MAGIC_CODE_V2 or not release.record_versions",
        "magic_code != MESSAGE_MAGIC_CODE_V2",
    ),
    "STORE-MESSAGE-3": Edit(
        message_codec, "store_timestamp_position", "sys_flag & 16", "sys_flag & 32"
    ),
    "STORE-MESSAGE-4": Edit(
        message_codec,
        "blank_record",
        "_BLANK.pack(length, BLANK_MAGIC_CODE)",
        "_BLANK.pack(length - BLANK_HEADER_SIZE, BLANK_MAGIC_CODE)",
    ),
    "STORE-MESSAGE-5": Edit(host_bytes, "bytes_to_host", "{group:x}", "{group:04x}"),
    "STORE-MESSAGE-6": Edit(message_codec, "check_record", "or at > end:", "or at > end + 1:"),
    "STORE-MESSAGE-7": Edit(
        message_codec,
        "_encode",
        "len(topic) > _TOPIC_MAX_LENGTH[magic_code]",
        "len(inner.topic) > _TOPIC_MAX_LENGTH[magic_code]",
    ),
    "STORE-MESSAGE-8": Edit(
        message_property,
        "properties_to_string",
        "if items and release.ends_properties_with_separator else",
        "if items else",
    ),
    "STORE-MESSAGE-9": Edit(
        message_property, "string_to_properties", "item.partition(", "item.rpartition("
    ),
    "STORE-MESSAGE-10": Edit(
        message_property, "string_to_properties", "if name and value:", "if value:"
    ),
    "STORE-MESSAGE-11": Edit(
        message_property, "in_java_order", "release.property_map_capacity", "16"
    ),
    "STORE-MESSAGE-12": Edit(
        message_codec, "_decode", "if release.record_versions and not second", "if not second"
    ),
    "STORE-MESSAGE-13": Edit(
        sys_flag,
        "reset_transaction_value",
        "flag & ~TRANSACTION_ROLLBACK_TYPE",
        "flag & 0x7F3",
    ),
    "STORE-MESSAGE-14": Edit(compression, "decompress", "method in {0, ZLIB}", "method == ZLIB"),
    "STORE-MESSAGE-15": Edit(
        message_codec, "decode_batch", "while at < end:", "while at + _ENTRY.size <= end:"
    ),
    "STORE-MESSAGE-16": Edit(
        message_codec,
        "encode_batch_records",
        "queue_offset, physical_offset = queue_offset + 1,",
        "queue_offset, physical_offset = queue_offset,",
    ),
    "STORE-MESSAGE-17": Edit(
        message_id,
        "create_message_id",
        "_LONG.pack(i64(physical_offset)))",
        "_LONG.pack(i64(physical_offset))).lower()",
    ),
    "STORE-MESSAGE-18": Edit(
        message_id,
        "decode_message_id",
        "len(text) == _ID_V4_DIGITS",
        "len(text) <= _ID_V4_DIGITS + 1",
    ),
    "STORE-MESSAGE-19": Edit(hex_string, "hex_to_bytes", "(high << 4 | low)", "(high << 4 ^ low)"),
    "STORE-MESSAGE-20": Edit(
        message_id, "create_unique_id", "i32(loader_hash), i32(span)", "i32(span), i32(loader_hash)"
    ),
    "STORE-MESSAGE-21": Edit(
        topic_validator,
        "is_topic_or_group_illegal",
        "_LEGAL.issuperset(name)",
        '_LEGAL.issuperset(name.replace(".", ""))',
    ),
    "STORE-MESSAGE-22": Edit(
        topic_validator,
        "validate_topic",
        "len(topic) > TOPIC_MAX_LENGTH:",
        "len(topic) > TOPIC_MAX_LENGTH + 1:",
    ),
    "STORE-MESSAGE-23": Constant(topic_validator, "GROUP_MAX_LENGTH", 121),
    "STORE-MESSAGE-24": Edit(
        topic_validator, "is_system_topic", " or topic.startswith(SYSTEM_TOPIC_PREFIX)", ""
    ),
    "STORE-MESSAGE-25": Edit(
        topic_validator,
        "is_not_allowed_send_topic",
        "topic in _NOT_ALLOWED_SEND",
        "topic in _NOT_ALLOWED_SEND - {RMQ_SYS_SELF_TEST_TOPIC}",
    ),
    "STORE-MESSAGE-26": Edit(topic_validator, "reply_topic", "{cluster}_", "{cluster}"),
    "STORE-MESSAGE-27": Edit(DataVersion, "next_version", "self.counter + 1", "self.counter"),
    "STORE-MESSAGE-28": Edit(
        topic_config,
        "decode",
        " or (len(words) > _FIELDS and not with_attributes)",
        "",
    ),
}
