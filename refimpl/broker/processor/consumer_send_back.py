"""CONSUMER_SEND_MSG_BACK (36): a consumer gives a message back, for later or for the dead.

Java 4.9.7: broker/processor/SendMessageProcessor#asyncConsumerSendMsgBack; 5.5.0:
AbstractSendMessageProcessor#consumerSendMsgBack.
"""

from refimpl.broker.broker_stats import SNDBCK_PUT_NUMS
from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.java_text import suggest_todo
from refimpl.broker.processor.send_message import DLQ_NUMS_PER_GROUP, V3_4_9
from refimpl.broker.processor_threw import null_pointer
from refimpl.broker.send_check import RANDOM_BOUND, send_settings
from refimpl.model.ids import Millis, PhysicalOffset, QueueId, Topic
from refimpl.model.message import MessageExt, MessageExtBrokerInner
from refimpl.model.message_id import create_message_id
from refimpl.model.message_property import (
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_ORIGIN_MESSAGE_ID,
    PROPERTY_RETRY_TOPIC,
    PROPERTY_TAGS,
    PROPERTY_WAIT_STORE_MSG_OK,
    in_java_order,
    properties_to_string,
)
from refimpl.model.status import PutMessageStatus
from refimpl.model.subscription import tags_code
from refimpl.model.subscription_group import SubscriptionGroupConfig
from refimpl.model.sys_flag import PERM_READ, PERM_WRITE, build_topic_sys_flag, is_writeable
from refimpl.model.topic_validator import dlq_topic, retry_topic
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.header import decode_header
from refimpl.remoting.header.send_back import ConsumerSendMsgBackRequestHeader
from refimpl.remoting.response_code import ResponseCode

FIRST_RETRY_LEVEL = 3  # level 3 + reconsumeTimes where the consumer names none


def consumer_send_msg_back(ctx: BrokerContext, request: Request) -> RemotingCommand | None:
    """Store a copy of a message for its group's retry topic, or for its dead-letter topic.

    BROKER-BACK-1, BROKER-BACK-2, BROKER-BACK-3, BROKER-BACK-4, BROKER-BACK-5, BROKER-BACK-6,
    BROKER-BACK-7, BROKER-BACK-8, BROKER-BACK-9, BROKER-BACK-10, BROKER-BACK-11, BROKER-BACK-12,
    BROKER-BACK-13, BROKER-BACK-14, BROKER-BACK-15.
    """
    command, release, now = request.command, ctx.release, request.now
    header = decode_header(ConsumerSendMsgBackRequestHeader, command.ext_fields, release)
    group = ctx.subscription_group_manager.find_subscription_group_config(header.group, now)
    if group is None:
        return make_response(
            command,
            ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
            f"subscription group not exist, {header.group} {suggest_todo(release)}",
        )
    settings = send_settings(ctx)
    if not settings.writeable:
        remark = f"the broker[{settings.broker_ip}] sending message is forbidden"
        return make_response(command, ResponseCode.NO_PERMISSION, remark)
    if group.retry_queue_nums <= 0:
        return make_response(command, ResponseCode.SUCCESS)
    topic = retry_topic(header.group)
    queue_id = ctx.prng.below(RANDOM_BOUND) % group.retry_queue_nums
    sys_flag = build_topic_sys_flag(unit=False, has_unit_sub=True) if header.unit_mode else 0
    config = ctx.topic_config_manager.create_topic_in_send_message_back_method(
        topic, group.retry_queue_nums, PERM_WRITE | PERM_READ, sys_flag, now
    )
    if not is_writeable(config.perm):
        remark = f"the topic[{topic}] sending message is forbidden"
        return make_response(command, ResponseCode.NO_PERMISSION, remark)
    message = ctx.store.look_message_by_offset(PhysicalOffset(header.offset))
    if message is None:
        remark = f"look message by offset failed, {header.offset}"
        return make_response(command, ResponseCode.SYSTEM_ERROR, remark)
    delay_level = header.delay_level  # read before the limit: an absent one is refused
    limit = _limit(ctx, command, header, group)
    dead = message.reconsume_times >= limit or delay_level < 0
    if dead:
        if release.dead_letter_needs_origin_topic and header.origin_topic is None:
            raise null_pointer()
        topic, queue_id = dlq_topic(header.group), 0
        perm = PERM_WRITE | PERM_READ if release.dead_letter_is_readable else PERM_WRITE
        ctx.topic_config_manager.create_topic_in_send_message_back_method(
            topic, DLQ_NUMS_PER_GROUP, perm, 0, now
        )
        level = 0
    else:
        level = delay_level or FIRST_RETRY_LEVEL + message.reconsume_times
    inner = _copy(ctx, message, topic, queue_id, level)
    result = ctx.store.put_message(inner, now, waits_for_flush=True)
    if result.ticket is None:
        return _answer(ctx, command, header.group, inner, result.status)

    def done(status: PutMessageStatus, _now: Millis) -> None:
        ctx.respond(request, _answer(ctx, command, header.group, inner, status))

    ctx.await_put(result.ticket, done)
    return None


