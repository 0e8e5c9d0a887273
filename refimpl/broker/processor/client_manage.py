"""HEART_BEAT (34), UNREGISTER_CLIENT (35), CHECK_CLIENT_CONFIG (46).

Java 4.9.7: broker/processor/ClientManageProcessor. Rules BROKER-MEMBER-1 to BROKER-MEMBER-14.
"""

from contextlib import suppress
from dataclasses import replace

from refimpl.broker.client_channel_info import ClientChannelInfo
from refimpl.broker.consumer_group_info import CONSUME_ACTIVELY
from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.processor_threw import null_pointer
from refimpl.model.disk import DiskError
from refimpl.model.subscription import SQL92, is_tag_type
from refimpl.model.sys_flag import PERM_READ, PERM_WRITE, build_topic_sys_flag
from refimpl.model.topic_validator import retry_topic
from refimpl.remoting.body.heartbeat import (
    CheckClientRequestBody,
    ConsumerData,
    HeartbeatData,
)
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.header import decode_header
from refimpl.remoting.header.membership import UnregisterClientRequestHeader
from refimpl.remoting.response_code import ResponseCode


def heart_beat(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Register every group of the client on its channel. BROKER-MEMBER-1, -11 and -12.

    BROKER-MEMBER-16: a null where a group or a subscription is expected ends it there.
    """
    command, release = request.command, ctx.release
    beat = HeartbeatData.decode(command.body, release, request.now)
    info = ClientChannelInfo(
        request.channel, beat.client_id, command.language, command.version, request.now
    )
    fingerprint = beat.heartbeat_fingerprint if release.heartbeat_answers_flags else 0
    changed = fingerprint == 0
    for data in beat.consumer_data_set:
        if data is None:
            raise null_pointer()
        if (
            release.rejects_pull_consumers
            and data.consume_type == CONSUME_ACTIVELY
            and ctx.config.boolean("rejectPullConsumerEnable")
        ):
            continue
        if release.heartbeat_answers_flags:
            known = ctx.consumer_manager.fingerprints.get(data.group_name or "")
            if known is not None and known != fingerprint:
                changed = True
            ctx.consumer_manager.fingerprints[data.group_name or ""] = fingerprint
        _register_consumer(ctx, data, info, without_sub=fingerprint != 0 and beat.is_without_sub)
    for producer in beat.producer_data_set:
        if producer is None or producer.group_name is None:
            raise null_pointer()
        ctx.producer_manager.register_producer(producer.group_name, info)
    response = make_response(command, ResponseCode.SUCCESS)
    if not release.heartbeat_answers_flags:
        return response
    flags = {
        "IS_SUPPORT_HEART_BEAT_V2": "true",
        "IS_SUB_CHANGE": "true" if changed else "false",
    }
    return replace(response, ext_fields=flags)


def _register_consumer(
    ctx: BrokerContext, data: ConsumerData, info: ClientChannelInfo, *, without_sub: bool
) -> None:
    """One group: its settings, its retry topic, its member. BROKER-MEMBER-13: the retry topic."""
    now = info.last_update_timestamp
    ordered = ctx.release.heartbeat_answers_flags and _names_order_topic(ctx, data)
    group = ctx.subscription_group_manager.find_subscription_group_config(data.group_name, now)
    notify = True
    assert data.group_name is not None  # the line above refuses null
    if group is not None:
        notify = group.notify_consumer_ids_changed_enable
        with suppress(DiskError):  # the next heartbeat tries again, and a give-back is refused
            ctx.topic_config_manager.create_topic_in_send_message_back_method(
                retry_topic(data.group_name),
                group.retry_queue_nums,
                PERM_WRITE | PERM_READ,
                build_topic_sys_flag(unit=False, has_unit_sub=True) if data.unit_mode else 0,
                now,
                order=ordered,
            )
    elif ctx.release.heartbeat_needs_group:
        return
    manager = ctx.consumer_manager
    how = (data.consume_type, data.message_model, data.consume_from_where)
    if without_sub:
        manager.register_consumer_without_sub(data.group_name, info, *how, notify=notify)
    else:
        manager.register_consumer(
            data.group_name, info, *how, data.subscription_data_set, notify=notify
        )


def _names_order_topic(ctx: BrokerContext, data: ConsumerData) -> bool:
    for subscription in data.subscription_data_set:
        if subscription is None:
            raise null_pointer()
        if ctx.topic_config_manager.is_order_topic(subscription.topic):
            return True
    return False


def unregister_client(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Take the channel out of the named groups. BROKER-MEMBER-7, BROKER-MEMBER-21."""
    command, now = request.command, request.now
    header = decode_header(UnregisterClientRequestHeader, command.ext_fields, ctx.release)
    if header.producer_group is not None:
        ctx.producer_manager.unregister_producer(
            header.producer_group, request.channel, header.client_id
        )
    if header.consumer_group is not None:
        group = ctx.subscription_group_manager.find_subscription_group_config(
            header.consumer_group, now
        )
        ctx.consumer_manager.unregister_consumer(
            header.consumer_group,
            request.channel,
            now,
            notify=group is None or group.notify_consumer_ids_changed_enable,
        )
    return make_response(command, ResponseCode.SUCCESS)


def check_client_config(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Say whether the broker could filter by a subscription. BROKER-MEMBER-14."""
    command = request.command
    body = None
    if command.body:
        body = CheckClientRequestBody.read(command.body, ctx.release, request.now)
    elif ctx.release.oldest_json:
        raise null_pointer()
    subscription = None if body is None else body.subscription_data
    if subscription is None or is_tag_type(subscription.expression_type):
        return make_response(command, ResponseCode.SUCCESS)
    kind = subscription.expression_type
    if not ctx.config.boolean("enablePropertyFilter"):
        return make_response(
            command,
            ResponseCode.SYSTEM_ERROR,
            f"The broker does not support consumer to filter message by {kind}",
        )
    if kind != SQL92:  # Java finds no filter and meets its null
        return make_response(command, ResponseCode.SUBSCRIPTION_PARSE_FAILED)
    from refimpl.model.sql92 import compile_expression  # noqa: PLC0415 - brings the grammar
    from refimpl.model.sql92_expression import MQFilterError  # noqa: PLC0415 - the same

    try:
        compile_expression(subscription.sub_string, ctx.release)
    except MQFilterError as error:
        return make_response(command, ResponseCode.SUBSCRIPTION_PARSE_FAILED, error.remark)
    return make_response(command, ResponseCode.SUCCESS)
