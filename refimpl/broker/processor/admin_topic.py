"""Administration of topics.

UPDATE_AND_CREATE_TOPIC (17), its list (18), GET_ALL_TOPIC_CONFIG (21), GET_TOPIC_CONFIG (351),
DELETE_TOPIC_IN_BROKER (215), GET_SYSTEM_TOPIC_LIST_FROM_BROKER (305), CLEAN_UNUSED_TOPIC (316).
Java 4.9.7: broker/processor/AdminBrokerProcessor, methods of the same names. Rules BROKER-ADMIN-1
to BROKER-ADMIN-12.

Cited in short below: BROKER-ADMIN-3, BROKER-ADMIN-8.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from refimpl.broker.attributes import TOPIC_ATTRIBUTES, alter_attributes, parse_to_map
from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.java_text import topic_config_text
from refimpl.broker.processor.admin_body import Page, entries_of, page_of
from refimpl.broker.processor.admin_check import refuse_slave
from refimpl.broker.processor_threw import ProcessorThrew, null_pointer
from refimpl.model.data_version import to_json as version_to_json
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Topic
from refimpl.model.java import encode_utf8
from refimpl.model.topic_config import TopicConfig, TopicFilterType, from_json, to_json
from refimpl.model.topic_validator import (
    is_blank,
    is_lmq,
    is_system_topic,
    system_topics,
    validate_topic,
)
from refimpl.remoting.body.java_json import Writable, text_of, write
from refimpl.remoting.command import REMARK_NOT_SET, RemotingCommand, make_response
from refimpl.remoting.errors import BodyRefused, HeaderRefused
from refimpl.remoting.header import decode_header
from refimpl.remoting.header.topic_admin import (
    CreateTopicRequestHeader,
    DeleteTopicRequestHeader,
    GetAllTopicConfigRequestHeader,
    GetAllTopicConfigResponseHeader,
    GetTopicConfigRequestHeader,
)
from refimpl.remoting.response_code import ResponseCode


def update_and_create_topic(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Store a topic as the administrator wants it. BROKER-ADMIN-1 to BROKER-ADMIN-4."""
    command, release = request.command, ctx.release
    refused = refuse_slave(ctx, request)
    if refused is not None:
        return refused
    header = decode_header(CreateTopicRequestHeader, command.ext_fields, release)
    refused = _refuse_name(ctx, request, header.topic)
    if refused is not None:
        return refused
    if not release.topics_have_attributes:
        config = _given(header)
        ctx.topic_config_manager.update_topic_config(config, request.now)
        # This topic alone, and answered: the answer brings order flags. BROKER-TOPIC-8.
        ctx.registration.register_increment([config], request.now)
        return _created(ctx, command)
    try:
        config = replace(
            _given(header), order=bool(header.order), attributes=parse_to_map(header.attributes)
        )
        return _update(ctx, request, (config,))
    except HeaderRefused:
        return make_response(command, ResponseCode.SYSTEM_ERROR)
    except ProcessorThrew as thrown:
        return make_response(command, ResponseCode.SYSTEM_ERROR, thrown.message)


def _given(header: CreateTopicRequestHeader) -> TopicConfig:
    """What every release has of a topic; raises `HeaderRefused` where a number is missing.

    5.5 answers that with the message of its exception, which is null. BROKER-ADMIN-64.
    """
    assert header.topic is not None, "a missing name was refused before"
    return TopicConfig(
        topic_name=header.topic,
        read_queue_nums=header.read_queue_nums,
        write_queue_nums=header.write_queue_nums,
        topic_filter_type=TopicFilterType[header.topic_filter_type or "SINGLE_TAG"],
        perm=header.perm,
        topic_sys_flag=header.topic_sys_flag or 0,
    )


