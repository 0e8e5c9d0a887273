"""Headers of the administration of a name server.

Java: classes of the same names in protocol/header (and protocol/header/namesrv). Field names are
Java's in snake_case; `WIRE` has Java's names and types in order. REMOTING-HEADER-1.
"""

from typing import ClassVar

from refimpl.remoting.header import Header


class PutKVConfigRequestHeader(Header):
    """Fields of PUT_KV_CONFIG (100)."""

    WIRE: ClassVar[str] = "namespace:String key:String value:String"
    namespace: str | None = None
    key: str | None = None
    value: str | None = None


class GetKVConfigRequestHeader(Header):
    """Fields of GET_KV_CONFIG (101)."""

    WIRE: ClassVar[str] = "namespace:String key:String"
    namespace: str | None = None
    key: str | None = None


class GetKVConfigResponseHeader(Header):
    """Fields of the answer to GET_KV_CONFIG."""

    WIRE: ClassVar[str] = "value:String"
    value: str | None = None


class DeleteKVConfigRequestHeader(Header):
    """Fields of DELETE_KV_CONFIG (102)."""

    WIRE: ClassVar[str] = "namespace:String key:String"
    namespace: str | None = None
    key: str | None = None


class GetKVListByNamespaceRequestHeader(Header):
    """Fields of GET_KVLIST_BY_NAMESPACE (219)."""

    WIRE: ClassVar[str] = "namespace:String"
    namespace: str | None = None


class WipeWritePermOfBrokerRequestHeader(Header):
    """Fields of WIPE_WRITE_PERM_OF_BROKER (205)."""

    WIRE: ClassVar[str] = "brokerName:String"
    broker_name: str | None = None


class WipeWritePermOfBrokerResponseHeader(Header):
    """Fields of the answer to WIPE_WRITE_PERM_OF_BROKER."""

    WIRE: ClassVar[str] = "wipeTopicCount:Integer!"
    wipe_topic_count: int


class AddWritePermOfBrokerRequestHeader(Header):
    """Fields of ADD_WRITE_PERM_OF_BROKER (327). Only in 4.9.7 and 5.5.0."""

    WIRE: ClassVar[str] = "brokerName:String"
    broker_name: str | None = None


class AddWritePermOfBrokerResponseHeader(Header):
    """Fields of the answer to ADD_WRITE_PERM_OF_BROKER. Only in 4.9.7 and 5.5.0."""

    WIRE: ClassVar[str] = "addTopicCount:Integer!"
    add_topic_count: int


class DeleteTopicFromNamesrvRequestHeader(Header):
    """Fields of DELETE_TOPIC_IN_NAMESRV (216)."""

    WIRE: ClassVar[str] = "topic:String clusterName:String bname:String"
    topic: str | None = None
    cluster_name: str | None = None  # 4.9, 5.5
    bname: str | None = None  # 5.5


class RegisterTopicRequestHeader(Header):
    """Fields of REGISTER_TOPIC_IN_NAMESRV (217). Only in 5.5.0."""

    WIRE: ClassVar[str] = "topic:String bname:String"  # null throws, is noted and forgotten
    topic: str | None = None
    bname: str | None = None


class RegisterOrderTopicRequestHeader(Header):
    """Fields of an order topic: declared in Java, sent by nobody."""

    WIRE: ClassVar[str] = "topic:String! orderTopicString:String!"
    topic: str
    order_topic_string: str


class BrokerHeartbeatRequestHeader(Header):
    """Fields of BROKER_HEARTBEAT (904). Only in 5.5.0."""

    WIRE: ClassVar[str] = (
        "clusterName:String! brokerAddr:String! brokerName:String! brokerId:Long "
        "epoch:Integer maxOffset:Long confirmOffset:Long heartbeatTimeoutMills:Long "
        "electionPriority:Integer"
    )
    cluster_name: str
    broker_addr: str
    broker_name: str
    broker_id: int | None = None
    epoch: int | None = None
    max_offset: int | None = None
    confirm_offset: int | None = None
    heartbeat_timeout_mills: int | None = None
    election_priority: int | None = None


class GetBrokerMemberGroupRequestHeader(Header):
    """Fields of GET_BROKER_MEMBER_GROUP (901). Only in 5.5.0; Java answers without them too."""

    WIRE: ClassVar[str] = "clusterName:String brokerName:String"
    cluster_name: str | None = None
    broker_name: str | None = None
