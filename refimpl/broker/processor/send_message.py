"""SEND_MESSAGE (10), SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320): the receive path.

Java 4.9.7: broker/processor/SendMessageProcessor. The gate is `send_check`; here a message is built
from the request, put, and the status of the put becomes the answer, at once or by ticket.
"""

from typing import NamedTuple

from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.java_text import suggest_todo
from refimpl.broker.processor_threw import null_pointer
from refimpl.broker.send_check import (
    Refusal,
    SendRequest,
    SendSettings,
    answer,
    check_message,
    check_start,
    parse_request_header,
    random_queue_id,
    send_settings,
)
from refimpl.broker.send_hooks import SendMessageContext
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Address, Millis, QueueId, Topic
from refimpl.model.java import length, parse_boolean, parse_int
from refimpl.model.message import MessageExtBrokerInner
from refimpl.model.message_property import (
    PROPERTY_CLUSTER,
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_KEYS,
    PROPERTY_MSG_REGION,
    PROPERTY_SHARDING_KEY,
    PROPERTY_TIMER_DELAY_MS,
    PROPERTY_TIMER_DELAY_SEC,
    PROPERTY_TIMER_DELIVER_MS,
    PROPERTY_TRACE_SWITCH,
    PROPERTY_TRANSACTION_PREPARED,
    PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX,
    PROPERTY_WAIT_STORE_MSG_OK,
    in_java_order,
    properties_to_string,
    string_to_properties,
)
from refimpl.model.status import PutMessageStatus
from refimpl.model.sys_flag import MULTI_TAGS_FLAG, PERM_READ, PERM_WRITE
from refimpl.model.topic_config import TopicConfig, TopicFilterType
from refimpl.model.topic_validator import (
    RETRY_GROUP_TOPIC_PREFIX,
    RMQ_SYS_TRANS_HALF_TOPIC,
    dlq_topic,
)
from refimpl.remoting.command import RPC_TYPE, RemotingCommand
from refimpl.remoting.response_code import ResponseCode
from refimpl.store.append_message import PutMessageResult, delayed

SEND_MESSAGE = 10
V3_4_9 = 121  # MQVersion.Version.V3_4_9: from here on clients tell maxReconsumeTimes
DLQ_NUMS_PER_GROUP = 1
TOPIC_LENGTH_OF_BATCH = 127  # Byte.MAX_VALUE
PROPERTY_POP_CK = "POP_CK"
PROPERTY_PRIORITY = "_SYS_MSG_PRIORITY_"


class Sending(NamedTuple):
    """One send on its way: what every step needs."""

    ctx: BrokerContext
    settings: SendSettings
    request: Request
    hook: SendMessageContext | None  # what hooks were told before; None without hooks

    def refuse(self, code: int, remark: str | None) -> RemotingCommand:
        """The answer of a send that stores nothing."""
        return answer(self.ctx, self.settings, self.request.command, code, remark)


_REPRINTED = frozenset({PROPERTY_TRANSACTION_PREPARED, PROPERTY_DELAY_TIME_LEVEL})
_STORED = {
    PutMessageStatus.PUT_OK: 0,
    PutMessageStatus.FLUSH_DISK_TIMEOUT: 10,
    PutMessageStatus.FLUSH_SLAVE_TIMEOUT: 12,
    PutMessageStatus.SLAVE_NOT_AVAILABLE: 11,
}


