"""Who is connected, and who consumes what.

GET_CONSUMER_CONNECTION_LIST (203), GET_PRODUCER_CONNECTION_LIST (204), GET_ALL_PRODUCER_INFO (328),
QUERY_TOPIC_CONSUME_BY_WHO (300), and in 5.5 QUERY_TOPICS_BY_CONSUMER (343) and
QUERY_SUBSCRIPTION_BY_CONSUMER (345).

Java 4.9.7: broker/processor/AdminBrokerProcessor. Rules BROKER-ADMIN-26 to -28, BROKER-ADMIN-40.
"""

from refimpl.broker.client_channel_info import ClientChannelInfo
from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.processor_threw import null_pointer
from refimpl.model.java import encode_utf8
from refimpl.remoting.body.client_connection import (
    Connection,
    ConsumerConnection,
    ProducerConnection,
    ProducerInfo,
    ProducerTableInfo,
)
from refimpl.remoting.body.consumer import GroupList
from refimpl.remoting.body.java_json import Writable, write
from refimpl.remoting.body.query import QuerySubscriptionResponseBody
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.header import decode_header
from refimpl.remoting.header.consumer_admin import (
    GetConsumerConnectionListRequestHeader,
    GetProducerConnectionListRequestHeader,
)
from refimpl.remoting.header.topic_admin import (
    QuerySubscriptionByConsumerRequestHeader,
    QueryTopicConsumeByWhoRequestHeader,
    QueryTopicsByConsumerRequestHeader,
)
from refimpl.remoting.language_code import NAMES
from refimpl.remoting.response_code import ResponseCode


def _language(code: int) -> str | None:
    return NAMES[code] if 0 <= code < len(NAMES) else None


def _address(ctx: BrokerContext, info: ClientChannelInfo) -> str:
    return str(ctx.endpoint.peer(info.channel)) if ctx.endpoint.is_open(info.channel) else ""


def _connection(ctx: BrokerContext, info: ClientChannelInfo) -> Connection:
    return Connection(
        client_addr=_address(ctx, info),
        client_id=info.client_id,
        language=_language(info.language),
        version=info.version,
    )


def get_consumer_connection_list(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Members, subscriptions and kind of an online group. BROKER-ADMIN-26."""
    command, release = request.command, ctx.release
    header = decode_header(GetConsumerConnectionListRequestHeader, command.ext_fields, release)
    info = ctx.consumer_manager.get_consumer_group_info(header.consumer_group)
    if info is None:
        return make_response(
            command,
            ResponseCode.CONSUMER_NOT_ONLINE,
            f"the consumer group[{header.consumer_group}] not online",
        )
    body = ConsumerConnection(
        connection_set=tuple(_connection(ctx, m) for m in info.channel_info_table.values()),
        consume_from_where=info.consume_from_where,
        consume_type=info.consume_type,
        message_model=info.message_model,
        subscription_table=info.subscription_table,
    )
    return make_response(command, ResponseCode.SUCCESS, body=body.encode(release))


def get_producer_connection_list(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """The producers of a group. BROKER-ADMIN-27: a group that never was is an error."""
    command, release = request.command, ctx.release
    header = decode_header(GetProducerConnectionListRequestHeader, command.ext_fields, release)
    table = ctx.producer_manager.group_channel_table.get(header.producer_group)
    if table is None:
        return make_response(
            command,
            ResponseCode.SYSTEM_ERROR,
            f"the producer group[{header.producer_group}] not exist",
        )
    body = ProducerConnection(connection_set=tuple(_connection(ctx, m) for m in table.values()))
    return make_response(command, ResponseCode.SUCCESS, body=body.encode(release))


def get_all_producer_info(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """All producers by group. BROKER-ADMIN-28: emptied groups are left out."""
    data = {
        group: tuple(
            ProducerInfo(
                client_id=info.client_id,
                language=_language(info.language),
                last_update_timestamp=info.last_update_timestamp,
                remote_ip="/" + _address(ctx, info),
                version=info.version,
            )
            for info in table.values()
        )
        for group, table in ctx.producer_manager.group_channel_table.items()
        if table
    }
    body = ProducerTableInfo(data=data).encode(ctx.release)
    return make_response(request.command, ResponseCode.SUCCESS, body=body)


def query_topic_consume_by_who(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Groups that subscribe to a topic or have an offset of it. BROKER-ADMIN-40."""
    command, release = request.command, ctx.release
    header = decode_header(QueryTopicConsumeByWhoRequestHeader, command.ext_fields, release)
    groups = ctx.consumer_manager.query_topic_consume_by_who(header.topic)
    groups += ctx.consumer_offset_manager.which_group_by_topic(header.topic)
    body = GroupList(group_list=tuple(dict.fromkeys(groups))).encode(release)
    return make_response(command, ResponseCode.SUCCESS, body=body)


def query_topics_by_consumer(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Topics of which a group has an offset (5.5). BROKER-ADMIN-41."""
    command = request.command
    header = decode_header(QueryTopicsByConsumerRequestHeader, command.ext_fields, ctx.release)
    topics = ctx.consumer_offset_manager.which_topic_by_consumer(header.group)
    listed: dict[str, Writable] = {"brokerAddr": str(ctx.address), "topicList": topics}
    return make_response(
        command, ResponseCode.SUCCESS, body=encode_utf8(write(listed, ctx.release))
    )


def query_subscription_by_consumer(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """What a group wants of a topic (5.5). BROKER-ADMIN-42."""
    command = request.command
    header = decode_header(
        QuerySubscriptionByConsumerRequestHeader, command.ext_fields, ctx.release
    )
    manager, group = ctx.consumer_manager, header.group
    if header.topic is None and (
        group in manager.consumer_table or group in manager.compensation_table
    ):
        raise null_pointer()  # the tables of a known group are asked for it
    data = manager.find_subscription_data(group, header.topic or "")
    body = QuerySubscriptionResponseBody(
        group=header.group, subscription_data=data, topic=header.topic
    )
    return make_response(command, ResponseCode.SUCCESS, body=body.encode(ctx.release))