def _limit(
    ctx: BrokerContext,
    command: RemotingCommand,
    header: ConsumerSendMsgBackRequestHeader,
    group: SubscriptionGroupConfig,
) -> int:
    """How often a message may be tried: what the consumer says, or its group. BROKER-BACK-7."""
    if command.version < V3_4_9:
        return group.retry_max_times
    if header.max_reconsume_times is not None:
        return header.max_reconsume_times
    if ctx.release.needs_max_reconsume_times:
        raise null_pointer()
    return group.retry_max_times


def _copy(
    ctx: BrokerContext, message: MessageExt, topic: str, queue_id: int, level: int
) -> MessageExtBrokerInner:
    """The message as it is stored again.

    BROKER-BACK-10, BROKER-BACK-11, BROKER-BACK-12, BROKER-BACK-13.
    """
    release = ctx.release
    properties = dict(message.properties)
    properties.setdefault(PROPERTY_RETRY_TOPIC, message.topic)
    properties[PROPERTY_WAIT_STORE_MSG_OK] = "false"
    properties[PROPERTY_DELAY_TIME_LEVEL] = str(level)
    before = properties_to_string(in_java_order(properties, release), release)
    if not properties.get(PROPERTY_ORIGIN_MESSAGE_ID, "").strip():
        properties[PROPERTY_ORIGIN_MESSAGE_ID] = create_message_id(
            message.store_host, message.physical_offset
        )
    properties = in_java_order(properties, release)
    return MessageExtBrokerInner(
        topic=Topic(topic),
        queue_id=QueueId(queue_id),
        body=message.body,
        flag=message.flag,
        sys_flag=message.sys_flag,
        properties=properties,
        properties_string=(
            properties_to_string(properties, release) if release.prints_origin_id else before
        ),
        tags_code=tags_code(properties.get(PROPERTY_TAGS)),
        born_timestamp=message.born_timestamp,
        born_host=message.born_host,
        store_host=message.store_host if release.send_back_keeps_store_host else ctx.store_host,
        reconsume_times=message.reconsume_times + 1,
    )


def _answer(
    ctx: BrokerContext,
    command: RemotingCommand,
    group: str,
    inner: MessageExtBrokerInner,
    status: PutMessageStatus,
) -> RemotingCommand:
    """Success only where the put is PUT_OK: every other status is its name. BROKER-BACK-14."""
    if status is PutMessageStatus.PUT_OK:
        ctx.broker_stats.add(
            SNDBCK_PUT_NUMS, f"{inner.properties[PROPERTY_RETRY_TOPIC]}@{group}", 1
        )
        return make_response(command, ResponseCode.SUCCESS)
    name = ctx.release.put_status_names.get(status.name, status.name)
    return make_response(command, ResponseCode.SYSTEM_ERROR, name)