def send_message(ctx: BrokerContext, request: Request) -> RemotingCommand | None:
    """Receive one message or one batch; None where the answer waits for the disk.

    BROKER-SEND-1, and what the steps name.
    """
    command = request.command
    release = ctx.release
    settings = send_settings(ctx)
    header = parse_request_header(command, release, short=command.code != SEND_MESSAGE)
    peer = ctx.endpoint.peer(request.channel)
    context = None
    if ctx.send_hooks.before or ctx.send_hooks.after:
        context = _hook_context(ctx, header, command, peer)
        ctx.send_hooks.run_before(context)
    if release.stores_region_and_trace or context is not None:
        header = _with_region(ctx, settings, header, command)
    refused = check_start(settings, request.now)
    if refused is not None:
        return answer(ctx, settings, command, refused.code, refused.remark)
    config = check_message(ctx, settings, header, peer, request.now)
    if type(config) is Refusal:
        return answer(ctx, settings, command, config.code, config.remark)
    assert isinstance(config, TopicConfig)
    sending = Sending(ctx, settings, request, context)
    if header.batch:
        return _send_batch(sending, header, config)
    return _send_single(sending, header, config)


def _send_single(
    sending: Sending, header: SendRequest, config: TopicConfig
) -> RemotingCommand | None:
    """Build and store one message. BROKER-SEND-16, BROKER-SEND-18, BROKER-SEND-19."""
    ctx, settings, request, _ = sending
    command, release, now = request.command, ctx.release, request.now
    queue_id = header.queue_id
    if queue_id < 0:
        queue_id = random_queue_id(ctx, config.write_queue_nums)
    properties = string_to_properties(header.properties, release)
    topic, stored_queue = header.topic, queue_id
    if topic.startswith(RETRY_GROUP_TOPIC_PREFIX):
        routed = _handle_retry_and_dlq(sending, header, config, properties)
        if type(routed) is Refusal:
            return sending.refuse(routed.code, routed.remark)
        assert not isinstance(routed, Refusal)
        if routed.topic_name != topic:
            topic, stored_queue, config = routed.topic_name, 0, routed
    if header.missing:
        raise null_pointer()  # system flag, flag or born time: BROKER-SEND-33
    if release.completes_sent_properties:
        refused = _complete_properties(ctx, properties, config)
        if refused is not None:
            return sending.refuse(refused.code, refused.remark)
        priority = _priority(properties)
        if priority >= 0:
            queue_id = stored_queue = min(priority, config.write_queue_nums - 1)
    properties[PROPERTY_CLUSTER] = settings.cluster
    properties = in_java_order(properties, release)
    if release.drops_stored_wait and PROPERTY_WAIT_STORE_MSG_OK in properties:
        printed = {k: v for k, v in properties.items() if k != PROPERTY_WAIT_STORE_MSG_OK}
        if not _REPRINTED.isdisjoint(printed):  # BROKER-SEND-18: put back, it comes last
            wait = {PROPERTY_WAIT_STORE_MSG_OK: properties[PROPERTY_WAIT_STORE_MSG_OK]}
            properties = in_java_order({**printed, **wait}, release)
    else:
        printed = properties
    sys_flag = header.sys_flag
    if config.topic_filter_type is TopicFilterType.MULTI_TAG:
        sys_flag |= MULTI_TAGS_FLAG
    reconsume_times = header.reconsume_times or 0
    inner = MessageExtBrokerInner(
        topic=Topic(topic),
        queue_id=QueueId(stored_queue),
        body=command.body,
        flag=header.flag,
        sys_flag=sys_flag,
        properties=properties,
        properties_string=properties_to_string(printed, release),
        tags_code=0,
        born_timestamp=Millis(header.born_timestamp),
        born_host=ctx.endpoint.peer(request.channel),
        store_host=ctx.store_host,
        reconsume_times=reconsume_times,
    )
    prepared = properties.get(PROPERTY_TRANSACTION_PREPARED)
    if prepared is not None and _is_prepared(prepared, properties, reconsume_times):
        if settings.reject_transaction:
            return sending.refuse(ResponseCode.NO_PERMISSION, _forbidden(settings))
        result = ctx.transactional_message_service.prepare_message(inner, now)
    else:
        result = ctx.store.put_message(inner, now)
    return _after_put(sending, result, inner, queue_id)


