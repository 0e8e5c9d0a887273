"""Headers of the queries for the offsets of a queue.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.remoting.header import Header


class GetMaxOffsetRequestHeader(Header):
    """Fields of GET_MAX_OFFSET (30)."""

    WIRE: ClassVar[str] = "topic:String! queueId:Integer! committed:boolean bname:String"
    topic: str
    queue_id: int
    committed: bool = True  # 5.5
    bname: str | None = None  # 4.9, 5.5


class GetMaxOffsetResponseHeader(Header):
    """Fields of the answer to GET_MAX_OFFSET."""

    WIRE: ClassVar[str] = "offset:Long!"
    offset: int


class GetMinOffsetRequestHeader(Header):
    """Fields of GET_MIN_OFFSET (31)."""

    WIRE: ClassVar[str] = "topic:String! queueId:Integer! bname:String"
    topic: str
    queue_id: int
    bname: str | None = None  # 4.9, 5.5


class GetMinOffsetResponseHeader(Header):
    """Fields of the answer to GET_MIN_OFFSET."""

    WIRE: ClassVar[str] = "offset:Long!"
    offset: int


class SearchOffsetRequestHeader(Header):
    """Fields of SEARCH_OFFSET_BY_TIMESTAMP (29)."""

    WIRE: ClassVar[str] = (
        "topic:String! queueId:Integer! timestamp:Long! liteTopic:String "
        "boundaryType:BoundaryType bname:String"
    )
    topic: str
    queue_id: int
    timestamp: int
    lite_topic: str | None = None  # 5.5
    boundary_type: str | None = None  # 5.5
    bname: str | None = None  # 4.9, 5.5


class SearchOffsetResponseHeader(Header):
    """Fields of the answer to SEARCH_OFFSET_BY_TIMESTAMP."""

    WIRE: ClassVar[str] = "offset:Long!"
    offset: int


class GetEarliestMsgStoretimeRequestHeader(Header):
    """Fields of GET_EARLIEST_MSG_STORETIME (32)."""

    WIRE: ClassVar[str] = "topic:String! queueId:Integer! bname:String"
    topic: str
    queue_id: int
    bname: str | None = None  # 4.9, 5.5


class GetEarliestMsgStoretimeResponseHeader(Header):
    """Fields of the answer to GET_EARLIEST_MSG_STORETIME."""

    WIRE: ClassVar[str] = "timestamp:Long!"
    timestamp: int
