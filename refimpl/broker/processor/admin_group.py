"""Administration of subscription groups.

UPDATE_AND_CREATE_SUBSCRIPTIONGROUP (200), its list (225), GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201),
DELETE_SUBSCRIPTIONGROUP (207), GET_SUBSCRIPTIONGROUP_CONFIG (352), UPDATE_AND_GET_GROUP_FORBIDDEN
(353). Java 4.9.7: broker/processor/AdminBrokerProcessor. Rules BROKER-ADMIN-20 to BROKER-ADMIN-23.

Cited in short below: BROKER-ADMIN-21.
"""

from collections.abc import Mapping

from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.processor.admin_body import Page, entries_of, page_of
from refimpl.broker.processor.admin_check import refuse_slave
from refimpl.broker.processor_threw import null_pointer
from refimpl.model.errors import InvalidInput
from refimpl.model.ids import JsonValue
from refimpl.model.java import encode_utf8
from refimpl.model.subscription_group import MEMBERS, SubscriptionGroupConfig, from_json, to_json
from refimpl.model.topic_validator import validate_group
from refimpl.remoting.body.java_json import parse_body, text_of, write
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.errors import BodyRefused
from refimpl.remoting.header import decode_header
from refimpl.remoting.header.topic_admin import (
    DeleteSubscriptionGroupRequestHeader,
    GetAllSubscriptionGroupRequestHeader,
    GetAllSubscriptionGroupResponseHeader,
    GetSubscriptionGroupConfigRequestHeader,
    UpdateGroupForbiddenRequestHeader,
)
from refimpl.remoting.response_code import ResponseCode

_INDEX_PERM_READ = 2


def _config(value: Mapping[str, JsonValue], ctx: BrokerContext) -> SubscriptionGroupConfig:
    name = text_of(value.get("groupName"), ctx.release)
    try:
        return from_json({**value, "groupName": name}, ctx.release)
    except InvalidInput as error:
        raise BodyRefused("SubscriptionGroupConfig", str(error)) from None


def update_and_create_subscription_group(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Store a group as given. BROKER-MEMBER-43, BROKER-ADMIN-20 (no body), -21 (its name)."""
    command, release = request.command, ctx.release
    refused = refuse_slave(ctx, request)
    if refused is not None:
        return refused
    if not command.body:
        if release.validates_group_names:
            return make_response(command, ResponseCode.SUCCESS)
        raise null_pointer()
    tree = parse_body(command.body, release, members=MEMBERS)
    if not (
        tree is None
        or (tree == "" and not release.oldest_json)
        or isinstance(tree, dict)
        or (tree == [] and release.oldest_json)
    ):
        raise BodyRefused("SubscriptionGroupConfig", "no object")  # REMOTING-HEADER-21
    if isinstance(tree, dict):
        config = _config(tree, ctx)
        if release.validates_group_names:
            remark = validate_group(config.group_name)
            if remark is not None:
                return make_response(command, ResponseCode.INVALID_PARAMETER, remark)
        ctx.subscription_group_manager.update_subscription_group_config(config, request.now)
    return make_response(command, ResponseCode.SUCCESS)


def update_and_create_subscription_group_list(
    ctx: BrokerContext, request: Request
) -> RemotingCommand:
    """Store several groups (5.5); one bad name refuses all."""
    command = request.command
    entries = entries_of(command.body, "groupConfigList", ctx.release)
    configs = [_config(entry, ctx) for entry in entries]
    for config in configs:
        remark = validate_group(config.group_name)
        if remark is not None:
            return make_response(command, ResponseCode.INVALID_PARAMETER, remark)
    ctx.subscription_group_manager.update_subscription_group_config_list(configs, request.now)
    return make_response(command, ResponseCode.SUCCESS)


def get_all_subscription_group(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """The whole table with its version, or a page of it in 5.5. BROKER-ADMIN-9."""
    command, release = request.command, ctx.release
    manager = ctx.subscription_group_manager
    table: Mapping[str, SubscriptionGroupConfig] = manager.subscription_group_table
    if not release.pages_tables:
        body = encode_utf8(write(manager.tree(table), release))
        return make_response(command, ResponseCode.SUCCESS, body=body)
    if command.ext_fields and ctx.config.boolean("enableSplitMetadata"):
        page = decode_header(GetAllSubscriptionGroupRequestHeader, command.ext_fields, release)
        asked = Page(page.group_seq, page.max_group_num, page.data_version)
        table = page_of(ctx, table, asked, manager.data_version)
    total = GetAllSubscriptionGroupResponseHeader(
        total_group_num=len(manager.subscription_group_table)
    )
    body = encode_utf8(write(manager.tree(table), release))
    return make_response(command, ResponseCode.SUCCESS, header=total, body=body)


def delete_subscription_group(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Forget a group, and its offsets where that is asked. BROKER-MEMBER-45, BROKER-OFFSET-9."""
    command, release = request.command, ctx.release
    refused = refuse_slave(ctx, request)
    if refused is not None:
        return refused
    header = decode_header(DeleteSubscriptionGroupRequestHeader, command.ext_fields, release)
    group = header.group_name
    ctx.subscription_group_manager.delete_subscription_group_config(group, request.now)
    if (release.removes_offsets_of_group and header.remove_offset) or (
        release.cleans_offsets_of_group and header.clean_offset
    ):
        ctx.consumer_offset_manager.remove_offset(group)
    counts_by_group = release.removes_offsets_of_group or release.cleans_offsets_of_group
    if counts_by_group and ctx.config.boolean("autoDeleteUnusedStats"):
        ctx.broker_stats.delete_group(group)
    return make_response(command, ResponseCode.SUCCESS)


def get_subscription_group(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """One group (5.5); asking may create it. BROKER-ADMIN-23."""
    command = request.command
    header = decode_header(GetSubscriptionGroupConfigRequestHeader, command.ext_fields, ctx.release)
    config = ctx.subscription_group_manager.find_subscription_group_config(
        header.group, request.now
    )
    if config is None:
        return make_response(
            command, ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, "No group in this broker"
        )
    body = encode_utf8(write(to_json(config, ctx.release), ctx.release))
    return make_response(command, ResponseCode.SUCCESS, body=body)


def update_and_get_group_forbidden(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Forbid or allow a group a topic, and tell how it stands (5.5). BROKER-MEMBER-44."""
    command, manager = request.command, ctx.subscription_group_manager
    header = decode_header(UpdateGroupForbiddenRequestHeader, command.ext_fields, ctx.release)
    group, topic = header.group, header.topic
    if topic is None and group in manager.forbidden_table:
        raise null_pointer()
    if header.readable is not None:
        forbidden = not header.readable
        if topic is None and forbidden:
            manager.forbidden_table[group] = {}  # Java makes the group's table, then it throws
            raise null_pointer()
        manager.update_forbidden(
            group, topic or "", _INDEX_PERM_READ, request.now, forbidden=forbidden
        )
    readable = not manager.is_forbidden(group, topic or "", _INDEX_PERM_READ)
    body = write({"group": group, "readable": readable, "topic": topic}, ctx.release)
    return make_response(command, ResponseCode.SUCCESS, "", body=encode_utf8(body))