def _send_batch(
    sending: Sending, header: SendRequest, config: TopicConfig
) -> RemotingCommand | None:
    """Store the concatenated messages of one body.

    BROKER-SEND-24, BROKER-SEND-25, BROKER-SEND-26.
    """
    ctx, settings, request, _ = sending
    command, release, now = request.command, ctx.release, request.now
    queue_id = header.queue_id
    if queue_id < 0:
        queue_id = random_queue_id(ctx, config.write_queue_nums)
    if length(header.topic) > TOPIC_LENGTH_OF_BATCH:
        remark = f"message topic length too long {length(header.topic)}"
        return sending.refuse(ResponseCode.MESSAGE_ILLEGAL, remark)
    if release.refuses_retry_batch and header.topic.startswith(RETRY_GROUP_TOPIC_PREFIX):
        remark = f"batch request does not support retry group {header.topic}"
        return sending.refuse(ResponseCode.MESSAGE_ILLEGAL, remark)
    if header.missing or not command.body:
        raise null_pointer()
    properties = string_to_properties(header.properties, release)
    properties[PROPERTY_CLUSTER] = settings.cluster
    properties = in_java_order(properties, release)
    sys_flag = header.sys_flag
    if config.topic_filter_type is TopicFilterType.MULTI_TAG:
        sys_flag |= MULTI_TAGS_FLAG
    inner = MessageExtBrokerInner(
        topic=Topic(header.topic),
        queue_id=QueueId(queue_id),
        body=command.body,
        flag=header.flag,
        sys_flag=sys_flag,
        properties=properties,
        properties_string=properties_to_string(properties, release),
        tags_code=0,
        born_timestamp=Millis(header.born_timestamp),
        born_host=ctx.endpoint.peer(request.channel),
        store_host=ctx.store_host,
        reconsume_times=header.reconsume_times or 0,
        encoded_batch=command.body,
    )
    result = ctx.store.put_messages(inner, now)
    return _after_put(sending, result, inner, queue_id)


# --- a consumer's own retry: topic %RETRY%group


def _handle_retry_and_dlq(
    sending: Sending, header: SendRequest, config: TopicConfig, properties: dict[str, str]
) -> TopicConfig | Refusal:
    """Where a retry goes: its own topic, or the dead-letter topic when it was tried too often.

    BROKER-SEND-11, BROKER-SEND-12, BROKER-SEND-13, BROKER-SEND-14.
    """
    ctx, _, (_, command, now), _ = sending
    release = ctx.release
    group = header.topic[len(RETRY_GROUP_TOPIC_PREFIX) :]
    group_config = ctx.subscription_group_manager.find_subscription_group_config(group, now)
    if group_config is None:
        return Refusal(
            ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
            f"subscription group not exist, {group} {suggest_todo(release)}",
        )
    limit = group_config.retry_max_times
    if command.version >= V3_4_9:
        if header.max_reconsume_times is not None:
            limit = header.max_reconsume_times
        elif release.needs_max_reconsume_times:
            raise null_pointer()
    times = header.reconsume_times or 0
    dead = times > limit if release.retries_up_to_the_limit else times >= limit
    if release.retry_of_locked_group_is_dead and not dead:
        dead = not ctx.rebalance_lock_manager.is_lock_all_expired(group, now)
    if not dead:
        return config
    ctx.prng.below(99_999_999)  # Java draws a queue of the one that there is
    if PROPERTY_DELAY_TIME_LEVEL in properties or release.retry_of_locked_group_is_dead:
        properties[PROPERTY_DELAY_TIME_LEVEL] = release.dead_letter_delay
    perm = PERM_WRITE | PERM_READ if release.dead_letter_is_readable else PERM_WRITE
    return ctx.topic_config_manager.create_topic_in_send_message_back_method(
        dlq_topic(group), DLQ_NUMS_PER_GROUP, perm, 0, now
    )


