"""UPDATE_BROKER_CONFIG (25), GET_BROKER_CONFIG (26), GET_BROKER_RUNTIME_INFO (28).

Java 4.9.7: broker/processor/AdminBrokerProcessor, common/Configuration. Rules BROKER-ADMIN-13 to
BROKER-ADMIN-19.

Cited in short below: BROKER-ADMIN-14.
"""

from math import log

from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.mq_version import version_desc
from refimpl.model.data_version import to_json
from refimpl.model.errors import InvalidInput
from refimpl.model.java import INT_MAX, decode_utf8, encode_utf8
from refimpl.model.properties_file import parse_properties
from refimpl.remoting.body.java_json import write
from refimpl.remoting.body.kv_table import KVTable
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.header.admin import GetBrokerConfigResponseHeader
from refimpl.remoting.response_code import ResponseCode

_KIB = 1024
_BLACK_LIST = frozenset({"brokerConfigPath", "rocketmqHome", "configBlackList"})


def update_broker_config(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Apply a properties text to the running broker. BROKER-ADMIN-13 to BROKER-ADMIN-15."""
    command, now = request.command, request.now
    if not command.body:
        return make_response(command, ResponseCode.SUCCESS)
    try:
        properties = parse_properties(decode_utf8(command.body))
    except InvalidInput:
        return make_response(command, ResponseCode.SYSTEM_ERROR, "string2Properties error")
    if ctx.release.config_black_list:
        listed = _BLACK_LIST.union(ctx.config.text("configBlackList").split(";"))
        if not listed.isdisjoint(properties):
            return make_response(
                command, ResponseCode.NO_PERMISSION, "Can not update config in black list."
            )
    ctx.update_config(ctx.config.updated(properties), now)
    if "brokerPermission" in properties:
        manager = ctx.topic_config_manager
        manager.data_version = manager.data_version.next_version(now)
        ctx.registration.register_broker_all(now, check_order_conf=False, oneway=False, force=True)
    return make_response(command, ResponseCode.SUCCESS)


def get_broker_config(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """All settings as text, with the version of the configuration. BROKER-ADMIN-16."""
    version = write(to_json(ctx.config_version, ctx.release), ctx.release)
    return make_response(
        request.command,
        ResponseCode.SUCCESS,
        header=GetBrokerConfigResponseHeader(version=version),
        body=encode_utf8(ctx.config.properties_text()),
    )


def get_broker_runtime_info(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Counters and ends of the store and the broker, as strings. BROKER-ADMIN-17."""
    store, stats, release = ctx.store, ctx.broker_stats, ctx.release
    settings = ctx.config.properties()
    info = store.runtime_info(request.now)
    info["brokerVersionDesc"] = version_desc(release.header_version)
    info["msgPutTotalYesterdayMorning"] = str(stats.msg_put_total_yesterday_morning)
    info["msgPutTotalTodayMorning"] = str(stats.msg_put_total_today_morning)
    put_total, get_total = stats.totals()
    info["msgPutTotalTodayNow"] = str(put_total)
    info["msgGetTotalYesterdayMorning"] = str(stats.msg_get_total_yesterday_morning)
    info["msgGetTotalTodayMorning"] = str(stats.msg_get_total_today_morning)
    info["msgGetTotalTodayNow"] = str(get_total)
    info["dispatchBehindBytes"] = str(store.dispatch_behind_bytes)
    info["pageCacheLockTimeMills"] = str(store.lock_time_millis(request.now))
    info["earliestMessageTimeStamp"] = str(store.earliest_message_time())
    info["startAcceptSendRequestTimeStamp"] = settings["startAcceptSendRequestTimeStamp"]
    info.update(ctx.schedule_message_service.build_running_stats())
    pools = ["send", "pull", "query"]
    if release.runtime_info_is_extended:
        pools = ["send", "pull", "litePull", "query", "ack"]
        info["brokerActive"] = "true" if ctx.config.text("brokerRole") != "SLAVE" else "false"
        for name in ("timerReadBehind", "timerOffsetBehind", "timerCongestNum"):
            info[name] = "0"
        info["timerEnqueueTps"] = info["timerDequeueTps"] = "0.0"
    else:
        info["brokerVersion"] = str(release.header_version)
    for pool in pools:  # BROKER-ADMIN-18: nothing ever waits here
        info[f"{pool}ThreadPoolQueueSize"] = "0"
        info[f"{pool}ThreadPoolQueueCapacity"] = settings[f"{pool}ThreadPoolQueueCapacity"]
        info[f"{pool}ThreadPoolQueueHeadWaitTimeMills"] = "0"
    info["EndTransactionQueueSize"] = "0"
    info["EndTransactionThreadPoolQueueCapacity"] = settings["endTransactionPoolQueueCapacity"]
    buffers = store.commit_log.pool
    left = INT_MAX if buffers is None else buffers.remaining_buffer_nums  # BROKER-LIFECYCLE-3
    info["remainTransientStoreBufferNumbs"] = str(left)
    if buffers is not None:
        uncommitted = store.max_phy_offset - store.commit_log.mapped_file_queue.committed_where
        info["remainHowManyDataToCommit"] = human_readable_byte_count(max(0, uncommitted))
    space = ctx.disk.capacity()
    total, free = human_readable_byte_count(space[0]), human_readable_byte_count(space[1])
    info["commitLogDirCapacity"] = f"Total : {total}, Free : {free}."
    behind = store.max_phy_offset - store.commit_log.mapped_file_queue.flushed_where
    info["remainHowManyDataToFlush"] = human_readable_byte_count(max(0, behind))
    body = KVTable(table=info).encode(release)
    return make_response(request.command, ResponseCode.SUCCESS, body=body)


def human_readable_byte_count(count: int) -> str:
    """`1.5 MiB`; below 1024 in whole bytes. MixAll#humanReadableByteCount, binary."""
    if count < _KIB:
        return f"{count} B"
    exponent = int(log(count) / log(_KIB))
    return f"{decimal(count, _KIB**exponent)} {'KMGTPE'[exponent - 1]}iB"


def decimal(count: int, unit: int) -> str:
    """One digit behind the point, halves away from zero as Java's Formatter rounds."""
    tenths = (count * 20 + unit) // (2 * unit)
    return f"{tenths // 10}.{tenths % 10}"
