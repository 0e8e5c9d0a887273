"""Headers of groups and their members.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.remoting.header import Header


class GetConsumerListByGroupRequestHeader(Header):
    """Fields of GET_CONSUMER_LIST_BY_GROUP (38)."""

    WIRE: ClassVar[str] = "consumerGroup:String! bname:String"
    consumer_group: str
    bname: str | None = None  # 5.5


class GetConsumerListByGroupResponseHeader(Header):
    """Fields of the answer to GET_CONSUMER_LIST_BY_GROUP: no field."""


class UnregisterClientRequestHeader(Header):
    """Fields of UNREGISTER_CLIENT (35)."""

    WIRE: ClassVar[str] = "clientID:String producerGroup:String consumerGroup:String bname:String"
    client_id: str | None = None
    producer_group: str | None = None
    consumer_group: str | None = None
    bname: str | None = None  # 5.5


class UnregisterClientResponseHeader(Header):
    """Fields of the answer to UNREGISTER_CLIENT: no field."""


class NotifyConsumerIdsChangedRequestHeader(Header):
    """Fields of NOTIFY_CONSUMER_IDS_CHANGED (40), broker to consumer."""

    WIRE: ClassVar[str] = "consumerGroup:String! bname:String"
    consumer_group: str
    bname: str | None = None  # 5.5


class HeartbeatRequestHeader(Header):
    """Fields of HEART_BEAT (34) of 5.5's clients. Only in 5.5.0."""

    WIRE: ClassVar[str] = "bname:String"
    bname: str | None = None
