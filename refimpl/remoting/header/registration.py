"""Headers of a broker's registration with its name servers.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.remoting.header import Header


class RegisterBrokerRequestHeader(Header):
    """Fields of REGISTER_BROKER (103)."""

    WIRE: ClassVar[str] = (
        "brokerName:String brokerAddr:String clusterName:String haServerAddr:String "
        "brokerId:Long compressed:boolean bodyCrc32:Integer heartbeatTimeoutMillis:Long "
        "enableActingMaster:Boolean"
    )
    broker_name: str | None = None
    broker_addr: str | None = None
    cluster_name: str | None = None
    ha_server_addr: str | None = None
    broker_id: int | None = None
    compressed: bool = False
    body_crc32: int = 0
    heartbeat_timeout_millis: int | None = None  # 5.5
    enable_acting_master: bool | None = None  # 5.5


class RegisterBrokerResponseHeader(Header):
    """Fields of the answer to REGISTER_BROKER."""

    WIRE: ClassVar[str] = "haServerAddr:String masterAddr:String"
    ha_server_addr: str | None = None
    master_addr: str | None = None


class UnRegisterBrokerRequestHeader(Header):
    """Fields of UNREGISTER_BROKER (104)."""

    WIRE: ClassVar[str] = "brokerName:String brokerAddr:String clusterName:String brokerId:Long"
    broker_name: str | None = None
    broker_addr: str | None = None
    cluster_name: str | None = None
    broker_id: int | None = None


class QueryDataVersionRequestHeader(Header):
    """Fields of QUERY_DATA_VERSION (322)."""

    WIRE: ClassVar[str] = "brokerName:String brokerAddr:String clusterName:String brokerId:Long"
    broker_name: str | None = None
    broker_addr: str | None = None
    cluster_name: str | None = None
    broker_id: int | None = None


class QueryDataVersionResponseHeader(Header):
    """Fields of the answer to QUERY_DATA_VERSION."""

    WIRE: ClassVar[str] = "changed:Boolean!"
    changed: bool