def _is_prepared(prepared: str, properties: dict[str, str], reconsume_times: int) -> bool:
    """True for a half message; a delayed retry of one that has been one is none. BROKER-SEND-17."""
    if not parse_boolean(prepared):
        return False
    if reconsume_times <= 0:
        return True
    level = properties.get(PROPERTY_DELAY_TIME_LEVEL)
    return level is None or parse_int(level) <= 0


# --- 5.5: what the broker adds to the properties of a sender


def _with_region(
    ctx: BrokerContext, settings: SendSettings, header: SendRequest, command: RemotingCommand
) -> SendRequest:
    """Put region and trace switch into the properties; take a reserved one out. BROKER-SEND-20."""
    if ctx.release.stores_region_and_trace and not command.body:
        raise null_pointer()
    properties = string_to_properties(header.properties, ctx.release)
    properties[PROPERTY_MSG_REGION] = settings.region_id
    properties[PROPERTY_TRACE_SWITCH] = settings.trace_on
    if ctx.release.stores_region_and_trace:
        properties.pop(PROPERTY_POP_CK, None)
    return header._replace(properties=properties_to_string(properties, ctx.release))


def _complete_properties(
    ctx: BrokerContext, properties: dict[str, str], config: TopicConfig
) -> Refusal | None:
    """Give a message its unique id; refuse a compacted message without keys.

    BROKER-SEND-21, BROKER-SEND-22.
    """
    if not properties.get(PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX):
        properties[PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX] = ctx.unique_ids.create()
    if (
        config.attributes.get("cleanup.policy") == "COMPACTION"
        and not (properties.get(PROPERTY_KEYS) or "").strip()
    ):
        return Refusal(ResponseCode.MESSAGE_ILLEGAL, "Required message key is missing")
    return None


def _priority(properties: dict[str, str]) -> int:
    """The queue that a priority message asks for; -1 for every other message. BROKER-SEND-23."""
    text = properties.get(PROPERTY_PRIORITY)
    if text is None:
        return -1
    try:
        priority = parse_int(text)
    except InvalidInput:
        return -1
    if priority < 0:
        return -1
    other = (
        PROPERTY_DELAY_TIME_LEVEL,
        PROPERTY_TIMER_DELIVER_MS,
        PROPERTY_TIMER_DELAY_SEC,
        PROPERTY_TIMER_DELAY_MS,
        PROPERTY_SHARDING_KEY,
    )
    if parse_boolean(properties.get(PROPERTY_TRANSACTION_PREPARED)) or any(
        name in properties for name in other
    ):
        del properties[PROPERTY_PRIORITY]
        return -1
    return priority


# --- the answer


def _after_put(
    sending: Sending, result: PutMessageResult, inner: MessageExtBrokerInner, queue_id: int
) -> RemotingCommand | None:
    """Answer, or wait for the ticket of the put. BROKER-SEND-31."""
    if result.ticket is None:
        return _put_answer(sending, result, inner, queue_id)

    def done(status: PutMessageStatus, _now: Millis) -> None:
        response = _put_answer(sending, result._replace(status=status), inner, queue_id)
        sending.ctx.respond(sending.request, response)

    sending.ctx.await_put(result.ticket, done)
    return None


def _topic_in_store(ctx: BrokerContext, inner: MessageExtBrokerInner) -> str:
    """Where a half or a delayed message lies: statistics count it there. BROKER-SEND-34."""
    properties = inner.properties
    if _REPRINTED.isdisjoint(properties):
        return inner.topic
    prepared = properties.get(PROPERTY_TRANSACTION_PREPARED)
    if prepared is not None and _is_prepared(prepared, dict(properties), inner.reconsume_times):
        return RMQ_SYS_TRANS_HALF_TOPIC
    return delayed(inner, ctx.store.commit_log.delay_levels, ctx.release).topic


