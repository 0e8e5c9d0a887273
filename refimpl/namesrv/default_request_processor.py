"""Registration, key-value configuration and administration: everything but the route of a topic.

Java: namesrv/processor/DefaultRequestProcessor (4.6.1, 4.9.7, 5.5.0).
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from refimpl.model.data_version import DataVersion
from refimpl.model.errors import InvalidInput
from refimpl.model.java import crc32, decode_utf8, encode_utf8
from refimpl.model.properties_file import parse_properties
from refimpl.namesrv.context import NamesrvContext, Request
from refimpl.namesrv.kv_config_manager import NAMESPACE_ORDER_TOPIC_CONFIG
from refimpl.namesrv.route_info_manager import (
    RegisterBrokerResult,
    Registration,
    Unregistration,
)
from refimpl.remoting.body.data_version import decode_data_version, encode_data_version
from refimpl.remoting.body.register_broker import RegisterBrokerBody
from refimpl.remoting.body.route import ClusterInfo, TopicList, TopicRouteData
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.errors import BodyRefused, HeaderRefused
from refimpl.remoting.header import decode_header
from refimpl.remoting.header import namesrv as headers
from refimpl.remoting.header.registration import (
    QueryDataVersionRequestHeader,
    QueryDataVersionResponseHeader,
    RegisterBrokerRequestHeader,
    RegisterBrokerResponseHeader,
    UnRegisterBrokerRequestHeader,
)
from refimpl.remoting.header.route import GetTopicsByClusterRequestHeader
from refimpl.remoting.request_code import RequestCode
from refimpl.remoting.response_code import ResponseCode

Processor: TypeAlias = Callable[[NamesrvContext, Request], RemotingCommand]

_V3_0_11: Final = 37  # ordinal in MQVersion: from here on the body has filter servers
_NOT_DECODED: Final = (
    "org.apache.rocketmq.remoting.exception.RemotingCommandException: "
    "Failed to decode RegisterBrokerBody"
)
_DISABLED: Final = "disable"


def put_kv_config(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """PUT_KV_CONFIG: NAMESRV-KV-1, NAMESRV-KV-2."""
    command = request.command
    header = decode_header(headers.PutKVConfigRequestHeader, command.ext_fields, ctx.release)
    if header.namespace is None or header.key is None:
        if ctx.release.namesrv_refuses_null_keys:
            return make_response(command, ResponseCode.SYSTEM_ERROR, "namespace or key is null")
        return make_response(command, ResponseCode.SUCCESS)
    ctx.kv.put(header.namespace, header.key, header.value)
    return make_response(command, ResponseCode.SUCCESS)


def get_kv_config(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """GET_KV_CONFIG: NAMESRV-KV-3."""
    command = request.command
    header = decode_header(headers.GetKVConfigRequestHeader, command.ext_fields, ctx.release)
    value = ctx.kv.get(header.namespace, header.key)
    if value is None:
        remark = f"No config item, Namespace: {_text(header.namespace)} Key: {_text(header.key)}"
        return make_response(command, ResponseCode.QUERY_NOT_FOUND, remark)
    answer = headers.GetKVConfigResponseHeader(value=value)
    return make_response(command, ResponseCode.SUCCESS, header=answer)


def delete_kv_config(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """DELETE_KV_CONFIG: NAMESRV-KV-5."""
    command = request.command
    header = decode_header(headers.DeleteKVConfigRequestHeader, command.ext_fields, ctx.release)
    ctx.kv.delete(header.namespace, header.key)
    return make_response(command, ResponseCode.SUCCESS)


def get_kv_list(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """GET_KVLIST_BY_NAMESPACE: NAMESRV-KV-4."""
    command = request.command
    header = decode_header(
        headers.GetKVListByNamespaceRequestHeader, command.ext_fields, ctx.release
    )
    body = ctx.kv.list_namespace(header.namespace)
    if body is None:
        remark = f"No config item, Namespace: {_text(header.namespace)}"
        return make_response(command, ResponseCode.QUERY_NOT_FOUND, remark)
    return make_response(command, ResponseCode.SUCCESS, body=body)


def register_broker(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """REGISTER_BROKER: NAMESRV-LIFECYCLE-1, NAMESRV-LIFECYCLE-3 (checksum), NAMESRV-KV-7.

    NAMESRV-LIFECYCLE-20: a broker without name, address or cluster is answered, but not taken.
    """
    command = request.command
    early = not ctx.release.namesrv_checks_body_first
    if early:
        _check_version(command)
    header = decode_header(RegisterBrokerRequestHeader, command.ext_fields, ctx.release)
    if header.body_crc32 and crc32(command.body) != header.body_crc32:
        return make_response(command, ResponseCode.SYSTEM_ERROR, "crc32 not match")
    if not early:
        _check_version(command)
    body = _registered_body(ctx, command, compressed=header.compressed)
    if header.broker_id is None:
        raise HeaderRefused.absent("RegisterBrokerRequestHeader", "brokerId")
    cluster, address, name = header.cluster_name, header.broker_addr, header.broker_name
    result: RegisterBrokerResult | None = RegisterBrokerResult()
    if cluster is not None and address is not None and name is not None:
        named = Unregistration(cluster, address, name, header.broker_id)
        result = _take(ctx, request, header, body, named)
    if result is None:
        return make_response(command, ResponseCode.SYSTEM_ERROR, "register broker failed")
    order = b""
    switch = "returnOrderTopicConfigToBroker"
    if not ctx.config.knows(switch) or ctx.config.boolean(switch):
        order = ctx.kv.list_namespace(NAMESPACE_ORDER_TOPIC_CONFIG) or b""
    answer = RegisterBrokerResponseHeader(
        ha_server_addr=result.ha_server_addr, master_addr=result.master_addr
    )
    return make_response(command, ResponseCode.SUCCESS, header=answer, body=order)


def _check_version(command: RemotingCommand) -> None:
    """No version of Java's list has a negative number."""
    if command.version < 0:
        raise BodyRefused.threw("java.lang.ArrayIndexOutOfBoundsException")


