"""The brokers of one name: GET_BROKER_MEMBER_GROUP (901) of 5.5.

Java: classes of the same names in protocol/body, protocol/route, protocol/heartbeat, admin.
"""

from collections.abc import Mapping
from typing import ClassVar

from refimpl.remoting.body.bean import Body


class BrokerMemberGroup(Body):
    """Addresses by broker id."""

    WIRE: ClassVar[str] = "brokerAddrs:Map<int,String> brokerName:String cluster:String"
    broker_addrs: Mapping[int, str] = {}
    broker_name: str | None = None
    cluster: str | None = None


class GetBrokerMemberGroupResponseBody(Body):
    """The answer: the group in an envelope."""

    WIRE: ClassVar[str] = "brokerMemberGroup:BrokerMemberGroup"
    broker_member_group: BrokerMemberGroup | None = None
