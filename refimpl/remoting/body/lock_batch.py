"""Queue locks of orderly consumers.

Java: classes of the same names in protocol/body, protocol/route, protocol/heartbeat, admin.
"""

from typing import ClassVar

from refimpl.model.message_queue import MessageQueue
from refimpl.remoting.body.bean import Body


class LockBatchRequestBody(Body):
    """LOCK_BATCH_MQ (41)."""

    WIRE: ClassVar[str] = (
        "clientId:String consumerGroup:String mqSet:Set<MessageQueue> onlyThisBroker:boolean@5.5"
    )
    NULL_SETS: ClassVar[frozenset[str]] = frozenset({"mq_set"})
    client_id: str | None = None
    consumer_group: str | None = None
    mq_set: tuple[MessageQueue | None, ...] = ()
    only_this_broker: bool = False  # 5.5


class LockBatchResponseBody(Body):
    """The queues that the client now holds."""

    WIRE: ClassVar[str] = "lockOKMQSet=lock_ok_mq_set:Set<MessageQueue>"
    lock_ok_mq_set: tuple[MessageQueue, ...] = ()


class UnlockBatchRequestBody(Body):
    """UNLOCK_BATCH_MQ (42)."""

    WIRE: ClassVar[str] = (
        "clientId:String consumerGroup:String mqSet:Set<MessageQueue> onlyThisBroker:boolean@5.5"
    )
    NULL_SETS: ClassVar[frozenset[str]] = frozenset({"mq_set"})
    client_id: str | None = None
    consumer_group: str | None = None
    mq_set: tuple[MessageQueue | None, ...] = ()
    only_this_broker: bool = False  # 5.5
