"""What a client says of itself.

Java: classes of the same names in protocol/body, protocol/route, protocol/heartbeat, admin.
"""

from typing import ClassVar

from refimpl.model.subscription import SubscriptionData
from refimpl.remoting.body.bean import Body


class ProducerData(Body):
    """A producer group of the client."""

    WIRE: ClassVar[str] = "groupName:String"
    group_name: str | None = None


class ConsumerData(Body):
    """A consumer group of the client with its subscriptions."""

    WIRE: ClassVar[str] = (
        "consumeFromWhere:ConsumeFromWhere consumeType:ConsumeType groupName:String "
        "messageModel:MessageModel subscriptionDataSet:Set<SubscriptionData> unitMode:boolean"
    )
    NULL_SETS: ClassVar[frozenset[str]] = frozenset({"subscription_data_set"})
    consume_from_where: str | None = None
    consume_type: str | None = None
    group_name: str | None = None
    message_model: str | None = None
    subscription_data_set: tuple[SubscriptionData | None, ...] = ()
    unit_mode: bool = False


class HeartbeatData(Body):
    """HEART_BEAT (34)."""

    WIRE: ClassVar[str] = (
        "clientID=client_id:String consumerDataSet:Set<ConsumerData> "
        "heartbeatFingerprint:int@5.5 producerDataSet:Set<ProducerData> "
        "withoutSub=is_without_sub:boolean@5.5"
    )
    NULL_SETS: ClassVar[frozenset[str]] = frozenset({"consumer_data_set", "producer_data_set"})
    client_id: str | None = None
    consumer_data_set: tuple[ConsumerData | None, ...] = ()
    heartbeat_fingerprint: int = 0  # 5.5
    producer_data_set: tuple[ProducerData | None, ...] = ()
    is_without_sub: bool = False  # 5.5


class CheckClientRequestBody(Body):
    """CHECK_CLIENT_CONFIG (46)."""

    WIRE: ClassVar[str] = (
        "clientId:String group:String namespace:String subscriptionData:SubscriptionData"
    )
    client_id: str | None = None
    group: str | None = None
    namespace: str | None = None
    subscription_data: SubscriptionData | None = None