def _put_answer(
    sending: Sending, result: PutMessageResult, inner: MessageExtBrokerInner, queue_id: int
) -> RemotingCommand:
    """The status of the put as code and remark.

    BROKER-SEND-27, BROKER-SEND-28, BROKER-SEND-29, BROKER-SEND-30.
    """
    ctx, settings, (_, command, _), context = sending
    status, append, _ = result
    code = _STORED.get(status)
    if code is None or append is None:
        refusal = put_refusal(ctx, settings, status)
        if context is not None:
            ctx.send_hooks.run_after(
                context,
                code=refusal.code,
                error_msg=refusal.remark,
                msg_id=None,
                queue_offset=None,
            )
        return sending.refuse(refusal.code, refusal.remark)
    topic = _topic_in_store(ctx, inner)
    ctx.broker_stats.put(topic, settings.cluster, append.msg_num, append.wrote_bytes)
    fields = {
        PROPERTY_MSG_REGION: settings.region_id,
        PROPERTY_TRACE_SWITCH: settings.trace_on,
        "msgId": append.msg_id,
        "queueId": str(queue_id),
        "queueOffset": str(append.logics_offset),
    }
    if ctx.release.answers_transaction_id:
        unique = inner.properties.get(PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX)
        if unique is not None:
            fields["transactionId"] = unique
    if context is not None:
        ctx.send_hooks.run_after(
            context,
            code=code,
            error_msg=None,
            msg_id=append.msg_id,
            queue_offset=append.logics_offset,
        )
    return RemotingCommand(
        code=code,
        opaque=command.opaque,
        flag=RPC_TYPE,
        version=ctx.release.header_version,
        ext_fields=fields,
        serialize_type=command.serialize_type,
    )


def put_refusal(ctx: BrokerContext, settings: SendSettings, status: PutMessageStatus) -> Refusal:
    """Code and remark of a put that stored nothing. BROKER-SEND-28."""
    release = ctx.release
    match status:
        case PutMessageStatus.CREATE_MAPPED_FILE_FAILED:
            remark = "create mapped file failed, server is busy or broken."
        case PutMessageStatus.MESSAGE_ILLEGAL | PutMessageStatus.PROPERTIES_SIZE_EXCEEDED:
            remark = release.illegal_message_remark.format(limit=settings.max_message_size)
            return Refusal(ResponseCode.MESSAGE_ILLEGAL, "the" + remark)
        case PutMessageStatus.SERVICE_NOT_AVAILABLE:
            used = ctx.disk.used_ratio()
            ratios = f"CL: {used:5.2f} CQ: {used:5.2f} INDEX: {used:5.2f}"
            return Refusal(
                ResponseCode.SERVICE_NOT_AVAILABLE,
                release.service_not_available_remark.format(ratios=ratios),
            )
        case PutMessageStatus.OS_PAGE_CACHE_BUSY:
            return Refusal(
                release.page_cache_busy_code,
                "[PC_SYNCHRONIZED]broker busy, start flow control for a while",
            )
        case PutMessageStatus.UNKNOWN_ERROR:
            remark = "UNKNOWN_ERROR"
        case _:
            remark = "UNKNOWN_ERROR DEFAULT"
    return Refusal(ResponseCode.SYSTEM_ERROR, remark)


def _forbidden(settings: SendSettings) -> str:
    return f"the broker[{settings.broker_ip}] sending transaction message is forbidden"


def _hook_context(
    ctx: BrokerContext, header: SendRequest, command: RemotingCommand, peer: Address
) -> SendMessageContext:
    properties = string_to_properties(header.properties, ctx.release)
    return SendMessageContext(
        producer_group=header.producer_group,
        topic=header.topic,
        queue_id=header.queue_id,
        born_host=str(peer),
        broker_addr=str(ctx.address),
        body_length=len(command.body),
        msg_props=header.properties,
        msg_unique_key=properties.get(PROPERTY_UNIQ_CLIENT_MESSAGE_ID_KEYIDX, ""),
    )
