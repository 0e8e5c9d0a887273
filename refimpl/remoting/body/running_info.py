"""What a consumer tells of itself. A broker passes these bodies on unread.

Java: classes of the same names in protocol/body, protocol/route, protocol/heartbeat, admin.
"""

from collections.abc import Mapping
from typing import ClassVar

from refimpl.model.message_queue import MessageQueue
from refimpl.model.subscription import SubscriptionData
from refimpl.remoting.body.bean import Body


class ConsumeMessageDirectlyResult(Body):
    """CONSUME_MESSAGE_DIRECTLY (309)."""

    WIRE: ClassVar[str] = (
        "autoCommit:boolean consumeResult:CMResult order:boolean remark:String spentTimeMills:long"
    )
    auto_commit: bool = True
    consume_result: str | None = None
    order: bool = False
    remark: str | None = None
    spent_time_mills: int = 0


class ProcessQueueInfo(Body):
    """A queue in the hands of a consumer."""

    WIRE: ClassVar[str] = (
        "cachedMsgCount:int cachedMsgMaxOffset:long cachedMsgMinOffset:long "
        "cachedMsgSizeInMiB=cached_msg_size_in_mib:int commitOffset:long droped:boolean "
        "lastConsumeTimestamp:long lastLockTimestamp:long lastPullTimestamp:long "
        "locked:boolean transactionMsgCount:int transactionMsgMaxOffset:long "
        "transactionMsgMinOffset:long tryUnlockTimes:long"
    )
    cached_msg_count: int = 0
    cached_msg_max_offset: int = 0
    cached_msg_min_offset: int = 0
    cached_msg_size_in_mib: int = 0
    commit_offset: int = 0
    droped: bool = False
    last_consume_timestamp: int = 0
    last_lock_timestamp: int = 0
    last_pull_timestamp: int = 0
    locked: bool = False
    transaction_msg_count: int = 0
    transaction_msg_max_offset: int = 0
    transaction_msg_min_offset: int = 0
    try_unlock_times: int = 0


class PopProcessQueueInfo(Body):
    """The same of a queue that is popped."""

    WIRE: ClassVar[str] = "droped:boolean lastPopTimestamp:long waitAckCount:int"
    droped: bool = False
    last_pop_timestamp: int = 0
    wait_ack_count: int = 0


class ConsumeStatus(Body):
    """Rates of one topic."""

    WIRE: ClassVar[str] = (
        "consumeFailedMsgs:long consumeFailedTPS=consume_failed_tps:double "
        "consumeOKTPS=consume_ok_tps:double consumeRT=consume_rt:double pullRT=pull_rt:double "
        "pullTPS=pull_tps:double"
    )
    consume_failed_msgs: int = 0
    consume_failed_tps: float = 0.0
    consume_ok_tps: float = 0.0
    consume_rt: float = 0.0
    pull_rt: float = 0.0
    pull_tps: float = 0.0


class ConsumerRunningInfo(Body):
    """GET_CONSUMER_RUNNING_INFO (307)."""

    WIRE: ClassVar[str] = (
        "jstack:String mqPopTable:Tree<MessageQueue,PopProcessQueueInfo>@5.5 "
        "mqTable:Tree<MessageQueue,ProcessQueueInfo> properties:Map<String,String> "
        "statusTable:Tree<String,ConsumeStatus> subscriptionSet:List<SubscriptionData> "
        "userConsumerInfo:Tree<String,String>@5.5"
    )
    jstack: str | None = None
    mq_pop_table: Mapping[MessageQueue, PopProcessQueueInfo] = {}  # 5.5
    mq_table: Mapping[MessageQueue, ProcessQueueInfo] = {}
    properties: Mapping[str, str] = {}
    status_table: Mapping[str, ConsumeStatus] = {}
    subscription_set: tuple[SubscriptionData, ...] = ()
    user_consumer_info: Mapping[str, str] = {}  # 5.5