def _take(
    ctx: NamesrvContext,
    request: Request,
    header: RegisterBrokerRequestHeader,
    body: RegisterBrokerBody,
    named: Unregistration,
) -> RegisterBrokerResult | None:
    """Put a named broker into the tables; None where the release refuses it."""
    registration = Registration(
        cluster_name=named.cluster_name,
        broker_addr=named.broker_addr,
        broker_name=named.broker_name,
        broker_id=named.broker_id,
        ha_server_addr=header.ha_server_addr,
        topics=body.topic_config_table,
        version=body.data_version,
        filter_servers=body.filter_server_list,
        channel=request.channel,
        zone_name=(request.command.ext_fields or {}).get("__ZONE_NAME"),
        timeout_millis=header.heartbeat_timeout_millis,
        enable_acting_master=header.enable_acting_master,
    )
    return ctx.routes.register_broker(registration, request.now)


def _registered_body(
    ctx: NamesrvContext, command: RemotingCommand, *, compressed: bool
) -> RegisterBrokerBody:
    """Body of a registration; brokers before 3.0.11 send the topics alone (NAMESRV-LIFECYCLE-6)."""
    if not command.body:
        return RegisterBrokerBody(data_version=DataVersion())
    if command.version < _V3_0_11:
        return RegisterBrokerBody.decode_topics_only(command.body, ctx.release)
    try:
        return RegisterBrokerBody.decode(
            command.body, ctx.release, compressed=compressed, broker_version=command.version
        )
    except BodyRefused as error:
        if error.remark != "java.lang.NullPointerException":
            error.remark = _NOT_DECODED
        raise


