"""Headers of the administration of consumers and producers.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.remoting.header import Header


class GetConsumerConnectionListRequestHeader(Header):
    """Fields of GET_CONSUMER_CONNECTION_LIST (203)."""

    WIRE: ClassVar[str] = "consumerGroup:String! bname:String"
    consumer_group: str
    bname: str | None = None  # 5.5


class GetProducerConnectionListRequestHeader(Header):
    """Fields of GET_PRODUCER_CONNECTION_LIST (204)."""

    WIRE: ClassVar[str] = "producerGroup:String! bname:String"
    producer_group: str
    bname: str | None = None  # 5.5


class GetAllProducerInfoRequestHeader(Header):
    """Fields of GET_ALL_PRODUCER_INFO (328): no field. Only in 4.9.7 and 5.5.0."""


class GetConsumeStatsRequestHeader(Header):
    """Fields of GET_CONSUME_STATS (208)."""

    WIRE: ClassVar[str] = "consumerGroup:String topic:String topicList:String bname:String"
    consumer_group: str | None = None
    topic: str | None = None
    topic_list: str | None = None  # 5.5
    bname: str | None = None  # 5.5


class GetConsumeStatsInBrokerHeader(Header):
    """Fields of GET_BROKER_CONSUME_STATS (317)."""

    WIRE: ClassVar[str] = "isOrder:boolean"
    is_order: bool = False


class ResetOffsetRequestHeader(Header):
    """Fields of INVOKE_BROKER_TO_RESET_OFFSET (222) and RESET_CONSUMER_CLIENT_OFFSET (220)."""

    WIRE: ClassVar[str] = (
        "topic:String! group:String! timestamp:long isForce:boolean queueId:int offset:Long "
        "bname:String"
    )
    topic: str
    group: str
    timestamp: int = 0
    is_force: bool = False
    queue_id: int | None = -1  # 5.5; None where an older release says nothing of a queue
    offset: int | None = None  # 5.5
    bname: str | None = None  # 5.5


class GetConsumerStatusRequestHeader(Header):
    """Fields of INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223) and its relay to clients (221)."""

    WIRE: ClassVar[str] = "topic:String group:String! clientAddr:String bname:String"
    group: str
    topic: str | None = None  # the broker only passes it on
    client_addr: str | None = None
    bname: str | None = None  # 5.5


class QueryConsumeTimeSpanRequestHeader(Header):
    """Fields of QUERY_CONSUME_TIME_SPAN (303)."""

    WIRE: ClassVar[str] = "topic:String! group:String bname:String"
    topic: str
    group: str | None = None
    bname: str | None = None  # 5.5


class QueryCorrectionOffsetHeader(Header):
    """Fields of QUERY_CORRECTION_OFFSET (308)."""

    WIRE: ClassVar[str] = "filterGroups:String compareGroup:String topic:String! bname:String"
    filter_groups: str | None = None
    compare_group: str | None = None
    topic: str
    bname: str | None = None  # 5.5


class GetConsumerRunningInfoRequestHeader(Header):
    """Fields of GET_CONSUMER_RUNNING_INFO (307)."""

    WIRE: ClassVar[str] = "consumerGroup:String! clientId:String jstackEnable:boolean bname:String"
    consumer_group: str
    client_id: str | None = None
    jstack_enable: bool = False
    bname: str | None = None  # 5.5


class ConsumeMessageDirectlyResultRequestHeader(Header):
    """Fields of CONSUME_MESSAGE_DIRECTLY (309)."""

    WIRE: ClassVar[str] = (
        "consumerGroup:String! clientId:String msgId:String brokerName:String topic:String "
        "topicSysFlag:Integer groupSysFlag:Integer bname:String"
    )
    consumer_group: str
    client_id: str | None = None
    msg_id: str | None = None
    broker_name: str | None = None
    topic: str | None = None  # 5.5
    topic_sys_flag: int | None = None  # 5.5
    group_sys_flag: int | None = None  # 5.5
    bname: str | None = None  # 5.5


class CloneGroupOffsetRequestHeader(Header):
    """Fields of CLONE_GROUP_OFFSET (314)."""

    WIRE: ClassVar[str] = (
        "srcGroup:String destGroup:String topic:String offline:boolean bname:String"
    )
    src_group: str | None = None
    dest_group: str | None = None
    topic: str | None = None
    offline: bool = False
    bname: str | None = None  # 5.5


class InitConsumerOffsetRequestHeader(Header):
    """Fields of a consumer's first offset: declared in 5.5, sent by nobody. Only in 5.5.0."""

    WIRE: ClassVar[str] = "topic:String initMode:int bname:String"
    topic: str | None = None
    init_mode: int = 0
    bname: str | None = None
