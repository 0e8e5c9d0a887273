"""Administration of offsets.

GET_ALL_CONSUMER_OFFSET (43), GET_ALL_DELAY_OFFSET (45), QUERY_CORRECTION_OFFSET (308),
CLONE_GROUP_OFFSET (314), INVOKE_BROKER_TO_RESET_OFFSET (222). Java 4.9.7:
broker/processor/AdminBrokerProcessor, broker/client/net/Broker2Client#resetOffset. Rules
BROKER-ADMIN-36, -37, -46 to -49, BROKER-OFFSET-8, -12, -15, -16.

Cited in short below: BROKER-OFFSET-15.
"""

from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.mq_version import V3_0_7_SNAPSHOT, version_desc
from refimpl.broker.processor_threw import null_pointer
from refimpl.model.data_version import to_json
from refimpl.model.ids import Millis, QueueId, Topic
from refimpl.model.java import LONG_MAX, encode_utf8
from refimpl.model.message_queue import MessageQueue
from refimpl.model.topic_config import TopicConfig
from refimpl.model.topic_validator import is_blank
from refimpl.remoting.body.java_json import Writable, write
from refimpl.remoting.body.offset import (
    MessageQueueForC,
    QueryCorrectionOffsetBody,
    ResetOffsetBody,
    ResetOffsetBodyForC,
)
from refimpl.remoting.command import REMARK_NOT_SET, RemotingCommand, make_response
from refimpl.remoting.header import decode_header
from refimpl.remoting.header.consumer_admin import (
    CloneGroupOffsetRequestHeader,
    QueryCorrectionOffsetHeader,
    ResetOffsetRequestHeader,
)
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_CPP = 1  # LanguageCode


