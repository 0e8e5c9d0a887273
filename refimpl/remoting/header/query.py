"""Headers of the queries for stored messages.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.remoting.header import Header


class QueryMessageRequestHeader(Header):
    """Fields of QUERY_MESSAGE (12)."""

    WIRE: ClassVar[str] = (
        "topic:String key:String maxNum:Integer! beginTimestamp:Long! endTimestamp:Long! "
        "indexType:String lastKey:String bname:String"
    )
    max_num: int
    begin_timestamp: int
    end_timestamp: int
    topic: str | None = None
    key: str | None = None
    index_type: str | None = None  # 5.5
    last_key: str | None = None  # 5.5
    bname: str | None = None  # 5.5


class QueryMessageResponseHeader(Header):
    """Fields of the answer to QUERY_MESSAGE."""

    WIRE: ClassVar[str] = "indexLastUpdateTimestamp:Long! indexLastUpdatePhyoffset:Long!"
    index_last_update_timestamp: int
    index_last_update_phyoffset: int


class ViewMessageRequestHeader(Header):
    """Fields of VIEW_MESSAGE_BY_ID (33)."""

    WIRE: ClassVar[str] = "offset:Long! topic:String"
    offset: int
    topic: str | None = None  # 5.5


class ViewMessageResponseHeader(Header):
    """Fields of the answer to VIEW_MESSAGE_BY_ID: no field."""


class QueryConsumeQueueRequestHeader(Header):
    """Fields of QUERY_CONSUME_QUEUE (321)."""

    WIRE: ClassVar[str] = (
        "topic:String queueId:int index:long count:int consumerGroup:String bname:String"
    )
    topic: str | None = None
    queue_id: int = 0
    index: int = 0
    count: int = 0
    consumer_group: str | None = None
    bname: str | None = None  # 5.5
