"""Releases and the switches that they turn: the page to read first.

A difference between two releases is a field here with its rule; code asks the field, never the
number. 4.6 is tied to the published Apache 4.6.1, 4.9 to 4.9.7, 5.5 to 5.5.0. Default is 4.9.
Add a switch where you need one: field, rule ID in the comment, and its value in each of the rows.
"""

from dataclasses import dataclass

from refimpl.model.status import PutMessageStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """What a broker, a name server and their files look like in one release."""

    name: str  # "4.6", "4.9", "5.5"
    apache: str  # the published release that decides: "4.6.1", "4.9.7", "5.5.0"
    header_version: int  # REMOTING-HEADER: the `version` field of every command
    # --- configuration
    config_table: str  # BROKER-CONFIG-1: module of names and defaults
    config_text_is_trimmed: bool  # BROKER-CONFIG-2: blanks around a text value go
    ha_port_follows_listen_port: bool  # BROKER-CONFIG-3: haListenPort of the file is overwritten
    # --- stored message
    prints_null_property: bool  # STORE-MESSAGE-8
    ends_properties_with_separator: bool  # STORE-MESSAGE-8
    splits_property_at_every_separator: bool  # STORE-MESSAGE-9
    property_map_capacity: int  # STORE-MESSAGE-11: initial buckets of the parsed map
    compression_types: bool  # STORE-MESSAGE-14: bits 8 to 10 of the system flag name the method
    clears_compressed_flag: bool  # STORE-MESSAGE-14: in a decoded message
    record_versions: bool  # STORE-MESSAGE-2: the second magic, with a topic length of two bytes
    record_length_first: bool  # STORE-MESSAGE-6: the length is held against the bytes there are
    appends_batch_properties: bool  # STORE-MESSAGE-16
    refuses_long_batch_properties: bool  # STORE-MESSAGE-15: an encoder of SEND_BATCH bodies
    groups_are_extended: bool  # BROKER-FILTER-6: a group has attributes and a retry policy
    # --- remoting
    # --- store
    expired_queue_begins_at_its_end: bool  # STORE-CQ-5: when no record is left, min = max
    search_by_time_has_boundaries: bool  # STORE-CQ-11: by store times, lower and upper
    index_counts_every_put: bool  # STORE-INDEX-3: hashSlotCount of the header
    indexes_tags: bool  # STORE-INDEX-1
    read_prepares_requested_count: bool  # STORE-READ-9: a negative count is refused
    read_travels_queue_files: bool  # STORE-READ-6: on to the next file while nothing is found
    earliest_time_needs_two_messages: bool  # STORE-READ-12: -1 for a small first file
    disk_levels_are_configured: bool  # STORE-RETENTION-3
    checks_disk_every_ten_seconds: bool  # STORE-RETENTION-4
    put_statistics_by_period: bool  # STORE-READ-14: latencies and the last minute
    transferred_tps_name: str  # STORE-READ-14
    checkpoint_has_offsets: bool  # STORE-FILES-6
    flush_attempts_max: int  # STORE-FLUSH-4
    sees_last_flush: bool  # STORE-FLUSH-4
    checks_page_cache_first: bool  # STORE-LOG-2
    long_properties_status: PutMessageStatus | None  # STORE-LOG-2: counted in characters
    checks_batch_size: bool  # STORE-LOG-2
    knows_inner_batch: bool  # STORE-LOG-2
    long_retry_topics: bool  # STORE-LOG-3
    long_encoded_properties_status: PutMessageStatus  # STORE-LOG-4: counted in bytes
    limits_body_and_record: bool  # STORE-LOG-4: else one limit for the whole record
    max_message_size_is_live: bool  # STORE-LOG-4: an update of the configuration is obeyed
    sync_master_needs_slave: bool  # STORE-LOG-14
    # --- name server
    # --- broker: receive
    answers_unknown_code: bool  # BROKER-LIFECYCLE-1
    rejects_oneway_aloud: bool  # BROKER-LIFECYCLE-3: flow control answers one-way too
    unregistered_codes: frozenset[int]  # BROKER-LIFECYCLE-1: codes of other releases
    send_back_clears_order: bool  # BROKER-TOPIC-6
    clears_unit_sub_flag: bool  # BROKER-TOPIC-10
    clears_order_of_unlisted_topics: bool  # BROKER-TOPIC-8
    has_schedule_topic_at_start: bool  # BROKER-TOPIC-1
    has_internal_topics_at_start: bool  # BROKER-TOPIC-1: revive, member and transaction topics
    faq_url: str  # BROKER-SEND-30
    topics_have_attributes: bool  # BROKER-SEND-8: shown in the remark of an illegal queue id
    illegal_queue_id_code: int  # BROKER-SEND-8: SYSTEM_ERROR or INVALID_PARAMETER
    illegal_topic_code: int  # BROKER-SEND-4: SYSTEM_ERROR or INVALID_PARAMETER
    # --- broker: pull and offsets
    # --- broker: administration


