"""QUERY_MESSAGE (12), VIEW_MESSAGE_BY_ID (33).

Java 4.9.7: broker/processor/QueryMessageProcessor. Rules BROKER-QUERY-1 to BROKER-QUERY-6.

Cited in short below: BROKER-QUERY-2, BROKER-QUERY-3, BROKER-QUERY-4.
"""

from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.processor_threw import ProcessorThrew
from refimpl.model.ids import PhysicalOffset, Topic
from refimpl.model.java import parse_boolean
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.header import Header, decode_header
from refimpl.remoting.header.query import (
    QueryMessageRequestHeader,
    QueryMessageResponseHeader,
    ViewMessageRequestHeader,
)
from refimpl.remoting.response_code import ResponseCode

UNIQUE_MSG_QUERY_FLAG = "_UNIQUE_KEY_QUERY"
_INDEX_UNIQUE_TYPE = "U"
_INDEX_KEY_TYPE = "K"


def query_message(ctx: BrokerContext, request: Request) -> RemotingCommand | None:
    """The records that the index has for a topic and key; a superset, since hashes collide.

    BROKER-QUERY-1 to -4, BROKER-QUERY-18. A query for a unique key takes `defaultQueryMaxNum`
    records. BROKER-QUERY-17: a missing key or topic is looked for as Java's word for null.
    """
    command, release = request.command, ctx.release
    header = decode_header(QueryMessageRequestHeader, command.ext_fields, release)
    unique = (command.ext_fields or {}).get(UNIQUE_MSG_QUERY_FLAG)
    max_num, index_type = header.max_num, header.index_type
    typed = release.indexes_tags
    if parse_boolean(unique) if typed else unique == "true":
        max_num = ctx.config.integer("defaultQueryMaxNum")
        index_type = _INDEX_UNIQUE_TYPE
    elif not index_type:
        index_type = _INDEX_KEY_TYPE
    begin, end = header.begin_timestamp, header.end_timestamp
    if max_num < 0:
        raise ProcessorThrew("java.lang.IllegalArgumentException", f"Illegal Capacity: {max_num}")
    result = ctx.store.query_message(
        Topic("null" if header.topic is None else header.topic),
        "null" if header.key is None else header.key,
        max_num,
        begin,
        end,
        index_type if typed else None,
    )
    answer = QueryMessageResponseHeader(
        index_last_update_timestamp=result.index_last_update_timestamp,
        index_last_update_phyoffset=result.index_last_update_phyoffset,
    )
    if not result.records:
        return make_response(
            command,
            ResponseCode.QUERY_NOT_FOUND,
            "can not find message, maybe time range not correct",
            answer,
        )
    _transfer(ctx, request, b"".join(result.records), answer)
    return None


def view_message_by_id(ctx: BrokerContext, request: Request) -> RemotingCommand | None:
    """The record that begins at a physical offset. BROKER-QUERY-5, BROKER-QUERY-6, -18."""
    command = request.command
    header = decode_header(ViewMessageRequestHeader, command.ext_fields, ctx.release)
    record = ctx.store.select_one_message_by_offset(PhysicalOffset(header.offset))
    if record is None:
        return make_response(
            command,
            ResponseCode.SYSTEM_ERROR,
            f"can not find message by the offset, {header.offset}",
        )
    _transfer(ctx, request, record)
    return None


def _transfer(
    ctx: BrokerContext, request: Request, body: bytes, header: Header | None = None
) -> None:
    """Send records as Java writes them, past its remoting: in its own codec, asked for or not."""
    response = make_response(
        request.command,
        ResponseCode.SUCCESS,
        header=header,
        body=body,
        in_server_codec=True,
        even_oneway=True,
    )
    ctx.endpoint.respond(request.channel, response)
