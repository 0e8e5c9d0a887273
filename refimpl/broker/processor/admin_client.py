"""Requests that a client answers.

GET_CONSUMER_RUNNING_INFO (307), CONSUME_MESSAGE_DIRECTLY (309) and
INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223). Java 4.9.7:
broker/processor/AdminBrokerProcessor#callConsumer, broker/client/net/Broker2Client. The asker is
answered when the client answers or its time is over. Rules BROKER-ADMIN-51 to BROKER-ADMIN-56.

Cited in short below: BROKER-ADMIN-52.
"""

from collections.abc import Callable
from dataclasses import replace

from refimpl.broker.client_channel_info import ClientChannelInfo
from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.mq_version import V3_0_7_SNAPSHOT, V3_1_8_SNAPSHOT, version_desc
from refimpl.broker.processor_threw import ProcessorThrew, null_pointer
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import Millis, PhysicalOffset
from refimpl.model.message_id import decode_message_id
from refimpl.model.message_queue import MessageQueue
from refimpl.model.topic_validator import is_blank
from refimpl.remoting.body.offset import GetConsumerStatusBody
from refimpl.remoting.command import REMARK_NOT_SET, RemotingCommand, make_response
from refimpl.remoting.errors import BodyRefused
from refimpl.remoting.header import decode_header
from refimpl.remoting.header.consumer_admin import (
    ConsumeMessageDirectlyResultRequestHeader,
    GetConsumerRunningInfoRequestHeader,
    GetConsumerStatusRequestHeader,
)
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

_CALL_TIMEOUT = Millis(10_000)
_STATUS_TIMEOUT = Millis(5_000)


def get_consumer_running_info(ctx: BrokerContext, request: Request) -> RemotingCommand | None:
    """Ask one consumer for its state. BROKER-ADMIN-51."""
    header = decode_header(
        GetConsumerRunningInfoRequestHeader, request.command.ext_fields, ctx.release
    )
    return _call_consumer(ctx, request, request.command, header.consumer_group, header.client_id)


def consume_message_directly(ctx: BrokerContext, request: Request) -> RemotingCommand | None:
    """Let one consumer consume a stored message now. BROKER-ADMIN-54.

    The record is read by the offset in the message id and sent as the body; a message that is not
    there is SYSTEM_ERROR, and no client is asked.
    """
    command = request.command
    header = decode_header(
        ConsumeMessageDirectlyResultRequestHeader, command.ext_fields, ctx.release
    )
    fields = {**(command.ext_fields or {}), "brokerName": ctx.config.text("brokerName")}
    if ctx.release.pull_tells_sys_flags:
        _add_sys_flags(ctx, fields, header, request.now)
    if header.msg_id is None or (not header.msg_id and ctx.release.empty_message_id_is_null):
        raise null_pointer()
    try:
        message_id = decode_message_id(header.msg_id)
    except InvalidInput:
        raise ProcessorThrew(ctx.release.short_message_id_throws) from None
    record = ctx.store.select_one_message_by_offset(PhysicalOffset(message_id.offset))
    if record is None:
        raise null_pointer()
    forwarded = replace(command, ext_fields=fields, body=record)
    return _call_consumer(ctx, request, forwarded, header.consumer_group, header.client_id)


def _add_sys_flags(
    ctx: BrokerContext,
    fields: dict[str, str],
    header: ConsumeMessageDirectlyResultRequestHeader,
    now: Millis,
) -> None:
    if header.topic:
        topic = ctx.topic_config_manager.select_topic_config(header.topic)
        if topic is not None:
            fields["topicSysFlag"] = str(topic.topic_sys_flag)
    if header.consumer_group:
        group = ctx.subscription_group_manager.find_subscription_group_config(
            header.consumer_group, now
        )
        if group is not None:
            fields["groupSysFlag"] = str(group.group_sys_flag)


