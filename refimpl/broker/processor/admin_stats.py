"""Numbers of topics, groups and the broker.

GET_TOPIC_STATS_INFO (202), GET_CONSUME_STATS (208), GET_BROKER_CONSUME_STATS (317),
QUERY_CONSUME_TIME_SPAN (303), VIEW_BROKER_STATS_DATA (315). Java 4.9.7:
broker/processor/AdminBrokerProcessor. Rules BROKER-ADMIN-10, BROKER-ADMIN-30 to BROKER-ADMIN-35.

Cited in short below: BROKER-ADMIN-32.
"""

from collections.abc import Mapping

from refimpl.broker.broker_stats import GROUP_GET_NUMS, TOPIC_PUT_NUMS, StatsSnapshot
from refimpl.broker.context import BrokerContext, Request
from refimpl.broker.processor_threw import null_pointer
from refimpl.model.ids import QueueId, QueueOffset, Topic
from refimpl.model.message_queue import MessageQueue
from refimpl.model.topic_validator import is_blank
from refimpl.remoting.body.query import QueryConsumeTimeSpanBody, QueueTimeSpan
from refimpl.remoting.body.stats import (
    BrokerStatsData,
    BrokerStatsItem,
    ConsumeStats,
    ConsumeStatsList,
    OffsetWrapper,
    TopicOffset,
    TopicStatsTable,
)
from refimpl.remoting.command import RemotingCommand, make_response
from refimpl.remoting.header import decode_header
from refimpl.remoting.header.admin import ViewBrokerStatsDataRequestHeader
from refimpl.remoting.header.consumer_admin import (
    GetConsumeStatsInBrokerHeader,
    GetConsumeStatsRequestHeader,
    QueryConsumeTimeSpanRequestHeader,
)
from refimpl.remoting.header.topic_admin import GetTopicStatsInfoRequestHeader
from refimpl.remoting.response_code import ResponseCode


def _queue(ctx: BrokerContext, topic: str, queue_id: int) -> MessageQueue:
    return MessageQueue(Topic(topic), ctx.config.text("brokerName"), QueueId(queue_id))


def _tps(ctx: BrokerContext, name: str, key: str) -> float:
    item = ctx.broker_stats.find(name, key)
    return 0.0 if item is None else item.snapshot(0).tps


