"""GET_CONSUMER_LIST_BY_GROUP (38), UPDATE_CONSUMER_OFFSET (15), QUERY_CONSUMER_OFFSET (14).

Java 4.9.7: broker/processor/ConsumerManageProcessor. Rules BROKER-OFFSET-1 to BROKER-OFFSET-6 and
BROKER-MEMBER-15.

Cited in short below: BROKER-OFFSET-5.
"""

from refimpl.broker.context import BrokerContext, Request
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
    known = tuple(client_id for client_id in client_ids if client_id is not None)
    body = GetConsumerListByGroupResponseBody(consumer_id_list=known)
    return make_response(command, ResponseCode.SUCCESS, body=body.encode(ctx.release))


def update_consumer_offset(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Store an offset as it comes. BROKER-OFFSET-1, -2; BROKER-OFFSET-4, -13 in 5.5."""
    command = request.command
    header = decode_header(UpdateConsumerOffsetRequestHeader, command.ext_fields, ctx.release)
    group, topic, queue_id = header.consumer_group, header.topic, header.queue_id
    offsets = ctx.consumer_offset_manager
    if ctx.release.commit_checks_group_and_topic:
        if not ctx.subscription_group_manager.contains_subscription_group(group):
            return make_response(
                command, ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, f"Group {group} not exist!"
            )
        if ctx.topic_config_manager.select_topic_config(topic) is None:
            return make_response(command, ResponseCode.TOPIC_NOT_EXIST, f"Topic {topic} not exist!")
        if ctx.config.boolean("useServerSideResetOffset") and offsets.has_offset_reset(
            topic, group, queue_id
        ):
            return make_response(command, ResponseCode.SUCCESS, "Offset has been previously reset")
    offsets.commit_offset(group, topic, queue_id, header.commit_offset, request.now)
    return make_response(command, ResponseCode.SUCCESS)


def query_consumer_offset(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """The stored offset, 0 where the queue can be read from its beginning, or not found.

    BROKER-OFFSET-3, -5 and -6.
    """
    command = request.command
    header = decode_header(QueryConsumerOffsetRequestHeader, command.ext_fields, ctx.release)
    topic, queue_id = Topic(header.topic), QueueId(header.queue_id)
    offset = ctx.consumer_offset_manager.query_offset(header.consumer_group, topic, queue_id)
    if offset >= 0:
        return _found(command, offset)
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
