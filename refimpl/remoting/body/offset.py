"""Tables of consumer offsets.

Java: classes of the same names in protocol/body, protocol/route, protocol/heartbeat, admin.
"""

from collections.abc import Mapping
from typing import ClassVar

from refimpl.model.data_version import DataVersion
from refimpl.model.message_queue import MessageQueue
from refimpl.model.override import override
from refimpl.model.release import Release
from refimpl.remoting.body.bean import Body


class ConsumerOffsetSerializeWrapper(Body):
    """GET_ALL_CONSUMER_OFFSET (43): `topic@group` to queue to offset."""

    WIRE: ClassVar[str] = "dataVersion:DataVersion@5.5 offsetTable:Map<String,Map<int,long>>"
    data_version: DataVersion | None = None  # 5.5
    offset_table: Mapping[str, Mapping[int, int]] = {}


class ResetOffsetBody(Body):
    """RESET_CONSUMER_CLIENT_OFFSET (220), the answer to 222: queues are keys."""

    WIRE: ClassVar[str] = "offsetTable:Map<MessageQueue,long>"
    offset_table: Mapping[MessageQueue, int] | None = None

    @override
    @classmethod
    def absent(cls, release: Release) -> Mapping[str, object]:
        """4.x starts with null, 5.5 with an empty table."""
        return {} if release.oldest_json else {"offset_table": {}}


class MessageQueueForC(Body):
    """A queue with its new offset, for clients in C++."""

    WIRE: ClassVar[str] = "brokerName:String offset:long queueId:int topic:String"
    broker_name: str | None = None
    offset: int = 0
    queue_id: int = 0
    topic: str | None = None


class ResetOffsetBodyForC(Body):
    """The same as a list: what clients in C++ can read."""

    WIRE: ClassVar[str] = "offsetTable:List<MessageQueueForC>"
    offset_table: tuple[MessageQueueForC, ...] | None = None


class GetConsumerStatusBody(Body):
    """Offsets that clients hold: 221 and 223."""

    WIRE: ClassVar[str] = (
        "consumerTable:Map<String,Map<MessageQueue,long>> messageQueueTable:Map<MessageQueue,long>"
    )
    consumer_table: Mapping[str, Mapping[MessageQueue, int]] = {}
    message_queue_table: Mapping[MessageQueue, int] = {}


class QueryCorrectionOffsetBody(Body):
    """QUERY_CORRECTION_OFFSET (308): queue id to offset."""

    WIRE: ClassVar[str] = "correctionOffsets:Map<int,long>"
    correction_offsets: Mapping[int, int] = {}


class RollbackStats(Body):
    """What a reset by time did to one queue: a table of the tools."""

    WIRE: ClassVar[str] = (
        "brokerName:String brokerOffset:long consumerOffset:long queueId:long "
        "rollbackOffset:long timestampOffset:long"
    )
    broker_name: str | None = None
    broker_offset: int = 0
    consumer_offset: int = 0
    queue_id: int = 0
    rollback_offset: int = 0
    timestamp_offset: int = 0


class OffsetMovedEvent(Body):
    """Body of an event in OFFSET_MOVED_EVENT."""

    WIRE: ClassVar[str] = (
        "consumerGroup:String messageQueue:MessageQueue offsetNew:long offsetRequest:long"
    )
    consumer_group: str | None = None
    message_queue: MessageQueue | None = None
    offset_new: int = 0
    offset_request: int = 0
