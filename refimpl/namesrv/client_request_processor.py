"""The route of a topic, the one question that clients ask again and again.

Java: namesrv/processor/ClientRequestProcessor and namesrv/route/ZoneRouteRPCHook (5.5.0),
DefaultRequestProcessor#getRouteInfoByTopic (4.6.1, 4.9.7).
"""

from collections.abc import Mapping
from typing import Final

from refimpl.model.java import encode_utf8, parse_boolean
from refimpl.namesrv.context import NamesrvContext, Request
from refimpl.namesrv.kv_config_manager import NAMESPACE_ORDER_TOPIC_CONFIG
from refimpl.namesrv.route_info_manager import MASTER_ID
from refimpl.remoting.body.java_json import write_standard
from refimpl.remoting.body.route import TopicRouteData
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.header import decode_header
from refimpl.remoting.header.route import GetRouteInfoRequestHeader
from refimpl.remoting.response_code import ResponseCode

_V4_9_4: Final = 401  # ordinal in MQVersion: these clients and later ones read standard JSON
_MILLIS: Final = 1000


def get_route_info(ctx: NamesrvContext, request: Request) -> RemotingCommand:
    """GET_ROUTEINFO_BY_TOPIC.

    NAMESRV-ROUTE-2 (no route), NAMESRV-ROUTE-4 (ordered topics), NAMESRV-ROUTE-5 (form of keys),
    NAMESRV-ROUTE-6 (patience).
    """
    command = request.command
    header = decode_header(GetRouteInfoRequestHeader, command.ext_fields, ctx.release)
    config = ctx.config
    if config.knows("needWaitForService") and config.boolean("needWaitForService"):
        wait = config.integer("waitSecondsForService") * _MILLIS
        if request.now - ctx.started < wait:
            return make_response(command, ResponseCode.SYSTEM_ERROR, "name server not ready")
    topic = header.topic
    route = None if topic is None else ctx.routes.pickup_route(topic)
    if route is None:
        return make_response(
            command,
            ResponseCode.TOPIC_NOT_EXIST,
            "No topic route info in name server for the topic: "
            f"{'null' if topic is None else topic}\nSee {ctx.release.faq_url} for further details.",
        )
    if config.boolean("orderMessageEnable"):
        route = route.with_fields(order_topic_conf=ctx.kv.get(NAMESPACE_ORDER_TOPIC_CONFIG, topic))
    standard = ctx.release.namesrv_offers_standard_json and (
        command.version >= _V4_9_4 or bool(header.accept_standard_json_only)
    )
    if ctx.release.namesrv_knows_groups:
        zone = _zone_of(command.ext_fields or {})
        if zone is not None:
            route, standard = _in_zone(route, zone), False
    if standard:
        body = encode_utf8(write_standard(route.to_json(ctx.release), ctx.release))
    else:
        body = route.encode(ctx.release)
    return make_response(command, ResponseCode.SUCCESS, body=body)


def _zone_of(ext_fields: Mapping[str, str]) -> str | None:
    """Zone that the client asks to stay in (NAMESRV-ROUTE-7); None without zone mode."""
    zone = ext_fields.get("__ZONE_NAME")
    if not parse_boolean(ext_fields.get("__ZONE_MODE")) or zone is None or not zone.strip():
        return None
    return zone


def _in_zone(route: TopicRouteData, zone: str) -> TopicRouteData:
    """Leave out brokers of other zones, but never one whose master is gone."""
    removed = {
        broker.broker_name: broker.broker_addrs or {}
        for broker in route.broker_datas
        if MASTER_ID in (broker.broker_addrs or {})
        and (broker.zone_name or "").lower() != zone.lower()
    }
    gone = {address for addresses in removed.values() for address in addresses.values()}
    return route.with_fields(
        broker_datas=tuple(b for b in route.broker_datas if b.broker_name not in removed),
        queue_datas=tuple(q for q in route.queue_datas if q.broker_name not in removed),
        filter_server_table={a: f for a, f in route.filter_server_table.items() if a not in gone},
    )
