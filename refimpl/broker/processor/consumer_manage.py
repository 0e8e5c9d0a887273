"""GET_CONSUMER_LIST_BY_GROUP (38), UPDATE_CONSUMER_OFFSET (15), QUERY_CONSUMER_OFFSET (14).

Java 4.9.7: broker/processor/ConsumerManageProcessor. Rules BROKER-OFFSET-1 to BROKER-OFFSET-6 and
BROKER-MEMBER-15.

Cited in short below: BROKER-OFFSET-5.
"""

from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.processor_threw import null_pointer
from refimpl.model.ids import QueueId, QueueOffset, Topic
from refimpl.remoting.body.consumer import GetConsumerListByGroupResponseBody
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.header import decode_header
from refimpl.remoting.header.membership import GetConsumerListByGroupRequestHeader
from refimpl.remoting.header.offset import (
    QueryConsumerOffsetRequestHeader,
    QueryConsumerOffsetResponseHeader,
    UpdateConsumerOffsetRequestHeader,
)
from refimpl.remoting.response_code import ResponseCode


def get_consumer_list_by_group(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """The client ids of a group that is online. BROKER-MEMBER-15."""
    command = request.command
    header = decode_header(GetConsumerListByGroupRequestHeader, command.ext_fields, ctx.release)
    info = ctx.consumer_manager.get_consumer_group_info(header.consumer_group)
    client_ids = [] if info is None else info.all_client_id()
    if not client_ids:
        return make_response(
            command,
            ResponseCode.SYSTEM_ERROR,
            "no consumer for this group, " + header.consumer_group,
        )
    body = GetConsumerListByGroupResponseBody(consumer_id_list=tuple(client_ids))
    return make_response(command, ResponseCode.SUCCESS, body=body.encode(ctx.release))


def _printed(text: str | None) -> str:
    """How Java prints a text into the key of an offset: an absent one is the word `null`."""
    return "null" if text is None else text


def update_consumer_offset(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Store an offset as it comes. BROKER-OFFSET-1, -2; BROKER-OFFSET-4, -13, -19 in 5.5."""
    command = request.command
    header = decode_header(UpdateConsumerOffsetRequestHeader, command.ext_fields, ctx.release)
    if ctx.release.commit_checks_group_and_topic:
        refused = _check_commit(ctx, command, header)
        if refused is not None:
            return refused
    if header.queue_id is None or header.commit_offset is None:
        raise null_pointer()
    ctx.consumer_offset_manager.commit_offset(
        _printed(header.consumer_group),
        _printed(header.topic),
        header.queue_id,
        header.commit_offset,
        request.now,
    )
    return make_response(command, ResponseCode.SUCCESS)


def _check_commit(
    ctx: BrokerContext, command: RemotingCommand, header: UpdateConsumerOffsetRequestHeader
) -> RemotingCommand | None:
    """5.5: group and topic exist, nothing is missing, no reset is pending."""
    group, topic, queue_id = header.consumer_group, header.topic, header.queue_id
    if topic is None:
        raise null_pointer()
    if group is None or not ctx.subscription_group_manager.contains_subscription_group(group):
        return make_response(
            command,
            ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
            f"Group {_printed(group)} not exist!",
        )
    if ctx.topic_config_manager.select_topic_config(topic) is None:
        return make_response(command, ResponseCode.TOPIC_NOT_EXIST, f"Topic {topic} not exist!")
    if queue_id is None or header.commit_offset is None:
        missing = "QueueId" if queue_id is None else "Offset"
        return make_response(
            command, ResponseCode.INVALID_PARAMETER, f"{missing} is null, topic is {topic}"
        )
    if ctx.config.boolean(
        "useServerSideResetOffset"
    ) and ctx.consumer_offset_manager.has_offset_reset(topic, group, queue_id):
        return make_response(command, ResponseCode.SUCCESS, "Offset has been previously reset")
    return None


def query_consumer_offset(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """The stored offset, 0 where the queue can be read from its beginning, or not found.

    BROKER-OFFSET-3, -5, -6 and -19.
    """
    command = request.command
    header = decode_header(QueryConsumerOffsetRequestHeader, command.ext_fields, ctx.release)
    if header.topic is None and ctx.release.commit_checks_group_and_topic:
        raise null_pointer()
    queue_id = QueueId(header.queue_id)
    offset = ctx.consumer_offset_manager.query_offset(
        _printed(header.consumer_group), _printed(header.topic), queue_id
    )
    if offset >= 0:
        return _found(command, offset)
    if header.topic is None:
        raise null_pointer()
    topic = Topic(header.topic)
    least = ctx.store.min_offset_in_queue(topic, queue_id)
    if ctx.release.empty_queue_has_no_offset:
        if header.set_zero_if_not_found is False:
            return make_response(
                command,
                ResponseCode.QUERY_NOT_FOUND,
                "Not found, do not set to zero, maybe this group boot first",
            )
        zero = least <= 0 and ctx.store.check_in_mem_by_consume_offset(
            topic, queue_id, QueueOffset(0), 1
        )
    else:
        zero = least <= 0 and not ctx.store.check_in_disk_by_consume_offset(
            topic, queue_id, QueueOffset(0)
        )
    if zero:
        return _found(command, 0)
    return make_response(
        command,
        ResponseCode.QUERY_NOT_FOUND,
        "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first",
    )


def _found(command: RemotingCommand, offset: int) -> RemotingCommand:
    return make_response(
        command, ResponseCode.SUCCESS, header=QueryConsumerOffsetResponseHeader(offset=offset)
    )
