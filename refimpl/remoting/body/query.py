"""Looks into queues.

Java: classes of the same names in protocol/body, protocol/route, protocol/heartbeat, admin.
"""

from typing import ClassVar

from refimpl.model.calendar import civil
from refimpl.model.message_queue import MessageQueue
from refimpl.model.override import override
from refimpl.model.release import Release
from refimpl.model.subscription import SubscriptionData
from refimpl.remoting.body.bean import Body
from refimpl.remoting.body.java_json import Writable


class ConsumeQueueData(Body):
    """One entry of a consume queue."""

    WIRE: ClassVar[str] = (
        "bitMap:String eval:boolean extendDataJson:String msg:String physicOffset:long "
        "physicSize:int tagsCode:long"
    )
    bit_map: str | None = None
    eval: bool = False
    extend_data_json: str | None = None
    msg: str | None = None
    physic_offset: int = 0
    physic_size: int = 0
    tags_code: int = 0


class QueryConsumeQueueResponseBody(Body):
    """QUERY_CONSUME_QUEUE (321)."""

    WIRE: ClassVar[str] = (
        "filterData:String maxQueueIndex:long minQueueIndex:long "
        "queueData:List<ConsumeQueueData> subscriptionData:SubscriptionData"
    )
    filter_data: str | None = None
    max_queue_index: int = 0
    min_queue_index: int = 0
    queue_data: tuple[ConsumeQueueData, ...] | None = None
    subscription_data: SubscriptionData | None = None


class QueueTimeSpan(Body):
    """When the messages of a queue were stored, and how far a group is."""

    WIRE: ClassVar[str] = (
        "consumeTimeStamp=consume_timestamp:long delayTime:long "
        "maxTimeStamp=max_timestamp:long messageQueue:MessageQueue "
        "minTimeStamp=min_timestamp:long"
    )
    consume_timestamp: int = 0
    delay_time: int = 0
    max_timestamp: int = 0
    message_queue: MessageQueue | None = None
    min_timestamp: int = 0

    @override
    def to_json(self, release: Release) -> dict[str, Writable]:
        """The fields, and every time as text too: REMOTING-HEADER-19."""
        written = super().to_json(release)
        for name in ("consumeTimeStamp", "maxTimeStamp", "minTimeStamp"):
            millis = written[name]
            assert isinstance(millis, int)
            written[name + "Str"] = time_string(millis)
        return {name: written[name] for name in sorted(written)}


class QueryConsumeTimeSpanBody(Body):
    """QUERY_CONSUME_TIME_SPAN (303)."""

    WIRE: ClassVar[str] = "consumeTimeSpanSet:List<QueueTimeSpan>"
    consume_time_span_set: tuple[QueueTimeSpan, ...] = ()


class QuerySubscriptionResponseBody(Body):
    """QUERY_SUBSCRIPTION_BY_CONSUMER (345)."""

    WIRE: ClassVar[str] = "group:String subscriptionData:SubscriptionData topic:String"
    group: str | None = None
    subscription_data: SubscriptionData | None = None
    topic: str | None = None


def time_string(millis: int) -> str:
    """`yyyy-MM-dd#HH:mm:ss:SSS` in UTC; Java prints in the zone of the broker."""
    year, month, day, hour, minute, second, milli = civil(millis)
    return f"{year:04}-{month:02}-{day:02}#{hour:02}:{minute:02}:{second:02}:{milli:03}"
