"""Offsets and rates of topics and groups.

Java: classes of the same names in protocol/body, protocol/route, protocol/heartbeat, admin.
"""

from collections.abc import Mapping
from typing import ClassVar

from refimpl.model.message_queue import MessageQueue
from refimpl.remoting.body.bean import Body


class TopicOffset(Body):
    """The ends of a queue, and when it last grew."""

    WIRE: ClassVar[str] = "lastUpdateTimestamp:long maxOffset:long minOffset:long"
    last_update_timestamp: int = 0
    max_offset: int = 0
    min_offset: int = 0


class TopicStatsTable(Body):
    """GET_TOPIC_STATS_INFO (202): queues are keys."""

    WIRE: ClassVar[str] = "offsetTable:Map<MessageQueue,TopicOffset> topicPutTps:double@5.5"
    offset_table: Mapping[MessageQueue, TopicOffset] = {}
    topic_put_tps: float = 0.0  # 5.5


class OffsetWrapper(Body):
    """How far a group is in one queue."""

    WIRE: ClassVar[str] = (
        "brokerOffset:long consumerOffset:long lastTimestamp:long pullOffset:long@5.5"
    )
    broker_offset: int = 0
    consumer_offset: int = 0
    last_timestamp: int = 0
    pull_offset: int = 0  # 5.5


class ConsumeStats(Body):
    """GET_CONSUME_STATS (208): queues are keys."""

    WIRE: ClassVar[str] = "consumeTps:double offsetTable:Map<MessageQueue,OffsetWrapper>"
    consume_tps: float = 0.0
    offset_table: Mapping[MessageQueue, OffsetWrapper] = {}


class ConsumeStatsList(Body):
    """GET_BROKER_CONSUME_STATS (317): for every group a list."""

    WIRE: ClassVar[str] = (
        "brokerAddr:String consumeStatsList:List<Map<String,List<ConsumeStats>>> "
        "totalDiff:long totalInflightDiff:long@5.5"
    )
    broker_addr: str | None = None
    consume_stats_list: tuple[Mapping[str, tuple[ConsumeStats, ...]], ...] = ()
    total_diff: int = 0
    total_inflight_diff: int = 0  # 5.5


class BrokerStatsItem(Body):
    """Sum, rate and average of a period."""

    WIRE: ClassVar[str] = "avgpt:double sum:long tps:double"
    avgpt: float = 0.0
    sum: int = 0
    tps: float = 0.0


class BrokerStatsData(Body):
    """VIEW_BROKER_STATS_DATA (315)."""

    WIRE: ClassVar[str] = (
        "statsDay:BrokerStatsItem statsHour:BrokerStatsItem statsMinute:BrokerStatsItem"
    )
    stats_day: BrokerStatsItem | None = None
    stats_hour: BrokerStatsItem | None = None
    stats_minute: BrokerStatsItem | None = None
