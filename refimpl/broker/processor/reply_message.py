"""SEND_REPLY_MESSAGE (324, 325): the answer to a request message, pushed to the one who asked.

Java 4.9.7: broker/processor/ReplyMessageProcessor. Java's thread waits for the client; here the
answer to the sender is given when the client has answered or the time is over.
"""

from refimpl.broker.context import BrokerContext, Request
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
from refimpl.model.ids import Address, Millis, QueueId, Topic
from refimpl.model.message import MessageExtBrokerInner
from refimpl.model.message_property import (
    PROPERTY_MESSAGE_REPLY_TO_CLIENT,
    PROPERTY_MSG_REGION,
    PROPERTY_PUSH_REPLY_TIME,
    PROPERTY_TAGS,
    PROPERTY_TRACE_SWITCH,
    in_java_order,
    properties_to_string,
    string_to_properties,
)
from refimpl.model.subscription import tags_code
from refimpl.model.topic_config import TopicConfig
from refimpl.remoting.command import RPC_TYPE, RemotingCommand
from refimpl.remoting.header.reply import ReplyMessageRequestHeader
from refimpl.remoting.response_code import ResponseCode

SEND_REPLY_MESSAGE_V2 = 325
PUSH_REPLY_MESSAGE_TO_CLIENT = 326
CALL_TIMEOUT = 10_000  # Broker2Client#callClient
_EARLY = frozenset({"born_timestamp"})  # what 5.5 uses before its checks


def send_reply_message(ctx: BrokerContext, request: Request) -> RemotingCommand | None:
    """Check like a send, push to the client of REPLY_TO_CLIENT, then store where configured.

    BROKER-REPLY-1, BROKER-REPLY-2, BROKER-REPLY-3, BROKER-REPLY-4, BROKER-REPLY-5, BROKER-REPLY-6,
    BROKER-REPLY-7.
    """
    command, release, now = request.command, ctx.release, request.now
    settings = send_settings(ctx)
    header = parse_request_header(
        command, release, short=command.code == SEND_REPLY_MESSAGE_V2, early=_EARLY
    )
    peer = ctx.endpoint.peer(request.channel)
    if release.stores_region_and_trace:
        if not command.body:
            raise null_pointer()  # its length is noted before the checks
        properties = string_to_properties(header.properties, release)
        properties[PROPERTY_MSG_REGION] = settings.region_id
        properties[PROPERTY_TRACE_SWITCH] = settings.trace_on
        properties = in_java_order(properties, release)
        header = header._replace(properties=properties_to_string(properties, release))
    refused = check_start(settings, now)
    if refused is not None:
        return answer(ctx, settings, command, refused.code, refused.remark)
    config = check_message(ctx, settings, header, peer, now)
    if isinstance(config, Refusal):
        return answer(ctx, settings, command, config.code, config.remark)
    return _push(ctx, settings, request, header, config)


def _push(
    ctx: BrokerContext,
    settings: SendSettings,
    request: Request,
    header: SendRequest,
    config: TopicConfig,
) -> RemotingCommand | None:
    command, release, now = request.command, ctx.release, request.now
    queue_id = header.queue_id
    if queue_id < 0:
        queue_id = random_queue_id(ctx, config.write_queue_nums)
    if header.missing - {"sys_flag"}:
        raise null_pointer()  # BROKER-SEND-33; the system flag is only passed on
    peer = ctx.endpoint.peer(request.channel)
    properties = string_to_properties(header.properties, release)
    sender = properties.get(PROPERTY_MESSAGE_REPLY_TO_CLIENT)
    refusal: str | None = None
    channel = None
    if sender is None:
        refusal = f"reply message properties[{PROPERTY_MESSAGE_REPLY_TO_CLIENT}] is null"
    else:
        channel = ctx.producer_manager.find_channel(sender)
        if channel is None:
            refusal = f"push reply message fail, channel of <{sender}> not found."

    def finish(remark: str | None, at: Millis) -> RemotingCommand:
        return _finish(ctx, settings, request, header, queue_id, peer, remark, at)

    if channel is None:
        return finish(refusal, now)
    properties[PROPERTY_PUSH_REPLY_TIME] = str(now)
    pushed = properties_to_string(in_java_order(properties, release), release)

    def answered(response: RemotingCommand | None, at: Millis) -> None:
        ok = response is not None and response.code == ResponseCode.SUCCESS
        remark = None if ok else f"push reply message to {sender}fail."
        ctx.respond(request, finish(remark, at))

    ctx.call_client(
        channel,
        PUSH_REPLY_MESSAGE_TO_CLIENT,
        _reply_header(ctx, header, peer, pushed, now),
        command.body,
        Millis(CALL_TIMEOUT),
        answered,
        now,
    )
    return None


