"""Headers of consumer offsets.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.remoting.header import Header


class QueryConsumerOffsetRequestHeader(Header):
    """Fields of QUERY_CONSUMER_OFFSET (14)."""

    WIRE: ClassVar[str] = (
        "consumerGroup:String topic:String queueId:Integer! setZeroIfNotFound:Boolean bname:String"
    )
    queue_id: int
    consumer_group: str | None = None
    topic: str | None = None
    set_zero_if_not_found: bool | None = None  # 5.5
    bname: str | None = None  # 4.9, 5.5


class QueryConsumerOffsetResponseHeader(Header):
    """Fields of the answer to QUERY_CONSUMER_OFFSET."""

    WIRE: ClassVar[str] = "offset:Long!"
    offset: int


class UpdateConsumerOffsetRequestHeader(Header):
    """Fields of UPDATE_CONSUMER_OFFSET (15)."""

    WIRE: ClassVar[str] = (
        "consumerGroup:String topic:String queueId:Integer commitOffset:Long bname:String"
    )
    consumer_group: str | None = None
    topic: str | None = None
    queue_id: int | None = None
    commit_offset: int | None = None
    bname: str | None = None  # 4.9, 5.5


class UpdateConsumerOffsetResponseHeader(Header):
    """Fields of the answer to UPDATE_CONSUMER_OFFSET: no field."""