RELEASE_4_6 = Release(
    name="4.6",
    apache="4.6.1",
    header_version=335,
    expired_queue_begins_at_its_end=False,
    search_by_time_has_boundaries=False,
    index_counts_every_put=True,
    indexes_tags=False,
    read_prepares_requested_count=False,
    read_travels_queue_files=False,
    earliest_time_needs_two_messages=True,
    disk_levels_are_configured=False,
    checks_disk_every_ten_seconds=False,
    put_statistics_by_period=False,
    transferred_tps_name="getTransferedTps",
    prints_null_property=True,
    ends_properties_with_separator=True,
    splits_property_at_every_separator=True,
    property_map_capacity=16,
    compression_types=False,
    clears_compressed_flag=False,
    record_versions=False,
    record_length_first=False,
    appends_batch_properties=False,
    refuses_long_batch_properties=False,
    config_table="release_4_6",
    groups_are_extended=False,
    config_text_is_trimmed=False,
    ha_port_follows_listen_port=True,
    answers_unknown_code=False,
    rejects_oneway_aloud=True,
    unregistered_codes=frozenset({328, 329, 361}),
    checkpoint_has_offsets=False,
    flush_attempts_max=2,
    sees_last_flush=False,
    send_back_clears_order=False,
    clears_unit_sub_flag=False,
    clears_order_of_unlisted_topics=True,
    has_schedule_topic_at_start=False,
    has_internal_topics_at_start=False,
    checks_page_cache_first=False,
    long_properties_status=PutMessageStatus.PROPERTIES_SIZE_EXCEEDED,
    checks_batch_size=True,
    knows_inner_batch=False,
    long_retry_topics=False,
    long_encoded_properties_status=PutMessageStatus.MESSAGE_ILLEGAL,
    limits_body_and_record=False,
    max_message_size_is_live=False,
    sync_master_needs_slave=True,
    faq_url="http://rocketmq.apache.org/docs/faq/",
    topics_have_attributes=False,
    illegal_queue_id_code=1,
    illegal_topic_code=1,
)

RELEASE_4_9 = Release(
    name="4.9",
    apache="4.9.7",
    header_version=407,
    expired_queue_begins_at_its_end=False,
    search_by_time_has_boundaries=False,
    index_counts_every_put=False,
    indexes_tags=False,
    read_prepares_requested_count=True,
    read_travels_queue_files=False,
    earliest_time_needs_two_messages=True,
    disk_levels_are_configured=False,
    checks_disk_every_ten_seconds=True,
    put_statistics_by_period=True,
    transferred_tps_name="getTransferedTps",
    prints_null_property=False,
    ends_properties_with_separator=False,
    splits_property_at_every_separator=False,
    property_map_capacity=16,
    compression_types=True,
    clears_compressed_flag=False,
    record_versions=False,
    record_length_first=False,
    appends_batch_properties=True,
    refuses_long_batch_properties=True,
    config_table="release_4_9",
    groups_are_extended=False,
    config_text_is_trimmed=False,
    ha_port_follows_listen_port=True,
    answers_unknown_code=True,
    rejects_oneway_aloud=True,
    unregistered_codes=frozenset({361}),
    checkpoint_has_offsets=False,
    flush_attempts_max=2,
    sees_last_flush=True,
    send_back_clears_order=False,
    clears_unit_sub_flag=True,
    clears_order_of_unlisted_topics=True,
    has_schedule_topic_at_start=True,
    has_internal_topics_at_start=False,
    checks_page_cache_first=True,
    long_properties_status=PutMessageStatus.MESSAGE_ILLEGAL,
    checks_batch_size=True,
    knows_inner_batch=False,
    long_retry_topics=False,
    long_encoded_properties_status=PutMessageStatus.PROPERTIES_SIZE_EXCEEDED,
    limits_body_and_record=True,
    max_message_size_is_live=True,
    sync_master_needs_slave=True,
    faq_url="http://rocketmq.apache.org/docs/faq/",
    topics_have_attributes=False,
    illegal_queue_id_code=1,
    illegal_topic_code=1,
)

RELEASE_5_5 = Release(
    name="5.5",
    apache="5.5.0",
    header_version=513,
    expired_queue_begins_at_its_end=True,
    search_by_time_has_boundaries=True,
    index_counts_every_put=False,
    indexes_tags=True,
    read_prepares_requested_count=False,
    read_travels_queue_files=True,
    earliest_time_needs_two_messages=False,
    disk_levels_are_configured=True,
    checks_disk_every_ten_seconds=True,
    put_statistics_by_period=True,
    transferred_tps_name="getTransferredTps",
    prints_null_property=False,
    ends_properties_with_separator=True,
    splits_property_at_every_separator=False,
    property_map_capacity=128,
    compression_types=True,
    clears_compressed_flag=True,
    record_versions=True,
    record_length_first=True,
    appends_batch_properties=False,
    refuses_long_batch_properties=False,
    config_table="release_5_5",
    groups_are_extended=True,
    config_text_is_trimmed=True,
    ha_port_follows_listen_port=False,
    answers_unknown_code=True,
    rejects_oneway_aloud=False,
    unregistered_codes=frozenset(),
    checkpoint_has_offsets=True,
    flush_attempts_max=1000,
    sees_last_flush=True,
    send_back_clears_order=True,
    clears_unit_sub_flag=True,
    clears_order_of_unlisted_topics=False,
    has_schedule_topic_at_start=True,
    has_internal_topics_at_start=True,
    checks_page_cache_first=False,
    long_properties_status=None,
    checks_batch_size=False,
    knows_inner_batch=True,
    long_retry_topics=True,
    long_encoded_properties_status=PutMessageStatus.PROPERTIES_SIZE_EXCEEDED,
    limits_body_and_record=True,
    max_message_size_is_live=True,
    sync_master_needs_slave=False,
    faq_url="https://rocketmq.apache.org/docs/bestPractice/06FAQ",
    topics_have_attributes=True,
    illegal_queue_id_code=29,
    illegal_topic_code=29,
)

RELEASES = {r.name: r for r in (RELEASE_4_6, RELEASE_4_9, RELEASE_5_5)}
DEFAULT_RELEASE = RELEASE_4_9
