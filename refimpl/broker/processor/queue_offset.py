"""What a queue holds: bounds, the offset of a time, the first store time.

GET_MAX_OFFSET (30), GET_MIN_OFFSET (31), SEARCH_OFFSET_BY_TIMESTAMP (29) and
GET_EARLIEST_MSG_STORETIME (32).

Java 4.9.7: broker/processor/AdminBrokerProcessor, methods of the same names. None of them asks
whether the topic or the queue exists. Rules BROKER-QUERY-10 to BROKER-QUERY-15.

Cited in short below: BROKER-QUERY-13.
"""

from refimpl.broker.context import BrokerContext, Request
from refimpl.model.ids import Millis, QueueId, Topic
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.errors import HeaderRefused
from refimpl.remoting.header import decode_header
from refimpl.remoting.header.queue_offset import (
    GetEarliestMsgStoretimeRequestHeader,
    GetEarliestMsgStoretimeResponseHeader,
    GetMaxOffsetRequestHeader,
    GetMaxOffsetResponseHeader,
    GetMinOffsetRequestHeader,
    GetMinOffsetResponseHeader,
    SearchOffsetRequestHeader,
    SearchOffsetResponseHeader,
)
from refimpl.remoting.response_code import ResponseCode


def get_max_offset(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """One beyond the last message of a queue. BROKER-QUERY-10."""
    command = request.command
    header = decode_header(GetMaxOffsetRequestHeader, command.ext_fields, ctx.release)
    offset = ctx.store.max_offset_in_queue(Topic(header.topic), QueueId(header.queue_id))
    return make_response(
        command, ResponseCode.SUCCESS, header=GetMaxOffsetResponseHeader(offset=offset)
    )


def get_min_offset(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """The first message that a queue still has. BROKER-QUERY-11: 0 for an unknown queue.

    Where the release answers it as a call between brokers, the remark of SUCCESS is empty, and a
    field that is null is refused with the text of the exception, which is null. BROKER-QUERY-16.
    """
    command = request.command
    forwarded = ctx.release.min_offset_is_forwarded
    try:
        header = decode_header(GetMinOffsetRequestHeader, command.ext_fields, ctx.release)
        topic, queue_id = Topic(header.topic), QueueId(header.queue_id)
    except HeaderRefused:
        if not forwarded:
            raise
        return make_response(command, ResponseCode.SYSTEM_ERROR)
    offset = ctx.store.min_offset_in_queue(topic, queue_id)
    return make_response(
        command,
        ResponseCode.SUCCESS,
        "" if forwarded else None,
        GetMinOffsetResponseHeader(offset=offset),
    )


def search_offset_by_timestamp(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """The offset of a time in a queue. BROKER-QUERY-12, -13; with a boundary in 5.5."""
    command = request.command
    header = decode_header(SearchOffsetRequestHeader, command.ext_fields, ctx.release)
    topic, queue_id = Topic(header.topic), QueueId(header.queue_id)
    offset = ctx.store.offset_in_queue_by_time(
        topic, queue_id, Millis(header.timestamp), header.boundary_type or "LOWER"
    )
    return make_response(
        command, ResponseCode.SUCCESS, header=SearchOffsetResponseHeader(offset=offset)
    )


def get_earliest_msg_store_time(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """When the first message of a queue was stored. BROKER-QUERY-14: -1 where there is none."""
    command = request.command
    header = decode_header(GetEarliestMsgStoretimeRequestHeader, command.ext_fields, ctx.release)
    timestamp = ctx.store.earliest_message_time(Topic(header.topic), QueueId(header.queue_id))
    return make_response(
        command,
        ResponseCode.SUCCESS,
        header=GetEarliestMsgStoretimeResponseHeader(timestamp=timestamp),
    )
