"""Headers of PULL_MESSAGE and LITE_PULL_MESSAGE.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.remoting.header import Header


class PullMessageRequestHeader(Header):
    """Fields of PULL_MESSAGE (11) and LITE_PULL_MESSAGE (361)."""

    WIRE: ClassVar[str] = (
        "consumerGroup:String! topic:String! queueId:Integer! queueOffset:Long! "
        "maxMsgNums:Integer! sysFlag:Integer! commitOffset:Long suspendTimeoutMillis:Long "
        "subscription:String subVersion:Long expressionType:String liteTopic:String "
        "maxMsgBytes:Integer requestSource:Integer proxyFrowardClientId:String bname:String"
    )
    FAST: ClassVar[bool] = True
    consumer_group: str
    topic: str
    queue_id: int
    queue_offset: int
    max_msg_nums: int
    sys_flag: int
    commit_offset: int | None = None
    suspend_timeout_millis: int | None = None
    subscription: str | None = None
    sub_version: int | None = None
    expression_type: str | None = None
    lite_topic: str | None = None  # 5.5
    max_msg_bytes: int | None = None  # 5.5
    request_source: int | None = None  # 5.5
    proxy_froward_client_id: str | None = None  # 5.5
    bname: str | None = None  # 4.9, 5.5


class PullMessageResponseHeader(Header):
    """Fields of the answer to a pull."""

    WIRE: ClassVar[str] = (
        "suggestWhichBrokerId:Long! nextBeginOffset:Long! minOffset:Long! maxOffset:Long! "
        "offsetDelta:Long topicSysFlag:Integer groupSysFlag:Integer forbiddenType:Integer"
    )
    FAST: ClassVar[bool] = True
    suggest_which_broker_id: int
    next_begin_offset: int
    min_offset: int
    max_offset: int
    offset_delta: int | None = None  # 5.5
    topic_sys_flag: int | None = None  # 5.5
    group_sys_flag: int | None = None  # 5.5
    forbidden_type: int | None = None  # 5.5