def get_all_consumer_offset(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """The table as it is persisted, on one line. BROKER-ADMIN-46."""
    body = encode_utf8(ctx.consumer_offset_manager.encode_line())
    return make_response(request.command, ResponseCode.SUCCESS, body=body)


def get_all_delay_offset(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """How far the delivery of every delay level is. BROKER-ADMIN-47."""
    body = encode_utf8(write(_delays(ctx), ctx.release))
    return make_response(request.command, ResponseCode.SUCCESS, body=body)


def _delays(ctx: BrokerContext) -> dict[str, Writable]:
    service = ctx.schedule_message_service
    if not ctx.release.delay_offset_has_version:
        return {"offsetTable": service.offset_table}
    version = to_json(service.data_version, ctx.release)
    return {"dataVersion": version, "offsetTable": service.offset_table}


def query_correction_offset(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """The least offset of every queue over the groups. BROKER-OFFSET-16, BROKER-ADMIN-36.

    Where the compared group is behind the others, the answer for the queue is the greatest long.
    Up to 4.9 group and topic are taken in the wrong order, so nothing is ever compared.
    """
    command, release = request.command, ctx.release
    header = decode_header(QueryCorrectionOffsetHeader, command.ext_fields, release)
    offsets = ctx.consumer_offset_manager
    least = offsets.query_min_offset_in_all_group(header.topic, header.filter_groups)
    group = "null" if header.compare_group is None else header.compare_group  # as Java prints it
    if release.correction_takes_group_first:
        compared = offsets.query_offsets(group, header.topic)
    else:
        compared = offsets.query_offsets(header.topic, group)
    for queue_id, offset in (compared or {}).items():
        known = least.get(queue_id)
        if known is None:
            raise null_pointer()
        if known > offset:
            least[queue_id] = LONG_MAX
    body = QueryCorrectionOffsetBody(correction_offsets=least).encode(release)
    return make_response(command, ResponseCode.SUCCESS, body=body)


def clone_group_offset(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Give a group the offsets of another. BROKER-OFFSET-8; BROKER-ADMIN-37: always a success.

    Without a topic nothing is cloned: Java walks the group's topics but clones the header's null.
    """
    command = request.command
    header = decode_header(CloneGroupOffsetRequestHeader, command.ext_fields, ctx.release)
    source, topic = header.src_group or "", header.topic
    nameless = header.src_group is None
    if topic is None or is_blank(topic):
        if nameless and ctx.consumer_offset_manager.offset_table:
            raise null_pointer()
        return make_response(command, ResponseCode.SUCCESS)
    known = ctx.topic_config_manager.select_topic_config(topic) is not None
    if nameless:
        if known and not header.offline:
            raise null_pointer()
        source = "null"  # as Java prints it into a key
    manager = ctx.consumer_manager
    subscribed = (
        header.offline
        or manager.find_subscription_data_count(source) == 0
        or manager.find_subscription_data(source, topic) is not None
    )
    if known and subscribed:
        target = "null" if header.dest_group is None else header.dest_group
        ctx.consumer_offset_manager.clone_offset(source, target, topic)
    return make_response(command, ResponseCode.SUCCESS)


def reset_offset(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Move a group to a time: on the server in 5.5, else by telling its online members."""
    command = request.command
    header = decode_header(ResetOffsetRequestHeader, command.ext_fields, ctx.release)
    config = ctx.topic_config_manager.select_topic_config(header.topic)
    server_side = ctx.release.server_side_reset_offset
    if server_side and ctx.config.boolean("useServerSideResetOffset"):
        return _reset_on_server(ctx, request, header, config)
    if config is None:
        return make_response(
            command,
            ResponseCode.TOPIC_NOT_EXIST if server_side else ResponseCode.SYSTEM_ERROR,
            f"[reset-offset] reset offset failed, no topic in this broker. topic={header.topic}",
        )
    return _reset_by_clients(ctx, request, header, config)


def _search(ctx: BrokerContext, topic: str, queue_id: int, timestamp: int) -> int:
    if timestamp < 0:
        return ctx.store.max_offset_in_queue(Topic(topic), QueueId(queue_id))
    return ctx.store.offset_in_queue_by_time(Topic(topic), QueueId(queue_id), Millis(timestamp))


def _reset_on_server(
    ctx: BrokerContext,
    request: Request,
    header: ResetOffsetRequestHeader,
    config: TopicConfig | None,
) -> RemotingCommand:
    """BROKER-OFFSET-12 and -15; BROKER-ADMIN-48: unknown topics and groups are refused."""
    command, topic, group = request.command, header.topic, header.group
    if ctx.config.text("brokerRole") == "SLAVE":
        return make_response(
            command, ResponseCode.SYSTEM_ERROR, "Can not reset offset in slave broker"
        )
    if config is None:
        return make_response(command, ResponseCode.TOPIC_NOT_EXIST, f"Topic {topic} does not exist")
    if not ctx.subscription_group_manager.contains_subscription_group(group):
        return make_response(
            command, ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, f"Group {group} does not exist"
        )
    moved: dict[int, int] = {}
    number = header.queue_id
    if number is None or number < 0:
        for queue_id in range(config.read_queue_nums):
            moved[queue_id] = _search(ctx, topic, queue_id, header.timestamp)
    elif header.offset is None or header.offset == -1:
        moved[number] = _search(ctx, topic, number, header.timestamp)
    else:
        queue_id = QueueId(number)
        least = ctx.store.min_offset_in_queue(Topic(topic), queue_id)
        most = ctx.store.max_offset_in_queue(Topic(topic), queue_id)
        if (least >= 0 and header.offset < least) or header.offset > most + 1:
            return make_response(
                command,
                ResponseCode.SYSTEM_ERROR,
                f"Target offset {header.offset} not in consume queue range [{least}-{most}]",
            )
        moved[number] = header.offset
    if not moved:
        return make_response(command, ResponseCode.SYSTEM_ERROR, "No queues to reset.")
    table: dict[MessageQueue, int] = {}
    for number, offset in moved.items():
        ctx.consumer_offset_manager.assign_reset_offset(topic, group, number, offset)
        table[_queue(ctx, topic, number)] = offset
    body = ResetOffsetBody(offset_table=table).encode(ctx.release)
    return make_response(command, ResponseCode.SUCCESS, body=body)


def _queue(ctx: BrokerContext, topic: str, queue_id: int) -> MessageQueue:
    return MessageQueue(Topic(topic), ctx.config.text("brokerName"), QueueId(queue_id))


def _reset_by_clients(
    ctx: BrokerContext,
    request: Request,
    header: ResetOffsetRequestHeader,
    config: TopicConfig,
) -> RemotingCommand:
    """Tell every member, which commits its new offset itself. BROKER-ADMIN-49, BROKER-ADMIN-59.

    Nothing is told while the group lacks the offset of any queue or is offline.
    """
    command, release = request.command, ctx.release
    topic, timestamp = header.topic, header.timestamp
    group = (command.ext_fields or {}).get("group", "null")  # as Java prints an absent one
    table: dict[MessageQueue, int] = {}
    for number in range(config.write_queue_nums):
        consumer = ctx.consumer_offset_manager.query_offset(group, topic, number)
        if consumer == -1:
            return make_response(
                command, ResponseCode.SYSTEM_ERROR, f"THe consumer group <{group}> not exist"
            )
        if timestamp == -1:
            target = int(ctx.store.max_offset_in_queue(Topic(topic), QueueId(number)))
        else:
            target = ctx.store.offset_in_queue_by_time(
                Topic(topic), QueueId(number), Millis(timestamp)
            )
        target = max(0, target)
        forward = target >= consumer and not header.is_force
        table[_queue(ctx, topic, number)] = consumer if forward else target
    answer = ResetOffsetBody(offset_table=table).encode(release)
    told = _for_c(ctx, table) if command.language == _CPP else answer
    info = ctx.consumer_manager.get_consumer_group_info(group)
    members = [] if info is None else list(info.channel_info_table.values())
    if not members:
        return make_response(
            command,
            ResponseCode.CONSUMER_NOT_ONLINE,
            f"Consumer not online, so can not reset offset, Group: {group} Topic: {topic} "
            f"Timestamp: {timestamp}",
        )
    notice = ResetOffsetRequestHeader(
        topic=topic,
        group=group,
        timestamp=timestamp,
        queue_id=-1 if release.server_side_reset_offset else None,
    )
    for member in members:
        if member.version < V3_0_7_SNAPSHOT:
            return make_response(
                command,
                ResponseCode.SYSTEM_ERROR,
                "the client does not support this feature. version=" + version_desc(member.version),
            )
        if ctx.endpoint.is_open(member.channel):
            ctx.endpoint.send_oneway(
                member.channel,
                RequestCode.RESET_CONSUMER_CLIENT_OFFSET,
                notice,
                told,
                request.now,
            )
    return make_response(command, ResponseCode.SUCCESS, REMARK_NOT_SET, body=answer)


def _for_c(ctx: BrokerContext, table: dict[MessageQueue, int]) -> bytes:
    """The table as a list, where the *asking* client is written in C++."""
    entries = tuple(
        MessageQueueForC(
            topic=queue.topic, broker_name=queue.broker_name, queue_id=queue.queue_id, offset=offset
        )
        for queue, offset in table.items()
    )
    return ResetOffsetBodyForC(offset_table=entries).encode(ctx.release)
