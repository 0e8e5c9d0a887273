"""Releases and the switches that they turn: the page to read first.

A difference between two releases is a field here with its rule; code asks the field, never the
number. 4.6 is tied to the published Apache 4.6.1, 4.9 to 4.9.7, 5.5 to 5.5.0. Default is 4.9.
Add a switch where you need one: field, rule ID in the comment, and its value in each of the rows.
"""

from dataclasses import dataclass


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
    checkpoint_has_offsets: bool  # STORE-FILES-6
    flush_attempts_max: int  # STORE-FLUSH-4
    sees_last_flush: bool  # STORE-FLUSH-4
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
    # --- broker: pull and offsets
    # --- broker: administration


RELEASE_4_6 = Release(
    name="4.6",
    apache="4.6.1",
    header_version=335,
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
)

RELEASE_4_9 = Release(
    name="4.9",
    apache="4.9.7",
    header_version=407,
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
)

RELEASE_5_5 = Release(
    name="5.5",
    apache="5.5.0",
    header_version=513,
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
)

RELEASES = {r.name: r for r in (RELEASE_4_6, RELEASE_4_9, RELEASE_5_5)}
DEFAULT_RELEASE = RELEASE_4_9
