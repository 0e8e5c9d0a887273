"""Connections of consumers and producers.

Java: classes of the same names in protocol/body, protocol/route, protocol/heartbeat, admin.
"""

from collections.abc import Mapping
from typing import ClassVar

from refimpl.model.subscription import SubscriptionData
from refimpl.remoting.body.bean import Body


class Connection(Body):
    """One client on one channel."""

    WIRE: ClassVar[str] = "clientAddr:String clientId:String language:LanguageCode version:int"
    client_addr: str | None = None
    client_id: str | None = None
    language: str | None = None
    version: int = 0


class ConsumerConnection(Body):
    """GET_CONSUMER_CONNECTION_LIST (203)."""

    WIRE: ClassVar[str] = (
        "connectionSet:Set<Connection> consumeFromWhere:ConsumeFromWhere "
        "consumeType:ConsumeType messageModel:MessageModel "
        "subscriptionTable:Map<String,SubscriptionData>"
    )
    connection_set: tuple[Connection, ...] = ()
    consume_from_where: str | None = None
    consume_type: str | None = None
    message_model: str | None = None
    subscription_table: Mapping[str, SubscriptionData] = {}


class ProducerConnection(Body):
    """GET_PRODUCER_CONNECTION_LIST (204)."""

    WIRE: ClassVar[str] = "connectionSet:Set<Connection>"
    connection_set: tuple[Connection, ...] = ()


class ProducerInfo(Body):
    """One producer of a group."""

    WIRE: ClassVar[str] = (
        "clientId:String language:LanguageCode lastUpdateTimestamp:long "
        "remoteIP=remote_ip:String version:int"
    )
    client_id: str | None = None
    language: str | None = None
    last_update_timestamp: int = 0
    remote_ip: str | None = None
    version: int = 0


class ProducerTableInfo(Body):
    """GET_ALL_PRODUCER_INFO (328): groups with their producers."""

    WIRE: ClassVar[str] = "data:Map<String,List<ProducerInfo>>"
    data: Mapping[str, tuple[ProducerInfo, ...]] | None = None
