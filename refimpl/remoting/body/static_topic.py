"""Static topics of 5.5, as far as routes and registrations show them.

Java: classes of the same names in protocol/body, protocol/route, protocol/heartbeat, admin.
"""

from collections.abc import Mapping
from typing import ClassVar

from refimpl.remoting.body.bean import Body


class LogicQueueMappingItem(Body):
    """One stretch of a logical queue."""

    WIRE: ClassVar[str] = (
        "bname:String endOffset:long gen:int logicOffset:long queueId:int startOffset:long "
        "timeOfEnd:long timeOfStart:long"
    )
    bname: str | None = None
    end_offset: int = -1
    gen: int = 0
    logic_offset: int = 0
    queue_id: int = 0
    start_offset: int = 0
    time_of_end: int = -1
    time_of_start: int = -1


class TopicQueueMappingInfo(Body):
    """Which logical queues a broker has."""

    WIRE: ClassVar[str] = (
        "bname:String currIdMap:Map<int,int> dirty:boolean epoch:long scope:String "
        "topic:String totalQueues:int"
    )
    bname: str | None = None
    curr_id_map: Mapping[int, int] = {}
    dirty: bool = False
    epoch: int = 0
    scope: str = "__global__"
    topic: str | None = None
    total_queues: int = 0


class TopicQueueMappingDetail(Body):
    """The same with every stretch."""

    WIRE: ClassVar[str] = (
        "bname:String currIdMap:Map<int,int> dirty:boolean epoch:long "
        "hostedQueues:Map<int,List<LogicQueueMappingItem>> scope:String topic:String "
        "totalQueues:int"
    )
    bname: str | None = None
    curr_id_map: Mapping[int, int] = {}
    dirty: bool = False
    epoch: int = 0
    hosted_queues: Mapping[int, tuple[LogicQueueMappingItem, ...]] = {}
    scope: str = "__global__"
    topic: str | None = None
    total_queues: int = 0
