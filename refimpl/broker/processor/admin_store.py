"""Administration of the store.

CLEAN_EXPIRED_CONSUMEQUEUE (306), DELETE_EXPIRED_COMMITLOG (329), QUERY_CONSUME_QUEUE (321),
RESUME_CHECK_HALF_MESSAGE (323), REGISTER_FILTER_SERVER (301, 4.6). Java 4.9.7:
broker/processor/AdminBrokerProcessor. Rules BROKER-ADMIN-38, -39, -43, -50, -57.
"""

from struct import Struct

from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.json_text import to_pretty
from refimpl.broker.processor_threw import null_pointer
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import PhysicalOffset, QueueId, Topic
from refimpl.model.message import MessageExt, MessageExtBrokerInner
from refimpl.model.message_id import decode_message_id
from refimpl.model.message_property import PROPERTY_TAGS, properties_to_string
from refimpl.model.status import PutMessageStatus
from refimpl.model.subscription import tags_code
from refimpl.model.topic_validator import RMQ_SYS_TRANS_HALF_TOPIC
from refimpl.remoting.body.query import ConsumeQueueData, QueryConsumeQueueResponseBody
from refimpl.remoting.command import REMARK_NOT_SET, RemotingCommand, make_response
from refimpl.remoting.header import decode_header
from refimpl.remoting.header.admin import (
    RegisterFilterServerRequestHeader,
    RegisterFilterServerResponseHeader,
)
from refimpl.remoting.header.query import QueryConsumeQueueRequestHeader
from refimpl.remoting.header.transaction import ResumeCheckHalfMessageRequestHeader
from refimpl.remoting.response_code import ResponseCode

_UNIT = Struct(">qiq")  # physical offset, size, tags code
_CHECK_TIMES = "TRANSACTION_CHECK_TIMES"


def clean_expired_consume_queue(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Remove queue files that point below the log. BROKER-ADMIN-43."""
    ctx.store.clean_expired_consume_queue()
    return make_response(request.command, ResponseCode.SUCCESS)


def delete_expired_commit_log(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Let the next rounds of the clean-up delete at any hour. BROKER-ADMIN-43."""
    ctx.store.execute_delete_files_manually()
    return make_response(request.command, ResponseCode.SUCCESS)


def query_consume_queue(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Entries of one consume queue. BROKER-ADMIN-38, BROKER-ADMIN-39."""
    command, release = request.command, ctx.release
    header = decode_header(QueryConsumeQueueRequestHeader, command.ext_fields, release)
    if header.topic is None:
        raise null_pointer()
    topic, number = header.topic, header.queue_id
    queue = ctx.store.consume_queue(Topic(topic), QueueId(number))
    if queue is None:
        return make_response(command, ResponseCode.SYSTEM_ERROR, f"{number}@{topic} is not exist!")
    subscription = filter_data = None
    if header.consumer_group is not None:
        group = header.consumer_group
        subscription = ctx.consumer_manager.find_subscription_data(group, topic)
        if subscription is None:
            filter_data = f"{group}@{topic} is not online!"
        else:
            data = ctx.consumer_filter_manager.get(topic, group)
            filter_data = to_pretty(None if data is None else data.json_value(), release)
    raw = queue.index_buffer(header.index)
    entries: tuple[ConsumeQueueData, ...] | None = None
    remark = REMARK_NOT_SET  # BROKER-ADMIN-58
    if raw is None:
        remark = f"Index {header.index} of {number}@{topic} is not exist!"
        if not release.missing_index_has_body:
            return make_response(command, ResponseCode.SUCCESS, remark)
    else:
        wanted = raw[: max(0, header.count) * _UNIT.size]
        entries = tuple(
            ConsumeQueueData(physic_offset=offset, physic_size=size, tags_code=code)
            for offset, size, code in _UNIT.iter_unpack(wanted)
        )
    body = QueryConsumeQueueResponseBody(
        max_queue_index=queue.max_offset_in_queue,
        min_queue_index=queue.min_offset_in_queue,
        subscription_data=subscription,
        filter_data=filter_data,
        queue_data=entries,
    )
    return make_response(command, ResponseCode.SUCCESS, remark, body=body.encode(release))


def resume_check_half_message(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Put a half message back, to be checked anew from zero. BROKER-ADMIN-57."""
    command, release = request.command, ctx.release
    header = decode_header(ResumeCheckHalfMessageRequestHeader, command.ext_fields, release)
    failed = make_response(
        command,
        ResponseCode.SYSTEM_ERROR,
        "Exception was thrown when putting message back to RMQ_SYS_TRANS_HALF_TOPIC.",
    )
    try:
        message_id = decode_message_id(header.msg_id)
    except InvalidInput:
        return failed
    message = ctx.store.look_message_by_offset(PhysicalOffset(message_id.offset))
    if message is None:
        return failed
    result = ctx.store.put_message(_half(ctx, message), request.now)
    if result.status is PutMessageStatus.PUT_OK:
        return make_response(command, ResponseCode.SUCCESS)
    return make_response(
        command,
        ResponseCode.SYSTEM_ERROR,
        "Put message back to RMQ_SYS_TRANS_HALF_TOPIC failed.",
    )


def _half(ctx: BrokerContext, message: MessageExt) -> MessageExtBrokerInner:
    properties = {**message.properties, _CHECK_TIMES: "0"}
    return MessageExtBrokerInner(
        topic=Topic(RMQ_SYS_TRANS_HALF_TOPIC),
        queue_id=QueueId(0),
        body=message.body,
        flag=message.flag,
        sys_flag=message.sys_flag,
        properties=properties,
        properties_string=properties_to_string(properties, ctx.release),
        tags_code=tags_code(properties.get(PROPERTY_TAGS)),
        born_timestamp=message.born_timestamp,
        born_host=message.born_host,
        store_host=message.store_host,
        reconsume_times=message.reconsume_times,
    )


def register_filter_server(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Enter a filter server (4.6); only name servers are told of it. BROKER-ADMIN-50."""
    command = request.command
    header = decode_header(RegisterFilterServerRequestHeader, command.ext_fields, ctx.release)
    if header.filter_server_addr is not None:
        ctx.filter_server_manager.register_filter_server(
            request.channel, header.filter_server_addr, request.now
        )
    answer = RegisterFilterServerResponseHeader(
        broker_name=ctx.config.text("brokerName"), broker_id=ctx.config.integer("brokerId")
    )
    return make_response(command, ResponseCode.SUCCESS, header=answer)