def _call_consumer(
    ctx: BrokerContext,
    request: Request,
    forwarded: RemotingCommand,
    group: str,
    client_id: str | None,
) -> RemotingCommand | None:
    """Send a request on and answer with what comes back. BROKER-ADMIN-51 to BROKER-ADMIN-53."""
    command = request.command
    info = None if client_id is None else ctx.consumer_manager.find_channel(group, client_id)
    client_id = "null" if client_id is None else client_id
    if info is None:
        return make_response(
            command, ResponseCode.SYSTEM_ERROR, f"The Consumer <{group}> <{client_id}> not online"
        )
    if info.version < V3_1_8_SNAPSHOT:
        return make_response(
            command,
            ResponseCode.SYSTEM_ERROR,
            f"The Consumer <{client_id}> Version <{version_desc(info.version)}> too low to "
            "finish, please upgrade it to V3_1_8_SNAPSHOT",
        )
    peer = ctx.endpoint.peer(info.channel)

    def done(answer: RemotingCommand | None, _now: Millis) -> None:
        if answer is None:
            remark = (
                f"consumer <{group}> <{client_id}> Timeout: "
                "org.apache.rocketmq.remoting.exception.RemotingTimeoutException: "
                f"wait response on the channel <{peer}> timeout, {_CALL_TIMEOUT}(ms)"
            )
            response = make_response(command, ResponseCode.CONSUME_MSG_TIMEOUT, remark)
        else:
            response = replace(
                make_response(command, answer.code, answer.remark, body=answer.body),
                ext_fields=answer.ext_fields,
            )
        ctx.respond(request, response)

    ctx.endpoint.ask(info.channel, forwarded, _CALL_TIMEOUT, done, request.now)
    return None


class _StatusRound:
    """The members of a group asked one after the other. Java: Broker2Client#getConsumeStatus."""

    __slots__ = ("_ctx", "_header", "_request", "_rest", "_table")

    def __init__(
        self,
        ctx: BrokerContext,
        request: Request,
        header: GetConsumerStatusRequestHeader,
        members: list[ClientChannelInfo],
    ) -> None:
        self._ctx = ctx
        self._request = request
        self._header = header
        self._rest = members
        self._table: dict[str, dict[MessageQueue, int]] = {}

    def next(self, now: Millis) -> None:
        """Ask the next member, or answer the asker."""
        ctx, command, header = self._ctx, self._request.command, self._header
        wanted = header.client_addr
        while self._rest:
            member = self._rest.pop(0)
            if member.version < V3_0_7_SNAPSHOT:
                remark = "the client does not support this feature. version="
                remark += version_desc(member.version)
                refused = make_response(command, ResponseCode.SYSTEM_ERROR, remark)
                ctx.respond(self._request, refused)
                return
            if not (wanted is None or is_blank(wanted) or wanted == member.client_id):
                continue
            if wanted is not None and not is_blank(wanted):
                self._rest.clear()
            if not ctx.endpoint.is_open(member.channel):
                continue
            ctx.endpoint.send_request(
                member.channel,
                RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT,
                GetConsumerStatusRequestHeader(topic=header.topic, group=header.group),
                b"",
                _STATUS_TIMEOUT,
                self._answer_of(member),
                now,
            )
            return
        body = GetConsumerStatusBody(consumer_table=self._table).encode(ctx.release)
        answer = make_response(command, ResponseCode.SUCCESS, REMARK_NOT_SET, body=body)
        ctx.respond(self._request, answer)  # BROKER-ADMIN-58

    def _answer_of(
        self, member: ClientChannelInfo
    ) -> Callable[[RemotingCommand | None, Millis], None]:
        def done(answer: RemotingCommand | None, now: Millis) -> None:
            if answer is not None and answer.code == ResponseCode.SUCCESS and answer.body:
                try:
                    body = GetConsumerStatusBody.decode(answer.body, self._ctx.release)
                    self._table[member.client_id or ""] = dict(body.message_queue_table)
                except BodyRefused:
                    pass  # Java logs it and goes on
            self.next(now)

        return done


def get_consumer_status(ctx: BrokerContext, request: Request) -> RemotingCommand | None:
    """The offsets that the members of a group hold. BROKER-ADMIN-55, BROKER-ADMIN-56."""
    header = decode_header(GetConsumerStatusRequestHeader, request.command.ext_fields, ctx.release)
    info = ctx.consumer_manager.get_consumer_group_info(header.group)
    if info is None:
        raise null_pointer()
    _StatusRound(ctx, request, header, list(info.channel_info_table.values())).next(request.now)
    return None