def _reply_header(
    ctx: BrokerContext, header: SendRequest, peer: Address, properties: str, now: Millis
) -> ReplyMessageRequestHeader:
    """What the client is told: the send header with hosts and time. BROKER-REPLY-4.

    A field that the send left out is left out here, but that 5.5 counts no attempts as 0.
    """
    prefix = "/" if ctx.release.reply_hosts_have_slash else ""
    absent = 0 if ctx.release.absent_reconsume_times_is_0 else None
    return ReplyMessageRequestHeader(
        producer_group=header.producer_group,
        topic=header.topic,
        default_topic=header.default_topic,
        default_topic_queue_nums=header.default_topic_queue_nums,
        queue_id=header.queue_id,
        sys_flag=None if "sys_flag" in header.missing else header.sys_flag,
        born_timestamp=header.born_timestamp,
        flag=header.flag,
        properties=properties,
        reconsume_times=absent if header.reconsume_times is None else header.reconsume_times,
        unit_mode=header.unit_mode,
        born_host=prefix + str(peer),
        store_host=prefix + str(ctx.store_host),
        store_timestamp=now,
    )


def _finish(  # noqa: PLR0917 - the parts of one reply
    ctx: BrokerContext,
    settings: SendSettings,
    request: Request,
    header: SendRequest,
    queue_id: int,
    sender: Address,
    remark: str | None,
    now: Millis,
) -> RemotingCommand:
    """Answer what became of the push; a stored reply overwrites id, queue and offset.

    The sender may have gone by then. BROKER-REPLY-5, BROKER-REPLY-6, BROKER-REPLY-7.
    """
    command = request.command
    fields = dict(settings.region_fields)
    if remark is None:
        fields |= {"msgId": "0", "queueId": str(queue_id), "queueOffset": "0"}
    if ctx.config.boolean("storeReplyMessageEnable"):
        properties = string_to_properties(header.properties, ctx.release)
        inner = MessageExtBrokerInner(
            topic=Topic(header.topic),
            queue_id=QueueId(queue_id),
            body=command.body,
            flag=header.flag,
            sys_flag=0,
            properties=properties,
            properties_string=header.properties or "",
            tags_code=tags_code(properties.get(PROPERTY_TAGS)),
            born_timestamp=Millis(header.born_timestamp),
            born_host=sender,
            store_host=ctx.store_host,
            reconsume_times=header.reconsume_times or 0,
        )
        result = ctx.store.put_message(inner, now)
        if result.append is not None:
            append = result.append
            ctx.broker_stats.put(inner.topic, settings.cluster, append.msg_num, append.wrote_bytes)
            fields |= {
                "msgId": append.msg_id,
                "queueId": str(queue_id),
                "queueOffset": str(append.logics_offset),
            }
    return RemotingCommand(
        code=ResponseCode.SUCCESS if remark is None else ResponseCode.SYSTEM_ERROR,
        opaque=command.opaque,
        flag=RPC_TYPE,
        version=ctx.release.header_version,
        remark=remark,
        ext_fields=fields,
        serialize_type=command.serialize_type,
    )