def get_topic_stats_info(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Bounds and last store time of every queue of a topic. BROKER-ADMIN-10."""
    command, release, store = request.command, ctx.release, ctx.store
    header = decode_header(GetTopicStatsInfoRequestHeader, command.ext_fields, release)
    config = ctx.topic_config_manager.select_topic_config(header.topic)
    if config is None:
        return make_response(
            command, ResponseCode.TOPIC_NOT_EXIST, f"topic[{header.topic}] not exist"
        )
    topic = Topic(header.topic)
    count = config.write_queue_nums
    if release.stats_cover_read_queues:
        count = max(count, config.read_queue_nums)
    table = {}
    for number in range(count):
        queue_id = QueueId(number)
        most = max(0, store.max_offset_in_queue(topic, queue_id))
        last = QueueOffset(most - 1)
        table[_queue(ctx, topic, number)] = TopicOffset(
            min_offset=max(0, store.min_offset_in_queue(topic, queue_id)),
            max_offset=most,
            last_update_timestamp=(
                store.message_store_timestamp(topic, queue_id, last) if most > 0 else 0
            ),
        )
    body = TopicStatsTable(offset_table=table, topic_put_tps=_tps(ctx, TOPIC_PUT_NUMS, topic))
    return make_response(command, ResponseCode.SUCCESS, body=body.encode(release))


def _wrapper(
    ctx: BrokerContext, group: str, topic: str, number: int, *, with_pulled: bool
) -> OffsetWrapper:
    """How far a group is in one queue. BROKER-ADMIN-30."""
    name, queue_id, offsets = Topic(topic), QueueId(number), ctx.consumer_offset_manager
    consumer = max(0, offsets.query_offset(group, topic, number))
    pulled = 0
    if with_pulled and ctx.release.stats_have_pull_offset:
        pulled = max(consumer, offsets.query_pull_offset(group, topic, number))
    last = 0
    if consumer > 0:
        last = ctx.store.message_store_timestamp(name, queue_id, QueueOffset(consumer - 1))
    return OffsetWrapper(
        broker_offset=max(0, ctx.store.max_offset_in_queue(name, queue_id)),
        consumer_offset=consumer,
        pull_offset=pulled,
        last_timestamp=max(0, last),
    )


def _subscribed(ctx: BrokerContext, group: str, topic: str) -> bool:
    """BROKER-ADMIN-31: a group that is online is shown with its present topics only."""
    manager = ctx.consumer_manager
    return (
        manager.find_subscription_data(group, topic) is not None
        or manager.find_subscription_data_count(group) == 0
    )


def get_consume_stats(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Progress of a group in one topic or in all of its topics. BROKER-ADMIN-30 to -32.

    A missing group is met where a table has something to compare with it: REMOTING-HEADER-9. Where
    a list of topics is taken, nothing is looked up for it, and it is the word null in a key.
    """
    command, release = request.command, ctx.release
    header = decode_header(GetConsumeStatsRequestHeader, command.ext_fields, release)
    nameless = header.consumer_group is None
    group = header.consumer_group or ("null" if nameless else "")
    listed = header.topic_list if release.stats_take_topic_list else None
    named = [t for t in (listed or "").split(";") if t and not is_blank(listed or "")]
    if named:
        topics = named
    elif nameless and release.stats_take_topic_list:
        raise null_pointer()
    elif header.topic is None or is_blank(header.topic):
        if nameless and ctx.consumer_offset_manager.offset_table:
            raise null_pointer()
        topics = ctx.consumer_offset_manager.which_topic_by_consumer(group)
    else:
        topics = [header.topic]
    table: dict[MessageQueue, OffsetWrapper] = {}
    tps = 0.0
    for topic in dict.fromkeys(topics):
        config = ctx.topic_config_manager.select_topic_config(topic)
        if config is not None and nameless and not named:
            raise null_pointer()
        if config is None or (not named and not _subscribed(ctx, group, topic)):
            continue
        for number in range(config.read_queue_nums):
            wrapper = _wrapper(ctx, group, topic, number, with_pulled=True)
            table[_queue(ctx, topic, number)] = wrapper
        tps += _tps(ctx, GROUP_GET_NUMS, f"{topic}@{group}")
    body = ConsumeStats(offset_table=table, consume_tps=tps).encode(release)
    return make_response(command, ResponseCode.SUCCESS, body=body)


def fetch_all_consume_stats_in_broker(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Progress of every group in the table. BROKER-ADMIN-33."""
    command, release = request.command, ctx.release
    header = decode_header(GetConsumeStatsInBrokerHeader, command.ext_fields, release)
    every: list[Mapping[str, tuple[ConsumeStats, ...]]] = []
    behind = in_flight = 0
    for group in ctx.subscription_group_manager.subscription_group_table:
        stats: list[ConsumeStats] = []
        for topic in ctx.consumer_offset_manager.which_topic_by_consumer(group):
            config = ctx.topic_config_manager.select_topic_config(topic)
            if config is None or (header.is_order and not config.order):
                continue
            if not _subscribed(ctx, group, topic):
                continue
            table = {
                _queue(ctx, topic, number): _wrapper(ctx, group, topic, number, with_pulled=False)
                for number in range(config.write_queue_nums)
            }
            behind += sum(w.broker_offset - w.consumer_offset for w in table.values())
            in_flight += sum(w.pull_offset - w.consumer_offset for w in table.values())
            tps = _tps(ctx, GROUP_GET_NUMS, f"{topic}@{group}")
            stats.append(ConsumeStats(offset_table=table, consume_tps=tps))
        every.append({group: tuple(stats)})
    body = ConsumeStatsList(
        broker_addr=str(ctx.address),
        consume_stats_list=tuple(every),
        total_diff=behind,
        total_inflight_diff=in_flight,
    )
    return make_response(command, ResponseCode.SUCCESS, body=body.encode(release))


def query_consume_time_span(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """Store times at both ends of every queue and at the group's place. BROKER-ADMIN-34."""
    command, release, store = request.command, ctx.release, ctx.store
    header = decode_header(QueryConsumeTimeSpanRequestHeader, command.ext_fields, release)
    config = ctx.topic_config_manager.select_topic_config(header.topic)
    if config is None:
        return make_response(
            command, ResponseCode.TOPIC_NOT_EXIST, f"topic[{header.topic}] not exist"
        )
    topic = Topic(header.topic)
    group = "null" if header.group is None else header.group  # as Java prints it into a key
    spans = []
    for number in range(config.write_queue_nums):
        queue_id = QueueId(number)
        first = store.earliest_message_time(topic, queue_id)
        most = store.max_offset_in_queue(topic, queue_id)
        place = ctx.consumer_offset_manager.query_offset(group, topic, number)
        consumed, delay = int(first), 0
        if place > 0:
            last = QueueOffset(place - 1)
            consumed = store.message_store_timestamp(topic, queue_id, last)
        if place < most:
            upcoming = store.message_store_timestamp(topic, queue_id, QueueOffset(place))
            delay = request.now - upcoming
        spans.append(
            QueueTimeSpan(
                message_queue=_queue(ctx, topic, number),
                min_timestamp=first,
                max_timestamp=store.message_store_timestamp(topic, queue_id, QueueOffset(most - 1)),
                consume_timestamp=consumed,
                delay_time=delay,
            )
        )
    body = QueryConsumeTimeSpanBody(consume_time_span_set=tuple(spans)).encode(release)
    return make_response(command, ResponseCode.SUCCESS, body=body)


def view_broker_stats_data(ctx: BrokerContext, request: Request) -> RemotingCommand:
    """One counter over the last minute, hour and day. BROKER-ADMIN-35."""
    command, release = request.command, ctx.release
    header = decode_header(ViewBrokerStatsDataRequestHeader, command.ext_fields, release)
    name, key = header.stats_name, header.stats_key
    item = None if name is None or key is None else ctx.broker_stats.find(name, key)
    if item is None:
        shown = ["null" if text is None else text for text in (name, key)]
        return make_response(
            command, ResponseCode.SYSTEM_ERROR, "The stats <{}> <{}> not exist".format(*shown)
        )
    body = BrokerStatsData(
        stats_minute=_item(item.snapshot(0)),
        stats_hour=_item(item.snapshot(1)),
        stats_day=_item(item.snapshot(2)),
    )
    return make_response(command, ResponseCode.SUCCESS, body=body.encode(release))


def _item(snapshot: StatsSnapshot) -> BrokerStatsItem:
    return BrokerStatsItem(sum=snapshot.total, tps=snapshot.tps, avgpt=snapshot.avgpt)