def update_and_create_topic_list(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Store several topics (5.5); one bad name refuses all. BROKER-ADMIN-5, BROKER-ADMIN-65."""
    release = ctx.release
    configs = []
    for entry in entries_of(request.command.body, "topicConfigList", release):
        name = text_of(entry.get("topicName"), release)
        try:
            configs.append(from_json({**entry, "topicName": name}, release))
        except InvalidInput as error:
            if error.what == "int":  # an ordinal as text: NumberFormatException
                raise
            raise BodyRefused("TopicConfig", str(error)) from None
    try:
        return _update(ctx, request, configs)
    except ProcessorThrew as thrown:
        return make_response(request.command, ResponseCode.SYSTEM_ERROR, thrown.message)


def _update(
    ctx: BrokerContext, request: Request, configs: Sequence[TopicConfig]
) -> RemotingCommand:
    """5.5: check all, then store one after the other and tell the name servers.

    One that is there already ends the checks, and nothing is done. BROKER-ADMIN-65.
    """
    command, manager = request.command, ctx.topic_config_manager
    for config in configs:
        refused = _refuse_name(ctx, request, config.topic_name)
        if refused is not None:
            return refused
        if config.attributes.get("+message.type") == "MIXED" and not ctx.config.boolean(
            "enableMixedMessageType"
        ):
            return make_response(
                command, ResponseCode.INVALID_PARAMETER, "MIXED message type is not supported."
            )
        if config == manager.select_topic_config(config.topic_name):
            return _created(ctx, command)
    stored: list[TopicConfig] = []

    def changed() -> Iterator[TopicConfig]:
        for config in configs:
            old = manager.select_topic_config(config.topic_name)
            attributes = alter_attributes(
                TOPIC_ATTRIBUTES,
                {} if old is None else old.attributes,
                config.attributes,
                create=old is None,
            )
            stored.append(replace(config, attributes=attributes))
            yield stored[-1]

    manager.update_topic_config_list(changed(), request.now)
    if ctx.config.boolean("enableSingleTopicRegister"):
        for config in stored:
            ctx.registration.topic_created(config, request.now)
    else:
        _refuse_twins(ctx, stored)
        ctx.registration.register_increment(stored, request.now)
    return _created(ctx, command)


def _refuse_twins(ctx: BrokerContext, configs: Sequence[TopicConfig]) -> None:
    """Two topics of one name cannot be told in one registration: Java's stream throws."""
    seen: dict[str, TopicConfig] = {}
    for config in configs:
        first = seen.setdefault(config.topic_name, config)
        if first is not config:
            both = " and ".join(topic_config_text(one, ctx.release) for one in (first, config))
            raise ProcessorThrew(
                "java.lang.IllegalStateException",
                f"Duplicate key {config.topic_name} (attempted merging values {both})",
            )


def _created(ctx: BrokerContext, command: RemotingCommand) -> RemotingCommand:
    """SUCCESS, with the remark of an answer that nothing was set in. BROKER-ADMIN-58."""
    remark = REMARK_NOT_SET if ctx.release.created_topic_keeps_remark else None
    return make_response(command, ResponseCode.SUCCESS, remark)


def _refuse_name(ctx: BrokerContext, request: Request, topic: str | None) -> RemotingCommand | None:
    """BROKER-ADMIN-1 (illegal names), BROKER-ADMIN-2 (names of the system)."""
    release, command = ctx.release, request.command
    if topic is None and not release.missing_topic_is_blank:
        raise null_pointer()
    if not release.refuses_system_topics and topic == ctx.config.text("brokerClusterName"):
        return make_response(
            command,
            ResponseCode.SYSTEM_ERROR,
            f"the topic[{topic}] is conflict with system reserved words.",
        )
    remark = validate_topic(topic, release)
    if remark is not None:
        return make_response(command, release.illegal_topic_code, remark)
    return _refuse_system(ctx, request, topic)


def _refuse_system(
    ctx: BrokerContext, request: Request, topic: str | None
) -> RemotingCommand | None:
    release = ctx.release
    if not release.refuses_system_topics or topic is None:
        return None
    if release.config_black_list and not ctx.config.boolean("validateSystemTopicWhenUpdateTopic"):
        return None
    if is_system_topic(topic, release) or topic in ctx.topic_config_manager.system_topics:
        return make_response(
            request.command,
            release.illegal_topic_code,
            f"The topic[{topic}] is conflict with system topic.",
        )
    return None


def delete_topic(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Forget a topic and its queues; the log keeps the messages. BROKER-ADMIN-6 to -8."""
    command, release, now = request.command, ctx.release, request.now
    refused = refuse_slave(ctx, request)
    if refused is not None:
        return refused
    header = decode_header(DeleteTopicRequestHeader, command.ext_fields, release)
    topic = header.topic
    if release.validates_deleted_topic:
        refused = _refuse_name(ctx, request, topic)
    elif release.deletes_topic_alone:
        if is_blank(topic):
            return make_response(
                command, ResponseCode.INVALID_PARAMETER, "The specified topic is blank."
            )
        refused = _refuse_system(ctx, request, topic)
    if refused is not None:
        return refused
    if release.validates_deleted_topic and is_lmq(topic):
        return make_response(command, ResponseCode.SUCCESS)
    if topic is None:
        raise null_pointer()
    manager = ctx.topic_config_manager
    manager.delete_topic_config(topic, now)
    if release.deletes_topic_alone:
        ctx.consumer_offset_manager.clean_offset_by_topic(topic)
        ctx.store.delete_topics((Topic(topic),))
        return make_response(command, ResponseCode.SUCCESS)
    ctx.store.clean_unused_topic([Topic(name) for name in manager.topic_config_table])
    if release.validates_deleted_topic and ctx.config.boolean("autoDeleteUnusedStats"):
        ctx.broker_stats.delete_topic(topic)
    return make_response(command, ResponseCode.SUCCESS)


def clean_unused_topic(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Remove queues of topics that the table does not know. BROKER-ADMIN-45."""
    ctx.store.clean_unused_topic(
        [Topic(name) for name in ctx.topic_config_manager.topic_config_table]
    )
    return make_response(request.command, ResponseCode.SUCCESS)


def get_all_topic_config(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """The whole table with its version, or a page of it in 5.5. BROKER-ADMIN-9."""
    command, release, manager = request.command, ctx.release, ctx.topic_config_manager
    table: Mapping[str, TopicConfig] = manager.topic_config_table
    if not release.pages_tables:
        tree: dict[str, Writable] = {
            "dataVersion": version_to_json(manager.data_version, release),
            "topicConfigTable": {name: to_json(entry, release) for name, entry in table.items()},
        }
        body = encode_utf8(write(tree, release))
        return make_response(command, ResponseCode.SUCCESS, body=body)
    if command.ext_fields and ctx.config.boolean("enableSplitMetadata"):
        page = decode_header(GetAllTopicConfigRequestHeader, command.ext_fields, release)
        asked = Page(page.topic_seq, page.max_topic_num, page.data_version)
        table = page_of(ctx, table, asked, manager.data_version)
    started = ctx.store.store_stats.boot_timestamp
    tree = {
        "dataVersion": version_to_json(manager.data_version, release),
        "mappingDataVersion": {"counter": 0, "stateVersion": 0, "timestamp": started},
        "topicConfigTable": {name: to_json(entry, release) for name, entry in table.items()},
        "topicQueueMappingDetailMap": {},
        "topicQueueMappingInfoMap": {},
    }
    total = GetAllTopicConfigResponseHeader(total_topic_num=len(manager.topic_config_table))
    body = encode_utf8(write(tree, release))
    return make_response(command, ResponseCode.SUCCESS, header=total, body=body)


def get_topic_config(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """One topic (5.5). BROKER-ADMIN-11."""
    command = request.command
    header = decode_header(GetTopicConfigRequestHeader, command.ext_fields, ctx.release)
    config = ctx.topic_config_manager.select_topic_config(header.topic)
    if config is None:
        return make_response(
            command,
            ResponseCode.TOPIC_NOT_EXIST,
            f"No topic in this broker. topic: {header.topic}",
        )
    body = encode_utf8(write(to_json(config, ctx.release), ctx.release))
    return make_response(command, ResponseCode.SUCCESS, body=body)


def get_system_topic_list(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Topics that belong to the system. BROKER-ADMIN-44."""
    topics = set(ctx.topic_config_manager.system_topics)
    if ctx.release.refuses_system_topics:
        topics |= system_topics(ctx.release)
    body = write({"topicList": sorted(topics)}, ctx.release)
    return make_response(request.command, ResponseCode.SUCCESS, body=encode_utf8(body))
