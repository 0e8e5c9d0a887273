"""The switches that a release turns: what each is called, of what type, and by which rule.

The values are in `release.py`; `rmqref releases` prints both as one table (spec/RELEASES.md).
"""

from collections.abc import Mapping
from typing import NamedTuple

from refimpl.model.status import PutMessageStatus


class Release(NamedTuple):
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
    data_version_has_state: bool  # STORE-MESSAGE-27
    remarks_name_the_topic: bool  # STORE-MESSAGE-21
    default_topic_is_invalid: bool  # STORE-MESSAGE-22: TBW102 is no topic of its own
    has_system_topic_set: bool  # STORE-MESSAGE-24, STORE-MESSAGE-25
    knows_rocksdb_topics: bool  # STORE-MESSAGE-24
    client_checks_multi_dispatch: bool  # of a real client
    sql_has_text_operators: bool  # BROKER-FILTER-10: CONTAINS, STARTSWITH, ENDSWITH
    groups_are_extended: bool  # BROKER-FILTER-6: a group has attributes and a retry policy
    # --- remoting
    fast_header_codecs: bool  # REMOTING-HEADER-11: four headers refuse numbers they cannot read
    answers_in_request_codec: bool  # REMOTING-CONNECTION-4: else in the codec of the server
    oldest_json: bool  # REMOTING-HEADER-5: fastjson 1 reads and writes, not fastjson 2
    header_in_own_array: bool  # REMOTING-HEADER-8: a ROCKETMQ header ends where its length says
    languages: int  # REMOTING-CODES-3: how many language codes are known
    detects_proxy_protocol: bool  # REMOTING-FRAME-9: the first twelve bytes are awaited
    static_topics: bool  # REMOTING-HEADER-20: registrations end with static topics
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
    disk_ratio_by_path: bool  # STORE-FILES-10
    # --- name server
    namesrv_knows_groups: bool  # NAMESRV-LIFECYCLE-9: state versions, acting masters, zones
    namesrv_refuses_partial_registration: bool  # NAMESRV-LIFECYCLE-8
    namesrv_unregisters_in_batches: bool  # NAMESRV-LIFECYCLE-11: a queue before the tables
    namesrv_queues_keep_order: bool  # NAMESRV-ROUTE-3: queues in the order of registration
    namesrv_offers_standard_json: bool  # NAMESRV-ROUTE-5
    namesrv_refuses_null_keys: bool  # NAMESRV-KV-2
    namesrv_checks_body_first: bool  # NAMESRV-LIFECYCLE-3: the checksum, then the version
    namesrv_deletes_by_cluster: bool  # NAMESRV-ADMIN-4
    namesrv_protected_config: frozenset[str]  # NAMESRV-ADMIN-10: names that no update may touch
    namesrv_config_refusal: str  # NAMESRV-ADMIN-10: its remark
    namesrv_answers_unknown_codes: bool  # NAMESRV-LIFECYCLE-17
    namesrv_unknown_codes: frozenset[int]  # NAMESRV-LIFECYCLE-17: codes of later releases
    # --- broker: receive
    answers_unknown_code: bool  # BROKER-LIFECYCLE-1
    rejects_oneway_aloud: bool  # BROKER-LIFECYCLE-3: flow control answers one-way too
    unregistered_codes: frozenset[int]  # BROKER-LIFECYCLE-1: codes of other releases
    acl_files: bool  # BROKER-ADMIN-63: white addresses are those of a file
    send_back_clears_order: bool  # BROKER-TOPIC-6
    clears_unit_sub_flag: bool  # BROKER-TOPIC-10
    clears_order_of_unlisted_topics: bool  # BROKER-TOPIC-8
    has_schedule_topic_at_start: bool  # BROKER-TOPIC-1
    has_internal_topics_at_start: bool  # BROKER-TOPIC-1: revive, member and transaction topics
    faq_url: str  # BROKER-SEND-30
    topics_have_attributes: bool  # BROKER-SEND-8: shown in the remark of an illegal queue id
    illegal_queue_id_code: int  # BROKER-SEND-8: SYSTEM_ERROR or INVALID_PARAMETER
    illegal_topic_code: int  # BROKER-SEND-4: SYSTEM_ERROR or INVALID_PARAMETER
    stores_region_and_trace: bool  # BROKER-SEND-20
    completes_sent_properties: (
        bool  # BROKER-SEND-21: unique id, priority, keys of a compacted topic
    )
    drops_stored_wait: bool  # BROKER-SEND-18
    refuses_retry_batch: bool  # BROKER-SEND-25
    needs_max_reconsume_times: bool  # BROKER-SEND-12: a null there throws
    retries_up_to_the_limit: bool  # BROKER-SEND-13: more than the limit, not the limit, is dead
    retry_of_locked_group_is_dead: bool  # BROKER-SEND-14
    dead_letter_delay: str  # BROKER-SEND-15: DELAY of a dead letter
    dead_letter_is_readable: bool  # BROKER-BACK-9
    dead_letter_needs_origin_topic: bool  # BROKER-BACK-9: its statistics ask for the name
    answers_transaction_id: bool  # BROKER-SEND-29
    illegal_message_remark: str  # BROKER-SEND-28
    service_not_available_remark: str  # BROKER-SEND-28
    page_cache_busy_code: int  # BROKER-SEND-28: SYSTEM_ERROR or SYSTEM_BUSY
    prints_origin_id: bool  # BROKER-BACK-12
    send_back_keeps_store_host: bool  # BROKER-BACK-13
    put_status_names: Mapping[str, str]  # BROKER-BACK-14: old spellings of PutMessageStatus
    reply_hosts_have_slash: bool  # BROKER-REPLY-4
    absent_reconsume_times_is_0: bool  # BROKER-REPLY-4
    collects_op_messages: bool  # BROKER-TRANS-9: one operation message for many half messages
    stores_transaction_id: bool  # BROKER-TRANS-2
    immune_at_the_limit: bool  # BROKER-TRANS-18: an age equal to the immunity is immune
    check_names_topic: bool  # BROKER-TRANS-21
    schedule_waits_exactly: bool  # BROKER-SCHEDULE-5: the actor sleeps until the message is due
    fast_offset_update: bool  # BROKER-SCHEDULE-5: noted although nothing was delivered
    schedule_retry_after: int  # BROKER-SCHEDULE-6: milliseconds after a failed delivery
    counts_delivered_delays: bool  # BROKER-SCHEDULE-8
    delay_offset_has_version: bool  # BROKER-SCHEDULE-10
    rejects_late_end: bool  # BROKER-TRANS-4
    counts_committed: bool  # BROKER-TRANS-7
    commit_drops_real_topic: bool  # BROKER-TRANS-6
    registers_created_topic_alone: bool  # BROKER-LIFECYCLE-8
    masks_registered_permission: bool  # BROKER-LIFECYCLE-9
    registers_acting_master: bool  # BROKER-LIFECYCLE-5: two more fields, compressed is false
    # --- broker: pull and offsets
    consumer_offset_has_version: bool  # BROKER-OFFSET-17: and groups and pulled offsets in the file
    server_side_reset_offset: bool  # BROKER-OFFSET-12
    min_offset_is_forwarded: bool  # BROKER-QUERY-16: answered as a call between brokers
    commit_checks_group_and_topic: bool  # BROKER-OFFSET-4, BROKER-OFFSET-19
    empty_queue_has_no_offset: bool  # BROKER-OFFSET-6: else an unknown group begins at 0
    pull_offset_table: bool  # BROKER-PULL-28
    loses_pull_that_throws: bool  # BROKER-PULL-43: behind the read, which is asynchronous
    suspend_time_is_read_first: bool  # BROKER-PULL-43
    slave_commits_pull_offset: bool  # BROKER-PULL-19
    remembers_broadcast_offsets: bool  # BROKER-PULL-27
    stores_offset_moved_event: bool  # BROKER-PULL-29
    pull_tells_forbidden_type: bool  # BROKER-PULL-17
    pull_tells_sys_flags: bool  # BROKER-PULL-16
    rejects_pull_consumers: bool  # BROKER-PULL-18
    # --- broker: membership
    removes_empty_producer_groups: bool  # BROKER-MEMBER-22
    collects_consumer_notices: bool  # BROKER-MEMBER-6: realTimeNotifyConsumerChange
    consumer_compensation: bool  # BROKER-MEMBER-10: pulls tell what their group subscribes to
    broadcast_members_hear_no_change: bool  # BROKER-MEMBER-6
    heartbeat_answers_flags: bool  # BROKER-MEMBER-12
    heartbeat_needs_group: bool  # BROKER-MEMBER-11
    validates_group_names: bool  # BROKER-MEMBER-41
    groups_can_be_forbidden: bool  # BROKER-MEMBER-44
    # --- broker: administration
    forces_config_files: bool  # BROKER-TOPIC-13
    slave_refuses_changes: bool  # BROKER-ADMIN-12
    created_topic_keeps_remark: bool  # BROKER-ADMIN-58
    broker_socket_buffer_size: int  # BROKER-CONFIG-11: what the start-up sets, 0 for nothing
    missing_topic_is_blank: bool  # BROKER-ADMIN-1
    refuses_system_topics: bool  # BROKER-ADMIN-2: else only the name of the cluster
    validates_deleted_topic: bool  # BROKER-ADMIN-6
    removes_offsets_of_group: bool  # BROKER-OFFSET-9: removeOffset of DELETE_SUBSCRIPTIONGROUP
    cleans_offsets_of_group: bool  # BROKER-OFFSET-9: cleanOffset
    deletes_topic_alone: bool  # BROKER-ADMIN-7: with its offsets, and nothing else
    config_black_list: bool  # BROKER-ADMIN-15
    pages_tables: bool  # BROKER-ADMIN-9
    stats_cover_read_queues: bool  # BROKER-ADMIN-10
    stats_have_pull_offset: bool  # BROKER-ADMIN-30
    missing_index_has_body: bool  # BROKER-ADMIN-38
    short_message_id_throws: str  # BROKER-ADMIN-54
    empty_message_id_is_null: bool  # BROKER-ADMIN-54
    json_boolean_is_int: bool  # REMOTING-HEADER-21
    stats_take_topic_list: bool  # BROKER-ADMIN-32
    correction_takes_group_first: bool  # BROKER-ADMIN-36
    runtime_info_is_extended: bool  # BROKER-ADMIN-17