def unregister_broker(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """UNREGISTER_BROKER: NAMESRV-LIFECYCLE-10, NAMESRV-LIFECYCLE-11, NAMESRV-LIFECYCLE-19."""
    command = request.command
    header = decode_header(UnRegisterBrokerRequestHeader, command.ext_fields, ctx.release)
    batched = ctx.release.namesrv_unregisters_in_batches
    if header.broker_id is None and not batched:
        raise HeaderRefused.absent("UnRegisterBrokerRequestHeader", "brokerId")
    broker_id, named = header.broker_id, (header.cluster_name, header.broker_addr)
    if batched and (broker_id is None or header.broker_name is None or None in named):
        return make_response(command, ResponseCode.SUCCESS)
    assert broker_id is not None
    leaving = Unregistration(
        header.cluster_name or "", header.broker_addr or "", header.broker_name or "", broker_id
    )
    if not ctx.unregister(leaving, request.now):
        return make_response(command, ResponseCode.SYSTEM_ERROR)
    return make_response(command, ResponseCode.SUCCESS)


def query_data_version(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """QUERY_DATA_VERSION: NAMESRV-LIFECYCLE-4, NAMESRV-LIFECYCLE-5, NAMESRV-LIFECYCLE-21."""
    command = request.command
    header = decode_header(QueryDataVersionRequestHeader, command.ext_fields, ctx.release)
    version = None
    # A null is equal to no version, and no error; 5.5 takes no body for one.
    if command.body or not ctx.release.namesrv_knows_groups:
        version = decode_data_version(command.body, ctx.release)
    cluster, address = header.cluster_name or "", header.broker_addr or ""
    if ctx.release.namesrv_knows_groups and None in (header.cluster_name, header.broker_addr):
        raise HeaderRefused.absent("QueryDataVersionRequestHeader", "brokerAddr")
    changed = ctx.routes.is_changed(cluster, address, version)
    if not changed or ctx.release.namesrv_knows_groups:
        ctx.routes.touch(cluster, address, request.now)
    known = ctx.routes.query_version(cluster, address)
    body = b"" if known is None else encode_data_version(known, ctx.release)
    answer = QueryDataVersionResponseHeader(changed=changed)
    return make_response(command, ResponseCode.SUCCESS, header=answer, body=body)


def broker_heartbeat(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """BROKER_HEARTBEAT: NAMESRV-LIFECYCLE-5."""
    command = request.command
    header = decode_header(headers.BrokerHeartbeatRequestHeader, command.ext_fields, ctx.release)
    ctx.routes.touch(header.cluster_name, header.broker_addr, request.now)
    return make_response(command, ResponseCode.SUCCESS)


def get_broker_member_group(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """GET_BROKER_MEMBER_GROUP: NAMESRV-ADMIN-12."""
    from refimpl.remoting.body.broker_member_group import (  # noqa: PLC0415 - rare
        BrokerMemberGroup,
        GetBrokerMemberGroupResponseBody,
    )

    command = request.command
    header = decode_header(
        headers.GetBrokerMemberGroupRequestHeader, command.ext_fields, ctx.release
    )
    name = header.broker_name
    entry = None if name is None else ctx.routes.broker_addr_table.get(name)
    group = BrokerMemberGroup(
        cluster=header.cluster_name,
        broker_name=name,
        broker_addrs={} if entry is None else dict(sorted(entry.addresses.items())),
    )
    body = GetBrokerMemberGroupResponseBody(broker_member_group=group).encode(ctx.release)
    remark = "not set any response code"  # Java forgets to clear it
    return make_response(command, ResponseCode.SUCCESS, remark, body=body)


def get_broker_cluster_info(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """GET_BROKER_CLUSTER_INFO: NAMESRV-ROUTE-9."""
    routes = ctx.routes
    info = ClusterInfo(
        broker_addr_table={name: e.data() for name, e in routes.broker_addr_table.items()},
        cluster_addr_table={c: tuple(names) for c, names in routes.cluster_addr_table.items()},
    )
    return make_response(request.command, ResponseCode.SUCCESS, body=info.encode(ctx.release))


def wipe_write_permission(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """WIPE_WRITE_PERM_OF_BROKER: NAMESRV-ADMIN-1."""
    command = request.command
    header = decode_header(
        headers.WipeWritePermOfBrokerRequestHeader, command.ext_fields, ctx.release
    )
    count = ctx.routes.wipe_write_permission(header.broker_name or "")
    answer = headers.WipeWritePermOfBrokerResponseHeader(wipe_topic_count=count)
    return make_response(command, ResponseCode.SUCCESS, header=answer)


def add_write_permission(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """ADD_WRITE_PERM_OF_BROKER: NAMESRV-ADMIN-2."""
    command = request.command
    header = decode_header(
        headers.AddWritePermOfBrokerRequestHeader, command.ext_fields, ctx.release
    )
    count = ctx.routes.add_write_permission(header.broker_name or "")
    answer = headers.AddWritePermOfBrokerResponseHeader(add_topic_count=count)
    return make_response(command, ResponseCode.SUCCESS, header=answer)


def delete_topic(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """DELETE_TOPIC_IN_NAMESRV: NAMESRV-ADMIN-4."""
    command = request.command
    header = decode_header(
        headers.DeleteTopicFromNamesrvRequestHeader, command.ext_fields, ctx.release
    )
    cluster = header.cluster_name if ctx.release.namesrv_deletes_by_cluster else None
    ctx.routes.delete_topic(header.topic or "", cluster)
    return make_response(command, ResponseCode.SUCCESS)


def register_topic(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """REGISTER_TOPIC_IN_NAMESRV: NAMESRV-ADMIN-13."""
    command = request.command
    header = decode_header(headers.RegisterTopicRequestHeader, command.ext_fields, ctx.release)
    route = TopicRouteData.read(command.body, ctx.release) if command.body else None
    if route is not None and header.topic is not None:
        ctx.routes.register_topic(header.topic, route.queue_datas)
    return make_response(command, ResponseCode.SUCCESS)


def _topic_list(
    ctx: NamesrvContext,
    request: Request,
    topics: Callable[[], list[str]],
    switch: str = "enableTopicList",
) -> RemotingCommand:
    """Answer a list of topics, unless the release has a switch that is off: NAMESRV-ADMIN-7."""
    if ctx.config.knows(switch) and not ctx.config.boolean(switch):
        return make_response(request.command, ResponseCode.SYSTEM_ERROR, _DISABLED)
    body = TopicList(topic_list=tuple(topics())).encode(ctx.release)
    return make_response(request.command, ResponseCode.SUCCESS, body=body)


def get_all_topics(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """GET_ALL_TOPIC_LIST_FROM_NAMESERVER: NAMESRV-ADMIN-5."""
    return _topic_list(ctx, request, ctx.routes.all_topics, "enableAllTopicList")


def get_topics_by_cluster(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """GET_TOPICS_BY_CLUSTER: NAMESRV-ADMIN-6."""
    header = decode_header(GetTopicsByClusterRequestHeader, request.command.ext_fields, ctx.release)
    return _topic_list(ctx, request, lambda: ctx.routes.topics_of_cluster(header.cluster))


def get_system_topics(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """GET_SYSTEM_TOPIC_LIST_FROM_NS: NAMESRV-ADMIN-8."""
    names, address = ctx.routes.system_topics()
    body = TopicList(topic_list=tuple(names), broker_addr=address).encode(ctx.release)
    return make_response(request.command, ResponseCode.SUCCESS, body=body)


def get_unit_topics(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """GET_UNIT_TOPIC_LIST: NAMESRV-ADMIN-9."""
    return _topic_list(ctx, request, ctx.routes.unit_topics)


def get_unit_sub_topics(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """GET_HAS_UNIT_SUB_TOPIC_LIST: NAMESRV-ADMIN-9."""
    return _topic_list(ctx, request, ctx.routes.unit_sub_topics)


def get_unit_sub_un_unit_topics(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: NAMESRV-ADMIN-9."""
    return _topic_list(ctx, request, ctx.routes.unit_sub_un_unit_topics)


def update_config(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """UPDATE_NAMESRV_CONFIG: NAMESRV-ADMIN-10."""
    command = request.command
    if not command.body:
        return make_response(command, ResponseCode.SUCCESS)
    try:
        properties = parse_properties(decode_utf8(command.body))
    except InvalidInput:
        return make_response(command, ResponseCode.SYSTEM_ERROR, "string2Properties error")
    protected = set(ctx.release.namesrv_protected_config)
    if ctx.config.knows("configBlackList"):
        protected.update(ctx.config.text("configBlackList").split(";"))
    if not protected.isdisjoint(properties):
        return make_response(
            command, ResponseCode.NO_PERMISSION, ctx.release.namesrv_config_refusal
        )
    ctx.config = ctx.config.updated(properties)
    ctx.persist_config()
    return make_response(command, ResponseCode.SUCCESS)


def get_config(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """GET_NAMESRV_CONFIG: NAMESRV-ADMIN-11."""
    body = encode_utf8(ctx.config.properties_text())
    return make_response(request.command, ResponseCode.SUCCESS, body=body)


def _text(value: str | None) -> str:
    """What Java's string concatenation makes of a null."""
    return "null" if value is None else value


PROCESSORS: Final[dict[int, Processor]] = {
    RequestCode.PUT_KV_CONFIG: put_kv_config,
    RequestCode.GET_KV_CONFIG: get_kv_config,
    RequestCode.DELETE_KV_CONFIG: delete_kv_config,
    RequestCode.REGISTER_BROKER: register_broker,
    RequestCode.UNREGISTER_BROKER: unregister_broker,
    RequestCode.QUERY_DATA_VERSION: query_data_version,
    RequestCode.BROKER_HEARTBEAT: broker_heartbeat,
    RequestCode.GET_BROKER_MEMBER_GROUP: get_broker_member_group,
    RequestCode.GET_BROKER_CLUSTER_INFO: get_broker_cluster_info,
    RequestCode.WIPE_WRITE_PERM_OF_BROKER: wipe_write_permission,
    RequestCode.ADD_WRITE_PERM_OF_BROKER: add_write_permission,
    RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER: get_all_topics,
    RequestCode.DELETE_TOPIC_IN_NAMESRV: delete_topic,
    RequestCode.REGISTER_TOPIC_IN_NAMESRV: register_topic,
    RequestCode.GET_KVLIST_BY_NAMESPACE: get_kv_list,
    RequestCode.GET_TOPICS_BY_CLUSTER: get_topics_by_cluster,
    RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS: get_system_topics,
    RequestCode.GET_UNIT_TOPIC_LIST: get_unit_topics,
    RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST: get_unit_sub_topics,
    RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: get_unit_sub_un_unit_topics,
    RequestCode.UPDATE_NAMESRV_CONFIG: update_config,
    RequestCode.GET_NAMESRV_CONFIG: get_config,
}
