"""Members of groups, and lists of groups.

Java: classes of the same names in protocol/body, protocol/route, protocol/heartbeat, admin.
"""

from typing import ClassVar

from refimpl.remoting.body.bean import Body


class GetConsumerListByGroupResponseBody(Body):
    """Client ids: GET_CONSUMER_LIST_BY_GROUP (38)."""

    WIRE: ClassVar[str] = "consumerIdList:List<String>"
    consumer_id_list: tuple[str | None, ...] | None = None


class GroupList(Body):
    """Names of groups: QUERY_TOPIC_CONSUME_BY_WHO (300)."""

    WIRE: ClassVar[str] = "groupList:Set<String>"
    group_list: tuple[str, ...] = ()


class ConsumeByWho(Body):
    """Who has consumed a message: declared in Java."""

    WIRE: ClassVar[str] = (
        "consumedGroup:Set<String> notConsumedGroup:Set<String> offset:long queueId:int "
        "topic:String"
    )
    consumed_group: tuple[str, ...] = ()
    not_consumed_group: tuple[str, ...] = ()
    offset: int = 0
    queue_id: int = 0
    topic: str | None = None
